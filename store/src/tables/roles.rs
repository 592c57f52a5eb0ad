//! Roles made through the API: whole descriptors, as value trees.

use bytes::Bytes;
use jeton_domain::value::Value;

use super::{byte, lasting, prefix};
use crate::codec::{KeyWriter, Reader, Writer};
use crate::engine::{Key, KeyRange, Row, Space};
use crate::error::StoreError;

const TABLE: &str = "roles";
const VERSION: u8 = 1;

/// The key of a role. Every write of it names the key among its changes.
pub fn key(name: &str) -> Key {
    lasting(KeyWriter::table(byte::ROLE).text(name).finish())
}

/// The role that a changed key names, if it names one.
pub fn named_by(key: &Key) -> Option<String> {
    if key.space != Space::Lasting || key.bytes.first() != Some(&byte::ROLE) {
        return None;
    }
    Reader::key(TABLE, &key.bytes, 1).ok()?.key_text().ok()
}

/// Every role, in order of names.
pub fn all() -> KeyRange {
    prefix(Space::Lasting, || KeyWriter::table(byte::ROLE))
}

/// The value of a role: its name and its descriptor.
pub fn encode(name: &str, descriptor: &Value) -> Bytes {
    Writer::row(VERSION).text(name).value(descriptor).finish()
}

/// The name and the descriptor in a row.
pub fn decode(row: &Row) -> Result<(String, Value), StoreError> {
    let mut reader = Reader::row(TABLE, VERSION, &row.value)?;
    let role = (reader.text()?, reader.value()?);
    reader.finish()?;
    Ok(role)
}
