//! How the parts are put together: from settings to an authority with its store and realms.
//!
//! Owns the order of building and the translation of settings into what each part wants. Must not
//! open a socket.

use std::fs::DirBuilder;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jeton_authority::tokens::keys::KeyMaterial;
use jeton_authority::{Anonymous, Authority, Parts, Policy, TokenPolicy};
use jeton_domain::name::{RealmName, RoleName, Username};
use jeton_domain::subject::RealmRef;
use jeton_domain::time::{Clock, Entropy, Timestamp};
use jeton_realms::cache::{CacheLimits, CredentialCache};
use jeton_realms::chain::{Chain, Duty, Link, SuccessLimits};
use jeton_realms::file::{FilePaths, FileRealm};
use jeton_realms::native::NativeRealm;
use jeton_realms::password::{Algorithm, HashingPool, PasswordHasher, PoolLimits};
use jeton_realms::realm::Realm;
use jeton_realms::reserved::{ReservedNames, ReservedRealm};
use jeton_realms::throttle::Throttle;
use jeton_store::engine::Engine;
use jeton_store::engine::embedded::{Embedded, EmbeddedOptions};
use jeton_store::store::Store;
use jeton_store::tables::meta;

use crate::error::StartError;
use crate::settings::{CacheSettings, RealmKind, Settings};
use crate::system::{SystemClock, SystemEntropy, boot};

/// What a server does not decide itself: time, randomness, and where rows are kept.
#[derive(Clone, Debug)]
pub struct World {
    /// Where `now` comes from.
    pub clock: Arc<dyn Clock>,
    /// Where random bytes come from.
    pub entropy: Arc<dyn Entropy>,
    /// Where rows are kept.
    pub engine: Arc<dyn Engine>,
}

/// Whether a clock that is far behind the newest instant in the store is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockTrust {
    /// It refuses to start.
    Checked,
    /// The operator insists.
    Accepted,
}

/// An authority, and what of it needs care from time to time.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub(crate) authority: Arc<Authority>,
    pub(crate) file_realms: Vec<Arc<FileRealm>>,
}

impl World {
    /// This machine's clocks and randomness, and the embedded engine in the data directory.
    ///
    /// Makes the directory when it is missing, for its owner alone.
    pub async fn of_the_machine(
        settings: &Settings,
        trust: ClockTrust,
    ) -> Result<Self, StartError> {
        make_directory(&settings.data).map_err(|error| StartError::Directory {
            path: settings.data.clone(),
            reason: error.to_string(),
        })?;
        let options = EmbeddedOptions {
            reserve_bytes: settings.disk_reserve_bytes,
            boot: Some(boot),
            ..EmbeddedOptions::new(settings.data.join(STORE))
        };
        let engine: Arc<dyn Engine> = Arc::new(Embedded::open(&options)?);
        let mark = engine.get(&meta::key(meta::Fact::HighWaterMark)).await?;
        let mark = mark.as_ref().map(meta::decode_number).transpose()?.map(Timestamp::from_ms);
        let clock = SystemClock::start(mark, trust == ClockTrust::Accepted)?;
        Ok(Self { clock: Arc::new(clock), entropy: Arc::new(SystemEntropy), engine })
    }
}

