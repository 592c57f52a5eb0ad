//! What the benchmarks say: findings, and a table of them for people.
//!
//! Owns how a figure is judged against its bound, and everything that is printed. Must not measure,
//! and must not know where results are kept.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::stats::Series;

/// What a figure has to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// What plots show of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) curves: Vec<Curve>,
}

/// Points for a line in a plot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Curve {
    /// The plot that shows it.
    pub(crate) plot: String,
    /// What the line is, in words.
    pub(crate) name: String,
    /// The points: how far along, and how high.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Curve {
    /// A line of these points.
    pub(crate) fn new(
        plot: impl Into<String>,
        name: impl Into<String>,
        points: Vec<(f64, f64)>,
    ) -> Self {
        Self { plot: plot.into(), name: name.into(), points }
    }
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
        Self::judged(figure, bound, (what.into(), measured), Some((against.into(), baseline)))
    }

    /// A series against another one whose values were measured beside its own, one by one, judged
    /// by the median of their ratios.
    pub(crate) fn paired(
        what: impl Into<String>,
        measured: Series,
        against: impl Into<String>,
        baseline: Series,
        bound: Bound,
    ) -> Self {
        let ratios = measured.values.iter().zip(&baseline.values).map(|(one, other)| one / other);
        let figure = Series { unit: "".into(), values: ratios.collect() }.median();
        Self::judged(figure, bound, (what.into(), measured), Some((against.into(), baseline)))
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
        Self::judged(figure, bound, (what.into(), measured), Some((against.into(), baseline)))
    }

    /// A value that is shown.
    pub(crate) fn shown(what: impl Into<String>, measured: Series) -> Self {
        Self::judged(measured.median(), Bound::None, (what.into(), measured), None)
    }

    fn judged(
        figure: f64,
        bound: Bound,
        (what, measured): (String, Series),
        versus: Option<(String, Series)>,
    ) -> Self {
        let (against, baseline) = versus.unzip();
        let (holds, curves) = (bound.holds(figure), Vec::new());
        Self { what, measured, against, baseline, figure, bound, holds, curves }
    }

    /// The same with lines for plots.
    #[must_use]
    pub(crate) fn with_curves(self, curves: Vec<Curve>) -> Self {
        Self { curves, ..self }
    }

    /// Whether its figure is the ratio of two series, and not a value with a unit.
    pub(crate) fn is_ratio(&self) -> bool {
        let is_value = (self.figure - self.measured.median()).abs() <= f64::EPSILON;
        self.baseline.is_some() && !is_value
    }

    /// What it has to keep to, in words; where it does not, that too, unless the run was a short
    /// one.
    pub(crate) fn bound_text(&self, is_quick: bool) -> String {
        let text = match self.bound {
            Bound::AtLeast(least) => format!("at least {}", number(least)),
            Bound::AtMost(most) => format!("at most {}", number(most)),
            Bound::None => return String::new(),
        };
        if self.holds || is_quick { text } else { format!("{text}: MISSED") }
    }
}

/// A table of findings, in Markdown. A short run says nothing of what misses its bound.
pub(crate) fn table<'a>(findings: impl Iterator<Item = &'a Finding>, is_quick: bool) -> String {
    let rows = findings.map(|finding| {
        let Finding { what, measured, against, baseline, figure, .. } = finding;
        let versus = match (against, baseline) {
            (Some(against), Some(baseline)) => format!("{against}: {}", series(baseline)),
            _ => String::new(),
        };
        let bound = finding.bound_text(is_quick);
        vec![what.clone(), series(measured), versus, number(*figure), bound]
    });
    markdown(&["what", "measured", "against", "figure", "bound"], rows.collect())
}

/// A table in Markdown, its columns as wide as what they hold.
pub(crate) fn markdown(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    let headings = headings.iter().map(|&heading| heading.to_owned()).collect::<Vec<_>>();
    let rule = vec![DASH.to_owned(); headings.len()];
    let mut all = vec![headings, rule];
    all.extend(rows);
    aligned(&all)
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

/// A series in words: its median and how far its runs lie apart.
pub(crate) fn series(series: &Series) -> String {
    let unit = &series.unit;
    if series.values.len() < 2 {
        return format!("{} {unit}", number(series.median()));
    }
    let (least, most) = (number(series.least()), number(series.most()));
    format!("{} {unit} ({least} to {most})", number(series.median()))
}

/// A number with as many digits as are worth reading.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        small if small >= 0.1 => 2,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    if digits > 0 || !value.is_finite() {
        return text;
    }
    let mut grouped = String::with_capacity(text.len().saturating_add(4));
    for (place, digit) in text.chars().enumerate() {
        let left = text.len().saturating_sub(place);
        if left.is_multiple_of(3) && grouped.ends_with(|last: char| last.is_ascii_digit()) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
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

const DASH: &str = "---";

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
        let missing = [Finding::ratio("a", of(1.0), "b", of(2.0), Bound::AtLeast(0.75))];
        let text = table(missing.iter(), false);
        assert!(text.contains("| 0.50   | at least 0.75: MISSED |"), "{text}");
        assert!(!table(missing.iter(), true).contains("MISSED"));
    }

    #[test]
    fn large_numbers_are_grouped() {
        let texts = [0.0312, 0.5, 12.34, 123.4, 1_234.0, -1_234_567.0].map(number);
        assert_eq!(texts, ["0.0312", "0.50", "12.3", "123", "1,234", "-1,234,567"]);
    }
}
