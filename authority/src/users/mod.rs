//! Users kept in the store: put, read, delete, enable, disable, change of password.

use jeton_domain::name::Username;
use jeton_domain::user::{INTERNAL_USERS, RESERVED_USERS, User, reserved_user};
use jeton_store::tables::users::{self as table, UserKind, UserRecord};

use crate::authenticate::reserved_metadata;
use crate::{Authority, AuthorityError};

pub mod delete;
pub mod enable;
mod follow;
pub mod password;
pub mod put;
pub mod query;
pub mod read;

/// Whether what was written or removed was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existence {
    /// It was not.
    New,
    /// It was.
    Known,
}

impl Existence {
    pub(crate) const fn of(was_there: bool) -> Self {
        if was_there { Self::Known } else { Self::New }
    }
}

impl Authority {
    /// Whether the name is a built-in user's, and their realm is on.
    pub(crate) fn is_built_in(&self, name: &str) -> bool {
        reserved_user(name).is_some() && self.policy.reserved.contains(name)
    }

    /// Whether the name is kept for the anonymous user, and anonymous access is on.
    pub(crate) fn is_anonymous_name(&self, name: &str) -> bool {
        self.policy.reserved.is_anonymous(name)
    }

    /// The user that callers without credentials are, where there are such.
    pub(crate) fn anonymous_user(&self) -> Option<User> {
        self.policy.anonymous.as_ref().map(|anonymous| User {
            username: anonymous.username.clone(),
            roles: anonymous.roles.clone(),
            full_name: None,
            email: None,
            metadata: reserved_metadata(),
            enabled: true,
        })
    }

    /// Which kind of record a name has.
    pub(crate) fn kind_of(&self, name: &str) -> UserKind {
        if self.is_built_in(name) { UserKind::Reserved } else { UserKind::Native }
    }

    pub(crate) async fn record(
        &self,
        kind: UserKind,
        name: &str,
    ) -> Result<Option<UserRecord>, AuthorityError> {
        let row = self.store.row(&table::key(kind, name)).await?;
        Ok(row.as_ref().map(table::decode).transpose()?)
    }

    /// The built-in users, with what the store knows of them.
    pub(crate) async fn built_in(&self) -> Result<Vec<User>, AuthorityError> {
        let mut users = Vec::new();
        for known in RESERVED_USERS.iter().filter(|known| self.is_built_in(known.name)) {
            let record = self.record(UserKind::Reserved, known.name).await?;
            let enabled = record.is_none_or(|record| record.enabled);
            users.push(jeton_realms::reserved::user_of(known, enabled));
        }
        users.extend(self.anonymous_user());
        Ok(users)
    }
}

/// What may be shown of a record.
pub(crate) fn user_of(record: UserRecord) -> User {
    let UserRecord { username, roles, full_name, email, metadata, enabled, password_hash: _ } =
        record;
    User { username, roles, full_name, email, metadata, enabled }
}

/// The names that only the service itself uses.
pub(crate) fn is_internal(name: &str) -> bool {
    INTERNAL_USERS.contains(&name)
}

/// A name as a record holds it.
pub(crate) fn username(name: &str) -> Username {
    Username::new(name)
}
