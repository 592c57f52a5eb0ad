//! The pulse of one connection: idle, in the head of a request, or at work on one.
//!
//! Owns the bounds of slow and silent clients. Reads no clock: the connection's task counts beats,
//! and a request costs two stores. Must not know what a request is.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// What a connection is doing, with a number that changes when it does something else.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// The two lowest bits are the phase, the others count the changes.
    state: AtomicU32,
    /// Whether an answer was made without reading all of what it answers.
    is_unread: AtomicBool,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No request has begun.
    Idle,
    /// A request has begun and its head is not complete.
    Head,
    /// A request is being answered; it has deadlines of its own.
    Busy,
    /// The last answer is out; what the client still sends is thrown away.
    Lingering,
}

impl Pulse {
    /// A request is complete enough to be worked on.
    pub(crate) fn busy(&self) {
        self.enter(BUSY);
    }

    /// The answer is made.
    pub(crate) fn idle(&self) {
        self.enter(IDLE);
    }

    /// An answer is made without reading the whole request.
    pub(crate) fn leave_unread(&self) {
        self.is_unread.store(true, Ordering::Relaxed);
    }

    /// Bytes came: if nothing else is under way, they begin a head.
    pub(crate) fn bytes_came(&self) {
        if self.state.load(Ordering::Relaxed) & PHASE == IDLE {
            self.enter(HEAD);
        }
    }

    /// The last answer is out, and what the client still sends is thrown away from now on.
    pub(crate) fn linger(&self) {
        self.enter(LINGERING);
    }

    /// What the connection is doing.
    pub(crate) fn phase(&self) -> Phase {
        self.read().0
    }

    /// Whether an answer was made without reading the whole request.
    pub(crate) fn has_left_unread(&self) -> bool {
        self.is_unread.load(Ordering::Relaxed)
    }

    /// One task writes at a time, so this need not be one atomic step.
    fn enter(&self, phase: u32) {
        let changes = self.state.load(Ordering::Relaxed) & !PHASE;
        self.state.store(changes.wrapping_add(PHASE + 1) | phase, Ordering::Relaxed);
    }

    fn read(&self) -> (Phase, u32) {
        let value = self.state.load(Ordering::Relaxed);
        let phase = match value & PHASE {
            IDLE => Phase::Idle,
            HEAD => Phase::Head,
            BUSY => Phase::Busy,
            _ => Phase::Lingering,
        };
        (phase, value)
    }
}

/// Counts the beats that a connection has spent in one phase.
#[derive(Debug)]
pub(crate) struct Patience {
    last: u32,
    beats: u32,
    idle_beats_max: u32,
    head_beats_max: u32,
}

impl Patience {
    /// The time between two beats that keeps both limits within a quarter.
    pub(crate) fn beat(idle: Duration, head: Duration) -> Duration {
        (idle.min(head) / 4).clamp(Duration::from_millis(10), Duration::from_secs(5))
    }

    /// Limits in whole beats, rounded up.
    pub(crate) fn new(idle: Duration, head: Duration) -> Self {
        let beat = Self::beat(idle, head);
        let beats = |limit: Duration| {
            u32::try_from(limit.as_nanos().div_ceil(beat.as_nanos().max(1))).unwrap_or(u32::MAX)
        };
        Self { last: u32::MAX, beats: 0, idle_beats_max: beats(idle), head_beats_max: beats(head) }
    }

    /// One beat has passed; whether the connection has been idle or in one head for too long.
    pub(crate) fn is_over(&mut self, pulse: &Pulse) -> bool {
        let (phase, value) = pulse.read();
        if value != self.last {
            self.last = value;
            self.beats = 0;
            return false;
        }
        self.beats = self.beats.saturating_add(1);
        match phase {
            Phase::Idle => self.beats >= self.idle_beats_max,
            Phase::Head => self.beats >= self.head_beats_max,
            Phase::Busy => false,
            Phase::Lingering => self.beats >= self.head_beats_max.min(LINGER_BEATS_MAX),
        }
    }
}

const PHASE: u32 = 0b11;
const IDLE: u32 = 0;
const HEAD: u32 = 1;
const BUSY: u32 = 2;
const LINGERING: u32 = 3;
/// Beats that a client gets to stop sending after an answer that leaves its body unread.
const LINGER_BEATS_MAX: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn patience() -> Patience {
        Patience::new(Duration::from_secs(8), Duration::from_secs(4))
    }

    fn beats_until_over(patience: &mut Patience, pulse: &Pulse) -> Option<u32> {
        (1..100).find(|_| patience.is_over(pulse))
    }

    #[test]
    fn an_idle_connection_is_over_after_the_idle_time() {
        assert_eq!(beats_until_over(&mut patience(), &Pulse::default()), Some(9));
    }

    #[test]
    fn a_head_is_over_after_its_own_time_however_many_bytes_come() {
        let pulse = Pulse::default();
        let mut patience = patience();
        let over = (1..100).find(|_| {
            pulse.bytes_came();
            patience.is_over(&pulse)
        });
        assert_eq!(over, Some(5));
    }

    #[test]
    fn a_connection_at_work_is_never_over_and_starts_anew_when_idle() {
        let pulse = Pulse::default();
        let mut patience = patience();
        pulse.bytes_came();
        pulse.busy();
        assert_eq!(beats_until_over(&mut patience, &pulse), None);
        pulse.idle();
        assert_eq!(beats_until_over(&mut patience, &pulse), Some(9));
    }
}
