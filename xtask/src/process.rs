//! Other programs, run in the project's directory.
//!
//! Owns paths below the root, the environment of children and how their failure is told. Must not
//! know what the programs are for.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_an_error_that_names_it() {
        let error = run(&mut Command::new("false")).unwrap_err();
        assert!(error.to_string().starts_with("`false` ended with"), "{error}");
    }

    #[test]
    fn a_missing_program_is_an_error_and_not_a_success() {
        assert!(output(&mut Command::new("no-such-program-here")).is_err());
        assert!(!succeeds(&mut Command::new("no-such-program-here")));
    }
}
