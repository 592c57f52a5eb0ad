//! Two days in minutes: steady issue and expiry under a simulated clock, so that segments are dropped.
//!
//! Owns what the end is compared with. The simulation runs in a process of its own.

use std::process::{Command, Stdio};

use self::simulation::{Hourly, Seen};
use super::Bench;
use crate::error::{BenchError, Outcome, Trying};
use crate::report::{Bound, Curve, Finding};
use crate::stats::{Series, real};

mod ledger;
mod simulation;
mod world;

pub(crate) use simulation::live_here;

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let folder = bench.scratch.join("hours");
    let mut command = Command::new(&bench.programs.bench);
    command.arg("hours").arg(&folder).arg(bench.scale.grants_an_hour.to_string());
    command.arg(HOURS.to_string());
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let lived = command.output().trying(|| "cannot start the simulation".to_owned())?;
    if !lived.status.success() {
        return Err(BenchError::Setup(format!("the simulation failed: {}", lived.status)));
    }
    let seen: Seen = serde_json::from_slice(&lived.stdout)
        .map_err(std::io::Error::from)
        .trying(|| "what the simulation says is not understood".to_owned())?;
    std::fs::remove_dir_all(&folder).trying(|| format!("cannot remove {}", folder.display()))?;
    Ok(findings(&seen))
}

fn findings(seen: &Seen) -> Vec<Finding> {
    let mut findings: Vec<Finding> = TRAITS.iter().map(|of| finding(seen, of)).collect();
    let shown = |what: &str, unit, count| Finding::shown(what, Series::of(unit, real(count)));
    findings.extend([
        shown("pairs made in 48 hours", "pairs", seen.pairs),
        shown("segments dropped", "segments", seen.dropped),
        shown("tokens shown, each answered rightly", "tokens", seen.shown),
        shown("halves that bulk revocations ended, each counted exactly", "halves", seen.revoked),
    ]);
    findings
}

/// Something that each hour has.
struct Trait {
    what: &'static str,
    unit: &'static str,
    plot: &'static str,
    /// Hours of either side of the comparison.
    window: u32,
    /// What the line of the plot is called.
    line: &'static str,
    of: fn(&Hourly) -> f64,
}

const TRAITS: [Trait; 6] = [
    Trait {
        what: "disk after 48 simulated hours, journals apart",
        unit: "MB",
        plot: "hours-disk",
        window: FEW,
        line: "journals apart",
        of: |hour| hour.run_bytes / 1e6,
    },
    Trait {
        what: "disk after 48 simulated hours, journals and all",
        unit: "MB",
        plot: "hours-disk",
        window: FEW,
        line: "journals and all",
        of: |hour| (hour.run_bytes + hour.journal_bytes) / 1e6,
    },
    Trait {
        what: "memory after 48 simulated hours",
        unit: "MB",
        plot: "hours-memory",
        window: FEW,
        line: "median of the hour",
        of: |hour| hour.memory_bytes / 1e6,
    },
    Trait {
        what: "p99 of a durable grant after 48 simulated hours",
        unit: "ms",
        plot: "hours-issue",
        window: MANY,
        line: "p99",
        of: |hour| hour.issue_p99_s * 1e3,
    },
    Trait {
        what: "p99 of validation after 48 simulated hours, tokens shown before",
        unit: "us",
        plot: "hours-validate",
        window: MANY,
        line: "p99, tokens shown a moment before",
        of: |hour| hour.hot_p99_s * 1e6,
    },
    Trait {
        what: "p99 of validation after 48 simulated hours, any token of the day",
        unit: "us",
        plot: "hours-validate",
        window: MANY,
        line: "p99, any token of the day",
        of: |hour| hour.cold_p99_s * 1e6,
    },
];

/// The last hours against as many around the 25th.
fn finding(seen: &Seen, of: &Trait) -> Finding {
    let Trait { what, unit, plot, window, line, .. } = of;
    let value = |number: u32| {
        let place = usize::try_from(number.saturating_sub(1)).unwrap_or_default();
        seen.hours.get(place).map_or(f64::NAN, of.of)
    };
    let first = |last: u32| last.saturating_sub(*window).saturating_add(1);
    let series = |last: u32| Series {
        unit: (*unit).into(),
        values: (first(last)..=last).map(value).collect(),
    };
    let middle = COMPARED.saturating_add(window / 2);
    let points = (1..=HOURS).map(|number| (f64::from(number), value(number))).collect();
    Finding::ratio(
        format!("{what} (hours {} to {HOURS})", first(HOURS)),
        series(HOURS),
        format!("hours {} to {middle}", first(middle)),
        series(middle),
        Bound::AtMost(1.1),
    )
    .with_curves(vec![Curve::new(*plot, *line, points)])
}

/// Hours that are simulated.
const HOURS: u32 = 48;
/// The hour that the end is compared with.
const COMPARED: u32 = 25;
/// Hours of either side where they differ little, and where each depends on the disk's mood.
const FEW: u32 = 5;
const MANY: u32 = 11;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hours_are_compared_with_those_around_the_25th() {
        let hour = |number| Hourly {
            run_bytes: number * 1e6,
            journal_bytes: 0.0,
            memory_bytes: 1.0,
            issue_p99_s: 1.0,
            hot_p99_s: 1.0,
            cold_p99_s: 1.0,
        };
        let hours = (1..=HOURS).map(|number| hour(f64::from(number))).collect();
        let finding = finding(&Seen { hours, ..Seen::default() }, &TRAITS[0]);
        assert_eq!(finding.measured.values, [44.0, 45.0, 46.0, 47.0, 48.0]);
        assert_eq!(finding.baseline.unwrap().values, [23.0, 24.0, 25.0, 26.0, 27.0]);
        assert!(!finding.holds && (finding.figure - 46.0 / 25.0).abs() < 1e-9);
        assert_eq!(finding.curves[0].points.len(), 48);
    }
}
