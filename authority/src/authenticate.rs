//! Authenticate: from what a request presents to who calls.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use jeton_domain::authentication::Authentication;
use jeton_domain::id::Tick;
use jeton_domain::name::{RealmName, RoleName, Username};
use jeton_domain::secret::Secret;
use jeton_domain::subject::{AuthenticationType, RealmRef, RunBy, Subject};
use jeton_domain::time::Timestamp;
use jeton_domain::user::reserved_user;
use jeton_domain::value::{Map, Value};
use jeton_realms::password::Lane;
use jeton_realms::realm::{Attempt, Evidence, Vouched};
use jeton_realms::throttle::{Origin, Permit, Verdict};
use jeton_store::engine::Key;
use jeton_store::tables::{cutoffs, pairs};

use crate::caller::{Caller, Credentials, Presented, Urgency};
use crate::error::Unauthenticated;
use crate::{Authority, AuthorityError};

/// A place in the hashing lane that is kept free for revocation.
enum ReservedPlace {
    /// Of a user who is known there.
    Known,
    /// Of somebody who may be a guesser; counted until it is given up.
    Stranger { _counted: Arc<()> },
}

/// Who asks for a password to be verified, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// A caller, for themselves.
    Caller,
    /// A caller who wants to revoke.
    Revoker,
    /// A caller who is known, for an end user.
    EndUser,
}

impl From<Urgency> for Asking {
    fn from(urgency: Urgency) -> Self {
        match urgency {
            Urgency::Ordinary => Self::Caller,
            Urgency::Revoking => Self::Revoker,
        }
    }
}

/// Credentials that were accepted, and what that rests on.
struct Accepted {
    authentication: Authentication,
    evidence: Vec<Evidence>,
    guards: Vec<Key>,
}

impl Authority {
    /// Finds out who calls. The tick is noted before any credential is looked at.
    pub async fn admit(&self, presented: Presented) -> Result<Caller, AuthorityError> {
        self.admit_at(presented, self.now()).await
    }

    /// Finds out again who calls, after a commit conflicted with what was known of the caller.
    pub(crate) async fn admit_again(&self, caller: Caller) -> Result<Caller, AuthorityError> {
        self.admit_at(caller.presented, caller.now).await
    }

    async fn admit_at(
        &self,
        presented: Presented,
        now: Timestamp,
    ) -> Result<Caller, AuthorityError> {
        let noted = self.tick();
        let accepted = self.accept(&presented, now).await?;
        let Accepted { authentication, evidence, guards } = accepted;
        let anonymous = self.policy.anonymous.as_ref();
        let shared_roles = anonymous.map(|anonymous| anonymous.roles.clone()).unwrap_or_default();
        let caller = Caller {
            authentication,
            presented,
            now,
            noted,
            evidence,
            guards,
            shared_roles,
            refused_run_as: None,
        };
        self.run_as(caller, noted).await
    }

    async fn accept(
        &self,
        presented: &Presented,
        now: Timestamp,
    ) -> Result<Accepted, AuthorityError> {
        match &presented.credentials {
            Credentials::Nothing => self.accept_anonymous(),
            Credentials::Password { username, password } => {
                let vouched = self
                    .verify(username, password, presented.address, presented.urgency.into())
                    .await?
                    .ok_or_else(|| Unauthenticated::User(username.as_str().to_owned()))?;
                let evidence = vouched.evidence.clone().into_iter().collect();
                let authentication = Authentication::of(Arc::new(Self::subject_of(vouched)));
                Ok(Accepted { authentication, evidence, guards: Vec::new() })
            }
            Credentials::Bearer(text) => self.accept_token(text, now).await,
            Credentials::ApiKey(_) => Err(Unauthenticated::UnknownApiKey.into()),
        }
    }

    fn accept_anonymous(&self) -> Result<Accepted, AuthorityError> {
        let anonymous = self.policy.anonymous.as_ref().ok_or(Unauthenticated::Missing)?;
        let realm = RealmRef {
            name: RealmName::new(ANONYMOUS_REALM),
            kind: ANONYMOUS_REALM.to_owned(),
            domain: None,
        };
        let subject = Subject {
            username: anonymous.username.clone(),
            roles: anonymous.roles.clone(),
            full_name: None,
            email: None,
            metadata: reserved_metadata(),
            enabled: true,
            authentication_realm: realm.clone(),
            lookup_realm: realm,
            authentication_type: AuthenticationType::Anonymous,
            run_by: None,
            api_key: None,
        };
        let authentication = Authentication::of(Arc::new(subject));
        Ok(Accepted { authentication, evidence: Vec::new(), guards: Vec::new() })
    }

    async fn accept_token(
        &self,
        text: &Secret,
        now: Timestamp,
    ) -> Result<Accepted, AuthorityError> {
        let (pair, known) = self.validate(text.expose(), now).await?;
        let subject = Arc::clone(known.subject());
        let mut guards = covering(&subject);
        guards.push(pairs::key(pair));
        let authentication =
            Authentication { subject, kind: AuthenticationType::Token, pair: Some(pair) };
        Ok(Accepted { authentication, evidence: Vec::new(), guards })
    }

