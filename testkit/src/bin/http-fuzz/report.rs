//! What came of a run: answers by status, faults with the bytes that led to them.

use std::collections::BTreeMap;
use std::io::Write as _;

use jeton_testkit::answers::faults;

use crate::draw::{Keys, Shot};
use crate::exchange::Outcome;

/// What came of a run, or of a part of it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    counts: BTreeMap<String, u64>,
    passed: u64,
    failed: u64,
    shown: Vec<String>,
    pub(crate) keys: Keys,
}

impl Report {
    /// Counts a shot and checks its answers; learns the tokens in them.
    pub(crate) fn take(&mut self, shot: &Shot, outcome: Outcome, keys: &mut Keys) {
        let mut found = Vec::new();
        for (answer, asked) in outcome.answers.iter().zip(shot.asked()) {
            self.count(&answer.status.to_string());
            found.extend(faults(answer, asked));
            if answer.status == 200 {
                keys.learn(answer);
            }
        }
        if outcome.answers.is_empty() {
            self.count("no answer");
        }
        found.extend(outcome.fault);
        if found.is_empty() {
            self.passed += 1;
        } else {
            self.fault(&found.join("; "), &shot.bytes);
        }
    }

    /// Counts a check.
    pub(crate) fn expect(&mut self, is_met: bool, what: &str, instead: &[u8]) {
        if is_met {
            self.passed += 1;
        } else {
            self.fault(&format!("not met: {what}"), instead);
        }
    }

    /// Counts a failure.
    pub(crate) fn fault(&mut self, what: &str, bytes: &[u8]) {
        self.failed += 1;
        if self.shown.len() < SHOWN_MAX {
            let length = bytes.len();
            let start = bytes.get(..SHOWN_BYTES_MAX).unwrap_or(bytes).escape_ascii();
            self.shown.push(format!("{what}\n  {length} bytes: {start}"));
        }
    }

    /// Adds another part of the run.
    pub(crate) fn join(&mut self, other: Self) {
        for (name, count) in other.counts {
            *self.counts.entry(name).or_default() += count;
        }
        self.passed += other.passed;
        self.failed += other.failed;
        let room = SHOWN_MAX.saturating_sub(self.shown.len());
        self.shown.extend(other.shown.into_iter().take(room));
        self.keys.join(other.keys);
    }

    /// Prints everything; true if nothing failed.
    pub(crate) fn print(&self) -> bool {
        for (name, count) in &self.counts {
            say(&format!("{count:>9} {name}"));
        }
        for fault in &self.shown {
            say(&format!("FAULT {fault}"));
        }
        say(&format!("{} passed, {} failed", self.passed, self.failed));
        self.failed == 0
    }

    fn count(&mut self, name: &str) {
        *self.counts.entry(name.to_owned()).or_default() += 1;
    }
}

/// Prints a line. A closed output ends nothing: the status tells as well.
pub(crate) fn say(line: &str) {
    let _ignored = writeln!(std::io::stdout().lock(), "{line}");
}

/// Faults that are printed whole; the others are counted.
const SHOWN_MAX: usize = 20;

/// Bytes of a request that are printed.
const SHOWN_BYTES_MAX: usize = 4000;
