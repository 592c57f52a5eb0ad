//! Counters of live pairs by realm, generation, second and class, so that a count reads no pair.
//!
//! Each pair counts in three rows: of its second, of its minute, of its hour. The first two stand
//! in the segment of the second until which the pair is selectable, and fall with it. The third
//! stands with what lasts, so that one walk finds the counters of all hours; it is removed when
//! that segment falls.

use jeton_domain::id::Tick;
use jeton_domain::name::RealmName;
use jeton_domain::time::{Hour, Second, Timestamp};
use jeton_domain::token::pair::{Class, Standing};

use super::{byte, hourly, lasting, prefix};
use crate::codec::{KeyWriter, Reader};
use crate::engine::{Key, KeyRange, Row, Space, Write};
use crate::error::StoreError;

const TABLE: &str = "census";

/// The node whose counters these are. One process an embedded store: always the first.
pub const NODE: u16 = 0;

/// What a bulk revocation answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Halves that it revoked.
    pub invalidated: u64,
    /// Halves of the same pairs that had been revoked before.
    pub previously: u64,
}

impl Counts {
    /// Counts `pairs` more pairs of a class.
    pub const fn add(&mut self, class: Class, pairs: u64) {
        self.invalidated = self.invalidated.saturating_add(class.live().saturating_mul(pairs));
        self.previously = self.previously.saturating_add(class.revoked().saturating_mul(pairs));
    }
}

/// How fine a counter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Second,
    Minute,
    Hour,
}

impl Level {
    const fn byte(self) -> u8 {
        match self {
            Self::Second => 0,
            Self::Minute => 1,
            Self::Hour => 2,
        }
    }

    const fn seconds(self) -> u32 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }

    fn floor(self, second: Second) -> u32 {
        let number = second.number();
        number.saturating_sub(number.checked_rem(self.seconds()).unwrap_or(0))
    }
}

/// The counters to change when `pairs` pairs of this standing come (or, negative, go).
pub fn count(realm: &RealmName, generation: Tick, standing: Standing, pairs: i64) -> [Write; 3] {
    keys(realm, generation, standing).map(|key| Write::Add { key, amount: pairs })
}

/// The counters in which pairs of this standing count.
pub fn keys(realm: &RealmName, generation: Tick, standing: Standing) -> [Key; 3] {
    LEVELS.map(|level| key(realm, generation, level, standing))
}

const LEVELS: [Level; 3] = [Level::Second, Level::Minute, Level::Hour];

fn start(realm: &RealmName, generation: Tick, level: Level) -> KeyWriter {
    KeyWriter::table(byte::CENSUS)
        .text(realm.as_str())
        .u64(generation.number())
        .raw(&[level.byte()])
}

fn key(realm: &RealmName, generation: Tick, level: Level, standing: Standing) -> Key {
    let class = match standing.class {
        Class::TwoLive => 1,
        Class::OneOfTwo => 2,
        Class::OneOfOne => 3,
    };
    let bytes = start(realm, generation, level)
        .u32(level.floor(standing.until))
        .raw(&[class])
        .raw(&NODE.to_be_bytes())
        .finish();
    match level {
        Level::Second | Level::Minute => hourly(standing.until.hour(), bytes),
        Level::Hour => lasting(bytes),
    }
}

/// The ranges whose counters add up to the pairs selectable at `now`.
///
/// Seconds to the end of the minute, minutes to the end of the hour, then the counters of hours.
pub fn ranges(realm: &RealmName, generation: Tick, now: Timestamp) -> Vec<KeyRange> {
    let from = now.second_up();
    let this = from.hour();
    let minute = Level::Minute.floor(from);
    let range = |level, first: u32, beyond: u32| KeyRange {
        space: Space::Hour(this),
        start: start(realm, generation, level).u32(first).finish(),
        end: Some(start(realm, generation, level).u32(beyond).finish()),
    };
    let next_minute = minute.saturating_add(60);
    let next_hour = Level::Hour.floor(from).saturating_add(3600);
    let mut ranges = vec![range(Level::Second, from.number(), next_minute)];
    if next_minute < next_hour {
        ranges.push(range(Level::Minute, next_minute, next_hour));
    }
    ranges.push(KeyRange {
        space: Space::Lasting,
        start: start(realm, generation, Level::Hour).u32(next_hour).finish(),
        end: start(realm, generation, Level::Hour).beyond(),
    });
    ranges
}

/// The counters of hours, of every realm.
pub fn hours() -> KeyRange {
    prefix(Space::Lasting, || KeyWriter::table(byte::CENSUS))
}

/// The hour of a counter.
pub fn hour_of(key: &Key) -> Result<Hour, StoreError> {
    let mut reader = Reader::key(TABLE, &key.bytes, 1)?;
    reader.key_text()?;
    reader.take(8 + 1)?;
    Ok(Second::new(reader.u32()?).hour())
}

/// The class and the number of pairs in a counter.
pub fn decode(key: &Key, row: &Row) -> Result<(Class, u64), StoreError> {
    let mut reader = Reader::key(TABLE, &key.bytes, 1)?;
    reader.key_text()?;
    reader.take(8 + 1 + 4)?;
    let class = match reader.byte()? {
        1 => Class::TwoLive,
        2 => Class::OneOfTwo,
        3 => Class::OneOfOne,
        _ => return Err(reader.damage("its class is unknown")),
    };
    let mut value = Reader::key(TABLE, &row.value, 0)?;
    let pairs = value.i64()?;
    value.finish()?;
    let pairs = u64::try_from(pairs).map_err(|_| reader.damage("it counts fewer than none"))?;
    Ok((class, pairs))
}
