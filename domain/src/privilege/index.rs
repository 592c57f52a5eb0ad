//! Privileges on indices: their names, and the actions that each allows.
//!
//! Jeton holds no indices; it answers for the services that ask whether somebody may do something
//! there. Must not know roles or callers.

use alloc::string::String;

use thiserror::Error;

/// Every named privilege on indices, in the order of the alphabet.
pub const INDEX_PRIVILEGES: [&str; 24] = [
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
    "manage_failure_store",
    "manage_follow_index",
    "manage_ilm",
    "manage_leader_index",
    "monitor",
    "none",
    "read",
    "read_cross_cluster",
    "read_failure_store",
    "view_index_metadata",
    "write",
];

/// A set of actions on indices under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexPrivilege {
    name: String,
    /// Of a pattern over actions, the same with a `*` behind it, for it allows all that begins
    /// with it.
    raw: Option<String>,
}

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

impl IndexPrivilege {
    /// The privilege that `name` stands for, whatever its case.
    pub fn resolve(name: &str) -> Result<Self, UnknownIndexPrivilege> {
        let name = name.to_lowercase();
        let is_action = ACTION_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        if is_action {
            let raw = Some([name.as_str(), "*"].concat());
            return Ok(Self { name, raw });
        }
        if INDEX_PRIVILEGES.contains(&name.as_str()) {
            return Ok(Self { name, raw: None });
        }
        Err(UnknownIndexPrivilege { name })
    }

    /// The name, in lower case; of a pattern, its text.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Patterns of the actions that it allows.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        let named: &[&str] = if self.raw.is_some() { &[] } else { patterns(&self.name) };
        named.iter().copied().chain(self.raw.as_deref())
    }
}

/// Checks the name of a privilege on indices, whatever its case.
pub fn check(name: &str) -> Result<(), UnknownIndexPrivilege> {
    IndexPrivilege::resolve(name).map(drop)
}

/// What a named privilege allows.
fn patterns(name: &str) -> &'static [&'static str] {
    match name {
        "all" => &["indices:*", "internal:transport/proxy/indices:*", FAILURES_ALL],
        "auto_configure" => &["indices:admin/mapping/auto_put", "indices:admin/auto_create"],
        "create" => &[
            "indices:data/write/index*",
            "indices:data/write/bulk*",
            "indices:data/write/simulate/bulk*",
        ],
        "create_doc" => &[
            "indices:data/write/index",
            "indices:data/write/index[*",
            "indices:data/write/index:op_type/create",
            "indices:data/write/bulk*",
            "indices:data/write/simulate/bulk*",
        ],
        "create_index" => &[
            "indices:admin/create",
            "indices:admin/auto_create",
            "indices:admin/data_stream/create",
        ],
        "cross_cluster_replication" => &[
            "indices:data/read/xpack/ccr/shard_changes*",
            "indices:monitor/stats*",
            "indices:admin/seq_no/add_retention_lease*",
            "indices:admin/seq_no/remove_retention_lease*",
            "indices:admin/seq_no/renew_retention_lease*",
        ],
        "cross_cluster_replication_internal" => &[
            "indices:internal/admin/ccr/restore/session/clear*",
            "indices:internal/admin/ccr/restore/file_chunk/get*",
            "indices:internal/admin/ccr/restore/session/put*",
            "internal:transport/proxy/indices:internal/admin/ccr/restore/session/clear*",
            "internal:transport/proxy/indices:internal/admin/ccr/restore/file_chunk/get*",
        ],
        "delete" => &["indices:data/write/delete*", "indices:data/write/bulk*"],
        "delete_index" => &["indices:admin/delete", "indices:admin/data_stream/delete"],
        "index" => &[
            "indices:data/write/index*",
            "indices:data/write/bulk*",
            "indices:data/write/update*",
            "indices:data/write/simulate/bulk*",
        ],
        "maintenance" => &[
            "indices:admin/refresh*",
            "indices:admin/flush*",
            "indices:admin/synced_flush",
            "indices:admin/forcemerge*",
        ],
        "manage" => &["indices:monitor/*", "indices:admin/*", "indices:data/read/field_caps*"],
        "manage_data_stream_lifecycle" => &["indices:admin/data_stream/lifecycle/*"],
        "manage_failure_store" => &[
            "failures:indices:monitor/*",
            "failures:indices:admin/*",
            "failures:indices:data/read/field_caps*",
        ],
        "manage_follow_index" => &[
            "indices:admin/xpack/ccr/put_follow",
            "indices:admin/xpack/ccr/unfollow",
            "indices:admin/close*",
            "indices:admin/data_stream/promote",
            "indices:admin/rollover",
        ],
        "manage_ilm" => &["indices:admin/ilm/*"],
        "manage_leader_index" => &["indices:admin/xpack/ccr/forget_follower*"],
        "monitor" => &["indices:monitor/*"],
        "read" => {
            &["indices:data/read/*", "indices:admin/resolve/index", "indices:admin/resolve/cluster"]
        }
        "read_cross_cluster" => &[
            "internal:transport/proxy/indices:data/read/*",
            "internal:transport/proxy/indices:admin/shards/search_shards",
            "internal:transport/proxy/indices:admin/search/search_shards",
            "indices:admin/shards/search_shards",
            "indices:admin/search/search_shards",
            "indices:admin/resolve/cluster",
        ],
        "read_failure_store" => &[
            "failures:indices:data/read/*",
            "failures:indices:admin/resolve/index",
            "failures:indices:admin/resolve/cluster",
        ],
        "view_index_metadata" => &[
            "indices:admin/aliases/get",
            "indices:admin/get",
            "indices:admin/mappings/fields/get*",
            "indices:admin/mappings/get",
            "indices:admin/shards/search_shards",
            "indices:admin/search/search_shards",
            "indices:admin/validate/query*",
            "indices:monitor/settings/get",
            "indices:admin/ilm/explain",
            "indices:monitor/data_stream/stats",
            "indices:admin/data_stream/get",
            "indices:admin/data_stream/lifecycle/get",
            "indices:admin/data_stream/lifecycle/explain",
            "indices:admin/resolve/index",
            "indices:admin/resolve/cluster",
            "indices:data/read/field_caps*",
        ],
        "write" => &["indices:data/write/*", "indices:admin/mapping/auto_put"],
        _ => &[],
    }
}

/// Actions on the failure stores of data streams have names of their own here, since whoever may do
/// something to the data may not do it to the failures.
const FAILURES_ALL: &str = "failures:*";

const ACTION_PREFIXES: [&str; 2] = ["indices:", "internal:transport/proxy/indices:"];

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn every_named_privilege_but_none_allows_something() {
        for name in INDEX_PRIVILEGES {
            let privilege = IndexPrivilege::resolve(name).unwrap();
            assert_eq!(privilege.patterns().next().is_none(), name == "none", "{name}");
            for pattern in privilege.patterns() {
                let mut prefixes = ACTION_PREFIXES.iter().chain(&["failures:"]);
                let is_action = prefixes.any(|prefix| pattern.starts_with(prefix));
                assert!(is_action, "{pattern}");
            }
        }
    }

    #[test]
    fn a_pattern_over_actions_allows_all_that_begins_with_it() {
        let raw = IndexPrivilege::resolve("Indices:data/read/get").unwrap();
        assert_eq!(raw.name(), "indices:data/read/get");
        assert_eq!(raw.patterns().collect::<alloc::vec::Vec<_>>(), ["indices:data/read/get*"]);
    }

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
