//! A journal file as a start finds it: what is whole in it, and what a crash left of a group.
//!
//! Owns how a torn tail is told from damage. Must not know what a group of bytes means.

use std::sync::Arc;

use super::coding::{narrow, wide};
use super::disk::{Disk, DiskFile};
use super::journal::file_name;
use super::sector::{FLAG_BEGIN, FLAG_END, FLAG_LAST, SECTOR, Sector, offset_of, sectors};
use crate::error::StoreError;

/// A journal file as it was found at the start.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) file: Arc<DiskFile>,
    pub(super) number: u32,
    /// Zero for a file that was never used.
    pub(super) generation: u64,
    pub(super) is_ended: bool,
    /// The sectors that the generation may take: what lies behind them is not of it.
    pub(super) sectors: u32,
    /// The sector behind the last group.
    pub(super) tail: u32,
    /// Told apart from what a torn group left at the tail.
    pub(super) attempt: u32,
    /// All sectors of the file.
    length: u32,
    /// The first sector.
    first: Vec<u8>,
    /// The sector at which the last group begins, and all from there to the tail and the end.
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
        let length = sectors(file_bytes);
        let (generation, sectors) = match Sector::parse(&first, 0, u64::MAX) {
            Ok(Sector::Blank) => (0, length),
            Ok(Sector::Written(head, payload)) if head.flags == FLAG_BEGIN => {
                let odd = || file.damaged(0, "the beginning makes no sense");
                (head.generation, extent(payload, length).ok_or_else(odd)?)
            }
            Ok(Sector::Written(..)) => return Err(file.damaged(0, "the file has no beginning")),
            Err(what) => return Err(file.damaged(0, what)),
        };
        let last = (0, first.clone());
        Ok(Self {
            file,
            number,
            generation,
            is_ended: false,
            sectors,
            tail: 1,
            attempt: 0,
            length,
            first,
            last,
        })
    }

    /// Hands every group to `take`, in order; then knows the tail.
    pub(super) fn replay(
        &mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), &'static str>,
    ) -> Result<(), StoreError> {
        let mut pieces = Pieces::new(Arc::clone(&self.file), self.sectors, self.generation);
        self.sectors = self.extent(&mut pieces)?;
        pieces.sectors = self.sectors;
        let mut group = Group::default();
        while let Some(next) = self.group(&mut pieces, &mut group)? {
            take(&group.payload).map_err(|what| self.file.damaged(offset_of(self.tail), what))?;
            self.last.0 = self.tail;
            std::mem::swap(&mut self.last.1, &mut group.sectors);
            self.tail = next;
        }
        if let Some((Sector::Written(head, _), sector)) = pieces.sector(self.tail)? {
            let is_here = head.generation == self.generation && head.group == self.tail;
            self.is_ended = is_here && head.flags == FLAG_END;
            if self.is_ended {
                self.last.1.extend_from_slice(sector);
            }
        }
        self.check_rest(&mut pieces)
    }

    /// Makes durable what was found; to be called before anything of it is shown.
    ///
    /// A killed process leaves bytes that nobody has synced, and readers cannot tell them from
    /// those that are durable. What may be among them, which is the last group and the marks, is
    /// written once more, for a system that has given up writing it and answers a mere sync with
    /// success.
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
        let near = self.length.min(SECTORS_LOOKED_AT);
        let bytes = self.file.read_at(narrow(offset_of(near)), 0)?;
        for (place, sector) in (0..near).zip(bytes.chunks(SECTOR)) {
            self.check_older(place, sector, first_live)?;
        }
        for place in (near..self.length).step_by(SECTORS_BETWEEN) {
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

    /// How many sectors must be looked at: all, when a release that knows of no smaller part went
    /// on with the generation. The last sector of a part is kept for the end.
    fn extent(&self, pieces: &mut Pieces) -> Result<u32, StoreError> {
        let last = pieces.sector(self.sectors.saturating_sub(1))?;
        let is_passed = last.is_some_and(|(sector, _)| {
            let Sector::Written(head, _) = sector else { return false };
            head.generation == self.generation && head.flags != FLAG_END
        });
        Ok(if is_passed { self.length } else { self.sectors })
    }

    /// Gathers the group that begins at the tail; none when it is not there whole.
    fn group(&self, pieces: &mut Pieces, group: &mut Group) -> Result<Option<u32>, StoreError> {
        group.payload.clear();
        group.sectors.clear();
        let mut attempt = None;
        for place in self.tail..self.sectors {
            let Some((Sector::Written(head, payload), sector)) = pieces.sector(place)? else {
                return Ok(None);
            };
            let is_part = head.generation == self.generation
                && head.group == self.tail
                && head.flags != FLAG_END
                && *attempt.get_or_insert(head.attempt) == head.attempt;
            if !is_part {
                return Ok(None);
            }
            group.payload.extend_from_slice(payload);
            group.sectors.extend_from_slice(sector);
            if head.flags == FLAG_LAST {
                return Ok(Some(place.saturating_add(1)));
            }
        }
        Ok(None)
    }

    /// Looks for damage behind the tail, and for what a torn group left there.
    fn check_rest(&mut self, pieces: &mut Pieces) -> Result<(), StoreError> {
        let mut attempt = None;
        for place in self.tail..self.sectors {
            let Some((Sector::Written(head, _), _)) = pieces.sector(place)? else {
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
}

/// The sectors that a generation may take, as its beginning says; none when that makes no sense.
fn extent(payload: &[u8], length: u32) -> Option<u32> {
    if payload.is_empty() {
        // Written before beginnings said so.
        return Some(length);
    }
    let sectors = u32::from_le_bytes(payload.try_into().ok()?);
    (2..=length).contains(&sectors).then_some(sectors)
}

/// A group that is being gathered.
#[derive(Debug, Default)]
struct Group {
    payload: Vec<u8>,
    /// Its sectors, as they are in the file.
    sectors: Vec<u8>,
}

/// The sectors of a generation, read some at a time.
#[derive(Debug)]
struct Pieces {
    file: Arc<DiskFile>,
    sectors: u32,
    generation: u64,
    /// The sector at which what was read last begins.
    start: u32,
    bytes: Vec<u8>,
}

impl Pieces {
    const fn new(file: Arc<DiskFile>, sectors: u32, generation: u64) -> Self {
        Self { file, sectors, generation, start: 0, bytes: Vec::new() }
    }

    /// What the sector is, and its bytes; none behind the last one.
    fn sector(&mut self, place: u32) -> Result<Option<(Sector<'_>, &[u8])>, StoreError> {
        if place >= self.sectors {
            return Ok(None);
        }
        let is_held = |start: u32, bytes: usize| {
            place >= start && offset_of(place.saturating_sub(start)) < wide(bytes)
        };
        if !is_held(self.start, self.bytes.len()) {
            let count = self.sectors.saturating_sub(place).min(SECTORS_A_PIECE);
            self.bytes.resize(narrow(offset_of(count)), 0);
            self.file.read_into(&mut self.bytes, offset_of(place))?;
            self.start = place;
        }
        let at = narrow(offset_of(place.saturating_sub(self.start)));
        let bytes = self.bytes.get(at..at.saturating_add(SECTOR)).unwrap_or_default();
        match Sector::parse(bytes, place, self.generation) {
            Ok(sector) => Ok(Some((sector, bytes))),
            Err(what) => Err(self.file.damaged(offset_of(place), what)),
        }
    }
}

/// How many sectors from the start on are looked at in a file that is not in use: 256 KiB.
const SECTORS_LOOKED_AT: u32 = 512;
/// How far apart those are that are looked at behind them: 1 MiB.
const SECTORS_BETWEEN: usize = 2048;
/// How many sectors are read at once: little enough to stay in a processor's cache, 256 KiB.
const SECTORS_A_PIECE: u32 = 512;
