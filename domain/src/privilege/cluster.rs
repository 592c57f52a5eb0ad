//! Cluster privileges: what each allows, and what a set of them allows together.
//!
//! Owns the decision whether an action is allowed. Must not know roles or callers. Start at
//! [`ClusterPermission`].

use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

use super::catalogue::{ENTRIES, Entry};
use super::wildcard;

/// A set of actions under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterPrivilege(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Named(&'static Entry),
    /// A pattern over actions with a `*` behind it, for it allows all that begins with it.
    Raw(String),
}

/// Neither the name of a cluster privilege nor a pattern over actions on the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "unknown cluster privilege [{name}]. a privilege must be either one of the predefined cluster \
     privilege names [{}] or a pattern over one of the available cluster actions",
    names().collect::<Vec<_>>().join(",")
)]
pub struct UnknownClusterPrivilege {
    /// The name, in lower case.
    pub name: String,
}

impl ClusterPrivilege {
    /// The privilege that `name` stands for, whatever its case.
    pub fn resolve(name: &str) -> Result<Self, UnknownClusterPrivilege> {
        let mut name = name.to_lowercase();
        if ACTION_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            name.push('*');
            return Ok(Self(Kind::Raw(name)));
        }
        match ENTRIES.iter().find(|entry| entry.name == name) {
            Some(entry) => Ok(Self(Kind::Named(entry))),
            None => Err(UnknownClusterPrivilege { name }),
        }
    }

    /// Every named privilege in access-level order: few implied privileges first.
    pub fn named() -> impl Iterator<Item = Self> {
        ENTRIES.iter().map(|entry| Self(Kind::Named(entry)))
    }

    /// The name, in lower case; of a pattern, its text.
    pub fn name(&self) -> &str {
        match &self.0 {
            Kind::Named(entry) => entry.name,
            Kind::Raw(pattern) => pattern.strip_suffix('*').unwrap_or(pattern),
        }
    }

    /// What it allows, as patterns over actions.
    pub(crate) fn patterns(&self) -> Patterns<'_> {
        match &self.0 {
            Kind::Named(Entry { name: _, grants, excludes, grants_own }) => {
                Patterns { grants, raw: None, excludes, grants_own }
            }
            Kind::Raw(pattern) => {
                Patterns { grants: &[], raw: Some(pattern), excludes: &[], grants_own: &[] }
            }
        }
    }

    /// Whether it allows `action`, whomever that concerns.
    pub fn implies(&self, action: &str) -> bool {
        match &self.0 {
            Kind::Named(entry) => is_any(entry.grants, action) && !is_any(entry.excludes, action),
            Kind::Raw(pattern) => wildcard::matches(pattern, action),
        }
    }

    /// Whether it allows `action` when that concerns only what belongs to the caller.
    pub fn implies_own(&self, action: &str) -> bool {
        let is_own = match &self.0 {
            Kind::Named(entry) => is_any(entry.grants_own, action),
            Kind::Raw(_) => false,
        };
        is_own || self.implies(action)
    }
}

/// What a cluster privilege allows, as patterns over actions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patterns<'a> {
    /// What is allowed, unless it is excluded.
    pub(crate) grants: &'a [&'a str],
    /// Of a privilege that is a pattern itself, that pattern.
    pub(crate) raw: Option<&'a str>,
    /// What is not allowed after all.
    pub(crate) excludes: &'a [&'a str],
    /// What is also allowed when it concerns only what belongs to the caller.
    pub(crate) grants_own: &'a [&'a str],
}

/// Names of the cluster privileges in access-level order.
pub fn names() -> impl Iterator<Item = &'static str> {
    ENTRIES.iter().map(|entry| entry.name)
}

/// What several cluster privileges allow together: whatever one of them allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterPermission(Vec<ClusterPrivilege>);

impl ClusterPermission {
    /// Whether `action` is allowed, whomever it concerns.
    pub fn allows(&self, action: &str) -> bool {
        self.0.iter().any(|privilege| privilege.implies(action))
    }

    /// Whether `action` is allowed when it concerns only what belongs to the caller.
    pub fn allows_own(&self, action: &str) -> bool {
        self.0.iter().any(|privilege| privilege.implies_own(action))
    }

    /// The privileges, each once, in the order in which they came.
    pub fn privileges(&self) -> &[ClusterPrivilege] {
        &self.0
    }
}

impl FromIterator<ClusterPrivilege> for ClusterPermission {
    fn from_iter<I: IntoIterator<Item = ClusterPrivilege>>(privileges: I) -> Self {
        let mut distinct = Vec::new();
        for privilege in privileges {
            if !distinct.contains(&privilege) {
                distinct.push(privilege);
            }
        }
        Self(distinct)
    }
}

fn is_any(patterns: &[&str], action: &str) -> bool {
    patterns.iter().any(|pattern| wildcard::matches(pattern, action))
}

const ACTION_PREFIXES: [&str; 3] =
    ["cluster:", "indices:admin/template/", "indices:admin/index_template/"];

#[cfg(test)]
mod tests {
    use super::super::action;
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn check(name: &str, action: &str, wanted: bool) {
        let privilege = ClusterPrivilege::resolve(name).unwrap();
        assert_eq!(privilege.implies(action), wanted, "{name} {action}");
    }

    #[test]
    fn manage_opens_everything_but_security() {
        check("manage", action::PUT_USER, false);
        check("manage", action::CREATE_TOKEN, false);
        check("manage", action::READ_HEALTH, true);
        check("manage", action::READ_SAML_METADATA, true);
        check("manage", "cluster:admin/reroute", true);
        check("manage", "indices:admin/index_template/put", true);
    }

