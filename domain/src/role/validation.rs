//! Whether the content of a role is legal, in the words of the wire.
//!
//! Owns the rules for names, privileges and patterns in a descriptor. Must not know its form on the
//! wire: [`RoleDescriptor::from_value`] has checked that.

use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

use super::descriptor::{IndexGrant, RoleDescriptor};
use super::pattern::{NamePattern, PatternRefusal};
use super::reserved;
use crate::limits::ROLE_PATTERNS_SIZE_MAX;
use crate::name::{NameRefusal, RoleName, check_referenced, check_stored};
use crate::privilege::application::{ApplicationRefusal, check_name_or_pattern, check_privilege};
use crate::privilege::cluster::{ClusterPrivilege, UnknownClusterPrivilege};
use crate::privilege::index::{self, UnknownIndexPrivilege};

/// One thing in a role that is not legal.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RoleViolation {
    /// The name is malformed.
    #[error(
        "Role names must be at least 1 and no more than {max} characters. They can contain \
         alphanumeric characters (a-z, A-Z, 0-9), spaces, punctuation, and printable symbols in \
         the Basic Latin (ASCII) block. Leading or trailing whitespace is not allowed."
    )]
    Name {
        /// The most characters allowed.
        max: usize,
    },
    /// The name belongs to a reserved role.
    #[error("Role [{0}] is reserved and may not be used.")]
    Reserved(RoleName),
    /// No such privilege on the cluster.
    #[error(transparent)]
    Cluster(#[from] UnknownClusterPrivilege),
    /// No such privilege on indices.
    #[error(transparent)]
    Index(#[from] UnknownIndexPrivilege),
    /// No such privilege on another cluster.
    #[error(
        "Invalid remote_cluster permissions found. Please remove the following: [{0}] \
         Only [{names}] are allowed",
        names = REMOTE_CLUSTER_PRIVILEGES.join(", ")
    )]
    RemoteCluster(String),
    /// A name that has to do with an application is malformed.
    #[error(transparent)]
    Application(#[from] ApplicationRefusal),
    /// A pattern of names cannot be read, so that it would grant nothing.
    #[error(transparent)]
    Pattern(#[from] PatternRefusal),
    /// The patterns are too much together.
    #[error("the regular expressions of a role are too large together")]
    Patterns,
    /// A key of the metadata is reserved.
    #[error("role descriptor metadata keys may not start with [_]")]
    Metadata,
    /// No such workflow.
    #[error(
        "Unknown workflow [{0}]. A workflow must be one of the predefined workflow names \
         [{names}].",
        names = WORKFLOWS.join(",")
    )]
    Workflow(String),
    /// The description is too long.
    #[error("Role description must be less than {DESCRIPTION_CHARS_MAX} characters.")]
    Description,
}

/// Everything that speaks against storing the role through the API; nothing if it is legal.
pub fn violations_of_put(role: &RoleDescriptor) -> Vec<RoleViolation> {
    let mut violations = Vec::new();
    if reserved::is_reserved(role.name.as_str()) {
        violations.push(RoleViolation::Reserved(role.name.clone()));
    } else if let Err(NameRefusal::Malformed { max }) = check_stored(role.name.as_str()) {
        violations.push(RoleViolation::Name { max });
    }
    violations.extend(violations_of_content(role));
    violations
}

/// Everything that speaks against reading the role from a file; nothing if it is legal.
///
/// Whether the name is reserved does not count here: such roles are left out with a warning.
pub fn violations_of_file(role: &RoleDescriptor) -> Vec<RoleViolation> {
    let mut violations = Vec::new();
    if let Err(NameRefusal::Malformed { max }) = check_referenced(role.name.as_str()) {
        violations.push(RoleViolation::Name { max });
    }
    violations.extend(violations_of_content(role));
    violations
}

