//! A small world for the verbs: a clock that is set, the memory engine, real realms.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jeton_authority::tokens::Granted;
use jeton_authority::tokens::issue::Grant;
use jeton_authority::tokens::revoke::{Revocation, Revoked};
use jeton_authority::users::put::{NewPassword, UserPut};
use jeton_authority::{
    Authority, AuthorityError, Caller, Credentials, Parts, Policy, Presented, TokenPolicy, Urgency,
};
use jeton_domain::id::KeyId;
use jeton_domain::name::{RealmName, RoleName, Username};
use jeton_domain::role::descriptor::RoleDescriptor;
use jeton_domain::role::reserved::ReservedRoles;
use jeton_domain::secret::Secret;
use jeton_domain::selector::Selector;
use jeton_domain::subject::RealmRef;
use jeton_domain::time::{BootTime, Clock, ClockHealth, Entropy, Reading, SteadyClock, Timestamp};
use jeton_domain::token::text::Half;
use jeton_domain::value::{Map, Value};
use jeton_realms::cache::{CacheLimits, CredentialCache};
use jeton_realms::chain::{Chain, Duty, Link, SuccessLimits};
use jeton_realms::native::NativeRealm;
use jeton_realms::password::{HashingPool, PasswordHasher, PoolLimits};
use jeton_realms::reserved::{ReservedNames, ReservedRealm};
use jeton_realms::throttle::{Throttle, ThrottleLimits};
use jeton_store::engine::Engine;
use jeton_store::engine::memory::Memory;
use jeton_store::store::Store;
use jeton_store::tables::census::Counts;
use zeroize::Zeroizing;

/// Noon of some day, in milliseconds.
pub(crate) const NOON_MS: i64 = 1_790_000_000_000;

/// The password of every user.
pub(crate) const PASSWORD: &str = "x-pack-test-password";

/// A clock that stands until it is moved.
#[derive(Debug)]
pub(crate) struct SetClock {
    wall_ms: AtomicI64,
    boot_ms: AtomicI64,
    /// The rule for `now`, for worlds in which the wall clock jumps; else the wall clock is
    /// believed.
    rule: Option<Mutex<SteadyClock>>,
}

impl SetClock {
    fn new() -> Self {
        Self { wall_ms: AtomicI64::new(NOON_MS), boot_ms: AtomicI64::new(60_000), rule: None }
    }

    fn steady() -> Self {
        let clock = Self::new();
        let rule = SteadyClock::start(clock.reading(), None, false).unwrap();
        Self { rule: Some(Mutex::new(rule)), ..clock }
    }

    /// Time passes.
    pub(crate) fn advance_ms(&self, ms: i64) {
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
        self.boot_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// The wall clock is moved, and no time passes.
    pub(crate) fn jump_ms(&self, ms: i64) {
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
    }

    fn reading(&self) -> Reading {
        Reading {
            wall: Timestamp::from_ms(self.wall_ms.load(Ordering::SeqCst)),
            boot: BootTime::from_ms(self.boot_ms.load(Ordering::SeqCst)),
        }
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        let reading = self.reading();
        self.rule.as_ref().map_or(reading.wall, |rule| rule.lock().unwrap().observe(reading))
    }

    fn boot(&self) -> BootTime {
        self.reading().boot
    }

    fn trouble(&self) -> Option<String> {
        let health = self.rule.as_ref()?.lock().unwrap().health();
        (health != ClockHealth::Agreed).then(|| format!("{health:?}"))
    }
}

/// Bytes that differ each time.
#[derive(Debug, Default)]
pub(crate) struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = number[place % number.len()] ^ u8::try_from(place % 251).unwrap();
        }
    }
}

/// Everything under test.
pub(crate) struct World {
    pub(crate) clock: Arc<SetClock>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) engine: Arc<dyn Engine>,
    entropy: Arc<CountingEntropy>,
    follows_user_changes: bool,
    lifetime_ms: Mutex<i64>,
}

impl World {
    /// A world with `root` (superuser), `ann`, `bob` (`manage_token`) and `none` (no privilege).
    pub(crate) async fn new() -> Self {
        Self::with(SetClock::new(), false).await
    }

    /// The same where tokens end with changes of their user.
    pub(crate) async fn following() -> Self {
        Self::with(SetClock::new(), true).await
    }

