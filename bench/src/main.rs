//! Benchmarks that measure ratios: every figure beside its baseline, in one run of the program.
//!
//! Owns the command line. The workloads are in `workloads`, the contest of engines in `engine`; the
//! server under test runs as a process of its own, as do the baselines.

mod baseline;
mod chance;
mod clock;
mod disk;
mod engine;
mod error;
mod filling;
mod http;
mod load;
mod paper;
mod plot;
mod process;
mod report;
mod resp;
mod results;
mod rival;
mod rows;
mod server;
mod site;
mod stats;
mod tokens;
mod workloads;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::baseline::Travel;
use crate::baseline::book::Lookup;
use crate::engine::Contest;
use crate::engine::contender::{self, Kind};
use crate::error::{BenchError, Outcome, Trying};
use crate::process::machine;
use crate::report::{progress, say, table};
use crate::results::{Results, Run};
use crate::rival::tool::Tool;
use crate::server::{Programs, this_program};
use crate::site::Site;
use crate::workloads::vast::Vast;
use crate::workloads::{Bench, Scale};

/// Measures the server against its baselines and prints ratios
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    /// Run everything for a moment only: shows that it works, not how fast it is
    #[arg(long)]
    quick: bool,
    /// Run everything at full length (default)
    #[arg(long, conflicts_with = "quick")]
    full: bool,
    /// Run only this workload; may be repeated
    #[arg(long, value_name = "WORKLOAD")]
    only: Vec<String>,
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Measure the embedded engine against redb
    Engine {
        /// Run for a moment only
        #[arg(long)]
        quick: bool,
    },
    /// Draw plots of the results into docs/plots
    Plot,
    /// Write tables of the results into docs/performance.md
    Table,
    /// Serve one answer for ever: the baseline of validation
    #[command(hide = true)]
    Baseline {
        answer: PathBuf,
        /// Look every token up
        #[arg(long, requires = "store")]
        lookup: Option<Lookup>,
        /// In the store at this address
        #[arg(long, requires = "lookup")]
        store: Option<SocketAddr>,
        /// Send answers together that are asked for at once
        #[arg(long, conflicts_with = "tls")]
        together: bool,
        /// Speak TLS with the certificate that lies beside the answer
        #[arg(long)]
        tls: bool,
    },
    /// Fill the store of a server that does not run
    #[command(hide = true)]
    Fill {
        root: PathBuf,
        fills: Vec<String>,
        /// Go on until a start finds as much in the journal as it can
        #[arg(long)]
        brim: bool,
    },
    /// Live through simulated hours
    #[command(hide = true)]
    Hours { folder: PathBuf, grants_an_hour: usize, hours: u32 },
    /// Let one engine write
    #[command(hide = true)]
    Bout { kind: Kind, folder: PathBuf, seconds: f64, writers: usize },
}

