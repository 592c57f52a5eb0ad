//! The files of one directory, and every call that touches them.
//!
//! Owns opening, reading, writing, syncing and what a refusal of the system is called. Must not
//! know what the files hold. Tests put faults in here: a full disk, writes that never arrive.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
#[cfg(test)]
use std::sync::Arc;

use super::coding::wide;
#[cfg(test)]
use super::faults::Faults;
use crate::error::StoreError;

/// The directory of the engine, locked for this process.
#[derive(Debug)]
pub(super) struct Disk {
    directory: PathBuf,
    /// The directory itself, open from the start: its syncs must not want for a descriptor.
    opened: File,
    #[cfg(test)]
    pub(super) faults: Arc<Faults>,
}

impl Disk {
    /// Makes the directory where it is missing, and locks it as long as the returned file lives.
    pub(super) fn lock(directory: PathBuf) -> Result<(Self, File), StoreError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.map_err(|error| refused("make directory", &directory, &error))?;
        let opened = File::open(&directory).map_err(|error| refused("open", &directory, &error))?;
        let disk = Self {
            directory,
            opened,
            #[cfg(test)]
            faults: Arc::default(),
        };
        let path = disk.path("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| refused("open", &path, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok((disk, lock)),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked(disk.directory)),
            Err(TryLockError::Error(error)) => Err(refused("lock", &path, &error)),
        }
    }

    /// Where the file of this name lies.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The names of all files that are text.
    pub(super) fn names(&self) -> Result<Vec<String>, StoreError> {
        let failed = |error: &io::Error| refused("list", &self.directory, error);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.directory).map_err(|error| failed(&error))? {
            let name: OsString = entry.map_err(|error| failed(&error))?.file_name();
            names.extend(name.into_string());
        }
        names.sort();
        Ok(names)
    }

    /// Opens a file that must be there, for reading and writing.
    pub(super) fn open(&self, name: &str) -> Result<DiskFile, StoreError> {
        let path = self.path(name);
        let opened = OpenOptions::new().read(true).write(true).open(&path);
        let file = opened.map_err(|error| match error.kind() {
            ErrorKind::NotFound => damaged(&path, 0, "the file is missing"),
            _ => refused("open", &path, &error),
        })?;
        Ok(self.file(file, path))
    }

    /// Makes an empty file; what stood under the name is gone.
    pub(super) fn create(&self, name: &str) -> Result<DiskFile, StoreError> {
        let path = self.path(name);
        #[cfg(test)]
        self.faults.before_create(&path).map_err(|error| refused("create", &path, &error))?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| refused("create", &path, &error))?;
        Ok(self.file(file, path))
    }

    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "tests hand the faults on"))]
    fn file(&self, file: File, path: PathBuf) -> DiskFile {
        DiskFile {
            file,
            path,
            #[cfg(test)]
            faults: Arc::clone(&self.faults),
        }
    }

    /// The whole content of a small file; none when there is no such file.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refused("read", &path, &error)),
        }
    }

    /// Replaces a small file whole: after a crash it holds the old content or the new one.
    pub(super) fn replace(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        let temporary = format!("{name}.new");
        let written = self.create(&temporary).and_then(|file| {
            file.write_at(content, 0)?;
            file.sync()
        });
        if let Err(error) = written {
            drop(self.remove(&temporary));
            return Err(error);
        }
        // What the file names must be there when it is.
        self.sync_directory();
        let (source, target) = (self.path(&temporary), self.path(name));
        #[cfg(test)]
        self.faults.before_rename(&source, &target);
        std::fs::rename(&source, &target).map_err(|error| refused("rename", &source, &error))?;
        self.sync_directory();
        Ok(())
    }

    /// Removes a file; that it is not there is no failure.
    pub(super) fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path(name);
        #[cfg(test)]
        self.faults.before_remove(&path);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(refused("remove", &path, &error))
            }
            _ => Ok(()),
        }
    }

    /// Keeps some bytes of the device for a time when it is full.
    pub(super) fn keep_reserve(&self) -> Result<(), StoreError> {
        let kept = std::fs::metadata(self.path(RESERVE_FILE));
        if kept.is_ok_and(|metadata| metadata.len() == wide(RESERVE_BYTES)) {
            return Ok(());
        }
        let file = self.create(RESERVE_FILE)?;
        let kept = file.write_at(&vec![0; RESERVE_BYTES], 0).and_then(|()| file.sync());
        if kept.is_err() {
            drop(self.remove(RESERVE_FILE));
        }
        kept
    }

    /// Gives up what [`Self::keep_reserve`] kept.
    pub(super) fn release_reserve(&self) -> Result<(), StoreError> {
        self.remove(RESERVE_FILE)
    }

    /// Makes names durable. A failure stops the process: what is on the disk is then unknown.
    pub(super) fn sync_directory(&self) {
        #[cfg(test)]
        self.faults.count_sync();
        if let Err(error) = self.opened.sync_all() {
            stop(&self.directory, &error);
        }
        #[cfg(test)]
        self.faults.after_sync_directory();
    }

    /// Makes the name of the directory itself durable, and those of the directories above it.
    pub(super) fn sync_parents(&self) {
        for parent in self.directory.ancestors().skip(1) {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            if let Err(error) = File::open(parent).and_then(|file| file.sync_all()) {
                // One that we may not read is not one that we made.
                let directory = parent.display();
                tracing::debug!(%directory, %error, "a directory above the store is not synced");
            }
        }
    }

    /// Bytes that may still be written on the device of the directory.
    pub(super) fn free_bytes(&self) -> Result<u64, StoreError> {
        #[cfg(test)]
        if let Some(free) = self.faults.free_bytes() {
            return Ok(free);
        }
        let stat = rustix::fs::fstatvfs(&self.opened)
            .map_err(|error| refused("ask the free space of", &self.directory, &error.into()))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// One open file.
#[derive(Debug)]
pub(super) struct DiskFile {
    file: File,
    path: PathBuf,
    #[cfg(test)]
    faults: Arc<Faults>,
}

impl DiskFile {
    pub(super) fn length(&self) -> Result<u64, StoreError> {
        let metadata = self.file.metadata();
        Ok(metadata.map_err(|error| refused("measure", &self.path, &error))?.len())
    }

    pub(super) fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), StoreError> {
        #[cfg(test)]
        self.faults
            .before_write(&self.file, &self.path, bytes, offset)
            .map_err(|error| refused("write", &self.path, &error))?;
        self.file.write_all_at(bytes, offset).map_err(|error| refused("write", &self.path, &error))
    }

    /// Reads `length` bytes; a file that ends before is damaged.
    pub(super) fn read_at(&self, length: usize, offset: u64) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; length];
        self.read_into(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// Fills `bytes` with what stands at `offset`; a file that ends before is damaged.
    pub(super) fn read_into(&self, bytes: &mut [u8], offset: u64) -> Result<(), StoreError> {
        match self.file.read_exact_at(bytes, offset) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err(damaged(&self.path, offset, "the file is too short"))
            }
            Err(error) => Err(refused("read", &self.path, &error)),
        }
    }

    /// Makes the content durable. A failure other than a full disk stops the process.
    ///
    /// After a failed sync the system may have thrown the bytes away and answer the next one with
    /// success, so nothing that this process believes about the file can be trusted any more.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        match self.sync_once() {
            Err(error) if is_full(&error) => Err(StoreError::Full),
            Err(error) => stop(&self.path, &error),
            Ok(()) => Ok(()),
        }
    }

    /// Like [`Self::sync`], but a full disk stops the process too: for bytes that were overwritten.
    pub(super) fn sync_or_stop(&self) {
        if let Err(error) = self.sync_once() {
            stop(&self.path, &error);
        }
    }

    fn sync_once(&self) -> io::Result<()> {
        #[cfg(test)]
        self.faults.before_sync()?;
        self.file.sync_data()?;
        #[cfg(test)]
        self.faults.after_sync(&self.path);
        Ok(())
    }

    /// That the bytes at `offset` are not what was written.
    pub(super) fn damaged(&self, offset: u64, what: &str) -> StoreError {
        damaged(&self.path, offset, what)
    }
}

/// That the file at `path` does not hold what was written.
pub(super) fn damaged(path: &Path, offset: u64, what: &str) -> StoreError {
    StoreError::Damaged { file: path.to_owned(), offset, what: what.to_owned() }
}

fn refused(what: &str, path: &Path, error: &io::Error) -> StoreError {
    if is_full(error) {
        return StoreError::Full;
    }
    StoreError::Io { what: format!("{what} {}", path.display()), kind: error.to_string() }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

fn stop(path: &Path, error: &io::Error) -> ! {
    tracing::error!(file = %path.display(), %error, "a failed sync: stopping, to lose nothing");
    std::process::abort()
}

const RESERVE_FILE: &str = "reserve";

/// More than the manifest takes with as many runs as there ever are.
const RESERVE_BYTES: usize = 128 * 1024;
