//! Who calls: what a request presents, and what became of it.

use core::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use jeton_domain::authentication::Authentication;
use jeton_domain::id::Tick;
use jeton_domain::name::{RoleName, Username};
use jeton_domain::secret::Secret;
use jeton_domain::subject::AuthenticationType;
use jeton_domain::time::Timestamp;
use jeton_realms::realm::Evidence;
use jeton_store::engine::Key;
use jeton_store::tables::roles;

/// The credentials of a request.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// None.
    Nothing,
    /// A name and a password.
    Password {
        /// The name.
        username: Username,
        /// The password.
        password: Arc<Secret>,
    },
    /// The text of an access token.
    Bearer(Arc<Secret>),
    /// An API key in its coded form.
    ApiKey(Arc<Secret>),
}

/// Everything by which a request says who calls.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The credentials.
    pub credentials: Credentials,
    /// The user to act as, where the request names one.
    pub run_as: Option<String>,
    /// Where the request comes from.
    pub address: Option<IpAddr>,
    /// Whether the request revokes: its password is hashed in the reserved lane.
    pub urgency: Urgency,
}

/// How pressing a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// It can wait behind others, and be turned away when too many wait.
    Ordinary,
    /// It revokes: logins that have filled everything must not hold it up.
    Revoking,
}

/// A caller who is known.
pub struct Caller {
    /// Who it is.
    pub authentication: Authentication,
    pub(crate) presented: Presented,
    /// When the request was received.
    pub(crate) now: Timestamp,
    /// The tick that was noted before the credentials were looked at.
    pub(crate) noted: Tick,
    /// What must still hold when something is committed for this caller.
    pub(crate) evidence: Vec<Evidence>,
    /// Rows whose change undoes the authentication.
    pub(crate) guards: Vec<Key>,
    /// The roles that every user has beside their own.
    pub(crate) shared_roles: Vec<RoleName>,
    /// The user that the caller may not act as, or that nobody knows: every action is denied.
    pub(crate) refused_run_as: Option<String>,
}

impl Caller {
    /// When the request was received.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The keys of everything that a decision for this caller rests on: rows that vouched, rows
    /// whose change undoes the authentication, and the roles that say what the caller may do.
    pub(crate) fn grounds(&self) -> impl Iterator<Item = Key> {
        let subject = &self.authentication.subject;
        let by = subject.run_by.iter().flat_map(|by| &by.roles);
        let roles = subject.roles.iter().chain(by).chain(&self.shared_roles);
        let evidence = self.evidence.iter().map(|evidence| evidence.key.clone());
        let roles = roles.map(|role| roles::key(role.as_str()));
        evidence.chain(self.guards.iter().cloned()).chain(roles)
    }

    /// Whether the caller came without credentials, and anonymous access is on.
    pub fn is_anonymous(&self) -> bool {
        self.authentication.kind == AuthenticationType::Anonymous
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("authentication", &self.authentication)
            .finish_non_exhaustive()
    }
}
