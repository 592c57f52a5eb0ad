//! Why settings were refused: one error for each kind of mistake.
//!
//! Owns the words an operator reads at start-up. Must not know what a setting does. Values of
//! names that are unknown or refused are never repeated: they may be secrets in the wrong place.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// One mistake in the settings.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the settings file [{path}]: {reason}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// The directory of data or settings has no absolute path.
    #[error("directory [{path}]: {reason}", path = path.display())]
    Directory {
        /// The directory as it was named.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// The file is larger than a settings file can be.
    #[error("the settings are larger than {bytes_max} bytes")]
    TooLarge {
        /// The largest accepted size.
        bytes_max: usize,
    },
    /// The text is not the YAML that settings are written in.
    #[error("{}line {line}, column {column}: {reason}", inside(file.as_deref()))]
    Syntax {
        /// The file, where there is one.
        file: Option<PathBuf>,
        /// Line, counted from one.
        line: usize,
        /// Column, counted from one.
        column: usize,
        /// What was wrong; never the text itself.
        reason: String,
    },
    /// One name was given twice in the same source.
    #[error("duplicate setting [{name}]")]
    Duplicate {
        /// The name, dotted.
        name: String,
    },
    /// A name without a value.
    #[error("null-valued setting found for key [{name}]")]
    Null {
        /// The name, dotted.
        name: String,
    },
    /// Not a name that this server knows.
    #[error("unknown setting [{name}]{}", suggested(suggestion.as_deref()))]
    Unknown {
        /// The name, dotted.
        name: String,
        /// The nearest name that exists, if one is near.
        suggestion: Option<String>,
    },
    /// A known name that would weaken or mislead if it were accepted in silence.
    #[error("setting [{name}] is refused: {reason}")]
    Refused {
        /// The name, dotted.
        name: String,
        /// Why, and what to do instead.
        reason: &'static str,
    },
    /// A value that cannot be read or is out of range.
    #[error("failed to parse value [{value}] for setting [{name}], {reason}")]
    Invalid {
        /// The name, dotted.
        name: String,
        /// The value as given.
        value: String,
        /// What is expected.
        reason: String,
    },
    /// An argument of `-E` without a name or a value.
    #[error("[-E {argument}] is not of the form setting=value")]
    Argument {
        /// The part before the first `=`, at most; never a value.
        argument: String,
    },
    /// A `${NAME}` whose variable does not exist.
    #[error("setting [{name}] refers to the environment variable [{variable}], which is not set")]
    Variable {
        /// The name, dotted.
        name: String,
        /// The variable.
        variable: String,
    },
    /// The realms cannot stand together.
    #[error(transparent)]
    Realms(#[from] jeton_realms::order::OrderError),
    /// A realm of a type that exists in the product imitated here, but not yet in this one.
    #[error(
        "realm type [{kind}] of realm [{kind}.{realm}] is not supported by this version; remove \
         the realm or set [xpack.security.authc.realms.{kind}.{realm}.enabled: false]"
    )]
    RealmUnsupported {
        /// The type.
        kind: &'static str,
        /// The name of the realm.
        realm: String,
    },
    /// TLS without what it needs.
    #[error("setting [{name}] is required when [xpack.security.http.ssl.enabled] is [true]")]
    TlsIncomplete {
        /// The name that is missing.
        name: &'static str,
    },
    /// Client certificates asked for, with nothing to check them against.
    #[error(
        "[xpack.security.http.ssl.client_authentication] is [{mode}], which needs \
         [xpack.security.http.ssl.certificate_authorities]"
    )]
    ClientAuthority {
        /// The mode.
        mode: String,
    },
    /// Passwords and tokens would cross a network in clear.
    #[error(
        "refusing to listen on [{host}] without TLS: passwords and tokens would cross the network \
         in clear. Set [xpack.security.http.ssl.enabled: true] with a certificate and a key, bind \
         to a loopback address, or, behind a proxy that ends TLS, set \
         [jeton.http.allow_plaintext: true]"
    )]
    Plaintext {
        /// The address that is not loopback.
        host: String,
    },
    /// A setting that the program reads but its table lacks; a mistake in the program.
    #[error("setting [{name}] is missing from the table of settings")]
    Undeclared {
        /// The name.
        name: String,
    },
}

/// All mistakes found in one pass, so that they can be mended in one.
#[derive(Debug)]
pub struct SettingsErrors(pub Vec<SettingsError>);

impl SettingsErrors {
    /// The same, where places are those of this file.
    pub(super) fn in_file(mut self, path: &Path) -> Self {
        for error in &mut self.0 {
            if let SettingsError::Syntax { file, .. } = error {
                *file = Some(path.to_owned());
            }
        }
        self
    }
}

impl fmt::Display for SettingsErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            if at > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsErrors {}

impl From<SettingsError> for SettingsErrors {
    fn from(error: SettingsError) -> Self {
        Self(vec![error])
    }
}

fn inside(file: Option<&Path>) -> String {
    file.map_or_else(String::new, |file| format!("settings file [{}], ", file.display()))
}

fn suggested(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!(", did you mean [{name}]?"))
}
