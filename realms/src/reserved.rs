//! The reserved realm: the users that every store knows from the start.
//!
//! Owns how they log in before and after a password of theirs is stored, and which names are
//! kept from all other realms. Must not know how records are written or where `elastic`'s first
//! password comes from.

use std::fmt;
use std::sync::Arc;

use jeton_domain::name::{RealmName, RoleName, Username};
use jeton_domain::secret::Secret;
use jeton_domain::subject::RealmRef;
use jeton_domain::time::Entropy;
use jeton_domain::user::{ReservedUser, User, reserved_user};
use jeton_domain::value::{Map, Value};
use jeton_store::store::Store;
use jeton_store::tables::users::{UserKind, UserRecord};

use crate::cache::CredentialCache;
use crate::error::RealmError;
use crate::password::PasswordHasher;
use crate::realm::{Attempt, Effort, Evidence, Outcome, Pending, Realm, Vouched};
use crate::record::Records;

/// The name of the user whose first password is not empty.
pub const ELASTIC: &str = "elastic";

/// The realm of kind `reserved`. It ends the chain for each of its names.
pub struct ReservedRealm {
    realm: RealmRef,
    records: Records,
    names: ReservedNames,
    bootstrap: Option<Secret>,
}

impl ReservedRealm {
    /// The realm, where `elastic` has the bootstrap password as long as no record of it is stored.
    pub fn new(
        store: Arc<Store>,
        hasher: PasswordHasher,
        cache: CredentialCache,
        names: ReservedNames,
        bootstrap: Option<Secret>,
    ) -> Self {
        let realm = RealmRef { name: RealmName::new(NAME), kind: NAME.to_owned(), domain: None };
        let records = Records::new(UserKind::Reserved, store, hasher, cache);
        let bootstrap = bootstrap.filter(|password| !password.is_empty());
        Self { realm, records, names, bootstrap }
    }

    async fn judge(&self, attempt: &Attempt) -> Result<Outcome, RealmError> {
        let Some(known) = reserved_user(attempt.username.as_str()) else {
            // The anonymous user has no password, and nobody else may have its name.
            let is_reserved = self.names.contains(attempt.username.as_str());
            let outcome = if is_reserved { Outcome::Terminate } else { Outcome::Continue };
            return Ok(outcome(Effort::Nothing));
        };
        let Some(record) = self.records.read(&attempt.username).await? else {
            if !self.is_bootstrap(known, &attempt.password) {
                return Ok(Outcome::Terminate(Effort::Nothing));
            }
            let evidence = self.records.evidence_of_absence(&attempt.username);
            return Ok(self.success(user_of(known, true), evidence));
        };
        Ok(match self.records.verify(&record, attempt).await? {
            Some(true) => self.success(user_of(known, record.user.enabled), record.evidence()),
            Some(false) => Outcome::Terminate(Effort::Verified),
            None => Outcome::Terminate(Effort::Nothing),
        })
    }

    async fn find(&self, username: &Username) -> Result<Option<Vouched>, RealmError> {
        let Some(known) = reserved_user(username.as_str()) else { return Ok(None) };
        let (enabled, evidence) = match self.records.read(username).await? {
            Some(record) => (record.user.enabled, record.evidence()),
            None => (true, self.records.evidence_of_absence(username)),
        };
        let realm = self.realm.clone();
        Ok(Some(Vouched { user: user_of(known, enabled), realm, evidence: Some(evidence) }))
    }

    fn is_bootstrap(&self, known: &ReservedUser, password: &Secret) -> bool {
        let bootstrap = self.bootstrap.as_ref().filter(|_| known.name == ELASTIC);
        bootstrap.is_some_and(|right| right.is_same(password))
    }

    fn success(&self, user: User, evidence: Evidence) -> Outcome {
        let realm = self.realm.clone();
        Outcome::Success(Box::new(Vouched { user, realm, evidence: Some(evidence) }))
    }
}

impl fmt::Debug for ReservedRealm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ReservedRealm").finish_non_exhaustive()
    }
}

impl Realm for ReservedRealm {
    fn realm(&self) -> &RealmRef {
        &self.realm
    }

    fn authenticate<'a>(&'a self, attempt: &'a Attempt) -> Pending<'a, Outcome> {
        Box::pin(self.judge(attempt))
    }

    fn look_up<'a>(&'a self, username: &'a Username) -> Pending<'a, Option<Vouched>> {
        Box::pin(self.find(username))
    }

    fn forget_user(&self, username: &Username) {
        self.records.cache().evict(username);
    }

    fn forget_all(&self) {
        self.records.cache().clear();
    }
}

