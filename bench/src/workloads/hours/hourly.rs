//! What an hour was like: the samples that are taken within it, and what is kept of them.
//!
//! Owns how an hour is told in numbers. It knows nothing of what is asked for, and compares
//! nothing.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Outcome, Trying};
use crate::process;
use crate::stats::{Series, real};

/// What one simulated hour was like.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Hourly {
    /// Bytes of the store, journals apart.
    pub(super) run_bytes: f64,
    /// Bytes of the journals.
    pub(super) journal_bytes: f64,
    /// Bytes of memory, the ledger apart.
    pub(super) memory_bytes: f64,
    /// What was slow in all of the hour.
    pub(super) whole: Slow,
    /// The same, window by window.
    pub(super) windows: Vec<Slow>,
}

/// Seconds that are exceeded once in a hundred times.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Slow {
    /// By a grant.
    pub(super) issue: f64,
    /// By a validation of a token that was shown a moment before.
    pub(super) hot: f64,
    /// By a validation of any token of the last day.
    pub(super) cold: f64,
}

/// What was found in an hour that is not over.
#[derive(Debug)]
pub(super) struct Samples {
    /// Seconds that calls took, in the window that is not over.
    pub(super) times: Times,
    /// The same, in the windows before.
    earlier: Times,
    windows: Vec<Slow>,
    /// Bytes, as they were found some times.
    runs: Series,
    journals: Series,
    memory: Series,
}

/// Seconds that calls took.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// A grant.
    pub(super) issue: Vec<f64>,
    /// A validation of a token that was shown a moment before.
    pub(super) hot: Vec<f64>,
    /// A validation of any token of the last day.
    pub(super) cold: Vec<f64>,
}

impl core::fmt::Display for Hourly {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (runs, memory) = (self.run_bytes / 1e6, self.memory_bytes / 1e6);
        write!(f, "{runs:.0} MB of runs, {memory:.0} MB of memory")
    }
}

impl Samples {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            times: Times::default(),
            earlier: Times::default(),
            windows: Vec::new(),
            runs: Series::new("bytes"),
            journals: Series::new("bytes"),
            memory: Series::new("bytes"),
        }
    }

    /// Looks at the store and at the memory of this process, of which the ledger has so many bytes.
    pub(super) fn look(&mut self, store: &Path, ledger_bytes: usize) -> Outcome<()> {
        let what = || format!("cannot look into {}", store.display());
        let (mut runs, mut journals) = (0_u64, 0_u64);
        for entry in fs::read_dir(store).trying(what)? {
            let entry = entry.trying(what)?;
            // A file may be removed while it is looked at.
            let Ok(metadata) = entry.metadata() else { continue };
            let bytes = metadata.blocks().saturating_mul(512);
            let is_journal = entry.file_name().to_string_lossy().starts_with("journal");
            let sum = if is_journal { &mut journals } else { &mut runs };
            *sum = sum.saturating_add(bytes);
        }
        self.runs.push(real(runs));
        self.journals.push(real(journals));
        let ledger = u64::try_from(ledger_bytes).unwrap_or_default();
        self.memory.push(real(process::own_memory_bytes()?.saturating_sub(ledger)));
        Ok(())
    }

    /// A window is over; the next one begins.
    pub(super) fn close_window(&mut self) {
        let slow = self.times.slow();
        self.windows.push(slow);
        let Self { times, earlier, .. } = self;
        earlier.issue.append(&mut times.issue);
        earlier.hot.append(&mut times.hot);
        earlier.cold.append(&mut times.cold);
    }

    /// What the hour was like, which is over and its last window with it; the next one begins.
    pub(super) fn close_hour(&mut self) -> Hourly {
        let mut over = core::mem::replace(self, Self::new());
        Hourly {
            run_bytes: over.runs.median(),
            journal_bytes: over.journals.median(),
            memory_bytes: over.memory.median(),
            whole: over.earlier.slow(),
            windows: over.windows,
        }
    }
}

impl Times {
    /// Takes the order of the values.
    fn slow(&mut self) -> Slow {
        let Self { issue, hot, cold } = self;
        Slow { issue: p99(issue), hot: p99(hot), cold: p99(cold) }
    }
}

/// The value that one in a hundred exceeds.
fn p99(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = values.len().saturating_mul(99).div_ceil(100).saturating_sub(1);
    values.get(place).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_a_hundred_exceeds_the_p99() {
        let mut values: Vec<f64> = (1..=200_u32).rev().map(f64::from).collect();
        assert!((p99(&mut values) - 198.0).abs() < 1e-9);
        assert!(p99(&mut []).is_nan());
    }

    #[test]
    fn an_hour_has_its_windows_and_nothing_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut samples = Samples::new();
        samples.look(folder.path(), 0).unwrap();
        for seconds in [2.0, 1.0] {
            samples.times.issue.push(seconds);
            samples.close_window();
        }
        let first = samples.close_hour();
        let windows = first.windows.iter().map(|window| window.issue.to_string());
        assert_eq!(windows.collect::<Vec<_>>(), ["2", "1"]);
        assert!(first.memory_bytes > 0.0 && (first.whole.issue - 2.0).abs() < 1e-9);
        let second = samples.close_hour();
        assert!(second.windows.is_empty() && second.whole.issue.is_nan());
        assert!(second.memory_bytes.is_nan());
    }
}
