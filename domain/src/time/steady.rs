//! `now` from two clocks: the wall clock at start plus the time since boot.
//!
//! A wall clock that jumps must neither kill tokens nor revive them. Its jump is ignored, and
//! shown, until it has held for ten minutes of boot time; `now` never runs backwards.

use thiserror::Error;

use crate::limits::{CLOCK_BEHIND_MS_MAX, CLOCK_JUMP_HOLD_MS, CLOCK_JUMP_MS};
use crate::time::{BootTime, Timestamp};

/// Both clocks of the machine, read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The wall clock.
    pub wall: Timestamp,
    /// Time since boot.
    pub boot: BootTime,
}

/// Why a start is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StartRefused {
    /// The wall clock stands further behind the store's newest instant than can be explained.
    #[error(
        "the clock says {wall}, but this store has seen {mark}; set the clock, or start with --accept-clock"
    )]
    FarBehind {
        /// What the clock says.
        wall: Timestamp,
        /// The newest instant that the store has seen.
        mark: Timestamp,
    },
}

/// What the clock has to say of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockHealth {
    /// Wall clock and `now` agree.
    Agreed,
    /// The wall clock has jumped by `ahead_ms` (negative: back); `now` does not follow yet.
    Jumped {
        /// How far the wall clock stands before `now`, in milliseconds.
        ahead_ms: i64,
    },
    /// The wall clock is believed, but `now` stands `by_ms` ahead of it, and waits for it at half
    /// rate.
    Ahead {
        /// How far `now` stands before the wall clock, in milliseconds.
        by_ms: i64,
    },
}

/// The rule for `now`. Pure: readings come in, instants go out.
#[derive(Clone, Debug)]
pub struct SteadyClock {
    anchor: Reading,
    newest: Timestamp,
    /// Where and when `now` was found to be ahead of the believed instant.
    lead: Option<(Timestamp, BootTime)>,
    /// How far the believed instant stood behind `now` when it was looked at last.
    behind_ms: i64,
    jump: Option<Jump>,
}

#[derive(Clone, Copy, Debug)]
struct Jump {
    ahead_ms: i64,
    seen: BootTime,
}

impl SteadyClock {
    /// A clock that starts at `reading`, for a store that has seen instants up to `mark`.
    ///
    /// A start ahead of the mark is accepted; up to a day behind it uses the mark; further behind
    /// is refused unless `accept` says that the operator insists.
    pub fn start(
        reading: Reading,
        mark: Option<Timestamp>,
        accept: bool,
    ) -> Result<Self, StartRefused> {
        let behind_ms = mark.map_or(0, |mark| mark.since_ms(reading.wall));
        let wall = match mark {
            Some(mark) if behind_ms > CLOCK_BEHIND_MS_MAX && !accept => {
                return Err(StartRefused::FarBehind { wall: reading.wall, mark });
            }
            Some(mark) if behind_ms > 0 && behind_ms <= CLOCK_BEHIND_MS_MAX => mark,
            Some(_) | None => reading.wall,
        };
        Ok(Self {
            anchor: Reading { wall, boot: reading.boot },
            newest: wall,
            lead: None,
            behind_ms: 0,
            jump: None,
        })
    }

    /// `now` at this reading. Small drift of the wall clock is followed; a jump is not, until it
    /// holds.
    pub fn observe(&mut self, reading: Reading) -> Timestamp {
        let steady = self.anchor.wall.plus_ms(reading.boot.since_ms(self.anchor.boot));
        let ahead_ms = reading.wall.since_ms(steady);
        if ahead_ms.saturating_abs() <= CLOCK_JUMP_MS {
            self.jump = None;
            self.anchor = reading;
        } else {
            self.weigh(reading, ahead_ms);
        }
        let believed = self.anchor.wall.plus_ms(reading.boot.since_ms(self.anchor.boot));
        self.advance(believed, reading.boot)
    }

    /// Follows the believed instant; where that lies behind `now`, time goes on at half its rate
    /// until both meet, so that it neither runs backwards nor stands still.
    fn advance(&mut self, believed: Timestamp, boot: BootTime) -> Timestamp {
        if believed >= self.newest {
            self.lead = None;
            self.newest = believed;
            self.behind_ms = 0;
            return believed;
        }
        let (from, since) = *self.lead.get_or_insert((self.newest, boot));
        self.newest = self.newest.max(from.plus_ms(boot.since_ms(since) / 2));
        self.behind_ms = self.newest.since_ms(believed);
        self.newest
    }

