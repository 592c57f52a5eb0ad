//! What is counted: disk and memory of a simulation at its end, against the same around its 25th
//! hour.

use super::hourly::Hourly;
use super::turns::Seen;
use super::{COMPARED, HOURS, hours_to};
use crate::report::{Bound, Curve, Finding};
use crate::stats::Series;

pub(super) fn findings(seen: &Seen) -> Vec<Finding> {
    SIZES.iter().map(|size| size.finding(seen)).collect()
}

/// Something that each hour has.
struct Size {
    what: &'static str,
    plot: &'static str,
    /// What the line of the plot is called.
    line: &'static str,
    bytes: fn(&Hourly) -> f64,
}

const SIZES: [Size; 3] = [
    Size {
        what: "disk after 48 simulated hours, journals apart",
        plot: "hours-disk",
        line: "journals apart",
        bytes: |hour| hour.run_bytes,
    },
    Size {
        what: "disk after 48 simulated hours, journals and all",
        plot: "hours-disk",
        line: "journals and all",
        bytes: |hour| hour.run_bytes + hour.journal_bytes,
    },
    Size {
        what: "memory after 48 simulated hours",
        plot: "hours-memory",
        line: "median of the hour",
        bytes: |hour| hour.memory_bytes,
    },
];

impl Size {
    /// The last hours against as many around the 25th.
    fn finding(&self, seen: &Seen) -> Finding {
        let late = hours_to(HOURS, COMPARED_HOURS);
        let early = hours_to(COMPARED.saturating_add(COMPARED_HOURS / 2), COMPARED_HOURS);
        let megabytes = |number| {
            let place = usize::try_from(u32::saturating_sub(number, 1)).unwrap_or_default();
            seen.hours.get(place).map_or(f64::NAN, |hour| (self.bytes)(hour) / 1e6)
        };
        let series = |hours: &core::ops::RangeInclusive<u32>| Series {
            unit: "MB".into(),
            values: hours.clone().map(megabytes).collect(),
        };
        let points = (1..=HOURS).map(|number| (f64::from(number), megabytes(number)));
        let curve = Curve::new(self.plot, self.line, points.collect());
        Finding::ratio(
            format!("{} (hours {} to {})", self.what, late.start(), late.end()),
            series(&late),
            format!("hours {} to {}", early.start(), early.end()),
            series(&early),
            Bound::AtMost(1.1),
        )
        .with_curves(vec![curve])
    }
}

/// Hours of either side: what is counted differs little from one to the next.
const COMPARED_HOURS: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hours_are_compared_with_those_around_the_25th() {
        let hour = |number| Hourly { run_bytes: number * 1e6, ..Hourly::default() };
        let hours = (1..=HOURS).map(|number| hour(f64::from(number))).collect();
        let finding = SIZES[0].finding(&Seen { hours, ..Seen::default() });
        assert_eq!(finding.measured.values, [44.0, 45.0, 46.0, 47.0, 48.0]);
        assert_eq!(finding.baseline.unwrap().values, [23.0, 24.0, 25.0, 26.0, 27.0]);
        assert!(!finding.holds && (finding.figure - 46.0 / 25.0).abs() < 1e-9);
        assert_eq!(finding.curves[0].points.len(), 48);
    }
}
