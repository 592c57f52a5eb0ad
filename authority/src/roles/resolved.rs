//! What a list of role names comes to: which of them are known, and what they permit together.
//!
//! Must not know where roles are kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use jeton_domain::name::RoleName;
use jeton_domain::role::permission::Permission;

/// What a list of role names comes to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    found: BTreeMap<String, Arc<Permission>>,
}

impl Resolved {
    /// Adds a role and what it permits.
    pub(crate) fn insert(&mut self, name: &RoleName, permission: Arc<Permission>) {
        self.found.insert(name.as_str().to_owned(), permission);
    }

    /// Whether there is a role of this name.
    pub(crate) fn is_found(&self, name: &RoleName) -> bool {
        self.found.contains_key(name.as_str())
    }

    /// Whether one of the roles allows the action.
    pub(crate) fn allows(&self, action: &str) -> bool {
        self.found.values().any(|permission| permission.allows(action))
    }

    /// Whether one of the roles lets its holder act as this user.
    pub(crate) fn may_run_as(&self, username: &str) -> bool {
        self.found.values().any(|permission| permission.may_run_as(username))
    }

    /// Whether one of the roles lets its holder manage the privileges of this application.
    pub(crate) fn may_manage_application(&self, name: &str) -> bool {
        self.found.values().any(|permission| permission.may_manage_application(name))
    }
}
