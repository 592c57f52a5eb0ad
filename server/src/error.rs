//! Why a server does not start or an order is not carried out.

use std::io;
use std::path::PathBuf;

use jeton_authority::AuthorityError;
use jeton_authority::tokens::keys::KeyRefusal;
use jeton_domain::time::StartRefused;
use jeton_realms::password::UnknownAlgorithm;
use jeton_store::error::StoreError;
use thiserror::Error;

pub use crate::keyfile::KeyFileError;
pub use crate::listener::ListenError;
pub use crate::tls::TlsError;

/// Why a server does not start, or does not stop in order.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data directory cannot be made.
    #[error("data directory [{path}]: {reason}", path = path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// An order for a directory that was never used.
    #[error(
        "no store in [{path}]: name the data directory with --data, or start the server first",
        path = path.display()
    )]
    NoStore {
        /// The directory.
        path: PathBuf,
    },
    /// The store cannot be opened or closed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The clock is too far behind.
    #[error(transparent)]
    Clock(#[from] StartRefused),
    /// The key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The keys of file and store do not belong together.
    #[error("{0}")]
    Keys(#[from] KeyRefusal),
    /// A verb that belongs to the start failed.
    #[error("cannot start: {}", cause_of(.0))]
    Authority(#[from] AuthorityError),
    /// The password hashing algorithm of the settings does not exist.
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
    /// TLS cannot be offered.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The addresses cannot be bound.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system gives no thread, event queue or socket.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
    /// The first password is not acceptable.
    #[error("the environment variable ELASTIC_PASSWORD is refused: {0}")]
    FirstPassword(String),
}

/// What an operator may read of a verb's failure: more than a client.
pub(crate) fn cause_of(error: &AuthorityError) -> String {
    match error {
        AuthorityError::Unavailable { cause, .. } => cause.clone(),
        AuthorityError::Invalid(reasons) | AuthorityError::Unfit(reasons) => reasons.join("; "),
        other => other.to_string(),
    }
}
