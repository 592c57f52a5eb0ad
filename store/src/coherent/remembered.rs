//! The pairs in memory, in two generations: what was not looked at during one is forgotten.
//!
//! Owns how many pairs there may be, and what is forgotten. It forgets as
//! [`Generations`](super::generations::Generations) does, which cannot be used: each pair has a
//! number of its subject to let go of, and the memory of a table that is forgotten serves the next
//! one.

use core::fmt;
use core::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLockWriteGuard};

use jeton_domain::id::{PairId, Tick};
use jeton_domain::token::access::AccessFacts;

use super::generations::Pressure;
use super::held::HeldSubjects;
use super::known::{HeldSubject, KnownPair};
use super::shards::{self, Shards};
use super::slots::{Entry, Slot};
use super::table::{NoMemory, SLOTS_MIN, Table, fill_max};

/// A bounded map of pairs.
pub(super) struct Remembered {
    shards: Shards<Shard>,
    young_max: usize,
    subjects: HeldSubjects,
}

/// Each entry here has its subject's number, and lets go of it when it goes.
#[derive(Debug, Default)]
struct Shard {
    young: Table,
    old: Table,
}

impl Remembered {
    /// A map whose tables take `bytes` at most, and nearly as many before anything is forgotten.
    /// `raises` counts how often any cutoff was raised.
    ///
    /// A table has a power of two of slots, so its length is settled and the number of shards is
    /// what follows `bytes`.
    pub(super) fn within(bytes: usize, raises: Arc<AtomicU64>) -> Self {
        let a_slot = size_of::<Slot>().saturating_mul(2);
        let slots = bytes.checked_div(a_slot.saturating_mul(SHARDS)).unwrap_or_default();
        let slots = slots.checked_ilog2().map_or(0, |exponent| 1 << exponent).max(SLOTS_MIN);
        let shards = bytes.checked_div(a_slot.saturating_mul(slots)).unwrap_or_default().max(1);
        Self {
            shards: Shards::new(shards),
            young_max: fill_max(slots),
            subjects: HeldSubjects::new(raises),
        }
    }

    /// What `look` makes of a pair. A hit in the old generation moves to the young one.
    pub(super) fn with<R>(
        &self,
        id: PairId,
        look: impl FnOnce(AccessFacts, Tick, &HeldSubject) -> R,
    ) -> Option<R> {
        let hash = self.hash(id);
        let part = self.shards.of(hash)?;
        let shard = shards::read(part);
        let seen = |Entry { facts, subject }| {
            self.subjects.with(subject, |dead_below, held| look(facts, dead_below, held))
        };
        if let Some(entry) = shard.young.get(hash, id) {
            return seen(entry);
        }
        let looked = seen(shard.old.get(hash, id)?);
        drop(shard);
        if let Ok(mut shard) = part.try_write()
            && let Some(entry) = shard.old.remove(|id| self.hash(id), id)
        {
            self.put(&mut shard, id, entry);
        }
        looked
    }

    /// Keeps a pair if `may_keep` agrees, asked while nobody can remove it. Under high pressure the
    /// older generation of the shard is let go.
    pub(super) fn insert_if(
        &self,
        id: PairId,
        pair: &KnownPair,
        pressure: Pressure,
        may_keep: impl FnOnce() -> bool,
    ) {
        let Some(mut shard) = self.write(id) else { return };
        if !may_keep() {
            return;
        }
        if let Some(before) = shard.old.remove(|id| self.hash(id), id) {
            self.subjects.release([before.subject]);
        }
        if let Some(subject) = self.subjects.hold(&pair.subject) {
            self.put(&mut shard, id, Entry { facts: pair.facts, subject });
        }
        if pressure == Pressure::High {
            let Shard { young, old } = &mut *shard;
            core::mem::swap(young, old);
            self.release(young);
            young.shrink();
        }
    }

    /// Forgets a pair.
    pub(super) fn remove(&self, id: PairId) {
        let Some(mut shard) = self.write(id) else { return };
        let Shard { young, old } = &mut *shard;
        for table in [young, old] {
            if let Some(entry) = table.remove(|id| self.hash(id), id) {
                self.subjects.release([entry.subject]);
            }
        }
    }

    /// How many pairs there are.
    pub(super) fn len(&self) -> usize {
        self.shards.sum(|shard| shard.young.len().saturating_add(shard.old.len()))
    }

    /// Keeps an entry that has its number.
    fn put(&self, shard: &mut Shard, id: PairId, entry: Entry) {
        match shard.young.insert(|id| self.hash(id), id, entry) {
            Ok(None) => {}
            Ok(Some(before)) => self.subjects.release([before.subject]),
            Err(NoMemory) => self.subjects.release([entry.subject]),
        }
        if shard.young.len() >= self.young_max {
            // The memory of what is forgotten serves what comes.
            let Shard { young, old } = shard;
            core::mem::swap(young, old);
            self.release(young);
        }
    }

    /// Empties a table. Nobody finds an entry there from the moment on at which its number may go
    /// to another subject, whatever happens meanwhile.
    fn release(&self, table: &mut Table) {
        let mut gone = core::mem::take(table);
        self.subjects.release(gone.entries().map(|entry| entry.subject));
        gone.clear();
        *table = gone;
    }

    fn hash(&self, id: PairId) -> u64 {
        self.shards.hash(&id)
    }

