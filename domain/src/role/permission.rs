//! What roles permit together.
//!
//! Owns the union of what several descriptors grant, ready to be asked. Which privileges are held
//! on indices and in applications is asked in [`check`](super::check).

use alloc::string::String;
use alloc::vec::Vec;

use super::coverage::{Effort, TooComplex};
use super::descriptor::{ApplicationGrant, IndexGrant, RoleDescriptor, RoleManagementGrant};
use super::grants::{Grants, Question, Reach, Span, Wanted};
use super::pattern::NamePattern;
use crate::privilege::action::is_open_to_everyone;
use crate::privilege::cluster::{ClusterPermission, ClusterPrivilege};
use crate::privilege::index::IndexPrivilege;

/// What the holder of some roles may do: whatever one of them grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    cluster: ClusterPermission,
    run_as: Vec<NamePattern>,
    managed_applications: Vec<NamePattern>,
    written_profiles: Vec<NamePattern>,
    managed_roles: Vec<IndexHold>,
    pub(super) indices: Vec<IndexHold>,
    pub(super) applications: Vec<ApplicationHold>,
}

/// What is held on indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IndexHold {
    pub(super) names: Vec<NamePattern>,
    pub(super) privileges: Vec<IndexPrivilege>,
    pub(super) span: Span,
}

/// What is held in applications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApplicationHold {
    pub(super) application: Option<NamePattern>,
    pub(super) privileges: Vec<String>,
    pub(super) resources: Vec<NamePattern>,
}

impl Permission {
    /// What the roles permit together. A privilege or pattern that is not known grants nothing.
    pub fn of<'a>(roles: impl IntoIterator<Item = &'a RoleDescriptor>) -> Self {
        let mut permission = Self::default();
        let mut privileges = Vec::new();
        for role in roles {
            privileges.extend(role.cluster.iter().flat_map(|name| ClusterPrivilege::resolve(name)));
            permission.run_as.extend(patterns(&role.run_as));
            let managed = role.global.manage_applications.iter().flatten();
            permission.managed_applications.extend(patterns(managed));
            let written = role.global.write_profiles.iter().flatten();
            permission.written_profiles.extend(patterns(written));
            let managed = role.global.manage_roles.iter().flatten();
            permission.managed_roles.extend(managed.map(IndexHold::of_management));
            permission.indices.extend(role.indices.iter().map(IndexHold::of));
            permission.applications.extend(role.applications.iter().map(ApplicationHold::of));
        }
        permission.cluster = privileges.into_iter().collect();
        permission
    }

    /// What the roles permit on the cluster.
    pub const fn cluster(&self) -> &ClusterPermission {
        &self.cluster
    }

    /// Whether `action` is allowed, whomever it concerns.
    pub fn allows(&self, action: &str) -> bool {
        is_open_to_everyone(action) || self.cluster.allows(action)
    }

    /// Whether `action` is allowed when it concerns only what belongs to the caller.
    pub fn allows_own(&self, action: &str) -> bool {
        is_open_to_everyone(action) || self.cluster.allows_own(action)
    }

    /// Whether the holder may act as the user of this name.
    pub fn may_run_as(&self, username: &str) -> bool {
        is_any(&self.run_as, username)
    }

    /// Whether the privileges of the application of this name may be read and written. Whoever asks
    /// for those of every application asks for the name `*`.
    pub fn may_manage_application(&self, name: &str) -> bool {
        is_any(&self.managed_applications, name)
    }

    /// Whether the data that user profiles hold under this top-level key may be written.
    pub fn may_write_profile(&self, key: &str) -> bool {
        is_any(&self.written_profiles, key)
    }
}

