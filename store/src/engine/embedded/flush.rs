//! The flusher thread: turns frozen layers into runs; merges of them stand in `merges`.
//!
//! Owns the manifest and the run files. Must not know what waits for commit: a layer is durable in
//! the journal before it comes here, so nothing is lost when an attempt fails.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::coding::wide;
use super::compact::Compaction;
use super::manifest::Manifest;
use super::memtable::{Cell, Table};
use super::run::{Run, RunEntry};
use super::run_writer::RunWriter;
use super::shared::{Flow, Shared, Stage};
use super::view::{Frozen, Runs};
use crate::engine::Space;
use crate::error::StoreError;

/// What the flusher thread alone holds.
#[derive(Debug)]
pub(super) struct Flusher {
    pub(super) shared: Arc<Shared>,
    pub(super) manifest: Manifest,
    /// Bytes of layers, as they count in memory, that were flushed since each space was written to.
    pub(super) quiet: BTreeMap<Space, u64>,
    /// A merge that is under way.
    pub(super) compaction: Option<Compaction>,
    /// Runs of dropped segments may still be in use.
    pub(super) has_drops: bool,
    /// Whether the file that the manifest may need on a full disk is there.
    pub(super) is_reserve_kept: bool,
    /// Free space that merges leave alone, in bytes.
    pub(super) reserve_bytes: u64,
    /// A merge failed: none is begun until the next flush.
    pub(super) is_resting: bool,
    /// Spaces of which a merge met damage: none is begun there, so that nothing is made of what is
    /// left.
    pub(super) damaged: BTreeSet<Space>,
}

impl Flusher {
    pub(super) fn new(shared: Arc<Shared>, manifest: Manifest, reserve_bytes: u64) -> Self {
        let quiet = manifest.runs.iter().map(|run| (run.space, 0)).collect();
        Self {
            shared,
            manifest,
            quiet,
            compaction: None,
            has_drops: true,
            is_reserve_kept: true,
            reserve_bytes,
            is_resting: false,
            damaged: BTreeSet::new(),
        }
    }

    /// Works until the engine is closed or dropped.
    pub(super) fn run(mut self) {
        loop {
            let (stage, is_told) =
                self.shared.tell_flow(|flow| (flow.stage, std::mem::take(&mut flow.has_drops)));
            if stage == Stage::Stopped {
                return;
            }
            if is_told || self.has_drops {
                self.forget_dropped();
            }
            self.shared.room.forget_free();
            let frozen = self.shared.view().frozen.front().map(Arc::clone);
            if let Some(frozen) = frozen {
                if stage == Stage::Running {
                    self.merge_if_crowded();
                }
                if let Err(error) = self.attempt(&frozen) {
                    if stage == Stage::Sealed {
                        tracing::warn!(%error, "closed before all rows were written out; they \
                             stay in the journal");
                        return self.shared.finish_close();
                    }
                    self.shared
                        .pause_flow(RETRY, |flow| flow.is_urgent || flow.stage > Stage::Running);
                }
            } else if stage == Stage::Sealed {
                self.abandon();
                return self.shared.finish_close();
            } else if !self.merge_some() {
                self.rest();
            }
        }
    }

    /// Waits until there is something to do, or until what is known of free space is too old.
    fn rest(&self) {
        let shared = &self.shared;
        let is_due = |flow: &Flow| {
            flow.stage > Stage::Running || flow.has_drops || !shared.view().frozen.is_empty()
        };
        if self.has_drops {
            return shared.pause_flow(RETRY, is_due);
        }
        shared.wait_flow(|flow| (is_due(flow) || shared.room.is_known()).then_some(()));
        shared.pause_flow(FREE_SPACE_HOLDS, is_due);
    }

    /// Forgets the runs of dropped segments, and frees what they took.
    ///
    /// This waits for no flush: the next one may need the very space. Everything that a layer has
    /// cleared is older than the layer, so no row is lost, and the journal holds the drop.
    fn forget_dropped(&mut self) {
        let view = self.shared.view();
        let cleared = view.cleared_after(0).into_iter();
        let dropped: BTreeMap<Space, Vec<Arc<Run>>> = cleared
            .filter(|space| view.runs.contains_key(space))
            .map(|space| (space, Vec::new()))
            .collect();
        drop(view);
        let is_merged = |compaction: &Compaction| dropped.contains_key(&compaction.space());
        if self.compaction.as_ref().is_some_and(is_merged) {
            // It holds the files open, and with them their space.
            self.abandon();
        }
        let mut manifest = self.manifest.clone();
        let forgotten = if dropped.is_empty() {
            Ok(())
        } else {
            self.install(&mut manifest, &dropped, Cause::Drop)
        };
        if let Err(error) = &forgotten
            && !self.has_drops
        {
            tracing::warn!(%error, "the space of dropped segments cannot be freed yet");
        }
        self.has_drops = forgotten.is_err();
        if !self.has_drops && !dropped.is_empty() {
            self.is_resting = false;
            self.damaged.retain(|space| !dropped.contains_key(space));
            self.quiet.retain(|space, _| !dropped.contains_key(space));
        }
    }

    /// Writes one layer out and says how it went.
    fn attempt(&mut self, frozen: &Frozen) -> Result<(), StoreError> {
        let flushed = self.flush(frozen);
        match (&flushed, self.shared.trouble()) {
            (Err(error), before) if before.as_ref() != Some(error) => {
                tracing::warn!(%error, "rows cannot be written out; they stay in the journal");
            }
            (Ok(()), Some(_)) => tracing::info!("rows are written out again"),
            _ => {}
        }
        self.is_resting = false;
        self.shared.tell_flow(|flow| {
            flow.attempts = flow.attempts.saturating_add(1);
            flow.is_urgent = false;
            flow.trouble = flushed.as_ref().err().cloned();
            if flushed.is_ok() {
                flow.free.push_back(frozen.journal);
                flow.is_refusing = false;
            }
        });
        flushed
    }

