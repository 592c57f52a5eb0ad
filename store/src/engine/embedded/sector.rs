//! One sector of a journal file: what a device writes whole or not at all.
//!
//! Owns what stands in front of a payload and how a sector that was written is told from one that
//! is damaged. Must not know what follows from either.

use super::coding::{Reader, checksum};

/// What stands in front of the payload of each sector.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) generation: u64,
    /// The sector's own number in the file.
    pub(super) place: u32,
    /// The number of the sector at which its group begins.
    pub(super) group: u32,
    pub(super) attempt: u32,
    pub(super) used: u16,
    pub(super) flags: u16,
}

impl Head {
    /// Appends the beginning of a sector whose payload will have so many bytes; says where it
    /// begins.
    pub(super) fn begin(self, out: &mut Vec<u8>, used: usize) -> usize {
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

    /// A whole sector, which has room for the payload.
    pub(super) fn sector(self, payload: &[u8]) -> Vec<u8> {
        let mut sector = Vec::with_capacity(SECTOR);
        self.begin(&mut sector, payload.len());
        sector.extend_from_slice(payload);
        end_sector(&mut sector, 0);
        sector
    }
}

/// Fills the last sector of `out`, which begins at `start`, and puts its checksum in front.
pub(super) fn end_sector(out: &mut Vec<u8>, start: usize) {
    out.resize(start.saturating_add(SECTOR), 0);
    let sector = out.get_mut(start..).unwrap_or_default();
    if let Some((sum, rest)) = sector.split_first_chunk_mut::<4>() {
        *sum = checksum(&[rest]).to_le_bytes();
    }
}

/// What a sector is.
#[derive(Debug)]
pub(super) enum Sector<'a> {
    /// Never written since the file was made.
    Blank,
    Written(Head, &'a [u8]),
}

impl<'a> Sector<'a> {
    /// Tells what a sector is; an error says how it is damaged.
    pub(super) fn parse(bytes: &'a [u8], place: u32, newest: u64) -> Result<Self, &'static str> {
        let mut reader = Reader::new(bytes);
        let too_short = "a sector is cut off";
        let sum = reader.u32().ok_or(too_short)?;
        if sum == 0 && bytes == BLANK {
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

/// How many sectors a file of so many bytes has.
pub(super) fn sectors(file_bytes: u64) -> u32 {
    u32::try_from(file_bytes / SECTOR_BYTES).unwrap_or(u32::MAX)
}

/// How many sectors a group of so many bytes takes.
pub(super) fn sectors_of(length: usize) -> u32 {
    u32::try_from(length.div_ceil(PAYLOAD).max(1)).unwrap_or(u32::MAX)
}

/// Where in its file a sector begins.
pub(super) fn offset_of(sector: u32) -> u64 {
    u64::from(sector).saturating_mul(SECTOR_BYTES)
}

/// What a device writes whole or not at all, in bytes.
pub(super) const SECTOR: usize = 512;
const SECTOR_BYTES: u64 = 512;
const HEAD: usize = 28;
/// Bytes of a group that a sector holds.
pub(super) const PAYLOAD: usize = SECTOR - HEAD;

const BLANK: [u8; SECTOR] = [0; SECTOR];

/// The beginning of a generation.
pub(super) const FLAG_BEGIN: u16 = 1;
/// The last sector of a group.
pub(super) const FLAG_LAST: u16 = 2;
/// The end of a generation.
pub(super) const FLAG_END: u16 = 3;
