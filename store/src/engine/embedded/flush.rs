//! The flusher thread: turns frozen layers into runs; merges of them stand in `merges`.
//!
//! Owns the manifest and the run files. Must not know what waits for commit: a layer is durable in
//! the journal before it comes here, so nothing is lost when an attempt fails.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::compact::Compaction;
use super::manifest::Manifest;
use super::memtable::Table;
use super::run::{Run, RunEntry};
use super::run_writer::RunWriter;
use super::shared::{Shared, Stage};
use super::view::{Frozen, Runs};
use crate::engine::Space;
use crate::error::StoreError;

/// What the flusher thread alone holds.
#[derive(Debug)]
pub(super) struct Flusher {
    pub(super) shared: Arc<Shared>,
    pub(super) manifest: Manifest,
    /// How many flushes ago each space was written to.
    pub(super) quiet: BTreeMap<Space, u32>,
    /// A merge that is under way.
    pub(super) compaction: Option<Compaction>,
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
            reserve_bytes,
            is_resting: false,
            damaged: BTreeSet::new(),
        }
    }

    /// Works until the engine is closed or dropped.
    pub(super) fn run(mut self) {
        loop {
            let stage = self.shared.tell_flow(|flow| flow.stage);
            if stage == Stage::Stopped {
                return;
            }
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
                    self.shared.pause_flow(|flow| flow.is_urgent || flow.stage > Stage::Running);
                }
            } else if stage == Stage::Sealed {
                self.abandon();
                return self.shared.finish_close();
            } else if !self.merge_some() {
                self.rest();
            }
        }
    }

    /// Waits until there is something to do.
    fn rest(&self) {
        let shared = &self.shared;
        shared.wait_flow(|flow| {
            let is_due = flow.stage > Stage::Running || !shared.view().frozen.is_empty();
            is_due.then_some(())
        });
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
        let written = frozen.tables().try_for_each(|(space, table)| {
            let runs = self.flushed_runs(&mut manifest, space, table)?;
            changed.insert(space, runs);
            Ok(())
        });
        manifest.first_live = frozen.generation.saturating_add(1);
        manifest.tick = frozen.newest.tick.number();
        manifest.version = frozen.newest.version.0;
        let stored = written.and_then(|()| self.install(&mut manifest, &changed, true));
        if stored.is_err() {
            for id in self.manifest.next_run..manifest.next_run {
                for space in frozen.tables().map(|(space, _)| space) {
                    self.remove(&RunEntry { space, id, file_bytes: 0, footer_sum: 0 });
                }
            }
            return stored;
        }
        for quiet in self.quiet.values_mut() {
            *quiet = quiet.saturating_add(1);
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
        let id = manifest.next_run;
        manifest.next_run = id.saturating_add(1);
        let mut writer = RunWriter::create(&self.shared.disk, space, id)?;
        for (key, cell) in &table.rows {
            // With nothing older, there is nothing that a removal has to hide.
            if cell.value.is_some() || !runs.is_empty() {
                writer.add(key, cell)?;
            }
        }
        if writer.is_empty() {
            let unused = RunEntry { space, id, file_bytes: 0, footer_sum: 0 };
            self.remove(&unused);
        } else {
            runs.push(Arc::new(Run::open(&self.shared.disk, writer.finish()?)?));
        }
        Ok(runs)
    }

    /// Makes other runs those in use, on disk and then for readers; removes files no longer used.
    pub(super) fn install(
        &mut self,
        manifest: &mut Manifest,
        changed: &BTreeMap<Space, Vec<Arc<Run>>>,
        is_flush: bool,
    ) -> Result<(), StoreError> {
        let before = std::mem::take(&mut manifest.runs);
        let kept = before.iter().filter(|run| !changed.contains_key(&run.space)).copied();
        manifest.runs = kept.collect();
        let new = changed.values().flatten().map(|run| *run.entry());
        manifest.runs.extend(new);
        manifest.edition = manifest.edition.saturating_add(1);
        // Names of new runs become durable with that of the manifest.
        manifest.store(&self.shared.disk)?;
        self.manifest = manifest.clone();
        let mut view = self.shared.view_mut();
        for (space, runs) in changed {
            if runs.is_empty() {
                view.runs.remove(space);
            } else {
                view.runs.insert(*space, Runs::new(runs.clone()));
            }
        }
        let flushed = if is_flush { view.frozen.pop_front() } else { None };
        drop(view);
        // Freeing many rows takes time, so it is not done under the lock.
        drop(flushed);
        for run in before.iter().filter(|run| !self.manifest.runs.contains(run)) {
            self.remove(run);
        }
        Ok(())
    }

    /// Removes a file; one that stays is removed at the next start.
    pub(super) fn remove(&self, run: &RunEntry) {
        if let Err(error) = self.shared.disk.remove(&run.file_name()) {
            tracing::warn!(%error, "a run that is not used cannot be removed");
        }
    }
}
