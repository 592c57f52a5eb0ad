//! What a client asks an authority, and what it is answered, as plain values.
//!
//! Owns the calls, so that models, searches and simulations say the same things. Must not judge an
//! answer.

use std::sync::Arc;

use jeton_authority::tokens::Granted;
use jeton_authority::tokens::issue::Grant;
use jeton_authority::tokens::revoke::{Revocation, Revoked};
use jeton_authority::users::put::{NewPassword, UserPut};
use jeton_authority::{Authority, AuthorityError, Credentials, Presented, Urgency};
use jeton_domain::name::{RoleName, Username};
use jeton_domain::secret::Secret;
use jeton_domain::selector::Selector;
use jeton_domain::token::text::Half;
use jeton_store::tables::census::Counts;

use crate::vouching::password_of;
use crate::world::UNUSED_HASH;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A user of a realm, by password.
    User {
        /// The name.
        username: String,
        /// The realm.
        realm: String,
        /// The user to act as.
        run_as: Option<String>,
    },
    /// Whoever holds this access token.
    Bearer(String),
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A pair for an end user, by their password.
    Password {
        /// The name.
        username: String,
        /// The realm.
        realm: String,
    },
    /// An access token for the asker.
    ClientCredentials,
    /// A new pair for a refresh token.
    Refresh(String),
    /// The end of one half.
    Revoke(Half, String),
    /// The end of everything that is covered.
    RevokeAll(Selector),
    /// Nothing but to be known.
    Authenticate,
    /// Whether a native user may log in from now on.
    Enable(String, bool),
    /// The end of a user's password, and of tokens where they follow their user.
    ChangePassword(String),
    /// The end of a user's log-ins, and of tokens where they follow their user.
    Disable(String),
    /// The end of a user, and of tokens where they follow their user.
    Delete(String),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Both strings, or the one.
    Granted {
        /// The access token.
        access: String,
        /// The refresh token.
        refresh: Option<String>,
    },
    /// The counters of a revocation.
    Counted {
        /// Halves that it revoked.
        invalidated: u64,
        /// Halves that were revoked before.
        previously: u64,
    },
    /// There is no such token.
    NoSuchToken,
    /// The asker is this user.
    Known(String),
    /// It is done.
    Done,
    /// Nobody is authenticated; the text says how.
    Unauthenticated(String),
    /// It is refused with this text.
    Refused(String),
    /// It cannot be told whether it was done; the text says why.
    Undecided(String),
}

impl Asker {
    /// The user who may do everything.
    pub fn elastic() -> Self {
        Self::user("elastic", "reserved")
    }

    /// A user, by password.
    pub fn user(username: &str, realm: &str) -> Self {
        Self::User { username: username.to_owned(), realm: realm.to_owned(), run_as: None }
    }

    /// What their request presents.
    pub fn presented(&self) -> Presented {
        let (credentials, run_as) = match self {
            Self::User { username, realm, run_as } => {
                let password = Secret::from_text(password_of(username, realm));
                let username = Username::new(username);
                let credentials = Credentials::Password { username, password: Arc::new(password) };
                (credentials, run_as.clone())
            }
            Self::Bearer(token) => (Credentials::Bearer(secret(token)), None),
        };
        Presented { credentials, run_as, address: None, urgency: Urgency::Ordinary }
    }
}

impl Ask {
    /// The end of an access token.
    pub fn revoke_access(token: &str) -> Self {
        Self::Revoke(Half::Access, token.to_owned())
    }

    /// The end of a refresh token.
    pub fn revoke_refresh(token: &str) -> Self {
        Self::Revoke(Half::Refresh, token.to_owned())
    }
}

impl Answer {
    /// The access token that was granted.
    pub fn access(&self) -> Option<&str> {
        match self {
            Self::Granted { access, .. } => Some(access),
            _ => None,
        }
    }

    /// The refresh token that was granted.
    pub fn refresh(&self) -> Option<&str> {
        match self {
            Self::Granted { refresh, .. } => refresh.as_deref(),
            _ => None,
        }
    }

    /// These counters.
    pub const fn counted(invalidated: u64, previously: u64) -> Self {
        Self::Counted { invalidated, previously }
    }
}

/// Asks, as one request does: who calls is found out first, then it is done.
pub async fn ask(authority: &Authority, asker: &Asker, what: &Ask) -> Answer {
    match try_ask(authority, asker, what).await {
        Ok(answer) => answer,
        Err(AuthorityError::Unauthenticated(who)) => Answer::Unauthenticated(who.to_string()),
        Err(AuthorityError::Unavailable { cause, .. }) => Answer::Undecided(cause),
        Err(AuthorityError::Busy(what)) => Answer::Undecided(what.to_owned()),
        Err(refused) => Answer::Refused(refused.to_string()),
    }
}

async fn try_ask(
    authority: &Authority,
    asker: &Asker,
    what: &Ask,
) -> Result<Answer, AuthorityError> {
    let caller = authority.admit(asker.presented()).await?;
    let revocation = match what {
        Ask::Password { username, realm } => {
            let password = Arc::new(Secret::from_text(password_of(username, realm)));
            let grant = Grant::Password { username: Username::new(username), password };
            return Ok(granted(&authority.issue(caller, grant).await?));
        }
        Ask::ClientCredentials => {
            return Ok(granted(&authority.issue(caller, Grant::ClientCredentials).await?));
        }
        Ask::Refresh(token) => {
            let token = Secret::from_text(token.clone());
            return Ok(granted(&authority.refresh(caller, &token).await?));
        }
        Ask::Authenticate => {
            let username = &caller.authentication.subject.username;
            return Ok(Answer::Known(username.as_str().to_owned()));
        }
        Ask::Enable(username, enabled) => {
            authority.put_user(caller, with_enabled(username, *enabled)).await?;
            return Ok(Answer::Done);
        }
        Ask::ChangePassword(username) => {
            let password = NewPassword::Hashed(secret(UNUSED_HASH));
            authority.change_password(caller, Some(username), &password).await?;
            return Ok(Answer::Done);
        }
        Ask::Disable(username) => {
            authority.disable_user(caller, username).await?;
            return Ok(Answer::Done);
        }
        Ask::Delete(username) => {
            authority.delete_user(caller, username).await?;
            return Ok(Answer::Done);
        }
        Ask::Revoke(half, text) => {
            Revocation::Token { half: *half, text: Secret::from_text(text.clone()) }
        }
        Ask::RevokeAll(selector) => Revocation::All(selector.clone()),
    };
    Ok(match authority.revoke(caller, revocation).await? {
        Revoked::Unknown => Answer::NoSuchToken,
        Revoked::Counted(Counts { invalidated, previously }) => {
            Answer::Counted { invalidated, previously }
        }
    })
}

fn granted(granted: &Granted) -> Answer {
    Answer::Granted { access: text(&granted.access), refresh: granted.refresh.as_ref().map(text) }
}

fn text(token: &Secret) -> String {
    String::from_utf8_lossy(token.expose()).into_owned()
}

fn secret(token: &str) -> Arc<Secret> {
    Arc::new(Secret::from(token))
}

fn with_enabled(username: &str, enabled: bool) -> UserPut {
    UserPut {
        username: username.to_owned(),
        password: None,
        roles: Some(vec![RoleName::new("superuser")]),
        full_name: None,
        email: None,
        metadata: None,
        enabled,
    }
}
