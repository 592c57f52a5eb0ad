//! The machine's clocks and randomness: the only real ones in the program.
//!
//! Owns the readings. The rule that makes `now` out of them is `SteadyClock`'s; this file feeds it.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use jeton_domain::time::{
    BootTime, Clock, ClockHealth, Entropy, Reading, StartRefused, SteadyClock, Timestamp,
};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// The clocks of this machine, read through the rule for `now`.
#[derive(Debug)]
pub struct SystemClock {
    steady: Mutex<SteadyClock>,
}

impl SystemClock {
    /// Starts at the present reading, for a store that has seen instants up to `mark`.
    ///
    /// `accept` starts even when the clock is far behind the mark.
    pub fn start(mark: Option<Timestamp>, accept: bool) -> Result<Self, StartRefused> {
        let steady = SteadyClock::start(reading(), mark, accept)?;
        Ok(Self { steady: Mutex::new(steady) })
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let mut steady = self.steady.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock: a reading that was overtaken would look like a step back.
        steady.observe(reading())
    }

    fn boot(&self) -> BootTime {
        boot()
    }

    fn trouble(&self) -> Option<String> {
        match self.steady.lock().unwrap_or_else(PoisonError::into_inner).health() {
            ClockHealth::Agreed => None,
            ClockHealth::Ahead { by_ms } => Some(format!(
                "time here stands {} s ahead of the clock, and waits for it at half rate",
                by_ms / 1_000
            )),
            ClockHealth::Jumped { ahead_ms } => {
                let (seconds, way) = (ahead_ms.unsigned_abs() / 1_000, ahead_ms.signum());
                let way = if way < 0 { "back" } else { "ahead" };
                Some(format!("the clock jumped {way} by {seconds} s; the jump is not followed yet"))
            }
        }
    }
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() > ID_BYTES {
            return fill_from_system(bytes);
        }
        STOCK.with_borrow_mut(|stock| {
            if stock.len() < bytes.len() {
                stock.resize(STOCK_BYTES, 0);
                fill_from_system(stock);
            }
            let kept = stock.len().saturating_sub(bytes.len());
            for (byte, random) in bytes.iter_mut().zip(stock.drain(kept..)) {
                *byte = random;
            }
        });
    }
}

#[expect(clippy::disallowed_methods, reason = "the one source of randomness")]
fn fill_from_system(bytes: &mut [u8]) {
    if getrandom::fill(bytes).is_err() {
        // Guessable ids would be worse than no server.
        tracing::error!("the operating system gives no random bytes");
        std::process::abort();
    }
}

thread_local! {
    /// Random bytes for ids, which are no secrets: a call of the system for each would cost as much
    /// as everything else about them. Keys and salts are longer and always asked for.
    static STOCK: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The longest id.
const ID_BYTES: usize = 16;
const STOCK_BYTES: usize = 1_024;

fn reading() -> Reading {
    Reading { wall: Timestamp::from_ms(ms(clock_gettime(ClockId::Realtime))), boot: boot() }
}

/// Time since boot.
pub(crate) fn boot() -> BootTime {
    BootTime::from_ms(ms(clock_gettime(ClockId::Boottime)))
}

fn ms(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1_000).saturating_add(time.tv_nsec / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_is_the_wall_clock_and_does_not_run_backwards() {
        let clock = SystemClock::start(None, false).unwrap();
        let first = clock.now();
        assert!(first.ms() > 1_700_000_000_000);
        assert!((0..1_000).all(|_| clock.now() >= first));
        assert_eq!(clock.trouble(), None);
    }

    #[test]
    fn random_bytes_differ() {
        let (mut one, mut other) = ([0; 32], [0; 32]);
        SystemEntropy.fill(&mut one);
        SystemEntropy.fill(&mut other);
        assert_ne!(one, other);
    }
}
