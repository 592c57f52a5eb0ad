//! Validation: a hot set of live tokens, and forged ones, against a static server.

use std::net::SocketAddr;
use std::process::Command;

use super::Bench;
use crate::error::{BenchError, Outcome, Trying};
use crate::filling::{self, Ending, Fill};
use crate::http::Client;
use crate::load::{self, Load, Shot, Until, Waiting};
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
    let sides = [
        Side { server: &jeton, shots: &valid, status: 200 },
        Side { server: &baseline, shots: &any, status: 200 },
        Side { server: &jeton, shots: &forged, status: 401 },
    ];
    let mut series = [(); 3].map(|()| (Series::new(PER_CPU), Series::new("/s")));
    for side in &sides {
        side.measure(WARM_S)?;
    }
    let runs = bench.scale.runs.saturating_mul(TURNS);
    for run in 1..=runs {
        progress(&format!("validate: run {run} of {runs}"));
        for (side, (per_cpu, rate)) in sides.iter().zip(&mut series) {
            let measured = side.measure(bench.scale.run_s / 2.0)?;
            per_cpu.push(measured.per_cpu_s);
            rate.push(measured.rate);
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

/// One server and what it is asked.
struct Side<'a> {
    server: &'a Server,
    shots: &'a [Shot],
    status: u16,
}

/// What one run found.
struct Measured {
    per_cpu_s: f64,
    rate: f64,
}

impl Side<'_> {
    fn measure(&self, seconds: f64) -> Outcome<Measured> {
        let load = Load {
            address: self.server.address(),
            connections: CONNECTIONS,
            shots: self.shots,
            status: self.status,
            until: Until::Seconds(seconds),
            waiting: Waiting::Looking,
        };
        let before = self.server.cpu_s()?;
        let tally = on_core(Core::Generator, || load::run(&load))?;
        let used = self.server.cpu_s()? - before;
        Ok(Measured { per_cpu_s: real(tally.answers) / used, rate: tally.rate() })
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

/// Short runs in many turns: what else the machine does meanwhile falls on every side alike.
const TURNS: usize = 3;
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
