//! Which of some privileges are held.
//!
//! Owns the request, the answer and how the one leads to the other. Must not know who asks, nor
//! where privileges of applications are kept. Start at [`check`].

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

use super::cluster_coverage::is_implied;
use super::coverage::{Effort, TooComplex};
use super::grants::{Grants, Question, Reach, Span, Wanted};
use super::pattern::{NamePattern, PatternRefusal};
use super::permission::{Permission, index_grants};
use crate::limits::PRIVILEGE_CHECKS_MAX;
use crate::privilege::application::{
    ApplicationPrivilege, ApplicationRefusal, check_name, check_privilege_name,
};
use crate::privilege::cluster::{ClusterPrivilege, UnknownClusterPrivilege};
use crate::privilege::index::{IndexPrivilege, UnknownIndexPrivilege};

/// The privileges that are asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivilegesRequest {
    /// Names of cluster privileges, or patterns over actions.
    pub cluster: Vec<String>,
    /// Privileges on indices.
    pub indices: Vec<IndexRequest>,
    /// Privileges in applications.
    pub applications: Vec<ApplicationRequest>,
}

/// Privileges on indices that are asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexRequest {
    /// Names of indices, or patterns.
    pub names: Vec<String>,
    /// Names of privileges, or patterns over actions.
    pub privileges: Vec<String>,
    /// Whether patterns also mean the indices of the system.
    pub allow_restricted_indices: bool,
}

/// Privileges in an application that are asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationRequest {
    /// The application.
    pub application: String,
    /// Names of privileges, or patterns over actions.
    pub privileges: Vec<String>,
    /// Resources, or patterns of them.
    pub resources: Vec<String>,
}

/// By privilege, whether it is held.
pub type Held = BTreeMap<String, bool>;

/// Which of the privileges are held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivilegesAnswer {
    /// Privileges on the cluster.
    pub cluster: Held,
    /// By index, privileges on it.
    pub indices: BTreeMap<String, Held>,
    /// By application and resource, privileges on it.
    pub applications: BTreeMap<String, BTreeMap<String, Held>>,
}

