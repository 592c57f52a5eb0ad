//! Steps that run the product.

use std::fs;
use std::num::NonZero;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, bail};

use crate::process::{Workshop, run, run_tests};
use crate::tools::{self, has_nextest, provide, provide_debian};

/// How often the server is killed in the test command.
pub(crate) const CRASH_ROUNDS: u32 = 50;

/// How many seeds the simulation runs in the test command.
pub(crate) const SIMULATION_SEEDS: u32 = 200;

/// Seconds for each fuzz target in the test command.
pub(crate) const FUZZ_SECONDS: u32 = 20;

/// Seconds of nonsense over HTTP in the test command.
pub(crate) const HTTP_FUZZ_SECONDS: u32 = 120;

/// Every test of every crate; the long ones run a short while and have steps of their own.
pub(super) fn unit(workshop: &Workshop) -> anyhow::Result<String> {
    build_server(workshop)?;
    let runner = if has_nextest(workshop) {
        let nextest = ["nextest", "run", "--workspace", "--locked", "--no-fail-fast"];
        run_tests(short(workshop, &mut workshop.cargo(&nextest)))?;
        run(&mut workshop.cargo(&["test", "--workspace", "--locked", "--doc", "--quiet"]))?;
        "cargo nextest"
    } else {
        let all = ["test", "--workspace", "--locked", "--no-fail-fast"];
        run_tests(short(workshop, &mut workshop.cargo(&all)))?;
        "cargo test"
    };
    Ok(format!("run by {runner}"))
}

/// Kills the server at random moments under load; nothing acknowledged may be lost.
pub(crate) fn crash(workshop: &Workshop, rounds: u32) -> anyhow::Result<String> {
    build_server(workshop)?;
    let mut test = testkit_test(workshop, "crash");
    run(test.env(CRASH_ROUNDS_VARIABLE, rounds.to_string()))?;
    Ok(format!("{rounds} rounds"))
}

/// Runs seeded lives against the model, or one seed.
pub(crate) fn simulation(
    workshop: &Workshop,
    seed: Option<u64>,
    seeds: u32,
) -> anyhow::Result<String> {
    let mut test = testkit_test(workshop, "simulation");
    test.env(SEEDS_VARIABLE, seeds.to_string());
    if let Some(seed) = seed {
        test.env(SEED_VARIABLE, seed.to_string());
    }
    run(&mut test)?;
    Ok(seed.map_or_else(|| format!("{seeds} seeds"), |seed| format!("seed {seed}")))
}

/// Fuzzes every target for some seconds, or one of them.
///
/// New inputs go below the target folder; the corpus in the repository is only read.
pub(crate) fn fuzz(
    workshop: &Workshop,
    target: Option<&str>,
    seconds: u32,
) -> anyhow::Result<String> {
    provide(workshop, tools::FUZZ)?;
    provide_debian(workshop, "c++", "g++")?;
    let targets = match target {
        Some(target) => vec![target.to_owned()],
        None => fuzz_targets(workshop)?,
    };
    if targets.is_empty() {
        bail!("no fuzz target in {FUZZ_TARGETS}");
    }
    let folder = workshop.target("fuzz");
    let mut build = workshop.cargo(&["fuzz", "build", "--sanitizer", "none", "--target-dir"]);
    run(build.arg(&folder).args(target))?;
    fuzz_side_by_side(workshop, &targets, seconds)?;
    Ok(format!("{} targets, {seconds} s each, no sanitizer", targets.len()))
}

/// Fuzzes the targets, one on each core at a time: a target keeps one busy. Ends at the first
/// failure.
fn fuzz_side_by_side(workshop: &Workshop, targets: &[String], seconds: u32) -> anyhow::Result<()> {
    let lanes = thread::available_parallelism().map_or(1, NonZero::get).min(targets.len());
    let next = AtomicUsize::new(0);
    let lane = || -> anyhow::Result<()> {
        while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
            let fuzzed =
                fuzz_command(workshop, target, seconds).and_then(|mut fuzz| run(&mut fuzz));
            if fuzzed.is_err() {
                next.store(targets.len(), Ordering::Relaxed);
                return fuzzed;
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        let ended =
            lanes.into_iter().map(|lane| lane.join().unwrap_or_else(|_| bail!("a lane broke")));
        ended.collect()
    })
}

