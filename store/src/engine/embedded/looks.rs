//! Waiting by looking: quicker than to sleep and be woken, as long as nobody else wants the core.
//!
//! Owns how often a waiter looks, and when it must not. Must not know what it waits for.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::yield_now;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// What all waiters know: whether somebody else has been seen to want the core.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// How many more waits go to sleep at once.
    rests: AtomicU32,
}

/// One wait; by default one that sleeps.
#[derive(Debug, Default)]
pub(super) struct Looks {
    left: u32,
}

impl Pace {
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
        let Some(left) = looks.left.checked_sub(1) else { return false };
        looks.left = left;
        let begin = now();
        yield_now();
        if now().checked_sub(begin).is_some_and(|away| away > LONG_AWAY) {
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

/// How long a wait lasts is no time of the product: nothing is decided by it but how to wait.
fn now() -> Timespec {
    clock_gettime(ClockId::Monotonic)
}

/// Longer than a thread of ours holds the core while it commits or answers, and shorter than the
/// slice of time that the system gives to a program which does not let go of it.
const LONG_AWAY: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// How many waits sleep after the core was kept. To sleep costs each of them about 60 microseconds,
/// to have looked in vain costs one of them about 4 milliseconds: together not more than that again.
const RESTS: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_looks_no_more_often_than_it_may() {
        let pace = Pace::default();
        let mut looks = pace.begin(3);
        let looked = (0..9).filter(|_| pace.look(&mut looks)).count();
        // Fewer if another program took the core meanwhile.
        assert!((1..=3).contains(&looked), "{looked}");
        assert!(!pace.look(&mut looks));
    }

    #[test]
    fn waits_rest_after_the_core_was_kept_and_then_look_again() {
        let pace = Pace::default();
        let mut looks = pace.begin(9);
        pace.rest(&mut looks);
        assert!(!pace.look(&mut looks));
        for _ in 0..RESTS {
            assert!(!pace.look(&mut pace.begin(9)));
        }
        assert!(pace.look(&mut pace.begin(9)));
    }
}
