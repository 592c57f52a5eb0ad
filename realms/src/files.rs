//! Files that an operator edits, and whether they have changed.
//!
//! Owns reading them whole and within bounds. Must not know what they say.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jeton_domain::time::Timestamp;
use sha2::{Digest, Sha256};

/// Files that are read together, and how they were seen last.
#[derive(Debug)]
pub(crate) struct Files<const N: usize> {
    paths: [PathBuf; N],
    seen: Mutex<Option<Seen<N>>>,
}

/// What a file holds.
pub(crate) enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// There is no such file.
    Missing,
    /// Nobody knows, and why.
    Unreadable(String),
}

impl<const N: usize> Files<N> {
    pub(crate) const fn new(paths: [PathBuf; N]) -> Self {
        Self { paths, seen: Mutex::new(None) }
    }

    pub(crate) const fn paths(&self) -> &[PathBuf; N] {
        &self.paths
    }

    /// What the files hold, in the order of their paths, if that may have changed since the last
    /// call.
    pub(crate) fn read_if_changed(&self, now: Timestamp) -> Option<[Content; N]> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at before reading: a change during the reading shows at the next call.
        let looks = self.paths.each_ref().map(|path| Look::at(path));
        let looks_same = seen.as_ref().is_some_and(|seen| seen.looks == looks);
        if looks_same && !looks.iter().any(|look| look.is_fresh(now)) {
            return None;
        }
        let contents = self.paths.each_ref().map(|path| Content::of(path));
        let digests = contents.each_ref().map(Content::digest);
        let is_same = seen.as_ref().is_some_and(|seen| seen.digests == digests);
        *seen = Some(Seen { looks, digests });
        (!is_same).then_some(contents)
    }
}

impl Content {
    fn of(path: &Path) -> Self {
        match read(path) {
            Ok(bytes) => Self::Bytes(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::Missing,
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }

    fn digest(&self) -> [u8; 32] {
        let (kind, bytes): (u8, &[u8]) = match self {
            Self::Bytes(bytes) => (0, bytes),
            Self::Missing => (1, &[]),
            Self::Unreadable(error) => (2, error.as_bytes()),
        };
        Sha256::new().chain_update([kind]).chain_update(bytes).finalize().into()
    }
}

#[derive(Debug)]
struct Seen<const N: usize> {
    looks: [Look; N],
    digests: [[u8; 32]; N],
}

/// What a file looks like from outside.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    File {
        device: u64,
        inode: u64,
        length: u64,
        /// Of the contents, in seconds and nanoseconds since 1970.
        modified: (i64, i64),
        /// Of the contents or of who may read them.
        changed: (i64, i64),
    },
    Missing,
    Hidden(io::ErrorKind),
}

impl Look {
    fn at(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(metadata) => Self::of(&metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::Missing,
            Err(error) => Self::Hidden(error.kind()),
        }
    }

    fn of(metadata: &Metadata) -> Self {
        Self::File {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether the file may change once more without looking different: times of files are coarse.
    /// A file that cannot be read may come back without a change of its own.
    fn is_fresh(&self, now: Timestamp) -> bool {
        match self {
            Self::File { changed: (second, _), .. } => {
                now.ms().div_euclid(1000).saturating_sub(*second) < FRESH_S
            }
            Self::Missing => false,
            Self::Hidden(_) => true,
        }
    }
}

/// A file whole, if it is a regular one of a sensible size.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    // A pipe or a device would be waited for without end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::other(format!("larger than {BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// Age in seconds up to which a file is read at every call.
const FRESH_S: i64 = 10;

/// Largest file that is read: half a million users, and a bound to what a mistake costs.
pub(crate) const BYTES_MAX: u64 = 64 * 1024 * 1024;
