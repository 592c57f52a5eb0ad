//! What the benchmarks say: a table for people, JSON for programs.
//!
//! Owns how a figure is judged against its bound, and everything that is printed. Must not measure.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::error::{Outcome, Trying};
use crate::process::machine;
use crate::stats::Series;

/// What a figure has to keep to.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    /// It must not be smaller.
    AtLeast(f64),
    /// It must not be larger.
    AtMost(f64),
    /// It is shown and not judged.
    None,
}

impl Bound {
    /// Whether the figure keeps to it.
    fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(least) => figure >= least,
            Self::AtMost(most) => figure <= most,
            Self::None => true,
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    /// What was measured, in words.
    pub(crate) what: String,
    /// The runs.
    pub(crate) measured: Series,
    /// What it is compared with, in words.
    pub(crate) against: Option<String>,
    /// The runs of that.
    pub(crate) baseline: Option<Series>,
    /// What is judged: the ratio of the medians, or the median itself.
    pub(crate) figure: f64,
    /// What it has to keep to.
    pub(crate) bound: Bound,
    /// Whether it does.
    pub(crate) holds: bool,
}

impl Finding {
    /// A series against another one, judged by the ratio of their medians.
    pub(crate) fn ratio(
        what: impl Into<String>,
        measured: Series,
        against: impl Into<String>,
        baseline: Series,
        bound: Bound,
    ) -> Self {
        let figure = measured.median() / baseline.median();
        let (against, baseline) = (Some(against.into()), Some(baseline));
        let holds = bound.holds(figure);
        Self { what: what.into(), measured, against, baseline, figure, bound, holds }
    }

    /// A series against another one, judged by its own median.
    pub(crate) fn beside(
        what: impl Into<String>,
        measured: Series,
        against: impl Into<String>,
        baseline: Series,
        bound: Bound,
    ) -> Self {
        let figure = measured.median();
        let (against, baseline) = (Some(against.into()), Some(baseline));
        let holds = bound.holds(figure);
        Self { what: what.into(), measured, against, baseline, figure, bound, holds }
    }

    /// A value that is shown.
    pub(crate) fn shown(what: impl Into<String>, measured: Series) -> Self {
        let figure = measured.median();
        let bound = Bound::None;
        let (against, baseline) = (None, None);
        Self { what: what.into(), measured, against, baseline, figure, bound, holds: true }
    }
}

/// Everything that one run of the program found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// What it ran on.
    pub(crate) machine: String,
    /// Whether it was a short run, whose figures mean little.
    pub(crate) is_quick: bool,
    /// The workloads that did not run, and why.
    pub(crate) skipped: Vec<String>,
    /// The lines of the table.
    pub(crate) findings: Vec<Finding>,
}

impl Report {
    /// What was found on this machine.
    pub(crate) fn of(findings: Vec<Finding>, is_quick: bool) -> Self {
        Self { machine: machine(), is_quick, skipped: Vec::new(), findings }
    }

    /// The lines whose figure misses its bound.
    pub(crate) fn missed(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.holds)
    }

    /// The table, in Markdown. A short run says nothing of what misses its bound.
    pub(crate) fn table(&self) -> String {
        let mut rows = vec![HEADINGS.map(str::to_owned).to_vec(), RULE.map(str::to_owned).to_vec()];
        rows.extend(self.findings.iter().map(|finding| {
            let Finding { what, measured, against, baseline, figure, bound, holds } = finding;
            let versus = match (against, baseline) {
                (Some(against), Some(baseline)) => format!("{against}: {}", series(baseline)),
                _ => String::new(),
            };
            let bound = match (bound, *holds || self.is_quick) {
                (Bound::AtLeast(least), true) => format!("at least {}", number(*least)),
                (Bound::AtMost(most), true) => format!("at most {}", number(*most)),
                (Bound::AtLeast(least), false) => format!("at least {}: MISSED", number(*least)),
                (Bound::AtMost(most), false) => format!("at most {}: MISSED", number(*most)),
                (Bound::None, _) => String::new(),
            };
            vec![what.clone(), series(measured), versus, number(*figure), bound]
        }));
        aligned(&rows)
    }

    /// Writes all of it as JSON.
    pub(crate) fn store(&self, path: &Path) -> Outcome<()> {
        let what = || format!("cannot write {}", path.display());
        let json = serde_json::to_vec_pretty(self).map_err(std::io::Error::from).trying(what)?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).trying(what)?;
        }
        std::fs::write(path, json).trying(what)
    }
}

/// Prints a line.
#[expect(clippy::print_stdout, reason = "a command-line tool speaks on standard output")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// Prints how far the program is.
#[expect(clippy::print_stderr, reason = "progress is no part of the result")]
pub(crate) fn progress(line: &str) {
    eprintln!("  {line}");
}

fn series(series: &Series) -> String {
    let unit = series.unit;
    if series.values.len() < 2 {
        return format!("{} {unit}", number(series.median()));
    }
    let (least, most) = (number(series.least()), number(series.most()));
    format!("{} {unit} ({least} to {most})", number(series.median()))
}

/// A number with as many digits as are worth reading.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        small if small >= 0.1 => 2,
        _ => 4,
    };
    format!("{value:.digits$}")
}

fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut table = String::new();
    for row in rows {
        table.push('|');
        for (cell, width) in row.iter().zip(&widths) {
            let fill = if cell == DASH { "-" } else { " " };
            let padding = fill.repeat(width.saturating_sub(cell.chars().count()));
            // Writing to a string cannot fail.
            let _ = write!(table, " {cell}{padding} |");
        }
        table.push('\n');
    }
    table
}

const HEADINGS: [&str; 5] = ["what", "measured", "against", "figure", "bound"];
const DASH: &str = "---";
const RULE: [&str; 5] = [DASH; 5];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: f64) -> Series {
        Series::of("s", value)
    }

    #[test]
    fn a_ratio_is_judged_by_the_medians() {
        let finding = |bound| Finding::ratio("a", of(3.0), "b", of(4.0), bound).holds;
        assert!(finding(Bound::AtLeast(0.75)) && !finding(Bound::AtLeast(0.76)));
        assert!(finding(Bound::AtMost(0.75)) && !finding(Bound::AtMost(0.74)));
    }

    #[test]
    fn a_missed_bound_is_seen_in_the_table() {
        let findings = vec![Finding::ratio("a", of(1.0), "b", of(2.0), Bound::AtLeast(0.75))];
        let report = Report { findings, ..Report::default() };
        assert!(
            report.table().contains("| 0.50   | at least 0.75: MISSED |"),
            "{}",
            report.table()
        );
        assert_eq!(report.missed().count(), 1);
    }
}
