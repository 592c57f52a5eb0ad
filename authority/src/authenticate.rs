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
use jeton_domain::value::Map;
use jeton_realms::password::Lane;
use jeton_realms::realm::{Attempt, Evidence, Vouched};
use jeton_realms::throttle::Verdict;
use jeton_store::engine::Key;
use jeton_store::tables::{cutoffs, pairs};

use crate::caller::{Caller, Credentials, Presented, Urgency};
use crate::error::Unauthenticated;
use crate::{Authority, AuthorityError};

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
        let caller = Caller {
            authentication,
            presented,
            now,
            noted,
            evidence,
            guards,
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
                    .verify(username, password, presented.address, presented.urgency)
                    .await?
                    .ok_or_else(|| Unauthenticated::User(username.as_str().to_owned()))?;
                let evidence = vouched.evidence.clone().into_iter().collect();
                let authentication = Authentication::of(Arc::new(self.subject_of(vouched)));
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
            metadata: Map::new(),
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
        urgency: Urgency,
    ) -> Result<Option<Vouched>, AuthorityError> {
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let asked_at = self.boot();
        let permit = loop {
            match self.throttle.admit(username, address, asked_at, self.boot()) {
                Verdict::Proceed(permit) => break permit,
                Verdict::Wait(delay) => tokio::time::sleep(delay).await,
                Verdict::Refuse { retry_after } => {
                    return Err(AuthorityError::Throttled { retry_after });
                }
            }
        };
        // Guessers must not fill the lane that is kept free for revocation.
        let is_trusted = permit.is_known() || reserved_user(username.as_str()).is_some();
        let lane = match urgency {
            Urgency::Revoking if is_trusted => Lane::Reserved,
            Urgency::Revoking | Urgency::Ordinary => Lane::Ordinary,
        };
        let attempt = Attempt {
            username: username.clone(),
            password: Arc::clone(password),
            lane,
            now: self.boot(),
        };
        let vouched = self.chain.authenticate(&attempt).await?;
        match &vouched {
            Some(_) => permit.succeeded(self.boot()),
            None => permit.failed(self.boot()),
        }
        Ok(vouched)
    }

    /// The subject that a realm's word makes.
    pub(crate) fn subject_of(&self, vouched: Vouched) -> Subject {
        let Vouched { user, realm, evidence: _ } = vouched;
        Subject {
            username: user.username,
            roles: self.with_anonymous_roles(user.roles),
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

    fn with_anonymous_roles(&self, mut roles: Vec<RoleName>) -> Vec<RoleName> {
        for role in self.policy.anonymous.iter().flat_map(|anonymous| &anonymous.roles) {
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
            ..self.subject_of(vouched)
        };
        caller.authentication.subject = Arc::new(subject);
        Ok(caller)
    }
}

/// The keys of the cutoffs that cover a subject's pairs.
pub(crate) fn covering(subject: &Subject) -> Vec<Key> {
    use jeton_domain::selector::Selector;
    Selector::covering(&subject.username, &subject.effective_realm().name)
        .iter()
        .map(cutoffs::key)
        .collect()
}

/// Name and kind of the realm that anonymous callers are shown in.
const ANONYMOUS_REALM: &str = "__anonymous";
