//! How the flusher thread merges runs: when, a step at a time, and what becomes of the merged run.
//!
//! Owns the order of effects of a merge. Which runs are merged is settled in `compact`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compact::{Bounds, Compaction, Crowding, QUIET_JOURNALS, Step, choose, crowding};
use super::flush::{Cause, Flusher};
use super::run::{Run, RunEntry};
use super::shared::Stage;
use crate::engine::Space;
use crate::error::StoreError;

impl Flusher {
    /// Merges some before the next flush when runs grow faster than they are merged.
    ///
    /// Commits then wait for a free journal file in the end, instead of reads that grow slower.
    pub(super) fn merge_if_crowded(&mut self) {
        let mut steps = 0u32;
        loop {
            let is_enough = match crowding(&self.shared.view().runs, &self.damaged) {
                Crowding::None => true,
                Crowding::Some => steps >= STEPS_WHEN_CROWDED,
                Crowding::Severe => false,
            };
            let is_hindered = self.shared.trouble().is_some()
                || self.shared.tell_flow(|flow| flow.stage) != Stage::Running;
            if is_enough || is_hindered || !self.merge_some() {
                return;
            }
            steps = steps.saturating_add(1);
        }
    }

    /// Goes on with a merge, or begins one; false when none is due.
    pub(super) fn merge_some(&mut self) -> bool {
        if self.is_resting || self.has_drops {
            return false;
        }
        let mut space = None;
        let stepped = self.step(&mut space);
        self.shared.note_damage(stepped).unwrap_or_else(|error| {
            match (&error, space) {
                (StoreError::Damaged { .. }, Some(space)) => {
                    self.damaged.insert(space);
                }
                _ => self.is_resting = true,
            }
            tracing::warn!(%error, "runs cannot be merged");
            self.abandon();
            true
        })
    }

    /// Does one step, and says whether there was one to do; `space` is where.
    fn step(&mut self, space: &mut Option<Space>) -> Result<bool, StoreError> {
        if self.compaction.is_none() && !self.begin(space)? {
            return Ok(false);
        }
        if self.room()? == 0 {
            // Others have taken the space that it was begun with.
            return Err(StoreError::Full);
        }
        let Some(compaction) = &mut self.compaction else {
            return Ok(false);
        };
        *space = Some(compaction.space());
        if compaction.step()? == Step::Done
            && let Some(compaction) = self.compaction.take()
        {
            self.finish(compaction)?;
        }
        Ok(true)
    }

    /// Begins the most useful merge that there is room for; false when none is due.
    fn begin(&mut self, space: &mut Option<Space>) -> Result<bool, StoreError> {
        let room = self.room()?;
        let quiet_bytes = self.manifest.journal_bytes.saturating_mul(QUIET_JOURNALS);
        let bounds = Bounds { quiet: &self.quiet, quiet_bytes, damaged: &self.damaged, room };
        let Some(choice) = choose(&self.shared.view().runs, &bounds) else {
            return Ok(false);
        };
        *space = Some(choice.space());
        let id = self.manifest.next_run;
        self.manifest.next_run = id.saturating_add(1);
        self.compaction = Some(Compaction::begin(&self.shared.disk, id, choice)?);
        Ok(true)
    }

    /// Bytes that a merge may take: neither the reserve nor what layers will need.
    fn room(&self) -> Result<u64, StoreError> {
        let kept = self.reserve_bytes.saturating_add(self.shared.room.pending());
        Ok(self.shared.disk.free_bytes()?.saturating_sub(kept))
    }

    /// Puts the merged run in the place of its inputs; its file is removed when that fails.
    fn finish(&mut self, compaction: Compaction) -> Result<(), StoreError> {
        let (id, space) = (compaction.id(), compaction.space());
        let inputs = compaction.inputs();
        let unused = RunEntry { space, id, file_bytes: 0, footer_sum: 0 };
        let finished = compaction.finish();
        let replaced = finished.and_then(|merged| self.replace(space, &inputs, merged));
        if !matches!(replaced, Ok(Replaced::Whole)) {
            self.remove(&unused);
        }
        replaced.map(|_| ())
    }

    /// Puts a merged run in the place of those that it was made of, if they are still in use.
    fn replace(
        &mut self,
        space: Space,
        inputs: &[Arc<Run>],
        merged: Option<RunEntry>,
    ) -> Result<Replaced, StoreError> {
        let runs = self.shared.view().runs_of(space);
        let first = inputs.first().map(|run| run.entry().id);
        let place = runs.iter().position(|run| Some(run.entry().id) == first);
        let is_in_use = place.is_some_and(|place| {
            let there = runs.iter().skip(place).map(|run| run.entry());
            there.take(inputs.len()).eq(inputs.iter().map(|run| run.entry()))
        });
        let (Some(place), true) = (place, is_in_use) else {
            // The segment was dropped meanwhile.
            return Ok(Replaced::Nothing);
        };
        let mut after: Vec<Arc<Run>> = runs.iter().take(place).map(Arc::clone).collect();
        let outcome = if merged.is_some() { Replaced::Whole } else { Replaced::Nothing };
        if let Some(entry) = merged {
            after.push(Arc::new(Run::open(&self.shared.disk, entry)?));
        }
        after.extend(runs.iter().skip(place.saturating_add(inputs.len())).map(Arc::clone));
        let mut manifest = self.manifest.clone();
        self.install(&mut manifest, &BTreeMap::from([(space, after)]), Cause::Merge)?;
        Ok(outcome)
    }

    /// Gives up a merge and its file.
    pub(super) fn abandon(&mut self) {
        if let Some(compaction) = self.compaction.take() {
            let (id, space) = (compaction.id(), compaction.space());
            drop(compaction);
            self.remove(&RunEntry { space, id, file_bytes: 0, footer_sum: 0 });
        }
    }
}

/// Whether the file of a merged run is now in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replaced {
    Whole,
    Nothing,
}

/// How much is merged before a flush when there are too many runs; a step is some milliseconds.
const STEPS_WHEN_CROWDED: u32 = 128;
