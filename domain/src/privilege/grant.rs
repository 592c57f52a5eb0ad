//! Which named privileges would allow an action: what a denial tells the caller to ask for.

use alloc::vec::Vec;

use super::catalogue::ENTRIES;
use super::cluster::ClusterPrivilege;

/// Names of the privileges that allow `action`, whomever it concerns, in access-level order.
pub fn granted_by(action: &str) -> Vec<&'static str> {
    names_where(|privilege| privilege.implies(action))
}

/// Names of the privileges that allow `action` when it concerns only what belongs to the caller, in
/// access-level order.
pub fn granted_by_own(action: &str) -> Vec<&'static str> {
    names_where(|privilege| privilege.implies_own(action))
}

fn names_where(is_wanted: impl Fn(&ClusterPrivilege) -> bool) -> Vec<&'static str> {
    let names = ENTRIES.iter().map(|entry| entry.name);
    let privileges = ClusterPrivilege::named();
    names.zip(privileges).filter(|(_, it)| is_wanted(it)).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::super::action::*;
    use super::*;

    fn check(actions: &[&str], wanted: &str) {
        for action in actions {
            assert_eq!(granted_by(action).join(","), wanted, "{action}");
        }
    }

    #[test]
    fn writes_of_security_are_granted_by_manage_security() {
        let actions = [
            PUT_USER,
            DELETE_USER,
            SET_USER_ENABLED,
            CHANGE_PASSWORD,
            PUT_ROLE,
            DELETE_ROLE,
            BULK_PUT_ROLE,
            BULK_DELETE_ROLE,
            CLEAR_ROLE_CACHE,
            CLEAR_REALM_CACHE,
            CLEAR_PRIVILEGE_CACHE,
            CLEAR_SECURITY_CACHE,
            PUT_ROLE_MAPPING,
            DELETE_ROLE_MAPPING,
            PUT_PRIVILEGE,
            DELETE_PRIVILEGE,
            UPDATE_SETTINGS,
            CREATE_CROSS_CLUSTER_API_KEY,
            UPDATE_CROSS_CLUSTER_API_KEY,
            ENROLL_KIBANA,
            ENROLL_NODE,
        ];
        check(&actions, "manage_security,all");
    }

    #[test]
    fn reads_of_security_are_granted_by_read_security_too() {
        let actions = [
            READ_USER,
            QUERY_USER,
            LIST_PRIVILEGES,
            READ_ROLE,
            QUERY_ROLE,
            READ_ROLE_MAPPING,
            READ_PRIVILEGE,
            READ_BUILTIN_PRIVILEGE,
            READ_SETTINGS,
        ];
        check(&actions, "read_security,manage_security,all");
        check(&[HAS_PRIVILEGES], "read_ccr,read_security,manage_ccr,manage_security,all");
    }

    #[test]
    fn tokens_are_granted_by_their_own_privileges() {
        check(&[CREATE_TOKEN], "manage_token,manage_security,all");
        check(&[REFRESH_TOKEN], "manage_saml,manage_token,manage_security,all");
        check(&[INVALIDATE_TOKEN], "delegate_pki,manage_saml,manage_token,manage_security,all");
    }

    #[test]
    fn realms_are_granted_by_their_own_privileges() {
        check(&[DELEGATE_PKI], "delegate_pki,all");
        let saml =
            [PREPARE_SAML, AUTHENTICATE_SAML, LOGOUT_SAML, COMPLETE_LOGOUT_SAML, INVALIDATE_SAML];
        check(&saml, "manage_saml,manage_security,all");
        check(&[READ_SAML_METADATA], "manage_saml,monitor,manage,all");
        check(&[PREPARE_OIDC, AUTHENTICATE_OIDC, LOGOUT_OIDC], "manage_oidc,manage_security,all");
    }

    #[test]
    fn api_keys_are_granted_to_their_owners_too() {
        let own = "manage_own_api_key,manage_api_key,manage_security,all";
        check(&[CREATE_API_KEY, UPDATE_API_KEY, BULK_UPDATE_API_KEY], own);
        check(&[GRANT_API_KEY], "grant_api_key,manage_api_key,manage_security,all");
        check(&[READ_API_KEY], "read_security,manage_api_key,manage_security,all");
        let query = "manage_own_api_key,read_security,manage_api_key,manage_security,all";
        check(&[QUERY_API_KEY], query);
        check(&[INVALIDATE_API_KEY], "manage_api_key,manage_security,all");
        assert_eq!(granted_by_own(READ_API_KEY).join(","), query);
        assert_eq!(granted_by_own(INVALIDATE_API_KEY).join(","), own);
    }

    #[test]
    fn service_accounts_and_profiles_are_granted_by_their_own_privileges() {
        check(
            &[READ_SERVICE_ACCOUNT, READ_SERVICE_ACCOUNT_CREDENTIALS],
            "manage_service_account,read_security,manage_security,all",
        );
        check(
            &[CREATE_SERVICE_ACCOUNT_TOKEN, DELETE_SERVICE_ACCOUNT_TOKEN],
            "manage_service_account,manage_security,all",
        );
        check(
            &[ACTIVATE_PROFILE, UPDATE_PROFILE_DATA, SET_PROFILE_ENABLED],
            "manage_user_profile,manage_security,all",
        );
        check(
            &[READ_PROFILE, SUGGEST_PROFILE, PROFILE_HAS_PRIVILEGES],
            "manage_user_profile,read_security,manage_security,all",
        );
    }

    #[test]
    fn monitoring_is_granted_by_monitor() {
        check(
            &[READ_CERTIFICATES, READ_SECURITY_STATS, READ_MAIN, READ_HEALTH],
            "monitor,manage,all",
        );
    }

    #[test]
    fn everyone_may_ask_who_they_are() {
        assert!(is_open_to_everyone(AUTHENTICATE));
        assert!(!is_open_to_everyone(CREATE_TOKEN));
    }

    #[test]
    fn no_privilege_grants_an_action_outside_the_cluster() {
        check(&["indices:data/read/search"], "");
    }
}
