//! Waiting by looking: quicker than to sleep and be woken, as long as nobody else wants the core.
//!
//! Owns how often a waiter looks, and when it must not. Must not know what it waits for.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::yield_now;

use jeton_domain::time::BootTime;

/// What all waiters know: whether somebody else has been seen to want the core.
#[derive(Debug)]
pub(super) struct Pace {
    /// Tells how long the core was away; nobody looks without it.
    boot: Option<fn() -> BootTime>,
    /// How many more waits go to sleep at once.
    rests: AtomicU32,
}

/// One wait; by default one that sleeps.
#[derive(Debug, Default)]
pub(super) struct Looks {
    left: u32,
}

impl Pace {
    pub(super) const fn new(boot: Option<fn() -> BootTime>) -> Self {
        Self { boot, rests: AtomicU32::new(0) }
    }

    /// Begins a wait that looks so often at most.
    pub(super) fn begin(&self, looks: u32) -> Looks {
        let rests = self.rests.load(Ordering::Relaxed);
        if rests == 0 {
            return Looks { left: looks };
        }
        // Waiters who count the same rest only make them fewer or more.
        self.rests.store(rests.saturating_sub(1), Ordering::Relaxed);
        Looks { left: 0 }
    }

    /// Leaves the core to whoever wants it; false when the wait is to go on asleep.
    ///
    /// A program that keeps the core holds it for milliseconds once it has it, and one who looks
    /// gives it up again and again, where one who sleeps is given the core when it is woken.
    pub(super) fn look(&self, looks: &mut Looks) -> bool {
        let (Some(left), Some(now)) = (looks.left.checked_sub(1), self.boot) else { return false };
        looks.left = left;
        let begin = now();
        yield_now();
        if now().since_ms(begin) >= LONG_AWAY_MS {
            self.rest(looks);
        }
        true
    }

    /// Somebody else wants the core: neither this wait looks again nor the next ones.
    fn rest(&self, looks: &mut Looks) {
        looks.left = 0;
        self.rests.store(RESTS, Ordering::Relaxed);
    }
}

/// Longer than a thread of ours holds the core while it commits or answers, and shorter than the
/// slice of time that the system gives to a program which does not let go of it. Whole milliseconds
/// are told, so it is surely seen from this on, and perhaps from one less.
const LONG_AWAY_MS: i64 = 2;

/// How many waits sleep after the core was kept. To sleep costs each of them about 60 microseconds,
/// to have looked in vain costs one of them about 4 milliseconds: together not more than that
/// again.
const RESTS: u32 = 64;

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use super::*;

    #[test]
    fn a_wait_looks_no_more_often_than_it_may() {
        let pace = Pace::new(Some(BootTime::default));
        let mut looks = pace.begin(3);
        let looked = (0..9).filter(|_| pace.look(&mut looks)).count();
        assert_eq!(looked, 3);
        assert!(!Pace::new(None).look(&mut pace.begin(3)));
    }

    #[test]
    fn who_sees_that_the_core_was_kept_looks_no_more() {
        // Two milliseconds pass from one reading to the next.
        static NOW_MS: AtomicI64 = AtomicI64::new(0);
        let pace = Pace::new(Some(|| BootTime::from_ms(NOW_MS.fetch_add(2, Ordering::Relaxed))));
        let mut looks = pace.begin(3);
        assert!(pace.look(&mut looks));
        assert!(!pace.look(&mut looks));
        assert!(!pace.look(&mut pace.begin(3)));
    }

    #[test]
    fn waits_rest_after_the_core_was_kept_and_then_look_again() {
        let pace = Pace::new(Some(BootTime::default));
        let mut looks = pace.begin(9);
        pace.rest(&mut looks);
        assert!(!pace.look(&mut looks));
        for _ in 0..RESTS {
            assert!(!pace.look(&mut pace.begin(9)));
        }
        assert!(pace.look(&mut pace.begin(9)));
    }
}
