//! How long a search goes on before it lets other requests go on.
//!
//! Owns what is counted: steps, not time, so that nothing depends on how busy the machine is.

use jeton_domain::limits::SEARCH_TURN_STEPS;
use tokio::task::yield_now;

/// The steps that are left of a turn.
#[derive(Debug)]
pub(super) struct Pace {
    left: usize,
}

impl Pace {
    pub(super) const fn new() -> Self {
        Self { left: SEARCH_TURN_STEPS }
    }

    /// Counts steps that were taken; ends the turn when none are left. No lock may be held.
    pub(super) async fn spend(&mut self, steps: usize) {
        match self.left.checked_sub(steps) {
            Some(left) => self.left = left,
            None => self.end_turn().await,
        }
    }

    /// Lets others go on.
    pub(super) async fn end_turn(&mut self) {
        self.left = SEARCH_TURN_STEPS;
        yield_now().await;
    }
}

/// What it costs to get at one document, beside what is done with it.
pub(super) const STEPS_OF_A_DOCUMENT: usize = 64;

/// What it costs to read or to index one term.
pub(super) const STEPS_OF_A_TERM: usize = 256;
