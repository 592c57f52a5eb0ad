//! What the rows mean: one file a table, each with its key, its format and its writes.
//!
//! The first byte of a key names the table. `docs/storage-format.md` has the layout of each row.

use bytes::Bytes;
use jeton_domain::time::Hour;

use crate::codec::KeyWriter;
use crate::engine::{Key, KeyRange, Space};

pub mod census;
pub mod cutoffs;
pub mod index;
pub mod keys;
pub mod meta;
pub mod pairs;
pub mod privileges;
pub mod role_mappings;
pub mod roles;
pub mod segments;
pub mod settings;
pub mod subjects;
pub mod users;

/// The tables, by the first byte of their keys.
pub(crate) mod byte {
    pub(crate) const CUTOFF: u8 = b'c';
    pub(crate) const OPEN: u8 = b'o';
    pub(crate) const RESULT: u8 = b'q';
    pub(crate) const USER: u8 = b'u';
    pub(crate) const ROLE: u8 = b'g';
    pub(crate) const PRIVILEGE: u8 = b'a';
    pub(crate) const SETTINGS: u8 = b'e';
    pub(crate) const ROLE_MAPPING: u8 = b'h';
    pub(crate) const SIGNING_KEY: u8 = b'k';
    pub(crate) const META: u8 = b'm';
    pub(crate) const SEGMENT: u8 = b's';
    pub(crate) const PAIR: u8 = b'p';
    pub(crate) const INDEX: u8 = b'i';
    pub(crate) const SUBJECT: u8 = b'j';
    pub(crate) const CENSUS: u8 = b'n';
}

const fn lasting(bytes: Bytes) -> Key {
    Key { space: Space::Lasting, bytes }
}

const fn hourly(hour: Hour, bytes: Bytes) -> Key {
    Key { space: Space::Hour(hour), bytes }
}

/// Every key of `space` that begins with what `start` and `end` both write.
fn prefix(space: Space, write: impl Fn() -> KeyWriter) -> KeyRange {
    KeyRange { space, start: write().finish(), end: write().beyond() }
}
