//! What readers see: the layers in memory over the runs.
//!
//! Owns the order in which layers are asked. Everything in a view is durable. Must not know who
//! changes it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::coding::wide;
use super::memtable::{Cell, Memtable, Table};
use super::merge::{Merge, Source, walks};
use super::run::Run;
use crate::engine::{Committed, Key, KeyRange, Row, Space};
use crate::error::StoreError;

/// The layers and runs of the moment.
#[derive(Debug, Default)]
pub(super) struct View {
    /// What the journal file in use holds.
    pub(super) active: Memtable,
    /// What full journal files hold, oldest first, until it is in runs.
    pub(super) frozen: VecDeque<Arc<Frozen>>,
    /// The runs of each space, oldest first.
    pub(super) runs: BTreeMap<Space, Runs>,
}

/// The runs of one space, oldest first.
pub(super) type Runs = Arc<Vec<Arc<Run>>>;

/// A layer that changes no more.
#[derive(Debug)]
pub(super) struct Frozen {
    /// The journal file that holds it.
    pub(super) journal: u32,
    pub(super) generation: u64,
    /// The newest commit in it.
    pub(super) newest: Committed,
    pub(super) table: Memtable,
}

impl View {
    /// Starts the look-up of a row: the layers are asked now, the runs are asked by the answer.
    pub(super) fn lookup(&self, key: &Key) -> Lookup {
        for layer in self.layers() {
            if let Some(cell) = layer.lookup(key) {
                return Lookup::Known(cell.into_row());
            }
        }
        Lookup::InRuns(self.runs_of(key.space))
    }

    /// Starts a scan: gathers from the layers what it may need, and notes the runs.
    ///
    /// A scan shows one moment, since all of it is gathered here at once and runs never change.
    /// Only one that steps over thousands of removals stops, so that commits are not kept waiting.
    pub(super) fn scan(&self, range: &KeyRange, limit: usize) -> Result<Scan, StoreError> {
        let mut sources = Vec::new();
        let mut runs = self.runs_of(range.space);
        for table in self.layers().filter_map(|layer| layer.table(range.space)) {
            sources.push(Source::Table(table.range(range)));
            if table.is_cleared {
                runs = Runs::default();
                break;
            }
        }
        let mut merge = Merge::new(sources)?;
        let mut cells = Vec::new();
        let mut rows = 0usize;
        let mut rest = None;
        while rows < limit
            && let Some((key, cell)) = merge.next()?
        {
            rows = rows.saturating_add(usize::from(cell.value.is_some()));
            cells.push((key, cell));
            if cells.len().saturating_sub(rows) >= REMOVALS_AT_ONCE {
                // The key of the last cell belongs to what was gathered.
                rest = merge.next()?.map(|(key, _)| key);
                break;
            }
        }
        Ok(Scan { cells, runs, limit, rest })
    }

    /// The spaces that may hold rows.
    pub(super) fn spaces(&self) -> BTreeSet<Space> {
        let layers = self.layers().flat_map(Memtable::tables).map(|(space, _)| space);
        layers.chain(self.runs.keys().copied()).collect()
    }

    /// Bytes of all runs.
    pub(super) fn run_bytes(&self) -> u64 {
        let runs = self.runs.values().flat_map(|runs| runs.iter());
        runs.fold(0, |sum, run| run.entry().file_bytes.saturating_add(sum))
    }

    /// Bytes that the layers take in memory, which is more than their runs will take.
    pub(super) fn layer_bytes(&self) -> u64 {
        self.layers().map(|layer| wide(layer.bytes())).fold(0, u64::saturating_add)
    }

    /// The spaces that a layer younger than this generation has cleared.
    pub(super) fn cleared_after(&self, generation: u64) -> BTreeSet<Space> {
        let younger = self.frozen.iter().filter(|frozen| frozen.generation > generation);
        let layers = younger.map(|frozen| &frozen.table).chain(std::iter::once(&self.active));
        let tables = layers.flat_map(Memtable::tables);
        tables.filter(|(_, table)| table.is_cleared).map(|(space, _)| space).collect()
    }

    pub(super) fn runs_of(&self, space: Space) -> Runs {
        self.runs.get(&space).map(Arc::clone).unwrap_or_default()
    }

    /// The layers, newest first.
    fn layers(&self) -> impl Iterator<Item = &Memtable> {
        std::iter::once(&self.active).chain(self.frozen.iter().rev().map(|frozen| &frozen.table))
    }
}

/// A look-up that has asked the layers.
#[derive(Debug)]
pub(super) enum Lookup {
    /// They knew.
    Known(Option<Row>),
    /// The runs must be asked.
    InRuns(Runs),
}

impl Lookup {
    /// Asks the runs where that is needed; no lock should be held.
    pub(super) fn finish(self, key: &[u8]) -> Result<Option<Row>, StoreError> {
        let runs = match self {
            Self::Known(row) => return Ok(row),
            Self::InRuns(runs) => runs,
        };
        for run in runs.iter().rev() {
            if let Some(cell) = run.get(key)? {
                return Ok(cell.into_row());
            }
        }
        Ok(None)
    }
}

/// A scan that has asked the layers.
#[derive(Debug)]
pub(super) struct Scan {
    cells: Vec<(Bytes, Cell)>,
    runs: Runs,
    limit: usize,
    /// Where the layers were not asked any more.
    rest: Option<Bytes>,
}

impl Scan {
    /// Asks the runs too; no lock should be held. Gives the rows, and the key from which on another
    /// scan must find the rest, if there may be one.
    pub(super) fn finish(self, range: &KeyRange) -> Result<Found, StoreError> {
        let mut sources = vec![Source::Cells(self.cells.into_iter())];
        let end = self.rest.as_ref().or(range.end.as_ref());
        sources.extend(walks(&self.runs, &range.start, end)?);
        let mut merge = Merge::new(sources)?;
        let mut rows = Vec::new();
        // Up to there the layers gave `limit` rows or all they have, so the walk misses none.
        while rows.len() < self.limit
            && let Some((bytes, cell)) = merge.next()?
        {
            if end.is_some_and(|end| bytes >= *end) {
                break;
            }
            rows.extend(cell.into_row().map(|row| (Key { space: range.space, bytes }, row)));
        }
        let rest = if rows.len() < self.limit { self.rest } else { None };
        Ok(Found { rows, rest })
    }
}

/// What a scan found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) rows: Vec<(Key, Row)>,
    /// Where the scan must go on.
    pub(super) rest: Option<Bytes>,
}

impl Frozen {
    /// The tables of the layer with what to do about older runs.
    pub(super) fn tables(&self) -> impl Iterator<Item = (Space, &Table)> {
        self.table.tables()
    }
}

/// How many removals are stepped over while the lock is held.
pub(super) const REMOVALS_AT_ONCE: usize = 4096;
