//! The hashing that realms and user verbs ask for, done on the pool.
//!
//! Owns which algorithm is in force. Must not know whose password it is.

use std::sync::Arc;

use jeton_domain::secret::Secret;

use super::decoy::Decoys;
use super::{Algorithm, HashingPool, Lane, Salt, StoredHash, hash, verify_against_nothing};
use crate::error::RealmError;

/// Hashes and verifies passwords without holding up the thread that asks.
#[derive(Clone, Debug)]
pub struct PasswordHasher {
    pool: Arc<HashingPool>,
    algorithm: Algorithm,
    decoys: Decoys,
}

impl PasswordHasher {
    /// A hasher that works on `pool` and writes hashes of `algorithm`.
    pub fn new(pool: Arc<HashingPool>, algorithm: Algorithm) -> Self {
        Self { pool, algorithm, decoys: Decoys::new(algorithm) }
    }

    /// Takes note of a hash that is stored: names without one seem to have such a one too.
    pub(crate) fn meet(&self, stored: &StoredHash) {
        if let Some(algorithm) = stored.algorithm() {
            self.decoys.meet(algorithm);
        }
    }

    /// Hashes a password for storage.
    pub async fn hash(
        &self,
        password: Arc<Secret>,
        salt: Salt,
        lane: Lane,
    ) -> Result<String, RealmError> {
        let algorithm = self.algorithm;
        let work = move || hash(password.expose(), algorithm, &salt);
        Ok(self.pool.run(lane, work).await??)
    }

    /// Whether the password is the one behind the hash.
    pub async fn verify(
        &self,
        stored: Arc<StoredHash>,
        password: Arc<Secret>,
        lane: Lane,
    ) -> Result<bool, RealmError> {
        self.meet(&stored);
        Ok(self.pool.run(lane, move || stored.verify(password.expose())).await??)
    }

    /// Takes as long as a verification, so that an unknown name is not told by its haste: as long
    /// as one against a hash of an algorithm that is in use, and always the same one for a name.
    pub async fn verify_against_nothing(
        &self,
        username: &str,
        password: Arc<Secret>,
        lane: Lane,
    ) -> Result<(), RealmError> {
        let algorithm = self.decoys.of(username).unwrap_or(self.algorithm);
        let work = move || verify_against_nothing(algorithm, password.expose());
        Ok(self.pool.run(lane, work).await??)
    }
}
