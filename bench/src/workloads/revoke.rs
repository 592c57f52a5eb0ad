//! Bulk revocation: realms from many pairs to few, each with exact counts.

use std::net::SocketAddr;

use super::vast::{VAST_REALMS, WARM_REALMS};
use super::{Bench, USERS};
use crate::clock::Stopwatch;
use crate::error::{BenchError, Outcome};
use crate::filling::{self, Ending, Fill};
use crate::http::{Answer, Client, request};
use crate::process::Core;
use crate::report::{Bound, Curve, Finding, progress};
use crate::site::{Site, superuser_token};
use crate::stats::{Series, real};
use crate::tokens::Tokens;

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let template = bench.vast(Ending::Closed)?;
    let ranks = Ranks::of(bench, template)?;
    let mut series = VAST_REALMS.map(|_| Series::new("ms"));
    let runs = bench.scale.vast_runs.saturating_mul(TURNS);
    for run in 1..=runs {
        progress(&format!("revoke: run {run} of {runs}"));
        let site = template.copy(bench.scratch.join("revoke-run"))?;
        let server = site.start(Core::Any, &[])?;
        let mut revoking = Revoking::connect(server.address())?;
        for warm in &ranks.warm {
            revoking.revoke(warm)?;
        }
        // In turns, so that none is always the first.
        let mut pairs: Vec<_> = ranks.targets.iter().zip(&mut series).collect();
        if run.is_multiple_of(2) {
            pairs.reverse();
        }
        for (target, series) in pairs {
            revoking.settle()?;
            series.push(revoking.revoke(target)?);
        }
        server.stop()?;
        site.remove()?;
    }
    Ok(findings(&ranks, series))
}

fn findings(ranks: &Ranks, series: [Series; 4]) -> Vec<Finding> {
    let points = ranks.targets.iter().map(|target| target.pairs).zip(&series);
    let curve = curve("Jeton, counted", points);
    let [vast, tenth, hundredth, thousandth] = series;
    let [of_vast, of_tenth, of_hundredth, of_thousandth] = ranks.names();
    let against = |what: String, series: Series, bound| {
        Finding::ratio(what, series, of_thousandth.clone(), thousandth.clone(), bound)
    };
    vec![
        against(format!("invalidate {of_vast}"), vast.clone(), Bound::AtMost(1.5))
            .with_curves(vec![curve]),
        Finding::beside(
            format!("the same in milliseconds, {of_vast}"),
            vast,
            of_thousandth.clone(),
            thousandth.clone(),
            Bound::AtMost(20.0),
        ),
        against(format!("invalidate {of_tenth}"), tenth, Bound::None),
        against(format!("invalidate {of_hundredth}"), hundredth, Bound::None),
    ]
}

/// A line of the plot of revocations: milliseconds by pairs of the realm.
pub(super) fn curve<'a>(
    name: &str,
    points: impl IntoIterator<Item = (usize, &'a Series)>,
) -> Curve {
    let points = points
        .into_iter()
        .map(|(pairs, series)| (real(u64::try_from(pairs).unwrap_or_default()), series.median()));
    Curve::new("revoke", name, points.collect())
}

/// A revocation takes a few milliseconds, most of them waiting for the disk: many tell more than
/// few.
const TURNS: usize = 5;

/// The realms of the store that all share: those that are measured, and those that make a server
/// warm.
pub(super) struct Ranks {
    /// From the one with most pairs to the one with fewest.
    pub(super) targets: Vec<Target>,
    /// Small ones.
    pub(super) warm: Vec<Target>,
}

impl Ranks {
    /// With some tokens of each. They are read once: a client that worked hard just before would be
    /// scheduled late, and timed so.
    pub(super) fn of(bench: &Bench, template: &Site) -> Outcome<Self> {
        let target = |rank| Target::of(template, &bench.vast_fill(rank));
        let warm = |realm| {
            let fill = Fill { realm, pairs: bench.scale.small_pairs, users: USERS };
            Target::of(template, &fill)
        };
        Ok(Self {
            targets: (0..VAST_REALMS.len()).map(target).collect::<Outcome<_>>()?,
            warm: WARM_REALMS.into_iter().map(warm).collect::<Outcome<_>>()?,
        })
    }