    /// Judges a name and a password, after such a delay as failed attempts have earned.
    pub(crate) async fn verify(
        &self,
        username: &Username,
        password: &Arc<Secret>,
        address: Option<IpAddr>,
        asking: Asking,
    ) -> Result<Option<Vouched>, AuthorityError> {
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let origin = match asking {
            Asking::Caller | Asking::Revoker => Origin::Caller,
            Asking::EndUser => Origin::EndUser,
        };
        let asked_at = self.boot();
        let permit = loop {
            match self.throttle.admit(username, address, origin, asked_at, self.boot()) {
                Verdict::Proceed(permit) => break permit,
                Verdict::Wait(delay) => tokio::time::sleep(delay).await,
                Verdict::Refuse { retry_after } => {
                    let now = self.boot();
                    self.events.refused("a login is slowed down", username, address, now);
                    return Err(AuthorityError::Throttled { retry_after });
                }
            }
        };
        let place = self.place_in_reserved_lane(&permit, username, asking);
        let lane = if place.is_some() { Lane::Reserved } else { Lane::Ordinary };
        let attempt = Attempt {
            username: username.clone(),
            password: Arc::clone(password),
            lane,
            now: self.boot(),
        };
        let mut vouched = self.chain.authenticate(&attempt).await?;
        drop(place);
        // Nobody logs in under the name of those who do not log in.
        vouched = vouched.filter(|_| !self.is_anonymous_name(username.as_str()));
        if vouched.is_some() {
            permit.succeeded(self.boot());
        } else {
            let now = self.boot();
            permit.failed(now);
            self.events.refused("a login was refused", username, address, now);
        }
        Ok(vouched)
    }

    /// Whether a password may be hashed in the lane that is kept free for revocation.
    ///
    /// Users who logged in before from the same place may; of others only built-in users, and few
    /// at once, so that guessers under their names do not fill it.
    fn place_in_reserved_lane(
        &self,
        permit: &Permit,
        username: &Username,
        asking: Asking,
    ) -> Option<ReservedPlace> {
        if asking != Asking::Revoker {
            return None;
        }
        if permit.is_known() {
            return Some(ReservedPlace::Known);
        }
        let is_built_in = reserved_user(username.as_str()).is_some();
        let place = ReservedPlace::Stranger { _counted: Arc::clone(&self.strangers) };
        let is_free = Arc::strong_count(&self.strangers) <= STRANGERS_MAX.saturating_add(1);
        (is_built_in && is_free).then_some(place)
    }

    /// The subject that a realm's word makes.
    pub(crate) fn subject_of(vouched: Vouched) -> Subject {
        let Vouched { user, realm, evidence: _ } = vouched;
        Subject {
            username: user.username,
            roles: user.roles,
            full_name: user.full_name,
            email: user.email,
            metadata: user.metadata,
            enabled: user.enabled,
            authentication_realm: realm.clone(),
            lookup_realm: realm,
            authentication_type: AuthenticationType::Realm,
            run_by: None,
            api_key: None,
        }
    }

    /// The roles of a subject as answers show them and as they count: a user has those of anonymous
    /// callers too, as long as there are such callers.
    pub fn shown_roles(&self, subject: &Subject) -> Vec<RoleName> {
        let mut roles = subject.roles.clone();
        let anonymous = self.policy.anonymous.iter().filter(|_| subject.api_key.is_none());
        for role in anonymous.flat_map(|anonymous| &anonymous.roles) {
            if !roles.contains(role) {
                roles.push(role.clone());
            }
        }
        roles
    }

    /// Makes the caller act as the user whom the request names, where that is honoured.
    async fn run_as(&self, mut caller: Caller, noted: Tick) -> Result<Caller, AuthorityError> {
        let Some(target) = caller.presented.run_as.clone() else { return Ok(caller) };
        if caller.is_anonymous() || caller.authentication.subject.is_run_as() {
            return Ok(caller);
        }
        if target.is_empty() {
            return Err(Unauthenticated::User(target).into());
        }
        debug_assert_eq!(caller.noted, noted, "the target is looked up after the tick was noted");
        let permission = self.permission_of(&caller.authentication.subject).await?;
        let vouched = self.chain.look_up(&Username::new(&target)).await?;
        let Some(vouched) = vouched.filter(|_| permission.may_run_as(&target)) else {
            caller.refused_run_as = Some(target);
            return Ok(caller);
        };
        if !vouched.user.enabled {
            return Err(Unauthenticated::User(target).into());
        }
        caller.evidence.extend(vouched.evidence.clone());
        let by = &caller.authentication.subject;
        let run_by = RunBy { username: by.username.clone(), roles: by.roles.clone() };
        let subject = Subject {
            authentication_realm: by.authentication_realm.clone(),
            authentication_type: by.authentication_type,
            run_by: Some(run_by),
            ..Self::subject_of(vouched)
        };
        caller.authentication.subject = Arc::new(subject);
        Ok(caller)
    }
}

/// What is known of the anonymous user: that the name is taken.
pub(crate) fn reserved_metadata() -> Map {
    [("_reserved".to_owned(), Value::Bool(true))].into_iter().collect()
}

/// The keys of the cutoffs that cover a subject's pairs.
pub(crate) fn covering(subject: &Subject) -> Vec<Key> {
    use jeton_domain::selector::Selector;
    Selector::covering(&subject.username, &subject.effective_realm().name)
        .iter()
        .map(cutoffs::key)
        .collect()
}

/// Revoking requests by built-in users from places where they are not known, hashed at once.
const STRANGERS_MAX: usize = 4;

/// Name and kind of the realm that anonymous callers are shown in.
const ANONYMOUS_REALM: &str = "__anonymous";
