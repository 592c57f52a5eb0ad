//! The journal: what was committed and is not yet in runs, in files that are written in place.
//!
//! Owns the sectors of a journal file and how a torn tail is told from damage. Must not know what a
//! group of bytes means.
//!
//! A file is written with zeros once, and used again and again, each time under a larger
//! *generation*. Sector 0 says the generation; groups of bytes follow, each in whole sectors, the last
//! of them marked; a sector that says "end" follows when the next generation is about to begin. Every
//! sector names its generation, its own place and the place where its group begins, and carries a
//! checksum. So a sector is of this generation, of an older one (or zeros), or damaged. A group of
//! which sectors are missing is a torn tail if nothing was written after it, since a group is written
//! only when the one before it is durable; else it is damage.

use std::sync::Arc;

use bytes::Bytes;

use super::coding::{Reader, checksum, narrow, wide};
use super::disk::{Disk, DiskFile};
use crate::error::StoreError;

/// The journal file in use; writes groups that are durable when `write` returns.
#[derive(Debug)]
pub(super) struct Journal {
    file: Arc<DiskFile>,
    number: u32,
    generation: u64,
    /// The sector at which the next group begins.
    next: u32,
    sectors: u32,
    /// Told apart from sectors that an earlier attempt left at the same place.
    attempt: u32,
    /// The sectors that are written, kept for its capacity.
    buffer: Vec<u8>,
}

impl Journal {
    /// Starts `generation` in the file, which has this number; durable.
    pub(super) fn begin(
        file: Arc<DiskFile>,
        number: u32,
        generation: u64,
    ) -> Result<Self, StoreError> {
        let sectors = sectors(file.length()?);
        let journal =
            Self { file, number, generation, next: 1, sectors, attempt: 0, buffer: Vec::new() };
        let mark = Head { place: 0, group: 0, flags: FLAG_BEGIN, ..journal.head() };
        journal.file.write_at(&mark.sector(), 0)?;
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
        self.file.write_at(&mark.sector(), offset_of(self.next))?;
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

/// A journal file as it was found at the start.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) file: Arc<DiskFile>,
    pub(super) number: u32,
    /// Zero for a file that was never used.
    pub(super) generation: u64,
    pub(super) is_ended: bool,
    sectors: u32,
    tail: u32,
    attempt: u32,
    /// The first sector.
    first: Vec<u8>,
    /// The sector at which the last group begins, and all from there to the tail.
    last: (u32, Vec<u8>),
}

impl Found {
    /// Looks at the length and the first sector of a file.
    pub(super) fn look(disk: &Disk, number: u32, file_bytes: u64) -> Result<Self, StoreError> {
        let file = Arc::new(disk.open(&file_name(number))?);
        let length = file.length()?;
        if length != file_bytes {
            return Err(file.damaged(length.min(file_bytes), "the file has another length"));
        }
        let first = file.read_at(SECTOR, 0)?;
        let generation = match Sector::parse(&first, 0, u64::MAX) {
            Ok(Sector::Blank) => 0,
            Ok(Sector::Written(head, _)) if head.flags == FLAG_BEGIN => head.generation,
            Ok(Sector::Written(..)) => return Err(file.damaged(0, "the file has no beginning")),
            Err(what) => return Err(file.damaged(0, what)),
        };
        let sectors = sectors(file_bytes);
        Ok(Self {
            file,
            number,
            generation,
            is_ended: false,
            sectors,
            tail: 1,
            attempt: 0,
            first,
            last: (0, Vec::new()),
        })
    }

    /// Hands every group to `take`, in order, with its offset; then knows the tail.
    pub(super) fn replay(
        &mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), &'static str>,
    ) -> Result<(), StoreError> {
        let bytes = self.file.read_at(narrow(offset_of(self.sectors)), 0)?;
        let mut group = Vec::new();
        let mut last = 0;
        while let Some(next) = self.group(&bytes, &mut group)? {
            take(&group).map_err(|what| self.file.damaged(offset_of(self.tail), what))?;
            last = self.tail;
            self.tail = next;
        }
        if let Some(Sector::Written(head, _)) = self.sector(&bytes, self.tail)? {
            let is_here = head.generation == self.generation && head.group == self.tail;
            self.is_ended = is_here && head.flags == FLAG_END;
        }
        let end = self.tail.saturating_add(u32::from(self.is_ended));
        let kept = bytes.get(narrow(offset_of(last))..narrow(offset_of(end)));
        self.last = (last, kept.unwrap_or_default().to_vec());
        self.check_rest(&bytes)
    }

