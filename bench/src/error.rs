//! Why a benchmark could not be run or must not be believed.

use std::io;

use jeton_store::error::StoreError;
use thiserror::Error;

/// Why a benchmark could not be run or must not be believed.
#[derive(Debug, Error)]
pub(crate) enum BenchError {
    /// The system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The store refused.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    /// The other engine refused.
    #[error("redb: {0}")]
    Redb(String),
    /// The database that the product is compared with refused.
    #[error("PostgreSQL: {0}")]
    Postgres(String),
    /// An answer is not what it must be: its speed means nothing.
    #[error("wrong answer: {0}")]
    Answer(String),
    /// A program or a file is not as expected.
    #[error("{0}")]
    Setup(String),
}

impl From<tokio_postgres::Error> for BenchError {
    fn from(error: tokio_postgres::Error) -> Self {
        // On its own the error says only that there was one.
        let said = error.as_db_error().map(ToString::to_string);
        Self::Postgres(said.unwrap_or_else(|| error.to_string()))
    }
}

/// The outcome of a step.
pub(crate) type Outcome<T> = Result<T, BenchError>;

/// Says what was tried when the system refuses.
pub(crate) trait Trying<T> {
    /// Adds what was tried.
    fn trying(self, what: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T, E: Into<io::Error>> Trying<T> for Result<T, E> {
    fn trying(self, what: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|error| BenchError::Io { what: what(), source: error.into() })
    }
}
