//! The coherent cache: what validation needs, in memory, and never stale.
//!
//! Everything in it changes through the engine's log. A fill that raced with a change is thrown
//! away; "no such pair" is never kept.

use core::fmt;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jeton_domain::id::{PairId, Tick};
use jeton_domain::time::Hour;
use jeton_domain::token::access::AccessFacts;
use jeton_domain::token::pair::SubjectHash;

mod cells;
mod face;
mod generations;
mod held;
mod known;
mod remembered;
mod shards;
mod slots;
mod table;

pub(crate) use cells::{Cell, Cells};
use generations::{Generations, Pressure};
pub(crate) use known::Weight;
pub use known::{HeldSubject, KnownPair, KnownSubject};
use remembered::Remembered;

use crate::engine::Key;
use crate::engine::recent::RecentChanges;
use crate::tables::{cutoffs, pairs};

/// How full the cache is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheSize {
    /// Pairs in it.
    pub pairs: usize,
    /// Subjects in it.
    pub subjects: usize,
}

/// A subject as it stands in a segment, by how many segments had been dropped.
pub(crate) type StoredSubject = (u64, Hour, SubjectHash);

/// The cache, and the log as far as it was applied.
pub(crate) struct Coherent {
    pairs: Remembered,
    subjects: Generations<SubjectHash, Arc<KnownSubject>>,
    /// Subjects that surely stand in the newest segment, by how many drops there were.
    stored: Generations<StoredSubject, ()>,
    /// How many drops there were, and the segment, of those that are noted.
    stored_at: Mutex<(u64, Hour)>,
    drops: AtomicU64,
    cells: Cells,
    changes: RwLock<RecentChanges>,
    /// Memory of the subjects that somebody holds: cached pairs, above all.
    held: Arc<AtomicUsize>,
    held_max: usize,
}

impl Coherent {
    /// An empty cache that takes about `bytes` at most, for a log applied up to `tick`.
    pub(crate) fn new(bytes: u64, tick: Tick, changes_max: usize) -> Self {
        let share = |part: u64, each: u64| {
            usize::try_from((bytes / 8).saturating_mul(part).checked_div(each).unwrap_or(0))
                .unwrap_or(usize::MAX)
        };
        let cells = Cells::default();
        Self {
            pairs: Remembered::within(share(5, 1), Arc::clone(cells.raises())),
            subjects: Generations::new(share(3, SUBJECT_BYTES)),
            stored: Generations::new(STORED_MAX),
            stored_at: Mutex::new((0, Hour::new(0))),
            drops: AtomicU64::new(0),
            cells,
            changes: RwLock::new(RecentChanges::new(tick, changes_max)),
            held: Arc::default(),
            held_max: share(3, 1),
        }
    }

    /// Counts a subject of so many canonical bytes.
    pub(crate) fn weigh(&self, canonical_bytes: usize) -> Weight {
        let bytes = canonical_bytes.saturating_mul(3).saturating_add(SUBJECT_OVERHEAD);
        Weight::add(bytes, &self.held)
    }

    /// High when subjects take more than their share.
    fn pressure(&self) -> Pressure {
        if self.held.load(Ordering::Relaxed) > self.held_max {
            Pressure::High
        } else {
            Pressure::None
        }
    }

    /// What `look` makes of a pair that is known, and of the newest cutoff that covers it. It must
    /// be quick and must not use the store.
    pub(crate) fn with_pair<R>(
        &self,
        id: PairId,
        look: impl FnOnce(AccessFacts, Tick, &HeldSubject) -> R,
    ) -> Option<R> {
        self.pairs.with(id, look)
    }

    /// Keeps what a read made at `noted` or later said of a pair, unless the log has named it
    /// since.
    pub(crate) fn keep_pair(&self, id: PairId, pair: &KnownPair, noted: Tick) {
        let key = pairs::key(id);
        let pressure = self.pressure();
        self.pairs.insert_if(id, pair, pressure, || self.is_unchanged_since(&key, noted));
    }

    /// What is known of a subject.
    pub(crate) fn subject(&self, hash: SubjectHash) -> Option<Arc<KnownSubject>> {
        self.subjects.value(&hash)
    }

    /// Keeps a subject; its cutoffs follow the log by themselves.
    pub(crate) fn keep_subject(&self, hash: SubjectHash, subject: Arc<KnownSubject>) {
        self.subjects.insert_if(hash, subject, self.pressure(), || true);
    }

