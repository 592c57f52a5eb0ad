//! Identifiers and counters that cross functions.

use core::fmt;
use core::str::FromStr;

use crate::time::{Hour, Timestamp};

/// A position of the revocation clock: moves with every commit that others must see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tick(u64);

impl Tick {
    /// Before the first commit.
    pub const ZERO: Self = Self(0);

    /// The tick with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The tick after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The id of a pair of tokens: a `UUIDv7`, so that ids of one hour lie together.
///
/// Not a secret: logs and listings show it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairId([u8; 16]);

impl PairId {
    /// The id for a pair made at `now` with these random bits (RFC 9562, section 5.7).
    pub fn mint(now: Timestamp, random: [u8; 10]) -> Self {
        let ms = u64::try_from(now.ms()).unwrap_or(0).to_be_bytes();
        let [_, _, m0, m1, m2, m3, m4, m5] = ms;
        let [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9] = random;
        Self([
            m0,
            m1,
            m2,
            m3,
            m4,
            m5,
            0x70 | (r0 & 0x0f),
            r1,
            0x80 | (r2 & 0x3f),
            r3,
            r4,
            r5,
            r6,
            r7,
            r8,
            r9,
        ])
    }

    /// The id with these bytes, whatever they are.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The instant that the id carries: when its pair was made.
    pub fn minted(&self) -> Timestamp {
        let [m0, m1, m2, m3, m4, m5, ..] = self.0;
        let ms = u64::from_be_bytes([0, 0, m0, m1, m2, m3, m4, m5]);
        Timestamp::from_ms(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    /// The segment in which the pair is kept.
    pub fn hour(&self) -> Hour {
        Hour::of(self.minted())
    }
}

impl fmt::Display for PairId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, byte) in self.0.iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for PairId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The name of a key that tokens are signed with: one byte, part of each token's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u8);

impl KeyId {
    /// The key with this number.
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for KeyId {
    type Err = core::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_carries_its_instant(ms in 0_i64..(1 << 48), random: [u8; 10]) {
            let id = PairId::mint(Timestamp::from_ms(ms), random);
            prop_assert_eq!(id.minted().ms(), ms);
            prop_assert_eq!(id.bytes()[6] >> 4, 7);
            prop_assert_eq!(id.bytes()[8] >> 6, 2);
        }

        #[test]
        fn ids_order_as_their_instants(a in 0_i64..(1 << 48), b in 0_i64..(1 << 48), r: [u8; 10], s: [u8; 10]) {
            let (x, y) = (PairId::mint(Timestamp::from_ms(a), r), PairId::mint(Timestamp::from_ms(b), s));
            if a < b { prop_assert!(x < y); }
        }
    }
}
