//! The store of ten million pairs: made once, and copied for every run that needs one.
//!
//! Owns its realms, each with a tenth of the pairs of the one before it, and the two states in
//! which it is found. Must not know what is measured on it.

use std::cell::OnceCell;

use super::{Bench, USERS};
use crate::error::{BenchError, Outcome};
use crate::filling::{self, Ending, Fill};
use crate::report::progress;
use crate::site::Site;

/// Directories that are made on first demand and stay until the program ends.
#[derive(Debug, Default)]
pub(crate) struct Vast {
    closed: OnceCell<Site>,
    killed: OnceCell<Site>,
}

impl Bench {
    /// The store of ten million pairs, to be copied: closed in order, or killed with as much in its
    /// journal as a start can find.
    pub(super) fn vast(&self, ending: Ending) -> Outcome<&Site> {
        let Vast { closed, killed } = &self.vast;
        let made = || {
            progress(&format!("filling a store with {} pairs and more", self.scale.vast_pairs));
            let site = self.site("vast-closed")?;
            filling::fill(&site, &self.programs, &self.vast_fills(), Ending::Closed)?;
            Ok(site)
        };
        let closed = once(closed, made)?;
        if ending == Ending::Closed {
            return Ok(closed);
        }
        once(killed, || {
            progress("filling its journal");
            let site = closed.copy(self.scratch.join("vast-killed"))?;
            filling::brim(&site, &self.programs, &Self::BRIM)?;
            Ok(site)
        })
    }

    /// The realm of this rank: each has a tenth of the pairs of the one before it.
    pub(super) fn vast_fill(&self, rank: usize) -> Fill<'static> {
        let realm = VAST_REALMS.get(rank).copied().unwrap_or("none");
        let parts = u32::try_from(rank).ok().and_then(|rank| 10_usize.checked_pow(rank));
        let pairs = self.scale.vast_pairs.checked_div(parts.unwrap_or(usize::MAX));
        let users = if rank == 0 { VAST_USERS } else { USERS };
        Fill { realm, pairs: pairs.unwrap_or_default().max(1), users }
    }

    /// A realm whose pairs fill the journal of the store that is killed.
    pub(super) const BRIM: Fill<'static> = Fill { realm: "brim", pairs: 0, users: USERS };

    /// How many pairs the closed store holds.
    pub(super) fn vast_stored(&self) -> usize {
        self.vast_fills().iter().map(|fill| fill.pairs).sum()
    }

    fn vast_fills(&self) -> Vec<Fill<'static>> {
        let warm = |realm| Fill { realm, pairs: self.scale.small_pairs, users: USERS };
        let hot = Fill { realm: HOT_REALM, pairs: self.scale.hot_tokens, users: USERS };
        let warm = WARM_REALMS.into_iter().map(warm).chain([hot]);
        warm.chain((0..VAST_REALMS.len()).rev().map(|rank| self.vast_fill(rank))).collect()
    }
}

fn once(cell: &OnceCell<Site>, make: impl FnOnce() -> Outcome<Site>) -> Outcome<&Site> {
    if cell.get().is_none() {
        // It was empty just now, and nobody else holds it.
        drop(cell.set(make()?));
    }
    cell.get().ok_or_else(|| BenchError::Setup("no directory was made".to_owned()))
}

/// The realms by rank.
pub(super) const VAST_REALMS: [&str; 4] = ["vast", "vast-10th", "vast-100th", "vast-1000th"];
/// Realms with few pairs, whose revocation makes the server's code warm.
pub(super) const WARM_REALMS: [&str; 6] =
    ["warm-0", "warm-1", "warm-2", "warm-3", "warm-4", "warm-5"];
/// A realm whose tokens are validated while others are revoked.
pub(super) const HOT_REALM: &str = "hot";
/// Users of the largest realm.
const VAST_USERS: usize = 10_000;
