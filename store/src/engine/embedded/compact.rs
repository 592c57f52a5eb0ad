//! Which runs are merged, and the merging, a step at a time.
//!
//! Owns the policy. Runs of a space lie in order of age and only neighbours are merged, so that a
//! newer row is never laid under an older one.

use std::collections::{BTreeMap, BTreeSet};
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

/// What a merge must keep to.
#[derive(Debug)]
pub(super) struct Bounds<'a> {
    /// Bytes of layers that were flushed since each space was written to.
    pub(super) quiet: &'a BTreeMap<Space, u64>,
    /// How many of them make a space quiet.
    pub(super) quiet_bytes: u64,
    /// Spaces of which nothing may be merged.
    pub(super) damaged: &'a BTreeSet<Space>,
    /// Bytes that the merged run may take.
    pub(super) room: u64,
}

/// The most useful merge, if one is due: one in the space with the most runs.
///
/// The youngest runs are merged once four of about one size have gathered, so that each row is
/// rewritten about once for each doubling of its space. A space that was left alone for some
/// time, or that consists of removals for a good part, is merged into one. What is too large for
/// the room is not merged, and keeps nothing smaller from it.
pub(super) fn choose(spaces: &BTreeMap<Space, Runs>, bounds: &Bounds<'_>) -> Option<Choice> {
    let is_pressed = open_files(spaces) > FILES_CROWDED;
    let mut best: Option<(usize, Choice)> = None;
    for (space, runs) in spaces {
        let is_beaten = best.as_ref().is_some_and(|(most, _)| *most >= runs.len());
        if runs.len() < 2 || is_beaten || bounds.damaged.contains(space) {
            continue;
        }
        let is_quiet = bounds.quiet.get(space).is_some_and(|bytes| *bytes >= bounds.quiet_bytes);
        let count =
            if is_quiet || is_mostly_removals(runs) { runs.len() } else { due(runs, is_pressed) };
        let choice = Choice::fitting(*space, runs, count, bounds.room);
        best = choice.map(|choice| (runs.len(), choice)).or(best);
    }
    best.map(|(_, choice)| choice)
}

/// How far merges have fallen behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crowding {
    /// They have not.
    None,
    /// Reads have too many runs to ask: merge some before the next flush.
    Some,
    /// Merge before anything else.
    Severe,
}

/// How far merges of spaces that are not damaged have fallen behind.
pub(super) fn crowding(spaces: &BTreeMap<Space, Runs>, damaged: &BTreeSet<Space>) -> Crowding {
    let sound = spaces.iter().filter(|(space, _)| !damaged.contains(*space));
    let most = sound.map(|(_, runs)| runs.len()).max().unwrap_or(0);
    let files = open_files(spaces);
    if most >= RUNS_BOUND || files >= FILES_BOUND {
        Crowding::Severe
    } else if most > RUNS_CROWDED || files > FILES_CROWDED {
        Crowding::Some
    } else {
        Crowding::None
    }
}

/// The file of every run in use is open.
fn open_files(spaces: &BTreeMap<Space, Runs>) -> usize {
    spaces.values().map(|runs| runs.len()).sum()
}

/// Whether a space is worth rewriting for the removals in it, which scans must step over.
fn is_mostly_removals(runs: &Runs) -> bool {
    let removals = runs.iter().fold(0u64, |sum, run| sum.saturating_add(run.removals()));
    let rows = runs.iter().fold(0u64, |sum, run| sum.saturating_add(run.rows()));
    removals >= REMOVALS_WORTH_A_MERGE && removals > rows / 2
}

/// How many of the youngest runs should be merged; fewer than two when none.
fn due(runs: &Runs, is_pressed: bool) -> usize {
    let count = similar(runs);
    if count >= SIMILAR_RUNS {
        count
    } else if is_pressed {
        runs.len().min(SIMILAR_RUNS)
    } else {
        0
    }
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
    pub(super) const fn space(&self) -> Space {
        self.space
    }

    /// The youngest runs, so many of them as fit into the room; none when not even two do.
    fn fitting(space: Space, runs: &Runs, count: usize, room: u64) -> Option<Self> {
        let mut bytes = 0u64;
        let fits = |run: &&Arc<Run>| {
            // The merged run will not be much longer than all that it is made of.
            bytes = bytes.saturating_add(run.entry().file_bytes);
            bytes <= room
        };
        let count = runs.iter().rev().take(count).take_while(fits).count();
        let older = runs.len().saturating_sub(count);
        let inputs = runs.iter().skip(older).map(Arc::clone).collect();
        (count > 1).then_some(Self { space, inputs, is_oldest: older == 0 })
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
        let merge = Merge::new(walks(&choice.inputs, &[], None)?)?;
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
        let mut bytes = 0usize;
        while bytes < STEP_BYTES {
            let Some((key, cell)) = self.merge.next()? else {
                return Ok(Step::Done);
            };
            let value = cell.value.as_ref().map_or(0, bytes::Bytes::len);
            bytes = bytes.saturating_add(key.len()).saturating_add(value).saturating_add(CELL_WORK);
            if cell.value.is_some() || !self.choice.is_oldest {
                self.writer.add(&key, &cell)?;
            }
        }
        Ok(Step::Going)
    }

    /// Completes the file; none when nothing is left of the inputs, whose file is then to be
    /// removed.
    pub(super) fn finish(self) -> Result<Option<RunEntry>, StoreError> {
        if self.writer.is_empty() { Ok(None) } else { self.writer.finish().map(Some) }
    }
}

/// The most runs that a space has, the one that is being flushed included.
pub(super) const RUNS_BOUND: usize = 24;

const SIMILAR_RUNS: usize = 4;
const RUNS_MAX: usize = 8;
const RUNS_CROWDED: usize = 12;
/// How many times the length of a journal file the layers must have that were written out since a
/// row of a space was, for the space to be quiet. They count as they do in memory, which is more
/// than the journal took: however small layers are, a row that comes late must not soon have a
/// whole hour written anew.
pub(super) const QUIET_JOURNALS: u64 = 4;
const REMOVALS_WORTH_A_MERGE: u64 = 256;

/// Open run files from which on spaces are merged that have few of them.
const FILES_CROWDED: usize = 256;
const FILES_BOUND: usize = 512;

const STEP_BYTES: usize = 512 * 1024;

/// What a cell costs beside its bytes, as so many bytes more.
const CELL_WORK: usize = 64;