    /// Makes durable what was found; to be called before anything of it is shown.
    ///
    /// A killed process leaves bytes that nobody has synced, and readers cannot tell them from those
    /// that are durable. What may be among them, which is the last group and the marks, is written
    /// once more, for a system that has given up writing it and answers a mere sync with success.
    pub(super) fn settle(&self) -> Result<(), StoreError> {
        self.file.write_at(&self.first, 0)?;
        let (place, sectors) = &self.last;
        self.file.write_at(sectors, offset_of(*place))?;
        self.file.sync_or_stop();
        Ok(())
    }

    /// That a file which is not in use has not lost its beginning: all commits that follow one
    /// would be gone, and nothing else would tell.
    ///
    /// Looks at all of the start of the file, and here and there behind it. What older generations
    /// left may be harmed: nobody reads it.
    pub(super) fn check_beginning(&self, first_live: u64) -> Result<(), StoreError> {
        let near = self.sectors.min(SECTORS_LOOKED_AT);
        let bytes = self.file.read_at(narrow(offset_of(near)), 0)?;
        for (place, sector) in (0..near).zip(bytes.chunks(SECTOR)) {
            self.check_older(place, sector, first_live)?;
        }
        for place in (near..self.sectors).step_by(SECTORS_BETWEEN) {
            self.check_older(place, &self.file.read_at(SECTOR, offset_of(place))?, first_live)?;
        }
        Ok(())
    }

    fn check_older(&self, place: u32, sector: &[u8], first_live: u64) -> Result<(), StoreError> {
        let Ok(Sector::Written(head, _)) = Sector::parse(sector, place, u64::MAX) else {
            return Ok(());
        };
        // A file without a beginning was never used; one with an older beginning may be free.
        let is_lost = head.generation > self.generation
            && (self.generation == 0 || head.generation >= first_live);
        if is_lost {
            return Err(self.file.damaged(0, "the beginning is older than what follows it"));
        }
        Ok(())
    }

    /// That this generation must have been ended, since a later one exists.
    pub(super) fn check_ended(&self) -> Result<(), StoreError> {
        if self.is_ended {
            return Ok(());
        }
        Err(self.file.damaged(offset_of(self.tail), "the journal breaks off"))
    }

    /// Gathers the group that begins at the tail; none when it is not there whole.
    fn group(&self, bytes: &[u8], group: &mut Vec<u8>) -> Result<Option<u32>, StoreError> {
        group.clear();
        let mut attempt = None;
        for place in self.tail..self.sectors {
            let Some(Sector::Written(head, payload)) = self.sector(bytes, place)? else {
                return Ok(None);
            };
            let is_part = head.generation == self.generation
                && head.group == self.tail
                && head.flags != FLAG_END
                && *attempt.get_or_insert(head.attempt) == head.attempt;
            if !is_part {
                return Ok(None);
            }
            group.extend_from_slice(payload);
            if head.flags == FLAG_LAST {
                return Ok(Some(place.saturating_add(1)));
            }
        }
        Ok(None)
    }

    /// Looks for damage behind the tail, and for what a torn group left there.
    fn check_rest(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let mut attempt = None;
        for place in self.tail..self.sectors {
            let Some(Sector::Written(head, _)) = self.sector(bytes, place)? else {
                continue;
            };
            if head.generation != self.generation {
                continue;
            }
            if head.group > self.tail {
                let offset = offset_of(self.tail);
                return Err(self.file.damaged(offset, "a group is missing before a later one"));
            }
            attempt = attempt.max(Some(head.attempt));
        }
        self.attempt = attempt.map_or(0, |attempt: u32| attempt.saturating_add(1));
        Ok(())
    }

    fn sector<'a>(&self, bytes: &'a [u8], place: u32) -> Result<Option<Sector<'a>>, StoreError> {
        let start = narrow(offset_of(place));
        let Some(bytes) = bytes.get(start..start.saturating_add(SECTOR)) else {
            return Ok(None);
        };
        let sector = Sector::parse(bytes, place, self.generation);
        sector.map(Some).map_err(|what| self.file.damaged(offset_of(place), what))
    }
}

