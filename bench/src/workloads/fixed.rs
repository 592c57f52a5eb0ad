//! Static servers that answer as the product does, alone or after looking tokens up elsewhere.

use std::net::SocketAddr;
use std::process::Command;

use super::Bench;
use crate::baseline::Behind;
use crate::error::{BenchError, Outcome, Trying};
use crate::http::{Answer, Client};
use crate::load::Shot;
use crate::load::tls::Trust;
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
    let mut options = Vec::new();
    if let Some((lookup, store)) = behind {
        options = vec!["--lookup".to_owned(), lookup.name().to_owned()];
        options.extend(["--store".to_owned(), store.to_string()]);
    }
    let model = Model { server: jeton, request: &first.request, trust: None };
    model.imitate(bench, site, &options)
}

/// A server whose answer to a request is repeated.
pub(super) struct Model<'a> {
    /// The server.
    pub(super) server: &'a Server,
    /// The request.
    pub(super) request: &'a [u8],
    /// Whom to trust: both servers then speak TLS, with what lies in the directory.
    pub(super) trust: Option<&'a Trust>,
}

impl Model<'_> {
    /// Starts a static server, with further options, that answers the same bytes.
    pub(super) fn imitate(
        &self,
        bench: &Bench,
        site: &Site,
        options: &[String],
    ) -> Outcome<Server> {
        let answer = self.ask(self.server.address())?;
        let path = site.root().join("answer.http");
        let what = || format!("cannot write {}", path.display());
        std::fs::write(&path, &answer.whole).trying(what)?;
        let mut command = Command::new(&bench.programs.bench);
        command.arg("baseline").arg(&path).args(options);
        if self.trust.is_some() {
            command.arg("--tls");
        }
        let baseline = Server::start(command, Core::Server, &site.root().join("baseline.txt"))?;
        let repeated = self.ask(baseline.address())?;
        if without_date(&repeated.whole) == without_date(&answer.whole) {
            return Ok(baseline);
        }
        let [wanted, found] =
            [answer, repeated].map(|answer| String::from_utf8_lossy(&answer.whole).into_owned());
        Err(BenchError::Setup(format!("the baseline answers {found} instead of {wanted}")))
    }

    fn ask(&self, address: SocketAddr) -> Outcome<Answer> {
        Client::connect_as(address, self.trust)?.call(self.request)?.expect(200)
    }
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
