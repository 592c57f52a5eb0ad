//! A table of pairs by open addressing: a look-up mostly reads one line of memory.
//!
//! Owns where an entry stands. Must not know subjects, nor when anything is forgotten.

use jeton_domain::id::PairId;

use super::slots::{self, Entry, FREE, Memory, Slot};

/// Slots, of which some are used: a power of two of them, or none.
///
/// An entry stands at its home, where a line begins, or in the first slot behind it that was free;
/// no slot between is free. The hash that methods are given is that of all ids in the table.
#[derive(Debug, Default)]
pub(super) struct Table {
    memory: Option<Memory>,
    len: usize,
}

/// The system gave no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoMemory;

impl Table {
    /// How many entries there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The entry of a pair whose id has this hash.
    pub(super) fn get(&self, hash: u64, id: PairId) -> Option<Entry> {
        let (_, slot) = self.find(hash, id)?;
        slots::entry(slot)
    }

    /// Keeps an entry. Returns the one that it replaces.
    ///
    /// Without memory nothing is kept, and all entries stay as they were.
    pub(super) fn insert(
        &mut self,
        hash: impl Fn(PairId) -> u64,
        id: PairId,
        entry: Entry,
    ) -> Result<Option<Entry>, NoMemory> {
        if let Some((index, before)) = self.find(hash(id), id) {
            let before = slots::entry(before);
            self.set(index, slots::slot(id, entry));
            return Ok(before);
        }
        if self.len >= fill_max(self.slots().len()) {
            self.grow(&hash)?;
        }
        self.add(hash(id), slots::slot(id, entry)).ok_or(NoMemory)?;
        self.len = self.len.saturating_add(1);
        Ok(None)
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, hash: impl Fn(PairId) -> u64, id: PairId) -> Option<Entry> {
        let (mut hole, slot) = self.find(hash(id), id)?;
        let removed = slots::entry(slot);
        let mask = self.mask()?;
        let mut index = hole;
        loop {
            index = index.wrapping_add(1) & mask;
            let slot = *self.slots().get(index)?;
            if slots::is_free(&slot) {
                break;
            }
            // It moves into the hole unless its home lies behind that.
            let way = |from: usize| index.wrapping_sub(from) & mask;
            if way(home(hash(slots::id(&slot)), mask)) >= way(hole) {
                self.set(hole, slot);
                hole = index;
            }
        }
        self.set(hole, FREE);
        self.len = self.len.saturating_sub(1);
        removed
    }

    /// Forgets all entries and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.slots_mut().fill(FREE);
        self.len = 0;
    }

    /// Forgets all entries and gives back the memory, but for the least that a table has.
    pub(super) fn shrink(&mut self) {
        if self.slots().len() > SLOTS_MIN {
            *self = Self::default();
        } else {
            self.clear();
        }
    }

    /// The entries, in no order.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.slots().iter().filter_map(slots::entry)
    }

    /// Bytes of its slots.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.slots())
    }

    fn find(&self, hash: u64, id: PairId) -> Option<(usize, &Slot)> {
        let slots = self.slots();
        let mask = slots.len().checked_sub(1)?;
        let mut index = home(hash, mask);
        loop {
            let slot = slots.get(index)?;
            if slots::is_free(slot) {
                return None;
            }
            if slots::id(slot) == id {
                return Some((index, slot));
            }
            index = index.wrapping_add(1) & mask;
        }
    }

    /// Puts in a slot whose id is not there; some slot is free.
    fn add(&mut self, hash: u64, new: Slot) -> Option<()> {
        let slots = self.slots_mut();
        let mask = slots.len().checked_sub(1)?;
        let mut index = home(hash, mask);
        while !slots::is_free(slots.get(index)?) {
            index = index.wrapping_add(1) & mask;
        }
        *slots.get_mut(index)? = new;
        Some(())
    }

    fn grow(&mut self, hash: impl Fn(PairId) -> u64) -> Result<(), NoMemory> {
        let slots = self.slots().len().saturating_mul(2).max(SLOTS_MIN);
        let mut larger = Self { memory: Some(Memory::of(slots).ok_or(NoMemory)?), len: self.len };
        for slot in self.slots().iter().filter(|slot| !slots::is_free(slot)) {
            larger.add(hash(slots::id(slot)), *slot).ok_or(NoMemory)?;
        }
        *self = larger;
        Ok(())
    }

    fn mask(&self) -> Option<usize> {
        self.slots().len().checked_sub(1)
    }

    fn slots(&self) -> &[Slot] {
        self.memory.as_ref().map_or(&[], Memory::slots)
    }

    fn slots_mut(&mut self) -> &mut [Slot] {
        self.memory.as_mut().map_or(&mut [], Memory::slots_mut)
    }

    fn set(&mut self, index: usize, slot: Slot) {
        if let Some(there) = self.slots_mut().get_mut(index) {
            *there = slot;
        }
    }
}

