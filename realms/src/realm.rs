//! The seam behind which users are known: one trait, one file or folder a realm.
//!
//! Owns what a realm is asked and what it may answer. Must not know the order of realms.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use jeton_domain::name::Username;
use jeton_domain::secret::Secret;
use jeton_domain::subject::RealmRef;
use jeton_domain::time::BootTime;
use jeton_domain::user::User;
use jeton_store::engine::{Key, Version};

use crate::error::RealmError;
use crate::password::Lane;

/// An answer that a realm still works on.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, RealmError>> + Send + 'a>>;

/// A place where users are known.
pub trait Realm: Send + Sync + fmt::Debug {
    /// Its name, kind and security domain, as answers show them.
    fn realm(&self) -> &RealmRef;

    /// Judges a name and a password.
    ///
    /// Must not remember a refusal, and must answer for the user's present record: a change that
    /// was acknowledged before the call is seen.
    fn authenticate<'a>(&'a self, attempt: &'a Attempt) -> Pending<'a, Outcome>;

    /// Finds a user without their password, for run-as.
    fn look_up<'a>(&'a self, username: &'a Username) -> Pending<'a, Option<Vouched>>;

    /// Forgets what is remembered of a user's credentials.
    fn forget_user(&self, username: &Username);

    /// Forgets what is remembered of everybody's credentials.
    fn forget_all(&self);
}

/// A name and a password to be judged.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The name, as it was given.
    pub username: Username,
    /// The password.
    pub password: Arc<Secret>,
    /// Where the work of hashing queues.
    pub lane: Lane,
    /// Time since boot when the request began.
    pub now: BootTime,
}

/// A user whom a realm knows.
#[derive(Clone, Debug)]
pub struct Vouched {
    /// The user, who may be disabled.
    pub user: User,
    /// The realm.
    pub realm: RealmRef,
    /// The row that vouched; none where the user is not kept in the store.
    pub evidence: Option<Evidence>,
}

/// The row behind a vouching: what is committed on the strength of it must expect the key
/// unchanged since a tick that was noted before the realm was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The row's key.
    pub key: Key,
    /// The version that was read; none where there is no such row, and its absence vouched.
    pub version: Option<Version>,
}

/// What a realm says of an attempt.
#[derive(Debug)]
pub enum Outcome {
    /// The password is right. The user may be disabled: that is the caller's to refuse.
    Success(Box<Vouched>),
    /// Not this realm's user, or not the right password; another realm may know better.
    Continue(Effort),
    /// Refused, and no other realm may answer for the name.
    Terminate(Effort),
}

/// What a refusal cost, so that refusals can be made to cost the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// A password was verified against a hash.
    Verified,
    /// There was nothing to verify against.
    Nothing,
}

#[cfg(test)]
mod tests {
    use jeton_domain::time::Timestamp;

    use super::*;
    use crate::file::{FilePaths, FileRealm};
    use crate::reserved::{ReservedNames, ReservedRealm};
    use crate::testing::{World, attempt, cache, hashed, realm_ref};

    #[tokio::test]
    async fn nothing_that_holds_a_password_or_a_hash_prints_it() {
        let world = World::new().await;
        let directory = tempfile::tempdir().unwrap();
        let users = directory.path().join("users");
        let hash = hashed("hidden-password");
        std::fs::write(&users, format!("ann:hidden-password\nbob:{hash}\n")).unwrap();
        let paths = FilePaths { users, users_roles: directory.path().join("none") };
        let (names, hasher) = (ReservedNames::default(), world.hasher.clone());
        let realm = realm_ref("file", "default_file");
        let file = FileRealm::new(realm, paths, names.clone(), hasher.clone(), cache());
        assert!(file.reload_if_changed(Timestamp::from_ms(0)));
        let bootstrap = Some(Secret::from("hidden-password"));
        let store = Arc::clone(&world.store);
        let reserved = ReservedRealm::new(store, hasher, cache(), names, bootstrap);
        let attempt = attempt("ann", "hidden-password");
        let outcome = file.authenticate(&attempt).await.unwrap();
        let text = format!("{file:?} {reserved:?} {attempt:?} {outcome:?}");
        assert!(text.contains("ann") && text.contains("StoredHash(bcrypt)"), "{text}");
        assert!(!text.contains("hidden") && !text.contains("$2a$"), "{text}");
    }
}
