//! The workloads: one file each, every one a function from a bench to findings.

use std::path::PathBuf;

use crate::error::Outcome;
use crate::report::Finding;
use crate::rival::tool::Tool;
use crate::server::Programs;
use crate::site::Site;
use vast::Vast;

mod cold;
mod fixed;
pub(crate) mod hours;
mod issue;
mod peers;
mod query;
mod refresh;
mod revoke;
mod revoke_busy;
mod revoke_one;
mod revoke_peers;
mod revoke_user;
mod rubbish;
mod side;
mod size;
mod start;
mod validate;
pub(crate) mod vast;

/// A workload: its name on the command line, and what runs it.
pub(crate) struct Workload {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) what: &'static str,
    /// The rivals that it runs against.
    pub(crate) needs: &'static [Tool],
    /// Runs it.
    pub(crate) run: fn(&Bench) -> Outcome<Vec<Finding>>,
}

/// Every workload, in the order of the table.
pub(crate) const ALL: &[Workload] = &[
    Workload {
        name: "validate",
        what: "authenticate with live tokens, against a static server",
        needs: &[],
        run: validate::run,
    },
    Workload {
        name: "validate-tls",
        what: "authenticate under TLS 1.3, against a static server under the same",
        needs: &[],
        run: validate::under_tls,
    },
    Workload {
        name: "validate-pipelined",
        what: "authenticate, sixteen requests at a time on a connection, against a static server",
        needs: &[],
        run: validate::pipelined,
    },
    Workload {
        name: "validate-cold",
        what: "authenticate with ten million live tokens at random, and the memory they take",
        needs: &[],
        run: cold::run,
    },
    Workload {
        name: "validate-refused",
        what: "rubbish, forged, expired and revoked tokens, against live ones",
        needs: &[],
        run: rubbish::run,
    },
    Workload {
        name: "validate-redis",
        what: "authenticate, against a static server that asks Redis",
        needs: &[Tool::Redis],
        run: peers::against_redis,
    },
    Workload {
        name: "validate-postgres",
        what: "authenticate, against a static server that asks PostgreSQL",
        needs: &[Tool::Postgres],
        run: peers::against_postgres,
    },
    Workload {
        name: "validate-oidc",
        what: "authenticate, against introspection by oidc-provider",
        needs: &[Tool::OidcProvider],
        run: peers::against_oidc,
    },
    Workload {
        name: "validate-nginx",
        what: "authenticate for auth_request of nginx, against the same with other stores",
        needs: &[Tool::Nginx, Tool::Redis, Tool::Postgres],
        run: peers::behind_nginx,
    },
    Workload {
        name: "issue",
        what: "durable grants over 64 connections, against one and against the disk",
        needs: &[],
        run: issue::run,
    },
    Workload {
        name: "issue-postgres",
        what: "durable grants over 64 connections, against INSERT over as many",
        needs: &[Tool::Postgres],
        run: issue::against_postgres,
    },
    Workload {
        name: "refresh",
        what: "refreshes over 64 connections, against grants, and races for one refresh token",
        needs: &[],
        run: refresh::run,
    },
    Workload {
        name: "revoke-one",
        what: "invalidate one token, against one sync of the disk",
        needs: &[],
        run: revoke_one::run,
    },
    Workload {
        name: "revoke-one-peers",
        what: "invalidate one token, against others that do so",
        needs: &[Tool::Postgres, Tool::Redis, Tool::OidcProvider],
        run: revoke_one::against_peers,
    },
    Workload {
        name: "revoke-user",
        what: "invalidate users with many pairs, against users with one",
        needs: &[],
        run: revoke_user::run,
    },
    Workload {
        name: "revoke",
        what: "invalidate realms with many pairs, against one with few",
        needs: &[],
        run: revoke::run,
    },
    Workload {
        name: "revoke-busy",
        what: "latency of validation while realms are revoked, against while none is",
        needs: &[],
        run: revoke_busy::run,
    },
    Workload {
        name: "revoke-postgres",
        what: "invalidate a large realm, against UPDATE of its rows and of its epoch",
        needs: &[Tool::Postgres],
        run: revoke_peers::against_postgres,
    },
    Workload {
        name: "revoke-redis",
        what: "invalidate a large realm, against removal of its keys and its epoch in Redis",
        needs: &[Tool::Redis],
        run: revoke_peers::against_redis,
    },
    Workload {
        name: "start",
        what: "first answer of a full store, closed and killed, against an empty one",
        needs: &[],
        run: start::run,
    },
    Workload {
        name: "hours",
        what: "48 simulated hours of issue and expiry: the end against the 25th hour",
        needs: &[],
        run: hours::run,
    },
    Workload {
        name: "query",
        what: "search many users and put one of them, against few users",
        needs: &[],
        run: query::run,
    },
    Workload { name: "size", what: "bytes on disk for each pair", needs: &[], run: size::run },
];

/// How large and how long the workloads are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Runs of each side of a comparison.
    pub(crate) runs: usize,
    /// Seconds of one run under load.
    pub(crate) run_s: f64,
    /// Live tokens that validation shows in turn.
    pub(crate) hot_tokens: usize,
    /// Pairs of the largest realm of the store that is shared by all that need a vast one.
    pub(crate) vast_pairs: usize,
    /// Runs of what is measured on that store.
    pub(crate) vast_runs: usize,
    /// Pairs of a small realm.
    pub(crate) small_pairs: usize,
    /// Users of a large crowd.
    pub(crate) many_users: usize,
    /// Users of a small crowd.
    pub(crate) few_users: usize,
    /// Tokens that one run revokes, one by one.
    pub(crate) revocations: usize,
    /// Races for refresh tokens.
    pub(crate) races: usize,
    /// Grants of one simulated hour.
    pub(crate) grants_an_hour: usize,
}

impl Scale {
    /// The real thing.
    pub(crate) const FULL: Self = Self {
        runs: 5,
        run_s: 3.0,
        hot_tokens: 10_000,
        vast_pairs: 10_000_000,
        vast_runs: 3,
        small_pairs: 1_000,
        many_users: 100_000,
        few_users: 1_000,
        revocations: 400,
        races: 100_000,
        grants_an_hour: 40_320,
    };

    /// Enough to see that every workload runs and every answer is right.
    pub(crate) const QUICK: Self = Self {
        runs: 1,
        run_s: 0.3,
        hot_tokens: 500,
        vast_pairs: 20_000,
        vast_runs: 1,
        small_pairs: 1_000,
        many_users: 3_000,
        few_users: 1_000,
        revocations: 20,
        races: 200,
        grants_an_hour: 504,
    };
}

/// What a workload works with.
#[derive(Debug)]
pub(crate) struct Bench {
    /// Its scale.
    pub(crate) scale: Scale,
    /// The programs.
    pub(crate) programs: Programs,
    /// Where its directories go.
    pub(crate) scratch: PathBuf,
    /// Where results go, and what outlives a run.
    pub(crate) results: PathBuf,
    /// The store of ten million pairs, once it was made.
    pub(crate) vast: Vast,
}

impl Bench {
    /// A new server's directories.
    fn site(&self, name: &str) -> Outcome<Site> {
        Site::create(self.scratch.join(name), &self.programs)
    }
}

/// A realm with few pairs.
const SMALL_REALM: &str = "small";
/// Users of the tokens that validation shows in turn.
const HOT_USERS: usize = 100;
/// Users of each realm.
const USERS: usize = 1_000;
