//! A bounded map in two generations: what was not looked at during one generation is forgotten.
//!
//! Readers of different shards do not meet, and readers of one share a lock that writers hold briefly.

use core::fmt;
use core::hash::{BuildHasher, Hash};
use std::sync::{PoisonError, RwLock};

use hashbrown::{DefaultHashBuilder, HashMap};

/// A bounded map of values that are cheap to clone.
pub(super) struct Generations<K, V> {
    shards: Box<[RwLock<Shard<K, V>>]>,
    hasher: DefaultHashBuilder,
    young_max: usize,
}

#[derive(Debug)]
struct Shard<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash + Copy, V: Clone> Generations<K, V> {
    /// A map of about `entries_max` entries at most.
    pub(super) fn new(entries_max: usize) -> Self {
        let shard = |_| RwLock::new(Shard { young: HashMap::new(), old: HashMap::new() });
        Self {
            shards: (0..SHARDS).map(shard).collect(),
            hasher: DefaultHashBuilder::default(),
            young_max: (entries_max / SHARDS / 2).max(1),
        }
    }

    /// The value under `key`. A hit in the old generation moves to the young one.
    pub(super) fn value(&self, key: &K) -> Option<V> {
        let lock = self.shard(key)?;
        let shard = lock.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = shard.young.get(key) {
            return Some(value.clone());
        }
        let value = shard.old.get(key)?.clone();
        drop(shard);
        if let Ok(mut shard) = lock.try_write()
            && let Some(value) = shard.old.remove(key)
        {
            self.put(&mut shard, *key, value);
        }
        Some(value)
    }

    /// Keeps `value` if `may_keep` agrees, asked while nobody can remove the key. Under pressure the
    /// older generation of the shard is let go.
    pub(super) fn insert_if(
        &self,
        key: K,
        value: V,
        is_pressed: bool,
        may_keep: impl FnOnce() -> bool,
    ) {
        let Some(lock) = self.shard(&key) else { return };
        let mut shard = lock.write().unwrap_or_else(PoisonError::into_inner);
        if may_keep() {
            shard.old.remove(&key);
            self.put(&mut shard, key, value);
            if is_pressed {
                shard.old = core::mem::take(&mut shard.young);
            }
        }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        let len = |lock: &RwLock<Shard<K, V>>| {
            let shard = lock.read().unwrap_or_else(PoisonError::into_inner);
            shard.young.len().saturating_add(shard.old.len())
        };
        self.shards.iter().map(len).sum()
    }

    fn put(&self, shard: &mut Shard<K, V>, key: K, value: V) {
        shard.young.insert(key, value);
        if shard.young.len() >= self.young_max {
            shard.old = core::mem::take(&mut shard.young);
        }
    }

    fn shard(&self, key: &K) -> Option<&RwLock<Shard<K, V>>> {
        let shards = u64::try_from(self.shards.len()).ok()?;
        let place = (self.hasher.hash_one(key) >> 32).checked_rem(shards)?;
        self.shards.get(usize::try_from(place).ok()?)
    }
}

impl<K, V> fmt::Debug for Generations<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generations").field("young_max", &self.young_max).finish_non_exhaustive()
    }
}

/// Shards of a map: so many threads seldom meet.
const SHARDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_within_its_bound() {
        let map = Generations::new(1_280);
        for n in 0..100_000_u64 {
            map.insert_if(n, n, false, || true);
        }
        assert!(map.len() <= 1_280, "{}", map.len());
        assert_eq!(map.value(&99_999), Some(99_999));
    }

    #[test]
    fn what_is_looked_at_stays() {
        let map = Generations::new(1_280);
        map.insert_if(7, 7, false, || true);
        for n in 100..50_000_u64 {
            assert_eq!(map.value(&7), Some(7), "after {n}");
            map.insert_if(n, n, false, || true);
        }
    }

    #[test]
    fn under_pressure_only_the_newest_stay() {
        let map = Generations::new(1_280_000);
        for n in 0..10_000_u64 {
            map.insert_if(n, n, true, || true);
        }
        assert!(map.len() <= SHARDS, "{}", map.len());
    }

    #[test]
    fn what_was_refused_is_not_there() {
        let map = Generations::new(1_280);
        map.insert_if(1, 1, false, || false);
        assert_eq!(map.value(&1), None);
    }
}
