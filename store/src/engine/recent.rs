//! What an engine remembers of late commits, in bounded memory.
//!
//! Owns the newest changes by key and the outcomes of the newest batches. Must not know rows.

use core::hash::BuildHasher as _;
use std::collections::VecDeque;

use hashbrown::{DefaultHashBuilder, HashMap};
use jeton_domain::id::Tick;

use super::{BatchId, Committed, Key};

/// The newest ticks at which keys were named among the changes of a batch.
///
/// A key is remembered by its hash alone, so that nothing of a batch is kept: should two keys have
/// the same, either counts as changed when the other was, and what rests on it is decided again.
#[derive(Debug)]
pub(crate) struct RecentChanges {
    newest: HashMap<u64, Tick>,
    order: VecDeque<(u64, Tick)>,
    hasher: DefaultHashBuilder,
    /// Every change of a tick above this one is remembered.
    complete_above: Tick,
    /// The tick of the newest change.
    latest: Tick,
    bound: usize,
}

impl RecentChanges {
    /// Remembers nothing yet: every change so far lies at or below `start`.
    pub(crate) fn new(start: Tick, bound: usize) -> Self {
        Self {
            newest: roomy(bound),
            order: VecDeque::with_capacity(bound.saturating_add(1)),
            hasher: DefaultHashBuilder::default(),
            complete_above: start,
            latest: start,
            bound,
        }
    }

    /// Notes that the batch of `tick` named `keys`. Ticks must not fall.
    pub(crate) fn note(&mut self, tick: Tick, keys: &[Key]) {
        self.latest = self.latest.max(tick);
        for key in keys {
            let hash = self.hasher.hash_one(key);
            self.newest.insert(hash, tick);
            self.order.push_back((hash, tick));
            if self.order.len() > self.bound {
                self.forget_oldest();
            }
        }
    }

    fn forget_oldest(&mut self) {
        let Some((hash, tick)) = self.order.pop_front() else { return };
        if self.newest.get(&hash) == Some(&tick) {
            self.newest.remove(&hash);
        }
        self.complete_above = tick;
    }

    /// Whether surely no commit with a tick above `tick` named `key`.
    pub(crate) fn is_unchanged_since(&self, key: &Key, tick: Tick) -> bool {
        // Mostly nothing at all was named since.
        if tick >= self.latest {
            return true;
        }
        let newest = || self.newest.get(&self.hasher.hash_one(key));
        tick >= self.complete_above && newest().is_none_or(|newest| *newest <= tick)
    }
}

/// The outcomes of the newest batches, by their ids.
#[derive(Debug)]
pub(super) struct RecentBatches {
    outcomes: HashMap<BatchId, Committed>,
    order: VecDeque<BatchId>,
    bound: usize,
}

impl RecentBatches {
    /// Remembers nothing yet, and never more than `bound` batches.
    pub(super) fn new(bound: usize) -> Self {
        Self { outcomes: roomy(bound), order: VecDeque::new(), bound }
    }

    /// Notes what became of the batch.
    pub(super) fn note(&mut self, id: BatchId, outcome: Committed) {
        if self.outcomes.insert(id, outcome).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > self.bound {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            self.outcomes.remove(&oldest);
        }
    }

    /// What became of the batch, if it was committed and is remembered.
    pub(super) fn outcome(&self, id: BatchId) -> Option<Committed> {
        self.outcomes.get(&id).copied()
    }
}

/// A table for so many keys that come and go for ever.
///
/// One that is more than half full when the places of keys that went are used up doubles, which may
/// be hours after it has as many keys as it ever will.
fn roomy<K, V>(keys: usize) -> HashMap<K, V> {
    HashMap::with_capacity(keys.saturating_mul(2))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::{Space, Version};
    use super::*;

    fn key(name: &'static str) -> Key {
        Key { space: Space::Lasting, bytes: Bytes::from_static(name.as_bytes()) }
    }

    #[test]
    fn a_key_is_unchanged_only_since_its_newest_change() {
        let mut changes = RecentChanges::new(Tick::new(5), 10);
        changes.note(Tick::new(6), &[key("a")]);
        assert!(!changes.is_unchanged_since(&key("a"), Tick::new(5)));
        assert!(changes.is_unchanged_since(&key("a"), Tick::new(6)));
        assert!(changes.is_unchanged_since(&key("b"), Tick::new(5)));
        assert!(!changes.is_unchanged_since(&key("b"), Tick::new(4)), "too long ago to know");
    }

    #[test]
    fn what_was_forgotten_counts_as_changed() {
        let mut changes = RecentChanges::new(Tick::new(0), 2);
        for tick in 1..=4 {
            changes.note(Tick::new(tick), &[key("a")]);
        }
        assert!(!changes.is_unchanged_since(&key("b"), Tick::new(1)));
        assert!(changes.is_unchanged_since(&key("b"), Tick::new(2)));
        assert!(!changes.is_unchanged_since(&key("a"), Tick::new(3)));
        assert!(changes.is_unchanged_since(&key("a"), Tick::new(4)));
    }

    #[test]
    fn what_comes_and_goes_never_needs_more_room() {
        let mut changes = RecentChanges::new(Tick::new(0), 700);
        let room = (changes.newest.capacity(), changes.order.capacity());
        for n in 1..50_000_u32 {
            let bytes = Bytes::copy_from_slice(&n.to_be_bytes());
            changes.note(Tick::new(n.into()), &[Key { space: Space::Lasting, bytes }]);
            assert!(changes.newest.capacity() <= room.0, "at {n}");
            assert_eq!(changes.order.capacity(), room.1, "at {n}");
        }
    }

    #[test]
    fn a_change_is_remembered_without_its_key() {
        let mut changes = RecentChanges::new(Tick::new(0), 700);
        let named = Key { space: Space::Lasting, bytes: Bytes::from(vec![7; 100]) };
        changes.note(Tick::new(1), std::slice::from_ref(&named));
        assert!(!changes.is_unchanged_since(&named, Tick::new(0)));
        assert!(named.bytes.is_unique(), "it is kept in memory until it is forgotten");
    }

    #[test]
    fn only_the_newest_batches_are_remembered() {
        let mut batches = RecentBatches::new(2);
        for n in 1..=3u8 {
            let outcome = Committed { tick: Tick::new(0), version: Version(n.into()) };
            batches.note(BatchId([n; 16]), outcome);
        }
        assert!(batches.outcome(BatchId([1; 16])).is_none());
        assert_eq!(batches.outcome(BatchId([3; 16])).unwrap().version, Version(3));
    }
}
