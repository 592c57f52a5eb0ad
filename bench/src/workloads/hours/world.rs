//! A whole authority under a clock that the simulation moves.
//!
//! Owns how the parts are put together: the embedded engine as a server opens it, the rule for
//! `now` over simulated readings, and realms that vouch at once, since no hashing is measured here.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jeton_authority::tokens::keys::KeyMaterial;
use jeton_authority::{Authority, Credentials, Parts, Policy, Presented, TokenPolicy, Urgency};
use jeton_domain::id::{KeyId, PairId};
use jeton_domain::limits::ACCESS_LIFETIME_MS_DEFAULT;
use jeton_domain::name::{RealmName, RoleName, Username};
use jeton_domain::role::reserved::ReservedRoles;
use jeton_domain::secret::Secret;
use jeton_domain::subject::RealmRef;
use jeton_domain::time::{BootTime, Clock, Entropy, Reading, SteadyClock, Timestamp};
use jeton_domain::token::key::{KEY_BYTES, KeyRing, KeyState, MacKey};
use jeton_domain::token::text::{self, Half};
use jeton_domain::user::User;
use jeton_domain::value::Map;
use jeton_realms::chain::{Chain, Duty, Link, SuccessLimits};
use jeton_realms::password::{HashingPool, PasswordHasher, PoolLimits};
use jeton_realms::realm::{Attempt, Effort, Outcome as Judged, Pending, Realm, Vouched};
use jeton_realms::reserved::ReservedNames;
use jeton_realms::throttle::{Throttle, ThrottleLimits};
use jeton_store::engine::embedded::{Embedded, EmbeddedOptions};
use jeton_store::store::Store;
use zeroize::Zeroizing;

use crate::chance::Chance;
use crate::clock;
use crate::error::{BenchError, Outcome, Trying};

/// A user of a realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Person {
    /// The place of the realm among [`REALMS`].
    pub(super) realm: u8,
    /// The number of the user in it.
    pub(super) number: u16,
}

impl Person {
    /// The name, which is the password too.
    pub(super) fn username(self) -> String {
        format!("{}-{:05}", self.realm_name(), self.number)
    }

    /// The name of the realm.
    pub(super) fn realm_name(self) -> &'static str {
        REALMS.get(usize::from(self.realm)).copied().unwrap_or("nowhere")
    }
}

/// An authority, its clock, and what prints tokens.
#[derive(Debug)]
pub(super) struct World {
    /// The product.
    pub(super) authority: Arc<Authority>,
    /// Its clock.
    pub(super) clock: Arc<SimulatedClock>,
    key: MacKey,
    ring: KeyRing,
}

impl World {
    /// An authority on a new store.
    pub(super) async fn begin(store: &Path, cache_bytes: u64) -> Outcome<Self> {
        let options = EmbeddedOptions { boot: Some(clock::boot), ..EmbeddedOptions::new(store) };
        let engine = Arc::new(Embedded::open(&options)?);
        let store = Store::open(engine, cache_bytes).await?;
        let clock = Arc::new(SimulatedClock::start()?);
        let parts = parts(store, Arc::clone(&clock))?;
        let id = KeyId::new(1);
        let material: KeyMaterial = [(id, Zeroizing::new(HALF_OF_KEY))].into_iter().collect();
        let authority = Authority::open(parts, material).await.map_err(refused("open"))?;
        let record = authority.add_key(id).await.map_err(refused("add a key"))?;
        authority.activate_key(id).await.map_err(refused("activate a key"))?;
        let key = MacKey::derive(id, &HALF_OF_KEY, &record.salt);
        let ring = KeyRing::new([(key.clone(), KeyState::Active)], Vec::new());
        Ok(Self { authority, clock, key, ring })
    }

    /// The text of one half of a pair.
    pub(super) fn text(&self, half: Half, id: PairId) -> Secret {
        text::print(half, id, &self.key)
    }

    /// The pair of an access token.
    pub(super) fn pair(&self, access: &Secret) -> Outcome<PairId> {
        let parsed = text::parse(Half::Access, access.expose(), &self.ring);
        parsed.map(|(id, _)| id).map_err(refused("parse a token"))
    }
}

/// What the client that asks for tokens presents.
pub(super) fn gateway() -> Presented {
    Presented {
        credentials: Credentials::Password {
            username: Username::new(GATEWAY),
            password: Arc::new(Secret::from(GATEWAY)),
        },
        run_as: None,
        address: None,
        urgency: Urgency::Ordinary,
    }
}

/// Says what was tried when the product refuses what it must not.
pub(super) fn refused<E: core::fmt::Display>(what: &str) -> impl FnOnce(E) -> BenchError {
    move |error| BenchError::Answer(format!("{what}: {error}"))
}

