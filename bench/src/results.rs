//! What was measured so far, kept as JSON from run to run.
//!
//! Owns the file: a run replaces what it measured and leaves the rest. Must not judge a figure.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Outcome, Trying};
use crate::process::machine;
use crate::report::{Finding, progress};

/// Everything that was measured, workload by workload.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    /// How often the program has run.
    pub(crate) runs: u64,
    /// Each workload as it was measured last.
    pub(crate) workloads: Vec<Measured>,
}

/// What one run found of one workload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// The workload.
    pub(crate) name: String,
    /// Which run it was. Both sides of a ratio come from the same one.
    pub(crate) run: u64,
    /// What it ran on.
    pub(crate) machine: String,
    /// Whether it was a short run, whose figures mean little.
    pub(crate) is_quick: bool,
    /// The lines of the table.
    pub(crate) findings: Vec<Finding>,
}

impl Results {
    /// What is kept at `path`. What cannot be read as results is put aside, and nothing is kept.
    pub(crate) fn read(path: &Path) -> Outcome<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let what = || format!("cannot read {}", path.display());
        let json = std::fs::read(path).trying(what)?;
        if let Ok(results) = serde_json::from_slice(&json) {
            return Ok(results);
        }
        let aside = path.with_extension("old.json");
        progress(&format!("{} holds no results: it is now {}", path.display(), aside.display()));
        std::fs::rename(path, aside).trying(what)?;
        Ok(Self::default())
    }

    /// What was measured of a workload.
    pub(crate) fn of(&self, name: &str) -> Option<&Measured> {
        self.workloads.iter().find(|measured| measured.name == name)
    }

    /// Takes the place of what was measured of the workload before.
    fn replace(&mut self, measured: Measured) {
        self.runs = self.runs.max(measured.run);
        match self.workloads.iter_mut().find(|held| held.name == measured.name) {
            Some(held) => *held = measured,
            None => self.workloads.push(measured),
        }
    }

    fn store(&self, path: &Path) -> Outcome<()> {
        let what = || format!("cannot write {}", path.display());
        let json = serde_json::to_vec_pretty(self).map_err(std::io::Error::from).trying(what)?;
        std::fs::write(path, json).trying(what)
    }
}

/// One run of the program, whose results are kept as soon as there are any.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    path: &'a Path,
    number: u64,
    is_quick: bool,
    /// What this run has measured.
    measured: Vec<Measured>,
}

impl<'a> Run<'a> {
    /// A run whose results go to `path`.
    pub(crate) fn begin(path: &'a Path, is_quick: bool) -> Outcome<Self> {
        let number = Results::read(path)?.runs.saturating_add(1);
        Ok(Self { path, number, is_quick, measured: Vec::new() })
    }

    /// Keeps what was found of a workload, whatever comes of the next one.
    pub(crate) fn keep(&mut self, name: &str, findings: Vec<Finding>) -> Outcome<()> {
        let (name, machine) = (name.to_owned(), machine());
        let measured =
            Measured { name, run: self.number, machine, is_quick: self.is_quick, findings };
        // Read anew: another run may have kept something meanwhile.
        let mut results = Results::read(self.path)?;
        results.replace(measured.clone());
        self.measured.push(measured);
        results.store(self.path)
    }

    /// Whether it is a short one.
    pub(crate) const fn is_quick(&self) -> bool {
        self.is_quick
    }

    /// Where its results are.
    pub(crate) const fn path(&self) -> &Path {
        self.path
    }

    /// What it has found.
    pub(crate) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.measured.iter().flat_map(|measured| &measured.findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Bound, Curve};
    use crate::stats::Series;

    fn finding(what: &str) -> Finding {
        let series = |value| Series::of("s", value);
        Finding::ratio(what, series(3.0), "other", series(4.0), Bound::AtMost(1.0))
            .with_curves(vec![Curve::new("plot", "line", vec![(1.0, 2.0)])])
    }

    #[test]
    fn a_run_replaces_what_it_measured_and_leaves_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        let mut first = Run::begin(&path, false).unwrap();
        first.keep("one", vec![finding("a")]).unwrap();
        first.keep("two", vec![finding("b")]).unwrap();
        let mut second = Run::begin(&path, false).unwrap();
        second.keep("one", vec![finding("c")]).unwrap();
        assert_eq!(second.findings().count(), 1);
        let results = Results::read(&path).unwrap();
        let shown = |name| {
            let measured = results.of(name).unwrap();
            (measured.run, measured.findings[0].what.as_str(), measured.findings[0].figure)
        };
        assert_eq!((shown("one"), shown("two")), ((2, "c", 0.75), (1, "b", 0.75)));
        assert_eq!(results.of("one").unwrap().findings[0].curves, finding("").curves);
        assert_eq!(results.of("one").unwrap().findings[0].bound, Bound::AtMost(1.0));
    }

    #[test]
    fn what_is_no_result_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        std::fs::write(&path, "{}").unwrap();
        assert!(Results::read(&path).unwrap().workloads.is_empty());
        assert!(folder.path().join("results.old.json").exists());
    }
}