    /// The same under the rule for `now`, whose wall clock may jump.
    pub(crate) async fn with_steady_clock() -> Self {
        Self::with(SetClock::steady(), false).await
    }

    async fn with(clock: SetClock, follows_user_changes: bool) -> Self {
        Self::build(Arc::new(Memory::new()), clock, follows_user_changes).await
    }

    /// The same on another engine.
    pub(crate) async fn on(engine: Arc<dyn Engine>) -> Self {
        Self::build(engine, SetClock::new(), false).await
    }

    async fn build(engine: Arc<dyn Engine>, clock: SetClock, follows_user_changes: bool) -> Self {
        let clock = Arc::new(clock);
        let entropy = Arc::new(CountingEntropy::default());
        let authority =
            open(&engine, &clock, &entropy, (Some(1_200_000), follows_user_changes)).await;
        authority.add_key(KeyId::new(1)).await.unwrap();
        authority.activate_key(KeyId::new(1)).await.unwrap();
        let lifetime_ms = Mutex::new(1_200_000);
        let world = Self { clock, authority, engine, entropy, follows_user_changes, lifetime_ms };
        let elastic = world.caller("elastic").await;
        let descriptor = Value::Map(
            [("cluster".to_owned(), Value::List(vec![Value::Text("manage_token".to_owned())]))]
                .into_iter()
                .collect(),
        );
        let role = RoleDescriptor::from_value(&RoleName::new("tokens"), &descriptor).unwrap();
        world.authority.put_role(elastic, role).await.unwrap();
        for (name, roles) in [
            ("root", vec!["superuser"]),
            ("ann", vec!["tokens"]),
            ("bob", vec!["tokens"]),
            ("none", vec![]),
        ] {
            world.put_user(name, &roles, true).await;
        }
        world
    }

    /// The same store under another process, with the service on or off.
    pub(crate) async fn restart(&mut self, lifetime_ms: Option<i64>) {
        let policy = (lifetime_ms, self.follows_user_changes);
        self.authority = open(&self.engine, &self.clock, &self.entropy, policy).await;
        if let Some(lifetime_ms) = lifetime_ms {
            *self.lifetime_ms.lock().unwrap() = lifetime_ms;
        }
    }

    pub(crate) async fn put_user(&self, name: &str, roles: &[&str], enabled: bool) {
        let hash = "$2a$04$abcdefghijklmnopqrstuuqFJI0yc6dnzyYl4dBhFmwm3etsmUfsm";
        let put = UserPut {
            username: name.to_owned(),
            password: Some(NewPassword::Hashed(Arc::new(Secret::from(hash)))),
            roles: Some(roles.iter().map(|role| RoleName::new(role)).collect()),
            full_name: None,
            email: None,
            metadata: None::<Map>,
            enabled,
        };
        let caller = self.caller("elastic").await;
        self.authority.put_user(caller, put).await.unwrap();
    }

    pub(crate) fn by_password(name: &str, password: &str) -> Presented {
        Self::presented(Credentials::Password {
            username: Username::new(name),
            password: Arc::new(Secret::from(password)),
        })
    }

    pub(crate) fn by_token(token: &str) -> Presented {
        Self::presented(Credentials::Bearer(Arc::new(Secret::from(token))))
    }

    fn presented(credentials: Credentials) -> Presented {
        Presented {
            credentials,
            run_as: None,
            address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            urgency: Urgency::Ordinary,
        }
    }

    pub(crate) async fn caller(&self, name: &str) -> Caller {
        self.authority.admit(Self::by_password(name, PASSWORD)).await.unwrap()
    }

    pub(crate) async fn running_as(&self, name: &str, target: &str) -> Caller {
        let presented =
            Presented { run_as: Some(target.to_owned()), ..Self::by_password(name, PASSWORD) };
        self.authority.admit(presented).await.unwrap()
    }

    pub(crate) async fn password_grant(&self, caller: &str, user: &str) -> Tokens {
        self.try_password_grant(caller, user).await.unwrap()
    }

    pub(crate) async fn try_password_grant(
        &self,
        caller: &str,
        user: &str,
    ) -> Result<Tokens, AuthorityError> {
        let grant = Grant::Password {
            username: Username::new(user),
            password: Arc::new(Secret::from(PASSWORD)),
        };
        let caller = self.caller(caller).await;
        Ok(Tokens::of(&self.authority.issue(caller, grant).await?))
    }

