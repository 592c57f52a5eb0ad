//! Sends nonsense to every route of the real server, for a while, and checks every answer.
//!
//! Owns the run: its options, its workers, its report. What is sent is drawn in [`mod@draw`],
//! spoiled in [`mod@spoil`] and exchanged in [`mod@exchange`]; what an answer must be stands in
//! `jeton_testkit::answers`. The same seed sends the same requests, tokens apart.
//!
//! `JETON_HTTP_FUZZ_SECONDS` (300) bounds the time, `JETON_HTTP_FUZZ_RATE` (1500) the shots a
//! second, `JETON_HTTP_FUZZ_SEED` repeats a run.

mod draw;
mod exchange;
mod report;
mod routes;
mod spoil;

use std::env;
use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use jeton_testkit::chance::Chance;
use jeton_testkit::process::{ELASTIC_PASSWORD, Server, Site};
use jeton_testkit::wire::{Client, basic};
use rustix::time::{ClockId, clock_gettime};

use crate::draw::{FILE_USER, Keys, PASSWORD, draw};
use crate::exchange::exchange;
use crate::report::{Report, say};

fn main() -> ExitCode {
    let options = Options::read();
    say(&format!(
        "JETON_HTTP_FUZZ_SEED={} for {} s, at most {} shots a second",
        options.seed, options.seconds, options.rate
    ));
    match run(&options) {
        Ok(report) if report.print() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("the run broke: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// What the environment asks for.
struct Options {
    seed: u64,
    seconds: u64,
    rate: u64,
}

impl Options {
    fn read() -> Self {
        let number = |name| env::var(name).ok().and_then(|text| text.parse().ok());
        Self {
            seed: number("JETON_HTTP_FUZZ_SEED").unwrap_or_else(some_seed),
            seconds: number("JETON_HTTP_FUZZ_SECONDS").unwrap_or(300),
            rate: number("JETON_HTTP_FUZZ_RATE").unwrap_or(1500).max(1),
        }
    }
}

fn run(options: &Options) -> io::Result<Report> {
    let site = site()?;
    let mut server = Server::start(&site)?;
    let is_over = AtomicBool::new(false);
    let mut report = Report::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|number| {
                let (is_over, address) = (&is_over, server.address());
                let chance = Chance::new(options.seed ^ number.rotate_right(8));
                let pause = Duration::from_nanos(1_000_000_000 * WORKERS / options.rate);
                scope.spawn(move || work(address, chance, pause, is_over))
            })
            .collect();
        let end = now() + Duration::from_secs(options.seconds);
        while now() < end && server.is_alive().unwrap_or(false) {
            thread::park_timeout(LOOK.min(end.saturating_sub(now())));
        }
        is_over.store(true, Ordering::Relaxed);
        for worker in workers {
            match worker.join() {
                Ok(done) => report.join(done),
                Err(_) => report.fault("a worker of the fuzzer panicked", b""),
            }
        }
    });
    settle(server, &site, &mut report)?;
    Ok(report)
}

/// One worker: a shot after the other, each on a connection of its own.
fn work(
    address: std::net::SocketAddr,
    mut chance: Chance,
    pause: Duration,
    is_over: &AtomicBool,
) -> Report {
    let mut report = Report::default();
    let mut keys = Keys::default();
    let mut due = now();
    while !is_over.load(Ordering::Relaxed) {
        let shot = draw(&mut chance, &keys);
        report.take(&shot, exchange(address, &shot), &mut keys);
        due += pause;
        match due.checked_sub(now()) {
            Some(early) => thread::park_timeout(early),
            // A slow server is not made up for.
            None => due = now(),
        }
    }
    report.keys = keys;
    report
}

/// The server still works, ends in order, and its log tells neither a panic nor a secret.
fn settle(mut server: Server, site: &Site, report: &mut Report) -> io::Result<()> {
    if !server.is_alive()? {
        report.fault("the server has ended", site.log()?.as_bytes());
        return Ok(());
    }
    let memory = server.memory()?;
    say(&format!("memory at most {} MiB", memory.most / 1024 / 1024));
    let mut client = Client::connect(server.address())?;
    let elastic = basic("elastic", ELASTIC_PASSWORD);
    let answer = client.ask("GET", "/_security/_authenticate", &elastic, None)?;
    report.expect(answer.status == 200, "afterwards the server answers as before", &answer.body);
    drop(client);
    let status = server.stop()?;
    let log = site.log()?;
    report.expect(status.success(), "the server ends in order", log.as_bytes());
    let is_calm = !log.contains("panicked");
    report.expect(is_calm, "no panic is in the log", log.as_bytes());
    let tokens = report.keys.clone();
    let is_silent = ![ELASTIC_PASSWORD, PASSWORD].iter().any(|secret| log.contains(secret))
        && !tokens.all().any(|token| log.contains(token));
    report.expect(is_silent, "no secret is in the log", log.as_bytes());
    Ok(())
}

/// Short deadlines, so that broken requests end soon; cheap hashes; a user of a file.
fn site() -> io::Result<Site> {
    let site = Site::new()?
        .with("xpack.security.authc.password_hashing.algorithm", "bcrypt4")
        .with("xpack.security.authc.realms.file.file1.order", "0")
        .with("http.max_content_length", "1mb")
        .with("jeton.http.header.timeout", "2s")
        .with("jeton.http.body.timeout", "2s")
        .with("jeton.http.idle.timeout", "2s");
    site.write_config("users", &format!("{FILE_USER}:{PASSWORD}\n"))?;
    site.write_config("users_roles", &format!("monitoring_user:{FILE_USER}\n"))?;
    Ok(site)
}

/// Time since some moment in the past; it never runs backwards.
fn now() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// A seed that differs from run to run.
fn some_seed() -> u64 {
    let time = clock_gettime(ClockId::Realtime);
    u64::try_from(time.tv_sec ^ (time.tv_nsec << 20)).unwrap_or(0)
}

/// Connections at once.
const WORKERS: u64 = 48;

/// How often the run looks whether the server lives.
const LOOK: Duration = Duration::from_secs(1);
