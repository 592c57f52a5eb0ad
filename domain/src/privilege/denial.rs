//! The words in which an action is denied.
//!
//! Owns the sentences. Must not decide: the caller has decided already. Start at [`unauthorized`].

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::name::RoleName;

/// Whose credentials were accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authenticated<'a> {
    /// A user of this name.
    User(&'a str),
    /// An API key.
    ApiKey {
        /// Its id.
        id: &'a str,
        /// The name of its owner.
        owner: &'a str,
    },
    /// A service account of this name.
    ServiceAccount(&'a str),
}

impl fmt::Display for Authenticated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user [{name}]"),
            Self::ApiKey { id, owner } => write!(f, "API key id [{id}] of user [{owner}]"),
            Self::ServiceAccount(name) => write!(f, "service account [{name}]"),
        }
    }
}

/// The roles of a user as a denial names them: each once, in the order of the alphabet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roles<'a> {
    /// The roles were looked up.
    Effective {
        /// Names of the roles that exist.
        found: BTreeSet<&'a str>,
        /// Names of the roles that are assigned but do not exist.
        missing: BTreeSet<&'a str>,
    },
    /// The roles could not be looked up; only the names are known.
    Assigned(BTreeSet<&'a str>),
}

impl<'a> Roles<'a> {
    /// The assigned roles, of which those exist that `is_found` knows.
    pub fn effective(
        assigned: impl IntoIterator<Item = &'a RoleName>,
        is_found: impl Fn(&str) -> bool,
    ) -> Self {
        let names = assigned.into_iter().map(RoleName::as_str);
        let (found, missing) = names.partition(|name| is_found(name));
        Self::Effective { found, missing }
    }

    /// The assigned roles, none of which could be looked up.
    pub fn assigned(assigned: impl IntoIterator<Item = &'a RoleName>) -> Self {
        Self::Assigned(assigned.into_iter().map(RoleName::as_str).collect())
    }
}

impl fmt::Display for Roles<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Effective { found, missing } => {
                write!(f, "with effective roles [{}]", join(found))?;
                if missing.is_empty() {
                    return Ok(());
                }
                write!(f, " (assigned roles [{}] were not found)", join(missing))
            }
            Self::Assigned(names) => write!(f, "with assigned roles [{}]", join(names)),
        }
    }
}

/// Who asked for an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller<'a> {
    /// Whose credentials were accepted.
    pub authenticated: Authenticated<'a>,
    /// The name of the user whom they act as.
    pub run_as: Option<&'a str>,
    /// The roles of the effective user. API keys and service accounts have none of their own.
    pub roles: Option<Roles<'a>>,
}

impl fmt::Display for Caller<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.authenticated.fmt(f)?;
        if let Some(name) = self.run_as {
            write!(f, " run as [{name}]")?;
        }
        match &self.roles {
            Some(roles) => write!(f, " {roles}"),
            None => Ok(()),
        }
    }
}

/// The caller lacks the privilege for `action`; one of `granted_by` would have helped.
pub fn unauthorized(action: &str, caller: &Caller<'_>, granted_by: &[&str]) -> String {
    let denied = format!("action [{action}] is unauthorized for {caller}");
    if granted_by.is_empty() {
        return denied;
    }
    let names = granted_by.join(",");
    format!("{denied}, this action is granted by the cluster privileges [{names}]")
}

/// The caller may not act as `target`, or nobody of that name is known: the words are the same.
///
/// `roles` are those of the caller, not of the target.
pub fn run_as_unauthorized(
    action: &str,
    authenticated: Authenticated<'_>,
    roles: Option<Roles<'_>>,
    target: &str,
) -> String {
    let caller = Caller { authenticated, run_as: None, roles };
    format!(
        "action [{action}] is unauthorized for {caller}, \
         because {authenticated} is unauthorized to run as [{target}]"
    )
}

/// Nobody is logged in, and the action needs somebody.
pub fn authentication_required(action: &str) -> String {
    format!("action [{action}] requires authentication")
}

fn join(names: &BTreeSet<&str>) -> String {
    let names: Vec<&str> = names.iter().copied().collect();
    names.join(",")
}

#[cfg(test)]
mod tests {
    use super::super::action;
    use super::super::grant::granted_by;
    use super::*;
    use crate::privilege::cluster::ClusterPrivilege;

    fn names(names: &[&str]) -> Vec<RoleName> {
        names.iter().map(|name| RoleName::new(name)).collect()
    }

    fn check(caller: &Caller<'_>, wanted: &str) {
        let text = unauthorized(action::DELETE_USER, caller, &granted_by(action::DELETE_USER));
        let wanted = format!(
            "action [cluster:admin/xpack/security/user/delete] is unauthorized for {wanted}, \
             this action is granted by the cluster privileges [manage_security,all]"
        );
        assert_eq!(text, wanted);
    }