/// Whether a role may be written and removed that grants this: privileges on indices only, each
/// within those over which roles may be managed.
fn may_manage(
    managed: &Grants<'_>,
    role: &RoleDescriptor,
    effort: &mut Effort,
) -> Result<bool, TooComplex> {
    let grants_more = !role.cluster.is_empty()
        || !role.global.is_empty()
        || !role.applications.is_empty()
        || !role.run_as.is_empty()
        || !role.remote_indices.is_empty()
        || !role.remote_cluster.is_empty();
    if grants_more {
        return Ok(false);
    }
    for grant in &role.indices {
        if !is_within(managed, grant, effort)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether each of these roles may be written and removed by one of the permissions.
///
/// What is too complex to be told may not be done, and who manages no roles at all may not even
/// name none.
pub fn may_manage_roles<'a>(
    permissions: impl Iterator<Item = &'a Permission>,
    roles: &[&RoleDescriptor],
) -> bool {
    let mut effort = Effort::of_request();
    let managers = permissions.filter(|it| !it.managed_roles.is_empty());
    let managers: Result<Vec<Grants<'_>>, TooComplex> =
        managers.map(|it| index_grants(&it.managed_roles, &mut effort)).collect();
    let Ok(managers) = managers else {
        return false;
    };
    let mut is_managed = |role: &RoleDescriptor| {
        for manager in &managers {
            if may_manage(manager, role, &mut effort)? {
                return Ok(true);
            }
        }
        Ok::<bool, TooComplex>(false)
    };
    !managers.is_empty() && roles.iter().all(|role| is_managed(role).unwrap_or(false))
}

impl IndexHold {
    fn of(grant: &IndexGrant) -> Self {
        let span = if grant.allow_restricted_indices { Span::Whole } else { Span::Unrestricted };
        Self { names: patterns(&grant.names).collect(), privileges: known(&grant.privileges), span }
    }

    fn of_management(grant: &RoleManagementGrant) -> Self {
        let (names, privileges) = (patterns(&grant.names).collect(), known(&grant.privileges));
        Self { names, privileges, span: Span::Unrestricted }
    }
}

impl ApplicationHold {
    fn of(grant: &ApplicationGrant) -> Self {
        Self {
            application: NamePattern::parse(&grant.application).ok(),
            privileges: grant.privileges.clone(),
            resources: patterns(&grant.resources).collect(),
        }
    }
}

/// What is held on indices, ready to be asked.
pub(super) fn index_grants<'a>(
    holds: impl IntoIterator<Item = &'a IndexHold>,
    effort: &mut Effort,
) -> Result<Grants<'a>, TooComplex> {
    let mut grants = Grants::default();
    for hold in holds {
        let grant = grants.add(Reach { patterns: &hold.names, span: hold.span });
        for privilege in &hold.privileges {
            effort.spend_on_entries(privilege.patterns().count().saturating_add(1))?;
            grants.allow(grant, privilege.name(), privilege.patterns());
        }
    }
    Ok(grants)
}

impl<'a> From<&'a IndexPrivilege> for Wanted<'a> {
    fn from(privilege: &'a IndexPrivilege) -> Self {
        Self { name: privilege.name(), actions: Some(privilege.patterns().collect()) }
    }
}

