//! A run: an immutable file of rows of one space, in key order.
//!
//! Owns the format of the file and how it is read. Must not know which runs are in use. The file is
//! data blocks of about 4 KiB, then the index (the first key and the length of each block), the
//! filter, and a footer; each ends with a checksum that also covers where the block belongs, so
//! that a block read from a wrong place is noticed.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use jeton_domain::time::Hour;

use super::bloom::may_hold;
use super::coding::{Reader, checksum, narrow, split_checksum, wide};
use super::disk::{Disk, DiskFile};
use super::memtable::Cell;
use crate::engine::{Space, Version};
use crate::error::StoreError;

/// What the manifest says of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RunEntry {
    pub(super) space: Space,
    pub(super) id: u64,
    pub(super) file_bytes: u64,
    /// The checksum of the footer, so that a file under a wrong name is noticed.
    pub(super) footer_sum: u32,
}

impl RunEntry {
    /// The name of its file.
    pub(super) fn file_name(&self) -> String {
        match self.space {
            Space::Lasting => format!("lasting-{}.run", self.id),
            Space::Hour(hour) => format!("hour-{}-{}.run", hour.number(), self.id),
        }
    }
}

/// Whether a file of this name is a run.
pub(super) fn is_run_name(name: &str) -> bool {
    (name.starts_with("lasting-") || name.starts_with("hour-"))
        && std::path::Path::new(name).extension().is_some_and(|end| end == "run")
}

/// An open run.
#[derive(Debug)]
pub(super) struct Run {
    entry: RunEntry,
    footer: Footer,
    file: DiskFile,
    /// Read at the first use, so that a start does not depend on the number of rows.
    loaded: OnceLock<Arc<Loaded>>,
}

#[derive(Debug)]
struct Loaded {
    /// It stays as long as the run does, so it has no room to spare.
    blocks: Box<[Block]>,
    filter: Bytes,
}

#[derive(Clone, Debug)]
struct Block {
    first: Bytes,
    offset: u64,
    length: u32,
}

impl Run {
    /// Opens a run that the manifest names; reads its footer only.
    pub(super) fn open(disk: &Disk, entry: RunEntry) -> Result<Self, StoreError> {
        let file = disk.open(&entry.file_name())?;
        let length = file.length()?;
        if length != entry.file_bytes || length < Footer::BYTES {
            return Err(file.damaged(length.min(entry.file_bytes), "the file has another length"));
        }
        let at = length.saturating_sub(Footer::BYTES);
        let bytes = file.read_at(narrow(Footer::BYTES), at)?;
        let footer = Footer::decode(&bytes, &entry).map_err(|what| file.damaged(at, what))?;
        Ok(Self { entry, footer, file, loaded: OnceLock::new() })
    }

    pub(super) const fn entry(&self) -> &RunEntry {
        &self.entry
    }

    /// How many rows it holds.
    pub(super) const fn rows(&self) -> u64 {
        self.footer.rows
    }

    /// How many removals it holds.
    pub(super) const fn removals(&self) -> u64 {
        self.footer.removals
    }

