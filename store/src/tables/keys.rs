//! The keys that tokens are signed with: their listing and their salts. The keys stand in a file.

use bytes::Bytes;
use jeton_domain::id::KeyId;
use jeton_domain::time::Timestamp;
use jeton_domain::token::key::{KeyState, SALT_BYTES};

use super::{byte, lasting, prefix};
use crate::codec::{KeyWriter, Reader, Writer};
use crate::engine::{Key, KeyRange, Row, Space};
use crate::error::StoreError;

const TABLE: &str = "keys";
const VERSION: u8 = 1;

/// What the store knows of a key.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its id.
    pub id: KeyId,
    /// How far it has come.
    pub state: KeyState,
    /// The half of the key that the database holds.
    pub salt: [u8; SALT_BYTES],
    /// What may be shown of the half in the file, to tell files apart.
    pub fingerprint: [u8; 8],
    /// When it was added.
    pub added: Timestamp,
}

impl core::fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("KeyRecord")
            .field("id", &self.id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The key of a listing. Every write of it names the key among its changes.
pub fn key(id: KeyId) -> Key {
    lasting(KeyWriter::table(byte::SIGNING_KEY).raw(&[id.number()]).finish())
}

/// Every listing, in order of ids.
pub fn all() -> KeyRange {
    prefix(Space::Lasting, || KeyWriter::table(byte::SIGNING_KEY))
}

/// Whether a changed key is a listing.
pub fn is_listing(key: &Key) -> bool {
    key.space == Space::Lasting && key.bytes.first() == Some(&byte::SIGNING_KEY)
}

/// The value of a listing.
pub fn encode(record: &KeyRecord) -> Bytes {
    let state = match record.state {
        KeyState::Added => 1,
        KeyState::Active => 2,
        KeyState::Passive => 3,
        KeyState::Retired => 4,
    };
    let mut row = Writer::row(VERSION);
    row.byte(record.id.number()).byte(state).raw(&record.salt).raw(&record.fingerprint);
    row.i64(record.added.ms()).finish()
}

/// The listing in a row.
pub fn decode(row: &Row) -> Result<KeyRecord, StoreError> {
    let mut reader = Reader::row(TABLE, VERSION, &row.value)?;
    let record = KeyRecord {
        id: KeyId::new(reader.byte()?),
        state: match reader.byte()? {
            1 => KeyState::Added,
            2 => KeyState::Active,
            3 => KeyState::Passive,
            4 => KeyState::Retired,
            _ => return Err(reader.damage("its state is unknown")),
        },
        salt: reader.array()?,
        fingerprint: reader.array()?,
        added: Timestamp::from_ms(reader.i64()?),
    };
    reader.finish()?;
    Ok(record)
}
