//! The rows of a journal file on their way into one layer.
//!
//! Owns which of many writes to a key was the last. Must not know files. To keep what was written
//! last alone, and to sort that in the end and build the layer of it at once, takes a fraction of
//! the time in which a layer takes row after row.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::ops::Range;

use bytes::Bytes;
use hashbrown::{DefaultHashBuilder, HashTable};
use jeton_domain::time::Hour;

use super::memtable::{Cell, Memtable, Table};
use super::record::Written;
use crate::engine::{Space, Version};

/// What was written to each space so far.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    spaces: BTreeMap<Space, Heap>,
    stretches: Stretches,
}

impl Gathering {
    pub(super) fn write(&mut self, row: &Written<'_>) {
        self.spaces.entry(row.space).or_default().write(row, &mut self.stretches);
    }

    pub(super) fn clear(&mut self, hour: Hour) {
        self.spaces.insert(Space::Hour(hour), Heap { is_cleared: true, ..Heap::default() });
    }

    /// The layer that would have come of taking one write after the other.
    pub(super) fn into_layer(self) -> Memtable {
        let mut layer = Memtable::default();
        let stretches: Vec<Bytes> = self.stretches.0.into_iter().map(Bytes::from).collect();
        for (space, heap) in self.spaces {
            layer.place(space, heap.table(&stretches));
        }
        layer
    }
}

/// The rows of one space, each once, in no order.
#[derive(Debug, Default)]
struct Heap {
    is_cleared: bool,
    rows: Vec<Kept>,
    /// The places of rows, by the hashes of their keys.
    places: HashTable<Place>,
    hasher: DefaultHashBuilder,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    hash: u64,
    row: usize,
}

/// What was written last to a key.
#[derive(Clone, Copy, Debug)]
struct Kept {
    version: Version,
    is_removed: bool,
    /// The stretch of memory in which the key stands, and its value right behind it.
    stretch: usize,
    start: usize,
    value_start: usize,
    end: usize,
}

impl Heap {
    fn write(&mut self, row: &Written<'_>, stretches: &mut Stretches) {
        let hash = self.hasher.hash_one(row.key);
        let Self { rows, places, .. } = self;
        let is_same = |place: &Place| {
            let known = rows.get(place.row).filter(|_| place.hash == hash);
            known.is_some_and(|known| stretches.get(known.stretch, known.key()) == Some(row.key))
        };
        let place = places.find(hash, is_same).map(|place| place.row);
        if let Some(known) = place.and_then(|place| rows.get_mut(place)) {
            if !stretches.overwrite(known, row) {
                *known = stretches.append(row);
            }
        } else {
            places.insert_unique(hash, Place { hash, row: rows.len() }, |place| place.hash);
            rows.push(stretches.append(row));
        }
    }

    fn table(self, stretches: &[Bytes]) -> Table {
        let bytes = |row: &Kept, range: Range<usize>| match stretches.get(row.stretch) {
            Some(stretch) => stretch.slice(range),
            None => Bytes::new(),
        };
        let key = |row: &Kept| stretches.get(row.stretch).and_then(|bytes| bytes.get(row.key()));
        let mut order: Vec<(u128, &Kept)> =
            self.rows.iter().map(|row| (beginning(key(row).unwrap_or_default()), row)).collect();
        order.sort_unstable_by(|(one, row), (other, other_row)| {
            one.cmp(other).then_with(|| key(row).cmp(&key(other_row)))
        });
        let rows = order.into_iter().map(|(_, row)| {
            let value = (!row.is_removed).then(|| bytes(row, row.value_start..row.end));
            (bytes(row, row.key()), Cell { version: row.version, value })
        });
        // Rows that come in order are not inserted one by one.
        Table { is_cleared: self.is_cleared, rows: rows.collect() }
    }
}

impl Kept {
    const fn key(&self) -> Range<usize> {
        self.start..self.value_start
    }
}

/// Memory that rows share: little enough that a few rows that are in use for long keep little
/// alive.
#[derive(Debug, Default)]
struct Stretches(Vec<Vec<u8>>);

impl Stretches {
    fn get(&self, stretch: usize, range: Range<usize>) -> Option<&[u8]> {
        self.0.get(stretch)?.get(range)
    }