/// Everything in the descriptor that is not legal, its name aside; for API keys.
pub fn violations_of_content(role: &RoleDescriptor) -> Vec<RoleViolation> {
    let mut violations = Vec::new();
    for name in &role.cluster {
        violations.extend(ClusterPrivilege::resolve(name).err().map(RoleViolation::Cluster));
    }
    let remote = role.remote_indices.iter().map(|remote| &remote.grant);
    let held = role.indices.iter().chain(remote).flat_map(|grant: &IndexGrant| &grant.privileges);
    let managed = role.global.manage_roles.iter().flatten().flat_map(|grant| &grant.privileges);
    for name in held.chain(managed) {
        violations.extend(index::check(name).err().map(RoleViolation::Index));
    }
    for name in role.remote_cluster.iter().flat_map(|grant| &grant.privileges) {
        if !REMOTE_CLUSTER_PRIVILEGES.contains(&name.to_lowercase().as_str()) {
            violations.push(RoleViolation::RemoteCluster(name.clone()));
        }
    }
    for grant in &role.applications {
        let application = check_name_or_pattern(&grant.application).err();
        let privileges = grant.privileges.iter().filter_map(|name| check_privilege(name).err());
        let refusals = application.into_iter().chain(privileges);
        violations.extend(refusals.map(RoleViolation::Application));
    }
    violations.extend(violation_of_patterns(role).err());
    if role.metadata.members().any(|(key, _)| key.starts_with('_')) {
        violations.push(RoleViolation::Metadata);
    }
    for workflow in role.restriction.iter().flat_map(|restriction| &restriction.workflows) {
        if !WORKFLOWS.contains(&workflow.as_str()) {
            violations.push(RoleViolation::Workflow(workflow.clone()));
        }
    }
    let description = role.description.as_deref().unwrap_or_default();
    if description.chars().count() > DESCRIPTION_CHARS_MAX {
        violations.push(RoleViolation::Description);
    }
    violations
}

/// The first thing that is wrong with the patterns that count here, or nothing: what is behind it
/// is not even read.
fn violation_of_patterns(role: &RoleDescriptor) -> Result<(), RoleViolation> {
    let global = &role.global;
    let managed = global.manage_roles.iter().flatten();
    let patterns = (role.indices.iter().flat_map(|grant| &grant.names))
        .chain(role.applications.iter().flat_map(|grant| &grant.resources))
        .chain(&role.run_as)
        .chain(global.manage_applications.iter().flatten())
        .chain(global.write_profiles.iter().flatten())
        .chain(managed.flat_map(|grant| &grant.names));
    let mut left = ROLE_PATTERNS_SIZE_MAX;
    for text in patterns {
        let size = NamePattern::parse(text)?.regex_size();
        left = left.checked_sub(size).ok_or(RoleViolation::Patterns)?;
    }
    Ok(())
}

/// Names of the privileges on other clusters, in the order of the alphabet.
pub const REMOTE_CLUSTER_PRIVILEGES: [&str; 2] = ["monitor_enrich", "monitor_stats"];

const WORKFLOWS: [&str; 1] = ["search_application_query"];

