//! A server of its own for one run of the scenario.
//!
//! Owns the configuration directory and the process. Knows the server as an operator does: by its
//! command line, its files and the line it prints when it is ready.

use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

use super::certificates::Certificates;
use crate::process::Workshop;

/// The password of `elastic` in every run.
pub(super) const ELASTIC_PASSWORD: &str = "elastic-test-password";

/// The password of both users of the file realm; their hashes stand in [`USERS`].
pub(super) const FILE_PASSWORD: &str = "x-pack-test-password";

/// How clients reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// HTTP without encryption.
    Plain,
    /// HTTP over TLS.
    Tls,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "http",
            Self::Tls => "https",
        })
    }
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    url: String,
    log: PathBuf,
}

impl Server {
    /// Starts a server on an empty directory and waits until it says where it listens.
    pub(super) fn start(
        workshop: &Workshop,
        folder: &Path,
        transport: Transport,
        certificates: &Certificates,
    ) -> anyhow::Result<Self> {
        let configuration = write_configuration(folder)?;
        let log = folder.join("server.log");
        let mut command = workshop.command(workshop.target("debug/jeton"));
        command.arg("serve").arg("--config").arg(&configuration);
        command.arg("--data").arg(folder.join("data"));
        command.args(["-E", "http.port=0"]);
        if transport == Transport::Tls {
            command.args(["-E", "xpack.security.http.ssl.enabled=true"]);
            command.arg("-E").arg(setting("certificate", &certificates.certificate()));
            command.arg("-E").arg(setting("key", &certificates.key()));
        }
        command.env("ELASTIC_PASSWORD", ELASTIC_PASSWORD);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log)?);
        let mut child = command.spawn().context("cannot start the server")?;
        let stdout = child.stdout.take().context("the server has no output")?;
        let mut server = Self { child, url: String::new(), log };
        server.url = server.wait_until_ready(stdout)?;
        Ok(server)
    }

    /// Where the server listens.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Stops the server and returns the path of its log.
    pub(super) fn stop(self) -> PathBuf {
        self.log.clone()
    }

    /// Reads the server's output until it names its address; goes on reading in a thread, so that
    /// the server never waits for a reader.
    fn wait_until_ready(&self, stdout: ChildStdout) -> anyhow::Result<String> {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some((_, url)) = line.split_once("listening on ") {
                    // Nobody listens any more after a timeout: that is an end, not an error.
                    let _ignored = sender.send(url.trim().to_owned());
                }
            }
        });
        let trouble = match receiver.recv_timeout(READY_WITHIN) {
            Ok(url) => return Ok(url),
            Err(RecvTimeoutError::Timeout) => "the server is silent instead of",
            Err(RecvTimeoutError::Disconnected) => "the server ended without",
        };
        let told = fs::read_to_string(&self.log).unwrap_or_default();
        bail!("{trouble} saying `listening on ...`: {told}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// Writes an empty data folder and a configuration with the file realm `saml1`.
fn write_configuration(folder: &Path) -> anyhow::Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let configuration = folder.join("config");
    fs::create_dir_all(&configuration)?;
    fs::write(configuration.join("users"), USERS)?;
    fs::write(configuration.join("users_roles"), USERS_ROLES)?;
    let settings = configuration.join("jeton.yml");
    fs::write(&settings, SETTINGS)?;
    Ok(settings)
}

/// A TLS setting that names a file.
fn setting(name: &str, path: &Path) -> String {
    format!("xpack.security.http.ssl.{name}={}", path.display())
}

/// How long a server may take to start, in a debug build on a busy machine.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// The realm of the reference's examples; its type does not matter to them.
const SETTINGS: &str = "\
cluster.name: jeton-clients
xpack.security.authc.realms.file.saml1.order: 0
";

/// Two users with the same password, in two of the hash formats.
const USERS: &str = "\
myuser:$2a$04$abcdefghijklmnopqrstuuqFJI0yc6dnzyYl4dBhFmwm3etsmUfsm
otheruser:{PBKDF2}1000$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=$\
034eS2hj5FxHljzZNmhT4GIGod6KbeTnTS97ZJ5D73o=
";

/// One of the users has a role.
const USERS_ROLES: &str = "monitoring:myuser\n";