/// The names that no other realm may answer for.
#[derive(Clone, Debug, Default)]
pub struct ReservedNames {
    has_built_in: bool,
    anonymous: Option<Username>,
}

impl ReservedNames {
    /// The built-in users' names where their realm is on, and the names of the anonymous user
    /// where anonymous access is on.
    pub fn new(reserved_realm_is_on: bool, anonymous: Option<Username>) -> Self {
        Self { has_built_in: reserved_realm_is_on, anonymous }
    }

    /// Whether the name is one of them.
    pub fn contains(&self, name: &str) -> bool {
        let is_built_in = self.has_built_in && reserved_user(name).is_some();
        is_built_in || self.is_anonymous(name)
    }

    /// Whether the name is kept for the anonymous user.
    pub fn is_anonymous(&self, name: &str) -> bool {
        let anonymous = self.anonymous.as_ref();
        anonymous.is_some_and(|anonymous| name == anonymous.as_str() || name == ANONYMOUS)
    }
}

/// The user that a built-in name stands for, with its fixed roles and metadata.
pub fn user_of(known: &ReservedUser, enabled: bool) -> User {
    User {
        username: Username::new(known.name),
        roles: roles_of(known),
        full_name: None,
        email: None,
        metadata: metadata_of(known),
        enabled,
    }
}

/// The record that stores a built-in user's password: what the first start writes for `elastic`
/// when its password was generated, and what a change of password writes where there is none.
pub fn record_of(known: &ReservedUser, password_hash: String) -> UserRecord {
    UserRecord {
        username: Username::new(known.name),
        password_hash: Some(password_hash),
        roles: roles_of(known),
        full_name: None,
        email: None,
        metadata: metadata_of(known),
        enabled: true,
    }
}

/// A password that nobody guesses and everybody can read aloud: 120 random bits.
pub fn generate_password(entropy: &dyn Entropy) -> Secret {
    let mut random = [0; PASSWORD_CHARS];
    entropy.fill(&mut random);
    let characters = random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31)));
    Secret::from_bytes(characters.copied().collect())
}

fn roles_of(known: &ReservedUser) -> Vec<RoleName> {
    known.roles.iter().map(|role| RoleName::new(role)).collect()
}

fn metadata_of(known: &ReservedUser) -> Map {
    let mut metadata = Map::new();
    if let Some(reason) = known.deprecated {
        metadata.set("_deprecated".to_owned(), Value::Bool(true));
        metadata.set("_deprecated_reason".to_owned(), Value::Text(reason.to_owned()));
    }
    metadata.set("_reserved".to_owned(), Value::Bool(true));
    metadata
}

/// Name and kind of the realm.
const NAME: &str = "reserved";

/// The anonymous user's own name, reserved whatever name is configured.
const ANONYMOUS: &str = "_anonymous";

/// Characters of a generated password, five bits each.
const PASSWORD_CHARS: usize = 24;

