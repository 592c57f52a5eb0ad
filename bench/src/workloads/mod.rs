//! The workloads: one file each, every one a function from a bench to findings.

use std::path::PathBuf;

use crate::error::Outcome;
use crate::filling::{self, Ending, Fill};
use crate::report::{Finding, progress};
use crate::server::Programs;
use crate::site::Site;

mod issue;
mod query;
mod revoke;
mod size;
mod start;
mod validate;

/// A workload: its name on the command line, and what runs it.
pub(crate) struct Workload {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) what: &'static str,
    /// Runs it.
    pub(crate) run: fn(&Bench) -> Outcome<Vec<Finding>>,
}

/// Every workload, in the order of the table.
pub(crate) const ALL: &[Workload] = &[
    Workload {
        name: "validate",
        what: "authenticate with valid and with forged tokens, against a static server",
        run: validate::run,
    },
    Workload {
        name: "issue",
        what: "durable grants over 64 connections, against one",
        run: issue::run,
    },
    Workload {
        name: "revoke",
        what: "invalidate a large realm, against a small one",
        run: revoke::run,
    },
    Workload {
        name: "start",
        what: "first answer of a full store, closed and killed, against an empty one",
        run: start::run,
    },
    Workload {
        name: "query",
        what: "search many users and put one of them, against few users",
        run: query::run,
    },
    Workload { name: "size", what: "bytes on disk and in memory for each pair", run: size::run },
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
    /// Pairs of a large realm.
    pub(crate) large_pairs: usize,
    /// Pairs of a small realm.
    pub(crate) small_pairs: usize,
    /// Users of a large crowd.
    pub(crate) many_users: usize,
    /// Users of a small crowd.
    pub(crate) few_users: usize,
}

impl Scale {
    /// The real thing.
    pub(crate) const FULL: Self = Self {
        runs: 5,
        run_s: 3.0,
        hot_tokens: 10_000,
        large_pairs: 1_000_000,
        small_pairs: 1_000,
        many_users: 100_000,
        few_users: 1_000,
    };

    /// Enough to see that every workload runs and every answer is right.
    pub(crate) const QUICK: Self = Self {
        runs: 1,
        run_s: 0.3,
        hot_tokens: 500,
        large_pairs: 5_000,
        small_pairs: 1_000,
        many_users: 3_000,
        few_users: 1_000,
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
}

impl Bench {
    /// A new server's directories.
    fn site(&self, name: &str) -> Outcome<Site> {
        Site::create(self.scratch.join(name), &self.programs)
    }

    /// Directories of a server with a large realm and some small ones.
    fn large_site(&self, name: &str, ending: Ending) -> Outcome<Site> {
        let site = self.site(name)?;
        progress(&format!("filling a store with {} pairs", self.scale.large_pairs));
        let small = |realm| Fill { realm, pairs: self.scale.small_pairs, users: USERS };
        let fills = [small(WARM_REALM), small(SMALL_REALM), self.large_realm()];
        filling::fill(&site, &self.programs, &fills, ending)?;
        Ok(site)
    }

    const fn large_realm(&self) -> Fill<'static> {
        Fill { realm: LARGE_REALM, pairs: self.scale.large_pairs, users: USERS }
    }
}

/// A realm whose revocation makes the server's code warm.
const WARM_REALM: &str = "warm";
/// A realm with few pairs.
const SMALL_REALM: &str = "small";
/// A realm with many pairs.
const LARGE_REALM: &str = "large";
/// Users of each realm.
const USERS: usize = 1_000;
