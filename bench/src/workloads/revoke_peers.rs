//! Bulk revocation against others: their rows or keys are changed one by one, or the epoch of a realm
//! is, which tells nobody how many tokens it ends.

use super::revoke::{Revoking, Target};
use super::{Bench, LARGE_REALM, WARM_REALM};
use crate::clock::Stopwatch;
use crate::error::{BenchError, Outcome};
use crate::filling::Ending;
use crate::process::Core;
use crate::report::{Bound, Finding, progress};
use crate::rival::postgres::{self, BUMP_EPOCH, REVOKE_REALM, Session};
use crate::rival::redis;
use crate::rival::tool::Tool;
use crate::site::Site;
use crate::stats::{Series, real};

/// `PostgreSQL`.
pub(super) fn against_postgres(bench: &Bench) -> Outcome<Vec<Finding>> {
    let realms = Realms::prepare(bench, "revoke-postgres")?;
    let (large, small) = (bench.scale.large_pairs, bench.scale.small_pairs);
    let database = postgres::start(&bench.scratch, Core::Any)?;
    let session = Session::open(database.address())?;
    let mut series = [(); 3].map(|()| Series::new("ms"));
    let [revocations, updates, epochs] = &mut series;
    for run in 1..=bench.scale.runs {
        progress(&format!("revoke-postgres: run {run} of {}", bench.scale.runs));
        let table = Table { session: &session, large, small };
        table.fill()?;
        for _ in 0..TURNS {
            revocations.push(realms.revoke()?);
            epochs.push(table.bump()?);
        }
        updates.push(table.update()?);
    }
    drop(session);
    database.end()?;
    realms.leave()?;
    let [revocations, updates, epochs] = series;
    let version = Tool::Postgres.version()?;
    Ok(vec![
        Finding::ratio(
            format!("PostgreSQL {version}: UPDATE of {large} rows of one realm"),
            updates,
            format!("invalidate a realm with {large} live pairs"),
            revocations.clone(),
            Bound::AtLeast(1_000.0),
        ),
        Finding::ratio(
            format!("invalidate a realm with {large} live pairs, counted"),
            revocations,
            format!("PostgreSQL {version}: UPDATE of the realm's epoch, not counted"),
            epochs,
            Bound::AtMost(2.0),
        ),
    ])
}

/// Redis.
pub(super) fn against_redis(bench: &Bench) -> Outcome<Vec<Finding>> {
    let realms = Realms::prepare(bench, "revoke-redis")?;
    let large = bench.scale.large_pairs;
    let store = redis::start(&bench.scratch, Core::Any)?;
    let mut session = redis::Session::open(store.address())?;
    let mut series = [(); 3].map(|()| Series::new("ms"));
    let [revocations, removals, epochs] = &mut series;
    for run in 1..=bench.scale.runs {
        progress(&format!("revoke-redis: run {run} of {}", bench.scale.runs));
        session.fill(large)?;
        for _ in 0..TURNS {
            revocations.push(realms.revoke()?);
            for _ in 0..WARMING {
                session.bump_epoch()?;
            }
            epochs.push(timed(|| session.bump_epoch())?.1);
        }
        let (keys, ms) = timed(|| session.revoke_realm())?;
        if u64::try_from(large) != Ok(keys) {
            return Err(BenchError::Answer(format!("{keys} keys were removed, not {large}")));
        }
        removals.push(ms);
    }
    drop(session);
    store.end()?;
    realms.leave()?;
    let [revocations, removals, epochs] = series;
    let version = Tool::Redis.version()?;
    Ok(vec![
        Finding::ratio(
            format!("Redis {version}: UNLINK of {large} keys of one realm, by a script"),
            removals,
            format!("invalidate a realm with {large} live pairs"),
            revocations.clone(),
            Bound::None,
        ),
        Finding::ratio(
            format!("invalidate a realm with {large} live pairs, counted"),
            revocations,
            format!("Redis {version}: INCR of the realm's epoch, not counted"),
            epochs,
            Bound::None,
        ),
    ])
}

/// A directory with a large realm and one to make a server warm.
struct Realms<'a> {
    bench: &'a Bench,
    template: Site,
    warm: Target,
    large: Target,
}

impl<'a> Realms<'a> {
    fn prepare(bench: &'a Bench, name: &str) -> Outcome<Self> {
        let template = bench.large_site(name, Ending::Closed)?;
        let warm = Target::of(&template, WARM_REALM, bench.scale.small_pairs)?;
        let large = Target::of(&template, LARGE_REALM, bench.scale.large_pairs)?;
        Ok(Self { bench, template, warm, large })
    }

    /// Milliseconds of a revocation by a server that was just started on a copy.
    fn revoke(&self) -> Outcome<f64> {
        let site = self.template.copy(self.bench.scratch.join("revoke-peers-run"))?;
        let server = site.start(Core::Any, &[])?;
        let mut revoking = Revoking::connect(server.address())?;
        revoking.revoke(&self.warm)?;
        for _ in 0..WARMING {
            revoking.grant()?;
        }
        let ms = revoking.revoke(&self.large)?;
        server.stop()?;
        site.remove()?;
        // What was removed must not be in the way of whoever writes next.
        rustix::fs::sync();
        Ok(ms)
    }

    fn leave(self) -> Outcome<()> {
        self.template.remove()
    }
}

/// What some work came to, and the milliseconds that it took.
fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, f64)> {
    let watch = Stopwatch::start();
    let done = work()?;
    Ok((done, watch.seconds() * real(1_000)))
}

/// The table of tokens: a realm with many rows and one with few, to make it warm.
struct Table<'a> {
    session: &'a Session,
    large: usize,
    small: usize,
}

impl Table<'_> {
    fn fill(&self) -> Outcome<()> {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.session.fill(count(self.large), count(self.small))
    }

    /// Milliseconds of ending a realm by its epoch.
    fn bump(&self) -> Outcome<f64> {
        for _ in 0..WARMING {
            self.timed(BUMP_EPOCH, postgres::SMALL_REALM, 1)?;
        }
        self.timed(BUMP_EPOCH, postgres::LARGE_REALM, 1)
    }

    /// Milliseconds of ending a realm row by row.
    fn update(&self) -> Outcome<f64> {
        self.timed(REVOKE_REALM, postgres::SMALL_REALM, self.small)?;
        self.timed(REVOKE_REALM, postgres::LARGE_REALM, self.large)
    }

    fn timed(&self, statement: &str, realm: i32, wanted: usize) -> Outcome<f64> {
        let (rows, seconds) = self.session.timed(statement, &[&realm])?;
        if u64::try_from(wanted) == Ok(rows) {
            return Ok(seconds * real(1_000));
        }
        Err(BenchError::Answer(format!("{rows} rows were updated instead of {wanted}")))
    }
}

/// A revocation takes a few milliseconds, most of them waiting for the disk: many tell more than few.
const TURNS: usize = 3;
/// Commits before the one that counts, on every side: what was just copied or stored has settled then.
const WARMING: usize = 10;
