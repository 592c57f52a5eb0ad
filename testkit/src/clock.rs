//! A clock that stands still until it is told to go on.

use std::sync::atomic::{AtomicI64, Ordering};

use jeton_domain::time::{BootTime, Clock, Timestamp};

/// The instant at which every simulated world begins, in milliseconds: a whole hour.
pub const WORLD_BEGINS_MS: i64 = 1_700_002_800_000;

/// A clock that tests move.
#[derive(Debug)]
pub struct StillClock {
    now_ms: AtomicI64,
    boot_ms: AtomicI64,
}

impl StillClock {
    /// A clock at the beginning of the world, an hour after boot.
    pub const fn new() -> Self {
        Self { now_ms: AtomicI64::new(WORLD_BEGINS_MS), boot_ms: AtomicI64::new(3_600_000) }
    }

    /// Lets `ms` milliseconds pass, on the wall and since boot.
    pub fn pass_ms(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
        self.boot_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Default for StillClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.now_ms.load(Ordering::SeqCst))
    }

    fn boot(&self) -> BootTime {
        BootTime::from_ms(self.boot_ms.load(Ordering::SeqCst))
    }
}
