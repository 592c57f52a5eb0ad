//! Other programs, run in the project's directory.
//!
//! Owns paths below the root, the environment of children and how their failure is told. Must not
//! know what the programs are for.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::report::say;

/// The project's directory, from which every program is run.
#[derive(Debug)]
pub(crate) struct Workshop {
    root: PathBuf,
}

impl Workshop {
    /// Finds the project's root from the place of this crate.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.parent().context("xtask stands in no project")?;
        Ok(Self { root: root.to_path_buf() })
    }

    /// The project's root.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path below the root.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    /// Where the tool keeps what it makes or installs.
    pub(crate) fn target(&self, below: &str) -> PathBuf {
        env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.root.join("target"), |set| self.root.join(set))
            .join(below)
    }

    /// A program that finds the tools which this tool installed.
    pub(crate) fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root).env("PATH", self.search_path());
        command
    }

    /// Cargo with arguments.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("cargo");
        command.args(arguments);
        command
    }

    /// True when a program of this name can be started and answers `--version`.
    pub(crate) fn has(&self, program: &str) -> bool {
        let mut command = self.command(program);
        command.arg("--version");
        succeeds(&mut command)
    }

    /// The caller's search path, behind the folder of installed tools.
    fn search_path(&self) -> OsString {
        let installed = self.target("tools/bin");
        let inherited = env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(installed).chain(env::split_paths(&inherited));
        env::join_paths(paths).unwrap_or(inherited)
    }
}

/// Runs a program with its output shown; a failing status is an error.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = command_line(command);
    say(&format!("  $ {line}"));
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Runs a test runner with its output shown; a failing status is an error that repeats what the
/// runner told of the tests that failed.
pub(crate) fn run_tests(command: &mut Command) -> anyhow::Result<()> {
    run_heard(command, LATE_OUTPUT)
}

fn run_heard(command: &mut Command, late_output: Duration) -> anyhow::Result<()> {
    let line = command_line(command);
    say(&format!("  $ {line}"));
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let told = [listen_to(child.stdout.take()), listen_to(child.stderr.take())];
    let status = child.wait().with_context(|| format!("cannot wait for `{line}`"))?;
    // What the runner started may go on and hold its output open: no failure is kept back by that.
    let heard = told.iter().filter_map(|told| told.recv_timeout(late_output).ok());
    let heard = Failures(heard.flat_map(|failures| failures.0).collect());
    if !status.success() {
        bail!("`{line}` ended with {status}{heard}");
    }
    Ok(())
}

/// Hears what comes, in a thread; what was told of failures is sent at the end.
fn listen_to(output: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Failures> {
    let (tell, told) = mpsc::channel();
    if let Some(output) = output {
        // Nobody may listen any more once the runner has ended.
        thread::spawn(move || tell.send(hear(output)).ok());
    }
    told
}

/// Shows what a runner prints, line by line, and keeps what it tells of failures.
fn hear(from: impl Read) -> Failures {
    let mut heard = Listener::default();
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        say(&line);
        heard.listen(&line);
    }
    heard.end_tale();
    heard.kept
}

/// Tells lines about failures from others, in the output of `cargo test` and of `cargo nextest`.
#[derive(Debug, Default)]
struct Listener {
    kept: Failures,
    within: Within,
    /// Lines of the tale of one test so far.
    told: usize,
}

impl Listener {
    fn listen(&mut self, line: &str) {
        self.within = match self.within {
            // A test may print anything.
            Within::Failures if line.starts_with("test result:") => Within::Nothing,
            Within::Failures => Within::Failures,
            Within::Output if is_status(line) => Within::Nothing,
            Within::Output => Within::Output,
            _ if line == "failures:" => Within::Failures,
            _ if is_output_head(line) => Within::Output,
            _ if line.starts_with("error") => Within::Error,
            Within::Error if !line.is_empty() && !is_of_an_error(line) => Within::Nothing,
            within => within,
        };
        let is_failure = line.trim_start().starts_with("FAIL [");
        if is_failure || is_tale_head(line) || self.within == Within::Nothing {
            self.end_tale();
        }
        if (is_failure || self.within != Within::Nothing) && !line.trim().is_empty() {
            self.told = self.told.saturating_add(1);
            if self.told <= TALE_LINES {
                self.kept.0.push(line.to_owned());
            }
        }
    }

