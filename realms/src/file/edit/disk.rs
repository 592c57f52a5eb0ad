//! A file on disk that is replaced whole, by one editor at a time.
//!
//! Owns the lock and the replacement: whoever reads sees the old file or the new one, also after a
//! power cut. Must not know what the file says.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown,
};
use std::path::{Path, PathBuf};

use crate::files::BYTES_MAX;

/// The right to replace files, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "the system unlocks it when it closes")] File);

impl Lock {
    /// Waits for the right to replace the file of this path, and calls `on_wait` where another
    /// process has it. Makes the directory where it is missing.
    pub(super) fn take(path: &Path, on_wait: impl FnOnce()) -> io::Result<Self> {
        let path = resolved(path)?;
        let directory = directory_of(&path);
        if !directory.exists() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        // The lock's file stays: whoever removed it would let in a second editor beside one who
        // waits for the first.
        let file = opened(&beside(&path, ".lock"), directory)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                on_wait();
                file.lock()?;
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(Self(file))
    }
}

/// The lock's file, made where it is missing, for the owner of its directory.
///
/// What is there already is given to nobody: the owner of the directory could have put a link there
/// to a file that is not theirs, or a pipe to wait at.
fn opened(path: &Path, directory: &Path) -> io::Result<File> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => {
            own_like(&file, &fs::metadata(directory)?).or_else(tolerable)?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if !fs::symlink_metadata(path)?.is_file() {
                let name = path.display();
                return Err(io::Error::other(format!("[{name}] is not a regular file")));
            }
            OpenOptions::new().write(true).open(path)
        }
        Err(error) => Err(error),
    }
}

/// Replaces a file durably. It keeps its owner, its group and its mode. A new one is made like its
/// sibling; where there is none, it belongs to the owner of its directory, and only they may read
/// it. A link stays a link: what it leads to is replaced.
pub(super) fn replace(path: &Path, sibling: &Path, bytes: &[u8]) -> io::Result<()> {
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::other(format!("it would be larger than {BYTES_MAX} bytes")));
    }
    let path = resolved(path)?;
    let directory = directory_of(&path);
    let fresh = beside(&path, ".new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let written = write_new(&fresh, &path, sibling, bytes)
        .and_then(|()| fs::rename(&fresh, &path))
        .inspect_err(|_| {
            // What was begun is of no use, and the failure is told already.
            drop(fs::remove_file(&fresh));
        });
    written?;
    File::open(directory)?.sync_all()
}

fn write_new(fresh: &Path, path: &Path, sibling: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(fresh)?;
    match fs::metadata(path) {
        Ok(before) => {
            own_like(&file, &before).map_err(|error| {
                io::Error::new(error.kind(), format!("its owner cannot be kept: {error}"))
            })?;
            file.set_permissions(Permissions::from_mode(before.mode() & 0o7777))?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Ok(model) = fs::metadata(sibling) {
                own_like(&file, &model).or_else(tolerable)?;
                file.set_permissions(Permissions::from_mode(model.mode() & 0o666))?;
            } else {
                own_like(&file, &fs::metadata(directory_of(path))?).or_else(tolerable)?;
            }
        }
        Err(error) => return Err(error),
    }
    file.write_all(bytes)?;
    file.sync_all()
}

/// Gives a file the owner and group of another.
fn own_like(file: &File, model: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    let owner = (own.uid() != model.uid()).then_some(model.uid());
    let group = (own.gid() != model.gid()).then_some(model.gid());
    if owner.is_some() || group.is_some() { fchown(file, owner, group) } else { Ok(()) }
}

/// Where nobody owned the file before, its maker may.
fn tolerable(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::PermissionDenied { Ok(()) } else { Err(error) }
}

/// Where a file lies, behind links if there are any.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if fs::symlink_metadata(path).is_ok() {
                return Err(io::Error::new(error.kind(), "the link leads nowhere"));
            }
            Ok(path.to_owned())
        }
        found => found,
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(ending);
    path.with_file_name(name)
}
