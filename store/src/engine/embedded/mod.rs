//! The engine of one directory and one process: a journal, layers in memory, immutable sorted runs.
//!
//! Owns the directory. Must not know what a row means. Start at [`Embedded::open`]; a commit goes
//! through `commit`, its rows go to runs in `flush`, and a start finds them in `open`. What stands
//! in the files is described in `docs/storage-format.md`.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use jeton_domain::id::Tick;
use jeton_domain::limits::DISK_RESERVE_BYTES_DEFAULT;
use jeton_domain::time::{BootTime, Hour};

use self::disk::Disk;
use self::shared::{Shared, ToldOfChanges};
use super::admission::check_shape;
use super::{Applier, Batch, Committed, Engine, EngineHealth, Key, KeyRange, Pending, Row, Space};
use crate::error::StoreError;

mod bloom;
mod coding;
mod commit;
mod compact;
mod disk;
#[cfg(test)]
mod faults;
mod flush;
mod found;
mod gather;
mod journal;
mod looks;
mod manifest;
mod memtable;
mod merge;
mod merges;
mod open;
mod record;
mod room;
mod run;
mod run_writer;
mod sector;
mod shared;
#[cfg(test)]
mod tests;
mod view;

/// How an embedded engine is opened.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// Where the files are; made when missing.
    pub directory: PathBuf,
    /// Length of each journal file, in bytes, and with it of the largest batch. Settled when the
    /// directory is made.
    pub journal_bytes: u64,
    /// How many journal files are written in advance. While the disk is full, commits go on until
    /// all are used. At least 2; settled when the directory is made.
    pub journals: u32,
    /// Memory that rows may take before they are written out, in bytes; more while the disk is
    /// full. A start after a crash finds about as much in the journal and takes milliseconds for
    /// each MiB.
    pub memtable_bytes: u64,
    /// Free space below which [`EngineHealth::has_room`] is false, in bytes; rows that are not yet
    /// written out are counted as written.
    pub reserve_bytes: u64,
    /// Time since boot. With it, who waits alone for a commit looks for the outcome before it
    /// sleeps, as long as no other program is seen to keep the core; without it, it sleeps at once.
    pub boot: Option<fn() -> BootTime>,
}

impl EmbeddedOptions {
    /// The usual options for this directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            journal_bytes: 32 << 20,
            journals: 4,
            memtable_bytes: 3 << 20,
            reserve_bytes: DISK_RESERVE_BYTES_DEFAULT,
            boot: None,
        }
    }
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self::new("jeton-data/store")
    }
}

/// The engine of one directory.
///
/// Dropped without [`Engine::close`], it leaves the directory as a crash would: every acknowledged
/// commit is found at the next start.
pub struct Embedded {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    reserve_bytes: u64,
    /// Bytes of all journal files.
    journal_bytes: u64,
}

impl Embedded {
    /// Opens the directory, for this process alone.
    ///
    /// `Locked` when another engine holds it, `Format` when a later release wrote it, `Damaged`
    /// when a file is not what was written.
    pub fn open(options: &EmbeddedOptions) -> Result<Self, StoreError> {
        let (disk, lock) = Disk::lock(options.directory.clone())?;
        Self::open_disk(options, disk, lock)
    }

    fn open_disk(
        options: &EmbeddedOptions,
        disk: Disk,
        lock: std::fs::File,
    ) -> Result<Self, StoreError> {
        let (shared, committer, flusher) = open::open(options, disk, lock)?;
        let journals = u64::from(flusher.manifest.journals);
        let journal_bytes = flusher.manifest.journal_bytes.saturating_mul(journals);
        let mut engine = Self {
            shared: Arc::clone(&shared),
            threads: Vec::new(),
            reserve_bytes: options.reserve_bytes,
            journal_bytes,
        };
        engine.spawn("store-flush", move || flusher.run())?;
        engine.spawn("store-commit", move || committer.run())?;
        Ok(engine)
    }

