//! The chain of realms: who is asked, in which order, and when the asking ends.
//!
//! Owns the order and what is remembered of it. Must not know what a realm does, who is slowed
//! down, or what an answer looks like.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jeton_domain::limits::{NAME_CHARS_MAX, PASSWORD_BYTES_MAX};
use jeton_domain::name::Username;
use jeton_domain::time::BootTime;

use crate::error::RealmError;
use crate::password::PasswordHasher;
use crate::realm::{Attempt, Effort, Outcome, Realm, Vouched};
use crate::recent::RecentMap;

/// The realms in the order in which they are asked, the reserved one first.
pub struct Chain {
    links: Vec<Link>,
    hasher: PasswordHasher,
    limits: SuccessLimits,
    /// The place of the realm that vouched for a name last, and when.
    successes: Mutex<RecentMap<Username, (usize, BootTime)>>,
}

/// A realm in its place.
#[derive(Clone, Debug)]
pub struct Link {
    /// The realm.
    pub realm: Arc<dyn Realm>,
    /// What it is asked for.
    pub duty: Duty,
}

/// What a realm is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Passwords and look-ups.
    Everything,
    /// Look-ups alone (`authentication.enabled: false`).
    LookUp,
    /// Passwords first of all, whatever is remembered: the reserved realm.
    First,
}

/// The numbers of `xpack.security.authc.success_cache.*`.
#[derive(Clone, Copy, Debug)]
pub struct SuccessLimits {
    /// Names that are remembered; zero for none.
    pub names_max: usize,
    /// How long after its last use a memory is forgotten.
    pub expire_after: Duration,
}

impl Default for SuccessLimits {
    fn default() -> Self {
        Self { names_max: 10_000, expire_after: Duration::from_hours(1) }
    }
}

impl Chain {
    /// A chain of these realms.
    pub fn new(links: Vec<Link>, hasher: PasswordHasher, limits: SuccessLimits) -> Self {
        let successes = Mutex::new(RecentMap::new(limits.names_max));
        Self { links, hasher, limits, successes }
    }

    /// The enabled user who is vouched for; none where nobody vouches, for whatever reason.
    ///
    /// A refusal takes the time of at least one verification, so that it does not tell whether
    /// there is such a user.
    pub async fn authenticate(&self, attempt: &Attempt) -> Result<Option<Vouched>, RealmError> {
        let is_possible = attempt.username.as_str().len() <= NAME_CHARS_MAX
            && attempt.password.expose().len() <= PASSWORD_BYTES_MAX;
        if !is_possible {
            return Ok(None);
        }
        let mut effort = Effort::Nothing;
        for place in self.places(attempt) {
            let Some(link) = self.links.get(place) else { continue };
            match link.realm.authenticate(attempt).await? {
                Outcome::Success(vouched) => {
                    self.remember(attempt, place);
                    return Ok(Some(*vouched).filter(|vouched| vouched.user.enabled));
                }
                Outcome::Continue(Effort::Nothing) => {}
                Outcome::Continue(Effort::Verified) => effort = Effort::Verified,
                Outcome::Terminate(spent) => {
                    if spent == Effort::Verified {
                        effort = spent;
                    }
                    break;
                }
            }
        }
        if effort == Effort::Nothing {
            let password = Arc::clone(&attempt.password);
            let username = attempt.username.as_str();
            self.hasher.verify_against_nothing(username, password, attempt.lane).await?;
        }
        Ok(None)
    }

    /// The user of this name, who may be disabled, without a password: for run-as.
    pub async fn look_up(&self, username: &Username) -> Result<Option<Vouched>, RealmError> {
        if username.as_str().len() > NAME_CHARS_MAX {
            return Ok(None);
        }
        for link in &self.links {
            if let Some(vouched) = link.realm.look_up(username).await? {
                return Ok(Some(vouched));
            }
        }
        Ok(None)
    }

    /// The realms, in their order.
    pub fn realms(&self) -> impl Iterator<Item = &Arc<dyn Realm>> {
        self.links.iter().map(|link| &link.realm)
    }

    /// Forgets what any realm remembers of a user's credentials.
    pub fn forget_user(&self, username: &Username) {
        self.successes().remove(username);
        for realm in self.realms() {
            realm.forget_user(username);
        }
    }

    /// Forgets what every realm, or the one of this name, remembers of the users named, or of all.
    /// False where there is no such realm.
    pub fn forget(&self, realm: Option<&str>, usernames: Option<&[Username]>) -> bool {
        self.successes().clear();
        let mut is_known = realm.is_none();
        for known in self.realms() {
            if realm.is_some_and(|name| name != known.realm().name.as_str()) {
                continue;
            }
            is_known = true;
            match usernames {
                Some(names) => names.iter().for_each(|name| known.forget_user(name)),
                None => known.forget_all(),
            }
        }
        is_known
    }

    /// The places to ask, in order: those that are always first, the one that vouched last time,
    /// the others.
    fn places(&self, attempt: &Attempt) -> impl Iterator<Item = usize> + use<'_> {
        let remembered = self.remembered(attempt);
        let with_duty = move |duty| {
            let links = self.links.iter().enumerate();
            links.filter(move |(_, link)| link.duty == duty).map(|(place, _)| place)
        };
        let others = with_duty(Duty::Everything).filter(move |place| remembered != Some(*place));
        with_duty(Duty::First).chain(remembered).chain(others)
    }

    fn remembered(&self, attempt: &Attempt) -> Option<usize> {
        let mut successes = self.successes();
        let (place, used) = successes.touch(&attempt.username)?;
        let idle_ms = u64::try_from(attempt.now.since_ms(*used)).unwrap_or(0);
        if Duration::from_millis(idle_ms) >= self.limits.expire_after {
            successes.remove(&attempt.username);
            return None;
        }
        *used = attempt.now;
        Some(*place)
    }

    fn remember(&self, attempt: &Attempt, place: usize) {
        let is_reorderable =
            self.links.get(place).is_some_and(|link| link.duty == Duty::Everything);
        if is_reorderable && self.limits.names_max > 0 {
            self.successes().insert(&attempt.username, (place, attempt.now));
        }
    }

    /// Nothing under the lock can panic half-way, so a poisoned state is whole.
    fn successes(&self) -> MutexGuard<'_, RecentMap<Username, (usize, BootTime)>> {
        self.successes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Chain").field("links", &self.links).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
