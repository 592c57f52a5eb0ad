//! Time as it passes for the machine, for tests that must give up at last.
//!
//! Owns the testkit's look at a clock. Nothing may be decided by it but whether a
//! test has waited long enough.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A watch that runs since it was started.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    started: Duration,
}

impl Stopwatch {
    /// Starts it.
    pub fn start() -> Self {
        Self { started: now() }
    }

    /// How long it has run.
    pub fn elapsed(&self) -> Duration {
        now().saturating_sub(self.started)
    }
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_nanos(time.tv_nsec.unsigned_abs())
}
