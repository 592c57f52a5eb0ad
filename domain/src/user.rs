//! Users as a realm knows them.

use alloc::string::String;
use alloc::vec::Vec;

use crate::name::{RoleName, Username};
use crate::value::Map;

/// What a realm knows of a user once it has vouched for them or looked them up.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The name.
    pub username: Username,
    /// Names of the roles, in the order in which they were assigned.
    pub roles: Vec<RoleName>,
    /// Full name, where known.
    pub full_name: Option<String>,
    /// Address of electronic mail, where known.
    pub email: Option<String>,
    /// Whatever else is known.
    pub metadata: Map,
    /// Whether the user may log in.
    pub enabled: bool,
}

/// The users that every store knows from the start.
///
/// Their names are reserved: no other realm answers for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedUser {
    /// The name.
    pub name: &'static str,
    /// The fixed roles.
    pub roles: &'static [&'static str],
    /// Why it should not be used any more, where that is so.
    pub deprecated: Option<&'static str>,
}

/// Every reserved user, in the order of listings.
pub const RESERVED_USERS: [ReservedUser; 7] = [
    reserved("elastic", &["superuser"]),
    reserved("kibana_system", &["kibana_system"]),
    ReservedUser {
        name: "kibana",
        roles: &["kibana_system"],
        deprecated: Some("Please use the [kibana_system] user instead."),
    },
    reserved("logstash_system", &["logstash_system"]),
    reserved("beats_system", &["beats_system"]),
    reserved("apm_system", &["apm_system"]),
    reserved("remote_monitoring_user", &["remote_monitoring_collector", "remote_monitoring_agent"]),
];

/// The names of users that only the service itself uses. Nobody else may have them.
pub const INTERNAL_USERS: [&str; 6] =
    ["_system", "_xpack", "_xpack_security", "_async_search", "_storage", "_security_profile"];

const fn reserved(name: &'static str, roles: &'static [&'static str]) -> ReservedUser {
    ReservedUser { name, roles, deprecated: None }
}

/// The reserved user of this name.
pub fn reserved_user(name: &str) -> Option<&'static ReservedUser> {
    RESERVED_USERS.iter().find(|user| user.name == name)
}
