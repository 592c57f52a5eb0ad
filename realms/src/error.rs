//! Why a realm could not decide. A refusal of credentials is no error.
//!
//! Owns the one error type of this crate. Must not know how an answer says it.

use jeton_store::error::StoreError;

use crate::password::{HashingFailed, PoolError};

/// Why nobody can say whether a user is vouched for. Never to be answered as a refusal.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RealmError {
    /// More passwords wait to be hashed than may wait.
    #[error("the queue for password hashing is full")]
    Busy,
    /// A password could not be hashed.
    #[error("password hashing is unavailable")]
    Hashing,
    /// The store did not answer.
    #[error("the store of users is unavailable: {0}")]
    Store(#[from] StoreError),
}

impl From<PoolError> for RealmError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Busy => Self::Busy,
            PoolError::Panicked | PoolError::Stopped => Self::Hashing,
        }
    }
}

impl From<HashingFailed> for RealmError {
    fn from(_: HashingFailed) -> Self {
        Self::Hashing
    }
}
