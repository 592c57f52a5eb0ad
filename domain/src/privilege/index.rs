//! Privileges on indices: their names.
//!
//! Jeton holds no indices; it keeps these privileges for the services that ask for them.

use alloc::string::String;

use thiserror::Error;

/// Every named privilege on indices, in the order of the alphabet.
pub const INDEX_PRIVILEGES: [&str; 22] = [
    "all",
    "auto_configure",
    "create",
    "create_doc",
    "create_index",
    "cross_cluster_replication",
    "cross_cluster_replication_internal",
    "delete",
    "delete_index",
    "index",
    "maintenance",
    "manage",
    "manage_data_stream_lifecycle",
    "manage_follow_index",
    "manage_ilm",
    "manage_leader_index",
    "monitor",
    "none",
    "read",
    "read_cross_cluster",
    "view_index_metadata",
    "write",
];

/// Neither the name of a privilege on indices nor a pattern over actions on them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "unknown index privilege [{name}]. a privilege must be either one of the predefined fixed \
     indices privileges [{}] or a pattern over one of the available index actions",
    INDEX_PRIVILEGES.join(",")
)]
pub struct UnknownIndexPrivilege {
    /// The name, in lower case.
    pub name: String,
}

/// Checks the name of a privilege on indices, whatever its case.
pub fn check(name: &str) -> Result<(), UnknownIndexPrivilege> {
    let name = name.to_lowercase();
    let is_action = ACTION_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    if is_action || INDEX_PRIVILEGES.contains(&name.as_str()) {
        return Ok(());
    }
    Err(UnknownIndexPrivilege { name })
}

const ACTION_PREFIXES: [&str; 2] = ["indices:", "internal:transport/proxy/indices:"];

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn names_and_action_patterns_are_known_in_any_case() {
        for name in ["read", "READ", "indices:data/read/*", "none"] {
            assert!(check(name).is_ok(), "{name}");
        }
        let refused = check("Bogus").unwrap_err().to_string();
        assert!(refused.starts_with("unknown index privilege [bogus]. a privilege must be either"));
        assert!(refused.contains("[all,auto_configure,create,"));
        assert!(refused.ends_with("or a pattern over one of the available index actions"));
    }

    #[test]
    fn the_names_stand_in_alphabetical_order() {
        assert!(INDEX_PRIVILEGES.is_sorted());
    }
}
