//! The native realm: users made through the API and kept in the store.
//!
//! Owns how their records are read and judged. Must not know how records are written.

use std::sync::Arc;

use jeton_domain::name::Username;
use jeton_domain::subject::RealmRef;
use jeton_store::store::Store;
use jeton_store::tables::users::UserKind;

use crate::cache::CredentialCache;
use crate::error::RealmError;
use crate::password::PasswordHasher;
use crate::realm::{Attempt, Effort, Outcome, Pending, Realm, Vouched};
use crate::record::{Record, Records, user_of};

/// The realm of kind `native`.
#[derive(Debug)]
pub struct NativeRealm {
    realm: RealmRef,
    records: Records,
}

impl NativeRealm {
    /// The realm under the name by which it is configured.
    pub fn new(
        realm: RealmRef,
        store: Arc<Store>,
        hasher: PasswordHasher,
        cache: CredentialCache,
    ) -> Self {
        Self { realm, records: Records::new(UserKind::Native, store, hasher, cache) }
    }

    async fn judge(&self, attempt: &Attempt) -> Result<Outcome, RealmError> {
        let Some(record) = self.records.read(&attempt.username).await? else {
            return Ok(Outcome::Continue(Effort::Nothing));
        };
        Ok(match self.records.verify(&record, attempt).await? {
            Some(true) => Outcome::Success(Box::new(self.vouched(record))),
            Some(false) => Outcome::Continue(Effort::Verified),
            None => Outcome::Continue(Effort::Nothing),
        })
    }

    fn vouched(&self, record: Record) -> Vouched {
        let evidence = Some(record.evidence());
        Vouched { user: user_of(record.user), realm: self.realm.clone(), evidence }
    }
}

impl Realm for NativeRealm {
    fn realm(&self) -> &RealmRef {
        &self.realm
    }

    fn authenticate<'a>(&'a self, attempt: &'a Attempt) -> Pending<'a, Outcome> {
        Box::pin(self.judge(attempt))
    }

    fn look_up<'a>(&'a self, username: &'a Username) -> Pending<'a, Option<Vouched>> {
        Box::pin(async {
            let record = self.records.read(username).await?;
            Ok(record.map(|record| self.vouched(record)))
        })
    }

    fn forget_user(&self, username: &Username) {
        self.records.cache().evict(username);
    }

    fn forget_all(&self) {
        self.records.cache().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, attempt, cache, realm_ref};

    fn realm(world: &World) -> NativeRealm {
        let realm = realm_ref("native", "default_native");
        NativeRealm::new(realm, Arc::clone(&world.store), world.hasher.clone(), cache())
    }

    async fn vouched(realm: &NativeRealm, name: &str, password: &str) -> Option<Vouched> {
        match realm.authenticate(&attempt(name, password)).await.unwrap() {
            Outcome::Success(vouched) => Some(*vouched),
            Outcome::Continue(_) => None,
            Outcome::Terminate(_) => panic!("the native realm leaves names to others"),
        }
    }

    #[tokio::test]
    async fn the_right_password_is_vouched_for_with_the_row_that_says_so() {
        let world = World::new().await;
        world.put(UserKind::Native, "ann", Some("right-password"), true).await;
        let realm = realm(&world);
        let noted = world.store.tick();
        let ann = vouched(&realm, "ann", "right-password").await.unwrap();
        assert_eq!(ann.realm.name.as_str(), "default_native");
        assert_eq!(ann.user.full_name.as_deref(), Some("The ann"));
        assert!(world.still_holds(noted, ann.evidence.unwrap()).await);
        assert!(vouched(&realm, "ann", "wrong-password").await.is_none());
        assert!(vouched(&realm, "bob", "right-password").await.is_none());
    }

    #[tokio::test]
    async fn evidence_falls_when_the_record_changes_even_when_it_came_from_memory() {
        let world = World::new().await;
        world.put(UserKind::Native, "ann", Some("right-password"), true).await;
        let realm = realm(&world);
        vouched(&realm, "ann", "right-password").await.unwrap();
        let noted = world.store.tick();
        let ann = vouched(&realm, "ann", "right-password").await.unwrap();
        world.put(UserKind::Native, "ann", Some("right-password"), false).await;
        assert!(!world.still_holds(noted, ann.evidence.unwrap()).await);
    }

    #[tokio::test]
    async fn a_changed_password_is_noticed_at_once() {
        let world = World::new().await;
        world.put(UserKind::Native, "ann", Some("first-password"), true).await;
        let realm = realm(&world);
        assert!(vouched(&realm, "ann", "first-password").await.is_some());
        world.put(UserKind::Native, "ann", Some("second-password"), true).await;
        assert!(vouched(&realm, "ann", "first-password").await.is_none());
        assert!(vouched(&realm, "ann", "second-password").await.is_some());
    }

    #[tokio::test]
    async fn a_disabled_user_is_vouched_for_as_disabled() {
        let world = World::new().await;
        world.put(UserKind::Native, "ann", Some("right-password"), false).await;
        let realm = realm(&world);
        assert!(!vouched(&realm, "ann", "right-password").await.unwrap().user.enabled);
        assert!(vouched(&realm, "ann", "wrong-password").await.is_none());
    }

    #[tokio::test]
    async fn a_record_without_a_password_never_authenticates() {
        let world = World::new().await;
        world.put(UserKind::Native, "ann", None, true).await;
        let realm = realm(&world);
        assert!(vouched(&realm, "ann", "").await.is_none());
        let ann = realm.look_up(&Username::new("ann")).await.unwrap().unwrap();
        assert!(ann.user.enabled);
    }

    #[tokio::test]
    async fn a_store_that_does_not_answer_is_no_refusal() {
        let world = World::new().await;
        let realm = realm(&world);
        world.store.close().await.unwrap();
        let outcome = realm.authenticate(&attempt("ann", "right-password")).await;
        assert!(matches!(outcome, Err(RealmError::Store(_))));
    }
}
