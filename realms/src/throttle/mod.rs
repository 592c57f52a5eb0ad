//! Failed logins are slowed down, per user and address.
//!
//! Owns who has to wait and for how long. Must not know passwords or realms, and has no clock: the
//! time since boot is an argument. A user is slowed down only where the failures come from; other
//! addresses notice nothing. An address also has a budget of failures over all names. Names that
//! have logged in from there are free of it, so that a guesser behind a shared proxy does not shut
//! out the people behind it; and so are end users for whom an authenticated caller asks, since they
//! all come from the caller's address.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jeton_domain::limits::NAME_CHARS_MAX;
use jeton_domain::name::Username;
use jeton_domain::time::BootTime;

use crate::recent::RecentMap;

/// The numbers of a [`Throttle`].
#[derive(Clone, Copy, Debug)]
pub struct ThrottleLimits {
    /// Failures of a user at an address that cost nothing.
    pub free_failures: u32,
    /// The delay after the first failure beyond those; each further one doubles it.
    pub first_delay: Duration,
    /// The longest delay.
    pub delay_max: Duration,
    /// How long after the last failure, or the last success, it is forgotten.
    pub forget_after: Duration,
    /// The longest that one attempt is made to wait; what would take longer is refused.
    pub patience: Duration,
    /// Attempts of a user at an address that may be under way at once.
    pub unresolved_max: u32,
    /// Users at addresses that are remembered.
    pub pairs_max: usize,
    /// Failures over all names that an address may have at once.
    pub address_failures_max: u32,
    /// The time that forgives an address one failure.
    pub address_recovery: Duration,
    /// Addresses that are remembered.
    pub addresses_max: usize,
}

impl Default for ThrottleLimits {
    /// Five failures free, then a quarter of a second that doubles up to half a minute; an address
    /// may try a hundred names in vain, and four more a second.
    fn default() -> Self {
        Self {
            free_failures: 5,
            first_delay: Duration::from_millis(250),
            delay_max: Duration::from_secs(30),
            forget_after: Duration::from_mins(10),
            patience: Duration::from_secs(5),
            unresolved_max: 128,
            pairs_max: 32_768,
            address_failures_max: 100,
            address_recovery: Duration::from_millis(250),
            addresses_max: 16_384,
        }
    }
}

/// Decides which login may be tried now.
#[derive(Clone)]
pub struct Throttle {
    limits: ThrottleLimits,
    state: Arc<Mutex<State>>,
}

/// For whom an attempt is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// For whoever sends the request: the address is theirs.
    Caller,
    /// For an end user, by a caller who is known: the address is the caller's.
    EndUser,
}

/// What is to be done with an attempt to log in.
#[derive(Debug)]
pub enum Verdict {
    /// Try it, and tell the permit how it went.
    Proceed(Permit),
    /// Ask again after this time.
    Wait(Duration),
    /// Refuse it; it may be tried again after this time.
    Refuse {
        /// The time.
        retry_after: Duration,
    },
}

/// An attempt under way. Dropped without a word, it counts neither for nor against the user.
#[must_use = "an attempt that is not resolved slows nobody down"]
pub struct Permit {
    throttle: Throttle,
    pair: Pair,
    origin: Origin,
    is_known: bool,
    /// Whether the address was charged with a failure in advance.
    is_charged: bool,
    is_resolved: bool,
}

impl Throttle {
    /// Nothing has failed yet.
    pub fn new(limits: ThrottleLimits) -> Self {
        let state = State {
            pairs: RecentMap::new(limits.pairs_max),
            addresses: RecentMap::new(limits.addresses_max),
        };
        Self { limits, state: Arc::new(Mutex::new(state)) }
    }

    /// Decides about an attempt that was first asked for at `asked_at`.
    pub fn admit(
        &self,
        username: &Username,
        address: IpAddr,
        origin: Origin,
        asked_at: BootTime,
        now: BootTime,
    ) -> Verdict {
        let (asked_at, now) = (since_boot(asked_at), since_boot(now));
        let pair = Pair { username: bounded(username), source: Source::of(address) };
        let limits = &self.limits;
        let mut state = self.lock();
        // An attempt is put on record once it is admitted: else refused ones, which cost nothing,
        // would push out the records of those that failed.
        let record = state.pairs.touch(&pair);
        let (is_known, mut not_before) =
            record.map_or((false, now), |record| record.judge(now, limits));
        let is_charged = !is_known && origin == Origin::Caller;
        if is_charged && let Some(budget) = state.addresses.touch(&pair.source) {
            not_before = not_before.max(budget.not_before(now, limits));
        }
        if not_before > now {
            let wait = not_before.saturating_sub(now);
            let in_time = not_before.saturating_sub(asked_at) <= limits.patience;
            return if in_time {
                Verdict::Wait(wait)
            } else {
                Verdict::Refuse { retry_after: wait }
            };
        }
        state.begin(&pair, is_charged, now, limits);
        drop(state);
        let throttle = self.clone();
        let is_resolved = false;
        Verdict::Proceed(Permit { throttle, pair, origin, is_known, is_charged, is_resolved })
    }

    /// Nothing under the lock can panic half-way, so a poisoned state is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Throttle").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Permit {
    /// Whether the user has logged in from there before and is not being guessed at.
    pub const fn is_known(&self) -> bool {
        self.is_known
    }

    /// The user was vouched for.
    pub fn succeeded(mut self, now: BootTime) {
        self.is_resolved = true;
        let mut state = self.throttle.lock();
        state.end(&self.pair, self.is_charged);
        let record = state.pairs.touch_or_insert_with(&self.pair, Record::default);
        record.failures = 0;
        record.vouched_at = Some(since_boot(now));
    }

