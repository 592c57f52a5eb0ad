//! The table of reserved roles.

/// A reserved role.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// What to use instead, where the role is deprecated.
    pub(super) deprecated: Option<&'static str>,
    pub(super) cluster: &'static [&'static str],
    pub(super) indices: &'static [IndexRow],
    pub(super) applications: &'static [ApplicationRow],
}

/// Patterns of indices and the privileges on them.
pub(super) enum IndexRow {
    /// Without the indices of the system.
    Plain(&'static [&'static str], &'static [&'static str]),
    /// With the indices of the system.
    Restricted(&'static [&'static str], &'static [&'static str]),
}

/// Privileges on everything in an application.
pub(super) struct ApplicationRow {
    pub(super) application: &'static str,
    pub(super) privileges: &'static [&'static str],
}

use IndexRow::{Plain, Restricted};

/// Every reserved role, in the order of listings.
pub(super) const ROWS: &[Row] = &[
    Row {
        indices: &[
            Plain(&["*"], &["all"]),
            Restricted(&["*"], &["monitor", "read", "view_index_metadata", "read_cross_cluster"]),
        ],
        applications: &[application("*", &["*"])],
        ..cluster("superuser", &["all"])
    },
    cluster("transport_client", &["transport_client"]),
    Row { applications: KIBANA_ALL, ..cluster("kibana_admin", &[]) },
    Row {
        deprecated: Some("Please use the [kibana_admin] role instead"),
        applications: KIBANA_ALL,
        ..cluster("kibana_user", &[])
    },
    Row {
        deprecated: Some("Please use Kibana feature privileges instead"),
        applications: &[application("kibana-.kibana", &["read"])],
        ..cluster("kibana_dashboard_only_user", &[])
    },
    Row {
        indices: &[
            Restricted(&[".kibana*", ".reporting-*"], &["all"]),
            Plain(&[".monitoring-*"], &["read", "read_cross_cluster"]),
        ],
        ..cluster("kibana_system", KIBANA_SYSTEM_CLUSTER)
    },
    Row {
        indices: &[Plain(&[".monitoring-*"], &["read", "read_cross_cluster"])],
        applications: &[application("kibana-*", &["reserved_monitoring"])],
        ..cluster(
            "monitoring_user",
            &["cluster:monitor/main", "cluster:monitor/xpack/info", "cluster:monitor/remote/info"],
        )
    },
    Row {
        indices: &[
            Plain(&[".monitoring-*"], &["all"]),
            Plain(&["metricbeat-*"], &["index", "create_index"]),
        ],
        ..cluster(
            "remote_monitoring_agent",
            &["manage_index_templates", "manage_ingest_pipelines", "monitor"],
        )
    },
    Row {
        indices: &[Plain(&["*"], &["monitor"]), Restricted(&[".kibana*"], &["read"])],
        ..cluster("remote_monitoring_collector", &["monitor"])
    },
    cluster("ingest_admin", &["manage_index_templates", "manage_pipeline"]),
    Row {
        applications: &[application(
            "kibana-.kibana",
            &[
                "feature_discover.minimal_read",
                "feature_discover.generate_report",
                "feature_dashboard.minimal_read",
                "feature_dashboard.generate_report",
                "feature_dashboard.download_csv_report",
                "feature_canvas.minimal_read",
                "feature_canvas.generate_report",
                "feature_visualize.minimal_read",
                "feature_visualize.generate_report",
            ],
        )],
        ..cluster("reporting_user", &[])
    },
    cluster("logstash_system", AGENT_CLUSTER),
    Row {
        indices: &[Plain(&[".logstash*"], &["create", "delete", "index", "manage", "read"])],
        ..cluster("logstash_admin", &["manage_logstash_pipelines"])
    },
    Row { indices: &[Plain(&[".management-beats"], &["all"])], ..cluster("beats_admin", &[]) },
    Row {
        indices: &[Plain(&[".monitoring-beats-*"], &["create_index", "create"])],
        ..cluster("beats_system", AGENT_CLUSTER)
    },
    Row {
        indices: &[Plain(&[".monitoring-beats-*"], &["create_index", "create_doc"])],
        ..cluster("apm_system", AGENT_CLUSTER)
    },
    Row {
        deprecated: Some(
            "This role will be removed in a future major release. \
             Please use editor and viewer roles instead",
        ),
        indices: &[
            Plain(&["apm-*", "logs-apm.*", "metrics-apm.*", "traces-apm*"], READ),
            Plain(&[".ml-anomalies*"], READ),
        ],
        applications: &[application("kibana-*", &["reserved_ml_apm_user"])],
        ..cluster("apm_user", &[])
    },
    cluster("inference_admin", &["manage_inference"]),
    cluster("inference_user", &["monitor_inference"]),
    Row {
        indices: &[
            Plain(&[".ml-anomalies*", ".ml-notifications*"], READ),
            Plain(&[".ml-annotations*"], &["read", "view_index_metadata", "write"]),
        ],
        applications: &[application("kibana-*", &["reserved_ml_user"])],
        ..cluster("machine_learning_user", &["monitor_ml"])
    },
    Row {
        indices: &[
            Restricted(&[".ml-anomalies*", ".ml-notifications*", ".ml-state*", ".ml-meta*"], READ),
            Plain(&[".ml-annotations*"], &["read", "view_index_metadata", "write"]),
        ],
        applications: &[application("kibana-*", &["reserved_ml_admin"])],
        ..cluster("machine_learning_admin", &["manage_ml"])
    },
    Row { indices: TRANSFORM_INDICES, ..cluster("transform_admin", &["manage_transform"]) },
    Row { indices: TRANSFORM_INDICES, ..cluster("transform_user", &["monitor_transform"]) },
    Row {
        deprecated: Some("Please use the [transform_admin] role instead"),
        indices: TRANSFORM_INDICES,
        applications: &[application("kibana-*", &["reserved_ml_user"])],
        ..cluster("data_frame_transforms_admin", &["manage_data_frame_transforms"])
    },
    Row {
        deprecated: Some("Please use the [transform_user] role instead"),
        indices: TRANSFORM_INDICES,
        applications: &[application("kibana-*", &["reserved_ml_user"])],
        ..cluster("data_frame_transforms_user", &["monitor_data_frame_transforms"])
    },
    Row {
        indices: &[Restricted(
            &[".watches", ".triggered_watches", ".watcher-history-*"],
            &["read"],
        )],
        ..cluster("watcher_admin", &["manage_watcher"])
    },
    Row {
        indices: &[Restricted(&[".watches", ".watcher-history-*"], &["read"])],
        ..cluster("watcher_user", &["monitor_watcher"])
    },
    cluster("rollup_user", &["monitor_rollup"]),
    cluster("rollup_admin", &["manage_rollup"]),
    Row {
        indices: &[Restricted(&["*"], &["view_index_metadata"])],
        ..cluster("snapshot_user", &["create_snapshot", "cluster:admin/repository/get"])
    },
    Row {
        indices: &[Plain(&[".enrich-*"], &["manage", "read", "write"])],
        ..cluster("enrich_user", &["manage_enrich", "manage_ingest_pipelines", "monitor"])
    },
    Row {
        indices: &[Plain(&[VISIBLE_INDICES], READ)],
        applications: &[application("kibana-.kibana", &["read"])],
        ..cluster("viewer", &[])
    },
    Row {
        indices: &[
            Plain(&[VISIBLE_INDICES], READ),
            Plain(&["observability-annotations"], &["read", "view_index_metadata", "write"]),
        ],
        applications: KIBANA_ALL,
        ..cluster("editor", &[])
    },
];

