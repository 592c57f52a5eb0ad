//! What can go wrong in the store.

use std::path::PathBuf;

use thiserror::Error;

/// What went wrong in the store.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum StoreError {
    /// An expectation of the batch did not hold; nothing was written. Decide again.
    #[error("another commit changed what this one was decided on")]
    Conflict,
    /// The decision was taken again as often as allowed, and conflicted each time.
    #[error("gave up after {attempts} conflicts")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// More commits wait than the queue holds; nothing was written.
    #[error("too many commits are waiting")]
    Busy,
    /// No space is left for what was asked; nothing was written.
    #[error("no space is left on the device of the data directory")]
    Full,
    /// The engine was closed; nothing was written.
    #[error("the store is closed")]
    Closed,
    /// Another process holds the directory.
    #[error("the data directory {} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// A file is damaged: truncated, or its bytes do not match their checksum.
    #[error("{} is damaged at byte {offset}: {what}", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What was found.
        what: String,
    },
    /// The directory was written in a format that this release does not know.
    #[error("{} has format version {found}; this release reads {known}", .file.display())]
    Format {
        /// The file that says so.
        file: PathBuf,
        /// The version found.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// The operating system refused.
    #[error("{what}: {kind}")]
    Io {
        /// What was being done, and to which file.
        what: String,
        /// What the system said.
        kind: String,
    },
    /// The caller broke a rule of the engine; nothing was written.
    #[error("refused batch: {0}")]
    Refused(&'static str),
    /// What was to be stored is larger than allowed; nothing was written.
    #[error("{0} is too large")]
    TooLarge(&'static str),
    /// A row could not be read back: its bytes are not what its table writes.
    #[error("a row of table {table} cannot be read: {what}")]
    Row {
        /// The table.
        table: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
}
