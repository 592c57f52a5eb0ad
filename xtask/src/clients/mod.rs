//! The official clients against the real server.
//!
//! Owns which clients and transports are tried and how their scenario is started. The scenarios
//! themselves are in `clients/`, in the clients' own languages. Every run has a server of its own
//! on an empty directory.

mod certificates;
mod install;
mod server;

use anyhow::{Context, bail};

use self::certificates::Certificates;
use self::install::{Client, Language};
use self::server::{Server, Transport};
use crate::process::{Workshop, run as run_program};
use crate::report::{say, warn_loudly};
use crate::steps;

/// Installs the clients and runs the scenario with each of them, plain and over TLS.
pub(crate) fn run(workshop: &Workshop, only: Option<&str>) -> anyhow::Result<String> {
    let chosen: Vec<Client> = CLIENTS
        .into_iter()
        .filter(|client| only.is_none_or(|name| name == client.name()))
        .collect();
    if chosen.is_empty() {
        bail!("no such client; there are {}", CLIENTS.map(Client::name).join(", "));
    }
    for client in &chosen {
        install::install(workshop, *client)?;
    }
    steps::build_server(workshop)?;
    let certificates = Certificates::make(workshop, &workshop.target("clients/certificates"))?;
    let mut failed = Vec::new();
    for client in &chosen {
        for transport in [Transport::Plain, Transport::Tls] {
            if let Err(error) = scenario(workshop, *client, transport, &certificates) {
                say(&format!("{error:#}"));
                failed.push(format!("{} over {transport}", client.name()));
            }
        }
    }
    if !failed.is_empty() {
        bail!("the scenario failed: {}", failed.join(", "));
    }
    Ok(format!("{} clients, each over http and https", chosen.len()))
}

/// Runs the scenario once, with one client, against a fresh server.
fn scenario(
    workshop: &Workshop,
    client: Client,
    transport: Transport,
    certificates: &Certificates,
) -> anyhow::Result<()> {
    say(&format!("  -- {} over {transport}", client.name()));
    let folder = workshop.target("clients/runs").join(format!("{}-{transport}", client.name()));
    let server = Server::start(workshop, &folder, transport, certificates)?;
    let mut scenario = install::scenario(workshop, client);
    scenario
        .env("JETON_URL", server.url())
        .env("JETON_ELASTIC_PASSWORD", server::ELASTIC_PASSWORD)
        .env("JETON_FILE_PASSWORD", server::FILE_PASSWORD)
        .env("JETON_CLIENT_MAJOR", client.major.to_string());
    if transport == Transport::Tls {
        scenario.env("JETON_CA", certificates.authority());
    }
    let ended = run_program(&mut scenario);
    let log = server.stop();
    if ended.is_err() {
        warn_loudly(&format!("what the server logged, {}:", log.display()));
        say(&std::fs::read_to_string(&log).unwrap_or_default());
    }
    ended.with_context(|| format!("{} over {transport}", client.name()))
}

/// The clients that are tried: the latest of each major line.
const CLIENTS: [Client; 4] = [
    Client { language: Language::Python, major: 8 },
    Client { language: Language::Python, major: 9 },
    Client { language: Language::JavaScript, major: 8 },
    Client { language: Language::JavaScript, major: 9 },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_client_is_refused() {
        let error = run(&Workshop::find().unwrap(), Some("cobol-60")).unwrap_err();
        assert!(error.to_string().contains("python-8, python-9, javascript-8"), "{error}");
    }
}
