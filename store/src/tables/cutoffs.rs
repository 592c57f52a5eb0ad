//! Cutoffs: the ticks below which a selector's pairs are dead, and the counting of what died.
//!
//! One bulk revocation at a time is *open*: committed, and not yet counted. Whoever comes next
//! finishes it first, so that counts are taken in the order of ticks.

use bytes::Bytes;
use jeton_domain::id::{PairId, Tick};
use jeton_domain::name::{RealmName, Username};
use jeton_domain::selector::Selector;
use jeton_domain::time::Timestamp;
use jeton_domain::token::pair::RequestId;

use super::census::Counts;
use super::{byte, lasting, prefix};
use crate::codec::{KeyWriter, Reader, Writer};
use crate::engine::{Key, KeyRange, Row, Space, Write};
use crate::error::StoreError;

const TABLE: &str = "cutoffs";
const VERSION: u8 = 1;
const TICK_AT: usize = 1;

/// A cutoff as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cutoff {
    /// Pairs born below it are dead.
    pub tick: Tick,
    /// When the request was received.
    pub now: Timestamp,
    /// The request.
    pub request: RequestId,
}

/// A bulk revocation that is committed and not yet counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The tick of its cutoff.
    pub tick: Tick,
    /// The tick of the same selector's cutoff before: pairs born below it were dead already.
    pub previous: Tick,
    /// What is selectable then is counted.
    pub now: Timestamp,
    /// The request.
    pub request: RequestId,
    /// What it covers.
    pub selector: Selector,
    /// How many steps of its counting are committed.
    pub steps: u32,
}

/// Whether a bulk revocation is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counting {
    /// Every revocation so far is counted; the newest one counted what was selectable at this
    /// instant.
    Closed(Timestamp),
    /// This one is not.
    Open(Open),
}

/// The key of a selector's cutoff. Every write of it names the key among its changes.
pub fn key(selector: &Selector) -> Key {
    lasting(selector_bytes(KeyWriter::table(byte::CUTOFF), selector).finish())
}

/// Every cutoff.
pub fn all() -> KeyRange {
    prefix(Space::Lasting, || KeyWriter::table(byte::CUTOFF))
}

/// The selector that a changed key names, if it is a cutoff's.
pub fn named_by(key: &Key) -> Option<Selector> {
    if key.space != Space::Lasting || key.bytes.first() != Some(&byte::CUTOFF) {
        return None;
    }
    let mut reader = Reader::key(TABLE, &key.bytes, 1).ok()?;
    let named = selector(&mut reader).ok()?;
    reader.finish().ok()?;
    Some(named)
}

/// The write of a cutoff; the engine fills in its tick.
pub fn put(selector: &Selector, now: Timestamp, request: RequestId) -> Write {
    let value = Writer::row(VERSION).u64(0).i64(now.ms()).raw(&request.0).finish();
    Write::Put { key: key(selector), value, tick_at: Some(TICK_AT) }
}

/// The cutoff in a row.
pub fn decode(row: &Row) -> Result<Cutoff, StoreError> {
    let mut reader = Reader::row(TABLE, VERSION, &row.value)?;
    let cutoff = Cutoff {
        tick: Tick::new(reader.u64()?),
        now: Timestamp::from_ms(reader.i64()?),
        request: RequestId(reader.array()?),
    };
    reader.finish()?;
    Ok(cutoff)
}

/// The key of the one open revocation.
pub fn open_key() -> Key {
    lasting(KeyWriter::table(byte::OPEN).finish())
}

/// The write that says which revocation is open; the engine fills in its tick, whatever `open`
/// says.
pub fn put_open(open: &Open) -> Write {
    Write::Put { key: open_key(), value: encode_open(open), tick_at: Some(TICK_AT) }
}

/// The write that says that one more step of its counting is committed.
pub fn advance_open(open: &Open) -> Write {
    let open = Open { steps: open.steps.saturating_add(1), ..open.clone() };
    Write::Put { key: open_key(), value: encode_open(&open), tick_at: None }
}

fn encode_open(open: &Open) -> Bytes {
    let mut row = Writer::row(VERSION);
    row.u64(open.tick.number()).byte(1).i64(open.now.ms()).raw(&open.request.0);
    row.u64(open.previous.number()).u32(open.steps);
    row.raw(&selector_bytes(KeyWriter::table(0), &open.selector).finish()).finish()
}

/// The write that says that no revocation is open, and up to when they are counted.
pub fn put_closed(now: Timestamp) -> Write {
    let value = Writer::row(VERSION).u64(0).byte(0).i64(now.ms()).finish();
    Write::Put { key: open_key(), value, tick_at: Some(TICK_AT) }
}

