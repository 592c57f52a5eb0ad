//! Writes a run: cells in key order, then the index, the filter and the footer.

use super::bloom::BloomBuilder;
use super::coding::{put_bytes, put_varint, wide};
use super::disk::{Disk, DiskFile};
use super::memtable::Cell;
use super::run::{BLOCK_BYTES, Footer, RunEntry, block_sum, stored_length};
use crate::engine::Space;
use crate::error::StoreError;

/// A run that is being written. Dropped unfinished, its file must be removed by name.
#[derive(Debug)]
pub(super) struct RunWriter {
    space: Space,
    id: u64,
    file: DiskFile,
    /// Written blocks that are not yet in the file.
    buffer: Vec<u8>,
    /// Bytes that are in the file.
    written: u64,
    /// Bytes that are durable.
    synced: u64,
    block: Vec<u8>,
    first: Vec<u8>,
    last: Vec<u8>,
    index: Vec<u8>,
    filter: BloomBuilder,
    footer: Footer,
}

impl RunWriter {
    /// Begins the run with this id.
    pub(super) fn create(disk: &Disk, space: Space, id: u64) -> Result<Self, StoreError> {
        let entry = RunEntry { space, id, file_bytes: 0, footer_sum: 0 };
        Ok(Self {
            space,
            id,
            file: disk.create(&entry.file_name())?,
            buffer: Vec::new(),
            written: 0,
            synced: 0,
            block: Vec::new(),
            first: Vec::new(),
            last: Vec::new(),
            index: Vec::new(),
            filter: BloomBuilder::default(),
            footer: Footer::default(),
        })
    }

    /// Adds a cell; keys must rise.
    pub(super) fn add(&mut self, key: &[u8], cell: &Cell) -> Result<(), StoreError> {
        if self.block.is_empty() {
            key.clone_into(&mut self.first);
            self.last.clear();
        }
        let shared = self.last.iter().zip(key).take_while(|(last, new)| last == new).count();
        put_varint(&mut self.block, wide(shared));
        put_bytes(&mut self.block, key.get(shared..).unwrap_or_default());
        put_varint(&mut self.block, cell.version.0);
        if let Some(value) = &cell.value {
            put_varint(&mut self.block, wide(value.len()).saturating_add(1));
            self.block.extend_from_slice(value);
            self.footer.rows = self.footer.rows.saturating_add(1);
        } else {
            put_varint(&mut self.block, 0);
            self.footer.removals = self.footer.removals.saturating_add(1);
        }
        key.clone_into(&mut self.last);
        self.filter.add(key);
        if self.block.len() >= BLOCK_BYTES {
            self.end_block()?;
        }
        Ok(())
    }

    /// Whether no cell was added.
    pub(super) const fn is_empty(&self) -> bool {
        self.footer.rows == 0 && self.footer.removals == 0
    }

    /// Completes the file; durable when it returns, but for its name.
    pub(super) fn finish(mut self) -> Result<RunEntry, StoreError> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        let index = std::mem::take(&mut self.index);
        self.footer.index_at = self.offset();
        self.footer.index_bytes = stored_length(index.len());
        self.push(&index)?;
        let filter = std::mem::take(&mut self.filter).finish();
        self.footer.filter_at = self.offset();
        self.footer.filter_bytes = stored_length(filter.len());
        self.push(&filter)?;
        let (footer, footer_sum) = self.footer.encode(self.space, self.id);
        self.buffer.extend_from_slice(&footer);
        self.write_out()?;
        self.file.sync()?;
        Ok(RunEntry { space: self.space, id: self.id, file_bytes: self.written, footer_sum })
    }

    fn end_block(&mut self) -> Result<(), StoreError> {
        let block = std::mem::take(&mut self.block);
        put_bytes(&mut self.index, &self.first);
        put_varint(&mut self.index, stored_length(block.len()));
        self.push(&block)?;
        // Handed back for its capacity.
        self.block = block;
        self.block.clear();
        Ok(())
    }

    fn push(&mut self, content: &[u8]) -> Result<(), StoreError> {
        let sum = block_sum(self.id, self.offset(), content);
        self.buffer.extend_from_slice(content);
        self.buffer.extend_from_slice(&sum.to_le_bytes());
        if self.buffer.len() >= WRITE_BYTES { self.write_out() } else { Ok(()) }
    }

    fn offset(&self) -> u64 {
        self.written.saturating_add(wide(self.buffer.len()))
    }

    fn write_out(&mut self) -> Result<(), StoreError> {
        self.file.write_at(&self.buffer, self.written)?;
        self.written = self.offset();
        self.buffer.clear();
        if self.written.saturating_sub(self.synced) >= SYNC_BYTES {
            self.file.sync()?;
            self.synced = self.written;
        }
        Ok(())
    }
}

/// How many bytes are gathered before they are handed to the system.
const WRITE_BYTES: usize = 256 * 1024;

/// How many bytes are written before they are synced. One sync of a large file would hold up the
/// syncs of commits for as long as it takes.
const SYNC_BYTES: u64 = 2 * 1024 * 1024;
