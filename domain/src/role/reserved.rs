//! The roles that every store knows from the start.
//!
//! Owns their descriptors. Their names are reserved: no other store of roles answers for them.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use thiserror::Error;

use super::descriptor::{
    ApplicationGrant, GlobalPrivileges, IndexGrant, RemoteClusterGrant, RemoteIndexGrant,
    RoleDescriptor,
};
use super::reserved_table::{ApplicationRow, IndexRow, ROWS, Row};
use super::validation::REMOTE_CLUSTER_PRIVILEGES;
use crate::name::RoleName;
use crate::value::Value;

/// The reserved role that may do everything.
pub const SUPERUSER: &str = "superuser";

/// Whether the name is that of a reserved role.
pub fn is_reserved(name: &str) -> bool {
    ROWS.iter().any(|row| row.name == name)
}

/// Names of the reserved roles.
pub fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name)
}

/// The descriptor of a reserved role.
pub fn descriptor(name: &str) -> Option<RoleDescriptor> {
    ROWS.iter().find(|row| row.name == name).map(Row::descriptor)
}

/// The descriptors of all reserved roles.
pub fn descriptors() -> impl Iterator<Item = RoleDescriptor> {
    ROWS.iter().map(Row::descriptor)
}

/// The reserved roles that the operator wants to have. The name of any other is free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReservedRoles {
    /// None where nothing narrows them.
    only: Option<BTreeSet<String>>,
}

/// Why a choice of reserved roles is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReservedRolesRefusal {
    /// Nobody could do everything.
    #[error("the role [{SUPERUSER}] cannot be left out")]
    WithoutSuperuser,
    /// There is no such reserved role.
    #[error("[{0}] is no reserved role")]
    Unknown(String),
}

impl ReservedRoles {
    /// The roles of these names.
    pub fn only<'a>(
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ReservedRolesRefusal> {
        let only: BTreeSet<String> = names.into_iter().map(ToOwned::to_owned).collect();
        if let Some(unknown) = only.iter().find(|name| !is_reserved(name)) {
            return Err(ReservedRolesRefusal::Unknown(unknown.clone()));
        }
        if !only.contains(SUPERUSER) {
            return Err(ReservedRolesRefusal::WithoutSuperuser);
        }
        Ok(Self { only: Some(only) })
    }

    /// Whether the name is that of one of these roles.
    pub fn contains(&self, name: &str) -> bool {
        is_reserved(name) && self.only.as_ref().is_none_or(|only| only.contains(name))
    }

    /// The descriptor of one of these roles.
    pub fn descriptor(&self, name: &str) -> Option<RoleDescriptor> {
        self.contains(name).then(|| descriptor(name)).flatten()
    }

    /// The descriptors of all of these roles.
    pub fn descriptors(&self) -> impl Iterator<Item = RoleDescriptor> {
        ROWS.iter().filter(|row| self.contains(row.name)).map(Row::descriptor)
    }
}

impl Row {
    fn descriptor(&self) -> RoleDescriptor {
        let mut role = RoleDescriptor::new(RoleName::new(self.name));
        role.cluster = texts(self.cluster);
        role.indices = self.indices.iter().map(IndexRow::grant).collect();
        role.applications = self.applications.iter().map(ApplicationRow::grant).collect();
        role.metadata.set("_reserved".to_owned(), Value::Bool(true));
        if let Some(reason) = self.deprecated {
            role.metadata.set("_deprecated".to_owned(), Value::Bool(true));
            role.metadata.set("_deprecated_reason".to_owned(), Value::Text(reason.to_owned()));
        }
        match self.name {
            SUPERUSER => superuser(role),
            "kibana_system" => kibana_system(role),
            _ => role,
        }
    }
}

impl IndexRow {
    fn grant(&self) -> IndexGrant {
        let (Self::Plain(names, privileges) | Self::Restricted(names, privileges)) = self;
        IndexGrant {
            names: texts(names),
            privileges: texts(privileges),
            field_security: None,
            query: None,
            allow_restricted_indices: matches!(self, Self::Restricted(..)),
        }
    }
}

impl ApplicationRow {
    fn grant(&self) -> ApplicationGrant {
        ApplicationGrant {
            application: self.application.to_owned(),
            privileges: texts(self.privileges),
            resources: texts(&["*"]),
        }
    }
}