/// Why a request cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckRefusal {
    /// No such privilege on the cluster.
    #[error(transparent)]
    Cluster(#[from] UnknownClusterPrivilege),
    /// No such privilege on indices.
    #[error(transparent)]
    Index(#[from] UnknownIndexPrivilege),
    /// A pattern cannot be read.
    #[error(transparent)]
    Pattern(#[from] PatternRefusal),
    /// Patterns cannot be compared.
    #[error(transparent)]
    TooComplex(#[from] TooComplex),
    /// It asks for too much at once.
    #[error("more than {PRIVILEGE_CHECKS_MAX} privileges cannot be checked at once")]
    TooMany,
}

impl PrivilegesRequest {
    /// Everything that speaks against answering it, in the words of the wire.
    pub fn violations(&self) -> Vec<String> {
        use alloc::string::ToString;
        if self.cluster.is_empty() && self.indices.is_empty() && self.applications.is_empty() {
            return alloc::vec!["must specify at least one privilege".to_owned()];
        }
        let names = self.applications.iter().map(|asked| check_name(&asked.application));
        names
            .filter_map(Result::err)
            .map(|refusal: ApplicationRefusal| refusal.to_string())
            .collect()
    }

    /// How many answers it asks for.
    fn answers(&self) -> usize {
        let indices = self.indices.iter().map(|asked| (&asked.names, &asked.privileges));
        let applications = self.applications.iter().map(|it| (&it.resources, &it.privileges));
        indices
            .chain(applications)
            .map(|(names, privileges)| names.len().saturating_mul(privileges.len()))
            .fold(self.cluster.len(), usize::saturating_add)
    }
}

impl PrivilegesAnswer {
    /// Whether all of them are held.
    pub fn is_all_held(&self) -> bool {
        let indices = self.indices.values();
        let applications = self.applications.values().flat_map(BTreeMap::values);
        let mut all = indices.chain(applications).chain([&self.cluster]);
        all.all(|held| held.values().all(|is_held| *is_held))
    }
}

/// Finds out which privileges the permissions give together.
///
/// `stored` are the stored privileges of each application that the request names.
pub fn check(
    permissions: &[&Permission],
    request: &PrivilegesRequest,
    stored: &BTreeMap<&str, &[ApplicationPrivilege]>,
) -> Result<PrivilegesAnswer, CheckRefusal> {
    if request.answers() > PRIVILEGE_CHECKS_MAX {
        return Err(CheckRefusal::TooMany);
    }
    let mut checker =
        Checker { permissions, effort: Effort::of_request(), answer: PrivilegesAnswer::default() };
    checker.check_cluster(&request.cluster)?;
    checker.check_indices(&request.indices)?;
    for asked in &request.applications {
        let stored = stored.get(asked.application.as_str()).copied().unwrap_or_default();
        checker.check_application(asked, stored)?;
    }
    Ok(checker.answer)
}

struct Checker<'a> {
    permissions: &'a [&'a Permission],
    effort: Effort,
    answer: PrivilegesAnswer,
}

impl Checker<'_> {
    fn check_cluster(&mut self, asked: &[String]) -> Result<(), CheckRefusal> {
        for name in asked {
            let wanted = ClusterPrivilege::resolve(name)?;
            let held = self.permissions.iter().flat_map(|it| it.cluster().privileges());
            let is_held = is_implied(&wanted, held, &mut self.effort)?;
            self.answer.cluster.insert(name.clone(), is_held);
        }
        Ok(())
    }

    fn check_indices(&mut self, requests: &[IndexRequest]) -> Result<(), CheckRefusal> {
        let grants = index_grants(self.permissions.iter().flat_map(|it| &it.indices));
        for asked in requests {
            let resolved: Result<Vec<IndexPrivilege>, UnknownIndexPrivilege> =
                asked.privileges.iter().map(|name| IndexPrivilege::resolve(name)).collect();
            let resolved = resolved?;
            for name in &asked.names {
                let pattern = NamePattern::parse(name)?;
                let mut question = if asked.allow_restricted_indices {
                    Question::new(&grants, &pattern)
                } else {
                    Question::about_indices(&grants, &pattern, &mut self.effort)?
                };
                let held = self.answer.indices.entry(name.clone()).or_default();
                for (privilege, wanted) in asked.privileges.iter().zip(&resolved) {
                    let is_held = question.is_held(&wanted.into(), &mut self.effort)?;
                    note(held, privilege, is_held);
                }
            }
        }
        Ok(())
    }

    fn check_application(
        &mut self,
        asked: &ApplicationRequest,
        stored: &[ApplicationPrivilege],
    ) -> Result<(), CheckRefusal> {
        let stored: BTreeMap<&str, &ApplicationPrivilege> =
            stored.iter().map(|privilege| (privilege.name.as_str(), privilege)).collect();
        let grants = application_grants(self.permissions, &asked.application, &stored);
        let of_application = self.answer.applications.entry(asked.application.clone()).or_default();
        for resource in &asked.resources {
            let pattern = NamePattern::parse(resource)?;
            let mut question = Question::new(&grants, &pattern);
            let held = of_application.entry(resource.clone()).or_default();
            for privilege in &asked.privileges {
                let actions = actions(privilege, &stored);
                self.effort.spend(actions.as_ref().map_or(1, Vec::len))?;
                let wanted = Wanted { name: privilege, actions };
                note(held, privilege, question.is_held(&wanted, &mut self.effort)?);
            }
        }
        Ok(())
    }
}

/// Enters an answer. Of several to the same question, each has to be yes.
fn note(held: &mut Held, privilege: &str, is_held: bool) {
    let known = held.entry(privilege.to_owned()).or_insert(true);
    *known = *known && is_held;
}

/// What is held in the application.
fn application_grants<'a>(
    permissions: &'a [&'a Permission],
    application: &str,
    stored: &BTreeMap<&'a str, &'a ApplicationPrivilege>,
) -> Grants<'a> {
    let mut grants = Grants::default();
    for hold in permissions.iter().flat_map(|permission| &permission.applications) {
        let is_of_application =
            hold.application.as_ref().is_some_and(|pattern| pattern.matches(application));
        if !is_of_application {
            continue;
        }
        let grant = grants.add(Reach { patterns: &hold.resources, span: Span::Whole });
        for privilege in &hold.privileges {
            grants.allow(grant, privilege, actions(privilege, stored).unwrap_or_default());
        }
    }
    grants
}

/// The actions that a privilege of an application allows: those stored under its name, or the
/// pattern that it is itself; none if nobody knows.
fn actions<'a>(
    privilege: &'a str,
    stored: &BTreeMap<&str, &'a ApplicationPrivilege>,
) -> Option<Vec<&'a str>> {
    if check_privilege_name(privilege).is_err() {
        return Some(alloc::vec![privilege]);
    }
    let known = stored.get(privilege)?;
    Some(known.actions.iter().map(String::as_str).collect())
}

