//! The journal: what was committed and is not yet in runs, in files that are written in place.
//!
//! Owns how groups of bytes are laid into sectors; how a start finds them stands in `found`. Must
//! not know what a group of bytes means.
//!
//! A file is written with zeros once, and used again and again, each time under a larger
//! *generation*. Sector 0 says the generation and how much of the file it may take, so that a start
//! need not look at the rest; groups of bytes follow, each in whole sectors, the last of them
//! marked; a sector that says "end" follows when the next generation is about to begin. Every
//! sector names its generation, its own place and the place where its group begins, and carries a
//! checksum. So a sector is of this generation, of an older one (or zeros), or damaged. A group of
//! which sectors are missing is a torn tail if nothing was written after it, since a group is
//! written only when the one before it is durable; else it is damage.

use std::sync::Arc;

use bytes::Bytes;

use super::coding::{narrow, wide};
use super::disk::{Disk, DiskFile};
use super::found::Found;
use super::sector::{
    FLAG_BEGIN, FLAG_END, FLAG_LAST, Head, PAYLOAD, end_sector, offset_of, sectors, sectors_of,
};
use crate::error::StoreError;

/// The journal file in use; writes groups that are durable when `write` returns.
#[derive(Debug)]
pub(super) struct Journal {
    file: Arc<DiskFile>,
    number: u32,
    generation: u64,
    /// The sector at which the next group begins.
    next: u32,
    /// The sectors that the generation may take.
    sectors: u32,
    /// Told apart from sectors that an earlier attempt left at the same place.
    attempt: u32,
    /// The sectors that are written, kept for its capacity.
    buffer: Vec<u8>,
}

impl Journal {
    /// Starts `generation` in the first so many bytes of the file, which has this number; durable.
    pub(super) fn begin(
        file: Arc<DiskFile>,
        number: u32,
        generation: u64,
        bytes_max: u64,
    ) -> Result<Self, StoreError> {
        let sectors = sectors(file.length()?.min(bytes_max));
        let journal =
            Self { file, number, generation, next: 1, sectors, attempt: 0, buffer: Vec::new() };
        let mark = Head { place: 0, group: 0, flags: FLAG_BEGIN, ..journal.head() };
        journal.file.write_at(&mark.sector(&sectors.to_le_bytes()), 0)?;
        journal.file.sync_or_stop();
        Ok(journal)
    }

    /// Goes on behind the last group that was found at the start.
    pub(super) fn resume(found: Found) -> Self {
        let sectors = found.sectors;
        Self {
            file: found.file,
            number: found.number,
            generation: found.generation,
            next: found.tail,
            sectors,
            attempt: found.attempt,
            buffer: Vec::new(),
        }
    }

    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether a group of so many bytes still fits.
    pub(super) fn has_room(&self, length: usize) -> bool {
        let free = self.sectors.saturating_sub(self.next).saturating_sub(1);
        u64::from(sectors_of(length)) <= u64::from(free)
    }

    /// Appends a group of so many bytes, which come in parts; it is durable when this returns, and
    /// absent after a refusal.
    pub(super) fn write(&mut self, parts: &[Bytes], length: usize) -> Result<(), StoreError> {
        let count = sectors_of(length);
        self.fill(parts, length);
        if let Err(error) = self.file.write_at(&self.buffer, offset_of(self.next)) {
            self.attempt = self.attempt.saturating_add(1);
            return Err(error);
        }
        self.file.sync_or_stop();
        self.next = self.next.saturating_add(count);
        Ok(())
    }

    /// Lays the parts into sectors.
    fn fill(&mut self, parts: &[Bytes], length: usize) {
        let last = self.next.saturating_add(sectors_of(length)).saturating_sub(1);
        let head = self.head();
        let buffer = &mut self.buffer;
        buffer.clear();
        let mut parts = parts.iter().map(Bytes::as_ref);
        let mut part: &[u8] = &[];
        let mut left = length;
        for place in self.next..=last {
            let flags = if place == last { FLAG_LAST } else { 0 };
            let used = left.min(PAYLOAD);
            left = left.saturating_sub(used);
            let start = Head { place, flags, ..head }.begin(buffer, used);
            let mut room = used;
            while room > 0 {
                if part.is_empty() {
                    let Some(next) = parts.next() else { break };
                    part = next;
                }
                let (taken, rest) = part.split_at(part.len().min(room));
                buffer.extend_from_slice(taken);
                room = room.saturating_sub(taken.len());
                part = rest;
            }
            end_sector(buffer, start);
        }
    }

    /// Says that the next generation follows; durable.
    pub(super) fn end(&self) -> Result<(), StoreError> {
        let mark = Head { flags: FLAG_END, ..self.head() };
        self.file.write_at(&mark.sector(&[]), offset_of(self.next))?;
        self.file.sync_or_stop();
        Ok(())
    }

    const fn head(&self) -> Head {
        Head {
            generation: self.generation,
            place: self.next,
            group: self.next,
            attempt: self.attempt,
            used: 0,
            flags: 0,
        }
    }
}

/// The name of the journal file with this number.
pub(super) fn file_name(number: u32) -> String {
    format!("journal-{number}")
}

/// The longest group that a file of so many bytes can hold.
pub(super) fn capacity(file_bytes: u64) -> usize {
    // The first sector says the generation, the last one is kept for the end.
    narrow(u64::from(sectors(file_bytes).saturating_sub(2))).saturating_mul(PAYLOAD)
}

/// Makes a journal file of so many bytes, all zeros and all written, so that no later write into it
/// can want for space.
pub(super) fn prepare(disk: &Disk, number: u32, file_bytes: u64) -> Result<(), StoreError> {
    let file = disk.create(&file_name(number))?;
    let zeros = vec![0; narrow(file_bytes.min(1 << 20))];
    let mut offset = 0;
    while offset < file_bytes {
        let left = narrow(file_bytes.saturating_sub(offset)).min(zeros.len());
        file.write_at(zeros.get(..left).unwrap_or_default(), offset)?;
        offset = offset.saturating_add(wide(left));
    }
    file.sync()
}
