//! Refreshes: their rate against that of grants, and races of several presentations of one token.

use super::Bench;
use super::issue::{MANY, Mint};
use crate::error::{BenchError, Outcome};
use crate::filling;
use crate::http::{Client, request};
use crate::load::chain::{Chains, Races, Track};
use crate::report::{Bound, Finding, progress};
use crate::site::superuser_refresh_token;
use crate::stats::{Series, real};

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let mut mint = Mint::open(bench, "refresh")?;
    let mut client = Client::connect(mint.address())?;
    progress("refresh: granting the pairs that chains begin with");
    let mut roots = |count: usize| {
        let root = |_| superuser_refresh_token(&mut client, mint.bearer());
        (0..count).map(root).collect::<Outcome<Vec<String>>>()
    };
    let (chains, lanes) = (roots(MANY)?, roots(LANES)?);
    let mut pairs = u64::try_from(chains.len().saturating_add(lanes.len())).unwrap_or_default();
    let mut chains = Chains::connect(mint.address(), mint.bearer(), &chains)?;
    pairs = pairs.saturating_add(chains.refresh(WARM_S)?.answers);
    let (mut refreshes, mut grants) = (Series::new("refreshes/s"), Series::new("grants/s"));
    for run in 1..=bench.scale.runs {
        progress(&format!("refresh: run {run} of {}", bench.scale.runs));
        grants.push(mint.rate(MANY, bench.scale.run_s)?);
        let tally = chains.refresh(bench.scale.run_s)?;
        pairs = pairs.saturating_add(tally.answers);
        refreshes.push(tally.rate());
    }
    drop(chains);
    progress(&format!("refresh: {} races", bench.scale.races));
    let mut track = Track::connect(mint.address(), mint.bearer(), &lanes)?;
    let races = track.race(u64::try_from(bench.scale.races).unwrap_or_default())?;
    for access in track.last() {
        client.call(&filling::show(&access))?.expect(200)?;
    }
    pairs = pairs.saturating_add(races.ended);
    let halves = pairs.saturating_mul(2).saturating_add(mint.granted());
    let surplus = surplus(&mut client, mint.bearer(), halves)?;
    mint.close()?;
    let mut findings = vec![Finding::ratio(
        format!("refreshes, {MANY} connections"),
        refreshes,
        "durable grants, as many",
        grants,
        Bound::AtLeast(0.5),
    )];
    findings.extend(judged(races, surplus));
    Ok(findings)
}

/// What came of the races: each count must be nought.
fn judged(races: Races, surplus: u64) -> [Finding; 3] {
    let Races { ended, presentations, double_mints, refusals } = races;
    let among = || Series::of("presentations", real(presentations));
    let nought = |what: String, count: u64, against: &str, among: Series| {
        let count = Series::of("", real(count));
        Finding::beside(what, count, against, among, Bound::AtMost(0.0))
    };
    [
        nought(
            format!("successors beyond one of a refresh token, {ended} races of 2 to 16"),
            double_mints,
            "all answers",
            among(),
        ),
        nought(
            "refusals of a token within its window".to_owned(),
            refusals,
            "all answers",
            among(),
        ),
        nought(
            "live tokens beyond those answered, as their revocation counts them".to_owned(),
            surplus,
            "all races",
            Series::of("races", real(ended)),
        ),
    ]
}

/// Revokes everything that was granted here; how many tokens more than `halves` were ended.
fn surplus(client: &mut Client, bearer: &str, halves: u64) -> Outcome<u64> {
    let body = format!(r#"{{"realm_name":"{REALM}"}}"#);
    let request = request("DELETE", "/_security/oauth2/token", bearer, &body);
    let answer = client.call(&request)?.expect(200)?;
    let ended = answer.number("/invalidated_tokens")?;
    let counts = (answer.number("/previously_invalidated_tokens")?, answer.number("/error_count")?);
    if ended < halves || counts != (0, 0) {
        let found = format!("{ended} and {counts:?} instead of {halves} and nothing");
        return Err(BenchError::Answer(found));
    }
    client.call(&filling::show(bearer.trim_start_matches("Bearer ")))?.expect(401)?;
    Ok(ended.saturating_sub(halves))
}

/// Races that go on at once: their commits share syncs.
const LANES: usize = 8;
/// Seconds of load before anything is measured.
const WARM_S: f64 = 0.5;
/// The realm of the superuser.
const REALM: &str = "reserved";