    /// Whether `now` and the wall clock agree at present.
    pub fn health(&self) -> ClockHealth {
        if let Some(jump) = self.jump {
            return ClockHealth::Jumped { ahead_ms: jump.ahead_ms };
        }
        match self.behind_ms {
            by_ms if by_ms > CLOCK_JUMP_MS => ClockHealth::Ahead { by_ms },
            _ => ClockHealth::Agreed,
        }
    }

    fn weigh(&mut self, reading: Reading, ahead_ms: i64) {
        match self.jump {
            Some(jump)
                if ahead_ms.saturating_sub(jump.ahead_ms).saturating_abs() <= CLOCK_JUMP_MS =>
            {
                if reading.boot.since_ms(jump.seen) >= CLOCK_JUMP_HOLD_MS {
                    self.jump = None;
                    self.anchor = reading;
                }
            }
            Some(_) | None => {
                self.jump = Some(Jump { ahead_ms, seen: reading.boot });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const YEAR_MS: i64 = 365 * 24 * 3_600_000;
    const NOON: i64 = 1_700_000_000_000;

    fn reading(wall_ms: i64, boot_ms: i64) -> Reading {
        Reading { wall: Timestamp::from_ms(wall_ms), boot: BootTime::from_ms(boot_ms) }
    }

    fn started() -> SteadyClock {
        SteadyClock::start(reading(NOON, 0), None, false).unwrap()
    }

    #[test]
    fn a_wall_clock_a_year_ahead_for_a_minute_moves_nothing() {
        let mut clock = started();
        assert_eq!(clock.observe(reading(NOON + YEAR_MS, 1_000)).ms(), NOON + 1_000);
        assert_eq!(clock.health(), ClockHealth::Jumped { ahead_ms: YEAR_MS - 1_000 });
        assert_eq!(clock.observe(reading(NOON + YEAR_MS + 60_000, 61_000)).ms(), NOON + 61_000);
        assert_eq!(clock.observe(reading(NOON + 62_000, 62_000)).ms(), NOON + 62_000);
        assert_eq!(clock.health(), ClockHealth::Agreed);
    }

    #[test]
    fn a_wall_clock_an_hour_back_moves_nothing_and_when_it_holds_now_goes_on_slowly() {
        let mut clock = started();
        let back = |boot: i64| reading(NOON - 3_600_000 + boot, boot);
        assert_eq!(clock.observe(back(1_000)).ms(), NOON + 1_000);
        let last = clock.observe(back(1_000 + CLOCK_JUMP_HOLD_MS));
        assert!(last.ms() >= NOON + 1_000, "now never runs backwards");
        let later = clock.observe(back(3_000 + CLOCK_JUMP_HOLD_MS));
        assert_eq!(later.since_ms(last), 1_000, "half the rate until the wall clock has caught up");
        assert!(matches!(clock.health(), ClockHealth::Ahead { by_ms } if by_ms > 2_900_000));
    }

    #[test]
    fn a_jump_that_holds_is_believed() {
        let mut clock = started();
        let ahead = |boot: i64| reading(NOON + YEAR_MS + boot, boot);
        clock.observe(ahead(1_000));
        let now = clock.observe(ahead(1_000 + CLOCK_JUMP_HOLD_MS));
        assert_eq!(now.ms(), NOON + YEAR_MS + 1_000 + CLOCK_JUMP_HOLD_MS);
    }

    #[test]
    fn a_start_behind_the_mark_uses_the_mark_or_is_refused() {
        let mark = Some(Timestamp::from_ms(NOON + 5_000));
        let mut clock = SteadyClock::start(reading(NOON, 0), mark, false).unwrap();
        assert_eq!(clock.observe(reading(NOON + 1_000, 1_000)).ms(), NOON + 5_000);
        assert_eq!(clock.observe(reading(NOON + 3_000, 3_000)).ms(), NOON + 6_000);
        assert_eq!(clock.observe(reading(NOON + 9_000, 9_000)).ms(), NOON + 9_000);
        let far = Some(Timestamp::from_ms(NOON + 2 * CLOCK_BEHIND_MS_MAX));
        assert!(SteadyClock::start(reading(NOON, 0), far, false).is_err());
        assert!(SteadyClock::start(reading(NOON, 0), far, true).is_ok());
    }

    proptest! {
        #[test]
        fn now_never_runs_backwards(steps in proptest::collection::vec((-YEAR_MS..YEAR_MS, 0_i64..400_000), 1..50)) {
            let mut clock = started();
            let (mut boot, mut last) = (0, Timestamp::from_ms(NOON));
            for (jump, pause) in steps {
                boot += pause;
                let now = clock.observe(reading(NOON + boot + jump, boot));
                prop_assert!(now >= last);
                last = now;
            }
        }
    }
}
