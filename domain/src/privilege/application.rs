//! Privileges in applications: what one is, and which names are legal.
//!
//! Owns the rules for applications, privileges and actions. Must not know what a privilege allows:
//! that is the application's own affair.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

use crate::limits::APPLICATION_NAMES_BYTES_MAX;
use crate::value::Map;

/// A name for some actions in an application.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplicationPrivilege {
    /// The application that knows the actions.
    pub application: String,
    /// The name, one of its kind in the application.
    pub name: String,
    /// Patterns over actions.
    pub actions: Vec<String>,
    /// Whatever else is known.
    pub metadata: Map,
}

impl ApplicationPrivilege {
    /// Every rule that it breaks, in the order of its members.
    pub fn violations(&self) -> Vec<ApplicationRefusal> {
        let mut found = Vec::new();
        found.extend(check_name(&self.application).err());
        found.extend(check_privilege_name(&self.name).err());
        let bytes = self.application.len().saturating_add(self.name.len());
        if bytes > APPLICATION_NAMES_BYTES_MAX {
            found.push(ApplicationRefusal::LongNames(bytes));
        }
        if self.actions.is_empty() {
            found.push(ApplicationRefusal::NoAction);
        }
        for action in &self.actions {
            if !action.contains(['/', '*', ':']) {
                found.push(ApplicationRefusal::Action(action.clone()));
            }
            found.extend(check_privilege(action).err());
        }
        if self.metadata.members().any(|(key, _)| key.starts_with('_')) {
            let (application, name) = (self.application.clone(), self.name.clone());
            found.push(ApplicationRefusal::Metadata { application, name });
        }
        found
    }
}

/// Why a name is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ApplicationRefusal {
    /// The name of the application is empty.
    #[error("Application names cannot be blank")]
    Blank,
    /// The name of the application is a pattern, where only a name is legal.
    #[error("Application names may not contain '*' (found '{0}')")]
    Wildcard(String),
    /// The name of the application holds a blank.
    #[error("Application names may not contain whitespace (found '{0}')")]
    Whitespace(String),
    /// The pattern has a wildcard before its end.
    #[error("Application name patterns only support trailing wildcards (found '{0}')")]
    InnerWildcard(String),
    /// The first part of the name holds something else than letters and digits.
    #[error("An application name prefix must match the pattern ^[a-z][A-Za-z0-9]*$ (found '{0}')")]
    Prefix(String),
    /// The first part of the name is too short.
    #[error("An application name prefix must be at least 3 characters long (found '{0}')")]
    ShortPrefix(String),
    /// The second part of the name is not the name of a file.
    #[error(
        "An application name suffix may not contain any of the characters '{SUFFIX_EXCLUDES}' \
         (found '{0}')"
    )]
    Suffix(String),
    /// The name of a privilege or the pattern of an action holds something that is not printed.
    #[error(
        "Application privilege names and actions must match the pattern ^\\p{{Graph}}*$ \
         (found '{0}')"
    )]
    Privilege(String),
    /// The name under which a privilege is to be kept is malformed.
    #[error(
        "Application privilege names must match the pattern ^[a-z][a-zA-Z0-9_.-]*$ (found '{0}')"
    )]
    PrivilegeName(String),
    /// The names are too long.
    #[error(
        "An application and the name of a privilege may together have at most \
         [{APPLICATION_NAMES_BYTES_MAX}] bytes (found [{0}])"
    )]
    LongNames(usize),
    /// The privilege names no action.
    #[error("Application privileges must have at least one action")]
    NoAction,
    /// The pattern of an action could be the name of a privilege.
    #[error("Application privilege actions must contain one of '/', '*' or ':' (found '{0}')")]
    Action(String),
    /// A name in the metadata is reserved.
    #[error("metadata keys may not start with [_] (in privilege {application} {name})")]
    Metadata {
        /// The application.
        application: String,
        /// The name of the privilege.
        name: String,
    },
}

/// Checks the name of an application; a pattern is none.
pub fn check_name(name: &str) -> Result<(), ApplicationRefusal> {
    if name.trim().is_empty() {
        return Err(ApplicationRefusal::Blank);
    }
    if name.contains('*') {
        return Err(ApplicationRefusal::Wildcard(name.to_owned()));
    }
    check_name_or_pattern(name)
}

/// Checks the name under which a privilege is kept.
pub fn check_privilege_name(name: &str) -> Result<(), ApplicationRefusal> {
    let is_name = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|next| next.is_ascii_alphanumeric() || "_.-".contains(next));
    if is_name { Ok(()) } else { Err(ApplicationRefusal::PrivilegeName(name.to_owned())) }
}

