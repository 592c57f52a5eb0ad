//! The pairs of a user, in the order of the second until which they are selectable.
//!
//! A row stands in the segment of its pair. It holds what a count needs, so that pairs are not
//! read.

use bytes::Bytes;
use jeton_domain::id::{PairId, Tick};
use jeton_domain::name::RealmName;
use jeton_domain::time::{Hour, Second};
use jeton_domain::token::pair::{Class, Pair, Standing};

use super::{byte, hourly};
use crate::codec::{KeyWriter, Reader, Writer};
use crate::engine::{Key, KeyRange, Row, Space, Write};
use crate::error::StoreError;

const TABLE: &str = "index";
const VERSION: u8 = 1;
const BORN_AT: usize = 1;

/// What the index says of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The pair.
    pub id: PairId,
    /// Its realm.
    pub realm: RealmName,
    /// Dead below any covering cutoff larger than this.
    pub born: Tick,
    /// The generation in which the census counts it.
    pub generation: Tick,
    /// How it counts.
    pub standing: Standing,
}

/// The key of a pair's entry.
pub fn key(username: &str, until: Second, id: PairId) -> Key {
    let bytes = start(username).u32(until.number()).raw(id.bytes()).finish();
    hourly(id.hour(), bytes)
}

/// The entries of a user in one segment that are selectable at `from` or later.
pub fn selectable(hour: Hour, username: &str, from: Second) -> KeyRange {
    KeyRange {
        space: Space::Hour(hour),
        start: start(username).u32(from.number()).finish(),
        end: start(username).beyond(),
    }
}

/// The write of the entry of a pair that is admitted with this batch; none when nothing lives.
pub fn admit(username: &str, realm: &RealmName, pair: &Pair) -> Option<Write> {
    let is_first = pair.chain == pair.id;
    let standing = pair.standing()?;
    Some(Write::Put {
        key: key(username, standing.until, pair.id),
        value: encode(realm, pair, standing),
        tick_at: is_first.then_some(BORN_AT),
    })
}

/// The writes that follow a pair's change from `before` to `after`.
pub fn change(username: &str, realm: &RealmName, before: &Pair, after: &Pair) -> Vec<Write> {
    let was = before.standing();
    let is = after.standing();
    let mut writes = Vec::new();
    if was == is {
        return writes;
    }
    if let Some(was) = was
        && is.is_none_or(|is| is.until != was.until)
    {
        writes.push(Write::Delete { key: key(username, was.until, before.id) });
    }
    if let Some(is) = is {
        writes.push(Write::Put {
            key: key(username, is.until, after.id),
            value: encode(realm, after, is),
            tick_at: None,
        });
    }
    writes
}

fn encode(realm: &RealmName, pair: &Pair, standing: Standing) -> Bytes {
    let class = match standing.class {
        Class::TwoLive => 1,
        Class::OneOfTwo => 2,
        Class::OneOfOne => 3,
    };
    let mut row = Writer::row(VERSION);
    row.u64(pair.born.number()).varint(pair.generation.number()).byte(class);
    row.text(realm.as_str()).finish()
}

/// The entry in a row.
pub fn decode(key: &Key, row: &Row) -> Result<Entry, StoreError> {
    let mut name = Reader::key(TABLE, &key.bytes, 1)?;
    name.key_text()?;
    let until = Second::new(name.u32()?);
    let id = PairId::from_bytes(name.array()?);
    name.finish()?;
    let mut reader = Reader::row(TABLE, VERSION, &row.value)?;
    let born = Tick::new(reader.u64()?);
    let generation = Tick::new(reader.varint()?);
    let class = match reader.byte()? {
        1 => Class::TwoLive,
        2 => Class::OneOfTwo,
        3 => Class::OneOfOne,
        _ => return Err(reader.damage("its class is unknown")),
    };
    let realm = RealmName::new(&reader.text()?);
    reader.finish()?;
    Ok(Entry { id, realm, born, generation, standing: Standing { until, class } })
}

fn start(username: &str) -> KeyWriter {
    KeyWriter::table(byte::INDEX).text(username)
}
