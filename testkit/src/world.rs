//! A whole authority in a simulated world: its clock stands still, its chance repeats, it restarts.
//!
//! Owns how the parts are put together. Realms vouch without hashing; everything else is the
//! product.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a world that cannot be built ends the test"
)]

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use jeton_authority::tokens::expire::{Expired, Marks};
use jeton_authority::tokens::keys::KeyMaterial;
use jeton_authority::users::put::{NewPassword, UserPut};
use jeton_authority::{Authority, AuthorityError, Parts, Policy, TokenPolicy};
use jeton_domain::id::KeyId;
use jeton_domain::limits::ACCESS_LIFETIME_MS_DEFAULT;
use jeton_domain::name::RoleName;
use jeton_domain::role::reserved::ReservedRoles;
use jeton_domain::secret::Secret;
use jeton_domain::time::{BootTime, Clock};
use jeton_realms::cache::{CacheLimits, CredentialCache};
use jeton_realms::chain::{Chain, Duty, Link, SuccessLimits};
use jeton_realms::password::{HashingPool, PasswordHasher, PoolLimits};
use jeton_realms::reserved::{ReservedNames, ReservedRealm};
use jeton_realms::throttle::{Throttle, ThrottleLimits};
use jeton_store::engine::Engine;
use jeton_store::engine::embedded::{Embedded, EmbeddedOptions};
use jeton_store::engine::memory::Memory;
use jeton_store::store::Store;
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::ask::{Answer, Ask, Asker, ask};
use crate::chance::SeededEntropy;
use crate::clock::StillClock;
use crate::vouching::{Vouching, password_of};

/// The realm whose users are kept in the store.
pub const NATIVE: &str = "default_native";

/// A realm whose users are listed; no row vouches for them.
pub const SAML: &str = "saml1";

/// The user who may do everything, in the realm `reserved`.
pub const ELASTIC: &str = "elastic";

/// The users of [`NATIVE`].
pub const NATIVE_USERS: [&str; 2] = ["ann", "bob"];

/// The users of [`SAML`]; one of them has a namesake in [`NATIVE`].
pub const SAML_USERS: [&str; 2] = ["ann", "eve"];

/// Where rows are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// In memory; a restart opens the same rows anew.
    Memory,
    /// In a directory, which is removed with the world.
    Directory,
}

/// How a world ends before it begins again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The store is closed.
    Orderly,
    /// It is dropped as it is.
    Sudden,
}

/// Puts something between the authority and its engine, each time the world begins.
pub type Between = Arc<dyn Fn(Arc<dyn Engine>) -> Arc<dyn Engine> + Send + Sync>;

/// Everything about a world that outlives a restart.
#[derive(Debug)]
pub struct Setting {
    /// The clock.
    pub clock: Arc<StillClock>,
    /// The source of random bytes.
    pub entropy: Arc<SeededEntropy>,
    /// Hashes nothing, as the realms vouch without it; the chain wants one.
    pub hasher: PasswordHasher,
    /// Lifetime of an access token, in milliseconds.
    pub access_lifetime_ms: i64,
    /// Whether tokens end with changes of their user.
    pub follows_user_changes: bool,
}

/// A running authority, and the ground that it stands on.
pub struct World {
    setting: Setting,
    between: Between,
    ground: Standing,
    running: Option<Running>,
}

enum Standing {
    Memory(Arc<Memory>),
    Directory(TempDir),
}

struct Running {
    authority: Arc<Authority>,
    marks: Marks,
}

impl World {
    /// A world of this seed, with its users.
    pub async fn begin(ground: Ground, seed: u64, hasher: &PasswordHasher) -> Self {
        Self::begin_with(ground, seed, hasher, Arc::new(|engine| engine)).await
    }

    /// A world of this seed with something between the authority and its engine.
    pub async fn begin_with(
        ground: Ground,
        seed: u64,
        hasher: &PasswordHasher,
        between: Between,
    ) -> Self {
        let ground = match ground {
            Ground::Memory => Standing::Memory(Arc::new(Memory::new())),
            Ground::Directory => Standing::Directory(tempfile::tempdir().expect("a directory")),
        };
        let setting = Setting::new(seed, hasher);
        let mut world = Self { setting, between, ground, running: None };
        world.open().await;
        put_users(world.authority()).await;
        world
    }

    /// The authority.
    pub fn authority(&self) -> &Arc<Authority> {
        &self.running().authority
    }

    /// The clock.
    pub const fn clock(&self) -> &Arc<StillClock> {
        &self.setting.clock
    }

    /// Everything that outlives a restart.
    pub const fn setting(&self) -> &Setting {
        &self.setting
    }

    /// Asks for something and waits for the answer.
    pub async fn ask(&self, asker: &Asker, what: &Ask) -> Answer {
        ask(self.authority(), asker, what).await
    }

    /// A round of expiry.
    pub async fn expire(&self) -> Result<Expired, AuthorityError> {
        let running = self.running();
        running.authority.expire(&running.marks).await
    }

    /// Begins again on the same rows. No request may be under way.
    pub async fn restart(&mut self, end: End) {
        let running = self.running.take().expect("a world that runs");
        // Rows in memory would be gone once closed.
        if end == End::Orderly && matches!(self.ground, Standing::Directory(_)) {
            running.authority.store().close().await.expect("the store closes");
        }
        drop(running);
        self.open().await;
    }

