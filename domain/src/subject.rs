//! Who a token is for, as it was when the token was granted.

use alloc::string::String;
use alloc::vec::Vec;

use crate::name::{RealmName, RoleName, Username};
use crate::value::{Map, Value};

/// A realm as answers name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RealmRef {
    /// The configured name.
    pub name: RealmName,
    /// The kind of realm, in Elasticsearch's words: `file`, `native`, `reserved`, ...
    pub kind: String,
    /// The security domain, where one is configured.
    pub domain: Option<String>,
}

/// How the credentials behind an authentication were checked, in Elasticsearch's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthenticationType {
    /// A realm checked them.
    Realm,
    /// An API key.
    ApiKey,
    /// An access token, or the token of a service account.
    Token,
    /// There were none, and anonymous access is on.
    Anonymous,
    /// The service itself.
    Internal,
}

impl AuthenticationType {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Realm => "realm",
            Self::ApiKey => "api_key",
            Self::Token => "token",
            Self::Anonymous => "anonymous",
            Self::Internal => "internal",
        }
    }
}

/// The API key behind an authentication.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKeyRef {
    /// Its id.
    pub id: String,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// What it may do: role descriptors as values, by role name.
    pub role_descriptors: Map,
    /// What bounds it: its owner's role descriptors when it was made.
    pub limited_by: Vec<Value>,
}

/// Everything that an authentication says of who is acting. A token carries it as a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The effective user.
    pub username: Username,
    /// Names of the roles, in the order in which they were assigned.
    pub roles: Vec<RoleName>,
    /// Full name, where known.
    pub full_name: Option<String>,
    /// Address of electronic mail, where known.
    pub email: Option<String>,
    /// Whatever else is known.
    pub metadata: Map,
    /// Whether the user was enabled.
    pub enabled: bool,
    /// The realm that checked the credentials.
    pub authentication_realm: RealmRef,
    /// The realm of the effective user; the same as `authentication_realm` without run-as.
    pub lookup_realm: RealmRef,
    /// How the credentials were checked.
    pub authentication_type: AuthenticationType,
    /// The user who acts as the effective one, under run-as.
    pub run_by: Option<RunBy>,
    /// The API key, where one was used.
    pub api_key: Option<ApiKeyRef>,
}

/// The user who acts as another.
#[derive(Clone, Debug, PartialEq)]
pub struct RunBy {
    /// The name.
    pub username: Username,
    /// Names of the roles.
    pub roles: Vec<RoleName>,
}

impl Subject {
    /// Whether one user acts as another.
    pub const fn is_run_as(&self) -> bool {
        self.run_by.is_some()
    }

    /// The realm by whose name a bulk revocation finds the subject's tokens.
    pub const fn effective_realm(&self) -> &RealmRef {
        &self.lookup_realm
    }

    /// The client that this subject is when it asks for a token to be made or refreshed.
    pub fn client(&self) -> Client {
        match &self.api_key {
            Some(key) => Client::ApiKey { id: key.id.clone() },
            None => Client::User {
                username: self.username.clone(),
                realm: self.effective_realm().clone(),
            },
        }
    }
}

/// Who asked for a token to be made: only the same client may refresh it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Client {
    /// A user of a realm, however authenticated.
    User {
        /// The effective user.
        username: Username,
        /// The effective user's realm.
        realm: RealmRef,
    },
    /// An API key.
    ApiKey {
        /// Its id.
        id: String,
    },
}

impl Client {
    /// Whether both are the same client (`docs/wire.md`, ownership of refresh).
    ///
    /// Users: same name and equivalent realms. Realms are equivalent when name and type are the
    /// same, when both are of the one `file` or the one `native` kind, or within one security
    /// domain.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ApiKey { id }, Self::ApiKey { id: other }) => id == other,
            (
                Self::User { username, realm },
                Self::User { username: other_name, realm: other_realm },
            ) => username == other_name && is_equivalent(realm, other_realm),
            (Self::ApiKey { .. }, Self::User { .. }) | (Self::User { .. }, Self::ApiKey { .. }) => {
                false
            }
        }
    }
}

fn is_equivalent(one: &RealmRef, other: &RealmRef) -> bool {
    let is_single_kind = matches!(one.kind.as_str(), "file" | "native");
    let is_same_realm = one.kind == other.kind && (one.name == other.name || is_single_kind);
    is_same_realm || (one.domain.is_some() && one.domain == other.domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realm(name: &str, kind: &str, domain: Option<&str>) -> RealmRef {
        RealmRef { name: RealmName::new(name), kind: kind.into(), domain: domain.map(Into::into) }
    }

    fn user(name: &str, realm: RealmRef) -> Client {
        Client::User { username: Username::new(name), realm }
    }

    #[test]
    fn a_client_is_a_name_in_equivalent_realms() {
        let ann = user("ann", realm("default_native", "native", None));
        assert!(ann.is_same(&user("ann", realm("n2", "native", None))));
        assert!(!ann.is_same(&user("bob", realm("default_native", "native", None))));
        assert!(!ann.is_same(&user("ann", realm("default_file", "file", None))));
        assert!(!ann.is_same(&Client::ApiKey { id: "ann".into() }));
        let one = user("ann", realm("l1", "ldap", Some("d")));
        assert!(one.is_same(&user("ann", realm("s1", "saml", Some("d")))));
        assert!(
            !user("ann", realm("l1", "ldap", None))
                .is_same(&user("ann", realm("l2", "ldap", None)))
        );
    }
}
