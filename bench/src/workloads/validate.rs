//! Validation: a hot set of live tokens, and forged ones, against a static server.

use std::net::SocketAddr;
use std::process::Command;

use super::Bench;
use crate::error::{BenchError, Outcome, Trying};
use crate::filling::{self, Ending, Fill};
use crate::http::Client;
use crate::load::{Generator, Load, Shot, Until, Waiting};
use crate::process::{Core, on_core};
use crate::report::{Bound, Finding, progress};
use crate::server::Server;
use crate::site::Site;
use crate::stats::{Series, real};

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let site = bench.site("validate")?;
    let fill = Fill { realm: "hot", pairs: bench.scale.hot_tokens, users: USERS };
    filling::fill(&site, &bench.programs, &[fill], Ending::Closed)?;
    let valid = filling::shots(&site, &fill)?;
    let forged = forged(&filling::texts(&site, fill.realm)?);
    let jeton = site.start(Core::Server, &[])?;
    let baseline = start_baseline(bench, &site, &jeton, &valid)?;
    // The baseline answers every token alike.
    let alike = |shot: &Shot| Shot { contains: Box::default(), ..shot.clone() };
    let any: Vec<Shot> = valid.iter().map(alike).collect();
    let mut sides = [
        Side::new(&jeton, &valid, 200)?,
        Side::new(&baseline, &any, 200)?,
        Side::new(&jeton, &forged, 401)?,
    ];
    let mut series = [(); 3].map(|()| (Series::new(PER_CPU), Series::new("/s")));
    for side in &mut sides {
        side.measure(WARM_S)?;
    }
    for run in 1..=bench.scale.runs {
        progress(&format!("validate: run {run} of {}", bench.scale.runs));
        let mut sums = [(); 3].map(|()| Measured::default());
        for _ in 0..TURNS {
            for (side, sum) in sides.iter_mut().zip(&mut sums) {
                sum.add(side.measure(2.0 * bench.scale.run_s / real(TURNS))?);
            }
        }
        for (sum, (per_cpu, rate)) in sums.iter().zip(&mut series) {
            per_cpu.push(sum.answers / sum.cpu_s);
            rate.push(sum.answers / sum.seconds);
        }
    }
    baseline.kill()?;
    jeton.stop()?;
    site.remove()?;
    let [(valid, valid_rate), (fixed, fixed_rate), (forged, forged_rate)] = series;
    let (tokens, bound) = (bench.scale.hot_tokens, Bound::AtLeast(0.75));
    Ok(vec![
        Finding::ratio(
            format!("authenticate, {tokens} live tokens"),
            valid.clone(),
            "static hyper server",
            fixed,
            bound,
        ),
        Finding::ratio(
            "the same on the clock",
            valid_rate.clone(),
            "static hyper server",
            fixed_rate,
            Bound::None,
        ),
        Finding::ratio("100 % forged tokens", forged, "valid tokens", valid, Bound::AtLeast(0.95)),
        Finding::ratio(
            "the same on the clock",
            forged_rate,
            "valid tokens",
            valid_rate,
            Bound::None,
        ),
    ])
}

/// One server and what it is asked, over connections that stay open.
struct Side<'a> {
    server: &'a Server,
    generator: Generator,
    shots: &'a [Shot],
    status: u16,
}

/// What one run found.
#[derive(Clone, Copy, Default)]
struct Measured {
    answers: f64,
    seconds: f64,
    cpu_s: f64,
}

impl Measured {
    fn add(&mut self, more: Self) {
        self.answers += more.answers;
        self.seconds += more.seconds;
        self.cpu_s += more.cpu_s;
    }
}

impl<'a> Side<'a> {
    fn new(server: &'a Server, shots: &'a [Shot], status: u16) -> Outcome<Self> {
        let generator = Generator::connect(server.address(), CONNECTIONS)?;
        Ok(Self { server, generator, shots, status })
    }

    fn measure(&mut self, seconds: f64) -> Outcome<Measured> {
        let Self { server, generator, shots, status } = self;
        let (until, waiting) = (Until::Seconds(seconds), Waiting::Looking);
        let load = Load { shots, status: *status, until, waiting };
        let before = server.cpu_s()?;
        let tally = on_core(Core::Generator, || generator.send(&load))?;
        let cpu_s = server.cpu_s()? - before;
        Ok(Measured { answers: real(tally.answers), seconds: tally.seconds, cpu_s })
    }
}

/// Starts a static server that answers what the product answers to the first request.
fn start_baseline(bench: &Bench, site: &Site, jeton: &Server, shots: &[Shot]) -> Outcome<Server> {
    let first = shots.first().ok_or_else(|| BenchError::Setup("no tokens".to_owned()))?;
    let ask = |address: SocketAddr| Client::connect(address)?.call(&first.request)?.expect(200);
    let answer = ask(jeton.address())?;
    let path = site.root().join("answer.http");
    std::fs::write(&path, &answer.whole).trying(|| format!("cannot write {}", path.display()))?;
    let mut command = Command::new(&bench.programs.bench);
    command.arg("baseline").arg(&path);
    let baseline = Server::start(command, Core::Server, &site.root().join("baseline.txt"))?;
    let repeated = ask(baseline.address())?;
    if without_date(&repeated.whole) == without_date(&answer.whole) {
        return Ok(baseline);
    }
    let [wanted, found] =
        [answer, repeated].map(|answer| String::from_utf8_lossy(&answer.whole).into_owned());
    Err(BenchError::Setup(format!("the baseline answers otherwise: {found} instead of {wanted}")))
}

/// The lines of an answer but the one with its date, in an order of their own.
fn without_date(answer: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = answer.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    lines.retain(|line| !line.starts_with(b"date:"));
    lines.sort();
    lines
}

/// Well-formed tokens of no pair: the end of each tag is changed.
fn forged(texts: &[String]) -> Vec<Shot> {
    let shots = texts.iter().map(|text| {
        let (start, end) =
            text.split_at_checked(text.len().saturating_sub(8)).unwrap_or((text, ""));
        let end: String = end.chars().map(|char| if char == 'A' { 'B' } else { 'A' }).collect();
        let contains = b"security_exception".as_slice().into();
        Shot { request: filling::show(&format!("{start}{end}")), contains }
    });
    shots.collect()
}

/// The sides take many short turns within a run: what else the machine does falls on all alike.
const TURNS: u64 = 10;
const CONNECTIONS: usize = 64;
const USERS: usize = 100;
/// Seconds of load before anything is measured.
const WARM_S: f64 = 0.5;
const PER_CPU: &str = "requests per CPU-second";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_token_is_as_long_and_differs() {
        let text = format!("jta_{}", "A".repeat(44));
        let [shot] = forged(std::slice::from_ref(&text)).try_into().unwrap();
        let request = String::from_utf8(shot.request.into_vec()).unwrap();
        assert!(request.contains(&format!("jta_{}BBBBBBBB\r\n", "A".repeat(36))));
    }
}
