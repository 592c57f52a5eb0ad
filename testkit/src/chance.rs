//! Chance that repeats: every number follows from a seed.
//!
//! Owns the generator, and the entropy and batch ids that tests draw from it. Fit for no secret.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jeton_domain::time::Entropy;

/// Numbers that follow from a seed (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The numbers of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which must not be zero.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.number() % bound).unwrap_or(0)
    }

    /// Yes, once in `rarity` times.
    pub fn once_in(&mut self, rarity: usize) -> bool {
        self.below(rarity) == 0
    }

    /// One of these; none when there are none.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len()))
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            for (byte, drawn) in chunk.iter_mut().zip(self.number().to_be_bytes()) {
                *byte = drawn;
            }
        }
    }
}

/// Entropy that repeats, in lanes: what one lane draws does not depend on when others draw.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    lane: usize,
    /// What each lane draws next, and what it drew next when it was marked.
    lanes: Vec<(Chance, Chance)>,
}

impl SeededEntropy {
    /// The bytes of this seed.
    pub fn new(seed: u64) -> Self {
        let entropy = Self { seed, state: Mutex::default() };
        entropy.set_lane(0);
        entropy
    }

    /// Draws from this lane from now on.
    pub fn set_lane(&self, lane: usize) {
        let mut state = self.state();
        while state.lanes.len() <= lane {
            let number = u64::try_from(state.lanes.len()).unwrap_or(u64::MAX);
            let start = Chance::new(Chance::new(self.seed ^ number.rotate_right(8)).number());
            state.lanes.push((start.clone(), start));
        }
        state.lane = lane;
    }

    /// Marks where the lane is.
    pub fn mark(&self) {
        let mut state = self.state();
        let lane = state.lane;
        if let Some((next, marked)) = state.lanes.get_mut(lane) {
            *marked = next.clone();
        }
    }

    /// Draws again what was drawn since the mark.
    pub fn rewind(&self) {
        let mut state = self.state();
        let lane = state.lane;
        if let Some((next, marked)) = state.lanes.get_mut(lane) {
            *next = marked.clone();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.state();
        let lane = state.lane;
        if let Some((next, _)) = state.lanes.get_mut(lane) {
            next.fill(bytes);
        }
    }
}
