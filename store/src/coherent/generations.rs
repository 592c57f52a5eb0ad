//! A bounded map in two generations: what was not looked at during one generation is forgotten.
//!
//! Owns what is forgotten, and when. [`Remembered`](super::remembered::Remembered) forgets pairs in
//! the same way.

use core::fmt;
use core::hash::Hash;

use hashbrown::HashMap;

use super::shards::{self, Shards};

/// A bounded map of values that are cheap to clone.
pub(super) struct Generations<K, V> {
    shards: Shards<Shard<K, V>>,
    young_max: usize,
}

#[derive(Debug)]
struct Shard<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

/// Whether there is memory for what the older generation holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pressure {
    /// There is: it stays until the younger one is full.
    None,
    /// There is not: with each entry that is kept the older generation of its shard goes, and the
    /// younger one takes its place.
    High,
}

impl<K: Eq + Hash + Copy, V: Clone> Generations<K, V> {
    /// A map of about `entries_max` entries at most.
    pub(super) fn new(entries_max: usize) -> Self {
        Self { shards: Shards::new(SHARDS), young_max: (entries_max / SHARDS / 2).max(1) }
    }

    /// The value under `key`. A hit in the old generation moves to the young one.
    pub(super) fn value(&self, key: &K) -> Option<V> {
        let lock = self.shards.of(self.shards.hash(key))?;
        let shard = shards::read(lock);
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

    /// Keeps `value` if `may_keep` agrees, asked while nobody can remove the key. Under high
    /// pressure the older generation of the shard is let go.
    pub(super) fn insert_if(
        &self,
        key: K,
        value: V,
        pressure: Pressure,
        may_keep: impl FnOnce() -> bool,
    ) {
        let Some(lock) = self.shards.of(self.shards.hash(&key)) else { return };
        let mut shard = shards::write(lock);
        if may_keep() {
            shard.old.remove(&key);
            self.put(&mut shard, key, value);
            if pressure == Pressure::High {
                shard.old = core::mem::take(&mut shard.young);
            }
        }
    }

    /// Forgets everything, and lets the memory go.
    pub(super) fn clear(&self) {
        self.shards.all().for_each(|lock| *shards::write(lock) = Shard::default());
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.shards.sum(|shard| shard.young.len().saturating_add(shard.old.len()))
    }

    fn put(&self, shard: &mut Shard<K, V>, key: K, value: V) {
        shard.young.insert(key, value);
        if shard.young.len() >= self.young_max {
            shard.old = core::mem::take(&mut shard.young);
        }
    }
}

impl<K, V> Default for Shard<K, V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
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
            map.insert_if(n, n, Pressure::None, || true);
        }
        assert!(map.len() <= 1_280, "{}", map.len());
        assert_eq!(map.value(&99_999), Some(99_999));
    }

    #[test]
    fn what_is_looked_at_stays() {
        let map = Generations::new(1_280);
        map.insert_if(7, 7, Pressure::None, || true);
        for n in 100..50_000_u64 {
            assert_eq!(map.value(&7), Some(7), "after {n}");
            map.insert_if(n, n, Pressure::None, || true);
        }
    }

    #[test]
    fn under_pressure_only_the_newest_stay() {
        let map = Generations::new(1_280_000);
        for n in 0..10_000_u64 {
            map.insert_if(n, n, Pressure::High, || true);
        }
        assert!(map.len() <= SHARDS, "{}", map.len());
    }

    #[test]
    fn what_was_refused_is_not_there() {
        let map = Generations::new(1_280);
        map.insert_if(1, 1, Pressure::None, || false);
        assert_eq!(map.value(&1), None);
    }
}
