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
use super::grants::{Grants, Prepared, Question, Reach, Span, Wanted};
use super::pattern::{NamePattern, PatternRefusal};
use super::permission::{Permission, index_grants};
use crate::limits::{PRIVILEGE_ANSWER_BYTES_MAX, PRIVILEGE_CHECKS_MAX};
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
    /// The answer would repeat too much text.
    #[error("the answer would take more than {PRIVILEGE_ANSWER_BYTES_MAX} bytes")]
    TooLong,
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

    /// How many bytes of names the answer repeats at most.
    fn answer_bytes(&self) -> usize {
        let bytes = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
        let indices = self.indices.iter().map(|asked| (&asked.names, &asked.privileges));
        let applications = self.applications.iter().map(|it| (&it.resources, &it.privileges));
        indices
            .chain(applications)
            .map(|(names, privileges)| {
                bytes(names).saturating_add(names.len().saturating_mul(bytes(privileges)))
            })
            .fold(bytes(&self.cluster), usize::saturating_add)
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
    if request.answer_bytes() > PRIVILEGE_ANSWER_BYTES_MAX {
        return Err(CheckRefusal::TooLong);
    }
    let mut checker =
        Checker { permissions, effort: Effort::of_request(), answer: PrivilegesAnswer::default() };
    checker.check_cluster(&request.cluster)?;
    checker.check_indices(&request.indices)?;
    let mut by_application: BTreeMap<&str, Vec<&ApplicationRequest>> = BTreeMap::new();
    for asked in &request.applications {
        by_application.entry(&asked.application).or_default().push(asked);
    }
    for (application, asked) in by_application {
        let stored = stored.get(application).copied().unwrap_or_default();
        checker.check_application(application, &asked, stored)?;
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
        let holds = self.permissions.iter().flat_map(|it| &it.indices);
        let grants = index_grants(holds, &mut self.effort)?;
        for asked in requests {
            let resolved: Result<Vec<IndexPrivilege>, UnknownIndexPrivilege> =
                asked.privileges.iter().map(|name| IndexPrivilege::resolve(name)).collect();
            let resolved = resolved?;
            let wanted = prepare(&grants, resolved.iter().map(Wanted::from), &mut self.effort)?;
            for name in &asked.names {
                let pattern = NamePattern::parse(name)?;
                pattern.spend(&mut self.effort)?;
                let mut question = if asked.allow_restricted_indices {
                    Question::new(&grants, &pattern)
                } else {
                    Question::about_indices(&grants, &pattern, &mut self.effort)?
                };
                let held = self.answer.indices.entry(name.clone()).or_default();
                for (privilege, wanted) in asked.privileges.iter().zip(&wanted) {
                    let is_held = question.is_held(wanted, &mut self.effort)?;
                    note(held, privilege, is_held);
                }
            }
        }
        Ok(())
    }

    fn check_application(
        &mut self,
        application: &str,
        requests: &[&ApplicationRequest],
        stored: &[ApplicationPrivilege],
    ) -> Result<(), CheckRefusal> {
        self.effort.spend_on_entries(stored.len().saturating_add(1))?;
        let stored: BTreeMap<&str, &ApplicationPrivilege> =
            stored.iter().map(|privilege| (privilege.name.as_str(), privilege)).collect();
        let permissions = self.permissions;
        let grants = application_grants(permissions, application, &stored, &mut self.effort)?;
        let of_application = self.answer.applications.entry(application.to_owned()).or_default();
        for asked in requests {
            let mut privileges = Vec::with_capacity(asked.privileges.len());
            for name in &asked.privileges {
                let actions = actions(name, &stored);
                self.effort.spend(actions.as_ref().map_or(1, Vec::len))?;
                privileges.push(Wanted { name, actions });
            }
            let wanted = prepare(&grants, privileges, &mut self.effort)?;
            for resource in &asked.resources {
                let pattern = NamePattern::parse(resource)?;
                pattern.spend(&mut self.effort)?;
                let mut question = Question::new(&grants, &pattern);
                let held = of_application.entry(resource.clone()).or_default();
                for (privilege, wanted) in asked.privileges.iter().zip(&wanted) {
                    note(held, privilege, question.is_held(wanted, &mut self.effort)?);
                }
            }
        }
        Ok(())
    }
}

fn prepare<'w>(
    grants: &Grants<'_>,
    wanted: impl IntoIterator<Item = Wanted<'w>>,
    effort: &mut Effort,
) -> Result<Vec<Prepared<'w>>, TooComplex> {
    wanted.into_iter().map(|wanted| grants.prepare(wanted, effort)).collect()
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
    effort: &mut Effort,
) -> Result<Grants<'a>, TooComplex> {
    let mut grants = Grants::default();
    for hold in permissions.iter().flat_map(|permission| &permission.applications) {
        effort.spend(1)?;
        let is_of_application =
            hold.application.as_ref().is_some_and(|pattern| pattern.matches(application));
        if !is_of_application {
            continue;
        }
        let grant = grants.add(Reach { patterns: &hold.resources, span: Span::Whole });
        for privilege in &hold.privileges {
            let actions = actions(privilege, stored).unwrap_or_default();
            effort.spend_on_entries(actions.len().saturating_add(1))?;
            grants.allow(grant, privilege, actions);
        }
    }
    Ok(grants)
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
