//! Names of actions, as denials and audit events show them.
//!
//! Owns the names only; who may take an action is for [`cluster`](super::cluster).

/// Says who the caller is; open to every authenticated caller.
pub const AUTHENTICATE: &str = security!("user/authenticate");
/// Creates or replaces a user.
pub const PUT_USER: &str = security!("user/put");
/// Removes a user.
pub const DELETE_USER: &str = security!("user/delete");
/// Reads users.
pub const READ_USER: &str = security!("user/get");
/// Searches users.
pub const QUERY_USER: &str = security!("user/query");
/// Enables or disables a user.
pub const SET_USER_ENABLED: &str = security!("user/set_enabled");
/// Changes a password; open to every user for their own.
pub const CHANGE_PASSWORD: &str = security!("user/change_password");
/// Asks whether privileges are held; open to every caller for themselves.
pub const HAS_PRIVILEGES: &str = security!("user/has_privileges");
/// Lists the privileges held; open to every caller for themselves.
pub const LIST_PRIVILEGES: &str = security!("user/list_privileges");
/// Creates or replaces a role.
pub const PUT_ROLE: &str = security!("role/put");
/// Removes a role.
pub const DELETE_ROLE: &str = security!("role/delete");
/// Reads roles.
pub const READ_ROLE: &str = security!("role/get");
/// Searches roles.
pub const QUERY_ROLE: &str = security!("role/query");
/// Creates or replaces several roles.
pub const BULK_PUT_ROLE: &str = security!("role/bulk_put");
/// Removes several roles.
pub const BULK_DELETE_ROLE: &str = security!("role/bulk_delete");
/// Forgets cached roles.
pub const CLEAR_ROLE_CACHE: &str = security!("roles/cache/clear");
/// Forgets what realms have cached.
pub const CLEAR_REALM_CACHE: &str = security!("realm/cache/clear");
/// Forgets cached application privileges.
pub const CLEAR_PRIVILEGE_CACHE: &str = security!("privilege/cache/clear");
/// Forgets cached API keys and tokens of service accounts.
pub const CLEAR_SECURITY_CACHE: &str = security!("cache/clear");
/// Creates or replaces a role mapping.
pub const PUT_ROLE_MAPPING: &str = security!("role_mapping/put");
/// Removes a role mapping.
pub const DELETE_ROLE_MAPPING: &str = security!("role_mapping/delete");
/// Reads role mappings.
pub const READ_ROLE_MAPPING: &str = security!("role_mapping/get");
/// Creates or replaces application privileges.
pub const PUT_PRIVILEGE: &str = security!("privilege/put");
/// Removes application privileges.
pub const DELETE_PRIVILEGE: &str = security!("privilege/delete");
/// Reads application privileges.
pub const READ_PRIVILEGE: &str = security!("privilege/get");
/// Lists the names of built-in privileges.
pub const READ_BUILTIN_PRIVILEGE: &str = security!("privilege/builtin/get");
/// Reads settings of security.
pub const READ_SETTINGS: &str = security!("settings/get");
/// Changes settings of security.
pub const UPDATE_SETTINGS: &str = security!("settings/update");
/// Creates a token by any grant but refresh.
pub const CREATE_TOKEN: &str = security!("token/create");
/// Exchanges a refresh token for a new pair.
pub const REFRESH_TOKEN: &str = security!("token/refresh");
/// Revokes tokens.
pub const INVALIDATE_TOKEN: &str = security!("token/invalidate");
/// Creates a token for a client certificate that a proxy has seen.
pub const DELEGATE_PKI: &str = security!("delegate_pki");
/// Makes a SAML authentication request.
pub const PREPARE_SAML: &str = security!("saml/prepare");
/// Creates a token for a SAML response.
pub const AUTHENTICATE_SAML: &str = security!("saml/authenticate");
/// Ends a SAML session.
pub const LOGOUT_SAML: &str = security!("saml/logout");
/// Checks the answer to a SAML logout.
pub const COMPLETE_LOGOUT_SAML: &str = security!("saml/complete_logout");
/// Ends SAML sessions as the identity provider asks.
pub const INVALIDATE_SAML: &str = security!("saml/invalidate");
/// Reads the metadata of the SAML service provider.
pub const READ_SAML_METADATA: &str = "cluster:monitor/xpack/security/saml/metadata";
/// Makes an `OpenID` Connect authentication request.
pub const PREPARE_OIDC: &str = security!("oidc/prepare");
/// Creates a token for an `OpenID` Connect response.
pub const AUTHENTICATE_OIDC: &str = security!("oidc/authenticate");
/// Ends an `OpenID` Connect session.
pub const LOGOUT_OIDC: &str = security!("oidc/logout");
/// Creates an API key for the caller.
pub const CREATE_API_KEY: &str = security!("api_key/create");
/// Creates an API key for another user.
pub const GRANT_API_KEY: &str = security!("api_key/grant");
/// Reads API keys.
pub const READ_API_KEY: &str = security!("api_key/get");
/// Searches API keys.
pub const QUERY_API_KEY: &str = security!("api_key/query");
/// Changes an API key.
pub const UPDATE_API_KEY: &str = security!("api_key/update");
/// Changes several API keys.
pub const BULK_UPDATE_API_KEY: &str = security!("api_key/bulk_update");
/// Revokes API keys.
pub const INVALIDATE_API_KEY: &str = security!("api_key/invalidate");
/// Creates an API key for another cluster.
pub const CREATE_CROSS_CLUSTER_API_KEY: &str = security!("cross_cluster/api_key/create");
/// Changes an API key for another cluster.
pub const UPDATE_CROSS_CLUSTER_API_KEY: &str = security!("cross_cluster/api_key/update");
/// Reads service accounts.
pub const READ_SERVICE_ACCOUNT: &str = security!("service_account/get");
/// Reads credentials of service accounts.
pub const READ_SERVICE_ACCOUNT_CREDENTIALS: &str = security!("service_account/credential/get");
/// Creates a token of a service account.
pub const CREATE_SERVICE_ACCOUNT_TOKEN: &str = security!("service_account/token/create");
/// Removes a token of a service account.
pub const DELETE_SERVICE_ACCOUNT_TOKEN: &str = security!("service_account/token/delete");
/// Creates or refreshes a user profile.
pub const ACTIVATE_PROFILE: &str = security!("profile/activate");
/// Writes data of a user profile.
pub const UPDATE_PROFILE_DATA: &str = security!("profile/put/data");
/// Enables or disables a user profile.
pub const SET_PROFILE_ENABLED: &str = security!("profile/set_enabled");
/// Reads user profiles.
pub const READ_PROFILE: &str = security!("profile/get");
/// Suggests user profiles.
pub const SUGGEST_PROFILE: &str = security!("profile/suggest");
/// Asks which profiles hold privileges.
pub const PROFILE_HAS_PRIVILEGES: &str = security!("profile/has_privileges");
/// Enrolls Kibana.
pub const ENROLL_KIBANA: &str = security!("enroll/kibana");
/// Enrolls a node.
pub const ENROLL_NODE: &str = security!("enroll/node");
/// Reads the certificates in use.
pub const READ_CERTIFICATES: &str = "cluster:monitor/xpack/ssl/certificates/get";
/// Reads statistics of security.
pub const READ_SECURITY_STATS: &str = "cluster:monitor/xpack/security/stats";
/// Reads what the service is: `GET /`.
pub const READ_MAIN: &str = "cluster:monitor/main";
/// Reads how the service is.
pub const READ_HEALTH: &str = "cluster:monitor/health";

/// Whether every authenticated caller may take the action, with whatever roles or none.
pub fn is_open_to_everyone(action: &str) -> bool {
    action == AUTHENTICATE
}