    fn spawn(
        &mut self,
        name: &str,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), StoreError> {
        let spawned = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let guard = AbortOnPanic;
            work();
            drop(guard);
        });
        let thread = spawned.map_err(|error| StoreError::Io {
            what: format!("start the thread {name}"),
            kind: error.to_string(),
        })?;
        self.threads.push(thread);
        Ok(())
    }

    fn row(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        self.shared.check_open()?;
        let lookup = self.shared.view().lookup(key);
        self.shared.note_damage(lookup.finish(&key.bytes))
    }

    fn rows(&self, range: &KeyRange, limit: usize) -> Result<Vec<(Key, Row)>, StoreError> {
        self.shared.check_open()?;
        if range.end.as_ref().is_some_and(|end| *end <= range.start) {
            return Ok(Vec::new());
        }
        let mut rows = Vec::new();
        let mut range = range.clone();
        loop {
            let scan = self.shared.view().scan(&range, limit.saturating_sub(rows.len()))?;
            let found = self.shared.note_damage(scan.finish(&range))?;
            rows.extend(found.rows);
            match found.rest {
                Some(rest) => range.start = rest,
                None => return Ok(rows),
            }
        }
    }

    fn held_hours(&self) -> Result<Vec<Hour>, StoreError> {
        let spaces = self.shared.view().spaces();
        let mut hours = Vec::new();
        for space in spaces {
            let Space::Hour(hour) = space else { continue };
            let all = KeyRange { space, start: bytes::Bytes::new(), end: None };
            if !self.rows(&all, 1)?.is_empty() {
                hours.push(hour);
            }
        }
        Ok(hours)
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.shared.stop();
        for thread in self.threads.drain(..) {
            // The applier may hold the last reference: a thread cannot wait for itself.
            if thread.thread().id() != thread::current().id() {
                drop(thread.join());
            }
        }
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("tick", &self.tick()).finish_non_exhaustive()
    }
}

impl Engine for Embedded {
    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Row>> {
        Box::pin(async move { self.row(key) })
    }

    fn scan<'a>(&'a self, range: &'a KeyRange, limit: usize) -> Pending<'a, Vec<(Key, Row)>> {
        Box::pin(async move { self.rows(range, limit) })
    }

    fn commit(&self, batch: Batch) -> Pending<'_, Committed> {
        Box::pin(async move {
            check_shape(&batch)?;
            self.shared.submit(batch)?.await
        })
    }

    fn tick(&self) -> Tick {
        *self.shared.tick.borrow()
    }

    fn wait_for_change(&self, seen: Tick) -> Pending<'_, ()> {
        let mut tick = self.shared.tick.subscribe();
        Box::pin(async move {
            loop {
                let is_beyond = *tick.borrow_and_update() > seen;
                self.shared.check_open()?;
                if is_beyond {
                    return Ok(());
                }
                tick.changed().await.map_err(|_| StoreError::Closed)?;
            }
        })
    }

    fn on_change(&self, applier: Applier) {
        if self.shared.applier.set(ToldOfChanges(applier)).is_err() {
            tracing::error!("a second applier was given to the engine and is not used");
        }
    }

    fn hours(&self) -> Pending<'_, Vec<Hour>> {
        Box::pin(async move {
            self.shared.check_open()?;
            self.held_hours()
        })
    }

    fn has_room(&self) -> bool {
        // What layers hold will be written out, whatever is granted from now on.
        let needed = self.reserve_bytes.saturating_add(self.shared.room.pending());
        self.shared.free_bytes().is_ok_and(|free| free >= needed)
            && self.shared.trouble() != Some(StoreError::Full)
    }

    fn health(&self) -> EngineHealth {
        let (is_refusing, troubles) = self.shared.troubles();
        self.shared.room.forget_free();
        let asked = self.shared.free_bytes().err();
        let trouble = troubles.iter().chain(&asked).map(ToString::to_string).collect();
        let run_bytes = self.shared.view().run_bytes();
        EngineHealth {
            writable: !is_refusing && self.shared.check_open().is_ok(),
            has_room: self.has_room(),
            trouble,
            disk_bytes: run_bytes.saturating_add(self.journal_bytes),
        }
    }

    fn close(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            let closed = self.shared.begin_close()?;
            closed.await.map_err(|_| StoreError::Closed)
        })
    }
}

/// Ends the process when a thread of an engine ends by a panic: without it nothing can be written,
/// and a new start finds everything that was acknowledged.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!("a thread of the store ended by a panic: stopping, to be started anew");
            std::process::abort();
        }
    }
}
