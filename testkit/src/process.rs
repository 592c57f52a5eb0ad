//! The real server as a process: built, started on a free port, stopped or killed.
//!
//! Owns its command line, its directories and what it prints. Knows the server as an operator does
//! and must not know its code. Start at [`Server::start`]; [`Site`] outlives a server, so that it
//! can be started again on the same data.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// The password of `elastic` on every site.
pub const ELASTIC_PASSWORD: &str = "elastic-test-password";

/// The directories of one server. They survive a stop and a kill, and are removed when neither a
/// site nor a server of theirs is left.
#[derive(Debug)]
pub struct Site {
    folder: Arc<TempDir>,
    settings: BTreeMap<String, String>,
}

impl Site {
    /// Directories with an empty configuration and no data.
    pub fn new() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("jeton-").tempdir()?;
        let site = Self { folder: Arc::new(folder), settings: BTreeMap::new() };
        fs::create_dir(site.config())?;
        site.write_config("jeton.yml", "")?;
        Ok(site)
    }

    /// Sets a setting for every later start, as `-E` does.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Writes a file of the configuration directory: `jeton.yml`, `users`, `users_roles`.
    pub fn write_config(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.config().join(name), text)
    }

    /// The configuration directory.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// The data directory; the server makes it.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What the server has written to its standard error in all its lives.
    pub fn log(&self) -> io::Result<String> {
        match fs::read(self.log_path()) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(error),
        }
    }

    /// The command that runs `jeton` on these directories: `serve`, `check`, `keys list`, ...
    pub fn command(&self, arguments: &[&str]) -> io::Result<Command> {
        let mut command = Command::new(program()?);
        command.args(arguments);
        command.arg("--config").arg(self.config().join("jeton.yml"));
        command.arg("--data").arg(self.data());
        for (name, value) in &self.settings {
            command.arg("-E").arg(format!("{name}={value}"));
        }
        command.env("ELASTIC_PASSWORD", ELASTIC_PASSWORD).stdin(Stdio::null());
        Ok(command)
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    ended: Receiver<()>,
    /// Kept as long as the process may use it.
    _folder: Arc<TempDir>,
}

impl Server {
    /// Starts the server on `site` and waits until it says where it listens.
    ///
    /// A server that ends instead is an error that holds what it wrote.
    pub fn start(site: &Site) -> io::Result<Self> {
        let log = File::options().create(true).append(true).open(site.log_path())?;
        let mut command = site.command(&["serve"])?;
        if !site.settings.contains_key("http.port") {
            command.args(["-E", "http.port=0"]);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
        let (lines, ended) = listen(stdout);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { child, address, ended, _folder: Arc::clone(&site.folder) };
        match lines.recv_timeout(READY_WITHIN) {
            Ok(address) => {
                server.address = address;
                Ok(server)
            }
            Err(trouble) => {
                let silent = trouble == RecvTimeoutError::Timeout;
                let what = if silent { "is silent" } else { "has ended" };
                drop(server);
                Err(io::Error::other(format!("the server {what}: {}", site.log()?)))
            }
        }
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Opens a connection to it. Reads and writes fail after a while instead of hanging.
    pub fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// True while it has not ended.
    pub fn is_alive(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// How much memory it holds and has held at most.
    pub fn memory(&self) -> io::Result<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let digits = line.and_then(|line| line.split_whitespace().next());
            let parsed = digits.and_then(|digits| digits.parse::<u64>().ok());
            parsed.ok_or_else(|| io::Error::other(format!("no {name} in {status}")))
        };
        Ok(Memory { now: kib("VmRSS:")? * 1024, most: kib("VmHWM:")? * 1024 })
    }

    /// Asks it to stop, as an operator does, and waits for its end.
    pub fn stop(mut self) -> io::Result<ExitStatus> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        match self.ended.recv_timeout(STOPPED_WITHIN) {
            Err(RecvTimeoutError::Timeout) => Err(io::Error::other("the server does not stop")),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => self.child.wait(),
        }
    }

    /// Ends it at once, as `kill -9` does, and waits until it is gone.
    pub fn kill(mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// What it holds.
    pub now: u64,
    /// The most that it ever held.
    pub most: u64,
}

/// Reads the server's output to its end, so that it never waits for a reader.
///
/// The first channel tells the address, once. The second one closes when the output has ended,
/// which is when the process has.
fn listen(stdout: ChildStdout) -> (Receiver<SocketAddr>, Receiver<()>) {
    let (tell, told) = mpsc::channel();
    let (alive, ended) = mpsc::channel();
    thread::spawn(move || {
        let _alive: mpsc::Sender<()> = alive;
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let Some((_, url)) = line.split_once("listening on ") else { continue };
            let address = url.trim().trim_start_matches("https://").trim_start_matches("http://");
            if let Ok(address) = address.parse() {
                // Nobody listens any more after a timeout: that is an end, not an error.
                let _ignored = tell.send(address);
            }
        }
    });
    (told, ended)
}

/// The server's program: that of `JETON_SERVER`, else built now by the cargo that runs the test.
fn program() -> io::Result<PathBuf> {
    if let Some(path) = env::var_os("JETON_SERVER") {
        return Ok(path.into());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    // With the features of the whole workspace, as the tests: else its dependencies are built
    // twice.
    build.current_dir(&root).args(["build", "--quiet", "--workspace", "--bin", "jeton"]);
    let status = build.status()?;
    if !status.success() {
        return Err(io::Error::other(format!("the server does not build: {status}")));
    }
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("debug/jeton"))
}

/// How long a server may take to start, in a debug build on a busy machine.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// How long a server may take to stop.
const STOPPED_WITHIN: Duration = Duration::from_mins(1);

/// How long one read or write of a test may take.
const PATIENCE: Duration = Duration::from_secs(30);
