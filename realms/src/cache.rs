//! Which credentials were verified a moment ago, so that they need not be hashed again.
//!
//! Owns one realm's memory of right passwords. Must not know how a password is verified or what
//! else is known of a user. It never answers for a user whose record has changed: each entry holds
//! the stamp of the record that it was verified against, and the caller brings the present one.
//! Refusals are never kept.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use constant_time_eq::constant_time_eq_n;
use jeton_domain::name::Username;
use jeton_domain::secret::Secret;
use jeton_domain::time::BootTime;
use sha2::{Digest, Sha256};

use crate::recent::RecentMap;

/// The numbers of a [`CredentialCache`].
#[derive(Clone, Copy, Debug)]
pub struct CacheLimits {
    /// How long a verified password is remembered (`cache.ttl`); zero for not at all.
    pub ttl: Duration,
    /// How many users are remembered (`cache.max_users`).
    pub users_max: usize,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self { ttl: Duration::from_mins(20), users_max: 100_000 }
    }
}

/// The passwords that one realm has verified.
pub struct CredentialCache {
    limits: CacheLimits,
    /// Random, and never leaves the process: what is kept of a password is of no use elsewhere.
    salt: [u8; 32],
    state: Mutex<State>,
}

/// The state of a record that a password is verified against: any change gives another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(pub u64);

impl CredentialCache {
    /// An empty cache, with a salt drawn for it alone.
    pub fn new(limits: CacheLimits, salt: [u8; 32]) -> Self {
        let verified = RecentMap::new(limits.users_max);
        let state = Mutex::new(State { verified, under_way: HashMap::new() });
        Self { limits, salt, state }
    }

    /// Whether `password` is right for the record with this stamp: from memory, or else as
    /// `verify` finds.
    ///
    /// Attempts with the same name and password that come together are verified one after the
    /// other, so that all but the first are answered from memory. Attempts with other passwords
    /// do not wait for each other: a guesser could keep the user out otherwise.
    pub async fn check<E>(
        &self,
        username: &Username,
        password: &Secret,
        stamp: Stamp,
        now: BootTime,
        verify: impl Future<Output = Result<bool, E>> + Send,
    ) -> Result<bool, E> {
        if self.limits.ttl.is_zero() {
            return verify.await;
        }
        let digest = self.digest(username, password);
        if self.is_verified(username, &digest, stamp, now) {
            return Ok(true);
        }
        let turn = self.turn(digest);
        let _held = turn.lock().await;
        if self.is_verified(username, &digest, stamp, now) {
            return Ok(true);
        }
        let is_right = verify.await?;
        if is_right {
            let verified = Verified { digest, stamp, at: now };
            self.lock().verified.insert(username, verified);
        }
        Ok(is_right)
    }

    /// Forgets one user.
    pub fn evict(&self, username: &Username) {
        self.lock().verified.remove(username);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.lock().verified.clear();
    }

    fn is_verified(
        &self,
        username: &Username,
        digest: &[u8; 32],
        stamp: Stamp,
        now: BootTime,
    ) -> bool {
        let mut state = self.lock();
        let Some(verified) = state.verified.touch(username) else { return false };
        let age = Duration::from_millis(u64::try_from(now.since_ms(verified.at)).unwrap_or(0));
        if verified.stamp != stamp || age >= self.limits.ttl {
            state.verified.remove(username);
            return false;
        }
        constant_time_eq_n(&verified.digest, digest)
    }

    /// The lock that attempts with these credentials share while any of them is under way.
    fn turn(&self, digest: [u8; 32]) -> Arc<Turn> {
        let mut state = self.lock();
        if let Some(turn) = state.under_way.get(&digest).and_then(Weak::upgrade) {
            return turn;
        }
        if state.under_way.len() >= state.under_way.capacity() {
            state.under_way.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::new(Turn::new(()));
        state.under_way.insert(digest, Arc::downgrade(&turn));
        turn
    }

    fn digest(&self, username: &Username, password: &Secret) -> [u8; 32] {
        let name = username.as_str().as_bytes();
        Sha256::new()
            .chain_update(self.salt)
            .chain_update(name.len().to_be_bytes())
            .chain_update(name)
            .chain_update(password.expose())
            .finalize()
            .into()
    }

    /// Nothing under the lock can panic half-way, so a poisoned state is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CredentialCache {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("CredentialCache").field("limits", &self.limits).finish_non_exhaustive()
    }
}

struct State {
    verified: RecentMap<Username, Verified>,
    /// By digest of name and password. Entries without a user are removed before the map grows.
    under_way: HashMap<[u8; 32], Weak<Turn>>,
}

type Turn = tokio::sync::Mutex<()>;

struct Verified {
    digest: [u8; 32],
    stamp: Stamp,
    at: BootTime,
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const LIMITS: CacheLimits = CacheLimits { ttl: Duration::from_mins(1), users_max: 2 };