    /// Says how much of a long tale is not told again.
    fn end_tale(&mut self) {
        if let Some(left_out @ 1..) = self.told.checked_sub(TALE_LINES) {
            self.kept.0.push(format!("({left_out} lines more of it stand above)"));
        }
        self.told = 0;
    }
}

/// The part of a runner's output that a line stands in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Nothing,
    /// What libtest prints of the tests that failed, up to its closing line.
    Failures,
    /// What nextest shows of a test that failed, up to the next line about a test.
    Output,
    /// An error of cargo: a test program that was killed has no other trace.
    Error,
}

/// True where what libtest prints of one test begins, and the list of all that failed.
fn is_tale_head(line: &str) -> bool {
    line == "failures:" || line.starts_with("---- ") && line.ends_with(" ----")
}

/// True where nextest shows what a test printed.
fn is_output_head(line: &str) -> bool {
    let line = line.trim_start();
    ["stdout ───", "stderr ───", "--- STDOUT:", "--- STDERR:"]
        .iter()
        .any(|head| line.starts_with(head))
}

/// True for the lines in which nextest says how a test has gone, or all of them.
fn is_status(line: &str) -> bool {
    let line = line.trim_start();
    let is_of_one = |word| line.strip_prefix(word).is_some_and(|rest| rest.starts_with(" ["));
    line.starts_with("────")
        || line.starts_with("Cancel")
        || ["PASS", "FAIL", "SLOW", "TIMEOUT", "SIGABRT", "Summary"].into_iter().any(is_of_one)
}

/// True for the lines that follow the first line of an error of cargo.
fn is_of_an_error(line: &str) -> bool {
    line.starts_with(' ') || line == "Caused by:"
}

/// Lines about tests that failed.
#[derive(Debug, Default)]
struct Failures(Vec<String>);

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.0.iter().take(FAILURE_LINES) {
            write!(f, "\n{line}")?;
        }
        match self.0.len().checked_sub(FAILURE_LINES) {
            Some(left_out @ 1..) => write!(f, "\n({left_out} lines more stand above)"),
            _ => Ok(()),
        }
    }
}

/// Runs a program and returns what it printed; a failing status is an error that shows it.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let line = command_line(command);
    let output = command.output().with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` ended with {}: {}", output.status, told.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` printed no UTF-8"))
}

/// True when a program can be started and succeeds; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command as one would type it, without its environment.
pub(crate) fn command_line(command: &Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    command
        .get_args()
        .fold(program, |line, argument| format!("{line} {}", argument.to_string_lossy()))
}

/// How many lines about failed tests an error repeats.
const FAILURE_LINES: usize = 240;

/// How many lines of one test it repeats: a property's input may be long.
const TALE_LINES: usize = 40;

