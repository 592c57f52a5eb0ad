//! Tests of the chain with real realms, and with one that counts how often it is asked.

use std::sync::atomic::{AtomicU32, Ordering};

use jeton_domain::subject::RealmRef;
use jeton_domain::user::User;
use jeton_domain::value::Map;
use jeton_store::tables::users::UserKind;

use super::*;
use crate::file::{FilePaths, FileRealm};
use crate::native::NativeRealm;
use crate::realm::Pending;
use crate::reserved::{ReservedNames, ReservedRealm};
use crate::testing::{World, attempt, cache, realm_ref};

/// A realm that knows one user with one password.
#[derive(Debug)]
struct Fake {
    realm: RealmRef,
    username: &'static str,
    password: &'static str,
    asked: AtomicU32,
}

impl Fake {
    fn new(name: &str, username: &'static str, password: &'static str) -> Arc<Self> {
        let asked = AtomicU32::new(0);
        Arc::new(Self { realm: realm_ref("fake", name), username, password, asked })
    }

    fn asked(&self) -> u32 {
        self.asked.swap(0, Ordering::Relaxed)
    }

    fn user(&self) -> Box<Vouched> {
        let user = User {
            username: Username::new(self.username),
            roles: Vec::new(),
            full_name: None,
            email: None,
            metadata: Map::new(),
            enabled: true,
        };
        Box::new(Vouched { user, realm: self.realm.clone(), evidence: None })
    }
}

impl Realm for Fake {
    fn realm(&self) -> &RealmRef {
        &self.realm
    }

    fn authenticate<'a>(&'a self, attempt: &'a Attempt) -> Pending<'a, Outcome> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let is_right = attempt.username.as_str() == self.username
            && attempt.password.expose() == self.password.as_bytes();
        let outcome = if is_right {
            Outcome::Success(self.user())
        } else {
            Outcome::Continue(Effort::Nothing)
        };
        Box::pin(std::future::ready(Ok(outcome)))
    }

    fn look_up<'a>(&'a self, username: &'a Username) -> Pending<'a, Option<Vouched>> {
        let found = (username.as_str() == self.username).then(|| *self.user());
        Box::pin(std::future::ready(Ok(found)))
    }

    fn forget_user(&self, _: &Username) {}

    fn forget_all(&self) {}
}

fn link(realm: Arc<dyn Realm>) -> Link {
    Link { realm, duty: Duty::Everything }
}

fn native(world: &World) -> Link {
    let realm = realm_ref("native", "default_native");
    let store = Arc::clone(&world.store);
    link(Arc::new(NativeRealm::new(realm, store, world.hasher.clone(), cache())))
}

fn reserved(world: &World) -> Link {
    let store = Arc::clone(&world.store);
    let names = ReservedNames::new(true, None);
    let realm = ReservedRealm::new(store, world.hasher.clone(), cache(), names, None);
    Link { realm: Arc::new(realm), duty: Duty::First }
}

fn file(world: &World, users: &str) -> Link {
    let directory = tempfile::tempdir().unwrap();
    let paths = FilePaths {
        users: directory.path().join("users"),
        users_roles: directory.path().join("users_roles"),
    };
    std::fs::write(&paths.users, users).unwrap();
    let realm = realm_ref("file", "default_file");
    let names = ReservedNames::new(true, None);
    let realm = FileRealm::new(realm, paths, names, world.hasher.clone(), cache());
    assert!(realm.reload_if_changed(jeton_domain::time::Timestamp::from_ms(0)));
    link(Arc::new(realm))
}

fn chain(world: &World, links: Vec<Link>) -> Chain {
    Chain::new(links, world.hasher.clone(), SuccessLimits::default())
}

/// The name of the realm that vouches.
async fn voucher(chain: &Chain, name: &str, password: &str) -> Option<String> {
    let vouched = chain.authenticate(&attempt(name, password)).await.unwrap();
    vouched.map(|vouched| vouched.realm.name.to_string())
}

/// Identity case 75.
#[tokio::test]
async fn the_same_name_logs_in_to_each_realm_with_its_own_password() {
    let world = World::new().await;
    world.put(UserKind::Native, "ann", Some("native-password"), true).await;
    let links = vec![reserved(&world), file(&world, "ann:file-password"), native(&world)];
    let chain = chain(&world, links);
    for _ in 0..2 {
        let by_native = voucher(&chain, "ann", "native-password").await;
        assert_eq!(by_native.as_deref(), Some("default_native"));
        let by_file = voucher(&chain, "ann", "file-password").await;
        assert_eq!(by_file.as_deref(), Some("default_file"));
        assert_eq!(voucher(&chain, "ann", "wrong-password").await, None);
    }
}