    struct World {
        cache: CredentialCache,
        verifications: AtomicU32,
    }

    fn world(limits: CacheLimits) -> World {
        let cache = CredentialCache::new(limits, [7; 32]);
        World { cache, verifications: AtomicU32::new(0) }
    }

    impl World {
        /// Tries a password of a user whose right one is `right`; counts what was verified.
        async fn attempt(&self, name: &str, password: &str, stamp: u64, second: i64) -> bool {
            let now = BootTime::from_ms(second * 1000);
            let verify = async {
                self.verifications.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(password == "right")
            };
            let (username, password) = (Username::new(name), Secret::from(password));
            self.cache.check(&username, &password, Stamp(stamp), now, verify).await.unwrap()
        }

        fn verified(&self) -> u32 {
            self.verifications.swap(0, Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn a_right_password_is_verified_once_and_a_wrong_one_each_time() {
        let world = world(LIMITS);
        assert!(world.attempt("ann", "right", 1, 0).await);
        assert!(world.attempt("ann", "right", 1, 59).await);
        assert_eq!(world.verified(), 1);
        assert!(!world.attempt("ann", "wrong", 1, 0).await);
        assert!(!world.attempt("ann", "wrong", 1, 0).await);
        assert_eq!(world.verified(), 2);
        assert!(world.attempt("ann", "right", 1, 59).await);
        assert_eq!(world.verified(), 0);
    }

    #[tokio::test]
    async fn a_changed_record_and_an_old_entry_are_verified_again() {
        let world = world(LIMITS);
        assert!(world.attempt("ann", "right", 1, 0).await);
        assert!(world.attempt("ann", "right", 2, 0).await);
        assert!(world.attempt("ann", "right", 2, 60).await);
        assert_eq!(world.verified(), 3);
    }

    #[tokio::test]
    async fn users_are_told_apart() {
        let world = world(LIMITS);
        assert!(world.attempt("ann", "right", 1, 0).await);
        assert!(world.attempt("an", "nright", 1, 0).await.eq(&false));
        assert!(world.attempt("bob", "right", 1, 0).await);
        assert_eq!(world.verified(), 3);
    }

    #[tokio::test]
    async fn evicted_users_are_verified_again() {
        let world = world(LIMITS);
        for name in ["ann", "bob"] {
            assert!(world.attempt(name, "right", 1, 0).await);
        }
        world.cache.evict(&Username::new("ann"));
        assert!(world.attempt("ann", "right", 1, 0).await);
        assert!(world.attempt("bob", "right", 1, 0).await);
        assert_eq!(world.verified(), 3);
        world.cache.clear();
        assert!(world.attempt("bob", "right", 1, 0).await);
        assert_eq!(world.verified(), 1);
    }

    #[tokio::test]
    async fn the_number_of_users_is_bounded() {
        let world = world(LIMITS);
        for name in ["ann", "bob", "carl"] {
            assert!(world.attempt(name, "right", 1, 0).await);
        }
        assert_eq!(world.cache.lock().verified.len(), 2);
    }

    #[tokio::test]
    async fn a_lifetime_of_zero_turns_the_cache_off() {
        let world = world(CacheLimits { ttl: Duration::ZERO, users_max: 2 });
        assert!(world.attempt("ann", "right", 1, 0).await);
        assert!(world.attempt("ann", "right", 1, 0).await);
        assert_eq!(world.verified(), 2);
    }

    #[tokio::test]
    async fn attempts_that_come_together_are_verified_once() {
        let world = Arc::new(world(LIMITS));
        let attempts: Vec<_> = (0..64)
            .map(|_| {
                let world = Arc::clone(&world);
                tokio::spawn(async move { world.attempt("ann", "right", 1, 0).await })
            })
            .collect();
        for attempt in attempts {
            assert!(attempt.await.unwrap());
        }
        assert_eq!(world.verified(), 1);
    }

    #[tokio::test]
    async fn an_attempt_does_not_wait_for_one_with_another_password() {
        let world = world(LIMITS);
        let (ann, wrong) = (Username::new("ann"), Secret::from("wrong"));
        let never = std::future::pending::<Result<bool, Infallible>>();
        let stuck = world.cache.check(&ann, &wrong, Stamp(1), BootTime::from_ms(0), never);
        tokio::select! {
            biased;
            _ = stuck => unreachable!("its verification never ends"),
            is_right = world.attempt("ann", "right", 1, 0) => assert!(is_right),
        }
    }

    #[tokio::test]
    async fn what_is_under_way_is_forgotten_when_it_ends() {
        let world = world(LIMITS);
        for index in 0..1000 {
            assert!(!world.attempt("ann", &format!("wrong{index}"), 1, 0).await);
        }
        assert!(world.cache.lock().under_way.len() < 16);
    }
}