/// Sends nonsense to every route of a running server.
pub(crate) fn http_fuzz(workshop: &Workshop, seconds: u32) -> anyhow::Result<String> {
    build_server(workshop)?;
    build_program(workshop, "http-fuzz")?;
    let mut fuzz = workshop.command(workshop.target("debug/http-fuzz"));
    with_server(workshop, &mut fuzz);
    run(fuzz.env("JETON_HTTP_FUZZ_SECONDS", seconds.to_string()))?;
    Ok(format!("{seconds} s"))
}

/// Runs the benchmarks, built for speed.
pub(crate) fn bench(workshop: &Workshop, arguments: &[String]) -> anyhow::Result<String> {
    let build = ["build", "--release", "--locked", "--quiet"];
    run(workshop.cargo(&build).args(["--package", "jeton", "--package", "jeton-bench"]))?;
    let mut bench = workshop.command(workshop.target("release/jeton-bench"));
    bench.env(SERVER_VARIABLE, workshop.target("release/jeton"));
    run(bench.args(arguments))?;
    Ok(arguments.join(" "))
}

/// Builds the server that tests and clients start.
pub(crate) fn build_server(workshop: &Workshop) -> anyhow::Result<()> {
    build_program(workshop, "jeton")
}

/// Builds a program of the workspace.
///
/// Everything is built with the features of the whole workspace, here and in the tests, or cargo
/// would compile the dependencies once for each choice of crates.
fn build_program(workshop: &Workshop, name: &str) -> anyhow::Result<()> {
    run(&mut workshop.cargo(&["build", "--workspace", "--locked", "--quiet", "--bin", name]))
}

/// One test file of the testkit, with its output shown.
fn testkit_test(workshop: &Workshop, name: &str) -> Command {
    let mut test = workshop.cargo(&["test", "--workspace", "--locked", "--test"]);
    test.args([name, "--", "--nocapture"]);
    with_server(workshop, &mut test);
    test
}

/// Makes the long tests short: they have steps of their own. The server is built: were each test
/// file to see to that, they would do so in the middle of tests that watch the time.
fn short<'a>(workshop: &Workshop, command: &'a mut Command) -> &'a mut Command {
    with_server(workshop, command);
    command.env(CRASH_ROUNDS_VARIABLE, "1").env(SEEDS_VARIABLE, "1")
}

/// Tells a child where the built server is.
fn with_server(workshop: &Workshop, command: &mut Command) {
    command.env(SERVER_VARIABLE, workshop.target("debug/jeton"));
}

/// The names of the fuzz targets.
fn fuzz_targets(workshop: &Workshop) -> anyhow::Result<Vec<String>> {
    let folder = workshop.path(FUZZ_TARGETS);
    let entries = fs::read_dir(&folder).with_context(|| format!("no folder {FUZZ_TARGETS}"))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs")
            && let Some(name) = path.file_stem()
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// One run of cargo-fuzz; without a sanitizer the stable compiler serves.
fn fuzz_command(workshop: &Workshop, target: &str, seconds: u32) -> anyhow::Result<Command> {
    let found = workshop.target("fuzz-corpus").join(target);
    fs::create_dir_all(&found)?;
    let mut fuzz = workshop.cargo(&["fuzz", "run", "--sanitizer", "none", "--target-dir"]);
    fuzz.arg(workshop.target("fuzz")).arg(target).arg(&found);
    let seeds = workshop.path("fuzz/corpus").join(target);
    if seeds.exists() {
        fuzz.arg(&seeds);
    }
    fuzz.arg("--").arg(format!("-max_total_time={seconds}")).arg("-timeout=5");
    Ok(fuzz)
}

const FUZZ_TARGETS: &str = "fuzz/fuzz_targets";

/// Tells a test where the server's program is.
const SERVER_VARIABLE: &str = "JETON_SERVER";

/// How often the crash test kills the server.
const CRASH_ROUNDS_VARIABLE: &str = "JETON_CRASH_ROUNDS";

/// How many seeds the simulation runs.
const SEEDS_VARIABLE: &str = "JETON_SIM_SEEDS";

/// The only seed that the simulation runs.
const SEED_VARIABLE: &str = "JETON_SIM_SEED";
