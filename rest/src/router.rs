//! The table of routes, and how a request finds its endpoint.
//!
//! Owns paths, methods and the parameters that each route knows. Must not know what an endpoint
//! does. Literal segments win over placeholders, whatever the method; a trailing slash is ignored.

use http::Method;

use crate::error::ApiError;
use crate::query::decode_segment;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Grant or refresh a token.
    CreateToken,
    /// Invalidate tokens.
    InvalidateToken,
    /// Who am I.
    Authenticate,
    /// Create or update a user.
    PutUser,
    /// Show some users or all.
    ShowUsers,
    /// Search users.
    QueryUsers,
    /// Delete a user.
    DeleteUser,
    /// Let a user log in again.
    EnableUser,
    /// Keep a user from logging in.
    DisableUser,
    /// Change a password: one's own, or that of the user named.
    ChangePassword,
    /// Create or update a role.
    PutRole,
    /// Show some roles or all.
    ShowRoles,
    /// Search roles.
    QueryRoles,
    /// Delete a role.
    DeleteRole,
    /// Create or update several roles.
    BulkPutRoles,
    /// Delete several roles.
    BulkDeleteRoles,
    /// Create or update privileges of applications.
    PutPrivileges,
    /// Show privileges of applications.
    ShowPrivileges,
    /// Delete privileges of an application.
    DeletePrivileges,
    /// Say which privileges the caller holds of those asked about.
    CheckPrivileges,
    /// Show all privileges that the caller holds.
    ShowHeldPrivileges,
    /// Show the names of built-in privileges.
    ShowBuiltinPrivileges,
    /// Forget what can be looked up again.
    ClearCache(Cache),
    /// Show the settings of security.
    ShowSettings,
    /// Change settings of security.
    ChangeSettings,
    /// Show statistics of security.
    ShowStatistics,
    /// Show the certificates in use.
    ShowCertificates,
    /// Create or replace a role mapping.
    PutRoleMapping,
    /// Show some role mappings or all.
    ShowRoleMappings,
    /// Delete a role mapping.
    DeleteRoleMapping,
    /// The banner.
    Root,
    /// The state of the service.
    Health,
    /// Whether the process answers; needs no credentials.
    Live,
}

/// What can be looked up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cache {
    /// Roles.
    Roles,
    /// What realms remember of credentials.
    Realms,
    /// Privileges of applications.
    Privileges,
    /// API keys and tokens of service accounts.
    Keys,
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Route {
    method: &'static str,
    path: &'static str,
    pub(crate) endpoint: Endpoint,
    /// Query parameters beyond those that every route knows.
    pub(crate) parameters: &'static [&'static str],
    /// The path to use instead, if this one is going away.
    pub(crate) replaced_by: Option<&'static str>,
}

impl Route {
    const fn new(method: &'static str, path: &'static str, endpoint: Endpoint) -> Self {
        Self { method, path, endpoint, parameters: &[], replaced_by: None }
    }

    const fn with(mut self, parameters: &'static [&'static str]) -> Self {
        self.parameters = parameters;
        self
    }

    const fn replaced_by(mut self, path: &'static str) -> Self {
        self.replaced_by = Some(path);
        self
    }

    /// What a caller of a path that is going away is told.
    pub(crate) fn deprecation(&self) -> Option<String> {
        let Self { method, path, .. } = self;
        let text = |new| format!("[{method} {path}] is deprecated! Use [{method} {new}] instead.");
        self.replaced_by.map(text)
    }
}

/// A route and what stood in its placeholders.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) route: &'static Route,
    values: Vec<(&'static str, String)>,
}

impl Found {
    /// What stood in the placeholder `name`.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// Why no route was found.
#[derive(Debug)]
pub(crate) enum Miss {
    /// No route has this path.
    Path,
    /// The path has routes, but for these methods only.
    Method(Vec<&'static str>),
    /// A segment is not percent-encoded text.
    Undecodable(ApiError),
}

/// Finds the route for a method and a raw path.
pub(crate) fn find(method: &Method, path: &str) -> Result<Found, Miss> {
    let mut routes = pattern(path).into_iter().flat_map(routes);
    let Some(route) = routes.find(|route| route.method == method.as_str()) else {
        let methods = methods(path);
        return Err(if methods.is_empty() { Miss::Path } else { Miss::Method(methods) });
    };
    let values = values(route.path, path).map_err(Miss::Undecodable)?;
    Ok(Found { route, values })
}

/// The methods of a path; none if it has no route.
pub(crate) fn methods(path: &str) -> Vec<&'static str> {
    pattern(path).into_iter().flat_map(routes).map(|route| route.method).collect()
}

/// The pattern of a raw path: of those that match it, the one with most literal segments.
fn pattern(path: &str) -> Option<&'static str> {
    let patterns = ROUTES.iter().map(|route| route.path);
    // Most requests: a path without placeholders, as it stands in the table.
    let same = patterns.clone().find(|pattern| *pattern == path && !pattern.contains('{'));
    if same.is_some() {
        return same;
    }
    let matching =
        patterns.filter_map(|pattern| Some((matching_literals(pattern, path)?, pattern)));
    matching.max_by_key(|(literals, _)| *literals).map(|(_, pattern)| pattern)
}