/// The first slot of the line where an entry is looked for.
fn home(hash: u64, mask: usize) -> usize {
    let mask = u64::try_from(mask).unwrap_or(u64::MAX);
    // A line holds two slots and begins at every other one.
    usize::try_from(hash & mask).unwrap_or_default() & !1
}

/// Entries that so many slots may hold: with more, some would stand far from their homes.
pub(super) const fn fill_max(slots: usize) -> usize {
    (slots / 4).saturating_mul(3)
}

/// Slots of a table, at least: a page of memory.
pub(super) const SLOTS_MIN: usize = 128;

#[cfg(test)]
mod tests {
    use super::super::held::SubjectNumber;
    use super::*;
    use jeton_domain::id::Tick;
    use jeton_domain::time::Second;
    use jeton_domain::token::access::AccessFacts;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn pair(number: u64) -> PairId {
        PairId::from_bytes(u128::from(number).to_be_bytes())
    }

    fn entry(subject: u32) -> Entry {
        let facts = AccessFacts { born: Tick::new(7), end: Second::new(9), is_revoked: false };
        Entry { facts, subject: SubjectNumber::new(subject) }
    }

    /// Few homes, some of them at the end: entries stand in each other's way.
    fn crowded(id: PairId) -> u64 {
        let [.., last] = *id.bytes();
        [0, 2, 3, 0xff_fffe, 0xff_ffff][usize::from(last) % 5]
    }

    fn spread(id: PairId) -> u64 {
        u64::from_be_bytes(*id.bytes().last_chunk().unwrap()).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            >> 7
    }

    fn agrees_with_a_map(
        changes: &[(bool, u64, u32)],
        hash: impl Fn(PairId) -> u64 + Copy,
    ) -> Result<(), TestCaseError> {
        let (mut table, mut map) = (Table::default(), BTreeMap::new());
        for (is_in, number, subject) in changes {
            let id = pair(*number);
            if *is_in {
                let before = table.insert(hash, id, entry(*subject));
                prop_assert_eq!(before, Ok(map.insert(id, entry(*subject))));
            } else {
                prop_assert_eq!(table.remove(hash, id), map.remove(&id));
            }
            prop_assert_eq!(table.len(), map.len());
        }
        for number in 0..600 {
            let id = pair(number);
            prop_assert_eq!(table.get(hash(id), id), map.get(&id).copied(), "{}", number);
        }
        prop_assert_eq!(table.entries().count(), map.len());
        let mut shrunk = table;
        shrunk.shrink();
        prop_assert!(shrunk.bytes() <= SLOTS_MIN * size_of::<Slot>());
        prop_assert_eq!((shrunk.len(), shrunk.entries().count()), (0, 0));
        for (id, entry) in &map {
            prop_assert_eq!(shrunk.insert(hash, *id, *entry), Ok(None));
        }
        shrunk.clear();
        prop_assert_eq!((shrunk.len(), shrunk.entries().count()), (0, 0));
        Ok(())
    }

    proptest! {
        #[test]
        fn it_is_a_map_however_ids_collide(
            changes in proptest::collection::vec((any::<bool>(), 0_u64..90, 0_u32..1_000), 0..600),
        ) {
            agrees_with_a_map(&changes, crowded)?;
        }

        #[test]
        fn it_is_a_map_while_it_grows(
            changes in proptest::collection::vec((0_u8..4, 0_u64..600, 0_u32..1_000), 0..1_500),
        ) {
            let changes = changes.into_iter().map(|(kind, id, subject)| (kind > 0, id, subject));
            agrees_with_a_map(&changes.collect::<Vec<_>>(), spread)?;
        }
    }

    #[test]
    fn an_id_that_differs_in_one_bit_is_another() {
        let mut table = Table::default();
        let hash = |_| 4;
        table.insert(hash, pair(1), entry(1)).unwrap();
        for bit in 0..128 {
            let other = PairId::from_bytes((1_u128 ^ (1 << bit)).to_be_bytes());
            assert_eq!(table.get(4, other), None);
        }
        assert_eq!(table.get(4, pair(1)), Some(entry(1)));
    }
}