    /// What the run says of the key, if anything.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Cell>, StoreError> {
        let loaded = self.loaded()?;
        if !may_hold(&loaded.filter, key) {
            return Ok(None);
        }
        let Some(block) = loaded.block_of(key).and_then(|index| loaded.blocks.get(index)) else {
            return Ok(None);
        };
        let mut cells = Cells::new(self.read(block)?);
        loop {
            match cells.step() {
                Ok(None) => return Ok(None),
                Ok(Some(found)) => match cells.key.as_slice().cmp(key) {
                    Ordering::Less => {}
                    Ordering::Equal => return Ok(Some(cells.cell(&found))),
                    Ordering::Greater => return Ok(None),
                },
                Err(what) => return Err(self.file.damaged(block.offset, what)),
            }
        }
    }

    /// Walks the run from the first key that is not below `start`. Blocks that begin at `end` or
    /// beyond are not read.
    pub(super) fn walk(
        self: Arc<Self>,
        start: &[u8],
        end: Option<&Bytes>,
    ) -> Result<Walk, StoreError> {
        let loaded = Arc::clone(self.loaded()?);
        let next = loaded.block_of(start).unwrap_or(0);
        let (cells, end) = (Cells::new(Vec::new()), end.cloned());
        let mut walk = Walk { run: self, loaded, next, end, offset: 0, cells, ahead: None };
        while let Some(found) = walk.step()? {
            if walk.cells.key.as_slice() >= start {
                walk.ahead = Some(walk.take(&found));
                break;
            }
        }
        Ok(walk)
    }

    fn loaded(&self) -> Result<&Arc<Loaded>, StoreError> {
        if let Some(loaded) = self.loaded.get() {
            return Ok(loaded);
        }
        let footer = &self.footer;
        let index = self.content(footer.index_at, narrow(footer.index_bytes))?;
        let filter = self.content(footer.filter_at, narrow(footer.filter_bytes))?;
        let blocks = decode_index(&Bytes::from(index), footer.index_at)
            .ok_or_else(|| self.file.damaged(footer.index_at, "the index makes no sense"))?;
        let loaded = Arc::new(Loaded { blocks, filter: Bytes::from(filter) });
        Ok(self.loaded.get_or_init(|| loaded))
    }

    fn read(&self, block: &Block) -> Result<Vec<u8>, StoreError> {
        self.content(block.offset, narrow(u64::from(block.length)))
    }

    /// The bytes of one block without its checksum, which is verified at every read.
    fn content(&self, offset: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        let mut bytes = self.file.read_at(length, offset)?;
        let content = match split_checksum(&bytes) {
            Some((content, sum)) if block_sum(self.entry.id, offset, content) == sum => {
                content.len()
            }
            _ => {
                return Err(self.file.damaged(offset, "a block does not match its checksum"));
            }
        };
        bytes.truncate(content);
        Ok(bytes)
    }
}

impl Loaded {
    /// The block in which the key would be; none when it lies before all.
    fn block_of(&self, key: &[u8]) -> Option<usize> {
        self.blocks.partition_point(|block| block.first.as_ref() <= key).checked_sub(1)
    }
}

/// A walk over a run in key order.
#[derive(Debug)]
pub(super) struct Walk {
    run: Arc<Run>,
    loaded: Arc<Loaded>,
    /// The block that is read next.
    next: usize,
    end: Option<Bytes>,
    /// Where the block that is walked lies.
    offset: u64,
    cells: Cells,
    /// The first cell, found when the walk began.
    ahead: Option<(Bytes, Cell)>,
}

impl Walk {
    /// The next key and what the run says of it.
    pub(super) fn next(&mut self) -> Result<Option<(Bytes, Cell)>, StoreError> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        let found = self.step()?;
        Ok(found.map(|found| self.take(&found)))
    }

    fn take(&self, found: &FoundCell) -> (Bytes, Cell) {
        (Bytes::copy_from_slice(&self.cells.key), self.cells.cell(found))
    }

    fn step(&mut self) -> Result<Option<FoundCell>, StoreError> {
        loop {
            match self.cells.step() {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                Err(what) => return Err(self.run.file.damaged(self.offset, what)),
            }
            let Some(block) = self.loaded.blocks.get(self.next) else {
                return Ok(None);
            };
            if self.end.as_ref().is_some_and(|end| block.first >= *end) {
                return Ok(None);
            }
            self.next = self.next.saturating_add(1);
            self.offset = block.offset;
            self.cells = Cells::new(self.run.read(block)?);
        }
    }
}

/// The cells of one block, one after the other.
#[derive(Debug)]
struct Cells {
    content: Vec<u8>,
    /// How far it is taken apart.
    at: usize,
    /// The key of the cell that was found last.
    key: Vec<u8>,
}

struct FoundCell {
    version: u64,
    /// Where in the block the value stands.
    value: Option<Range<usize>>,
}

impl Cells {
    const fn new(content: Vec<u8>) -> Self {
        Self { content, at: 0, key: Vec::new() }
    }

    /// Copies the value, so that a kept row does not keep its whole block.
    fn cell(&self, found: &FoundCell) -> Cell {
        let value = found.value.clone().and_then(|range| self.content.get(range));
        Cell { version: Version(found.version), value: value.map(Bytes::copy_from_slice) }
    }