const KIBANA_ALL: &[ApplicationRow] = &[application("kibana-.kibana", &["all"])];

/// The parts that touch security.
const KIBANA_SYSTEM_CLUSTER: &[&str] = &[
    "monitor",
    "manage_saml",
    "manage_token",
    "manage_oidc",
    "cluster:admin/xpack/security/api_key/invalidate",
    "grant_api_key",
    "manage_own_api_key",
    "cluster:admin/xpack/security/privilege/builtin/get",
    "delegate_pki",
    "cluster:admin/xpack/security/profile/get",
    "cluster:admin/xpack/security/profile/activate",
    "cluster:admin/xpack/security/profile/suggest",
    "cluster:admin/xpack/security/profile/has_privileges",
];

const AGENT_CLUSTER: &[&str] = &["monitor", "cluster:admin/xpack/monitoring/bulk"];

const READ: &[&str] = &["read", "view_index_metadata"];

const TRANSFORM_INDICES: &[IndexRow] =
    &[Plain(&[".transform-notifications-*", ".data-frame-notifications-*"], READ)];

/// Every index but those that begin with a dot and the history of index lifecycles.
const VISIBLE_INDICES: &str = "/~(([.]|ilm-history-).*)/";

/// A role with privileges on the cluster only.
const fn cluster(name: &'static str, cluster: &'static [&'static str]) -> Row {
    Row { name, deprecated: None, cluster, indices: &[], applications: &[] }
}

const fn application(
    application: &'static str,
    privileges: &'static [&'static str],
) -> ApplicationRow {
    ApplicationRow { application, privileges }
}
