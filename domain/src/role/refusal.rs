//! Why the form of a role is refused, in the words of the wire.

use alloc::string::String;
use core::fmt;

use thiserror::Error;

use crate::value::Value;

/// Why a value is not the form of a role.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RoleRefusal {
    /// The role is not a map.
    #[error("failed to parse role [{role}]. expected an object but found [{found}] instead")]
    NotAnObject {
        /// The name of the role.
        role: String,
        /// What stands there.
        found: Token,
    },
    /// There is no such member.
    #[error("failed to parse role [{role}]. unexpected field [{field}]")]
    UnexpectedField {
        /// The name of the role.
        role: String,
        /// The member.
        field: String,
    },
    /// A member is not a list of texts; the cause says which.
    #[error("failed to parse role [{role}]")]
    Texts {
        /// The name of the role.
        role: String,
        /// What is wrong with the list.
        #[source]
        cause: TextsRefusal,
    },
    /// Metadata is not a map.
    #[error("expected field [metadata] to be of type object, but found [{found}] instead")]
    Metadata {
        /// What stands there.
        found: Token,
    },
    /// A member is of the wrong kind.
    #[error(
        "failed to parse role [{role}]. expected field [{field}] value to be {wanted}, \
         but found [{found}] instead"
    )]
    WrongKind {
        /// The name of the role.
        role: String,
        /// The member.
        field: &'static str,
        /// What should stand there.
        wanted: &'static str,
        /// What stands there.
        found: Token,
    },
    /// A restriction does not say to what it restricts.
    #[error("failed to parse role [{role}]. missing required [workflows] field in [restriction]")]
    MissingWorkflows {
        /// The name of the role.
        role: String,
    },
    /// A list of privileges is wrong.
    #[error("failed to parse {section} privileges for role [{role}]. {fault}")]
    Section {
        /// The name of the role.
        role: String,
        /// The list.
        section: Section,
        /// What is wrong with it.
        fault: SectionFault,
    },
    /// A privilege that is bounded by what it concerns is of no known kind.
    #[error("failed to parse privilege. expected one of [{wanted}] but found [{found}] instead")]
    GlobalWord {
        /// The words that are known here.
        wanted: &'static str,
        /// The word that stands there.
        found: String,
    },
    /// A privilege that is bounded by what it concerns has the wrong form.
    #[error("failed to parse privilege. expected [{wanted}] but found [{found}] instead")]
    GlobalKind {
        /// What should stand there.
        wanted: Token,
        /// What stands there.
        found: Token,
    },
}

/// Why a member is not a list of texts.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TextsRefusal {
    /// It is null, and must not be.
    #[error(
        "could not parse [{field}] field. expected a string array but found null value instead"
    )]
    Null {
        /// The member.
        field: String,
    },
    /// It is not a list.
    #[error(
        "could not parse [{field}] field. expected a string array but found [{found}] value instead"
    )]
    NotAList {
        /// The member.
        field: String,
        /// What stands there.
        found: Token,
    },
    /// One of its items is not text.
    #[error(
        "could not parse [{field}] field. expected a string array but one of the value in the \
         array is [{found}]"
    )]
    NotText {
        /// The member.
        field: String,
        /// What stands there.
        found: Token,
    },
}

/// A list of privileges in a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// On indices.
    Indices,
    /// On indices of other clusters.
    RemoteIndices,
    /// On other clusters.
    RemoteCluster,
    /// In applications.
    Applications,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Indices => "indices",
            Self::RemoteIndices => "remote indices",
            Self::RemoteCluster => "remote cluster",
            Self::Applications => "application",
        })
    }
}

/// What is wrong with a list of privileges.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SectionFault {
    /// It is not a list.
    #[error("expected field [{field}] value to be an array, but found [{found}] instead")]
    NotAList {
        /// The member.
        field: String,
        /// What stands there.
        found: Token,
    },
    /// One of its items is not a map.
    #[error(
        "expected field [{field}] value to be an array of objects, but found an array element of \
         type [{found}]"
    )]
    NotObjects {
        /// The member.
        field: String,
        /// What stands there.
        found: Token,
    },
    /// There is no such member.
    #[error("unexpected field [{0}]")]
    UnexpectedField(String),
    /// A member is missing.
    #[error("missing required [{0}] field")]
    MissingField(&'static str),
    /// A list is empty and must not be.
    #[error("[{0}] cannot be an empty array")]
    EmptyList(&'static str),
    /// One of the texts of a list is empty and must not be.
    #[error("[{0}] cannot contain an empty string")]
    EmptyText(&'static str),
    /// A member is of the wrong kind.
    #[error("expected field [{field}] value to be {wanted}, but found [{found}] instead")]
    WrongKind {
        /// The member.
        field: &'static str,
        /// What should stand there.
        wanted: &'static str,
        /// What stands there.
        found: Token,
    },
    /// Field security says nothing.
    #[error("\"field_security\" must not be empty.")]
    EmptyFieldSecurity,
    /// Field security takes fields away from none.
    #[error("\"field_security\" requires \"grant\" if \"except\" is given")]
    ExceptWithoutGrant,
    /// Field security has no such member.
    #[error("\"field_security\" only accepts options grant and except, but got: {0}")]
    UnexpectedOption(String),
}

/// What stands somewhere in a tree of values, in Elasticsearch's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// Null.
    Null,
    /// True or false.
    Boolean,
    /// A number.
    Number,
    /// Text.
    Text,
    /// The start of a list.
    List,
    /// The start of a map.
    Map,
}

impl Token {
    /// What the value begins with.
    pub const fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Integer(_) | Value::Float(_) => Self::Number,
            Value::Text(_) => Self::Text,
            Value::List(_) => Self::List,
            Value::Map(_) => Self::Map,
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "VALUE_NULL",
            Self::Boolean => "VALUE_BOOLEAN",
            Self::Number => "VALUE_NUMBER",
            Self::Text => "VALUE_STRING",
            Self::List => "START_ARRAY",
            Self::Map => "START_OBJECT",
        })
    }
}
