//! What is known of each segment of pairs: from which tick on it can have been filled.

use bytes::Bytes;
use jeton_domain::id::Tick;
use jeton_domain::time::Hour;

use super::{byte, lasting};
use crate::codec::{KeyWriter, Reader, Writer};
use crate::engine::{Key, Row};
use crate::error::StoreError;

const TABLE: &str = "segments";
const VERSION: u8 = 1;

/// What is known of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentRecord {
    /// Every pair in it was admitted at this tick or later.
    pub filled_from: Tick,
}

/// The key of a segment's record.
pub fn key(hour: Hour) -> Key {
    lasting(KeyWriter::table(byte::SEGMENT).u32(hour.number()).finish())
}

/// The key of the tick up to which segments were looked at: those not seen then are filled later.
pub fn horizon_key() -> Key {
    lasting(KeyWriter::table(byte::SEGMENT).raw(b"horizon").finish())
}

/// The value of a record.
pub fn encode(record: SegmentRecord) -> Bytes {
    Writer::row(VERSION).u64(record.filled_from.number()).finish()
}

/// The record in a row.
pub fn decode(row: &Row) -> Result<SegmentRecord, StoreError> {
    let mut reader = Reader::row(TABLE, VERSION, &row.value)?;
    let record = SegmentRecord { filled_from: Tick::new(reader.u64()?) };
    reader.finish()?;
    Ok(record)
}
