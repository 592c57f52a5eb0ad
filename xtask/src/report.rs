//! What the tool prints: lines, findings, durations.
//!
//! The only module here that prints. Must not decide whether a run has failed.

use std::fmt;
use std::time::Duration;

/// Something a rule does not accept, with the place where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Path below the project's root.
    pub(crate) path: String,
    /// Line in the file, from 1; absent where the whole file is meant.
    pub(crate) line: Option<usize>,
    /// What is wrong and what to do instead.
    pub(crate) text: String,
}

impl Finding {
    /// A finding at one line of a file.
    pub(crate) fn at(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: Some(line), text: text.into() }
    }

    /// A finding about a whole file.
    pub(crate) fn about(path: &str, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.text),
            None => write!(f, "{}: {}", self.path, self.text),
        }
    }
}

/// Prints one line.
#[expect(clippy::print_stdout, reason = "a command-line tool speaks on standard output")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// Prints a heading that is easy to find in a long log.
pub(crate) fn announce(heading: &str) {
    say("");
    say(&format!("==> {heading}"));
}

/// Prints what must not be overlooked.
pub(crate) fn warn_loudly(text: &str) {
    say("");
    say(&"!".repeat(LOUD_COLUMNS));
    say(&format!("!! {text}"));
    say(&"!".repeat(LOUD_COLUMNS));
    say("");
}

/// Seconds as `m:ss`, rounded to the nearest second.
pub(crate) fn minutes(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round();
    let whole = Duration::from_secs_f64(seconds).as_secs();
    format!("{}:{:02}", whole / 60, whole % 60)
}

/// Width of the frame around a loud warning.
const LOUD_COLUMNS: usize = 78;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_prints_as_minutes_and_seconds() {
        assert_eq!(minutes(Duration::from_millis(61_600)), "1:02");
        assert_eq!(minutes(Duration::ZERO), "0:00");
    }

    #[test]
    fn a_finding_prints_its_place() {
        assert_eq!(Finding::at("a.rs", 3, "wrong").to_string(), "a.rs:3: wrong");
        assert_eq!(Finding::about("a.rs", "wrong").to_string(), "a.rs: wrong");
    }
}
