//! The named cluster privileges and the actions that each allows.
//!
//! Owns the table. Features that Jeton does not have keep their privileges, so that a role that is
//! moved here means the same as before.

/// A named set of actions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// Patterns of actions that are allowed.
    pub(super) grants: &'static [&'static str],
    /// Patterns of actions that are not allowed, whatever `grants` says.
    pub(super) excludes: &'static [&'static str],
    /// Patterns of actions that are allowed only on what belongs to the caller.
    pub(super) grants_own: &'static [&'static str],
}

/// Every named cluster privilege in access-level order: few implied privileges first.
///
/// Denials and refusals list names in this order.
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "manage_own_api_key",
        grants: &[
            security!("api_key/create"),
            security!("api_key/query"),
            security!("api_key/update"),
            security!("api_key/bulk_update"),
        ],
        excludes: &[],
        grants_own: &[security!("api_key/get"), security!("api_key/invalidate")],
    },
    entry("manage_data_stream_global_retention", &[]),
    entry("monitor_data_stream_global_retention", &[]),
    entry("none", &[]),
    entry("cancel_task", &["cluster:admin/tasks/cancel*"]),
    entry("cross_cluster_replication", &["cluster:internal/remote_cluster/*"]),
    entry("cross_cluster_search", &["cluster:internal/remote_cluster/*"]),
    entry("delegate_pki", &[security!("delegate_pki"), security!("token/invalidate")]),
    entry("grant_api_key", &[security!("api_key/grant*")]),
    entry("manage_autoscaling", &["cluster:admin/autoscaling/*"]),
    entry(
        "manage_index_templates",
        &[
            "indices:admin/template/*",
            "indices:admin/index_template/*",
            "cluster:admin/component_template/*",
        ],
    ),
    entry("manage_logstash_pipelines", &["cluster:admin/logstash/pipeline/*"]),
    entry("manage_oidc", &[security!("oidc/*")]),
    entry(
        "manage_saml",
        &[
            security!("saml/*"),
            security!("token/invalidate"),
            security!("token/refresh"),
            "cluster:monitor/xpack/security/saml/metadata",
        ],
    ),
    entry("manage_search_application", &["cluster:admin/xpack/application/search_application/*"]),
    entry("manage_search_query_rules", &["cluster:admin/xpack/query_rules/*"]),
    entry("manage_search_synonyms", &["cluster:admin/synonyms/*", "cluster:admin/synonym_rules/*"]),
    entry("manage_service_account", &[security!("service_account/*")]),
    entry("manage_token", &[security!("token/*")]),
    entry("manage_user_profile", &[security!("profile/*")]),
    entry("monitor_connector", &["cluster:monitor/xpack/connector/*"]),
    entry("monitor_enrich", &["cluster:monitor/xpack/enrich/*"]),
    entry("monitor_inference", &["cluster:monitor/xpack/inference*"]),
    entry("monitor_ml", &["cluster:monitor/xpack/ml/*"]),
    entry("monitor_rollup", &["cluster:monitor/xpack/rollup/*"]),
    entry(
        "monitor_snapshot",
        &[
            "cluster:admin/snapshot/status*",
            "cluster:admin/snapshot/get",
            "cluster:admin/repository/get",
        ],
    ),
    entry("monitor_stats", &["cluster:monitor/stats*"]),
    entry("monitor_text_structure", &["cluster:monitor/text_structure/*"]),
    entry("monitor_watcher", &["cluster:monitor/xpack/watcher/*"]),
    entry(
        "post_behavioral_analytics_event",
        &["cluster:admin/xpack/application/analytics/post_event"],
    ),
    entry("read_ccr", &["cluster:monitor/state", security!("user/has_privileges")]),
    entry("read_connector_secrets", &["cluster:admin/xpack/connector/secret/get"]),
    entry("read_fleet_secrets", &["cluster:admin/fleet/secrets/get"]),
    entry("read_ilm", &["cluster:admin/ilm/get", "cluster:admin/ilm/operation_mode/get"]),
    entry(
        "read_pipeline",
        &["cluster:admin/ingest/pipeline/get", "cluster:admin/ingest/pipeline/simulate"],
    ),
    entry(
        "read_security",
        &[
            security!("api_key/get"),
            security!("api_key/query"),
            security!("privilege/get"),
            security!("privilege/builtin/get"),
            security!("profile/get"),
            security!("profile/suggest"),
            security!("profile/has_privileges"),
            security!("role/get"),
            security!("role/query"),
            security!("role_mapping/get"),
            security!("service_account/get"),
            security!("service_account/credential/get*"),
            security!("user/get"),
            security!("user/query"),
            security!("user/list_privileges"),
            security!("user/has_privileges"),
            security!("settings/get"),
        ],
    ),
    entry("read_slm", &["cluster:admin/slm/get", "cluster:admin/slm/status"]),
    entry("transport_client", &["cluster:monitor/nodes/liveness", "cluster:monitor/state"]),
    entry(
        "write_connector_secrets",
        &[
            "cluster:admin/xpack/connector/secret/delete",
            "cluster:admin/xpack/connector/secret/post",
            "cluster:admin/xpack/connector/secret/put",
        ],
    ),
    entry(
        "write_fleet_secrets",
        &["cluster:admin/fleet/secrets/delete", "cluster:admin/fleet/secrets/post"],
    ),
    entry(
        "create_snapshot",
        &[
            "cluster:admin/snapshot/create",
            "cluster:admin/snapshot/status*",
            "cluster:admin/snapshot/get",
            "cluster:admin/repository/get",
        ],
    ),
    entry("manage_behavioral_analytics", &["cluster:admin/xpack/application/analytics/*"]),
    entry(
        "manage_ccr",
        &["cluster:admin/xpack/ccr/*", "cluster:monitor/state", security!("user/has_privileges")],
    ),
    entry(
        "manage_connector",
        &["cluster:admin/xpack/connector/*", "cluster:monitor/xpack/connector/*"],
    ),
    entry("manage_enrich", &["cluster:admin/xpack/enrich/*"]),
    entry("manage_ilm", &["cluster:admin/ilm/*"]),
    entry(
        "manage_inference",
        &["cluster:admin/xpack/inference/*", "cluster:monitor/xpack/inference*"],
    ),
    entry("manage_ml", &["cluster:admin/xpack/ml/*", "cluster:monitor/xpack/ml/*"]),
    entry("manage_rollup", &["cluster:admin/xpack/rollup/*", "cluster:monitor/xpack/rollup/*"]),
    entry("manage_slm", &["cluster:admin/slm/*"]),
    entry("manage_watcher", &["cluster:admin/xpack/watcher/*", "cluster:monitor/xpack/watcher/*"]),
    entry("monitor_data_frame_transforms", TRANSFORM_MONITORING),
    entry("monitor_transform", TRANSFORM_MONITORING),
    entry("manage_api_key", &[security!("api_key/*")]),
    entry("manage_ingest_pipelines", &["cluster:admin/ingest/pipeline/*"]),
    entry("manage_pipeline", &["cluster:admin/ingest/pipeline/*"]),
    entry("manage_data_frame_transforms", TRANSFORM_MANAGEMENT),
    entry("manage_transform", TRANSFORM_MANAGEMENT),
    Entry {
        name: "manage_security",
        grants: &[security!("*")],
        excludes: &[security!("delegate_pki")],
        grants_own: &[],
    },
    entry("monitor", &["cluster:monitor/*"]),
    Entry { name: "manage", grants: EVERYTHING, excludes: &[security!("*")], grants_own: &[] },
    entry("all", EVERYTHING),
];

const EVERYTHING: &[&str] =
    &["cluster:*", "indices:admin/template/*", "indices:admin/index_template/*"];

const TRANSFORM_MONITORING: &[&str] =
    &["cluster:monitor/data_frame/*", "cluster:monitor/transform/*"];

const TRANSFORM_MANAGEMENT: &[&str] = &[
    "cluster:admin/data_frame/*",
    "cluster:admin/transform/*",
    "cluster:monitor/data_frame/*",
    "cluster:monitor/transform/*",
];

const fn entry(name: &'static str, grants: &'static [&'static str]) -> Entry {
    Entry { name, grants, excludes: &[], grants_own: &[] }
}