fn main() -> ExitCode {
    match perform(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            progress(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Does what was asked; false when a figure misses its bound.
fn perform(cli: &Cli) -> Outcome<bool> {
    match &cli.task {
        None => bench(cli),
        Some(Task::Engine { quick }) => contest(*quick),
        Some(Task::Plot) => {
            let results = Results::read(&results().join(RESULTS))?;
            plot::draw(&root().join("docs").join("plots"), &results).map(|()| true)
        }
        Some(Task::Table) => write_tables().map(|()| true),
        Some(Task::Baseline { answer, lookup, store, together, tls }) => {
            let travel = match (together, tls) {
                (_, true) => Travel::Secret,
                (true, false) => Travel::Together,
                (false, false) => Travel::Clear,
            };
            baseline::serve(answer, lookup.zip(*store), travel).map(|()| true)
        }
        Some(Task::Fill { root, fills, brim }) => {
            let site = Site::at(root.clone(), &Programs::alone()?);
            let work = if *brim { filling::brim_here } else { filling::fill_here };
            work(&site, fills).map(|()| true)
        }
        Some(Task::Hours { folder, grants_an_hour, hours }) => {
            workloads::hours::live_here(folder, *grants_an_hour, *hours).map(|()| true)
        }
        Some(Task::Bout { kind, folder, seconds, writers }) => {
            contender::bout(*kind, folder, *seconds, *writers).map(|()| true)
        }
    }
}

fn bench(cli: &Cli) -> Outcome<bool> {
    let names = || workloads::ALL.iter().map(|workload| workload.name);
    if let Some(unknown) = cli.only.iter().find(|name| !names().any(|known| known == *name)) {
        let known = names().collect::<Vec<_>>().join(", ");
        return Err(BenchError::Setup(format!(
            "no workload is called {unknown}; there are {known}"
        )));
    }
    let scratch = scratch()?;
    let scale = if cli.quick { Scale::QUICK } else { Scale::FULL };
    let programs = Programs::find()?;
    let (folder, results_in) = (scratch.path().to_owned(), results());
    let bench =
        Bench { scale, programs, scratch: folder, results: results_in, vast: Vast::default() };
    let path = results().join(if cli.quick { QUICK } else { RESULTS });
    let (mut run, mut skipped) = (Run::begin(&path, cli.quick)?, Vec::new());
    let is_chosen = |name| cli.only.is_empty() || cli.only.iter().any(|only| only == name);
    for workload in workloads::ALL.iter().filter(|workload| is_chosen(workload.name)) {
        progress(&format!("{}: {}", workload.name, workload.what));
        // The test command needs no rivals and starts none.
        let is_left_out = cli.quick && cli.only.is_empty() && !workload.needs.is_empty();
        let missing = provide(workload.needs, cli.quick)?;
        if is_left_out {
            skipped.push(format!("{} SKIPPED: a quick run has no rivals", workload.name));
        } else if missing.is_empty() {
            run.keep(workload.name, (workload.run)(&bench)?)?;
        } else {
            let skipping = format!("{} SKIPPED, for want of {}", workload.name, missing.join(", "));
            progress(&skipping);
            skipped.push(skipping);
        }
    }
    Ok(conclude(&run, &skipped))
}

/// Writes the tables of the document anew.
fn write_tables() -> Outcome<()> {
    let names: Vec<&str> = workloads::ALL.iter().map(|workload| workload.name).collect();
    let measured = Results::read(&results().join(RESULTS))?;
    let engine = Results::read(&results().join(ENGINE))?;
    paper::write(&root().join("docs").join("performance.md"), &measured, &engine, &names)
}

/// The names of the rivals that are missing. A long run installs them, a quick one does without.
fn provide(needs: &[Tool], is_quick: bool) -> Outcome<Vec<&'static str>> {
    let results = results();
    if !is_quick {
        needs.iter().try_for_each(|tool| tool.provide(&results))?;
    }
    let missing = needs.iter().filter(|tool| !tool.is_present(&results));
    Ok(missing.map(|tool| tool.name()).collect())
}

fn contest(is_quick: bool) -> Outcome<bool> {
    let scratch = scratch()?;
    let contest = if is_quick { Contest::QUICK } else { Contest::FULL };
    let path = results().join(ENGINE);
    let mut run = Run::begin(&path, is_quick)?;
    run.keep("engine", engine::run(&contest, &this_program()?, scratch.path())?)?;
    Ok(conclude(&run, &[]))
}

/// Prints what was found; false when a figure of a long run misses its bound.
fn conclude(run: &Run<'_>, skipped: &[String]) -> bool {
    say(&format!("{}\n", machine()));
    say(&table(run.findings(), run.is_quick()));
    say(&format!("written to {}", run.path().display()));
    for skipping in skipped {
        say(skipping);
    }
    if run.is_quick() {
        say("a quick run: what ran answered rightly; its figures mean little");
        return true;
    }
    let missed = run.findings().filter(|finding| !finding.holds);
    let missed: Vec<&str> = missed.map(|finding| finding.what.as_str()).collect();
    if !missed.is_empty() {
        say(&format!("missed: {}", missed.join("; ")));
    }
    missed.is_empty()
}

/// A directory for stores, removed at the end; on the disk that is built on, not in memory.
fn scratch() -> Outcome<tempfile::TempDir> {
    let folder = results();
    let what = || format!("cannot make a directory in {}", folder.display());
    std::fs::create_dir_all(&folder).trying(what)?;
    tempfile::Builder::new().prefix("run-").tempdir_in(&folder).trying(what)
}

/// Where results go: beside what is built.
fn results() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| root().join("target")).join("bench")
}

/// Where the project is.
fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.unwrap_or_else(|| Path::new(".")).to_owned()
}

/// What long runs found.
const RESULTS: &str = "results.json";
/// What short runs found.
const QUICK: &str = "quick.json";
/// What the contest of engines found.
const ENGINE: &str = "engine.json";