/// Longest description of a role, in characters, as on the wire.
const DESCRIPTION_CHARS_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::super::descriptor::{
        ApplicationGrant, RemoteClusterGrant, RemoteIndexGrant, Restriction, RoleManagementGrant,
    };
    use super::*;
    use crate::limits::NAME_CHARS_MAX;
    use crate::value::Value;
    use alloc::string::ToString;

    fn role(name: &str) -> RoleDescriptor {
        RoleDescriptor::new(RoleName::new(name))
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    fn check(role: &RoleDescriptor, wanted: &[&str]) {
        let found: Vec<String> = violations_of_put(role).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), wanted.len(), "{found:?}");
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(found.starts_with(wanted), "{found} {wanted}");
        }
    }

    #[test]
    fn a_role_without_members_is_legal() {
        check(&role("r"), &[]);
    }

    #[test]
    fn reserved_and_malformed_names_are_refused() {
        check(&role("superuser"), &["Role [superuser] is reserved and may not be used."]);
        check(
            &role(" r"),
            &["Role names must be at least 1 and no more than 507 characters. They"],
        );
        let long = role(&"r".repeat(508));
        check(&long, &["Role names must be at least 1 and no more than 507 characters."]);
        assert_eq!(violations_of_file(&long), []);
        assert_eq!(violations_of_file(&role("superuser")), []);
        let longest = violations_of_file(&role(&"r".repeat(1025)));
        assert_eq!(longest, [RoleViolation::Name { max: NAME_CHARS_MAX }]);
    }

    #[test]
    fn privileges_must_be_known_in_any_case() {
        let mut given = role("r");
        given.cluster = texts(&["Manage_Token", "bogus", "cluster:monitor/*", "worse"]);
        let grant = |privileges: &[&str]| IndexGrant {
            names: texts(&["*"]),
            privileges: texts(privileges),
            field_security: None,
            query: None,
            allow_restricted_indices: false,
        };
        given.indices = alloc::vec![grant(&["READ", "odd"])];
        given.remote_indices = alloc::vec![RemoteIndexGrant {
            clusters: texts(&["*"]),
            grant: grant(&["read", "odder"])
        }];
        given.remote_cluster = alloc::vec![RemoteClusterGrant {
            clusters: texts(&["*"]),
            privileges: texts(&["monitor_stats", "all"])
        }];
        check(
            &given,
            &[
                "unknown cluster privilege [bogus].",
                "unknown cluster privilege [worse].",
                "unknown index privilege [odd].",
                "unknown index privilege [odder].",
                "Invalid remote_cluster permissions found. Please remove the following: [all] Only \
                 [monitor_enrich, monitor_stats] are allowed",
            ],
        );
    }

    #[test]
    fn patterns_that_would_grant_nothing_are_refused_wherever_they_stand() {
        let patterns = |bad: &str| {
            let texts = texts(&["a*", "/~(b.*)&.+/", bad]);
            let mut roles = alloc::vec![role("r"); 6];
            roles[0].run_as = texts.clone();
            roles[1].indices = alloc::vec![IndexGrant {
                names: texts.clone(),
                privileges: Vec::new(),
                field_security: None,
                query: None,
                allow_restricted_indices: false,
            }];
            roles[2].applications = alloc::vec![ApplicationGrant {
                application: "app".into(),
                privileges: Vec::new(),
                resources: texts.clone(),
            }];
            roles[3].global.manage_applications = Some(texts.clone());
            roles[4].global.write_profiles = Some(texts.clone());
            let (names, privileges) = (texts, Vec::new());
            let managed = RoleManagementGrant { names, privileges };
            roles[5].global.manage_roles = Some(alloc::vec![managed]);
            roles
        };
        for good in patterns("/b/") {
            check(&good, &[]);
        }
        for bad in ["/a", "/(/", "/<1-5>/", "/~(.*a.{30})/"] {
            for given in patterns(bad) {
                let refused = ["invalid pattern [", bad, "]"].concat();
                check(&given, &[&refused]);
                let of_file = violations_of_file(&given);
                assert!(matches!(of_file[..], [RoleViolation::Pattern(_)]), "{of_file:?}");
            }
        }
        let mut given = role("r");
        given.run_as = alloc::vec!["/(a{40}){20}/".into(); 100];
        check(&given, &["the regular expressions of a role are too large together"]);
        given.run_as = alloc::vec!["a".repeat(1_000); 100];
        check(&given, &[]);
        let (names, privileges) = (Vec::new(), texts(&["READ", "odd"]));
        given.global.manage_roles = Some(alloc::vec![RoleManagementGrant { names, privileges }]);
        check(&given, &["unknown index privilege [odd]."]);
    }

    #[test]
    fn patterns_and_texts_must_be_legal() {
        let mut given = role("r");
        given.applications = alloc::vec![ApplicationGrant {
            application: "My".into(),
            privileges: texts(&["a b"]),
            resources: texts(&["*"])
        }];
        given.run_as = texts(&["*", "/a.*/", "/a~/"]);
        given.metadata.set("_x".into(), Value::Null);
        given.restriction = Some(Restriction { workflows: texts(&["other"]) });
        given.description = Some("d".repeat(1001));
        check(
            &given,
            &[
                "An application name prefix must match",
                "Application privilege names and actions must match",
                "invalid pattern [/a~/]: the regular expression is malformed",
                "role descriptor metadata keys may not start with [_]",
                "Unknown workflow [other].",
                "Role description must be less than 1000 characters.",
            ],
        );
        given = role("r");
        given.description = Some("\u{e9}".repeat(1000));
        check(&given, &[]);
    }
}
