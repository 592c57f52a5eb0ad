//! Requests without credentials: who they are and what they may do.
//!
//! Owns the rules for their names, so that a mistake is seen at the start and not at a request.

use jeton_domain::name::check_referenced;
use jeton_domain::user::{INTERNAL_USERS, reserved_user};

use super::effective::Effective;
use super::error::SettingsError;

/// Requests without credentials.
#[derive(Clone, Debug)]
pub struct AnonymousSettings {
    /// Their user name.
    pub username: String,
    /// Their roles; never empty.
    pub roles: Vec<String>,
    /// Whether a missing privilege is 403 rather than 401.
    pub authz_exception: bool,
}

/// What holds for requests without credentials; `None` if they are refused.
pub(super) fn anonymous(effective: &Effective) -> Result<Option<AnonymousSettings>, SettingsError> {
    let username = effective.text(USERNAME)?.map_or_else(String::new, |(text, _)| text);
    if let Some(reason) = problem_of(&username) {
        return Err(invalid(USERNAME, &username, reason));
    }
    let roles = effective.list(ROLES)?;
    for role in &roles {
        check_referenced(role).map_err(|error| invalid(ROLES, role, error.to_string()))?;
    }
    let authz_exception = effective.flag("xpack.security.authc.anonymous.authz_exception", true)?;
    let settings = AnonymousSettings { username, roles, authz_exception };
    Ok((!settings.roles.is_empty()).then_some(settings))
}

fn problem_of(username: &str) -> Option<String> {
    if reserved_user(username).is_some() || INTERNAL_USERS.contains(&username) {
        return Some("this user is reserved".to_owned());
    }
    check_referenced(username).err().map(|error| error.to_string())
}

fn invalid(name: &str, value: &str, reason: String) -> SettingsError {
    SettingsError::Invalid { name: name.to_owned(), value: value.to_owned(), reason }
}

const USERNAME: &str = "xpack.security.authc.anonymous.username";
const ROLES: &str = "xpack.security.authc.anonymous.roles";