    /// Puts a row behind all others.
    fn append(&mut self, row: &Written<'_>) -> Kept {
        let value = row.value.unwrap_or_default();
        let length = row.key.len().saturating_add(value.len());
        let room = self.0.last().map(|last| last.capacity().saturating_sub(last.len()));
        if room.is_none_or(|room| room < length) {
            self.0.push(Vec::with_capacity(length.max(STRETCH_BYTES)));
        }
        let stretch = self.0.len().saturating_sub(1);
        let mut kept = Kept {
            version: row.version,
            is_removed: row.value.is_none(),
            stretch,
            start: 0,
            value_start: 0,
            end: 0,
        };
        if let Some(last) = self.0.last_mut() {
            kept.start = last.len();
            last.extend_from_slice(row.key);
            kept.value_start = last.len();
            last.extend_from_slice(value);
            kept.end = last.len();
        }
        kept
    }

    /// Puts a value in the place of an older one; false when that place is too small.
    fn overwrite(&mut self, known: &mut Kept, row: &Written<'_>) -> bool {
        let value = row.value.unwrap_or_default();
        let end = known.value_start.saturating_add(value.len());
        let stretch = self.0.get_mut(known.stretch).filter(|_| end <= known.end);
        let Some(place) = stretch.and_then(|bytes| bytes.get_mut(known.value_start..end)) else {
            return false;
        };
        place.copy_from_slice(value);
        known.version = row.version;
        known.is_removed = row.value.is_none();
        known.end = end;
        true
    }
}

/// The first bytes of a key as a number that is compared at once.
fn beginning(key: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    for (byte, known) in bytes.iter_mut().zip(key) {
        *byte = *known;
    }
    u128::from_be_bytes(bytes)
}

const STRETCH_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::record::Step;
    use super::*;

    /// What a batch may do: drop a segment, or write one of few keys.
    #[derive(Clone, Debug)]
    enum Deed {
        Drop(u32),
        Write(u32, Vec<u8>, Option<Vec<u8>>),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        // Few letters, so that keys are equal, or the beginnings of others, or go on behind the
        // part that is compared at once.
        let key = prop_oneof![
            prop::collection::vec(0..2_u8, 0..4),
            prop::collection::vec(0..2_u8, 15..19),
            prop::collection::vec(254..=255_u8, 17..18),
        ];
        let value = prop_oneof![
            4 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Some),
            1 => Just(Some(vec![7; STRETCH_BYTES / 3])),
            1 => Just(None),
        ];
        prop_oneof![
            1 => (0..3_u32).prop_map(Deed::Drop),
            30 => (0..4_u32, key, value).prop_map(|(space, key, value)| Deed::Write(space, key, value)),
        ]
    }

    fn space(number: u32) -> Space {
        number.checked_sub(1).map_or(Space::Lasting, |hour| Space::Hour(Hour::new(hour)))
    }

    type Rows = BTreeMap<Bytes, Cell>;

    fn content(layer: &Memtable) -> Vec<(Space, bool, &Rows)> {
        layer.tables().map(|(space, table)| (space, table.is_cleared, &table.rows)).collect()
    }

    proptest! {
        #[test]
        fn a_layer_is_as_if_it_had_taken_one_write_after_the_other(
            deeds in prop::collection::vec(deed(), 0..300)
        ) {
            let (mut gathering, mut layer) = (Gathering::default(), Memtable::default());
            for (version, deed) in (1..).zip(&deeds) {
                match deed {
                    Deed::Drop(hour) => {
                        gathering.clear(Hour::new(*hour));
                        layer.apply(&Bytes::new(), &Step::Drop(Hour::new(*hour)));
                    }
                    Deed::Write(number, key, value) => {
                        let (space, version) = (space(*number), Version(version));
                        let value = value.as_deref();
                        gathering.write(&Written { space, key, version, value });
                        let key = Bytes::copy_from_slice(key);
                        let value = value.map(Bytes::copy_from_slice);
                        layer.write(space, key, Cell { version, value });
                    }
                }
            }
            let gathered = gathering.into_layer();
            prop_assert_eq!(gathered.bytes(), layer.bytes());
            prop_assert_eq!(content(&gathered), content(&layer));
        }
    }
}
