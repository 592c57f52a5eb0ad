//! Several layers and runs as one, in key order: of each key the newest cell.

use std::collections::btree_map::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::memtable::Cell;
use super::run::{Run, Walk};
use crate::error::StoreError;

/// One of the sources that are merged.
#[derive(Debug)]
pub(super) enum Source<'a> {
    /// Part of a layer in memory.
    Table(Range<'a, Bytes, Cell>),
    /// Cells that were gathered before.
    Cells(std::vec::IntoIter<(Bytes, Cell)>),
    /// A run.
    Run(Walk),
}

impl Source<'_> {
    fn next(&mut self) -> Result<Option<(Bytes, Cell)>, StoreError> {
        match self {
            Self::Table(range) => Ok(range.next().map(|(key, cell)| (key.clone(), cell.clone()))),
            Self::Cells(cells) => Ok(cells.next()),
            Self::Run(walk) => walk.next(),
        }
    }
}

/// Walks all sources at once.
#[derive(Debug)]
pub(super) struct Merge<'a> {
    /// Newest first, each with its next cell.
    sources: Vec<(Source<'a>, Option<(Bytes, Cell)>)>,
}

impl<'a> Merge<'a> {
    /// Merges the sources; where two say something of a key, the one that comes first is right.
    pub(super) fn new(sources: Vec<Source<'a>>) -> Result<Self, StoreError> {
        let mut heads = Vec::with_capacity(sources.len());
        for mut source in sources {
            let head = source.next()?;
            heads.push((source, head));
        }
        Ok(Self { sources: heads })
    }

    /// The next key with its newest cell, removals included.
    pub(super) fn next(&mut self) -> Result<Option<(Bytes, Cell)>, StoreError> {
        let heads = self.sources.iter().filter_map(|(_, head)| head.as_ref());
        let Some(least) = heads.map(|(key, _)| key).min().cloned() else {
            return Ok(None);
        };
        let mut newest = None;
        for (source, head) in &mut self.sources {
            if head.as_ref().is_some_and(|(key, _)| *key == least) {
                let cell = std::mem::replace(head, source.next()?);
                newest = newest.or(cell);
            }
        }
        Ok(newest)
    }
}

/// The walks of runs that are given oldest first, as sources.
pub(super) fn walks<'a>(
    runs: &[Arc<Run>],
    start: &[u8],
    end: Option<&Bytes>,
) -> Result<Vec<Source<'a>>, StoreError> {
    let walk = |run: &Arc<Run>| Arc::clone(run).walk(start, end).map(Source::Run);
    runs.iter().rev().map(walk).collect()
}