fn parts(store: Arc<Store>, clock: Arc<SimulatedClock>) -> Outcome<Parts> {
    let pool = HashingPool::start(PoolLimits {
        threads: NonZeroUsize::MIN,
        reserved_threads: NonZeroUsize::MIN,
        queue_max: 1,
        reserved_queue_max: 1,
    });
    let pool = Arc::new(pool.trying(|| "cannot start threads that hash".to_owned())?);
    let algorithm = "bcrypt4".parse().map_err(refused("name an algorithm"))?;
    let hasher = PasswordHasher::new(pool, algorithm);
    let links =
        REALMS.map(|name| Link { realm: Arc::new(Crowd::new(name)), duty: Duty::Everything });
    // No one guesses here, and all log in from one place.
    let throttle = ThrottleLimits { unresolved_max: u32::MAX, ..ThrottleLimits::default() };
    Ok(Parts {
        store,
        chain: Arc::new(Chain::new(links.to_vec(), hasher.clone(), SuccessLimits::default())),
        hasher,
        throttle: Throttle::new(throttle),
        clock,
        entropy: Arc::new(SimulatedEntropy(Mutex::new(Chance::new(SEED)))),
        policy: Policy {
            tokens: Some(TokenPolicy { access_lifetime_ms: ACCESS_LIFETIME_MS }),
            anonymous: None,
            reserved: ReservedNames::new(false, None),
            reserved_roles: ReservedRoles::default(),
            native_realm: "default_native".to_owned(),
            follows_user_changes: false,
        },
    })
}

/// The rule for `now` over readings that the simulation moves: of the wall and of boot time,
/// together.
#[derive(Debug)]
pub(super) struct SimulatedClock {
    passed_ms: AtomicI64,
    steady: Mutex<SteadyClock>,
}

impl SimulatedClock {
    fn start() -> Outcome<Self> {
        let steady = SteadyClock::start(Self::reading(0), None, false);
        let steady = Mutex::new(steady.map_err(refused("start the clock"))?);
        Ok(Self { passed_ms: AtomicI64::new(0), steady })
    }

    /// Lets time pass.
    pub(super) fn pass_ms(&self, ms: i64) {
        self.passed_ms.fetch_add(ms, Ordering::SeqCst);
    }

    const fn reading(passed_ms: i64) -> Reading {
        Reading {
            wall: Timestamp::from_ms(BEGINS_MS.saturating_add(passed_ms)),
            boot: BootTime::from_ms(BOOTED_MS.saturating_add(passed_ms)),
        }
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        let mut steady = self.steady.lock().unwrap_or_else(PoisonError::into_inner);
        steady.observe(Self::reading(self.passed_ms.load(Ordering::SeqCst)))
    }

    fn boot(&self) -> BootTime {
        Self::reading(self.passed_ms.load(Ordering::SeqCst)).boot
    }
}

#[derive(Debug)]
struct SimulatedEntropy(Mutex<Chance>);

impl Entropy for SimulatedEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut chance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            for (byte, random) in chunk.iter_mut().zip(chance.next().to_le_bytes()) {
                *byte = random;
            }
        }
    }
}

/// A realm of everybody whose name begins with its own; the password is the name.
#[derive(Debug)]
struct Crowd {
    realm: RealmRef,
}

impl Crowd {
    fn new(name: &str) -> Self {
        let realm = RealmRef { name: RealmName::new(name), kind: "file".to_owned(), domain: None };
        Self { realm }
    }

    fn find(&self, username: &Username) -> Option<Vouched> {
        let prefix = self.realm.name.as_str();
        username.as_str().strip_prefix(prefix)?.strip_prefix('-')?;
        let role = if username.as_str() == GATEWAY { "superuser" } else { "reader" };
        let user = User {
            username: username.clone(),
            roles: vec![RoleName::new(role)],
            full_name: Some(format!("Test {username}")),
            email: Some(format!("{username}@example.org")),
            metadata: Map::new(),
            enabled: true,
        };
        Some(Vouched { user, realm: self.realm.clone(), evidence: None })
    }

    fn judge(&self, attempt: &Attempt) -> Judged {
        let is_right = attempt.password.expose() == attempt.username.as_str().as_bytes();
        match self.find(&attempt.username).filter(|_| is_right) {
            Some(vouched) => Judged::Success(Box::new(vouched)),
            None => Judged::Continue(Effort::Nothing),
        }
    }
}

impl Realm for Crowd {
    fn realm(&self) -> &RealmRef {
        &self.realm
    }

    fn authenticate<'a>(&'a self, attempt: &'a Attempt) -> Pending<'a, Judged> {
        Box::pin(async move { Ok(self.judge(attempt)) })
    }

    fn look_up<'a>(&'a self, username: &'a Username) -> Pending<'a, Option<Vouched>> {
        Box::pin(async move { Ok(self.find(username)) })
    }

    fn forget_user(&self, _: &Username) {}

    fn forget_all(&self) {}
}

/// The realms: two large ones, a small one, and that of the client which asks for tokens.
pub(super) const REALMS: [&str; 4] = ["east", "west", "south", "gate"];
/// The client that asks for tokens.
const GATEWAY: &str = "gate-keeper";
/// Lifetime of an access token, in milliseconds.
pub(super) const ACCESS_LIFETIME_MS: i64 = ACCESS_LIFETIME_MS_DEFAULT;
/// When the simulation begins: some minutes into an hour, so that rounds do not fall on whole ones.
const BEGINS_MS: i64 = 1_700_002_800_000 + 1_043_000;
/// Time since boot then.
const BOOTED_MS: i64 = 3_600_000;
/// The half of the signing key that a key file would hold.
const HALF_OF_KEY: [u8; KEY_BYTES] = [7; KEY_BYTES];
const SEED: u64 = 48;