    /// The credentials were refused.
    pub fn failed(mut self, now: BootTime) {
        let now = since_boot(now);
        self.is_resolved = true;
        let limits = &self.throttle.limits;
        let mut state = self.throttle.lock();
        // A failure keeps what it was charged at the start; one that was not is charged now.
        state.end(&self.pair, false);
        if !self.is_charged && self.origin == Origin::Caller {
            let source = &self.pair.source;
            let budget = state.addresses.touch_or_insert_with(source, Budget::default);
            budget.charge(now, limits);
        }
        let record = state.pairs.touch_or_insert_with(&self.pair, Record::default);
        record.failures = record.failures.saturating_add(1);
        record.failed_at = now;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.is_resolved {
            self.throttle.lock().end(&self.pair, self.is_charged);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Permit").field("pair", &self.pair).finish_non_exhaustive()
    }
}

/// A user at an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pair {
    username: Username,
    source: Source,
}

/// Where attempts come from: an IPv4 address, or the /64 network of an IPv6 address, within
/// which one customer may pick addresses at will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Source(IpAddr);

impl Source {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
        })
    }
}

/// No realm has longer names; they share one record an address instead of filling the table.
fn bounded(username: &Username) -> Username {
    if username.as_str().len() > NAME_CHARS_MAX { Username::new("") } else { username.clone() }
}

fn since_boot(now: BootTime) -> Duration {
    Duration::from_millis(u64::try_from(now.ms()).unwrap_or(0))
}

struct State {
    pairs: RecentMap<Pair, Record>,
    addresses: RecentMap<Source, Budget>,
}

impl State {
    fn begin(&mut self, pair: &Pair, is_charged: bool, now: Duration, limits: &ThrottleLimits) {
        let record = self.pairs.touch_or_insert_with(pair, Record::default);
        record.unresolved = record.unresolved.saturating_add(1);
        if is_charged {
            let budget = self.addresses.touch_or_insert_with(&pair.source, Budget::default);
            budget.charge(now, limits);
        }
    }

    fn end(&mut self, pair: &Pair, is_refunded: bool) {
        if let Some(record) = self.pairs.touch(pair) {
            record.unresolved = record.unresolved.saturating_sub(1);
        }
        if is_refunded && let Some(budget) = self.addresses.touch(&pair.source) {
            budget.spent = budget.spent.saturating_sub(1);
        }
    }
}

/// What is remembered of a user at an address.
#[derive(Debug, Default)]
struct Record {
    failures: u32,
    failed_at: Duration,
    /// Attempts that were admitted and have not ended.
    unresolved: u32,
    vouched_at: Option<Duration>,
}

impl Record {
    /// Whether the user is known there, and when the next attempt may be made.
    fn judge(&mut self, now: Duration, limits: &ThrottleLimits) -> (bool, Duration) {
        self.forget(now, limits);
        (self.is_known(limits), self.not_before(now, limits))
    }

    fn forget(&mut self, now: Duration, limits: &ThrottleLimits) {
        if now.saturating_sub(self.failed_at) >= limits.forget_after {
            self.failures = 0;
        }
        self.vouched_at =
            self.vouched_at.filter(|at| now.saturating_sub(*at) < limits.forget_after);
    }

    /// Whether the user has logged in from there and is not being guessed at.
    fn is_known(&self, limits: &ThrottleLimits) -> bool {
        self.vouched_at.is_some() && self.failures < limits.free_failures
    }

    /// The first moment at which the next attempt may be made.
    fn not_before(&self, now: Duration, limits: &ThrottleLimits) -> Duration {
        let unpaid = self.failures.checked_sub(limits.free_failures);
        let Some(unpaid) = unpaid else {
            let is_full = self.unresolved >= limits.unresolved_max;
            return if is_full { now + limits.first_delay } else { now };
        };
        let factor = 1_u32.checked_shl(unpaid).unwrap_or(u32::MAX);
        let delay = limits.first_delay.saturating_mul(factor).min(limits.delay_max);
        // One at a time: a burst must not be decided by failures that it has not made yet.
        let begun = if self.unresolved > 0 { now + delay } else { now };
        begun.max(self.failed_at.saturating_add(delay))
    }
}

/// The failures that an address may still have: a bucket that drips.
#[derive(Debug, Default)]
struct Budget {
    spent: u32,
    /// The moment up to which recovery has been counted.
    counted_at: Duration,
}

impl Budget {
    fn recover(&mut self, now: Duration, limits: &ThrottleLimits) {
        let step_ms = limits.address_recovery.as_millis().max(1);
        let passed_ms = now.saturating_sub(self.counted_at).as_millis();
        let recovered = u32::try_from(passed_ms / step_ms).unwrap_or(u32::MAX);
        if recovered >= self.spent {
            self.spent = 0;
            self.counted_at = now;
        } else {
            self.spent -= recovered;
            self.counted_at += limits.address_recovery.saturating_mul(recovered);
        }
    }

    fn not_before(&mut self, now: Duration, limits: &ThrottleLimits) -> Duration {
        self.recover(now, limits);
        if self.spent < limits.address_failures_max {
            return now;
        }
        self.counted_at.saturating_add(limits.address_recovery).max(now + MS)
    }

    fn charge(&mut self, now: Duration, limits: &ThrottleLimits) {
        self.recover(now, limits);
        self.spent = self.spent.saturating_add(1).min(limits.address_failures_max);
    }
}

const MS: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests;