/// What stands in front of the payload of each sector.
#[derive(Clone, Copy, Debug)]
struct Head {
    generation: u64,
    /// The sector's own number in the file.
    place: u32,
    /// The number of the sector at which its group begins.
    group: u32,
    attempt: u32,
    used: u16,
    flags: u16,
}

impl Head {
    /// Appends the beginning of a sector whose payload will have so many bytes; says where it begins.
    fn begin(self, out: &mut Vec<u8>, used: usize) -> usize {
        let start = out.len();
        let used = u16::try_from(used).unwrap_or(u16::MAX);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.extend_from_slice(&self.place.to_le_bytes());
        out.extend_from_slice(&self.group.to_le_bytes());
        out.extend_from_slice(&self.attempt.to_le_bytes());
        out.extend_from_slice(&used.to_le_bytes());
        out.extend_from_slice(&self.flags.to_le_bytes());
        start
    }

    /// A sector without payload.
    fn sector(self) -> Vec<u8> {
        let mut sector = Vec::with_capacity(SECTOR);
        self.begin(&mut sector, 0);
        end_sector(&mut sector, 0);
        sector
    }
}

/// Fills the last sector of `out`, which begins at `start`, and puts its checksum in front.
fn end_sector(out: &mut Vec<u8>, start: usize) {
    out.resize(start.saturating_add(SECTOR), 0);
    let sector = out.get_mut(start..).unwrap_or_default();
    if let Some((sum, rest)) = sector.split_first_chunk_mut::<4>() {
        *sum = checksum(&[rest]).to_le_bytes();
    }
}

enum Sector<'a> {
    /// Never written since the file was made.
    Blank,
    Written(Head, &'a [u8]),
}

impl<'a> Sector<'a> {
    /// Tells what a sector is; an error says how it is damaged.
    fn parse(bytes: &'a [u8], place: u32, newest: u64) -> Result<Self, &'static str> {
        let mut reader = Reader::new(bytes);
        let too_short = "a sector is cut off";
        let sum = reader.u32().ok_or(too_short)?;
        if sum == 0 && bytes.iter().all(|byte| *byte == 0) {
            return Ok(Self::Blank);
        }
        if checksum(&[bytes.get(4..).unwrap_or_default()]) != sum {
            return Err("a sector does not match its checksum");
        }
        let head = Head {
            generation: reader.u64().ok_or(too_short)?,
            place: reader.u32().ok_or(too_short)?,
            group: reader.u32().ok_or(too_short)?,
            attempt: reader.u32().ok_or(too_short)?,
            used: reader.u16().ok_or(too_short)?,
            flags: reader.u16().ok_or(too_short)?,
        };
        if head.place != place {
            return Err("a sector belongs to another place");
        }
        if head.generation > newest {
            return Err("a sector is of a later generation than its file");
        }
        let payload = reader.take(usize::from(head.used)).ok_or("a sector is too full")?;
        Ok(Self::Written(head, payload))
    }
}

fn sectors(file_bytes: u64) -> u32 {
    u32::try_from(file_bytes / SECTOR_BYTES).unwrap_or(u32::MAX)
}

fn sectors_of(length: usize) -> u32 {
    u32::try_from(length.div_ceil(PAYLOAD).max(1)).unwrap_or(u32::MAX)
}

fn offset_of(sector: u32) -> u64 {
    u64::from(sector).saturating_mul(SECTOR_BYTES)
}

/// What a device writes whole or not at all.
const SECTOR: usize = 512;
const SECTOR_BYTES: u64 = 512;
const HEAD: usize = 28;
const PAYLOAD: usize = SECTOR - HEAD;

/// How many sectors from the start on are looked at in a file that is not in use: 256 KiB.
const SECTORS_LOOKED_AT: u32 = 512;
/// How far apart those are that are looked at behind them: 1 MiB.
const SECTORS_BETWEEN: usize = 2048;

const FLAG_BEGIN: u16 = 1;
const FLAG_LAST: u16 = 2;
const FLAG_END: u16 = 3;
