//! Authorize: whether a caller may do what is asked.

use jeton_domain::name::RoleName;
use jeton_domain::privilege::denial::{self, Authenticated, Caller as DeniedCaller, Roles};
use jeton_domain::privilege::{action, grant};
use jeton_domain::subject::Subject;

use crate::caller::Caller;
use crate::roles::resolved::Resolved;
use crate::{Authority, AuthorityError};

impl Authority {
    /// Refuses an action that the caller may not do. The words are the wire's.
    pub async fn authorize(&self, caller: &Caller, action: &str) -> Result<(), AuthorityError> {
        self.authorize_where(caller, action, |_| false).await
    }

    /// As [`Authority::authorize`], for a request that roles may also allow by what it concerns.
    pub(crate) async fn authorize_where(
        &self,
        caller: &Caller,
        action: &str,
        is_allowed_too: impl Fn(&Resolved) -> bool + Send,
    ) -> Result<(), AuthorityError> {
        let subject = &caller.authentication.subject;
        if let Some(target) = &caller.refused_run_as {
            let resolved = self.permission_of(subject).await?;
            let assigned = self.shown_roles(subject);
            let (who, roles) = (authenticated(subject), effective(subject, &assigned, &resolved));
            let text = denial::run_as_unauthorized(action, who, roles, target);
            return Err(AuthorityError::Forbidden(text));
        }
        if action::is_open_to_everyone(action) {
            return Ok(());
        }
        let resolved = self.permission_of(subject).await?;
        if resolved.allows(action) || is_allowed_too(&resolved) {
            return Ok(());
        }
        Err(self.denied(caller, &resolved, action))
    }

    /// What a subject's roles permit.
    pub(crate) async fn permission_of(
        &self,
        subject: &Subject,
    ) -> Result<Resolved, AuthorityError> {
        self.roles.resolve(&self.shown_roles(subject)).await
    }

    fn denied(&self, caller: &Caller, resolved: &Resolved, action: &str) -> AuthorityError {
        let is_silent =
            self.policy.anonymous.as_ref().is_some_and(|anonymous| !anonymous.is_told_of_denial);
        if caller.is_anonymous() && is_silent {
            return AuthorityError::LogInFirst(denial::authentication_required(action));
        }
        let subject = &caller.authentication.subject;
        let assigned = self.shown_roles(subject);
        let denied = DeniedCaller {
            authenticated: authenticated(subject),
            run_as: subject.run_by.as_ref().map(|_| subject.username.as_str()),
            roles: effective(subject, &assigned, resolved),
        };
        AuthorityError::Forbidden(denial::unauthorized(action, &denied, &grant::granted_by(action)))
    }
}

fn authenticated(subject: &Subject) -> Authenticated<'_> {
    let name = subject.run_by.as_ref().map_or(&subject.username, |by| &by.username).as_str();
    match &subject.api_key {
        Some(key) => Authenticated::ApiKey { id: &key.id, owner: name },
        None => Authenticated::User(name),
    }
}

fn effective<'a>(
    subject: &Subject,
    assigned: &'a [RoleName],
    resolved: &Resolved,
) -> Option<Roles<'a>> {
    let is_found = |name: &str| resolved.is_found(&RoleName::new(name));
    subject.api_key.is_none().then(|| Roles::effective(assigned, is_found))
}