    fn flush(&mut self, frozen: &Frozen) -> Result<(), StoreError> {
        let mut changed = BTreeMap::new();
        let mut manifest = self.manifest.clone();
        let dropped = self.shared.view().cleared_after(frozen.generation);
        let written = frozen.tables().try_for_each(|(space, table)| {
            let runs = if dropped.contains(&space) {
                Vec::new()
            } else {
                self.flushed_runs(&mut manifest, space, table)?
            };
            changed.insert(space, runs);
            Ok(())
        });
        manifest.first_live = frozen.generation.saturating_add(1);
        manifest.tick = frozen.newest.tick.number();
        manifest.version = frozen.newest.version.0;
        let stored = written.and_then(|()| self.install(&mut manifest, &changed, Cause::Flush));
        if stored.is_err() {
            for id in self.manifest.next_run..manifest.next_run {
                for space in frozen.tables().map(|(space, _)| space) {
                    self.remove(&RunEntry { space, id, file_bytes: 0, footer_sum: 0 });
                }
            }
            return stored;
        }
        for quiet in self.quiet.values_mut() {
            *quiet = quiet.saturating_add(wide(frozen.table.bytes()));
        }
        for (space, _) in frozen.tables().filter(|(_, table)| table.is_cleared) {
            self.damaged.remove(&space);
        }
        self.quiet.extend(changed.keys().map(|space| (*space, 0)));
        self.quiet.retain(|space, _| changed.get(space).is_none_or(|runs| !runs.is_empty()));
        Ok(())
    }

    /// The runs of a space after a layer was added to it.
    fn flushed_runs(
        &self,
        manifest: &mut Manifest,
        space: Space,
        table: &Table,
    ) -> Result<Vec<Arc<Run>>, StoreError> {
        let mut runs = Vec::new();
        if !table.is_cleared {
            runs.extend_from_slice(&self.shared.view().runs_of(space));
        }
        // With nothing older, there is nothing that a removal has to hide.
        let has_older = !runs.is_empty();
        let is_needed = |cell: &Cell| cell.value.is_some() || has_older;
        if !table.rows.values().any(is_needed) {
            return Ok(runs);
        }
        let id = manifest.next_run;
        manifest.next_run = id.saturating_add(1);
        let mut writer = RunWriter::create(&self.shared.disk, space, id)?;
        for (key, cell) in table.rows.iter().filter(|(_, cell)| is_needed(cell)) {
            writer.add(key, cell)?;
        }
        runs.push(Arc::new(Run::open(&self.shared.disk, writer.finish()?)?));
        Ok(runs)
    }

    /// Makes other runs those in use, on disk and then for readers; removes files no longer used.
    pub(super) fn install(
        &mut self,
        manifest: &mut Manifest,
        changed: &BTreeMap<Space, Vec<Arc<Run>>>,
        cause: Cause,
    ) -> Result<(), StoreError> {
        let before = std::mem::take(&mut manifest.runs);
        let kept = before.iter().filter(|run| !changed.contains_key(&run.space)).copied();
        manifest.runs = kept.collect();
        let new = changed.values().flatten().map(|run| *run.entry());
        manifest.runs.extend(new);
        manifest.edition = manifest.edition.saturating_add(1);
        self.store(manifest, cause)?;
        self.manifest = manifest.clone();
        let mut view = self.shared.view_mut();
        for (space, runs) in changed {
            if runs.is_empty() {
                view.runs.remove(space);
            } else {
                view.runs.insert(*space, Runs::new(runs.clone()));
            }
        }
        let flushed = if cause == Cause::Flush { view.frozen.pop_front() } else { None };
        self.shared.room.forget_free();
        self.shared.room.note_pending(view.layer_bytes());
        drop(view);
        // Freeing many rows takes time, so it is not done under the lock.
        drop(flushed);
        for run in before.iter().filter(|run| !self.manifest.runs.contains(run)) {
            self.remove(run);
        }
        if !self.is_reserve_kept {
            self.is_reserve_kept = self.shared.disk.keep_reserve().is_ok();
        }
        Ok(())
    }

    /// Replaces the manifest. On a full disk what was kept in reserve is given up for one that will
    /// free more.
    fn store(&mut self, manifest: &Manifest, cause: Cause) -> Result<(), StoreError> {
        let stored = manifest.store(&self.shared.disk);
        if stored != Err(StoreError::Full) || cause != Cause::Drop {
            return stored;
        }
        self.is_reserve_kept = false;
        self.shared.disk.release_reserve()?;
        manifest.store(&self.shared.disk)
    }

    /// Removes a file; one that stays is removed at the next start.
    pub(super) fn remove(&self, run: &RunEntry) {
        if let Err(error) = self.shared.disk.remove(&run.file_name()) {
            tracing::warn!(%error, "a run that is not used cannot be removed");
        }
    }
}

/// Why the manifest is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Flush,
    Merge,
    Drop,
}

/// How long the flusher waits before it tries again what failed, when nobody asks sooner.
const RETRY: Duration = Duration::from_secs(1);

/// How long an answer about free space is used while nothing is written out.
const FREE_SPACE_HOLDS: Duration = Duration::from_millis(100);