fn superuser(mut role: RoleDescriptor) -> RoleDescriptor {
    role.run_as = texts(&["*"]);
    let remote =
        |grant: &IndexGrant| RemoteIndexGrant { clusters: texts(&["*"]), grant: grant.clone() };
    role.remote_indices = role.indices.iter().map(remote).collect();
    role.remote_cluster = alloc::vec![RemoteClusterGrant {
        privileges: texts(&REMOTE_CLUSTER_PRIVILEGES),
        clusters: texts(&["*"]),
    }];
    role
}

fn kibana_system(mut role: RoleDescriptor) -> RoleDescriptor {
    role.global = GlobalPrivileges {
        manage_applications: Some(texts(&["kibana-*"])),
        write_profiles: Some(texts(&["kibana*"])),
        manage_roles: None,
    };
    role
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::super::permission::Permission;
    use super::super::validation::{RoleViolation, violations_of_file};
    use super::*;
    use crate::privilege::action;
    use crate::user::RESERVED_USERS;

    fn permission(name: &str) -> Permission {
        Permission::of([&descriptor(name).unwrap()])
    }

    #[test]
    fn every_reserved_role_is_known_by_its_name() {
        assert_eq!(names().count(), 33);
        for role in descriptors() {
            assert!(is_reserved(role.name.as_str()));
            assert_eq!(role.metadata.value("_reserved"), Some(&Value::Bool(true)));
            assert_eq!(descriptor(role.name.as_str()).as_ref(), Some(&role));
        }
        assert!(!is_reserved("Superuser"));
        assert_eq!(descriptor("mine"), None);
    }

    #[test]
    fn an_operator_may_narrow_the_reserved_roles_but_not_leave_out_the_superuser() {
        let all = ReservedRoles::default();
        assert!(all.contains("viewer") && all.descriptors().count() == 33);
        let some = ReservedRoles::only(["superuser", "viewer"]).unwrap();
        assert!(some.contains("viewer") && !some.contains("editor"));
        assert_eq!(some.descriptor("editor"), None);
        assert_eq!(some.descriptors().count(), 2);
        let refusal =
            |names: &[&str]| ReservedRoles::only(names.iter().copied()).unwrap_err().to_string();
        assert_eq!(refusal(&["viewer"]), "the role [superuser] cannot be left out");
        assert_eq!(refusal(&["superuser", "mine"]), "[mine] is no reserved role");
    }

    #[test]
    fn every_role_of_a_reserved_user_exists() {
        for role in RESERVED_USERS.iter().flat_map(|user| user.roles) {
            assert!(is_reserved(role), "{role}");
        }
    }

    #[test]
    fn reserved_roles_are_legal_but_for_their_metadata() {
        for role in descriptors() {
            assert_eq!(violations_of_file(&role), [RoleViolation::Metadata], "{}", role.name);
        }
    }

    #[test]
    fn deprecated_roles_say_what_to_use_instead() {
        let role = descriptor("kibana_user").unwrap();
        assert_eq!(role.metadata.value("_deprecated"), Some(&Value::Bool(true)));
        let reason = "Please use the [kibana_admin] role instead";
        assert_eq!(role.metadata.value("_deprecated_reason"), Some(&Value::Text(reason.into())));
    }

    #[test]
    fn a_superuser_holds_everything() {
        let role = descriptor(SUPERUSER).unwrap();
        assert_eq!(role.cluster, ["all"]);
        assert_eq!(role.run_as, ["*"]);
        assert_eq!(role.indices.len(), 2);
        assert!(role.indices.last().unwrap().allow_restricted_indices);
        assert_eq!(role.remote_indices.len(), 2);
        assert!(permission(SUPERUSER).allows(action::DELEGATE_PKI));
    }

    #[test]
    fn kibana_may_manage_tokens_but_not_users() {
        let kibana = permission("kibana_system");
        assert!(kibana.allows(action::CREATE_TOKEN) && kibana.allows(action::DELEGATE_PKI));
        assert!(kibana.allows(action::INVALIDATE_API_KEY) && kibana.allows(action::READ_MAIN));
        assert!(!kibana.allows(action::PUT_USER) && !kibana.may_run_as("elastic"));
    }

    #[test]
    fn agents_may_monitor_only() {
        for name in ["logstash_system", "beats_system", "apm_system", "remote_monitoring_collector"]
        {
            assert!(permission(name).allows(action::READ_MAIN), "{name}");
            assert!(!permission(name).allows(action::CREATE_TOKEN), "{name}");
        }
    }
}
