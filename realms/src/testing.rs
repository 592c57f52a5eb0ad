//! What the tests of several realms share: a store in memory, a pool, and users to put in.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use jeton_domain::id::Tick;
use jeton_domain::name::{RealmName, RoleName, Username};
use jeton_domain::secret::Secret;
use jeton_domain::subject::RealmRef;
use jeton_domain::time::BootTime;
use jeton_domain::value::Map;
use jeton_store::engine::BatchId;
use jeton_store::engine::memory::Memory;
use jeton_store::error::StoreError;
use jeton_store::store::Store;
use jeton_store::tables::users::{self, UserKind, UserRecord};

use crate::cache::{CacheLimits, CredentialCache};
use crate::password::{HashingPool, Lane, PasswordHasher, PoolLimits, Salt, hash};
use crate::realm::{Attempt, Evidence};

/// A store and a pool.
pub(crate) struct World {
    pub(crate) store: Arc<Store>,
    pub(crate) hasher: PasswordHasher,
    batches: AtomicU8,
}

impl World {
    pub(crate) async fn new() -> Self {
        let limits = PoolLimits {
            threads: NonZeroUsize::MIN,
            reserved_threads: NonZeroUsize::MIN,
            queue_max: 64,
            reserved_queue_max: 64,
        };
        let pool = Arc::new(HashingPool::start(limits).unwrap());
        let hasher = PasswordHasher::new(pool, "bcrypt4".parse().unwrap());
        let store = Store::open(Arc::new(Memory::new()), 1 << 20).await.unwrap();
        Self { store, hasher, batches: AtomicU8::new(0) }
    }

    /// Writes a user's record; without a password it is one that never authenticates.
    pub(crate) async fn put(
        &self,
        kind: UserKind,
        name: &str,
        password: Option<&str>,
        enabled: bool,
    ) {
        let record = UserRecord {
            username: Username::new(name),
            password_hash: password.map(hashed),
            roles: vec![RoleName::new("monitor")],
            full_name: Some(format!("The {name}")),
            email: None,
            metadata: Map::new(),
            enabled,
        };
        let key = users::key(kind, name);
        let mut transaction = self.store.begin(self.store.tick(), self.batch_id());
        transaction.put(key.clone(), users::encode(&record));
        transaction.change(key);
        transaction.commit().await.unwrap();
    }

    /// Whether something can be committed on the strength of this.
    pub(crate) async fn still_holds(&self, noted: Tick, evidence: Evidence) -> bool {
        let mut transaction = self.store.begin(noted, self.batch_id());
        transaction.guard(evidence.key);
        transaction.delete(users::key(UserKind::Native, "somebody else"));
        match transaction.commit().await {
            Ok(_) => true,
            Err(StoreError::Conflict) => false,
            Err(other) => panic!("{other}"),
        }
    }

    fn batch_id(&self) -> BatchId {
        BatchId([self.batches.fetch_add(1, Ordering::Relaxed); 16])
    }
}

/// The hash of a password, as cheap as hashes get.
pub(crate) fn hashed(password: &str) -> String {
    hash(password.as_bytes(), "bcrypt4".parse().unwrap(), &Salt::new([3; 32])).unwrap()
}

pub(crate) fn cache() -> CredentialCache {
    CredentialCache::new(CacheLimits::default(), [9; 32])
}

pub(crate) fn realm_ref(kind: &str, name: &str) -> RealmRef {
    RealmRef { name: RealmName::new(name), kind: kind.to_owned(), domain: None }
}

/// An attempt in the first second after boot.
pub(crate) fn attempt(name: &str, password: &str) -> Attempt {
    Attempt {
        username: Username::new(name),
        password: Arc::new(Secret::from(password)),
        lane: Lane::Ordinary,
        now: BootTime::from_ms(0),
    }
}