/// Whether a revocation is open, by its row.
pub fn decode_counting(row: &Row) -> Result<Counting, StoreError> {
    let mut reader = Reader::row(TABLE, VERSION, &row.value)?;
    let tick = Tick::new(reader.u64()?);
    let is_open = reader.byte()? == 1;
    let now = Timestamp::from_ms(reader.i64()?);
    if !is_open {
        reader.finish()?;
        return Ok(Counting::Closed(now));
    }
    let request = RequestId(reader.array()?);
    let previous = Tick::new(reader.u64()?);
    let steps = reader.u32()?;
    reader.byte()?;
    let selector = selector(&mut reader)?;
    reader.finish()?;
    Ok(Counting::Open(Open { tick, previous, now, request, selector, steps }))
}

/// The key of the counts of a revocation, by the tick of its cutoff.
pub fn result_key(tick: Tick) -> Key {
    lasting(KeyWriter::table(byte::RESULT).u64(tick.number()).finish())
}

/// The results of all revocations, oldest first.
pub fn results() -> KeyRange {
    prefix(Space::Lasting, || KeyWriter::table(byte::RESULT))
}

/// The value of a result: the request and its counts.
pub fn encode_result(request: RequestId, now: Timestamp, counts: Counts) -> Bytes {
    let mut row = Writer::row(VERSION);
    row.raw(&request.0).i64(now.ms()).varint(counts.invalidated).varint(counts.previously);
    row.finish()
}

/// The request, its time and its counts in a row.
pub fn decode_result(row: &Row) -> Result<(RequestId, Timestamp, Counts), StoreError> {
    let mut reader = Reader::row(TABLE, VERSION, &row.value)?;
    let request = RequestId(reader.array()?);
    let now = Timestamp::from_ms(reader.i64()?);
    let counts = Counts { invalidated: reader.varint()?, previously: reader.varint()? };
    reader.finish()?;
    Ok((request, now, counts))
}

fn selector_bytes(key: KeyWriter, selector: &Selector) -> KeyWriter {
    match selector {
        Selector::Everything => key.raw(b"e"),
        Selector::Realm(realm) => key.raw(b"r").text(realm.as_str()),
        Selector::User(user) => key.raw(b"u").text(user.as_str()),
        Selector::UserInRealm(user, realm) => {
            key.raw(b"i").text(user.as_str()).text(realm.as_str())
        }
        Selector::Chain(pair) => key.raw(b"c").raw(pair.bytes()),
    }
}

fn selector(reader: &mut Reader<'_>) -> Result<Selector, StoreError> {
    Ok(match reader.byte()? {
        b'e' => Selector::Everything,
        b'r' => Selector::Realm(RealmName::new(&reader.key_text()?)),
        b'u' => Selector::User(Username::new(&reader.key_text()?)),
        b'i' => Selector::UserInRealm(
            Username::new(&reader.key_text()?),
            RealmName::new(&reader.key_text()?),
        ),
        b'c' => Selector::Chain(PairId::from_bytes(reader.array()?)),
        _ => return Err(reader.damage("its selector is unknown")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Version;

    fn selectors() -> Vec<Selector> {
        let (user, realm) = (Username::new("ann"), RealmName::new("saml1"));
        vec![
            Selector::Everything,
            Selector::Realm(realm.clone()),
            Selector::User(user.clone()),
            Selector::UserInRealm(user, realm),
            Selector::Chain(PairId::from_bytes([7; 16])),
        ]
    }

    #[test]
    fn a_key_names_its_selector() {
        for selector in selectors() {
            assert_eq!(named_by(&key(&selector)), Some(selector));
        }
        assert_eq!(named_by(&open_key()), None);
    }

    #[test]
    fn a_key_with_bytes_left_over_names_nothing() {
        for selector in selectors() {
            let Key { space, bytes } = key(&selector);
            let longer = Key { space, bytes: [&bytes[..], b"x"].concat().into() };
            assert_eq!(named_by(&longer), None);
        }
    }

    #[test]
    fn open_and_closed_read_back() {
        let read = |write| match write {
            Write::Put { value, .. } => {
                decode_counting(&Row { version: Version(1), value }).unwrap()
            }
            _ => panic!("it is put"),
        };
        let now = Timestamp::from_ms(5);
        for selector in selectors() {
            let request = RequestId([4; 16]);
            let open =
                Open { tick: Tick::ZERO, previous: Tick::new(3), now, request, selector, steps: 2 };
            assert_eq!(read(put_open(&open)), Counting::Open(open));
        }
        assert_eq!(read(put_closed(now)), Counting::Closed(now));
    }
}