    /// Their sizes in words.
    pub(super) fn names(&self) -> [String; 4] {
        let mut targets = self.targets.iter();
        [(); 4].map(|()| {
            let pairs = targets.next().map_or(0, |target| target.pairs);
            format!("a realm with {pairs} live pairs")
        })
    }
}

/// What is revoked at once: a realm, or a user of one.
pub(super) struct Target {
    /// The request's body.
    selector: String,
    pairs: usize,
    /// Requests that show some of its tokens.
    samples: Vec<Box<[u8]>>,
}

impl Target {
    /// A realm, with some of its tokens, which `site` knows.
    pub(super) fn of(site: &Site, fill: &Fill<'_>) -> Outcome<Self> {
        let Fill { realm, pairs, users } = *fill;
        let tokens = Tokens::load(site, realm, users)?;
        let step = (tokens.len() / SAMPLES).max(1);
        let samples = (0..tokens.len()).step_by(step);
        let samples = samples.map(|place| filling::show(&tokens.string(place))).collect();
        Ok(Self { selector: format!(r#"{{"realm_name":"{realm}"}}"#), pairs, samples })
    }

    /// A user, of whom these are all pairs.
    pub(super) fn user(realm: &str, name: &str, tokens: &[String]) -> Self {
        let samples = tokens.first().into_iter().chain(tokens.last());
        Self {
            selector: format!(r#"{{"realm_name":"{realm}","username":"{name}"}}"#),
            pairs: tokens.len(),
            samples: samples.map(|token| filling::show(token)).collect(),
        }
    }

    /// The request that revokes it.
    pub(super) fn request(&self, bearer: &str) -> Vec<u8> {
        request("DELETE", "/_security/oauth2/token", bearer, &self.selector)
    }

    /// Shows some of its tokens.
    pub(super) fn show(&self, client: &mut Client, status: u16) -> Outcome<()> {
        self.samples.iter().try_for_each(|show| client.call(show)?.expect(status).map(drop))
    }

    /// Checks the counts in the answer to its revocation: two halves a pair, none of them dead
    /// before.
    pub(super) fn check(&self, answer: &Answer) -> Outcome<()> {
        let halves = u64::try_from(self.pairs).unwrap_or_default().saturating_mul(2);
        let number = |name| answer.number(name);
        let counts = [
            number("/invalidated_tokens")?,
            number("/previously_invalidated_tokens")?,
            number("/error_count")?,
        ];
        if counts == [halves, 0, 0] {
            return Ok(());
        }
        Err(BenchError::Answer(format!("{counts:?} instead of {halves} and nothing")))
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

    /// Its authorization.
    pub(super) fn bearer(&self) -> &str {
        &self.bearer
    }

    /// Its connection.
    pub(super) const fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Commits some grants, which end no token: what was just copied or stored has settled then.
    pub(super) fn settle(&mut self) -> Outcome<()> {
        let body = r#"{"grant_type":"client_credentials"}"#;
        let request = request("POST", "/_security/oauth2/token", &self.bearer, body);
        for _ in 0..SETTLING {
            self.client.call(&request)?.expect(200)?;
        }
        Ok(())
    }

    /// Revokes a target; the milliseconds that it took. The counts and some tokens are checked.
    pub(super) fn revoke(&mut self, target: &Target) -> Outcome<f64> {
        target.show(&mut self.client, 200)?;
        let request = target.request(&self.bearer);
        let watch = Stopwatch::start();
        let answer = self.client.call(&request)?.expect(200)?;
        let seconds = watch.seconds();
        target.check(&answer)?;
        target.show(&mut self.client, 401)?;
        Ok(seconds * real(1_000))
    }
}

/// Tokens of a realm that are shown before and after.
const SAMPLES: usize = 10;
/// Commits before one that counts.
pub(super) const SETTLING: usize = 10;
