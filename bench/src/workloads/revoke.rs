//! Bulk revocation: a realm with many pairs against one with few, with exact counts.

use super::{Bench, LARGE_REALM, SMALL_REALM, WARM_REALM};
use crate::clock::Stopwatch;
use crate::error::{BenchError, Outcome};
use crate::filling::{self, Ending};
use crate::http::{Client, request};
use crate::process::Core;
use crate::report::{Bound, Finding, progress};
use crate::site::{Site, superuser_token};
use crate::stats::{Series, real};

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let template = bench.large_site("revoke", Ending::Closed)?;
    let (large, small) = (bench.scale.large_pairs, bench.scale.small_pairs);
    let (mut of_large, mut of_small) = (Series::new("ms"), Series::new("ms"));
    let runs = bench.scale.runs.saturating_mul(TURNS);
    for run in 1..=runs {
        progress(&format!("revoke: run {run} of {runs}"));
        let site = template.copy(bench.scratch.join("revoke-run"))?;
        let server = site.start(Core::Any, &[])?;
        let mut client = Client::connect(server.address())?;
        let bearer = format!("Bearer {}", superuser_token(&mut client)?);
        let mut revoking = Revoking { site: &site, client, bearer };
        revoking.revoke(WARM_REALM, small)?;
        // In turns, so that neither is always the first.
        if run.is_multiple_of(2) {
            of_large.push(revoking.revoke(LARGE_REALM, large)?);
            of_small.push(revoking.revoke(SMALL_REALM, small)?);
        } else {
            of_small.push(revoking.revoke(SMALL_REALM, small)?);
            of_large.push(revoking.revoke(LARGE_REALM, large)?);
        }
        server.stop()?;
        site.remove()?;
    }
    template.remove()?;
    Ok(vec![Finding::ratio(
        format!("invalidate a realm with {large} live pairs"),
        of_large,
        format!("{small} pairs"),
        of_small,
        Bound::AtMost(3.0),
    )])
}

/// A revocation takes a few milliseconds, most of them waiting for the disk: many tell more than few.
const TURNS: usize = 3;

struct Revoking<'a> {
    site: &'a Site,
    client: Client,
    bearer: String,
}

impl Revoking<'_> {
    /// Revokes a realm; the milliseconds that it took. The counts and some tokens are checked.
    fn revoke(&mut self, realm: &str, pairs: usize) -> Outcome<f64> {
        let texts = filling::texts(self.site, realm)?;
        let samples: Vec<&String> = texts.iter().step_by((texts.len() / 10).max(1)).collect();
        for token in &samples {
            self.client.call(&filling::show(token))?.expect(200)?;
        }
        let body = format!(r#"{{"realm_name":"{realm}"}}"#);
        let request = request("DELETE", "/_security/oauth2/token", &self.bearer, &body);
        let watch = Stopwatch::start();
        let answer = self.client.call(&request)?.expect(200)?;
        let seconds = watch.seconds();
        let counts = (answer.number("/invalidated_tokens")?, answer.number("/error_count")?);
        let halves = u64::try_from(pairs).unwrap_or_default().saturating_mul(2);
        if counts != (halves, 0) || answer.number("/previously_invalidated_tokens")? != 0 {
            return Err(BenchError::Answer(format!("{counts:?} instead of {halves} and 0")));
        }
        for token in &samples {
            self.client.call(&filling::show(token))?.expect(401)?;
        }
        Ok(seconds * real(1_000))
    }
}
