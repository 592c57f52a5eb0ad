//! Which runs are merged, and the merging, a step at a time.
//!
//! Owns the policy. Runs of a space lie in order of age and only neighbours are merged, so that a
//! newer row is never laid under an older one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::disk::Disk;
use super::merge::{Merge, walks};
use super::run::{Run, RunEntry};
use super::run_writer::RunWriter;
use super::view::Runs;
use crate::engine::Space;
use crate::error::StoreError;

/// Neighbours that should be one.
#[derive(Debug)]
pub(super) struct Choice {
    space: Space,
    /// Oldest first.
    inputs: Vec<Arc<Run>>,
    /// Whether the oldest run of the space is among them: removals have then nothing to hide.
    is_oldest: bool,
}

/// The most useful merge, if one is due.
///
/// The youngest runs are merged once four of about one size have gathered, so that each row is
/// rewritten about once for each doubling of its space; a space that was left alone for some flushes
/// is merged into one.
pub(super) fn choose(
    spaces: &BTreeMap<Space, Runs>,
    quiet: &BTreeMap<Space, u32>,
) -> Option<Choice> {
    let crowded = spaces.iter().find_map(|(space, runs)| {
        let count = similar(runs);
        (count >= SIMILAR_RUNS).then(|| Choice::youngest(*space, runs, count))
    });
    crowded.or_else(|| {
        let is_quiet = |space: &Space| quiet.get(space).is_some_and(|n| *n >= QUIET_FLUSHES);
        spaces
            .iter()
            .find(|(space, runs)| runs.len() > 1 && is_quiet(space))
            .map(|(space, runs)| Choice::youngest(*space, runs, runs.len()))
    })
}

/// Whether merges have fallen behind, so that reads have too many runs to ask.
pub(super) fn is_crowded(spaces: &BTreeMap<Space, Runs>) -> bool {
    spaces.values().any(|runs| runs.len() > RUNS_CROWDED)
}

/// How many of the youngest runs are each at most half as large again as all younger ones together.
fn similar(runs: &Runs) -> usize {
    let mut younger = 0u64;
    let mut count = 0usize;
    for run in runs.iter().rev() {
        let bytes = run.entry().file_bytes;
        let is_crowded = runs.len() > RUNS_MAX && count < SIMILAR_RUNS;
        if count > 0 && bytes > younger.saturating_add(younger / 2) && !is_crowded {
            break;
        }
        younger = younger.saturating_add(bytes);
        count = count.saturating_add(1);
    }
    count
}

impl Choice {
    /// Bytes of all inputs, which the merged run will not exceed by much.
    pub(super) fn bytes(&self) -> u64 {
        let sizes = self.inputs.iter().map(|run| run.entry().file_bytes);
        sizes.fold(0, u64::saturating_add)
    }

    fn youngest(space: Space, runs: &Runs, count: usize) -> Self {
        let older = runs.len().saturating_sub(count);
        let inputs = runs.iter().skip(older).map(Arc::clone).collect();
        Self { space, inputs, is_oldest: older == 0 }
    }
}

/// Whether a merge has come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Going,
    Done,
}

/// A merge that is under way.
#[derive(Debug)]
pub(super) struct Compaction {
    id: u64,
    choice: Choice,
    merge: Merge<'static>,
    writer: RunWriter,
}

impl Compaction {
    /// Begins to write the run with this id.
    pub(super) fn begin(disk: &Disk, id: u64, choice: Choice) -> Result<Self, StoreError> {
        let merge = Merge::new(walks(&choice.inputs, &[])?)?;
        let writer = RunWriter::create(disk, choice.space, id)?;
        Ok(Self { id, choice, merge, writer })
    }

    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    pub(super) const fn space(&self) -> Space {
        self.choice.space
    }

    /// The runs that are merged, oldest first.
    pub(super) fn inputs(&self) -> Vec<Arc<Run>> {
        self.choice.inputs.clone()
    }

    /// Merges some more, little enough that a layer that waits to be flushed is not kept waiting.
    pub(super) fn step(&mut self) -> Result<Step, StoreError> {
        for _ in 0..CELLS_PER_STEP {
            let Some((key, cell)) = self.merge.next()? else {
                return Ok(Step::Done);
            };
            if cell.value.is_some() || !self.choice.is_oldest {
                self.writer.add(&key, &cell)?;
            }
        }
        Ok(Step::Going)
    }

    /// Completes the file; none when nothing is left of the inputs, whose file is then to be removed.
    pub(super) fn finish(self) -> Result<Option<RunEntry>, StoreError> {
        if self.writer.is_empty() { Ok(None) } else { self.writer.finish().map(Some) }
    }
}

const SIMILAR_RUNS: usize = 4;
const RUNS_MAX: usize = 8;
const RUNS_CROWDED: usize = 12;
const QUIET_FLUSHES: u32 = 4;
const CELLS_PER_STEP: usize = 4_096;
