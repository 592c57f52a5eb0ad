//! Why a verb was not done.

use core::time::Duration;

use jeton_domain::query::QueryRefusal;
use jeton_domain::token::refresh::RefreshRefusal;
use jeton_realms::error::RealmError;
use jeton_store::error::StoreError;
use thiserror::Error;

/// Why a verb was not done. What the client may read is the message; the rest is for the log.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// Nobody knows who calls, or for whom.
    #[error("{0}")]
    Unauthenticated(#[from] Unauthenticated),
    /// The caller is known and may not. The text is the wire's.
    #[error("{0}")]
    Forbidden(String),
    /// An anonymous caller may not, and is asked to authenticate. The text is the wire's.
    #[error("{0}")]
    LogInFirst(String),
    /// The token service is off.
    #[error("security tokens are not enabled")]
    TokensDisabled,
    /// A refresh was refused.
    #[error("{0}")]
    Refresh(#[from] RefreshRefusal),
    /// A token was to be revoked before any was ever granted.
    #[error("failed to invalidate token")]
    NeverGranted,
    /// The request breaks rules that can be told from it alone
    /// (`action_request_validation_exception`).
    #[error("Validation Failed")]
    Invalid(Vec<String>),
    /// The request breaks rules that only the store can tell (`validation_exception`).
    #[error("Validation Failed")]
    Unfit(Vec<String>),
    /// An argument makes no sense (`illegal_argument_exception`).
    #[error("{0}")]
    Argument(String),
    /// The body is not what it should be (`parse_exception`).
    #[error("{0}")]
    Unreadable(String),
    /// A search cannot be read, or asks for what is not allowed.
    #[error("{0}")]
    Query(#[from] QueryRefusal),
    /// Too many failed logins; try again later.
    #[error("too many failed attempts to authenticate")]
    Throttled {
        /// After this time.
        retry_after: Duration,
    },
    /// Queues are full; try again later.
    #[error("{0}")]
    Busy(&'static str),
    /// It cannot be decided or done at present. The first text is for the client.
    #[error("{what}")]
    Unavailable {
        /// What the client may read.
        what: &'static str,
        /// What the log holds.
        cause: String,
    },
}

/// Why nobody is authenticated. The client is never told more than these say.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Unauthenticated {
    /// There were no credentials.
    #[error("there were no credentials")]
    Missing,
    /// A user and a password, or a user to run as, that nobody vouches for.
    #[error("nobody vouches for user {0}")]
    User(String),
    /// The end user of a grant, whom nobody vouches for.
    #[error("nobody vouches for end user {0}")]
    EndUser(String),
    /// A bearer token that is not a token of this service.
    #[error("the bearer token is not known")]
    UnknownToken,
    /// An API key that is not a key of this service.
    #[error("the API key is not known")]
    UnknownApiKey,
    /// An access token that expired or was revoked; the client cannot tell which.
    #[error("the access token expired or was revoked")]
    ExpiredToken,
}

impl From<StoreError> for AuthorityError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Busy("the queue of commits is full"),
            StoreError::TooLarge(_) => Self::Argument(error.to_string()),
            StoreError::Conflict
            | StoreError::Refused(_)
            | StoreError::Contended { .. }
            | StoreError::Full
            | StoreError::Closed
            | StoreError::Locked(_)
            | StoreError::Damaged { .. }
            | StoreError::Format { .. }
            | StoreError::Io { .. }
            | StoreError::Row { .. } => {
                Self::Unavailable { what: CANNOT, cause: error.to_string() }
            }
        }
    }
}

impl From<RealmError> for AuthorityError {
    fn from(error: RealmError) -> Self {
        match error {
            RealmError::Busy => Self::Busy("the queue for password hashing is full"),
            RealmError::Store(error) => error.into(),
            RealmError::Hashing => Self::Unavailable { what: CANNOT, cause: error.to_string() },
        }
    }
}

const CANNOT: &str = "unable to perform requested action";