#[cfg(test)]
mod tests {
    use super::super::descriptor::{ApplicationGrant, IndexGrant, RoleDescriptor};
    use super::super::reserved;
    use super::*;
    use crate::name::RoleName;
    use crate::value::Map;
    use alloc::string::ToString;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    fn role(
        indices: &[(&[&str], &[&str])],
        applications: &[(&str, &[&str], &[&str])],
    ) -> Permission {
        let mut role = RoleDescriptor::new(RoleName::new("r"));
        let index = |(names, privileges): &(&[&str], &[&str])| IndexGrant {
            names: texts(names),
            privileges: texts(privileges),
            field_security: None,
            query: None,
            allow_restricted_indices: false,
        };
        let application =
            |(application, privileges, resources): &(&str, &[&str], &[&str])| ApplicationGrant {
                application: (*application).to_owned(),
                privileges: texts(privileges),
                resources: texts(resources),
            };
        role.indices = indices.iter().map(index).collect();
        role.applications = applications.iter().map(application).collect();
        Permission::of([&role])
    }

    fn on_index(name: &str, privilege: &str, is_allowed: bool) -> PrivilegesRequest {
        let asked = IndexRequest {
            names: texts(&[name]),
            privileges: texts(&[privilege]),
            allow_restricted_indices: is_allowed,
        };
        PrivilegesRequest { indices: [asked].into(), ..PrivilegesRequest::default() }
    }

    #[track_caller]
    fn check_index(permission: &Permission, name: &str, privilege: &str, wanted: bool) {
        let request = on_index(name, privilege, false);
        let answer = check(&[permission], &request, &BTreeMap::new()).unwrap();
        assert_eq!(answer.indices[name][privilege], wanted, "{name} {privilege}");
        assert_eq!(answer.is_all_held(), wanted);
    }

    /// Identity case 60, the rule.
    #[test]
    fn a_pattern_of_indices_is_held_only_as_a_whole() {
        let permission = role(&[(&["index-*"], &["read"])], &[]);
        check_index(&permission, "*", "read", false);
        check_index(&permission, "index-*", "read", true);
        check_index(&permission, "index-1", "READ", true);
        check_index(&permission, "index-1", "indices:data/read/search", true);
        check_index(&permission, "index-1", "write", false);
        check_index(&permission, "index-1", "none", true);
        check_index(&permission, "other", "none", false);
    }

    #[test]
    fn privileges_on_indices_imply_each_other_as_their_actions_do() {
        let holds = |held: &[&str]| role(&[(&["i"], held)], &[]);
        for (held, wanted, is_held) in [
            (&["all"][..], "read_cross_cluster", true),
            (&["all"], "manage_failure_store", true),
            (&["all"], "cross_cluster_replication_internal", true),
            (&["write"], "index", true),
            (&["write"], "create_doc", true),
            (&["write"], "delete", true),
            (&["index"], "create", true),
            (&["create"], "create_doc", true),
            (&["create_doc"], "create", false),
            (&["manage"], "monitor", true),
            (&["manage"], "view_index_metadata", true),
            (&["manage"], "manage_ilm", true),
            (&["manage"], "read", false),
            (&["read"], "read_failure_store", false),
            (&["read"], "all", false),
            (&["manage", "read", "write"], "all", false),
            (&["indices:*", "internal:transport/proxy/indices:*"], "all", false),
            (&["indices:*"], "write", true),
        ] {
            check_index(&holds(held), "i", wanted, is_held);
        }
    }

    #[test]
    fn implication_on_indices_is_a_partial_order() {
        use crate::privilege::index::INDEX_PRIVILEGES;
        let below: BTreeMap<&str, Held> = INDEX_PRIVILEGES
            .into_iter()
            .map(|name| {
                let request = PrivilegesRequest {
                    indices: [IndexRequest {
                        names: texts(&["i"]),
                        privileges: texts(&INDEX_PRIVILEGES),
                        allow_restricted_indices: false,
                    }]
                    .into(),
                    ..PrivilegesRequest::default()
                };
                let permission = role(&[(&["i"], &[name])], &[]);
                let mut answer = check(&[&permission], &request, &BTreeMap::new()).unwrap();
                (name, answer.indices.remove("i").unwrap())
            })
            .collect();
        for (name, held) in &below {
            assert!(held[*name] && held["none"] && below["all"][*name], "{name}");
            for (lower, _) in held.iter().filter(|(_, is_held)| **is_held) {
                for (lowest, _) in below[lower.as_str()].iter().filter(|(_, is_held)| **is_held) {
                    assert!(held[lowest], "{name} {lower} {lowest}");
                }
            }
        }
    }

    #[test]
    fn restricted_indices_are_left_out_unless_they_are_named() {
        let superuser = Permission::of([&reserved::descriptor("superuser").unwrap()]);
        check_index(&superuser, "*", "all", true);
        check_index(&superuser, ".security", "all", false);
        check_index(&superuser, ".security-7", "read", true);
        check_index(&superuser, ".security-*", "monitor", true);
        let held = |privilege: &str| {
            let request = on_index("*", privilege, true);
            check(&[&superuser], &request, &BTreeMap::new()).unwrap().is_all_held()
        };
        assert!(held("read") && !held("all"));
    }