/// Identity case 76.
#[tokio::test]
async fn a_refusal_of_a_reserved_name_ends_the_chain() {
    let world = World::new().await;
    world.put(UserKind::Reserved, "elastic", Some("right-password"), true).await;
    let fake = Fake::new("fake", "elastic", "fake-password");
    let chain = chain(&world, vec![reserved(&world), link(Arc::<Fake>::clone(&fake))]);
    assert_eq!(voucher(&chain, "elastic", "fake-password").await, None);
    assert_eq!(voucher(&chain, "kibana_system", "fake-password").await, None);
    assert_eq!(fake.asked(), 0);
    assert_eq!(voucher(&chain, "elastic", "right-password").await.as_deref(), Some("reserved"));
    assert_eq!(fake.asked(), 0);
}

/// Identity case 79. The store still has the user, and no realm asks it.
#[tokio::test]
async fn without_the_native_realm_its_users_cannot_log_in() {
    let world = World::new().await;
    world.put(UserKind::Native, "ann", Some("native-password"), true).await;
    let chain = chain(&world, vec![reserved(&world), file(&world, "")]);
    assert_eq!(voucher(&chain, "ann", "native-password").await, None);
}

/// Identity case 21.
#[tokio::test]
async fn a_disabled_user_with_the_right_password_ends_the_chain_with_a_refusal() {
    let world = World::new().await;
    world.put(UserKind::Native, "ann", Some("same-password"), false).await;
    let fake = Fake::new("fake", "ann", "same-password");
    let chain = chain(&world, vec![native(&world), link(Arc::<Fake>::clone(&fake))]);
    assert_eq!(voucher(&chain, "ann", "same-password").await, None);
    assert_eq!(fake.asked(), 0);
}

#[tokio::test]
async fn the_realm_that_vouched_last_is_asked_first() {
    let world = World::new().await;
    let one = Fake::new("one", "bob", "password");
    let two = Fake::new("two", "ann", "password");
    let links = vec![link(Arc::<Fake>::clone(&one)), link(Arc::<Fake>::clone(&two))];
    let chain = chain(&world, links);
    assert_eq!(voucher(&chain, "ann", "password").await.as_deref(), Some("two"));
    assert_eq!((one.asked(), two.asked()), (1, 1));
    assert_eq!(voucher(&chain, "ann", "password").await.as_deref(), Some("two"));
    assert_eq!((one.asked(), two.asked()), (0, 1));
    assert_eq!(voucher(&chain, "ann", "wrong").await, None);
    assert_eq!((one.asked(), two.asked()), (1, 1));
    assert!(chain.forget(Some("one"), None));
    assert_eq!(voucher(&chain, "ann", "password").await.as_deref(), Some("two"));
    assert_eq!((one.asked(), two.asked()), (1, 1));
    let mut late = attempt("ann", "password");
    late.now = BootTime::from_ms(60 * 60 * 1000);
    assert!(chain.authenticate(&late).await.unwrap().is_some());
    assert_eq!((one.asked(), two.asked()), (1, 1));
}

#[tokio::test]
async fn a_realm_for_look_ups_alone_judges_no_password() {
    let world = World::new().await;
    let fake = Fake::new("fake", "ann", "password");
    let only = Link { realm: Arc::<Fake>::clone(&fake), duty: Duty::LookUp };
    let chain = chain(&world, vec![only]);
    assert_eq!(voucher(&chain, "ann", "password").await, None);
    let found = chain.look_up(&Username::new("ann")).await.unwrap().unwrap();
    assert_eq!(found.realm.name.as_str(), "fake");
    assert!(chain.look_up(&Username::new("bob")).await.unwrap().is_none());
}

#[tokio::test]
async fn names_and_passwords_beyond_all_bounds_are_refused_unasked() {
    let world = World::new().await;
    let fake = Fake::new("fake", "ann", "password");
    let chain = chain(&world, vec![link(Arc::<Fake>::clone(&fake))]);
    let long = "x".repeat(NAME_CHARS_MAX + 1);
    assert_eq!(voucher(&chain, &long, "password").await, None);
    assert!(chain.look_up(&Username::new(&long)).await.unwrap().is_none());
    let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
    assert_eq!(voucher(&chain, "ann", &long).await, None);
    assert_eq!(fake.asked(), 0);
}

#[tokio::test]
async fn a_realm_that_cannot_decide_is_no_refusal() {
    let world = World::new().await;
    let chain = chain(&world, vec![native(&world)]);
    world.store.close().await.unwrap();
    let outcome = chain.authenticate(&attempt("ann", "password")).await;
    assert!(matches!(outcome, Err(RealmError::Store(_))));
}

#[tokio::test]
async fn realms_to_forget_are_known_by_name() {
    let world = World::new().await;
    let chain = chain(&world, vec![reserved(&world), native(&world)]);
    assert!(chain.forget(None, None));
    assert!(chain.forget(Some("default_native"), Some(&[Username::new("ann")])));
    assert!(!chain.forget(Some("ldap1"), None));
    chain.forget_user(&Username::new("ann"));
    let names: Vec<_> = chain.realms().map(|realm| realm.realm().name.to_string()).collect();
    assert_eq!(names, ["reserved", "default_native"]);
}
