//! Rivals: the programs that would be picked instead, started and ended as children of this
//! program.
//!
//! Owns how such a program is started, waited for and ended. What each is told stands in a file of
//! its own; where they come from in `tool`. Must not know what a workload asks them.

use std::fs::File;
use std::io::{BufRead as _, BufReader, PipeReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use crate::error::{BenchError, Outcome, Trying};
use crate::process::{self, Core, on_core};

pub(crate) mod nginx;
pub(crate) mod oidc;
pub(crate) mod postgres;
pub(crate) mod redis;
pub(crate) mod tool;

/// A rival that runs. Dropped, it is ended.
#[derive(Debug)]
pub(crate) struct Rival {
    child: Child,
    address: SocketAddr,
}

impl Rival {
    /// Starts a program that will listen at an address, and waits until it says that it is ready.
    ///
    /// What it says goes to a log in `folder`.
    fn start(
        mut command: Command,
        core: Core,
        address: SocketAddr,
        ready: &str,
        folder: &Path,
    ) -> Outcome<Self> {
        let name = command.get_program().display().to_string();
        let what = || format!("cannot start {name}");
        let (output, input) = std::io::pipe().trying(what)?;
        command.stdin(Stdio::null()).stdout(input.try_clone().trying(what)?).stderr(input);
        let child = on_core(core, || command.spawn().trying(what))?;
        // The program alone holds the pipe now: when it ends, the pipe does.
        drop(command);
        let rival = Self { child, address };
        let log = folder.join("log.txt");
        let lines = BufReader::new(output);
        if follow(lines, ready, &log)? {
            return Ok(rival);
        }
        Err(BenchError::Setup(format!("{name} did not start; see {}", log.display())))
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its first process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it in an orderly way and waits until it has.
    pub(crate) fn end(mut self) -> Outcome<()> {
        process::end(&mut self.child, Signal::INT)
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        // After a failed run; one that has ended is ended already. Killed at once, it could leave
        // processes of its own behind.
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(process::end(&mut self.child, Signal::INT));
        }
    }
}

/// Reads lines until one says `ready`, and goes on reading in a thread, so that the program can go
/// on to write; false when they end before.
fn follow(mut lines: BufReader<PipeReader>, ready: &str, log: &Path) -> Outcome<bool> {
    let what = || format!("cannot write {}", log.display());
    let mut file = File::options().create(true).append(true).open(log).trying(what)?;
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).trying(what)? > 0 {
        file.write_all(&line).trying(what)?;
        if String::from_utf8_lossy(&line).contains(ready) {
            std::thread::spawn(move || std::io::copy(&mut lines, &mut file));
            return Ok(true);
        }
        line.clear();
    }
    Ok(false)
}

/// An address on loopback at which nothing listens now.
fn free_address() -> Outcome<SocketAddr> {
    let what = || "cannot find a free port".to_owned();
    TcpListener::bind("127.0.0.1:0").trying(what)?.local_addr().trying(what)
}

/// Makes an empty directory for a rival.
fn folder(scratch: &Path, name: &str) -> Outcome<PathBuf> {
    let folder = scratch.join(name);
    let what = || format!("cannot make {}", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(&folder).trying(what)?;
    }
    std::fs::create_dir_all(&folder).trying(what)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> (tempfile::TempDir, Outcome<Rival>) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let address = free_address().unwrap();
        let rival = Rival::start(command, Core::Any, address, "is ready", folder.path());
        (folder, rival)
    }

    #[test]
    fn a_program_counts_as_started_once_it_says_so() {
        // Whoever started the tests may ignore the interruption: the program must not.
        let run_on = "exec env --default-signal=INT tail -f /dev/null";
        let (folder, rival) = shell(&format!("echo one >&2; echo it is ready; {run_on}"));
        rival.unwrap().end().unwrap();
        let log = std::fs::read(folder.path().join("log.txt")).unwrap();
        assert!(log.starts_with(b"one\nit is ready\n"));
    }

    #[test]
    fn a_program_that_ends_before_it_is_ready_is_an_error() {
        let (_folder, rival) = shell("echo it will not do");
        assert!(matches!(rival, Err(BenchError::Setup(what)) if what.contains("sh did not start")));
    }
}
