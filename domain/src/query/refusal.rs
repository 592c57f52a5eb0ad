//! Why a search is refused, in the words of the wire.

use alloc::string::String;

use thiserror::Error;

/// Why a search is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueryRefusal {
    /// It has a form, and asks what is not allowed or makes no sense.
    #[error("{0}")]
    NotAllowed(String),
    /// It has not the form of a search.
    #[error("{0}")]
    Malformed(String),
}

impl QueryRefusal {
    pub(super) fn not_allowed<T>(text: impl Into<String>) -> Result<T, Self> {
        Err(Self::NotAllowed(text.into()))
    }

    pub(super) fn malformed<T>(text: impl Into<String>) -> Result<T, Self> {
        Err(Self::Malformed(text.into()))
    }
}