    /// Begins again with another lifetime of access tokens.
    pub async fn restart_with_lifetime(&mut self, end: End, access_lifetime_ms: i64) {
        self.setting.access_lifetime_ms = access_lifetime_ms;
        self.restart(end).await;
    }

    async fn open(&mut self) {
        let engine: Arc<dyn Engine> = match &self.ground {
            Standing::Memory(engine) => Arc::clone(engine) as Arc<dyn Engine>,
            Standing::Directory(directory) => {
                let options = EmbeddedOptions {
                    journal_bytes: 1 << 20,
                    memtable_bytes: 64 << 10,
                    reserve_bytes: 0,
                    boot: Some(BootTime::default),
                    ..EmbeddedOptions::new(directory.path().join("store"))
                };
                Arc::new(Embedded::open(&options).expect("the store opens"))
            }
        };
        let authority = assemble((self.between)(engine), &self.setting).await;
        self.running = Some(Running { authority, marks: Marks::default() });
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("a world that runs")
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("setting", &self.setting).finish_non_exhaustive()
    }
}

impl Setting {
    /// The setting of a world that begins.
    pub fn new(seed: u64, hasher: &PasswordHasher) -> Self {
        Self {
            clock: Arc::new(StillClock::new()),
            entropy: Arc::new(SeededEntropy::new(seed)),
            hasher: hasher.clone(),
            access_lifetime_ms: ACCESS_LIFETIME_MS_DEFAULT,
            follows_user_changes: false,
        }
    }
}

/// A hasher that as many worlds as wanted may share.
pub fn hasher() -> PasswordHasher {
    let limits = PoolLimits {
        threads: NonZeroUsize::MIN,
        reserved_threads: NonZeroUsize::MIN,
        queue_max: 1,
        reserved_queue_max: 1,
    };
    let pool = HashingPool::start(limits).expect("a pool");
    PasswordHasher::new(Arc::new(pool), "bcrypt4".parse().expect("an algorithm"))
}

/// An authority on this engine, with a signing key.
pub async fn assemble(engine: Arc<dyn Engine>, setting: &Setting) -> Arc<Authority> {
    let store = Store::open(engine, CACHE_BYTES).await.expect("the store opens");
    let reserved = ReservedNames::new(true, None);
    let policy = Policy {
        tokens: Some(TokenPolicy { access_lifetime_ms: setting.access_lifetime_ms }),
        anonymous: None,
        reserved: reserved.clone(),
        reserved_roles: ReservedRoles::default(),
        native_realm: NATIVE.to_owned(),
        follows_user_changes: setting.follows_user_changes,
    };
    let parts = Parts {
        chain: Arc::new(chain(&store, setting, reserved)),
        store,
        hasher: setting.hasher.clone(),
        throttle: Throttle::new(patient()),
        clock: Arc::clone(&setting.clock) as Arc<dyn Clock>,
        entropy: Arc::clone(&setting.entropy) as _,
        policy,
    };
    let key = KeyId::new(1);
    let material: KeyMaterial = [(key, Zeroizing::new([7; 32]))].into_iter().collect();
    let authority = Authority::open(parts, material).await.expect("the authority opens");
    if authority.keys().await.expect("the keys").is_empty() {
        authority.add_key(key).await.expect("the key is added");
        authority.activate_key(key).await.expect("the key is activated");
    }
    authority
}

/// Stores the users of [`NATIVE`].
pub async fn put_users(authority: &Authority) {
    for username in NATIVE_USERS {
        let elastic = Asker::elastic();
        let caller = authority.admit(elastic.presented()).await.expect("elastic is known");
        let put = UserPut {
            username: username.to_owned(),
            password: Some(NewPassword::Hashed(Arc::new(Secret::from(UNUSED_HASH)))),
            roles: Some(vec![RoleName::new("superuser")]),
            full_name: None,
            email: None,
            metadata: None,
            enabled: true,
        };
        authority.put_user(caller, put).await.expect("the user is put");
    }
}

fn chain(store: &Arc<Store>, setting: &Setting, names: ReservedNames) -> Chain {
    let hasher = setting.hasher.clone();
    let bootstrap = Secret::from_text(password_of(ELASTIC, "reserved"));
    let cache = CredentialCache::new(CacheLimits::default(), [3; 32]);
    let reserved =
        ReservedRealm::new(Arc::clone(store), hasher.clone(), cache, names, Some(bootstrap));
    let native = Vouching::native(NATIVE, Arc::clone(store));
    let saml = Vouching::listed(SAML, &SAML_USERS);
    let links = vec![
        Link { realm: Arc::new(reserved), duty: Duty::First },
        Link { realm: Arc::new(native), duty: Duty::Everything },
        Link { realm: Arc::new(saml), duty: Duty::Everything },
    ];
    Chain::new(links, hasher, SuccessLimits { names_max: 0, ..SuccessLimits::default() })
}

/// Limits that nobody reaches: the clock stands still, so a delay would never end.
fn patient() -> ThrottleLimits {
    ThrottleLimits {
        free_failures: u32::MAX,
        unresolved_max: u32::MAX,
        address_failures_max: u32::MAX,
        ..ThrottleLimits::default()
    }
}

/// Room for every pair of a test.
const CACHE_BYTES: u64 = 4 << 20;

/// The form of a hash; no realm here looks at it.
pub(crate) const UNUSED_HASH: &str = "$2a$04$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
