//! Users' records in the store, as the realms that read them need them.
//!
//! Owns reading a record and verifying a password against it. Must not know what a realm makes of
//! the answer. A record is read for every attempt, and what is remembered of a right password is
//! tied to the version that was read: a change is seen by the next attempt without any eviction.

use std::sync::Arc;

use jeton_domain::name::Username;
use jeton_domain::user::User;
use jeton_store::engine::{Key, Version};
use jeton_store::store::Store;
use jeton_store::tables::users::{self, UserKind, UserRecord};

use crate::cache::{CredentialCache, Stamp};
use crate::error::RealmError;
use crate::password::{PasswordHasher, StoredHash};
use crate::realm::{Attempt, Evidence};

/// The records of one kind of users.
#[derive(Debug)]
pub(crate) struct Records {
    kind: UserKind,
    store: Arc<Store>,
    hasher: PasswordHasher,
    cache: CredentialCache,
}

/// A record, and where it was read.
pub(crate) struct Record {
    pub(crate) user: UserRecord,
    key: Key,
    version: Version,
}

impl Record {
    /// What vouches when this record does.
    pub(crate) fn evidence(&self) -> Evidence {
        Evidence { key: self.key.clone(), version: Some(self.version) }
    }
}

impl Records {
    pub(crate) fn new(
        kind: UserKind,
        store: Arc<Store>,
        hasher: PasswordHasher,
        cache: CredentialCache,
    ) -> Self {
        Self { kind, store, hasher, cache }
    }

    pub(crate) fn cache(&self) -> &CredentialCache {
        &self.cache
    }

    pub(crate) async fn read(&self, username: &Username) -> Result<Option<Record>, RealmError> {
        let key = self.key(username);
        let Some(row) = self.store.row(&key).await? else { return Ok(None) };
        Ok(Some(Record { user: users::decode(&row)?, key, version: row.version }))
    }

    /// What vouches when the want of a record does.
    pub(crate) fn evidence_of_absence(&self, username: &Username) -> Evidence {
        Evidence { key: self.key(username), version: None }
    }

    /// Whether the password is right for the record; none when it has nothing to verify against.
    pub(crate) async fn verify(
        &self,
        record: &Record,
        attempt: &Attempt,
    ) -> Result<Option<bool>, RealmError> {
        let Some(text) = record.user.password_hash.as_deref() else { return Ok(None) };
        let hash = match StoredHash::parse(text) {
            Ok(hash) if hash.may_be_stored() => Arc::new(hash),
            Ok(_) | Err(_) => {
                let username = attempt.username.as_str();
                tracing::warn!(username, "the stored password hash cannot be verified");
                return Ok(None);
            }
        };
        let Attempt { username, password, lane, now } = attempt;
        let verify = self.hasher.verify(hash, Arc::clone(password), *lane);
        let is_right = if record.user.enabled {
            let stamp = Stamp(record.version.0);
            self.cache.check(username, password, stamp, *now, verify).await?
        } else {
            verify.await?
        };
        Ok(Some(is_right))
    }

    fn key(&self, username: &Username) -> Key {
        users::key(self.kind, username.as_str())
    }
}

/// The user that a native record describes.
pub(crate) fn user_of(record: UserRecord) -> User {
    let UserRecord { username, roles, full_name, email, metadata, enabled, .. } = record;
    User { username, roles, full_name, email, metadata, enabled }
}
