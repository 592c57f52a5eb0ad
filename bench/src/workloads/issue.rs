//! Durable grants: many connections share one sync, so their rate is a multiple of one connection's
//! and of what the disk can sync.

use std::net::SocketAddr;

use super::Bench;
use crate::disk::Disk;
use crate::error::Outcome;
use crate::http::{Client, request};
use crate::load::{Generator, Load, Shot, Until, Waiting};
use crate::process::Core;
use crate::report::{Bound, Finding, progress};
use crate::rival::postgres::{self, Issuers};
use crate::rival::tool::Tool;
use crate::server::Server;
use crate::site::{Site, superuser_token};
use crate::stats::Series;

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let mut mint = Mint::open(bench, "issue")?;
    let mut disk = Disk::prepare(&bench.scratch)?;
    let (mut many, mut one) = (Series::new(GRANTS), Series::new(GRANTS));
    let mut syncs = Series::new("syncs/s");
    for run in 1..=bench.scale.runs {
        progress(&format!("issue: run {run} of {}", bench.scale.runs));
        one.push(mint.rate(1, bench.scale.run_s)?);
        many.push(mint.rate(MANY, bench.scale.run_s)?);
        syncs.push(disk.rate(bench.scale.run_s)?);
    }
    disk.remove()?;
    mint.close()?;
    let what = format!("durable grants, {MANY} connections");
    Ok(vec![
        Finding::ratio(what.clone(), many.clone(), "one connection", one, Bound::AtLeast(4.0)),
        Finding::ratio(what, many, "write 4 KiB over and fdatasync", syncs, Bound::AtLeast(5.0)),
    ])
}

/// The same against a database: a row for each, from as many connections.
pub(super) fn against_postgres(bench: &Bench) -> Outcome<Vec<Finding>> {
    let mut mint = Mint::open(bench, "issue-postgres")?;
    let database = postgres::start(&bench.scratch, Core::Any)?;
    let issuers = Issuers::connect(database.address(), MANY)?;
    issuers.rate(WARM_S)?;
    let (mut grants, mut inserts) = (Series::new(GRANTS), Series::new("rows/s"));
    for run in 1..=bench.scale.runs {
        progress(&format!("issue-postgres: run {run} of {}", bench.scale.runs));
        grants.push(mint.rate(MANY, bench.scale.run_s)?);
        inserts.push(issuers.rate(bench.scale.run_s)?);
    }
    drop(issuers);
    database.end()?;
    mint.close()?;
    Ok(vec![Finding::ratio(
        format!("durable grants, {MANY} connections"),
        grants,
        format!("PostgreSQL {}: INSERT of a row, as many", Tool::Postgres.version()?),
        inserts,
        Bound::AtLeast(2.5),
    )])
}

/// A server that grants.
pub(super) struct Mint {
    site: Site,
    server: Server,
    bearer: String,
    shots: [Shot; 1],
    /// Access tokens that it has granted.
    granted: u64,
}

impl Mint {
    /// Starts it and makes it warm.
    pub(super) fn open(bench: &Bench, name: &str) -> Outcome<Self> {
        let site = bench.site(name)?;
        let server = site.start(Core::Any, &[])?;
        let bearer =
            format!("Bearer {}", superuser_token(&mut Client::connect(server.address())?)?);
        let body = r#"{"grant_type":"client_credentials"}"#;
        let request = request("POST", "/_security/oauth2/token", &bearer, body);
        let contains = b"\"access_token\"".as_slice().into();
        let shots = [Shot { request: request.into(), contains }];
        // The bearer is the first one.
        let mut mint = Self { site, server, bearer, shots, granted: 1 };
        mint.rate(MANY, WARM_S)?;
        Ok(mint)
    }

    /// Where it listens.
    pub(super) const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The authorization of a client that may do everything.
    pub(super) fn bearer(&self) -> &str {
        &self.bearer
    }

    /// Access tokens that it has granted, that of its client included.
    pub(super) const fn granted(&self) -> u64 {
        self.granted
    }

    /// Grants a second over so many connections.
    pub(super) fn rate(&mut self, connections: usize, seconds: f64) -> Outcome<f64> {
        let load = Load {
            shots: &self.shots,
            status: 200,
            until: Until::Seconds(seconds),
            waiting: Waiting::Sleeping,
        };
        let tally = Generator::connect(self.server.address(), connections)?.send(&load)?;
        self.granted = self.granted.saturating_add(tally.answers);
        Ok(tally.rate())
    }

    pub(super) fn close(self) -> Outcome<()> {
        self.server.stop()?;
        self.site.remove()
    }
}

pub(super) const MANY: usize = 64;
/// Seconds of load before anything is measured.
const WARM_S: f64 = 0.5;
const GRANTS: &str = "grants/s";