/// Whether all that is granted on indices is held. What cannot be read is not.
fn is_within(
    managed: &Grants<'_>,
    grant: &IndexGrant,
    effort: &mut Effort,
) -> Result<bool, TooComplex> {
    let given = IndexHold::of(grant);
    let (names, privileges) = (grant.names.len(), grant.privileges.len());
    if (given.names.len(), given.privileges.len()) != (names, privileges) {
        return Ok(false);
    }
    for name in &given.names {
        name.spend(effort)?;
        let mut question = match given.span {
            Span::Whole => Question::new(managed, name),
            Span::Unrestricted => Question::about_indices(managed, name, effort)?,
        };
        for privilege in &given.privileges {
            let wanted = managed.prepare(privilege.into(), effort)?;
            if !question.is_held(&wanted, effort)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The privileges that are known.
fn known(names: &[String]) -> Vec<IndexPrivilege> {
    names.iter().flat_map(|name| IndexPrivilege::resolve(name)).collect()
}

/// The patterns that can be read.
fn patterns<'a>(texts: impl IntoIterator<Item = &'a String>) -> impl Iterator<Item = NamePattern> {
    texts.into_iter().flat_map(|text| NamePattern::parse(text))
}

fn is_any(patterns: &[NamePattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

#[cfg(test)]
mod tests {
    use super::super::reserved;
    use super::*;
    use crate::name::RoleName;
    use crate::privilege::action;

    fn role(cluster: &[&str], run_as: &[&str]) -> RoleDescriptor {
        let mut role = RoleDescriptor::new(RoleName::new("r"));
        role.cluster = cluster.iter().map(|&name| name.into()).collect();
        role.run_as = run_as.iter().map(|&name| name.into()).collect();
        role
    }

    #[test]
    fn roles_permit_together_what_each_of_them_grants() {
        let roles = [role(&["manage_token"], &["ann"]), role(&["monitor"], &["/b.b/"])];
        let permission = Permission::of(&roles);
        assert!(permission.allows(action::CREATE_TOKEN));
        assert!(permission.allows(action::READ_MAIN));
        assert!(!permission.allows(action::PUT_USER));
        assert!(permission.may_run_as("ann") && permission.may_run_as("bob"));
        assert!(!permission.may_run_as("bo") && !permission.may_run_as("Ann"));
    }

    #[test]
    fn who_has_no_role_may_ask_who_they_are_and_nothing_else() {
        let permission = Permission::of([]);
        assert!(permission.allows(action::AUTHENTICATE));
        assert!(!permission.allows(action::READ_MAIN));
        assert!(!permission.may_run_as("ann"));
    }

    #[test]
    fn what_is_not_known_grants_nothing() {
        let permission = Permission::of([&role(&["bogus"], &["/a", "/<1-9>/"])]);
        assert_eq!(permission, Permission::default());
    }

    #[test]
    fn global_privileges_reach_as_far_as_their_patterns() {
        let mut role = role(&[], &[]);
        role.global.manage_applications = Some(alloc::vec!["kibana-*".into()]);
        role.global.write_profiles = Some(alloc::vec!["/app[0-9]/".into(), "/(/".into()]);
        let permission = Permission::of([&role]);
        assert!(permission.may_manage_application("kibana-.kibana"));
        assert!(!permission.may_manage_application("kibana"));
        assert!(!permission.may_manage_application("*"));
        assert!(permission.may_write_profile("app1"));
        assert!(!permission.may_write_profile("kibana-x"));
        assert!(!permission.allows(action::PUT_PRIVILEGE));
    }

    #[test]
    fn roles_may_be_managed_within_the_indices_of_the_grant() {
        let mut manager = role(&[], &[]);
        manager.global.manage_roles = Some(alloc::vec![
            RoleManagementGrant {
                names: alloc::vec!["logs-*".into()],
                privileges: alloc::vec!["read".into(), "view_index_metadata".into()],
            },
            RoleManagementGrant {
                names: alloc::vec!["own-*".into(), ".security".into()],
                privileges: alloc::vec!["all".into()],
            },
        ]);
        let permission = Permission::of([&manager]);
        let given = |names: &[&str], privileges: &[&str]| {
            let mut given = role(&[], &[]);
            given.indices = alloc::vec![IndexGrant {
                names: names.iter().map(|&name| name.into()).collect(),
                privileges: privileges.iter().map(|&name| name.into()).collect(),
                field_security: None,
                query: None,
                allow_restricted_indices: false,
            }];
            given
        };
        let check = |given: &RoleDescriptor, wanted: bool| {
            assert_eq!(may_manage_roles([&permission].into_iter(), &[given]), wanted, "{given:?}");
        };
        check(&given(&["logs-1*"], &["read"]), true);
        check(&given(&["logs-1*", "own-x"], &["READ"]), true);
        check(&given(&["logs-1*", "own-x"], &["write"]), false);
        check(&given(&["logs*"], &["read"]), false);
        check(&given(&["own-x"], &["indices:data/write/bulk"]), true);
        check(&given(&[".security"], &["read"]), false);
        check(&given(&["own-x", "/(/"], &["read"]), false);
        check(&role(&[], &[]), true);
        check(&role(&["none"], &[]), false);
        check(&role(&[], &["x"]), false);
        let mut whole = given(&["own-*"], &["read"]);
        check(&whole, true);
        whole.indices[0].allow_restricted_indices = true;
        check(&whole, true);
        whole.indices[0].names = alloc::vec!["*".into()];
        check(&whole, false);
        let other = Permission::of([&role(&["manage"], &[])]);
        assert!(!may_manage_roles([&other].into_iter(), &[]));
        assert!(may_manage_roles([&other, &permission].into_iter(), &[]));
    }

    #[test]
    fn a_superuser_may_do_everything() {
        let superuser = reserved::descriptor("superuser").unwrap();
        let permission = Permission::of([&superuser]);
        assert!(permission.allows(action::DELEGATE_PKI) && permission.may_run_as("anyone"));
    }
}
