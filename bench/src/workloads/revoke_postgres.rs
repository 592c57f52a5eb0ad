//! Bulk revocation against a database: its rows are updated one by one, or the epoch of their realm is,
//! which tells nobody how many tokens it ends.

use super::revoke::{Revoking, Target};
use super::{Bench, LARGE_REALM, WARM_REALM};
use crate::error::{BenchError, Outcome};
use crate::filling::Ending;
use crate::process::Core;
use crate::report::{Bound, Finding, progress};
use crate::rival::postgres::{self, BUMP_EPOCH, REVOKE_REALM, Session};
use crate::rival::tool::Tool;
use crate::site::Site;
use crate::stats::{Series, real};

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let template = bench.large_site("revoke-postgres", Ending::Closed)?;
    let (large, small) = (bench.scale.large_pairs, bench.scale.small_pairs);
    let warm = Target::of(&template, WARM_REALM, small)?;
    let target = Target::of(&template, LARGE_REALM, large)?;
    let database = postgres::start(&bench.scratch, Core::Any)?;
    let session = Session::open(database.address())?;
    let mut series = [(); 3].map(|()| Series::new("ms"));
    let [revocations, updates, epochs] = &mut series;
    for run in 1..=bench.scale.runs {
        progress(&format!("revoke-postgres: run {run} of {}", bench.scale.runs));
        let table = Table { session: &session, large, small };
        table.fill()?;
        for _ in 0..TURNS {
            revocations.push(revoke(bench, &template, &warm, &target)?);
            epochs.push(table.bump()?);
        }
        updates.push(table.update()?);
    }
    drop(session);
    database.end()?;
    template.remove()?;
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

/// Milliseconds of a revocation by a server that was just started on a copy.
fn revoke(bench: &Bench, template: &Site, warm: &Target, target: &Target) -> Outcome<f64> {
    let site = template.copy(bench.scratch.join("revoke-postgres-run"))?;
    let server = site.start(Core::Any, &[])?;
    let mut revoking = Revoking::connect(server.address())?;
    revoking.revoke(warm)?;
    let ms = revoking.revoke(target)?;
    server.stop()?;
    site.remove()?;
    Ok(ms)
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
        self.timed(BUMP_EPOCH, postgres::SMALL_REALM, 1)?;
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