fn routes(pattern: &'static str) -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(move |route| route.path == pattern)
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.trim_matches('/').split('/')
}

fn placeholder(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// How many segments of `pattern` are literal, if `path` matches it.
fn matching_literals(pattern: &str, path: &str) -> Option<usize> {
    let mut path = segments(path);
    let mut literals = 0;
    for wanted in segments(pattern) {
        let given = path.next()?;
        if placeholder(wanted).is_some() {
            if given.is_empty() {
                return None;
            }
        } else if wanted == given || decode_segment(given).is_ok_and(|given| given == wanted) {
            literals += 1;
        } else {
            return None;
        }
    }
    path.next().is_none().then_some(literals)
}

fn values(pattern: &'static str, path: &str) -> Result<Vec<(&'static str, String)>, ApiError> {
    let mut values = Vec::new();
    for (wanted, given) in segments(pattern).zip(segments(path)) {
        if let Some(name) = placeholder(wanted) {
            values.push((name, decode_segment(given)?.into_owned()));
        }
    }
    Ok(values)
}

/// Where tokens are made and invalidated.
pub(crate) const TOKEN_PATH: &str = "/_security/oauth2/token";

/// The same for clients of old.
const OLD_TOKEN_PATH: &str = "/_xpack/security/oauth2/token";

/// Who am I; also answered in front of this table.
pub(crate) const AUTHENTICATE_PATH: &str = "/_security/_authenticate";

const USER: &str = "/_security/user/{username}";
const ENABLE: &str = "/_security/user/{username}/_enable";
const DISABLE: &str = "/_security/user/{username}/_disable";
const PASSWORD: &str = "/_security/user/{username}/_password";
const OWN_PASSWORD: &str = "/_security/user/_password";
const CHECK: &str = "/_security/user/{username}/_has_privileges";
const OWN_CHECK: &str = "/_security/user/_has_privileges";
const HELD: &str = "/_security/user/_privileges";
const ROLE: &str = "/_security/role/{name}";
const PRIVILEGES: &str = "/_security/privilege";
const PRIVILEGE: &str = "/_security/privilege/{application}/{name}";
const KEY_CACHE: &str = "/_security/api_key/{names}/_clear_cache";
const SERVICE_TOKEN_CACHE: &str =
    "/_security/service/{namespace}/{service}/credential/token/{names}/_clear_cache";
const SETTINGS: &str = "/_security/settings";
const ROLE_MAPPING: &str = "/_security/role_mapping/{name}";
const QUERY_USERS: &str = "/_security/_query/user";
const QUERY_ROLES: &str = "/_security/_query/role";
const REFRESH: &[&str] = &["refresh"];

const ROUTES: &[Route] = &[
    Route::new("POST", TOKEN_PATH, Endpoint::CreateToken),
    Route::new("DELETE", TOKEN_PATH, Endpoint::InvalidateToken),
    Route::new("POST", OLD_TOKEN_PATH, Endpoint::CreateToken).replaced_by(TOKEN_PATH),
    Route::new("DELETE", OLD_TOKEN_PATH, Endpoint::InvalidateToken).replaced_by(TOKEN_PATH),
    Route::new("GET", AUTHENTICATE_PATH, Endpoint::Authenticate),
    Route::new("GET", "/_security/user", Endpoint::ShowUsers).with(&["with_profile_uid"]),
    Route::new("GET", USER, Endpoint::ShowUsers).with(&["with_profile_uid"]),
    Route::new("GET", QUERY_USERS, Endpoint::QueryUsers).with(&["with_profile_uid"]),
    Route::new("POST", QUERY_USERS, Endpoint::QueryUsers).with(&["with_profile_uid"]),
    Route::new("PUT", USER, Endpoint::PutUser).with(REFRESH),
    Route::new("POST", USER, Endpoint::PutUser).with(REFRESH),
    Route::new("DELETE", USER, Endpoint::DeleteUser).with(REFRESH),
    Route::new("PUT", ENABLE, Endpoint::EnableUser).with(REFRESH),
    Route::new("POST", ENABLE, Endpoint::EnableUser).with(REFRESH),
    Route::new("PUT", DISABLE, Endpoint::DisableUser).with(REFRESH),
    Route::new("POST", DISABLE, Endpoint::DisableUser).with(REFRESH),
    Route::new("GET", OWN_CHECK, Endpoint::CheckPrivileges),
    Route::new("POST", OWN_CHECK, Endpoint::CheckPrivileges),
    Route::new("GET", CHECK, Endpoint::CheckPrivileges),
    Route::new("POST", CHECK, Endpoint::CheckPrivileges),
    Route::new("GET", HELD, Endpoint::ShowHeldPrivileges),
    Route::new("PUT", OWN_PASSWORD, Endpoint::ChangePassword).with(REFRESH),
    Route::new("POST", OWN_PASSWORD, Endpoint::ChangePassword).with(REFRESH),
    Route::new("PUT", PASSWORD, Endpoint::ChangePassword).with(REFRESH),
    Route::new("POST", PASSWORD, Endpoint::ChangePassword).with(REFRESH),
    Route::new("GET", "/_security/role", Endpoint::ShowRoles),
    Route::new("GET", ROLE, Endpoint::ShowRoles),
    Route::new("GET", QUERY_ROLES, Endpoint::QueryRoles),
    Route::new("POST", QUERY_ROLES, Endpoint::QueryRoles),
    Route::new("PUT", ROLE, Endpoint::PutRole).with(REFRESH),
    Route::new("POST", ROLE, Endpoint::PutRole).with(REFRESH),
    Route::new("DELETE", ROLE, Endpoint::DeleteRole).with(REFRESH),
    Route::new("POST", "/_security/role", Endpoint::BulkPutRoles).with(REFRESH),
    Route::new("DELETE", "/_security/role", Endpoint::BulkDeleteRoles).with(REFRESH),
    Route::new("PUT", PRIVILEGES, Endpoint::PutPrivileges).with(REFRESH),
    Route::new("POST", PRIVILEGES, Endpoint::PutPrivileges).with(REFRESH),
    Route::new("GET", PRIVILEGES, Endpoint::ShowPrivileges),
    Route::new("GET", "/_security/privilege/_builtin", Endpoint::ShowBuiltinPrivileges),
    Route::new("GET", "/_security/privilege/{application}", Endpoint::ShowPrivileges),
    Route::new("GET", PRIVILEGE, Endpoint::ShowPrivileges),
    Route::new("DELETE", PRIVILEGE, Endpoint::DeletePrivileges).with(REFRESH),
    Route::new(
        "POST",
        "/_security/privilege/{names}/_clear_cache",
        Endpoint::ClearCache(Cache::Privileges),
    ),
    Route::new("POST", "/_security/role/{names}/_clear_cache", Endpoint::ClearCache(Cache::Roles)),
    Route::new(
        "POST",
        "/_security/realm/{names}/_clear_cache",
        Endpoint::ClearCache(Cache::Realms),
    )
    .with(&["usernames"]),
    Route::new("POST", KEY_CACHE, Endpoint::ClearCache(Cache::Keys)),
    Route::new("POST", SERVICE_TOKEN_CACHE, Endpoint::ClearCache(Cache::Keys)),
    Route::new("GET", SETTINGS, Endpoint::ShowSettings).with(&["master_timeout"]),
    Route::new("PUT", SETTINGS, Endpoint::ChangeSettings).with(&["master_timeout", "timeout"]),
    Route::new("GET", "/_security/stats", Endpoint::ShowStatistics),
    Route::new("GET", "/_ssl/certificates", Endpoint::ShowCertificates),
    Route::new("GET", "/_security/role_mapping", Endpoint::ShowRoleMappings),
    Route::new("GET", ROLE_MAPPING, Endpoint::ShowRoleMappings),
    Route::new("PUT", ROLE_MAPPING, Endpoint::PutRoleMapping).with(REFRESH),
    Route::new("POST", ROLE_MAPPING, Endpoint::PutRoleMapping).with(REFRESH),
    Route::new("DELETE", ROLE_MAPPING, Endpoint::DeleteRoleMapping).with(REFRESH),
    Route::new("GET", "/", Endpoint::Root),
    Route::new("HEAD", "/", Endpoint::Root),
    Route::new("GET", "/_cluster/health", Endpoint::Health).with(HEALTH),
    Route::new("GET", "/_jeton/live", Endpoint::Live),
    Route::new("HEAD", "/_jeton/live", Endpoint::Live),
];

/// Those without a meaning here are accepted, since clients send them.
const HEALTH: &[&str] = &[
    "wait_for_status",
    "timeout",
    "master_timeout",
    "level",
    "local",
    "expand_wildcards",
    "wait_for_active_shards",
    "wait_for_events",
    "wait_for_no_initializing_shards",
    "wait_for_no_relocating_shards",
    "wait_for_nodes",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> Found {
        find(&Method::from_bytes(method.as_bytes()).unwrap(), path).unwrap()
    }

    #[test]
    fn the_table_of_routes() {
        let lines: Vec<String> = ROUTES
            .iter()
            .map(|route| {
                let Route { method, path, endpoint, parameters, replaced_by } = route;
                let old = replaced_by.map_or("", |_| " (deprecated)");
                let line =
                    format!("{method:<6} {path:<38} {endpoint:?} {}{old}", parameters.join(","));
                line.trim_end().to_owned()
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn literals_win_over_placeholders() {
        assert_eq!(
            found("PUT", "/_security/user/_password").route.endpoint,
            Endpoint::ChangePassword
        );
        assert_eq!(found("PUT", "/_security/user/jane").route.endpoint, Endpoint::PutUser);
        let other = found("POST", "/_security/user/jane/_password");
        assert_eq!(other.route.endpoint, Endpoint::ChangePassword);
        assert_eq!(other.value("username"), Some("jane"));
    }

    /// A user with such a name can neither be made nor be seen.
    #[test]
    fn reserved_words_are_no_users() {
        let own = ["GET", "POST"].as_slice();
        for (path, wanted) in [
            ("/_security/user/_privileges", ["GET"].as_slice()),
            ("/_security/user/_has_privileges", own),
            ("/_security/user/_has_privileges/", own),
            ("/_security/user/%5Fhas%5fprivileges", own),
            ("/_security/user/jane/_has_privileges", own),
            ("/_security/user/_password", &["PUT", "POST"]),
            ("/_security/user/%5Fpassword", &["PUT", "POST"]),
        ] {
            assert_eq!(methods(path), wanted, "{path}");
            for method in ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"] {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                match find(&method, path) {
                    Ok(found) => assert!(
                        matches!(
                            found.route.endpoint,
                            Endpoint::CheckPrivileges
                                | Endpoint::ShowHeldPrivileges
                                | Endpoint::ChangePassword
                        ),
                        "{method} {path}"
                    ),
                    Err(miss) => assert!(matches!(miss, Miss::Method(_)), "{method} {path}"),
                }
            }
        }
    }

    #[test]
    fn segments_are_decoded_after_they_are_split() {
        assert_eq!(found("GET", "/_security/user/a%2Fb+c%20d").value("username"), Some("a/b+c d"));
        let miss = find(&Method::GET, "/_security/user/%zz");
        assert!(matches!(miss, Err(Miss::Undecodable(_))));
    }

    #[test]
    fn a_trailing_slash_is_ignored() {
        assert_eq!(found("GET", "/_security/user/").route.endpoint, Endpoint::ShowUsers);
        assert_eq!(found("GET", "/").route.endpoint, Endpoint::Root);
    }

    /// Case 120 of the wire, the methods.
    #[test]
    fn a_wrong_method_lists_the_right_ones() {
        let Err(Miss::Method(methods)) = find(&Method::GET, TOKEN_PATH) else { panic!("found") };
        assert_eq!(methods, ["POST", "DELETE"]);
        let miss = find(&Method::HEAD, AUTHENTICATE_PATH);
        assert!(matches!(miss, Err(Miss::Method(methods)) if methods == ["GET"]));
    }

    /// Case 121 of the wire, the path.
    #[test]
    fn an_unknown_path_has_no_route() {
        for path in ["/_security/nope", "/index/_search", "/_security//user", "*", "//x"] {
            assert!(matches!(find(&Method::POST, path), Err(Miss::Path)), "{path}");
        }
    }

    #[test]
    fn the_old_path_names_the_new_one() {
        let old = found("POST", OLD_TOKEN_PATH);
        assert_eq!(
            old.route.deprecation().unwrap(),
            "[POST /_xpack/security/oauth2/token] is deprecated! Use [POST /_security/oauth2/token] instead."
        );
    }
}
