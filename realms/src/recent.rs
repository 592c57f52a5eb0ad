//! A map that holds a limited number of entries and gives up the one least recently used.
//!
//! Owns the order of use. Must not know what is kept in it or what time it is.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// A bounded map in order of last use.
#[derive(Debug)]
pub(crate) struct RecentMap<K, V> {
    entries_max: usize,
    /// The stamp that the next use gets. Each is given once, so that it also names the use.
    next_stamp: u64,
    entries: HashMap<K, (V, u64)>,
    by_use: BTreeMap<u64, K>,
}

impl<K: Hash + Eq + Clone, V> RecentMap<K, V> {
    /// An empty map of at most `entries_max` entries, and room for one at least.
    pub(crate) fn new(entries_max: usize) -> Self {
        Self {
            entries_max: entries_max.max(1),
            next_stamp: 0,
            entries: HashMap::new(),
            by_use: BTreeMap::new(),
        }
    }

    /// The entry, if there is one; it is now the one most recently used.
    pub(crate) fn touch(&mut self, key: &K) -> Option<&mut V> {
        let stamp = self.stamp();
        let (value, last_stamp) = self.entries.get_mut(key)?;
        let key = self.by_use.remove(last_stamp)?;
        self.by_use.insert(stamp, key);
        *last_stamp = stamp;
        Some(value)
    }

    /// The entry, made if there is none; it is now the one most recently used.
    pub(crate) fn touch_or_insert_with(&mut self, key: &K, make: impl FnOnce() -> V) -> &mut V {
        if !self.entries.contains_key(key) {
            self.make_room();
        }
        let stamp = self.stamp();
        let (value, last_stamp) = match self.entries.entry(key.clone()) {
            Entry::Occupied(entry) => {
                let entry = entry.into_mut();
                self.by_use.remove(&entry.1);
                entry
            }
            Entry::Vacant(entry) => entry.insert((make(), stamp)),
        };
        self.by_use.insert(stamp, key.clone());
        *last_stamp = stamp;
        value
    }

    /// Puts an entry in, in the place of one with the same key.
    pub(crate) fn insert(&mut self, key: &K, value: V) {
        self.remove(key);
        self.make_room();
        let stamp = self.stamp();
        self.by_use.insert(stamp, key.clone());
        self.entries.insert(key.clone(), (value, stamp));
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let (value, stamp) = self.entries.remove(key)?;
        self.by_use.remove(&stamp);
        Some(value)
    }

    /// Takes every entry out.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.by_use.clear();
    }

    /// How many entries there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    fn make_room(&mut self) {
        while self.entries.len() >= self.entries_max {
            let Some((_, key)) = self.by_use.pop_first() else {
                return;
            };
            self.entries.remove(&key);
        }
    }

    fn stamp(&mut self) -> u64 {
        let stamp = self.next_stamp;
        self.next_stamp += 1;
        stamp
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_entry_least_recently_used_gives_way() {
        let mut map = RecentMap::new(2);
        map.insert(&"a", 1);
        map.insert(&"b", 2);
        assert_eq!(map.touch(&"a"), Some(&mut 1));
        map.insert(&"c", 3);
        assert_eq!(map.touch(&"b"), None);
        assert_eq!(*map.touch_or_insert_with(&"a", || 9), 1);
        assert_eq!(*map.touch_or_insert_with(&"d", || 4), 4);
        assert_eq!(map.touch(&"c"), None);
        assert_eq!(map.remove(&"a"), Some(1));
        assert_eq!(map.len(), 1);
    }

    proptest! {
        #[test]
        fn both_sides_of_the_map_stay_in_step(
            uses in prop::collection::vec((0_u8..4, 0_u8..9), 0..99),
        ) {
            let mut map = RecentMap::new(5);
            for (what, key) in uses {
                match what {
                    0 => map.insert(&key, key),
                    1 => drop(map.remove(&key)),
                    2 => drop(map.touch(&key).copied()),
                    _ => { let _: &mut u8 = map.touch_or_insert_with(&key, || key); }
                }
                prop_assert!(map.len() <= 5);
                prop_assert_eq!(map.len(), map.by_use.len());
                for (stamp, key) in &map.by_use {
                    prop_assert_eq!(map.entries.get(key).map(|entry| entry.1), Some(*stamp));
                }
            }
        }
    }
}
