//! Static servers that answer as the product does, alone or after looking tokens up elsewhere.

use std::net::SocketAddr;
use std::process::Command;

use super::Bench;
use crate::baseline::Behind;
use crate::error::{BenchError, Outcome, Trying};
use crate::http::Client;
use crate::load::Shot;
use crate::process::Core;
use crate::server::Server;
use crate::site::Site;

/// Starts a static server that answers what the product answers to the first request.
pub(super) fn start(
    bench: &Bench,
    site: &Site,
    jeton: &Server,
    shots: &[Shot],
    behind: Behind,
) -> Outcome<Server> {
    let first = shots.first().ok_or_else(|| BenchError::Setup("no tokens".to_owned()))?;
    let ask = |address: SocketAddr| Client::connect(address)?.call(&first.request)?.expect(200);
    let answer = ask(jeton.address())?;
    let path = site.root().join("answer.http");
    std::fs::write(&path, &answer.whole).trying(|| format!("cannot write {}", path.display()))?;
    let mut command = Command::new(&bench.programs.bench);
    command.arg("baseline").arg(&path);
    if let Some((lookup, store)) = behind {
        command.args(["--lookup", lookup.name(), "--store", &store.to_string()]);
    }
    let baseline = Server::start(command, Core::Server, &site.root().join("baseline.txt"))?;
    let repeated = ask(baseline.address())?;
    if without_date(&repeated.whole) == without_date(&answer.whole) {
        return Ok(baseline);
    }
    let [wanted, found] =
        [answer, repeated].map(|answer| String::from_utf8_lossy(&answer.whole).into_owned());
    Err(BenchError::Setup(format!("the baseline answers otherwise: {found} instead of {wanted}")))
}

/// The same requests, whatever their answers contain: a static server answers every token alike.
pub(super) fn shots(shots: &[Shot]) -> Vec<Shot> {
    shots.iter().map(|shot| Shot { contains: Box::default(), ..shot.clone() }).collect()
}

/// The lines of an answer but the one with its date, in an order of their own.
fn without_date(answer: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = answer.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    lines.retain(|line| !line.starts_with(b"date:"));
    lines.sort();
    lines
}
