//! A realm that vouches without hashing: a user's password is `name@realm`.
//!
//! Owns who is in it: the native users of a store, or a fixed list. Real realms have tests of their
//! own; here, one that answers at once leaves nothing in a history but calls of the engine.

use std::sync::Arc;

use jeton_domain::name::{RealmName, RoleName, Username};
use jeton_domain::subject::RealmRef;
use jeton_domain::user::User;
use jeton_domain::value::Map;
use jeton_realms::error::RealmError;
use jeton_realms::realm::{Attempt, Effort, Evidence, Outcome, Pending, Realm, Vouched};
use jeton_store::store::Store;
use jeton_store::tables::users::{self, UserKind};

/// The realm.
#[derive(Debug)]
pub struct Vouching {
    realm: RealmRef,
    people: People,
}

#[derive(Debug)]
enum People {
    Stored(Arc<Store>),
    Listed(&'static [&'static str]),
}

/// The password of a user in a realm of this kind.
pub fn password_of(username: &str, realm: &str) -> String {
    format!("{username}@{realm}")
}

impl Vouching {
    /// The native users of this store.
    pub fn native(name: &str, store: Arc<Store>) -> Self {
        Self { realm: realm_ref(name, "native"), people: People::Stored(store) }
    }

    /// These users, whom no row of the store vouches for.
    pub fn listed(name: &str, usernames: &'static [&'static str]) -> Self {
        Self { realm: realm_ref(name, "file"), people: People::Listed(usernames) }
    }

    async fn find(&self, username: &Username) -> Result<Option<Vouched>, RealmError> {
        let (enabled, evidence) = match &self.people {
            People::Listed(names) if names.contains(&username.as_str()) => (true, None),
            People::Listed(_) => return Ok(None),
            People::Stored(store) => {
                let key = users::key(UserKind::Native, username.as_str());
                let Some(row) = store.row(&key).await? else { return Ok(None) };
                let evidence = Evidence { key, version: Some(row.version) };
                (users::decode(&row)?.enabled, Some(evidence))
            }
        };
        let user = User {
            username: username.clone(),
            roles: vec![RoleName::new("superuser")],
            full_name: None,
            email: None,
            metadata: Map::new(),
            enabled,
        };
        Ok(Some(Vouched { user, realm: self.realm.clone(), evidence }))
    }

    async fn judge(&self, attempt: &Attempt) -> Result<Outcome, RealmError> {
        let right = password_of(attempt.username.as_str(), self.realm.name.as_str());
        let is_right = attempt.password.expose() == right.as_bytes();
        Ok(match self.find(&attempt.username).await? {
            Some(vouched) if is_right => Outcome::Success(Box::new(vouched)),
            // A refusal that claims no work would be followed by real hashing.
            Some(_) | None => Outcome::Continue(Effort::Verified),
        })
    }
}

impl Realm for Vouching {
    fn realm(&self) -> &RealmRef {
        &self.realm
    }

    fn authenticate<'a>(&'a self, attempt: &'a Attempt) -> Pending<'a, Outcome> {
        Box::pin(self.judge(attempt))
    }

    fn look_up<'a>(&'a self, username: &'a Username) -> Pending<'a, Option<Vouched>> {
        Box::pin(self.find(username))
    }

    fn forget_user(&self, _: &Username) {}

    fn forget_all(&self) {}
}

fn realm_ref(name: &str, kind: &str) -> RealmRef {
    RealmRef { name: RealmName::new(name), kind: kind.to_owned(), domain: None }
}