    #[test]
    fn manage_security_opens_security_but_delegated_pki() {
        check("manage_security", action::PUT_USER, true);
        check("manage_security", action::DELEGATE_PKI, false);
        check("manage_security", action::READ_MAIN, false);
    }

    #[test]
    fn token_privileges_do_not_reach_tokens_of_service_accounts() {
        check("manage_token", action::CREATE_TOKEN, true);
        check("manage_token", action::CREATE_SERVICE_ACCOUNT_TOKEN, false);
        check("manage_api_key", action::CREATE_CROSS_CLUSTER_API_KEY, false);
    }

    #[test]
    fn own_api_keys_are_opened_to_their_owner_only() {
        let own = ClusterPrivilege::resolve("manage_own_api_key").unwrap();
        assert!(own.implies(action::CREATE_API_KEY));
        assert!(!own.implies(action::READ_API_KEY));
        assert!(own.implies_own(action::READ_API_KEY));
        assert!(own.implies_own(action::INVALIDATE_API_KEY));
        assert!(!own.implies_own(action::GRANT_API_KEY));
    }

    #[test]
    fn a_pattern_allows_every_action_that_begins_with_it() {
        check("cluster:admin/xpack/security/api_key/invalidate", action::INVALIDATE_API_KEY, true);
        check("cluster:admin/xpack/security/*/get", action::READ_USER, true);
        check("cluster:admin/xpack/security/user", action::READ_USER, true);
        check("Cluster:Monitor/Main", action::READ_MAIN, true);
        check("cluster:monitor/main", action::READ_HEALTH, false);
        check("cluster:admin/xpack/security/user/authenticate", "cluster:admin", false);
    }

    #[test]
    fn names_are_known_in_any_case() {
        assert_eq!(ClusterPrivilege::resolve("Manage_Token").unwrap().name(), "manage_token");
    }

    #[test]
    fn an_unknown_name_is_refused_with_every_known_one() {
        let text = ClusterPrivilege::resolve("Bogus").unwrap_err().to_string();
        let start = "unknown cluster privilege [bogus]. a privilege must be either one of the \
                     predefined cluster privilege names [manage_own_api_key,";
        assert!(text.starts_with(start), "{text}");
        let end = ",monitor,manage,all] or a pattern over one of the available cluster actions";
        assert!(text.ends_with(end), "{text}");
        assert_eq!(names().count(), 62);
    }

    /// Actions that tell the named privileges apart: each pattern as an action, and one beyond it.
    fn sampled_actions() -> Vec<String> {
        let mut actions: Vec<String> =
            ["cluster:other", "indices:data/read/search", "internal:x"].map(String::from).into();
        for entry in ENTRIES {
            for pattern in entry.grants.iter().chain(entry.excludes).chain(entry.grants_own) {
                actions.push(pattern.replace('*', ""));
                actions.push(pattern.replace('*', "x"));
                actions.push([pattern, "/x"].concat());
            }
        }
        actions
    }

    fn is_covered(smaller: &ClusterPrivilege, larger: &ClusterPrivilege) -> bool {
        sampled_actions().iter().all(|action| {
            (!smaller.implies(action) || larger.implies(action))
                && (!smaller.implies_own(action) || larger.implies_own(action))
        })
    }

    #[test]
    fn what_implies_a_privilege_stands_behind_it() {
        let named: Vec<ClusterPrivilege> = ClusterPrivilege::named().collect();
        for (at, earlier) in named.iter().enumerate() {
            for later in named.iter().skip(at + 1) {
                let is_empty = is_covered(later, &ClusterPrivilege::resolve("none").unwrap());
                let is_inverted = is_covered(later, earlier) && !is_covered(earlier, later);
                assert!(!is_inverted || is_empty, "{} {}", earlier.name(), later.name());
            }
        }
    }

    #[test]
    fn all_implies_every_privilege_and_every_privilege_implies_none() {
        let all = ClusterPrivilege::resolve("all").unwrap();
        let none = ClusterPrivilege::resolve("none").unwrap();
        for privilege in ClusterPrivilege::named() {
            assert!(is_covered(&privilege, &all), "{}", privilege.name());
            assert!(is_covered(&none, &privilege), "{}", privilege.name());
        }
    }

    fn any_privilege() -> impl Strategy<Value = ClusterPrivilege> {
        let raw = "cluster:(admin|monitor)(/[ab*]{0,3})?";
        prop_oneof![
            (0..ENTRIES.len()).prop_map(|at| ClusterPrivilege(Kind::Named(&ENTRIES[at]))),
            raw.prop_map(|text| ClusterPrivilege::resolve(&text).unwrap()),
        ]
    }

    proptest! {
        #[test]
        fn implication_is_a_partial_order(
            one in any_privilege(),
            two in any_privilege(),
            three in any_privilege(),
        ) {
            prop_assert!(is_covered(&one, &one));
            if is_covered(&one, &two) && is_covered(&two, &three) {
                prop_assert!(is_covered(&one, &three));
            }
        }

        #[test]
        fn a_permission_allows_what_one_of_its_privileges_allows(
            privileges in proptest::collection::vec(any_privilege(), 0..4),
            at in any::<proptest::sample::Index>(),
        ) {
            let actions = sampled_actions();
            let action = at.get(&actions);
            let is_implied = privileges.iter().any(|privilege| privilege.implies(action));
            let permission: ClusterPermission = privileges.into_iter().collect();
            prop_assert_eq!(permission.allows(action), is_implied);
            prop_assert!(!permission.allows(action) || permission.allows_own(action));
        }
    }
}