    fn step(&mut self) -> Result<Option<FoundCell>, &'static str> {
        if self.at >= self.content.len() {
            return Ok(None);
        }
        self.decode().map(Some).ok_or("a block makes no sense")
    }

    fn decode(&mut self) -> Option<FoundCell> {
        let mut reader = Reader::new(self.content.get(self.at..)?);
        let shared = usize::try_from(reader.varint()?).ok()?;
        if shared > self.key.len() {
            return None;
        }
        self.key.truncate(shared);
        self.key.extend_from_slice(reader.bytes()?);
        let version = reader.varint()?;
        let length = reader.varint()?.checked_sub(1);
        let length = length.map(usize::try_from).transpose().ok()?;
        reader.take(length.unwrap_or(0))?;
        self.at = self.content.len().checked_sub(reader.left())?;
        let value = length.map(|length| self.at.saturating_sub(length)..self.at);
        Some(FoundCell { version, value })
    }
}

/// The end of a run: where its parts are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Footer {
    pub(super) rows: u64,
    pub(super) removals: u64,
    pub(super) index_at: u64,
    pub(super) index_bytes: u64,
    pub(super) filter_at: u64,
    pub(super) filter_bytes: u64,
}

impl Footer {
    /// Its length in the file.
    pub(super) const BYTES: u64 = 76;

    /// The footer as it stands in the file, and its checksum.
    pub(super) fn encode(&self, space: Space, id: u64) -> (Vec<u8>, u32) {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&space_number(space).to_le_bytes());
        for number in [
            id,
            self.rows,
            self.removals,
            self.index_at,
            self.index_bytes,
            self.filter_at,
            self.filter_bytes,
        ] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let sum = checksum(&[&bytes]);
        bytes.extend_from_slice(&sum.to_le_bytes());
        (bytes, sum)
    }

    fn decode(bytes: &[u8], entry: &RunEntry) -> Result<Self, &'static str> {
        let (content, sum) = split_checksum(bytes).ok_or("the footer is cut off")?;
        if checksum(&[content]) != sum {
            return Err("the footer does not match its checksum");
        }
        let mut reader = Reader::new(content);
        let is_ours = reader.take(MAGIC.len()) == Some(MAGIC)
            && reader.u64() == Some(space_number(entry.space))
            && reader.u64() == Some(entry.id)
            && sum == entry.footer_sum;
        if !is_ours {
            return Err("the file is another one than the manifest names");
        }
        let mut number = || reader.u64().ok_or("the footer is cut off");
        Ok(Self {
            rows: number()?,
            removals: number()?,
            index_at: number()?,
            index_bytes: number()?,
            filter_at: number()?,
            filter_bytes: number()?,
        })
    }
}

/// The checksum of a block that lies at `offset` of the run.
pub(super) fn block_sum(id: u64, offset: u64, content: &[u8]) -> u32 {
    checksum(&[&id.to_le_bytes(), &offset.to_le_bytes(), content])
}

/// A space as a number: zero for what lasts, else the hour plus one.
pub(super) fn space_number(space: Space) -> u64 {
    match space {
        Space::Lasting => 0,
        Space::Hour(hour) => u64::from(hour.number()).saturating_add(1),
    }
}

/// The space of this number; none when there is no such hour.
pub(super) fn space_of_number(number: u64) -> Option<Space> {
    match number.checked_sub(1) {
        None => Some(Space::Lasting),
        Some(hour) => Some(Space::Hour(Hour::new(u32::try_from(hour).ok()?))),
    }
}

fn decode_index(content: &Bytes, end: u64) -> Option<Box<[Block]>> {
    let mut reader = Reader::new(content);
    let mut blocks = Vec::new();
    let mut offset = 0u64;
    while !reader.is_empty() {
        let first = content.slice_ref(reader.bytes()?);
        let length = u32::try_from(reader.varint()?).ok()?;
        blocks.push(Block { first, offset, length });
        offset = offset.checked_add(u64::from(length))?;
    }
    (offset == end).then(|| blocks.into_boxed_slice())
}

/// How many bytes of cells a block takes before the next one begins.
pub(super) const BLOCK_BYTES: usize = 4096 - 4;

const MAGIC: &[u8; 8] = b"jetonrun";

/// The length of a block in the file, checksum included.
pub(super) fn stored_length(content: usize) -> u64 {
    wide(content).saturating_add(4)
}