/// How long output is waited for once the runner has ended.
const LATE_OUTPUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(output: &str) -> Vec<String> {
        hear(output.as_bytes()).0
    }

    #[test]
    fn a_failing_program_is_an_error_that_names_it() {
        let error = run(&mut Command::new("false")).unwrap_err();
        assert!(error.to_string().starts_with("`false` ended with"), "{error}");
    }

    #[test]
    fn what_failed_is_told_again_and_nothing_else() {
        let output = "running 2 tests\ntest good ... ok\ntest bad ... FAILED\n\nfailures:\n\n\
            ---- bad stdout ----\nthread 'bad' panicked at x.rs:1:2:\nleft is not right\n\n\
            failures:\n    bad\n\ntest result: FAILED. 1 passed; 1 failed\n\nDoc-tests\n";
        let told = [
            "failures:",
            "---- bad stdout ----",
            "thread 'bad' panicked at x.rs:1:2:",
            "left is not right",
            "failures:",
            "    bad",
        ];
        assert_eq!(kept(output), told);
        assert_eq!(kept("test good ... ok\n\ntest result: ok. 1 passed\n"), [""; 0]);
    }

    #[test]
    fn a_long_tale_of_one_test_does_not_hide_the_others() {
        let long = "step\n".repeat(TALE_LINES + 5);
        let output = format!(
            "failures:\n\n---- one stdout ----\n{long}\n---- other stdout ----\nerror: seven\n\
             seed 7\n\nfailures:\n    one\n    other\n\ntest result: FAILED\n"
        );
        let told = kept(&output);
        let (first, rest) = told.split_at(TALE_LINES + 1);
        assert_eq!(first.last().map(String::as_str), Some("step"));
        let rest_told = [
            "(6 lines more of it stand above)",
            "---- other stdout ----",
            "error: seven",
            "seed 7",
            "failures:",
            "    one",
            "    other",
        ];
        assert_eq!(rest, rest_told);
    }

    #[test]
    fn what_nextest_shows_of_a_failure_is_told_again() {
        let output = "        PASS [   0.004s] x good\n        FAIL [   0.005s] x bad\n\
            \x20 stdout ───\n\n    seed 7\n  stderr ───\n    error: left is not right\n\n\
            \x20       PASS [   0.004s] x fair\nnote: else\n";
        let told = [
            "        FAIL [   0.005s] x bad",
            "  stdout ───",
            "    seed 7",
            "  stderr ───",
            "    error: left is not right",
        ];
        assert_eq!(kept(output), told);
    }

    #[test]
    fn a_test_program_that_was_killed_is_told_too() {
        let output = "     Running unittests\nerror: test failed, to rerun pass `-p x`\n\n\
            Caused by:\n  process didn't exit (signal: 9)\nwarning: else\n   Doc-tests x\n";
        let told = [
            "error: test failed, to rerun pass `-p x`",
            "Caused by:",
            "  process didn't exit (signal: 9)",
        ];
        assert_eq!(kept(output), told);
    }

    #[test]
    fn a_failure_is_told_though_a_program_holds_the_output() {
        let mut runner = Command::new("sh");
        runner.args(["-c", "sleep 20 2>/dev/null & echo 'error: a target' >&2; exit 7"]);
        let error = run_heard(&mut runner, Duration::from_millis(500)).unwrap_err().to_string();
        assert!(error.ends_with(": 7\nerror: a target"), "{error}");
    }

    #[test]
    fn a_failing_runner_is_an_error_that_repeats_its_failures() {
        let mut runner = Command::new("sh");
        runner.args(["-c", "echo failures:; echo bad; echo 'error: a target' >&2; exit 101"]);
        let error = format!("{:#}", run_tests(&mut runner).unwrap_err());
        assert!(error.ends_with("101\nfailures:\nbad\nerror: a target"), "{error}");
        assert!(run_tests(&mut Command::new("true")).is_ok());
    }

    #[test]
    fn a_long_tale_of_failures_is_cut_and_says_so() {
        let told = Failures(vec!["line".to_owned(); FAILURE_LINES + 2]).to_string();
        assert!(told.ends_with("line\n(2 lines more stand above)"), "{told}");
        let whole = Failures(vec!["line".to_owned(); FAILURE_LINES]).to_string();
        assert!(whole.ends_with("line"), "{whole}");
    }

    #[test]
    fn a_missing_program_is_an_error_and_not_a_success() {
        assert!(output(&mut Command::new("no-such-program-here")).is_err());
        assert!(!succeeds(&mut Command::new("no-such-program-here")));
    }
}
