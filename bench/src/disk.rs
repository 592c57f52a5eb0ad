//! The disk alone: what one small synced write costs, for everything that waits for one.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::fdatasync;

use crate::clock::Stopwatch;
use crate::error::{Outcome, Trying};
use crate::stats::real;

/// A file that was written before, block by block of which is written again.
#[derive(Debug)]
pub(crate) struct Disk {
    file: File,
    path: PathBuf,
    /// The block that is next.
    block: u64,
}

impl Disk {
    /// Writes the file.
    pub(crate) fn prepare(folder: &Path) -> Outcome<Self> {
        let path = folder.join("disk");
        let what = || format!("cannot write {}", path.display());
        let mut file = File::create(&path).trying(what)?;
        for _ in 0..BLOCKS {
            file.write_all(&[0x55; BLOCK_BYTES]).trying(what)?;
        }
        file.sync_all().trying(what)?;
        Ok(Self { file, path, block: 0 })
    }

    /// Seconds of one write and its sync.
    pub(crate) fn sync_s(&mut self) -> Outcome<f64> {
        let what = || format!("cannot write {}", self.path.display());
        let place = self.block.saturating_mul(u64::try_from(BLOCK_BYTES).unwrap_or_default());
        let content = self.block.to_le_bytes().repeat(BLOCK_BYTES / 8);
        self.block = self.block.saturating_add(1).checked_rem(BLOCKS).unwrap_or_default();
        let watch = Stopwatch::start();
        self.file.write_all_at(&content, place).trying(what)?;
        fdatasync(&self.file).trying(what)?;
        Ok(watch.seconds())
    }

    /// Syncs a second, one after the other.
    pub(crate) fn rate(&mut self, seconds: f64) -> Outcome<f64> {
        let watch = Stopwatch::start();
        let mut syncs = 0_u64;
        while watch.seconds() < seconds {
            self.sync_s()?;
            syncs = syncs.saturating_add(1);
        }
        Ok(real(syncs) / watch.seconds())
    }

    /// Removes the file.
    pub(crate) fn remove(self) -> Outcome<()> {
        std::fs::remove_file(&self.path).trying(|| format!("cannot remove {}", self.path.display()))
    }
}

const BLOCK_BYTES: usize = 4096;
/// Blocks of the file: 16 MiB.
const BLOCKS: u64 = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_the_file_are_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::prepare(folder.path()).unwrap();
        let length = disk.file.metadata().unwrap().len();
        assert!(disk.sync_s().unwrap() > 0.0 && disk.rate(0.01).unwrap() > 0.0);
        assert_eq!(disk.file.metadata().unwrap().len(), length);
        disk.remove().unwrap();
    }
}