/// Lower-case letters and digits without those that are taken for others.
const ALPHABET: [u8; 32] = *b"0123456789abcdefghjkmnpqrstvwxyz";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, attempt, cache};

    fn realm(world: &World, bootstrap: Option<&str>) -> ReservedRealm {
        let store = Arc::clone(&world.store);
        let names = ReservedNames::new(true, Some(Username::new("guest")));
        let bootstrap = bootstrap.map(Secret::from);
        ReservedRealm::new(store, world.hasher.clone(), cache(), names, bootstrap)
    }

    /// What comes of an attempt on a reserved name: it is never left to another realm.
    async fn vouched(realm: &ReservedRealm, name: &str, password: &str) -> Option<Vouched> {
        match realm.authenticate(&attempt(name, password)).await.unwrap() {
            Outcome::Success(vouched) => Some(*vouched),
            Outcome::Terminate(_) => None,
            Outcome::Continue(_) => panic!("{name} is left to other realms"),
        }
    }

    #[tokio::test]
    async fn the_bootstrap_password_is_elastics_until_a_record_is_stored() {
        let world = World::new().await;
        let realm = realm(&world, Some("bootstrap"));
        let noted = world.store.tick();
        let elastic = vouched(&realm, ELASTIC, "bootstrap").await.unwrap();
        assert_eq!(elastic.user.roles, [RoleName::new("superuser")]);
        assert_eq!(elastic.realm.kind, "reserved");
        assert!(world.still_holds(noted, elastic.evidence.clone().unwrap()).await);
        world.put(UserKind::Reserved, ELASTIC, Some("another"), true).await;
        assert!(!world.still_holds(noted, elastic.evidence.unwrap()).await);
        assert!(vouched(&realm, ELASTIC, "bootstrap").await.is_none());
        assert!(vouched(&realm, ELASTIC, "another").await.is_some());
    }

    #[tokio::test]
    async fn the_bootstrap_password_is_nobody_elses_and_never_empty() {
        let world = World::new().await;
        let with_password = realm(&world, Some("bootstrap"));
        assert!(vouched(&with_password, "kibana_system", "bootstrap").await.is_none());
        assert!(vouched(&with_password, ELASTIC, "bootstraP").await.is_none());
        for bootstrap in [None, Some("")] {
            assert!(vouched(&realm(&world, bootstrap), ELASTIC, "").await.is_none());
        }
    }

    /// Identity case 31. What "disable" stores where nothing was stored.
    #[tokio::test]
    async fn a_record_without_a_password_switches_the_bootstrap_password_off() {
        let world = World::new().await;
        world.put(UserKind::Reserved, ELASTIC, None, true).await;
        assert!(vouched(&realm(&world, Some("bootstrap")), ELASTIC, "bootstrap").await.is_none());
    }

    /// Identity case 82. A generated password is stored from the first start on.
    #[tokio::test]
    async fn a_generated_password_is_a_stored_record() {
        let generated = generate_password(&Counter);
        let text = crate::testing::hashed(str::from_utf8(generated.expose()).unwrap());
        let record = record_of(reserved_user(ELASTIC).unwrap(), text);
        assert!(record.enabled);
        assert_eq!(record.roles, [RoleName::new("superuser")]);
        let hash = crate::password::StoredHash::parse(&record.password_hash.unwrap()).unwrap();
        assert!(hash.may_be_stored());
        assert_eq!(hash.verify(generated.expose()), Ok(true));
    }

    #[tokio::test]
    async fn roles_and_metadata_are_fixed_whatever_the_record_says() {
        let world = World::new().await;
        world.put(UserKind::Reserved, "kibana", Some("right-password"), true).await;
        let realm = realm(&world, None);
        let kibana = vouched(&realm, "kibana", "right-password").await.unwrap().user;
        assert_eq!(kibana.roles, [RoleName::new("kibana_system")]);
        assert_eq!(kibana.full_name, None);
        let names: Vec<_> = kibana.metadata.members().map(|(name, _)| name).collect();
        assert_eq!(names, ["_deprecated", "_deprecated_reason", "_reserved"]);
    }

    #[tokio::test]
    async fn nobody_logs_in_under_the_name_of_the_anonymous_user() {
        let world = World::new().await;
        assert!(vouched(&realm(&world, None), "guest", "").await.is_none());
        assert!(vouched(&realm(&world, None), "_anonymous", "password").await.is_none());
    }

    #[tokio::test]
    async fn other_names_are_left_to_other_realms() {
        let world = World::new().await;
        let outcome = realm(&world, None).authenticate(&attempt("ann", "password")).await;
        assert!(matches!(outcome, Ok(Outcome::Continue(Effort::Nothing))));
    }

    #[tokio::test]
    async fn a_reserved_user_is_found_without_a_record() {
        let world = World::new().await;
        let realm = realm(&world, None);
        let found = realm.look_up(&Username::new("apm_system")).await.unwrap().unwrap();
        assert!(found.user.enabled);
        world.put(UserKind::Reserved, "apm_system", None, false).await;
        let found = realm.look_up(&Username::new("apm_system")).await.unwrap().unwrap();
        assert!(!found.user.enabled);
        assert!(realm.look_up(&Username::new("ann")).await.unwrap().is_none());
    }

    #[test]
    fn names_are_reserved_as_far_as_their_owners_are_on() {
        let anonymous = Some(Username::new("guest"));
        let all = ReservedNames::new(true, anonymous.clone());
        assert!(["elastic", "kibana", "guest", "_anonymous"].iter().all(|name| all.contains(name)));
        assert!(!all.contains("ann"));
        assert!(all.is_anonymous("guest") && all.is_anonymous("_anonymous"));
        assert!(!all.is_anonymous("elastic"));
        assert!(!ReservedNames::new(false, anonymous).contains("elastic"));
        assert!(!ReservedNames::new(true, None).contains("_anonymous"));
    }

    #[test]
    fn a_generated_password_uses_every_random_byte() {
        let password = generate_password(&Counter);
        assert_eq!(password.expose(), b"0123456789abcdefghjkmnpq");
    }

    #[derive(Debug)]
    struct Counter;

    impl Entropy for Counter {
        fn fill(&self, bytes: &mut [u8]) {
            for (byte, count) in bytes.iter_mut().zip(0..) {
                *byte = count;
            }
        }
    }
}
