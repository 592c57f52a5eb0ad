//! Faults for tests: a full disk, a device that forgets what was not synced.
//!
//! Owns what a test asked for and what would be lost in a power cut. Every hook is called by `disk`
//! just before or after the call that it is named for.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use super::coding::wide;

/// What a test asked for.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    state: Mutex<State>,
    syncs: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes by which files may still grow; none means without end.
    room: Option<u64>,
    is_sync_failing: bool,
    /// Which syncs answer with success and make nothing durable.
    lost: Lost,
    /// The next write stops after so many bytes.
    short_write: Option<usize>,
    /// Syncs until the power is cut.
    syncs_left: Option<u64>,
    /// How much was done when the power was cut: all later is lost for sure.
    done_at_cut: Option<usize>,
    is_recording: bool,
    /// What was done and is not durable, oldest first.
    undo: Vec<Undo>,
}

/// Syncs that make nothing durable: what a process leaves that is killed before them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lost {
    #[default]
    Nothing,
    Contents,
    Names,
}

#[derive(Debug)]
enum Undo {
    Write { path: PathBuf, offset: u64, old: Vec<u8>, old_length: u64 },
    Create { path: PathBuf },
    Rename { source: PathBuf, target: PathBuf, replaced: Option<Vec<u8>> },
    Remove { path: PathBuf, content: Vec<u8> },
}

impl State {
    /// Frees what a file takes that is about to go.
    fn give_back(&mut self, path: &Path) {
        if let (Some(room), Ok(metadata)) = (&mut self.room, std::fs::metadata(path)) {
            *room = room.saturating_add(metadata.len());
        }
    }
}

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn set_room(&self, room: Option<u64>) {
        self.state().room = room;
    }

    pub(crate) fn fail_syncs(&self) {
        self.state().is_sync_failing = true;
    }

    /// Records from now on what a power cut would take back, and loses these syncs.
    pub(crate) fn lose_syncs(&self, lost: Lost) {
        let mut state = self.state();
        state.is_recording = true;
        state.lost = lost;
    }

    /// The next write fails after so many bytes.
    pub(crate) fn cut_next_write(&self, bytes: usize) {
        self.state().short_write = Some(bytes);
    }

    /// Cuts the power when so many further syncs have begun: what the last one should have made
    /// durable may be lost, and what is done after it is.
    pub(crate) fn cut_power_at_sync(&self, syncs: u64) {
        let mut state = self.state();
        state.is_recording = true;
        state.syncs_left = Some(syncs);
    }

    pub(crate) fn is_power_cut(&self) -> bool {
        self.state().done_at_cut.is_some()
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Takes back what was not synced, as a power cut may: of each sector either all or nothing.
    pub(crate) fn cut_power(&self, mut chance: impl FnMut() -> bool) {
        let mut state = self.state();
        let done = state.done_at_cut.unwrap_or(usize::MAX);
        let undo = std::mem::take(&mut state.undo);
        drop(state);
        for (place, undo) in undo.into_iter().enumerate().rev() {
            let mut is_lost = || place >= done || chance();
            match undo {
                Undo::Write { path, offset, old, old_length } => {
                    let Ok(file) = File::options().write(true).open(&path) else {
                        continue;
                    };
                    for (place, sector) in old.chunks(512).enumerate() {
                        if is_lost() {
                            let at = offset.saturating_add(wide(place.saturating_mul(512)));
                            file.write_all_at(sector, at).unwrap();
                        }
                    }
                    if file.metadata().unwrap().len() > old_length && is_lost() {
                        file.set_len(old_length).unwrap();
                    }
                }
                Undo::Create { path } => drop(std::fs::remove_file(path)),
                Undo::Rename { source, target, replaced } => {
                    std::fs::rename(&target, source).unwrap();
                    if let Some(content) = replaced {
                        std::fs::write(target, content).unwrap();
                    }
                }
                Undo::Remove { path, content } => std::fs::write(path, content).unwrap(),
            }
        }
    }

    pub(super) fn count_sync(&self) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn free_bytes(&self) -> Option<u64> {
        self.state().room
    }

    pub(super) fn before_create(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.room == Some(0) {
            return Err(ErrorKind::StorageFull.into());
        }
        if state.is_recording {
            state.undo.push(Undo::Create { path: path.to_owned() });
        }
        Ok(())
    }

    pub(super) fn before_write(
        &self,
        file: &File,
        path: &Path,
        bytes: &[u8],
        offset: u64,
    ) -> io::Result<()> {
        let mut state = self.state();
        let length = file.metadata()?.len();
        let end = offset.saturating_add(wide(bytes.len()));
        let growth = end.saturating_sub(length);
        if state.is_recording {
            let mut old = vec![0; bytes.len()];
            let kept = usize::try_from(length.saturating_sub(offset)).unwrap().min(bytes.len());
            file.read_exact_at(&mut old[..kept], offset)?;
            old.truncate(kept.next_multiple_of(512).min(bytes.len()));
            state.undo.push(Undo::Write { path: path.to_owned(), offset, old, old_length: length });
        }
        if let Some(short) = state.short_write.take() {
            file.write_all_at(&bytes[..short.min(bytes.len())], offset)?;
            return Err(ErrorKind::StorageFull.into());
        }
        if let Some(room) = state.room {
            if growth > room {
                // What fits is written, as a real disk would.
                let fits = usize::try_from(room).unwrap().min(bytes.len());
                file.write_all_at(&bytes[..fits], offset)?;
                state.room = Some(0);
                return Err(ErrorKind::StorageFull.into());
            }
            state.room = Some(room.saturating_sub(growth));
        }
        Ok(())
    }

    pub(super) fn before_sync(&self) -> io::Result<()> {
        self.count_sync();
        let mut state = self.state();
        if let Some(left) = &mut state.syncs_left {
            *left = left.saturating_sub(1);
            if *left == 0 && state.done_at_cut.is_none() {
                state.done_at_cut = Some(state.undo.len());
            }
        }
        if state.is_sync_failing {
            return Err(io::Error::other("the device does not answer"));
        }
        Ok(())
    }

    pub(super) fn after_sync(&self, synced: &Path) {
        let is_kept = |undo: &Undo| !matches!(undo, Undo::Write { path, .. } if path == synced);
        let mut state = self.state();
        if state.done_at_cut.is_none() && state.lost != Lost::Contents {
            state.undo.retain(is_kept);
        }
    }

    pub(super) fn before_rename(&self, source: &Path, target: &Path) {
        let mut state = self.state();
        state.give_back(target);
        if state.is_recording {
            state.undo.push(Undo::Rename {
                source: source.to_owned(),
                target: target.to_owned(),
                replaced: std::fs::read(target).ok(),
            });
        }
    }

    pub(super) fn before_remove(&self, path: &Path) {
        let mut state = self.state();
        state.give_back(path);
        if let (true, Ok(content)) = (state.is_recording, std::fs::read(path)) {
            state.undo.push(Undo::Remove { path: path.to_owned(), content });
        }
    }

    pub(super) fn after_sync_directory(&self) {
        let mut state = self.state();
        if state.done_at_cut.is_none() && state.lost != Lost::Names {
            state.undo.retain(|undo| matches!(undo, Undo::Write { .. }));
        }
    }
}
