//! Servers as children of this program: starting, finding, measuring and ending them.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::Signal;

use crate::clock::Stopwatch;
use crate::error::{BenchError, Outcome, Trying};
use crate::process::{self, Core, on_core};

/// A server that runs. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// When it was started.
    started: Stopwatch,
    /// Kept open, so that the server can go on to write.
    _output: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a program and waits until it says where it listens.
    pub(crate) fn start(mut command: Command, core: Core, log: &Path) -> Outcome<Self> {
        let what = || format!("cannot start {}", command.get_program().display());
        let errors = File::options().create(true).append(true).open(log).trying(what)?;
        let what = command.get_program().display().to_string();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let started = Stopwatch::start();
        let mut child =
            on_core(core, || command.spawn().trying(|| format!("cannot start {what}")))?;
        let silent = || BenchError::Setup(format!("{what} did not start; see {}", log.display()));
        let mut output = BufReader::new(child.stdout.take().ok_or_else(silent)?);
        let found = address_in(&mut output);
        let Some(address) = found else {
            process::end(&mut child, Signal::KILL)?;
            return Err(silent());
        };
        Ok(Self { child, address, started, _output: output })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Seconds since it was started.
    pub(crate) fn age_s(&self) -> f64 {
        self.started.seconds()
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Bytes of memory that it holds.
    pub(crate) fn memory_bytes(&self) -> Outcome<u64> {
        process::memory_bytes(&self.child)
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(mut self) -> Outcome<()> {
        process::end(&mut self.child, Signal::TERM)
    }

    /// Ends it at once.
    pub(crate) fn kill(mut self) -> Outcome<()> {
        process::end(&mut self.child, Signal::KILL)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After a failed run; one that has ended is ended already.
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(process::end(&mut self.child, Signal::KILL));
        }
    }
}

/// Where the programs under test are.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// The server.
    pub(crate) jeton: PathBuf,
    /// This program.
    pub(crate) bench: PathBuf,
}

impl Programs {
    /// The server that the environment names, else the one built beside this program.
    ///
    /// Without either, it is built here.
    pub(crate) fn find() -> Outcome<Self> {
        let bench = this_program()?;
        let jeton = match std::env::var_os(SERVER_VARIABLE) {
            Some(path) => PathBuf::from(path),
            None => build(&bench)?,
        };
        if !jeton.is_file() {
            return Err(BenchError::Setup(format!("no server at {}", jeton.display())));
        }
        Ok(Self { jeton, bench })
    }

    /// This program alone, for work that starts no server.
    pub(crate) fn alone() -> Outcome<Self> {
        Ok(Self { jeton: PathBuf::new(), bench: this_program()? })
    }
}

/// Where this program is.
pub(crate) fn this_program() -> Outcome<PathBuf> {
    std::env::current_exe().trying(|| "cannot find this program".to_owned())
}

/// Builds the server in the way in which this program was built.
fn build(bench: &Path) -> Outcome<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--quiet", "--package", "jeton"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let built = cargo.status().trying(|| "cannot run cargo".to_owned())?;
    if !built.success() {
        return Err(BenchError::Setup("the server does not build".to_owned()));
    }
    Ok(bench.with_file_name("jeton"))
}

fn address_in(output: &mut BufReader<ChildStdout>) -> Option<SocketAddr> {
    let mut lines = output.lines();
    loop {
        let line = lines.next()?.ok()?;
        let url = line.strip_prefix("listening on ");
        let address = url.and_then(|url| url.split_once("://"));
        if let Some((_, address)) = address {
            return address.parse().ok();
        }
    }
}

/// Names the server's program.
const SERVER_VARIABLE: &str = "JETON_SERVER";
