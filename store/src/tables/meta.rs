//! Single facts of the whole store.

use bytes::Bytes;

use super::{byte, lasting};
use crate::codec::{KeyWriter, Reader, Writer};
use crate::engine::{Key, Row};
use crate::error::StoreError;

const TABLE: &str = "meta";
const VERSION: u8 = 1;

/// A fact that there is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Whether a token was ever granted.
    EverGranted,
    /// The newest instant that the store has seen, in milliseconds.
    HighWaterMark,
    /// The random id of the whole, drawn at the first start.
    ClusterUuid,
}

/// The key of a fact.
pub fn key(fact: Fact) -> Key {
    let name = match fact {
        Fact::EverGranted => 1,
        Fact::HighWaterMark => 2,
        Fact::ClusterUuid => 3,
    };
    lasting(KeyWriter::table(byte::META).raw(&[name]).finish())
}

/// A fact that is a number.
pub fn encode_number(number: i64) -> Bytes {
    Writer::row(VERSION).i64(number).finish()
}

/// A fact that is a number.
pub fn decode_number(row: &Row) -> Result<i64, StoreError> {
    let mut reader = Reader::row(TABLE, VERSION, &row.value)?;
    let number = reader.i64()?;
    reader.finish()?;
    Ok(number)
}

/// A fact that is a text.
pub fn encode_text(text: &str) -> Bytes {
    Writer::row(VERSION).text(text).finish()
}

/// A fact that is a text.
pub fn decode_text(row: &Row) -> Result<String, StoreError> {
    let mut reader = Reader::row(TABLE, VERSION, &row.value)?;
    let text = reader.text()?;
    reader.finish()?;
    Ok(text)
}
