//! The real program as a process, and what it prints.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};

use super::{GRANT, PATIENCE, to_end};

pub(crate) fn jeton(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jeton"));
    command.args(arguments).current_dir(directory).env_remove("ELASTIC_PASSWORD");
    command
}

pub(crate) fn output(directory: &Path, arguments: &[&str]) -> Output {
    jeton(directory, arguments).stdin(Stdio::null()).output().unwrap()
}

pub(crate) fn printed(directory: &Path, arguments: &[&str]) -> String {
    let output = output(directory, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A running program. Killed when it is dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) greeting: Vec<String>,
    /// The lines of its log that nobody has read.
    log: Receiver<String>,
}

/// Makes a store, its keys and its first password.
pub(crate) fn first_start(directory: &Path) {
    Running::start(jeton(directory, &SERVE)).stop(Signal::TERM);
}

pub(crate) const SERVE: [&str; 3] = ["serve", "-E", "http.port=0"];

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut greeting = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            greeting.push(line.unwrap());
            if greeting.last().unwrap().starts_with("listening on ") {
                break;
            }
        }
        let (line, log) = mpsc::channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|read| line.send(read)));
        Self { child, greeting, log }
    }

    pub(crate) fn address(&self) -> &str {
        self.greeting.last().unwrap().strip_prefix("listening on http://").unwrap()
    }

    /// Reads its log up to a line that holds this text.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            let line = self.log.recv_timeout(PATIENCE);
            assert!(line.is_ok(), "no [{text}] in its log: {line:?}");
            let line = line.unwrap();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits until a login has this status. It is looked at whenever the log says `event`.
    pub(crate) fn wait_for_status(&mut self, event: &str, login: (&str, &str), wanted: u16) {
        let (username, password) = login;
        loop {
            self.wait_for(event);
            if self.status_of(username, password) == wanted {
                return;
            }
        }
    }

    pub(crate) fn talk(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        to_end(&mut stream)
    }

    /// A token of the user `elastic`.
    pub(crate) fn token(&self, password: &str) -> String {
        let login = STANDARD.encode(format!("elastic:{password}"));
        let answer = self.talk(&format!(
            "POST /_security/oauth2/token HTTP/1.1\r\nhost: a\r\nauthorization: Basic {login}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{GRANT}",
            GRANT.len()
        ));
        answer.split("\"access_token\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    }

    pub(crate) fn accepts(&self, token: &str) -> bool {
        let answer = self.talk(&format!(
            "GET /_security/_authenticate HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\
             connection: close\r\n\r\n"
        ));
        answer.starts_with("HTTP/1.1 200")
    }

    pub(crate) fn status_of(&self, username: &str, password: &str) -> u16 {
        let login = STANDARD.encode(format!("{username}:{password}"));
        let request = format!(
            "GET / HTTP/1.1\r\nhost: a\r\nauthorization: Basic {login}\r\nconnection: close\r\n\r\n"
        );
        self.talk(&request).split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Asks it to stop; its log, once it has.
    pub(crate) fn stop(mut self, signal: Signal) -> String {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        assert!(self.child.wait().unwrap().success());
        self.log.iter().flat_map(|line| [line, "\n".to_owned()]).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs it with this text on its standard input.
pub(crate) fn typed(directory: &Path, arguments: &[&str], text: &str) -> Output {
    let mut command = jeton(directory, arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may end without reading all of it.
    drop(child.stdin.take().unwrap().write_all(text.as_bytes()));
    child.wait_with_output().unwrap()
}
