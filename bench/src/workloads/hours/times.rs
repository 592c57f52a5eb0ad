//! What is timed: the last hours of a simulation, against those that a younger one lived beside
//! them.
//!
//! Owns how the two are paired. A window of one stands against the window of the other that was
//! lived in turns with it, so that whatever else the machine and its disk do falls on both.

use super::hourly::{Hourly, Slow};
use super::turns::Seen;
use super::{HOURS, LAG, hours_to};
use crate::report::{Bound, Curve, Finding};
use crate::stats::Series;

pub(super) fn findings(older: &Seen, younger: &Seen) -> Vec<Finding> {
    TIMES.iter().flat_map(|time| time.findings(older, younger)).collect()
}

/// Something that takes time.
struct Time {
    what: &'static str,
    unit: &'static str,
    /// Which of it.
    which: &'static str,
    plot: &'static str,
    of: fn(&Slow) -> f64,
}

const TIMES: [Time; 3] = [
    Time {
        what: "p99 of a durable grant after 48 simulated hours",
        unit: "ms",
        which: "",
        plot: "hours-issue",
        of: |slow| slow.issue * 1e3,
    },
    Time {
        what: "p99 of validation after 48 simulated hours",
        unit: "us",
        which: ", tokens shown before",
        plot: "hours-hot",
        of: |slow| slow.hot * 1e6,
    },
    Time {
        what: "p99 of validation after 48 simulated hours",
        unit: "us",
        which: ", any token of the day",
        plot: "hours-cold",
        of: |slow| slow.cold * 1e6,
    },
];

impl Time {
    /// The windows of the last hours, each against the one beside it; how far the hours lie apart
    /// in that; and the hours as wholes, with all that fell on one of the two by chance.
    fn findings(&self, older: &Seen, younger: &Seen) -> [Finding; 3] {
        let Self { what, which, .. } = self;
        let late = hours_to(HOURS, COMPARED_HOURS);
        let early = hours_to(HOURS.saturating_sub(LAG), COMPARED_HOURS);
        let mut ratios = Series::new("times");
        let mut windows = [self.none(), self.none()];
        let mut wholes = [self.none(), self.none()];
        for (late, early) in late.clone().zip(early.clone()) {
            let hours = [(older, late), (younger, early)].map(|(seen, number)| hour(seen, number));
            let [Some(late), Some(early)] = hours else { continue };
            let mut of_hour = Series::new("times");
            for (late, early) in late.windows.iter().zip(&early.windows) {
                let [late, early] = [late, early].map(self.of);
                of_hour.push(late / early);
                push(&mut windows, [late, early]);
            }
            ratios.push(of_hour.median());
            push(&mut wholes, [&late.whole, &early.whole].map(self.of));
        }
        let hours = format!("(hours {} to {})", late.start(), late.end());
        let against = format!("hours {} to {}, lived beside them", early.start(), early.end());
        let [measured, baseline] = windows;
        let judged = format!("{what}{which} {hours}");
        let judged = Finding::paired(judged, measured, &*against, baseline, Bound::AtMost(1.1));
        let [measured, baseline] = wholes;
        let whole = format!("the same{which}, of whole hours");
        [
            judged.with_curves(self.curves(older, younger)),
            Finding::shown(format!("the same{which}, the ratio hour by hour"), ratios),
            Finding::ratio(whole, measured, against, baseline, Bound::None),
        ]
    }

    fn none(&self) -> Series {
        Series::new(self.unit)
    }

    /// The median of the windows of each hour; of the younger one, at the hour of the other.
    fn curves(&self, older: &Seen, younger: &Seen) -> Vec<Curve> {
        let lines = [(older, 0, "p99"), (younger, LAG, "p99 of the younger one, beside it")];
        let lines = lines.map(|(seen, lag, name)| {
            let points = (1..=HOURS).filter_map(|number| {
                let mut windows = self.none();
                hour(seen, number)?.windows.iter().for_each(|slow| windows.push((self.of)(slow)));
                Some((f64::from(number.saturating_add(lag)), windows.median()))
            });
            Curve::new(self.plot, name, points.collect())
        });
        lines.into()
    }
}

fn push(sides: &mut [Series; 2], values: [f64; 2]) {
    for (side, value) in sides.iter_mut().zip(values) {
        side.push(value);
    }
}

/// An hour by its number.
fn hour(seen: &Seen, number: u32) -> Option<&Hourly> {
    seen.hours.get(usize::try_from(number.checked_sub(1)?).ok()?)
}

/// Hours of either side.
pub(super) const COMPARED_HOURS: u32 = 11;

#[cfg(test)]
mod tests {
    use super::*;

    /// So many hours of two windows, with this p99 of a grant.
    fn seen(hours: u32, issue_s: impl Fn(u32) -> f64) -> Seen {
        let hour = |number| {
            let slow = Slow { issue: issue_s(number), ..Slow::default() };
            Hourly { whole: slow, windows: vec![slow; 2], ..Hourly::default() }
        };
        Seen { hours: (1..=hours).map(hour).collect(), ..Seen::default() }
    }

    #[test]
    fn what_falls_on_both_alike_is_no_difference() {
        // Every hour is slower than the one before, on both sides alike.
        let older = seen(HOURS, |number| f64::from(number.saturating_sub(LAG)) * 1.05);
        let younger = seen(HOURS - LAG, f64::from);
        let [judged, ratios, whole] = TIMES[0].findings(&older, &younger);
        assert!(judged.holds && (judged.figure - 1.05).abs() < 1e-9);
        assert_eq!(judged.measured.values.len(), 22);
        assert!((judged.baseline.unwrap().median() - 25_000.0).abs() < 1e-6);
        assert!(ratios.measured.values.len() == 11 && whole.bound == Bound::None);
        let [own, others] = [0, 1].map(|place: usize| &judged.curves[place].points);
        assert_eq!((own.len(), others.len()), (48, 30));
        assert!((others[0].0 - 19.0).abs() < 1e-9);
    }

    #[test]
    fn what_grows_with_age_misses_the_bound() {
        let older = seen(HOURS, f64::from);
        let [judged, ratios, _] = TIMES[0].findings(&older, &seen(HOURS - LAG, f64::from));
        assert!(!judged.holds && (judged.figure - 43.0 / 25.0).abs() < 1e-9);
        assert!((ratios.measured.most() - 38.0 / 20.0).abs() < 1e-9);
    }
}
