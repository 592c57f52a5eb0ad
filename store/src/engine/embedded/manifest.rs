//! The manifest: which runs are in use, and where the journal begins.
//!
//! Owns the file and its replacement. A file that it does not name does not belong to the store.

use super::coding::{Reader, checksum, put_varint, split_checksum, wide};
use super::disk::{Disk, damaged};
use super::run::{RunEntry, space_number, space_of_number};
use crate::error::StoreError;

/// What stands in the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    /// Counts replacements.
    pub(super) edition: u64,
    /// How many journal files there are.
    pub(super) journals: u32,
    /// How long each of them is.
    pub(super) journal_bytes: u64,
    /// The first generation of the journal whose rows are not in runs.
    pub(super) first_live: u64,
    /// The id of the next run.
    pub(super) next_run: u64,
    /// The tick of the newest commit below `first_live`.
    pub(super) tick: u64,
    /// The version of the newest commit below `first_live`.
    pub(super) version: u64,
    /// The runs: oldest first within a space.
    pub(super) runs: Vec<RunEntry>,
}

impl Manifest {
    /// The manifest of a new store.
    pub(super) const fn new(journals: u32, journal_bytes: u64) -> Self {
        Self {
            edition: 0,
            journals,
            journal_bytes,
            first_live: 1,
            next_run: 1,
            tick: 0,
            version: 0,
            runs: Vec::new(),
        }
    }

    /// Reads the manifest; none when there is no such file.
    pub(super) fn load(disk: &Disk) -> Result<Option<Self>, StoreError> {
        let Some(bytes) = disk.read(FILE)? else {
            return Ok(None);
        };
        let failed = |what| damaged(&disk.path(FILE), 0, what);
        let (content, sum) = split_checksum(&bytes).ok_or_else(|| failed("it is cut off"))?;
        if checksum(&[content]) != sum {
            return Err(failed("it does not match its checksum"));
        }
        Self::decode(content).map(Some).ok_or_else(|| failed("it makes no sense"))
    }

    /// Replaces the file; durable when it returns.
    pub(super) fn store(&self, disk: &Disk) -> Result<(), StoreError> {
        disk.replace(FILE, &self.encode())
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for number in [
            self.edition,
            u64::from(self.journals),
            self.journal_bytes,
            self.first_live,
            self.next_run,
            self.tick,
            self.version,
            wide(self.runs.len()),
        ] {
            put_varint(&mut out, number);
        }
        for run in &self.runs {
            for number in [space_number(run.space), run.id, run.file_bytes] {
                put_varint(&mut out, number);
            }
            out.extend_from_slice(&run.footer_sum.to_le_bytes());
        }
        let sum = checksum(&[&out]);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    fn decode(content: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(content);
        if reader.take(MAGIC.len())? != MAGIC {
            return None;
        }
        let mut manifest = Self {
            edition: reader.varint()?,
            journals: u32::try_from(reader.varint()?).ok()?,
            journal_bytes: reader.varint()?,
            first_live: reader.varint()?,
            next_run: reader.varint()?,
            tick: reader.varint()?,
            version: reader.varint()?,
            runs: Vec::new(),
        };
        for _ in 0..reader.varint()? {
            manifest.runs.push(RunEntry {
                space: space_of_number(reader.varint()?)?,
                id: reader.varint()?,
                file_bytes: reader.varint()?,
                footer_sum: reader.u32()?,
            });
        }
        reader.is_empty().then_some(manifest)
    }
}

/// The name of the file.
pub(super) const FILE: &str = "manifest";

const MAGIC: &[u8] = b"jetonman";