    fn stored() -> Vec<ApplicationPrivilege> {
        let privilege = |name: &str, actions: &[&str]| ApplicationPrivilege {
            application: "app".to_owned(),
            name: name.to_owned(),
            actions: texts(actions),
            metadata: Map::new(),
        };
        [
            privilege("read", &["data:read/*", "action:login"]),
            privilege("view", &["data:read/page"]),
            privilege("all", &["*"]),
        ]
        .into()
    }

    #[track_caller]
    fn check_application(permission: &Permission, privilege: &str, resource: &str, wanted: bool) {
        let asked = ApplicationRequest {
            application: "app".to_owned(),
            privileges: texts(&[privilege]),
            resources: texts(&[resource]),
        };
        let request =
            PrivilegesRequest { applications: [asked].into(), ..PrivilegesRequest::default() };
        let stored = stored();
        let stored = BTreeMap::from([("app", stored.as_slice())]);
        let answer = check(&[permission], &request, &stored).unwrap();
        let is_held = answer.applications["app"][resource][privilege];
        assert_eq!(is_held, wanted, "{privilege} {resource}");
    }

    #[test]
    fn privileges_in_applications_are_held_by_their_actions_on_whole_resources() {
        let permission = role(&[], &[("a*", &["read", "data:write"], &["space:*", "/x[0-9]/"])]);
        let check = |privilege: &str, resource: &str, wanted: bool| {
            check_application(&permission, privilege, resource, wanted);
        };
        check("read", "space:1", true);
        check("view", "space:*", true);
        check("data:read/x", "x1", true);
        check("data:read/*", "/x[1-3]/", true);
        check("data:*", "space:1", false);
        check("data:write", "space:1", true);
        check("read", "*", false);
        check("all", "space:1", false);
        let other = role(&[], &[("other", &["*"], &["*"])]);
        check_application(&other, "read", "space:1", false);
        let both = role(&[], &[("app", &["read"], &["a*"]), ("*", &["all"], &["b*"])]);
        check_application(&both, "view", "/[ab].*/", true);
    }

    #[test]
    fn an_undefined_name_is_held_by_those_who_hold_the_very_same() {
        let permission = role(&[], &[("app", &["unknown"], &["a"]), ("app", &["*"], &["b"])]);
        check_application(&permission, "unknown", "a", true);
        check_application(&permission, "other", "a", false);
        check_application(&permission, "unknown", "b", false);
        check_application(&permission, "view", "a", false);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let permission = Permission::default();
        let refused = |request: &PrivilegesRequest| {
            check(&[&permission], request, &BTreeMap::new()).unwrap_err().to_string()
        };
        let cluster = |name: &str| PrivilegesRequest {
            cluster: texts(&[name]),
            ..PrivilegesRequest::default()
        };
        assert!(refused(&cluster("bogus")).starts_with("unknown cluster privilege [bogus]"));
        let unknown = refused(&on_index("i", "bogus", false));
        assert!(unknown.starts_with("unknown index privilege [bogus]"));
        assert!(refused(&on_index("/(/", "read", false)).starts_with("invalid pattern [/(/]"));
        let many = IndexRequest {
            names: alloc::vec!["i".to_owned(); 1_000],
            privileges: alloc::vec!["read".to_owned(); 1_000],
            allow_restricted_indices: false,
        };
        let many = PrivilegesRequest { indices: [many].into(), ..PrivilegesRequest::default() };
        assert_eq!(refused(&many), "more than 100000 privileges cannot be checked at once");
    }

    #[test]
    fn what_cannot_be_compared_is_refused_and_no_guess_is_made() {
        let wide: Vec<String> =
            ('a'..='z').map(|letter| ["*", &letter.to_string(), "?????"].concat()).collect();
        let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
        let permission = role(&[(&wide, &["read"])], &[]);
        let request = on_index("/[a-z]{5}.*[a-z].{5}/", "read", false);
        assert_eq!(
            check(&[&permission], &request, &BTreeMap::new()),
            Err(CheckRefusal::TooComplex(TooComplex))
        );
    }

    #[test]
    fn a_request_must_ask_for_something_in_applications_by_name() {
        let empty = PrivilegesRequest::default();
        assert_eq!(empty.violations(), ["must specify at least one privilege"]);
        let asked = ApplicationRequest {
            application: "app*".to_owned(),
            privileges: Vec::new(),
            resources: Vec::new(),
        };
        let request = PrivilegesRequest { applications: [asked].into(), ..empty };
        assert_eq!(request.violations(), ["Application names may not contain '*' (found 'app*')"]);
    }
}
