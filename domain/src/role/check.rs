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
                pattern.spend(&mut self.effort)?;
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
            pattern.spend(&mut self.effort)?;
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