/// Whether a store was ever made in this data directory. Where that cannot be told, opening it will
/// say why.
pub(crate) fn holds_store(data: &Path) -> bool {
    let format = std::fs::metadata(data.join(STORE).join(FORMAT));
    !format.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Builds the authority that the settings describe, on this world, with these keys.
pub(crate) async fn assemble(
    settings: &Settings,
    world: &World,
    material: KeyMaterial,
) -> Result<Assembled, StartError> {
    let store = Store::open(Arc::clone(&world.engine), settings.cache_bytes).await?;
    let hasher = hasher(settings)?;
    let policy = policy(settings);
    let mut builder = ChainBuilder {
        settings,
        world,
        store: &store,
        hasher: &hasher,
        reserved: &policy.reserved,
    };
    let (links, file_realms) = builder.links();
    let chain = Chain::new(links, hasher.clone(), success_limits(settings));
    let parts = Parts {
        store,
        chain: Arc::new(chain),
        hasher,
        throttle: Throttle::new(settings.throttle),
        clock: Arc::clone(&world.clock),
        entropy: Arc::clone(&world.entropy),
        policy,
    };
    let authority = Authority::open(parts, material).await?;
    Ok(Assembled { authority, file_realms })
}

fn hasher(settings: &Settings) -> Result<PasswordHasher, StartError> {
    let hashing = &settings.hashing;
    let pool = HashingPool::start(PoolLimits {
        threads: NonZeroUsize::new(hashing.threads).unwrap_or(NonZeroUsize::MIN),
        reserved_threads: NonZeroUsize::MIN,
        queue_max: hashing.queue_max,
        reserved_queue_max: RESERVED_QUEUE_MAX,
    })?;
    let algorithm: Algorithm = hashing.algorithm.parse()?;
    Ok(PasswordHasher::new(Arc::new(pool), algorithm))
}

fn policy(settings: &Settings) -> Policy {
    let anonymous = settings.anonymous.as_ref().map(|anonymous| Anonymous {
        username: Username::new(&anonymous.username),
        roles: anonymous.roles.iter().map(|role| RoleName::new(role)).collect(),
        is_told_of_denial: anonymous.authz_exception,
    });
    let anonymous_name = anonymous.as_ref().map(|anonymous| anonymous.username.clone());
    Policy {
        tokens: settings.token.enabled.then(|| TokenPolicy {
            access_lifetime_ms: i64::try_from(settings.token.lifetime.as_millis())
                .unwrap_or(i64::MAX),
        }),
        anonymous,
        reserved: ReservedNames::new(settings.reserved_realm, anonymous_name),
        reserved_roles: settings.roles.reserved.clone(),
        native_realm: settings.native_realm.clone(),
        follows_user_changes: settings.token.follows_user_changes,
    }
}

fn success_limits(settings: &Settings) -> SuccessLimits {
    settings
        .success_cache
        .map_or(SuccessLimits { names_max: 0, expire_after: Duration::ZERO }, |cache| {
            SuccessLimits { names_max: cache.names_max, expire_after: cache.lifetime }
        })
}

struct ChainBuilder<'a> {
    settings: &'a Settings,
    world: &'a World,
    store: &'a Arc<Store>,
    hasher: &'a PasswordHasher,
    reserved: &'a ReservedNames,
}

impl ChainBuilder<'_> {
    /// The reserved realm first, then those of the settings in their order.
    fn links(&mut self) -> (Vec<Link>, Vec<Arc<FileRealm>>) {
        let mut links = Vec::new();
        let mut file_realms = Vec::new();
        if self.settings.reserved_realm {
            let limits = CacheLimits::default();
            let realm = ReservedRealm::new(
                Arc::clone(self.store),
                self.hasher.clone(),
                self.cache(limits),
                self.reserved.clone(),
                None,
            );
            links.push(Link { realm: Arc::new(realm), duty: Duty::First });
        }
        for described in &self.settings.realms {
            let cache = self.cache(limits(described.cache));
            let kind = described.kind.type_name();
            let named = RealmRef {
                name: RealmName::new(&described.name),
                kind: kind.to_owned(),
                domain: None,
            };
            let hasher = self.hasher.clone();
            let realm: Arc<dyn Realm> = match &described.kind {
                RealmKind::File { users, users_roles } => {
                    let paths =
                        FilePaths { users: users.clone(), users_roles: users_roles.clone() };
                    let reserved = self.reserved.clone();
                    let realm = Arc::new(FileRealm::new(named, paths, reserved, hasher, cache));
                    file_realms.push(Arc::clone(&realm));
                    realm
                }
                RealmKind::Native => {
                    Arc::new(NativeRealm::new(named, Arc::clone(self.store), hasher, cache))
                }
            };
            let duty = if described.authenticates { Duty::Everything } else { Duty::LookUp };
            links.push(Link { realm, duty });
        }
        (links, file_realms)
    }

    fn cache(&self, limits: CacheLimits) -> CredentialCache {
        let mut salt = [0; 32];
        self.world.entropy.fill(&mut salt);
        CredentialCache::new(limits, salt)
    }
}

fn limits(settings: Option<CacheSettings>) -> CacheLimits {
    settings.map_or(CacheLimits { ttl: Duration::ZERO, users_max: 0 }, |cache| CacheLimits {
        ttl: cache.lifetime,
        users_max: cache.users_max,
    })
}

fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The engine's own directory within the data directory.
const STORE: &str = "store";
/// The file by which the engine knows a store.
const FORMAT: &str = "format";
/// Requests that revoke and may wait for the hashing thread kept for them.
const RESERVED_QUEUE_MAX: usize = 64;
