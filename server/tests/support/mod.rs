//! What the tests of the server share: a server in this process, and a client that sees bytes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of tests fails the test"
)]
#![expect(dead_code, reason = "every test file uses a part of it")]

pub(crate) mod program;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jeton::app::App;
use jeton::assembly::World;
use jeton::settings::{Settings, Sources};
use jeton::system::{SystemClock, SystemEntropy};
use jeton_domain::secret::Secret;
use jeton_store::engine::memory::Memory;
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "correct-horse";

/// A server on a free port, with its rows in memory, whose user `elastic` has [`PASSWORD`].
pub(crate) struct Server {
    pub(crate) app: Option<App>,
    pub(crate) address: SocketAddr,
    pub(crate) directory: TempDir,
}

impl Server {
    pub(crate) fn start(overrides: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), overrides)
    }

    pub(crate) fn start_in(directory: TempDir, overrides: &[&str]) -> Self {
        let settings = settings(directory.path(), overrides);
        let world = World {
            clock: Arc::new(SystemClock::start(None, false).unwrap()),
            entropy: Arc::new(SystemEntropy),
            engine: Arc::new(Memory::new()),
        };
        let given = Secret::from(PASSWORD);
        let app = App::start_in(&settings, world, Some(given)).unwrap();
        let address = app.addresses()[0];
        Self { app: Some(app), address, directory }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes and reads until the server closes the connection.
    pub(crate) fn talk(&self, text: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(text.as_bytes()).unwrap();
        to_end(&mut stream)
    }

    pub(crate) fn stop(&mut self) {
        self.app.take().unwrap().stop().unwrap();
    }
}

pub(crate) fn settings(directory: &Path, overrides: &[&str]) -> Settings {
    let mut all = vec![
        "http.port=0".to_owned(),
        "xpack.security.authc.password_hashing.algorithm=bcrypt4".to_owned(),
    ];
    all.extend(overrides.iter().map(|text| (*text).to_owned()));
    let data = Some(directory.to_owned());
    let sources = Sources { file: None, data, overrides: all };
    Settings::parse("", directory, &sources, &|_| None).unwrap()
}

pub(crate) fn to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Whether the server ends the connection, without another byte. A connection that it had not taken
/// when it stopped, or had not read to the end, is reset.
pub(crate) fn is_ended(stream: &mut TcpStream) -> bool {
    let is_reset = |error: std::io::Error| error.kind() == ErrorKind::ConnectionReset;
    stream.read(&mut [0]).map_or_else(is_reset, |length| length == 0)
}

/// Reads one answer without a body, up to its blank line.
pub(crate) fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        bytes.extend_from_slice(&byte);
    }
    String::from_utf8(bytes).unwrap()
}

/// The head of a request for a token by `elastic`, with more header lines.
pub(crate) fn token_head(lines: &str) -> String {
    token_head_of(&format!("elastic:{PASSWORD}"), lines)
}

/// The same by the user of this `name:password`.
pub(crate) fn token_head_of(login: &str, lines: &str) -> String {
    format!(
        "POST /_security/oauth2/token HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
         authorization: Basic {}\r\n{lines}\r\n",
        STANDARD.encode(login)
    )
}

pub(crate) const GRANT: &str = "{\"grant_type\":\"client_credentials\"}";

pub(crate) const LIVE: &str = "GET /_jeton/live HTTP/1.1\r\nhost: a\r\n\r\n";

pub(crate) const LIVE_AND_CLOSE: &str =
    "GET /_jeton/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/// Longer than anything that these tests wait for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
