//! Time as a benchmark needs it: how long something took, and which instant it is.

use jeton_domain::time::{BootTime, Timestamp};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Measures from its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Timespec);

impl Stopwatch {
    /// Starts.
    pub(crate) fn start() -> Self {
        Self(clock_gettime(ClockId::Monotonic))
    }

    /// Seconds since the start.
    #[expect(clippy::cast_precision_loss, reason = "a run takes far less than 2^53 nanoseconds")]
    pub(crate) fn seconds(self) -> f64 {
        let now = clock_gettime(ClockId::Monotonic);
        let ns = (now.tv_sec.saturating_sub(self.0.tv_sec))
            .saturating_mul(1_000_000_000)
            .saturating_add(now.tv_nsec.saturating_sub(self.0.tv_nsec));
        ns as f64 / 1e9
    }
}

/// The present instant.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_ms(ms(clock_gettime(ClockId::Realtime)))
}

/// Time since boot.
pub(crate) fn boot() -> BootTime {
    BootTime::from_ms(ms(clock_gettime(ClockId::Boottime)))
}

fn ms(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1_000).saturating_add(time.tv_nsec / 1_000_000)
}
