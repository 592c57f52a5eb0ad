//! Bulk revocation against others: their rows or keys are changed one by one, or the epoch of a
//! realm is, which tells nobody how many tokens it ends.

use super::Bench;
use super::revoke::{Ranks, Revoking, SETTLING, Target, curve};
use crate::clock::Stopwatch;
use crate::error::{BenchError, Outcome};
use crate::filling::Ending;
use crate::process::Core;
use crate::report::{Bound, Finding, progress};
use crate::rival::postgres::{self, BUMP_EPOCH, Database, REVOKE_REALM, Session};
use crate::rival::redis;
use crate::rival::tool::Tool;
use crate::site::Site;
use crate::stats::{Series, real};

/// `PostgreSQL`.
pub(super) fn against_postgres(bench: &Bench) -> Outcome<Vec<Finding>> {
    let (large, small) = (bench.vast_fill(0).pairs, bench.scale.small_pairs);
    let realm = Realm::prepare(bench, 0)?;
    progress(&format!("revoke-postgres: storing {large} rows"));
    let database = Database::create(&bench.scratch)?;
    let server = database.start(Core::Any)?;
    let session = Session::open(server.address())?;
    Table { session: &session, large, small }.fill()?;
    drop(session);
    server.end()?;
    database.keep()?;
    let mut series = [(); 3].map(|()| Series::new("ms"));
    let [revocations, updates, epochs] = &mut series;
    for run in 1..=bench.scale.vast_runs {
        progress(&format!("revoke-postgres: run {run} of {}", bench.scale.vast_runs));
        database.restore()?;
        let server = database.start(Core::Any)?;
        let session = Session::open(server.address())?;
        let table = Table { session: &session, large, small };
        for _ in 0..TURNS {
            revocations.push(realm.revoke()?);
            epochs.push(table.bump()?);
        }
        updates.push(table.update()?);
        drop(session);
        server.end()?;
    }
    database.remove()?;
    let [revocations, updates, epochs] = series;
    let version = Tool::Postgres.version()?;
    Ok(vec![
        Finding::ratio(
            format!("PostgreSQL {version}: UPDATE of {large} rows of one realm"),
            updates.clone(),
            format!("invalidate a realm with {large} live pairs"),
            revocations.clone(),
            Bound::AtLeast(1_000.0),
        )
        .with_curves(vec![
            curve("PostgreSQL UPDATE", [(large, &updates)]),
            curve("PostgreSQL epoch, not counted", [(large, &epochs)]),
        ]),
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
    let large = bench.vast_fill(1).pairs;
    let realm = Realm::prepare(bench, 1)?;
    let store = redis::start(&bench.scratch, Core::Any)?;
    let mut session = redis::Session::open(store.address())?;
    let mut series = [(); 3].map(|()| Series::new("ms"));
    let [revocations, removals, epochs] = &mut series;
    for run in 1..=bench.scale.runs {
        progress(&format!("revoke-redis: run {run} of {}", bench.scale.runs));
        session.fill(large)?;
        for _ in 0..TURNS {
            revocations.push(realm.revoke()?);
            for _ in 0..SETTLING {
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
    let [revocations, removals, epochs] = series;
    let version = Tool::Redis.version()?;
    Ok(vec![
        Finding::ratio(
            format!("Redis {version}: UNLINK of {large} keys of one realm, by a script"),
            removals.clone(),
            format!("invalidate a realm with {large} live pairs"),
            revocations.clone(),
            Bound::None,
        )
        .with_curves(vec![
            curve("Redis UNLINK", [(large, &removals)]),
            curve("Redis epoch, not counted", [(large, &epochs)]),
        ]),
        Finding::ratio(
            format!("invalidate a realm with {large} live pairs, counted"),
            revocations,
            format!("Redis {version}: INCR of the realm's epoch, not counted"),
            epochs,
            Bound::None,
        ),
    ])
}

/// A realm of the store that all share, and others to make a server warm.
struct Realm<'a> {
    bench: &'a Bench,
    template: &'a Site,
    ranks: Ranks,
    rank: usize,
}

impl<'a> Realm<'a> {
    fn prepare(bench: &'a Bench, rank: usize) -> Outcome<Self> {
        let template = bench.vast(Ending::Closed)?;
        Ok(Self { bench, template, ranks: Ranks::of(bench, template)?, rank })
    }

    /// Milliseconds of a revocation by a server that was just started on a copy.
    fn revoke(&self) -> Outcome<f64> {
        let site = self.template.copy(self.bench.scratch.join("revoke-peers-run"))?;
        let server = site.start(Core::Any, &[])?;
        let mut revoking = Revoking::connect(server.address())?;
        for warm in &self.ranks.warm {
            revoking.revoke(warm)?;
        }
        revoking.settle()?;
        let missing = || BenchError::Setup("no realm of this rank".to_owned());
        let target: &Target = self.ranks.targets.get(self.rank).ok_or_else(missing)?;
        let ms = revoking.revoke(target)?;
        server.stop()?;
        site.remove()?;
        // What was removed must not be in the way of whoever writes next.
        rustix::fs::sync();
        Ok(ms)
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
        for _ in 0..SETTLING {
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

/// A revocation takes a few milliseconds, most of them waiting for the disk: many tell more than
/// few.
const TURNS: usize = 3;