    fn write(&self, id: PairId) -> Option<RwLockWriteGuard<'_, Shard>> {
        self.shards.of(self.hash(id)).map(shards::write)
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").field("young_max", &self.young_max).finish_non_exhaustive()
    }
}

/// Shards, at least: so many threads seldom meet. With more, the tables of a cache of usual size
/// would be shorter than a large page.
const SHARDS: usize = 32;

#[cfg(test)]
mod tests {
    use super::super::cells::Cells;
    use super::super::known::KnownSubject;
    use super::super::known::tests::known;
    use super::*;
    use jeton_domain::time::Second;

    struct Fixture {
        map: Remembered,
        subjects: Vec<Arc<KnownSubject>>,
    }

    impl Fixture {
        fn within(bytes: usize) -> Self {
            let cells = Cells::default();
            let subjects = (0..7).map(|n| Arc::new(known(&n.to_string(), &cells))).collect();
            Self { map: Remembered::within(bytes, Arc::clone(cells.raises())), subjects }
        }

        fn pair(&self, number: u64) -> KnownPair {
            let facts =
                AccessFacts { born: Tick::new(number), end: Second::new(9), is_revoked: false };
            let subject = usize::try_from(number).unwrap() % self.subjects.len();
            KnownPair { facts, subject: Arc::clone(&self.subjects[subject]) }
        }

        fn keep(&self, number: u64) {
            self.map.insert_if(id(number), &self.pair(number), Pressure::None, || true);
        }

        /// Whether the pair is there; if so, it must be whole.
        fn has(&self, number: u64) -> bool {
            let wanted = self.pair(number);
            let is_it = |facts, _, held: &HeldSubject| {
                facts == wanted.facts && Arc::ptr_eq(held.known(), &wanted.subject)
            };
            self.map.with(id(number), is_it).inspect(|is_it| assert!(is_it)).is_some()
        }

        /// How many subjects are held.
        fn held(&self) -> usize {
            self.subjects.iter().filter(|subject| Arc::strong_count(subject) > 1).count()
        }
    }

    fn id(number: u64) -> PairId {
        PairId::from_bytes(u128::from(number).to_be_bytes())
    }

    fn table_bytes(map: &Remembered) -> usize {
        map.shards.sum(|shard| shard.young.bytes() + shard.old.bytes())
    }

    #[test]
    fn it_takes_the_bytes_that_it_may_take_and_no_more() {
        for bytes in [300_000, 500_000, 1_000_000] {
            let world = Fixture::within(bytes);
            let mut most = 0;
            for number in 0..100_000 {
                world.keep(number);
                if number.is_multiple_of(10_000) {
                    most = most.max(table_bytes(&world.map));
                }
            }
            assert!(most <= bytes, "{most} of {bytes}");
            assert!(most >= bytes / 2, "{most} of {bytes}");
            assert!(world.map.len() * 128 >= most, "{} in {most}", world.map.len());
            assert!(world.has(99_999));
        }
    }

    #[test]
    fn a_map_of_hardly_any_bytes_still_works() {
        let world = Fixture::within(0);
        world.keep(1);
        world.keep(2);
        assert!(world.has(1) && world.has(2) && !world.has(3));
    }

    #[test]
    fn what_is_looked_at_stays() {
        let world = Fixture::within(300_000);
        world.keep(7);
        for number in 100..50_000 {
            assert!(world.has(7), "after {number}");
            world.keep(number);
        }
        assert!(!world.has(100));
    }

    #[test]
    fn under_pressure_only_the_newest_stay() {
        let world = Fixture::within(10_000_000);
        for number in 0..10_000 {
            world.map.insert_if(id(number), &world.pair(number), Pressure::High, || true);
        }
        assert!(world.map.len() <= world.map.shards.count(), "{}", world.map.len());
    }

    #[test]
    fn what_was_removed_or_refused_is_not_there() {
        let world = Fixture::within(300_000);
        world.map.insert_if(id(1), &world.pair(1), Pressure::None, || false);
        assert!(!world.has(1));
        world.keep(1);
        world.map.remove(id(1));
        assert!(!world.has(1));
        assert_eq!(world.held(), 0);
    }

    #[test]
    fn a_subject_is_let_go_with_the_last_of_its_pairs() {
        let world = Fixture::within(300_000);
        for round in 0..3 {
            for number in 0..20_000 {
                world.keep(number);
                world.keep(number);
                assert!(world.has(number), "round {round}");
            }
            assert_eq!(world.held(), 7);
        }
        for number in 0..20_000 {
            world.map.remove(id(number));
        }
        assert_eq!((world.map.len(), world.held()), (0, 0));
    }

    #[test]
    fn readers_see_whole_pairs_while_others_come_and_go() {
        let world = Fixture::within(40_000);
        std::thread::scope(|scope| {
            for part in 0..2_u64 {
                let world = &world;
                scope.spawn(move || {
                    for round in 0..20_000_u64 {
                        let number = (round * 7 + part * 3) % 900;
                        match round % 5 {
                            0 => world.map.remove(id(number)),
                            1 | 2 => world.keep(number),
                            _ => drop(world.has(number)),
                        }
                    }
                });
            }
        });
        for number in 0..900 {
            world.map.remove(id(number));
        }
        assert_eq!((world.map.len(), world.held()), (0, 0));
    }
}
