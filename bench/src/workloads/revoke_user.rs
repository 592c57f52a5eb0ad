//! Revoking a user: with one pair, with ten and with a thousand, each with exact counts.

use super::Bench;
use super::revoke::{Revoking, Target};
use crate::error::{BenchError, Outcome};
use crate::filling::{self, Ending, Fill};
use crate::process::Core;
use crate::report::{Bound, Finding, progress};
use crate::rows::username;
use crate::site::Site;
use crate::stats::Series;
use crate::tokens::Tokens;

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let a_run = (bench.scale.revocations / PART).max(1);
    let runs = bench.scale.runs;
    // Those of the first run make the server warm.
    let users = runs.saturating_add(1).saturating_mul(a_run);
    let site = bench.site("revoke-user")?;
    let fill = |(realm, pairs): (&'static str, usize)| {
        let pairs = pairs.saturating_mul(users);
        Fill { realm, pairs, users }
    };
    let fills = KINDS.map(fill);
    filling::fill(&site, &bench.programs, &fills, Ending::Closed)?;
    let kinds = fills.iter().map(|fill| targets(&site, fill)).collect::<Outcome<Vec<_>>>()?;
    let server = site.start(Core::Any, &[])?;
    let mut revoking = Revoking::connect(server.address())?;
    let mut series = KINDS.map(|_| Series::new("ms"));
    for run in 0..=runs {
        progress(&format!("revoke-user: run {run} of {runs}"));
        let mut in_run = KINDS.map(|_| Series::new("ms"));
        let first = run.saturating_mul(a_run);
        for user in first..first.saturating_add(a_run) {
            for (targets, series) in kinds.iter().zip(&mut in_run) {
                let missing = || BenchError::Setup("too few users".to_owned());
                series.push(revoking.revoke(targets.get(user).ok_or_else(missing)?)?);
            }
        }
        if run > 0 {
            for (series, in_run) in series.iter_mut().zip(in_run) {
                series.push(in_run.median());
            }
        }
    }
    server.stop()?;
    site.remove()?;
    let [one, ten, thousand] = series;
    let against_one = |pairs: usize, series| {
        Finding::ratio(
            format!("invalidate a user with {pairs} live pairs, p50 of {a_run}"),
            series,
            "a user with one pair",
            one.clone(),
            Bound::None,
        )
    };
    let [_, (_, of_ten), (_, of_thousand)] = KINDS;
    Ok(vec![against_one(of_ten, ten), against_one(of_thousand, thousand)])
}

/// The users of a realm. They were granted their pairs in turn.
fn targets(site: &Site, fill: &Fill<'_>) -> Outcome<Vec<Target>> {
    let tokens = Tokens::load(site, fill.realm, fill.users)?;
    let target = |user| {
        let places = (user..tokens.len()).step_by(fill.users.max(1));
        let texts: Vec<String> = places.map(|place| tokens.string(place)).collect();
        Target::user(fill.realm, &username(user), &texts)
    };
    Ok((0..fill.users).map(target).collect())
}

/// Realms, and how many pairs each of their users has.
const KINDS: [(&str, usize); 3] = [("ones", 1), ("tens", 10), ("thousands", 1_000)];
/// One user of each kind for so many tokens that are revoked one by one elsewhere.
const PART: usize = 20;