    #[test]
    fn a_user_is_denied_with_sorted_roles() {
        let assigned = names(&["b", "a", "b"]);
        let roles = Some(Roles::effective(&assigned, |_| true));
        let caller = Caller { authenticated: Authenticated::User("ann"), run_as: None, roles };
        check(&caller, "user [ann] with effective roles [a,b]");
    }

    #[test]
    fn roles_that_do_not_exist_are_named() {
        let assigned = names(&["zz", "a", "y"]);
        let roles = Some(Roles::effective(&assigned, |name| name == "a"));
        let mut caller = Caller { authenticated: Authenticated::User("ann"), run_as: None, roles };
        check(
            &caller,
            "user [ann] with effective roles [a] (assigned roles [y,zz] were not found)",
        );
        let assigned = names(&["x"]);
        caller.roles = Some(Roles::effective(&assigned, |_| false));
        check(&caller, "user [ann] with effective roles [] (assigned roles [x] were not found)");
    }

    #[test]
    fn a_user_without_roles_has_an_empty_list() {
        let roles = Some(Roles::effective([], |_| true));
        let caller = Caller { authenticated: Authenticated::User("ann"), run_as: None, roles };
        check(&caller, "user [ann] with effective roles []");
    }

    #[test]
    fn roles_that_were_not_looked_up_are_called_assigned() {
        let assigned = names(&["b", "a"]);
        let roles = Some(Roles::assigned(&assigned));
        let caller = Caller { authenticated: Authenticated::User("ann"), run_as: None, roles };
        check(&caller, "user [ann] with assigned roles [a,b]");
    }

    #[test]
    fn who_acts_as_another_is_named_with_the_roles_of_the_other() {
        let assigned = names(&["r"]);
        let roles = Some(Roles::effective(&assigned, |_| true));
        let caller =
            Caller { authenticated: Authenticated::User("ann"), run_as: Some("bob"), roles };
        check(&caller, "user [ann] run as [bob] with effective roles [r]");
    }

    /// Identity cases 65, 66, the words.
    #[test]
    fn keys_and_service_accounts_have_no_roles() {
        let key = Authenticated::ApiKey { id: "k", owner: "ann" };
        check(
            &Caller { authenticated: key, run_as: None, roles: None },
            "API key id [k] of user [ann]",
        );
        let account = Authenticated::ServiceAccount("elastic/fleet-server");
        check(
            &Caller { authenticated: account, run_as: None, roles: None },
            "service account [elastic/fleet-server]",
        );
    }

    fn denied(action: &str, cluster: &str) -> String {
        let privilege = ClusterPrivilege::resolve(cluster).unwrap();
        assert!(!privilege.implies(action), "{cluster} {action}");
        let authenticated = Authenticated::ServiceAccount("elastic/fleet-server");
        let caller = Caller { authenticated, run_as: None, roles: None };
        unauthorized(action, &caller, &granted_by(action))
    }

    /// Identity case 66, the text.
    #[test]
    fn a_denial_names_the_privileges_that_would_help_in_order_of_access() {
        assert_eq!(
            denied(action::DELETE_USER, "none"),
            "action [cluster:admin/xpack/security/user/delete] is unauthorized for service account \
             [elastic/fleet-server], this action is granted by the cluster privileges \
             [manage_security,all]"
        );
    }

    /// Identity case 62, the rule.
    #[test]
    fn whoever_manages_security_does_not_delegate_certificates() {
        let text = denied(action::DELEGATE_PKI, "manage_security");
        assert!(text.ends_with("granted by the cluster privileges [delegate_pki,all]"), "{text}");
    }

    /// Identity case 63, the rule.
    #[test]
    fn whoever_manages_their_own_keys_is_not_told_that_it_helps_with_those_of_others() {
        let text = denied(action::INVALIDATE_API_KEY, "manage_own_api_key");
        let wanted = "granted by the cluster privileges [manage_api_key,manage_security,all]";
        assert!(text.ends_with(wanted), "{text}");
    }

    #[test]
    fn an_action_that_no_privilege_grants_is_denied_without_advice() {
        let authenticated = Authenticated::ServiceAccount("a/b");
        let caller = Caller { authenticated, run_as: None, roles: None };
        assert_eq!(
            unauthorized("internal:x", &caller, &[]),
            "action [internal:x] is unauthorized for service account [a/b]"
        );
    }

    #[test]
    fn acting_as_another_is_denied_with_the_callers_own_roles() {
        let assigned = names(&["r2", "r1"]);
        let roles = Some(Roles::effective(&assigned, |_| true));
        assert_eq!(
            run_as_unauthorized("cluster:x", Authenticated::User("ann"), roles, "bob"),
            "action [cluster:x] is unauthorized for user [ann] with effective roles [r1,r2], \
             because user [ann] is unauthorized to run as [bob]"
        );
    }

    #[test]
    fn anonymous_callers_are_told_to_log_in() {
        assert_eq!(
            authentication_required(action::CREATE_TOKEN),
            "action [cluster:admin/xpack/security/token/create] requires authentication"
        );
    }
}
