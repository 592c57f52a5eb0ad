//! Passwords at rest: what a stored hash says, how one is made, and where the work is done.
//!
//! Owns the hash formats, the algorithms that may be configured, and the pool of threads that
//! keeps hashing away from the threads which serve requests. Must not know where a hash is kept,
//! whose it is, or where random bytes come from: salts are arguments. Start at [`StoredHash`].

mod algorithm;
mod argon;
mod decoy;
mod encoding;
mod hasher;
mod pool;
mod stored;

pub use algorithm::{
    Algorithm, Cost, HashingFailed, Rounds, Salt, UnknownAlgorithm, hash, supported_names,
    verify_against_nothing,
};
pub use hasher::PasswordHasher;
pub use pool::{HashingPool, Lane, PoolError, PoolLimits};
pub use stored::{StoredHash, UnknownHash};