/// Checks the name of an application, or a pattern of names, in a role.
pub fn check_name_or_pattern(name: &str) -> Result<(), ApplicationRefusal> {
    if name.is_empty() {
        return Err(ApplicationRefusal::Blank);
    }
    if name == "*" {
        return Ok(());
    }
    let stem = name.strip_suffix('*');
    let is_pattern = stem.is_some();
    let stem = stem.unwrap_or(name);
    if stem.contains('*') {
        return Err(ApplicationRefusal::InnerWildcard(name.to_owned()));
    }
    if name.contains(char::is_whitespace) {
        return Err(ApplicationRefusal::Whitespace(name.to_owned()));
    }
    let (prefix, suffix) = stem.split_once(['-', '_']).unwrap_or((stem, ""));
    let is_prefix = prefix.starts_with(|first: char| first.is_ascii_lowercase())
        && prefix.chars().all(|next| next.is_ascii_alphanumeric());
    if !is_prefix {
        return Err(ApplicationRefusal::Prefix(prefix.to_owned()));
    }
    if prefix.len() < PREFIX_CHARS_MIN && !is_pattern {
        return Err(ApplicationRefusal::ShortPrefix(prefix.to_owned()));
    }
    if suffix.contains(|found| SUFFIX_EXCLUDES.contains(found)) {
        return Err(ApplicationRefusal::Suffix(suffix.to_owned()));
    }
    Ok(())
}

/// Checks the name of a privilege, or the pattern of an action, in a role.
pub fn check_privilege(name: &str) -> Result<(), ApplicationRefusal> {
    if name.chars().all(|found| found.is_ascii_graphic()) {
        return Ok(());
    }
    Err(ApplicationRefusal::Privilege(name.to_owned()))
}

const PREFIX_CHARS_MIN: usize = 3;

const SUFFIX_EXCLUDES: &str = "\\/*?\"<>| ,";

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn applications_are_named_by_a_word_and_a_suffix() {
        for name in ["kibana-.kibana", "kibana-*", "app", "app_x", "a*", "*", "fleet"] {
            assert_eq!(check_name_or_pattern(name), Ok(()), "{name}");
        }
        let check = |name: &str, wanted: &str| {
            assert_eq!(check_name_or_pattern(name).unwrap_err().to_string(), wanted);
        };
        check("", "Application names cannot be blank");
        check("a b", "Application names may not contain whitespace (found 'a b')");
        check("a*b", "Application name patterns only support trailing wildcards (found 'a*b')");
        check(
            "My",
            "An application name prefix must match the pattern ^[a-z][A-Za-z0-9]*$ (found 'My')",
        );
        check("ab", "An application name prefix must be at least 3 characters long (found 'ab')");
        check(
            "abc-d/e",
            "An application name suffix may not contain any of the characters '\\/*?\"<>| ,' \
             (found 'd/e')",
        );
    }

    fn privilege(application: &str, name: &str, actions: &[&str]) -> ApplicationPrivilege {
        ApplicationPrivilege {
            application: application.to_owned(),
            name: name.to_owned(),
            actions: actions.iter().map(|&action| action.to_owned()).collect(),
            metadata: Map::new(),
        }
    }

    #[test]
    fn a_privilege_that_is_kept_tells_every_rule_that_it_breaks() {
        let check = |privilege: &ApplicationPrivilege, wanted: &[&str]| {
            let found: Vec<String> =
                privilege.violations().iter().map(ToString::to_string).collect();
            assert_eq!(found, wanted);
        };
        check(&privilege("kibana-.kibana", "space_all.v1-x", &["a:b", "data/*", "*"]), &[]);
        check(
            &privilege("ki*", "All", &[]),
            &[
                "Application names may not contain '*' (found 'ki*')",
                "Application privilege names must match the pattern ^[a-z][a-zA-Z0-9_.-]*$ \
                 (found 'All')",
                "Application privileges must have at least one action",
            ],
        );
        check(
            &privilege(" ", "", &["read", "a: b"]),
            &[
                "Application names cannot be blank",
                "Application privilege names must match the pattern ^[a-z][a-zA-Z0-9_.-]*$ \
                 (found '')",
                "Application privilege actions must contain one of '/', '*' or ':' (found 'read')",
                "Application privilege names and actions must match the pattern ^\\p{Graph}*$ \
                 (found 'a: b')",
            ],
        );
        let name = "p".repeat(APPLICATION_NAMES_BYTES_MAX);
        check(
            &privilege("app", &name, &["x:y"]),
            &["An application and the name of a privilege may together have at most [480] bytes \
               (found [483])"],
        );
        let mut hidden = privilege("app", "p", &["x:y"]);
        hidden.metadata.set("_m".to_owned(), crate::value::Value::Null);
        check(&hidden, &["metadata keys may not start with [_] (in privilege app p)"]);
    }

    #[test]
    fn privileges_are_printed_text() {
        for name in ["read", "action:login", "data/*", ""] {
            assert_eq!(check_privilege(name), Ok(()), "{name}");
        }
        assert_eq!(
            check_privilege("a b").unwrap_err().to_string(),
            "Application privilege names and actions must match the pattern ^\\p{Graph}*$ \
             (found 'a b')"
        );
    }
}
