//! Privileges in applications: which names are legal in a role.

use alloc::borrow::ToOwned;
use alloc::string::String;

use thiserror::Error;

/// Why a name is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ApplicationRefusal {
    /// The name of the application is empty.
    #[error("Application names cannot be blank")]
    Blank,
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
