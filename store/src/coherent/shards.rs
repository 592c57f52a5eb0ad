//! Parts of a map behind locks of their own: readers of different parts do not meet.
//!
//! Owns which part a key belongs to. Must not know what parts hold, nor how long.

use core::hash::{BuildHasher, Hash};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::DefaultHashBuilder;

/// So many parts of a map. Readers of one share a lock, which writers hold briefly.
pub(super) struct Shards<T> {
    locks: Box<[RwLock<T>]>,
    hasher: DefaultHashBuilder,
}

impl<T: Default> Shards<T> {
    /// So many parts, each as it is by default.
    pub(super) fn new(count: usize) -> Self {
        let locks = (0..count).map(|_| RwLock::default()).collect();
        Self { locks, hasher: DefaultHashBuilder::default() }
    }
}

impl<T> Shards<T> {
    /// The hash of a key.
    pub(super) fn hash(&self, key: &impl Hash) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The part of all keys with this hash; none if there are no parts.
    pub(super) fn of(&self, hash: u64) -> Option<&RwLock<T>> {
        let count = u64::try_from(self.locks.len()).ok()?;
        // The lower bits say where an entry stands in its part.
        let index = (hash >> 32).checked_rem(count)?;
        self.locks.get(usize::try_from(index).ok()?)
    }

    /// How much it is in all parts together.
    pub(super) fn sum(&self, of_one: impl Fn(&T) -> usize) -> usize {
        self.all().map(|lock| of_one(&read(lock))).sum()
    }

    /// All parts.
    pub(super) fn all(&self) -> impl Iterator<Item = &RwLock<T>> {
        self.locks.iter()
    }

    /// How many parts there are.
    #[cfg(test)]
    pub(super) const fn count(&self) -> usize {
        self.locks.len()
    }
}

/// A part to look at.
pub(super) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// A part to change.
pub(super) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_part_and_keys_share_all_parts() {
        let shards = Shards::<usize>::new(8);
        for key in 0..1_000_u64 {
            for _ in 0..2 {
                *write(shards.of(shards.hash(&key)).unwrap()) += 1;
            }
        }
        let parts: Vec<usize> = shards.locks.iter().map(|lock| *read(lock)).collect();
        assert!(parts.iter().all(|keys| keys.is_multiple_of(2) && *keys > 100), "{parts:?}");
        assert_eq!((shards.sum(|keys| *keys), shards.count()), (2_000, 8));
    }

    #[test]
    fn no_parts_have_no_keys() {
        assert!(Shards::<usize>::new(0).of(7).is_none());
    }
}
