//! The verbs: issue, validate, refresh and revoke tokens; authenticate and authorize callers; users
//! and roles as far as tokens need them.
//!
//! One file a verb. Must not know status codes, JSON or SQL. Start at [`Authority`].

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

use core::fmt;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jeton_domain::id::Tick;
use jeton_domain::name::{RoleName, Username};
use jeton_domain::role::reserved::ReservedRoles;
use jeton_domain::time::{BootTime, Clock, Entropy, Timestamp};
use jeton_domain::token::key::KeyRing;
use jeton_realms::chain::Chain;
use jeton_realms::password::PasswordHasher;
use jeton_realms::reserved::ReservedNames;
use jeton_realms::throttle::Throttle;
use jeton_store::engine::BatchId;
use jeton_store::store::Store;

pub mod authenticate;
pub mod authorize;
pub mod caches;
pub mod caller;
pub mod error;
mod events;
pub mod health;
pub mod mappings;
pub mod privileges;
pub mod roles;
pub mod search;
pub mod settings;
pub mod tokens;
pub mod users;

pub use caller::{Caller, Credentials, Presented, Urgency};
pub use error::AuthorityError;

use privileges::book::PrivilegeBook;
use roles::book::RoleBook;
use search::Collection;

/// Everything that the verbs work with.
pub struct Authority {
    store: Arc<Store>,
    chain: Arc<Chain>,
    hasher: PasswordHasher,
    throttle: Throttle,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    policy: Policy,
    ring: RwLock<Arc<KeyRing>>,
    key_material: RwLock<tokens::keys::KeyMaterial>,
    roles: Arc<RoleBook>,
    privileges: Arc<PrivilegeBook>,
    searched_users: Collection,
    searched_roles: Collection,
    /// Counts, by its owners, the strangers in the reserved hashing lane.
    strangers: Arc<()>,
    events: events::Frequent,
    /// Counts of revocations that were stored, oldest first: to be removed in time.
    results: Mutex<VecDeque<(Tick, Timestamp)>>,
}

/// What an authority is made of.
#[derive(Debug)]
pub struct Parts {
    /// Rows, cache and transactions.
    pub store: Arc<Store>,
    /// Who vouches for users.
    pub chain: Arc<Chain>,
    /// Hashes passwords.
    pub hasher: PasswordHasher,
    /// Slows failed logins down.
    pub throttle: Throttle,
    /// Where `now` comes from.
    pub clock: Arc<dyn Clock>,
    /// Where random bytes come from.
    pub entropy: Arc<dyn Entropy>,
    /// What the operator decided.
    pub policy: Policy,
}

/// What the operator decided.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How tokens are made; none when the token service is off.
    pub tokens: Option<TokenPolicy>,
    /// Who a caller without credentials is; none when they are turned away.
    pub anonymous: Option<Anonymous>,
    /// Names that only the reserved realm answers for.
    pub reserved: ReservedNames,
    /// The reserved roles that there are.
    pub reserved_roles: ReservedRoles,
    /// The realm in which users made through the API are: its name, whether it is on or off now.
    pub native_realm: String,
    /// Whether tokens end when their user is deleted, disabled, or gets another password.
    pub follows_user_changes: bool,
}

/// How tokens are made.
#[derive(Clone, Copy, Debug)]
pub struct TokenPolicy {
    /// Lifetime of an access token, in milliseconds.
    pub access_lifetime_ms: i64,
}

/// Who a caller without credentials is.
#[derive(Clone, Debug)]
pub struct Anonymous {
    /// The name.
    pub username: Username,
    /// The roles; every authenticated user has them too.
    pub roles: Vec<RoleName>,
    /// Whether a denied anonymous caller is told so (403) or asked to authenticate (401).
    pub is_told_of_denial: bool,
}

impl Authority {
    /// An authority of these parts, with the keys that its store lists and `material` holds.
    pub async fn open(
        parts: Parts,
        material: tokens::keys::KeyMaterial,
    ) -> Result<Arc<Self>, AuthorityError> {
        let Parts { store, chain, hasher, throttle, clock, entropy, policy } = parts;
        let roles = RoleBook::new(Arc::clone(&store), policy.reserved_roles.clone());
        let privileges = PrivilegeBook::new(Arc::clone(&store));
        let searched_users = Collection::new(Arc::clone(&store), users::query::source());
        let searched_roles = Collection::new(Arc::clone(&store), roles::query::source());
        let authority = Arc::new(Self {
            store,
            chain,
            hasher,
            throttle,
            clock,
            entropy,
            policy,
            ring: RwLock::default(),
            key_material: RwLock::new(material),
            roles,
            privileges,
            searched_users,
            searched_roles,
            strangers: Arc::default(),
            events: events::Frequent::default(),
            results: Mutex::default(),
        });
        authority.load_keys().await?;
        authority.forget_old_results().await?;
        if let Err(error) = authority.finish_open_revocation().await {
            // Its tokens are dead; only its counts wait for the next bulk revocation.
            tracing::error!(%error, "an earlier bulk revocation could not be counted");
        }
        Ok(authority)
    }

    /// Rows, cache and transactions.
    pub const fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Who vouches for users.
    pub const fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }

    /// What the operator decided.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Tells the log, at a bounded rate, that a request could not be decided.
    pub fn note_undecided(&self, uri: &str, cause: &str) {
        self.events.undecided(uri, cause, self.boot());
    }

    pub(crate) fn boot(&self) -> BootTime {
        self.clock.boot()
    }

    pub(crate) fn tick(&self) -> Tick {
        self.store.tick()
    }

    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    pub(crate) fn batch_id(&self) -> BatchId {
        BatchId(self.random())
    }

    pub(crate) fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_ring(&self, ring: KeyRing) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("policy", &self.policy).finish_non_exhaustive()
    }
}
