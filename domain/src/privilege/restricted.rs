//! Restricted indices: those of the system, which patterns do not cover by chance.
//!
//! Owns their names. A grant covers them only where it says so; a question about a pattern leaves
//! them out unless it says otherwise, or unless it can mean nothing else.

use super::wildcard;

/// Patterns of the names of restricted indices.
pub const RESTRICTED_INDICES: [&str; 26] = [
    ".apm-agent-configuration*",
    ".apm-custom-link*",
    ".async-search*",
    ".connector-secrets*",
    ".enrich-*",
    ".fleet-*",
    ".geoip_databases*",
    ".inference*",
    ".kibana*",
    ".logstash*",
    ".ml-config*",
    ".ml-inference-*",
    ".ml-meta*",
    ".query-rules*",
    ".reporting-*",
    ".search-app-*",
    ".secrets-inference*",
    ".security",
    ".security-*",
    ".snapshot-blob-cache*",
    ".synonyms*",
    ".tasks*",
    ".transform-internal-*",
    ".transform-notifications-*",
    ".triggered_watches*",
    ".watches*",
];

/// What the name of every restricted index begins with.
pub const RESTRICTED_BEGINNING: &str = ".";

/// Whether the index of this name is restricted.
pub fn is_restricted(name: &str) -> bool {
    RESTRICTED_INDICES.iter().any(|pattern| wildcard::matches(pattern, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_of_the_system_are_restricted() {
        for name in [".security", ".security-7", ".security-tokens-7", ".async-search", ".kibana_1"]
        {
            assert!(is_restricted(name), "{name}");
        }
        for name in ["security", ".securityx", ".monitoring-es-7", ".ds-logs-x", ""] {
            assert!(!is_restricted(name), "{name}");
        }
        assert!(RESTRICTED_INDICES.is_sorted());
        assert!(RESTRICTED_INDICES.iter().all(|pattern| pattern.starts_with(RESTRICTED_BEGINNING)));
    }
}
