//! Instants, as the product counts them: milliseconds of UTC since 1970.
//!
//! Owns the one type for an instant and its printing. Must not know any real clock: `now` comes in
//! through [`Clock`], once a request.

use alloc::string::String;
use core::fmt;

mod steady;

pub use steady::{ClockHealth, Reading, StartRefused, SteadyClock};

/// An instant: milliseconds of UTC since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant that lies `ms` milliseconds after 1970 began.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970 began.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// The instant `ms` milliseconds later (earlier when negative), held at the ends of the range.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this instant; negative when `earlier` lies after it.
    pub const fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The first whole second that is not before this instant.
    pub const fn second_up(self) -> Second {
        let whole = self.0.div_euclid(1000);
        let up = if self.0.rem_euclid(1000) == 0 { whole } else { whole.saturating_add(1) };
        Second::from_i64(up)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// The largest number of a [`Second`].
const SECOND_MAX: i64 = 4_294_967_295;

/// A whole second since 1970. Ends of tokens are whole seconds, rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Second(u32);

impl Second {
    /// The second with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    const fn from_i64(number: i64) -> Self {
        if number < 0 {
            Self(0)
        } else if number > SECOND_MAX {
            Self(u32::MAX)
        } else {
            #[expect(
                clippy::as_conversions,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the two branches above leave only values that fit"
            )]
            Self(number as u32)
        }
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The instant at which this second begins.
    pub fn instant(self) -> Timestamp {
        Timestamp(i64::from(self.0).saturating_mul(1000))
    }

    /// The hour in which this second lies.
    pub const fn hour(self) -> Hour {
        Hour(self.0 / 3600)
    }
}

/// A whole hour since 1970: the name of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(u32);

impl Hour {
    /// The hour with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The hour in which `instant` lies; the first one for instants before 1970.
    pub fn of(instant: Timestamp) -> Self {
        Self(u32::try_from(instant.0.div_euclid(3_600_000).max(0)).unwrap_or(u32::MAX))
    }

    /// The instant at which this hour begins.
    pub fn instant(self) -> Timestamp {
        Timestamp(i64::from(self.0).saturating_mul(3_600_000))
    }

    /// The hour that lies `hours` later, held at the end of the range.
    #[must_use]
    pub const fn plus(self, hours: u32) -> Self {
        Self(self.0.saturating_add(hours))
    }
}

/// Time since the machine was booted, in milliseconds; runs on during sleep and never jumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct BootTime(i64);

impl BootTime {
    /// The moment `ms` milliseconds after boot.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since boot.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// Milliseconds from `earlier` to this moment.
    pub const fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Where `now` comes from. The server holds the only real implementation.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present instant. Must never run backwards within one process.
    fn now(&self) -> Timestamp;

    /// Time since boot. Must advance at the rate of real time and never jump.
    fn boot(&self) -> BootTime;

    /// What an operator should know of the clock; none when it is believed.
    fn trouble(&self) -> Option<String> {
        None
    }
}

/// Where random bytes come from. The server holds the only real implementation.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills `bytes` from a source that is fit for secrets.
    ///
    /// Must not return with guessable bytes: an implementation that cannot deliver stops the
    /// process.
    fn fill(&self, bytes: &mut [u8]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_rounded_up_to_the_second() {
        assert_eq!(Timestamp::from_ms(1_000).second_up(), Second::new(1));
        assert_eq!(Timestamp::from_ms(1_001).second_up(), Second::new(2));
        assert_eq!(Timestamp::from_ms(-5).second_up(), Second::new(0));
    }

    #[test]
    fn an_instant_prints_as_rfc_3339() {
        let text = alloc::format!("{}", Timestamp::from_ms(1_700_000_000_123));
        assert_eq!(text, "2023-11-14T22:13:20.123Z");
    }
}
