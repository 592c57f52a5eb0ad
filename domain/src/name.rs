//! Names of users, roles and realms, and the rules for them.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::borrow::Borrow;
use core::fmt;

use thiserror::Error;

use crate::limits::{NAME_CHARS_MAX, STORED_NAME_CHARS_MAX};

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The name as it was given, unchecked: names that come in from outside are looked up,
            /// not trusted. Writers check with [`check_stored`] or [`check_referenced`] first.
            pub fn new(text: &str) -> Self {
                Self(Arc::from(text))
            }

            /// Its text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0.to_string()
            }
        }
    };
}

name! {
    /// The name of a user.
    Username
}
name! {
    /// The name of a role.
    RoleName
}
name! {
    /// The name of a realm.
    RealmName
}
name! {
    /// The name of a role mapping.
    MappingName
}

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameRefusal {
    /// Empty, too long, with a character outside printable Basic Latin, or blank at an end.
    #[error("names have 1 to {max} printable Basic Latin characters and no blank at either end")]
    Malformed {
        /// The most characters allowed.
        max: usize,
    },
}

/// Checks a name that the API stores.
pub fn check_stored(name: &str) -> Result<(), NameRefusal> {
    check(name, STORED_NAME_CHARS_MAX)
}

/// Checks a name that stands in a file or is only referred to.
pub fn check_referenced(name: &str) -> Result<(), NameRefusal> {
    check(name, NAME_CHARS_MAX)
}

fn check(name: &str, max: usize) -> Result<(), NameRefusal> {
    let is_printable = name.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    let has_blank_end = name.starts_with(' ') || name.ends_with(' ');
    if name.is_empty() || name.len() > max || !is_printable || has_blank_end {
        return Err(NameRefusal::Malformed { max });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_printable_and_bounded() {
        assert!(check_stored("jane doe~").is_ok());
        for bad in ["", " a", "a ", "\u{e9}", "a\n"] {
            assert!(check_stored(bad).is_err(), "{bad:?}");
        }
        assert!(check_stored(&"a".repeat(507)).is_ok());
        assert!(check_stored(&"a".repeat(508)).is_err());
        assert!(check_referenced(&"a".repeat(1024)).is_ok());
        assert!(check_referenced(&"a".repeat(1025)).is_err());
    }
}
