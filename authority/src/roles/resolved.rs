//! What a list of role names comes to: which of them are known, and what they permit together.
//!
//! Must not know where roles are kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use jeton_domain::name::RoleName;
use jeton_domain::role::descriptor::RoleDescriptor;
use jeton_domain::role::permission::{Permission, may_manage_roles};

/// What a list of role names comes to, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    found: BTreeMap<String, Found>,
}

#[derive(Clone, Debug)]
struct Found {
    role: Arc<RoleDescriptor>,
    permission: Arc<Permission>,
}

impl Resolved {
    /// Adds a role and what it permits.
    pub(crate) fn insert(&mut self, role: Arc<RoleDescriptor>, permission: Arc<Permission>) {
        let name = role.name.as_str().to_owned();
        self.found.insert(name, Found { role, permission });
    }

    /// Whether there is a role of this name.
    pub(crate) fn is_found(&self, name: &RoleName) -> bool {
        self.found.contains_key(name.as_str())
    }

    /// The roles, in order of names.
    pub(crate) fn roles(&self) -> impl Iterator<Item = &RoleDescriptor> {
        self.found.values().map(|found| found.role.as_ref())
    }

    /// What each of the roles permits, in order of names.
    pub(crate) fn permissions(&self) -> impl Iterator<Item = &Permission> {
        self.found.values().map(|found| found.permission.as_ref())
    }

    /// Whether one of the roles allows the action.
    pub(crate) fn allows(&self, action: &str) -> bool {
        self.permissions().any(|permission| permission.allows(action))
    }

    /// Whether one of the roles lets its holder act as this user.
    pub(crate) fn may_run_as(&self, username: &str) -> bool {
        self.permissions().any(|permission| permission.may_run_as(username))
    }

    /// Whether one of the roles lets its holder manage the privileges of this application.
    pub(crate) fn may_manage_application(&self, name: &str) -> bool {
        self.permissions().any(|permission| permission.may_manage_application(name))
    }

    /// Whether the roles let their holder write and remove each of these roles. Who may do so with
    /// none may not ask.
    pub(crate) fn may_manage_roles(&self, roles: &[&RoleDescriptor]) -> bool {
        may_manage_roles(self.permissions(), roles)
    }
}
