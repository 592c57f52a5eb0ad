//! Bulk revocation: a realm with many pairs against one with few, with exact counts.

use std::net::SocketAddr;

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
    // Read once: a client that worked hard just before would be scheduled late, and timed so.
    let [warm, small_realm, large_realm] =
        [(WARM_REALM, small), (SMALL_REALM, small), (LARGE_REALM, large)]
            .map(|(realm, pairs)| Target::of(&template, realm, pairs));
    let (warm, small_realm, large_realm) = (warm?, small_realm?, large_realm?);
    let (mut of_large, mut of_small) = (Series::new("ms"), Series::new("ms"));
    let runs = bench.scale.runs.saturating_mul(TURNS);
    for run in 1..=runs {
        progress(&format!("revoke: run {run} of {runs}"));
        let site = template.copy(bench.scratch.join("revoke-run"))?;
        let server = site.start(Core::Any, &[])?;
        let mut revoking = Revoking::connect(server.address())?;
        revoking.revoke(&warm)?;
        // In turns, so that neither is always the first.
        if run.is_multiple_of(2) {
            of_large.push(revoking.revoke(&large_realm)?);
            of_small.push(revoking.revoke(&small_realm)?);
        } else {
            of_small.push(revoking.revoke(&small_realm)?);
            of_large.push(revoking.revoke(&large_realm)?);
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

/// A realm that is revoked.
pub(super) struct Target {
    realm: &'static str,
    pairs: usize,
    /// Requests that show some of its tokens.
    samples: Vec<Box<[u8]>>,
}

impl Target {
    /// With some of its tokens, which `site` knows.
    pub(super) fn of(site: &Site, realm: &'static str, pairs: usize) -> Outcome<Self> {
        let texts = filling::texts(site, realm)?;
        let samples = texts.iter().step_by((texts.len() / 10).max(1));
        Ok(Self { realm, pairs, samples: samples.map(|token| filling::show(token)).collect() })
    }
}

/// A client that may revoke.
pub(super) struct Revoking {
    client: Client,
    bearer: String,
}

impl Revoking {
    /// Connects to a server.
    pub(super) fn connect(address: SocketAddr) -> Outcome<Self> {
        let mut client = Client::connect(address)?;
        let bearer = format!("Bearer {}", superuser_token(&mut client)?);
        Ok(Self { client, bearer })
    }

    /// Commits a grant, which ends no token.
    pub(super) fn grant(&mut self) -> Outcome<()> {
        let body = r#"{"grant_type":"client_credentials"}"#;
        let request = request("POST", "/_security/oauth2/token", &self.bearer, body);
        self.client.call(&request)?.expect(200)?;
        Ok(())
    }

    /// Revokes a realm; the milliseconds that it took. The counts and some tokens are checked.
    pub(super) fn revoke(&mut self, target: &Target) -> Outcome<f64> {
        let Target { realm, pairs, samples } = target;
        for show in samples {
            self.client.call(show)?.expect(200)?;
        }
        let body = format!(r#"{{"realm_name":"{realm}"}}"#);
        let request = request("DELETE", "/_security/oauth2/token", &self.bearer, &body);
        let watch = Stopwatch::start();
        let answer = self.client.call(&request)?.expect(200)?;
        let seconds = watch.seconds();
        let counts = (answer.number("/invalidated_tokens")?, answer.number("/error_count")?);
        let halves = u64::try_from(*pairs).unwrap_or_default().saturating_mul(2);
        if counts != (halves, 0) || answer.number("/previously_invalidated_tokens")? != 0 {
            return Err(BenchError::Answer(format!("{counts:?} instead of {halves} and 0")));
        }
        for show in samples {
            self.client.call(show)?.expect(401)?;
        }
        Ok(seconds * real(1_000))
    }
}