    /// The name under which it is known whether a subject stands in a segment. Taken before the
    /// commit that stores it: a drop in between makes it worthless.
    pub(crate) fn stored_subject(&self, hour: Hour, hash: SubjectHash) -> StoredSubject {
        (self.drops.load(Ordering::Acquire), hour, hash)
    }

    /// Whether the subject surely stands there already.
    pub(crate) fn is_stored(&self, subject: &StoredSubject) -> bool {
        self.stored.value(subject).is_some()
    }

    /// Notes that a committed batch stored the subject there.
    ///
    /// Pairs are made in the newest segment: subjects in others, and from before a drop, will not
    /// be asked for any more, and would only fill memory for a day and longer.
    pub(crate) fn note_stored(&self, subject: StoredSubject) {
        let (drops, hour, _) = subject;
        let mut newest = self.stored_at.lock().unwrap_or_else(PoisonError::into_inner);
        if (drops, hour) > *newest {
            *newest = (drops, hour);
            self.stored.clear();
        }
        if (drops, hour) == *newest {
            self.stored.insert_if(subject, (), Pressure::None, || true);
        }
    }

    /// Notes that a segment was dropped: nothing surely stands in any.
    pub(crate) fn note_drop(&self) {
        self.drops.fetch_add(1, Ordering::AcqRel);
    }

    /// The cutoffs in use.
    pub(crate) const fn cells(&self) -> &Cells {
        &self.cells
    }

    /// Whether surely no change with a tick above `tick` named `key`.
    pub(crate) fn is_unchanged_since(&self, key: &Key, tick: Tick) -> bool {
        self.changes.read().unwrap_or_else(PoisonError::into_inner).is_unchanged_since(key, tick)
    }

    /// Applies one tick of the log. Notes it first, so that a fill under way sees it, then drops.
    pub(crate) fn apply(&self, tick: Tick, keys: &[Key]) {
        self.changes.write().unwrap_or_else(PoisonError::into_inner).note(tick, keys);
        for key in keys {
            if let Some(id) = pairs::named_by(key) {
                self.pairs.remove(id);
            } else if let Some(selector) = cutoffs::named_by(key) {
                self.cells.raise(&selector, tick);
            }
        }
    }

    /// How full it is.
    pub(crate) fn size(&self) -> CacheSize {
        CacheSize { pairs: self.pairs.len(), subjects: self.subjects.len() }
    }
}

impl fmt::Debug for Coherent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coherent").field("size", &self.size()).finish_non_exhaustive()
    }
}

/// Subjects in a segment that are known to be stored: the users of a busy hour, at 80 bytes each.
const STORED_MAX: usize = 65_536;

/// Memory of one cached subject of ordinary size, in bytes, with its rendering.
const SUBJECT_BYTES: u64 = 2_560;

/// Memory of a cached subject beside its parts and its rendering, in bytes: allocations and cells.
const SUBJECT_OVERHEAD: usize = 1_536;

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(number: u8) -> SubjectHash {
        SubjectHash([number; 32])
    }

    #[test]
    fn subjects_of_hours_that_are_over_take_no_memory() {
        let coherent = Coherent::new(1 << 20, Tick::ZERO, 10);
        for hour in 1..100 {
            for number in 0..=u8::MAX {
                coherent.note_stored(coherent.stored_subject(Hour::new(hour), subject(number)));
            }
            assert!(coherent.is_stored(&coherent.stored_subject(Hour::new(hour), subject(0))));
            assert_eq!(coherent.stored.len(), 256, "after {hour} hours");
            coherent.note_drop();
        }
    }

    #[test]
    fn whoever_comes_late_with_an_earlier_hour_or_drop_displaces_nobody() {
        let coherent = Coherent::new(1 << 20, Tick::ZERO, 10);
        let before = coherent.stored_subject(Hour::new(8), subject(1));
        coherent.note_drop();
        let late = coherent.stored_subject(Hour::new(7), subject(2));
        let newest = coherent.stored_subject(Hour::new(8), subject(3));
        for stored in [newest, before, late] {
            coherent.note_stored(stored);
        }
        assert!(coherent.is_stored(&newest));
        assert!(!coherent.is_stored(&before) && !coherent.is_stored(&late));
    }
}