    pub(crate) async fn client_credentials(&self, caller: Caller) -> Tokens {
        Tokens::of(&self.authority.issue(caller, Grant::ClientCredentials).await.unwrap())
    }

    pub(crate) async fn refresh(&self, caller: Caller, token: &str) -> Result<Tokens, String> {
        let outcome = self.authority.refresh(caller, &Secret::from(token)).await;
        outcome.map(|granted| Tokens::of(&granted)).map_err(|error| error.to_string())
    }

    pub(crate) async fn refresh_as(&self, name: &str, token: &str) -> Result<Tokens, String> {
        let caller = self.caller(name).await;
        self.refresh(caller, token).await
    }

    pub(crate) async fn revoke(&self, half: Half, token: &str) -> Result<Revoked, AuthorityError> {
        let caller = self.caller("root").await;
        let revocation = Revocation::Token { half, text: Secret::from(token) };
        self.authority.revoke(caller, revocation).await
    }

    pub(crate) async fn revoke_all(&self, selector: Selector) -> Counts {
        let caller = self.caller("root").await;
        match self.authority.revoke(caller, Revocation::All(selector)).await.unwrap() {
            Revoked::Counted(counts) => counts,
            Revoked::Unknown => panic!("a bulk revocation is always counted"),
        }
    }

    /// The user for whom a token opens the door, or why it does not.
    pub(crate) async fn open_door(&self, token: &str) -> Result<String, String> {
        match self.authority.admit(Self::by_token(token)).await {
            Ok(caller) => Ok(caller.authentication.subject.username.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The texts of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) expires_in_s: i64,
}

impl Tokens {
    pub(crate) fn of(granted: &Granted) -> Self {
        let text = |secret: &Secret| String::from_utf8(secret.expose().to_vec()).unwrap();
        Self {
            access: text(&granted.access),
            refresh: granted.refresh.as_ref().map(text).unwrap_or_default(),
            expires_in_s: granted.expires_in_s,
        }
    }
}

async fn open(
    engine: &Arc<dyn Engine>,
    clock: &Arc<SetClock>,
    entropy: &Arc<CountingEntropy>,
    (lifetime_ms, follows_user_changes): (Option<i64>, bool),
) -> Arc<Authority> {
    let store = Store::open(Arc::clone(engine), 1 << 20).await.unwrap();
    let pool =
        Arc::new(HashingPool::start(PoolLimits::for_cores(std::num::NonZeroUsize::MIN)).unwrap());
    let hasher = PasswordHasher::new(pool, jeton_realms::password::Algorithm::default());
    let reserved = ReservedNames::new(true, None);
    let cache = || CredentialCache::new(CacheLimits::default(), [7; 32]);
    let native = RealmRef {
        name: RealmName::new("default_native"),
        kind: "native".to_owned(),
        domain: None,
    };
    let links = vec![
        Link {
            realm: Arc::new(ReservedRealm::new(
                Arc::clone(&store),
                hasher.clone(),
                cache(),
                reserved.clone(),
                Some(Secret::from(PASSWORD)),
            )),
            duty: Duty::First,
        },
        Link {
            realm: Arc::new(NativeRealm::new(native, Arc::clone(&store), hasher.clone(), cache())),
            duty: Duty::Everything,
        },
    ];
    let chain = Arc::new(Chain::new(links, hasher.clone(), SuccessLimits::default()));
    let parts = Parts {
        store,
        chain,
        hasher,
        throttle: Throttle::new(patient()),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        entropy: Arc::clone(entropy) as Arc<dyn Entropy>,
        policy: Policy {
            tokens: lifetime_ms.map(|access_lifetime_ms| TokenPolicy { access_lifetime_ms }),
            anonymous: None,
            reserved,
            reserved_roles: ReservedRoles::default(),
            native_realm: "default_native".to_owned(),
            follows_user_changes,
        },
    };
    let half = (KeyId::new(1), Zeroizing::new([1; 32]));
    let other = (KeyId::new(2), Zeroizing::new([2; 32]));
    Authority::open(parts, [half, other].into_iter().collect()).await.unwrap()
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
