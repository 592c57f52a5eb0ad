//! Two days in minutes: steady issue and expiry under a simulated clock, so that segments are
//! dropped.
//!
//! Owns which hours are compared. What is counted is compared with the same store around its 25th
//! hour; what is timed, with another store around its own 25th hour, which it lives in the very
//! same moments.

use self::simulation::Sums;
use self::turns::Seen;
use super::Bench;
use crate::error::{Outcome, Trying};
use crate::report::Finding;
use crate::stats::{Series, real};

mod calls;
mod hourly;
mod ledger;
mod simulation;
mod sizes;
mod times;
mod turns;
mod world;

pub(crate) use turns::live_here;

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let folder = bench.scratch.join("hours");
    let grants_an_hour = bench.scale.grants_an_hour;
    let seen = turns::live(&bench.programs.bench, &folder, grants_an_hour, [HOURS, LAG])?;
    std::fs::remove_dir_all(&folder).trying(|| format!("cannot remove {}", folder.display()))?;
    Ok(findings(&seen))
}

fn findings([older, younger]: &[Seen; 2]) -> Vec<Finding> {
    let mut findings = sizes::findings(older);
    findings.extend(times::findings(older, younger));
    let both = |of: fn(&Sums) -> u64| real(of(&older.sums).saturating_add(of(&younger.sums)));
    let shown = |what: &str, unit, count| Finding::shown(what, Series::of(unit, count));
    findings.extend([
        shown("pairs made in 48 hours", "pairs", real(older.sums.pairs)),
        shown("segments dropped", "segments", real(older.sums.dropped)),
        shown("tokens shown to both, each answered rightly", "tokens", both(|sums| sums.shown)),
        shown(
            "halves that bulk revocations of both ended, each counted exactly",
            "halves",
            both(|sums| sums.revoked),
        ),
    ]);
    findings
}

/// So many hours, by number, of which this is the last.
fn hours_to(last: u32, count: u32) -> core::ops::RangeInclusive<u32> {
    last.saturating_sub(count).saturating_add(1)..=last
}

/// Hours that are simulated.
const HOURS: u32 = 48;
/// The hour that the end is compared with.
const COMPARED: u32 = 25;
/// Hours by which the other simulation is younger. Beside the last hours of the one it lives those
/// around the one that they are compared with, as far from the last revocation of the small realm.
const LAG: u32 = 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_simulation_lives_so_long_that_its_first_pairs_must_be_gone() {
        const { assert!(HOURS - LAG > simulation::STORED_HOURS_MAX) };
    }

    #[test]
    fn the_hours_beside_the_last_ones_lie_around_the_25th() {
        let beside = hours_to(HOURS - LAG, times::COMPARED_HOURS);
        assert_eq!(beside.start() + beside.end(), 2 * COMPARED);
    }
}
