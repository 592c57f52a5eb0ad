//! What roles permit together.
//!
//! Owns the union of what several descriptors grant on the service itself. Privileges on indices
//! and in applications stay in the descriptors.

use alloc::string::String;
use alloc::vec::Vec;

use super::descriptor::RoleDescriptor;
use super::pattern::NamePattern;
use crate::privilege::action::is_open_to_everyone;
use crate::privilege::cluster::{ClusterPermission, ClusterPrivilege};

/// What the holder of some roles may do: whatever one of them grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    cluster: ClusterPermission,
    run_as: Vec<NamePattern>,
    managed_applications: Vec<NamePattern>,
    written_profiles: Vec<NamePattern>,
}

impl Permission {
    /// What the roles permit together. A privilege or pattern that is not known grants nothing.
    pub fn of<'a>(roles: impl IntoIterator<Item = &'a RoleDescriptor>) -> Self {
        let mut permission = Self::default();
        let mut privileges = Vec::new();
        for role in roles {
            privileges.extend(role.cluster.iter().flat_map(|name| ClusterPrivilege::resolve(name)));
            permission.run_as.extend(patterns(&role.run_as));
            let managed = role.global.manage_applications.iter().flatten();
            permission.managed_applications.extend(patterns(managed));
            let written = role.global.write_profiles.iter().flatten();
            permission.written_profiles.extend(patterns(written));
        }
        permission.cluster = privileges.into_iter().collect();
        permission
    }

    /// What the roles permit on the cluster.
    pub const fn cluster(&self) -> &ClusterPermission {
        &self.cluster
    }

    /// Whether `action` is allowed, whomever it concerns.
    pub fn allows(&self, action: &str) -> bool {
        is_open_to_everyone(action) || self.cluster.allows(action)
    }

    /// Whether `action` is allowed when it concerns only what belongs to the caller.
    pub fn allows_own(&self, action: &str) -> bool {
        is_open_to_everyone(action) || self.cluster.allows_own(action)
    }

    /// Whether the holder may act as the user of this name.
    pub fn may_run_as(&self, username: &str) -> bool {
        is_any(&self.run_as, username)
    }

    /// Whether the privileges of the application of this name may be read and written. Whoever asks
    /// for those of every application asks for the name `*`.
    pub fn may_manage_application(&self, name: &str) -> bool {
        is_any(&self.managed_applications, name)
    }

    /// Whether the data that user profiles hold under this top-level key may be written.
    pub fn may_write_profile(&self, key: &str) -> bool {
        is_any(&self.written_profiles, key)
    }
}

/// The patterns that can be read.
fn patterns<'a>(texts: impl IntoIterator<Item = &'a String>) -> impl Iterator<Item = NamePattern> {
    texts.into_iter().flat_map(|text| NamePattern::parse(text))
}

fn is_any(patterns: &[NamePattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

#[cfg(test)]
mod tests {
    use super::super::reserved;
    use super::*;
    use crate::name::RoleName;
    use crate::privilege::action;

    fn role(cluster: &[&str], run_as: &[&str]) -> RoleDescriptor {
        let mut role = RoleDescriptor::new(RoleName::new("r"));
        role.cluster = cluster.iter().map(|&name| name.into()).collect();
        role.run_as = run_as.iter().map(|&name| name.into()).collect();
        role
    }

    #[test]
    fn roles_permit_together_what_each_of_them_grants() {
        let roles = [role(&["manage_token"], &["ann"]), role(&["monitor"], &["/b.b/"])];
        let permission = Permission::of(&roles);
        assert!(permission.allows(action::CREATE_TOKEN));
        assert!(permission.allows(action::READ_MAIN));
        assert!(!permission.allows(action::PUT_USER));
        assert!(permission.may_run_as("ann") && permission.may_run_as("bob"));
        assert!(!permission.may_run_as("bo") && !permission.may_run_as("Ann"));
    }

    #[test]
    fn who_has_no_role_may_ask_who_they_are_and_nothing_else() {
        let permission = Permission::of([]);
        assert!(permission.allows(action::AUTHENTICATE));
        assert!(!permission.allows(action::READ_MAIN));
        assert!(!permission.may_run_as("ann"));
    }

    #[test]
    fn what_is_not_known_grants_nothing() {
        let permission = Permission::of([&role(&["bogus"], &["/a", "/~a/"])]);
        assert_eq!(permission, Permission::default());
    }

    #[test]
    fn global_privileges_reach_as_far_as_their_patterns() {
        let mut role = role(&[], &[]);
        role.global.manage_applications = Some(alloc::vec!["kibana-*".into()]);
        role.global.write_profiles = Some(alloc::vec!["/app[0-9]/".into(), "/(/".into()]);
        let permission = Permission::of([&role]);
        assert!(permission.may_manage_application("kibana-.kibana"));
        assert!(!permission.may_manage_application("kibana"));
        assert!(!permission.may_manage_application("*"));
        assert!(permission.may_write_profile("app1"));
        assert!(!permission.may_write_profile("kibana-x"));
        assert!(!permission.allows(action::PUT_PRIVILEGE));
    }

    #[test]
    fn a_superuser_may_do_everything() {
        let superuser = reserved::descriptor("superuser").unwrap();
        let permission = Permission::of([&superuser]);
        assert!(permission.allows(action::DELEGATE_PKI) && permission.may_run_as("anyone"));
    }
}
