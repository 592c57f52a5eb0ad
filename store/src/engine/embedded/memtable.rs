//! Rows that are in the journal and not yet in runs, in memory.
//!
//! Owns one layer of rows and removals over what is older. Must not know files.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::ops::Bound;

use bytes::Bytes;
use jeton_domain::time::Hour;

use super::record::{Step, Written};
use crate::engine::{Key, KeyRange, Row, Space, Version};

/// What a layer says of a key: its row, or that it was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) version: Version,
    /// None when the row was removed.
    pub(super) value: Option<Bytes>,
}

impl Cell {
    pub(super) fn into_row(self) -> Option<Row> {
        let version = self.version;
        self.value.map(|value| Row { version, value })
    }
}

/// One layer: what was written to each space.
#[derive(Debug, Default)]
pub(super) struct Memtable {
    spaces: BTreeMap<Space, Table>,
    bytes: usize,
}

/// One space of a layer.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Whether everything older in the space was dropped.
    pub(super) is_cleared: bool,
    pub(super) rows: BTreeMap<Bytes, Cell>,
}

impl Memtable {
    /// About how much memory the layer takes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = (Space, &Table)> {
        self.spaces.iter().map(|(space, table)| (*space, table))
    }

    pub(super) fn table(&self, space: Space) -> Option<&Table> {
        self.spaces.get(&space)
    }

    /// What the layer says of the key; nothing when older layers must be asked.
    pub(super) fn lookup(&self, key: &Key) -> Option<Cell> {
        let table = self.spaces.get(&key.space)?;
        match table.rows.get(&key.bytes) {
            Some(cell) => Some(cell.clone()),
            None => table.is_cleared.then_some(Cell { version: Version(0), value: None }),
        }
    }

    pub(super) fn write(&mut self, space: Space, key: Bytes, cell: Cell) {
        let fixed = key.len().saturating_add(ROW_OVERHEAD);
        let added = value_bytes(&cell).saturating_add(fixed);
        let before = self.spaces.entry(space).or_default().rows.insert(key, cell);
        let freed = before.map_or(0, |cell| value_bytes(&cell).saturating_add(fixed));
        self.bytes = self.bytes.saturating_add(added).saturating_sub(freed);
    }

    pub(super) fn clear(&mut self, hour: Hour) {
        self.place(Space::Hour(hour), Table { is_cleared: true, rows: BTreeMap::new() });
    }

    /// Does what a batch of the group did; rows are parts of the group.
    pub(super) fn apply(&mut self, group: &Bytes, step: &Step<'_>) {
        match step {
            Step::Drop(hour) => self.clear(*hour),
            Step::Write(Written { space, key, version, value }) => {
                let value = value.map(|value| group.slice_ref(value));
                self.write(*space, group.slice_ref(key), Cell { version: *version, value });
            }
            Step::Done(..) => {}
        }
    }

    /// Takes a table whole, in the place of whatever the space had.
    pub(super) fn place(&mut self, space: Space, table: Table) {
        let added = table.bytes();
        let before = self.spaces.insert(space, table);
        let freed = before.map_or(0, |table| table.bytes());
        self.bytes = self.bytes.saturating_add(added).saturating_sub(freed);
    }

    /// Lays a newer layer over this one.
    pub(super) fn absorb(&mut self, newer: Self) {
        for (space, table) in newer.spaces {
            if let (true, Space::Hour(hour)) = (table.is_cleared, space) {
                self.clear(hour);
            }
            for (key, cell) in table.rows {
                self.write(space, key, cell);
            }
        }
    }
}

impl Table {
    /// About how much memory the table takes.
    fn bytes(&self) -> usize {
        self.rows.iter().map(|(key, cell)| row_bytes(key, cell)).sum()
    }

    /// The part of the table that lies in `range`, which must not end before it starts.
    pub(super) fn range(&self, range: &KeyRange) -> Range<'_, Bytes, Cell> {
        let end = range.end.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        self.rows.range::<Bytes, _>((Bound::Included(&range.start), end))
    }
}

fn row_bytes(key: &Bytes, cell: &Cell) -> usize {
    value_bytes(cell).saturating_add(key.len()).saturating_add(ROW_OVERHEAD)
}

fn value_bytes(cell: &Cell) -> usize {
    cell.value.as_ref().map_or(0, Bytes::len)
}

/// What the map and the allocator add to each row, about.
const ROW_OVERHEAD: usize = 160;
