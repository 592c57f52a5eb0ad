//! What is verified for a name that has no hash, so that time does not tell it from one that has.
//!
//! Owns which algorithms stored hashes are of, as far as they were met, and which of them a name
//! without a hash seems to have: always the same one, as if it had one. Must not know passwords.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};

use super::Algorithm;

/// The algorithms met, shared by all who verify on behalf of one service.
#[derive(Clone, Debug)]
pub(super) struct Decoys {
    met: Arc<Mutex<Vec<Algorithm>>>,
    /// Secret, or a stranger could tell by computation what a name without a hash seems to have.
    /// Nothing that is kept or answered depends on it.
    key: RandomState,
}

impl Decoys {
    /// Decoys that know the algorithm of new hashes.
    pub(super) fn new(configured: Algorithm) -> Self {
        Self { met: Arc::new(Mutex::new(vec![configured])), key: RandomState::new() }
    }

    /// Takes note of a stored hash's algorithm. There are a few dozen in all.
    pub(super) fn meet(&self, algorithm: Algorithm) {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if !met.contains(&algorithm) {
            met.push(algorithm);
        }
    }

    /// The algorithm that a name without a hash seems to have.
    ///
    /// It is that of the highest rank for this name, so that an algorithm that is met later changes
    /// few names, and those once.
    pub(super) fn of(&self, name: &str) -> Option<Algorithm> {
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.iter().copied().max_by_key(|algorithm| self.key.hash_one((name, algorithm)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn algorithm(name: &str) -> Algorithm {
        name.parse().unwrap()
    }

    #[test]
    fn names_without_a_hash_seem_to_have_one_of_the_algorithms_that_are_met() {
        let (new, old) = (algorithm("argon2id"), algorithm("bcrypt"));
        let decoys = Decoys::new(new);
        let names: Vec<String> = (0..1_000).map(|number| format!("name-{number}")).collect();
        let with_old = || names.iter().filter(|name| decoys.of(name) == Some(old)).count();
        assert_eq!(with_old(), 0);
        decoys.meet(old);
        decoys.meet(old);
        let before: Vec<_> = names.iter().map(|name| decoys.of(name)).collect();
        assert!((300..700).contains(&with_old()), "{}", with_old());
        let again: Vec<_> = names.iter().map(|name| decoys.clone().of(name)).collect();
        assert_eq!(before, again);
        decoys.meet(algorithm("pbkdf2"));
        for (name, before) in names.iter().zip(before) {
            let now = decoys.of(name);
            assert!(now == before || now == Some(algorithm("pbkdf2")), "{name}");
        }
    }
}
