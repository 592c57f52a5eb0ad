//! The commit thread: admits batches in order, a group at a time, and makes them durable.
//!
//! Owns the order of effects: check, write, sync, show to readers, tell the applier, answer. Must
//! not know how layers become runs.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use hashbrown::HashMap;
use jeton_domain::id::Tick;

use super::coding::wide;
use super::disk::DiskFile;
use super::journal::{Journal, capacity};
use super::memtable::Memtable;
use super::record::{encode, length_max, read};
use super::shared::{Job, Shared, Stage, Work};
use super::view::Frozen;
use crate::engine::admission::{Admitted, admit};
use crate::engine::recent::{RecentBatches, RecentChanges};
use crate::engine::{Batch, BatchId, Committed, Key, Row};
use crate::error::StoreError;

/// What the commit thread alone holds.
#[derive(Debug)]
pub(super) struct Committer {
    pub(super) shared: Arc<Shared>,
    /// None until the first write, when nothing was found to go on with.
    pub(super) journal: Option<Journal>,
    /// All journal files, by number, open from the start: a commit must not want for a descriptor.
    pub(super) files: Vec<Arc<DiskFile>>,
    /// The generation that was begun last.
    pub(super) generation: u64,
    pub(super) newest: Committed,
    pub(super) changes: RecentChanges,
    pub(super) batches: RecentBatches,
    pub(super) journal_bytes: u64,
    pub(super) memtable_bytes: u64,
    pub(super) records: Records,
}

impl Committer {
    /// Works until the engine is closed or dropped.
    pub(super) fn run(mut self) {
        loop {
            match self.shared.next_work() {
                Work::Stop => return,
                Work::Close => {
                    if let Some(journal) = self.journal.take() {
                        self.freeze(&journal);
                    }
                    self.shared.tell_flow(|flow| flow.stage = flow.stage.max(Stage::Sealed));
                    return;
                }
                Work::Commit(mut jobs) => {
                    while !jobs.is_empty() {
                        self.commit_group(&mut jobs);
                    }
                }
            }
        }
    }

    /// Commits as many of the jobs as fit into one group.
    fn commit_group(&mut self, jobs: &mut VecDeque<Job>) {
        let mut group = Group::new(self.newest);
        while let Some(job) = jobs.pop_front() {
            let length = group.length.saturating_add(length_max(&job.batch));
            if length > self.group_bytes() && group.length > 0 {
                jobs.push_front(job);
                break;
            }
            match self.admit(&job.batch, &mut group) {
                Ok(committed) => group.jobs.push((job, Ok(committed))),
                Err(error) => group.jobs.push((job, Err(error))),
            }
        }
        if let Err(error) = self.write(&group) {
            group.fail(&error);
            return;
        }
        self.publish(group);
    }

    /// Takes a batch into the group, so that the next one is checked against it.
    fn admit(&mut self, batch: &Batch, group: &mut Group) -> Result<Committed, StoreError> {
        let known = self.batches.outcome(batch.id).or_else(|| group.ids.get(&batch.id).copied());
        if let Some(committed) = known {
            return Ok(committed);
        }
        let is_unchanged = |key: &Key, tick| {
            group.changes.get(key).is_none_or(|newest| *newest <= tick)
                && self.changes.is_unchanged_since(key, tick)
        };
        let admitted = admit(batch, group.newest, is_unchanged, |key| self.row(&group.table, key))?;
        let is_empty =
            batch.writes.is_empty() && batch.changes.is_empty() && batch.drops.is_empty();
        if !is_empty {
            let record = self.records.record(batch, &admitted);
            if record.len() > capacity(self.journal_bytes) {
                return Err(StoreError::Refused("the batch is larger than the journal"));
            }
            let lay = read(&record, |step| group.table.apply(&record, &step));
            lay.map_err(|_| StoreError::Refused("the batch cannot be written down"))?;
            group.length = group.length.saturating_add(record.len());
            group.records.push(record);
        }
        group.take(batch, admitted.committed);
        Ok(admitted.committed)
    }

    /// A row as the batch admitted last left it.
    fn row(&self, pending: &Memtable, key: &Key) -> Result<Option<Row>, StoreError> {
        if let Some(cell) = pending.lookup(key) {
            return Ok(cell.into_row());
        }
        let lookup = self.shared.view().lookup(key);
        self.shared.note_damage(lookup.finish(&key.bytes))
    }

    fn group_bytes(&self) -> usize {
        capacity(self.journal_bytes).min(GROUP_BYTES_MAX)
    }

    /// Makes the bytes durable, in the next journal file when this one is full.
    fn write(&mut self, group: &Group) -> Result<(), StoreError> {
        if group.length == 0 {
            return Ok(());
        }
        loop {
            let is_large = self.is_layer_large();
            if let Some(journal) = &mut self.journal
                && journal.has_room(group.length)
                && !is_large
            {
                return journal.write(&group.records, group.length);
            }
            self.next_journal(group.length)?;
        }
    }

    /// Whether the active layer should become runs, and the flusher has time for it.
    fn is_layer_large(&self) -> bool {
        let view = self.shared.view();
        wide(view.active.bytes()) > self.memtable_bytes && view.frozen.is_empty()
    }

    /// Begins the next generation, once a journal file is free; a group of so many bytes will fit.
    fn next_journal(&mut self, length: usize) -> Result<(), StoreError> {
        let number = self.free_journal()?;
        self.shared.room.forget_free();
        let begun = self.end_journal().and_then(|()| {
            let generation = self.generation.saturating_add(1);
            let file = usize::try_from(number).ok().and_then(|number| self.files.get(number));
            let file = file.map(Arc::clone).ok_or(StoreError::Closed)?;
            Journal::begin(file, number, generation, self.generation_bytes(length))
        });
        match begun {
            Ok(journal) => {
                self.generation = journal.generation();
                self.journal = Some(journal);
                Ok(())
            }
            Err(error) => {
                self.shared.tell_flow(|flow| flow.free.push_front(number));
                Err(error)
            }
        }
    }

    /// The part of a journal file that a generation may take, in bytes.
    ///
    /// A start must look at all of it, so it is little more than a layer needs; all when the
    /// flusher has fallen behind or cannot go on, so that commits need not wait for it as long as
    /// there is room anywhere.
    fn generation_bytes(&self, length: usize) -> u64 {
        let usual = self.memtable_bytes.saturating_add(self.memtable_bytes / 4);
        let usual = usual.min(self.journal_bytes);
        let is_behind = self.shared.view().frozen.len() > 1 || self.shared.trouble().is_some();
        if is_behind || length > capacity(usual) { self.journal_bytes } else { usual }
    }

    fn end_journal(&mut self) -> Result<(), StoreError> {
        if let Some(journal) = &self.journal {
            journal.end()?;
        }
        if let Some(journal) = self.journal.take() {
            self.freeze(&journal);
        }
        Ok(())
    }

    /// Takes a free journal file; waits for the flusher, unless it cannot go on.
    fn free_journal(&self) -> Result<u32, StoreError> {
        let asked = self.shared.tell_flow(|flow| {
            flow.is_urgent = flow.free.is_empty();
            flow.attempts
        });
        self.shared.wait_flow(|flow| {
            if flow.stage == Stage::Stopped {
                return Some(Err(StoreError::Closed));
            }
            if let Some(number) = flow.free.pop_front() {
                flow.is_urgent = false;
                flow.is_refusing = false;
                return Some(Ok(number));
            }
            let trouble = flow.trouble.clone().filter(|_| flow.attempts > asked)?;
            flow.is_refusing = true;
            Some(Err(trouble))
        })
    }

    /// Hands the active layer to the flusher.
    fn freeze(&self, journal: &Journal) {
        let mut view = self.shared.view_mut();
        let table = std::mem::take(&mut view.active);
        view.frozen.push_back(Arc::new(Frozen {
            journal: journal.number(),
            generation: journal.generation(),
            newest: self.newest,
            table,
        }));
        drop(view);
        self.shared.tell_flow(|_| ());
    }

    /// Lays durable rows over the active layer.
    fn show(&self, table: Memtable) {
        let is_dropping = table.tables().any(|(_, table)| table.is_cleared);
        let mut view = self.shared.view_mut();
        view.active.absorb(table);
        self.shared.room.note_pending(view.layer_bytes());
        drop(view);
        if is_dropping {
            self.shared.tell_flow(|flow| flow.has_drops = true);
        }
    }

    /// Shows a durable group: first to readers, then to the applier, then to those who wait.
    fn publish(&mut self, group: Group) {
        self.newest = group.newest;
        self.show(group.table);
        for (id, committed) in group.taken {
            self.batches.note(id, committed);
        }
        for (tick, changes) in group.changed {
            self.changes.note(tick, &changes);
            if let Some(told) = self.shared.applier.get() {
                (told.0)(tick, &changes);
            }
        }
        self.shared.tick.send_if_modified(|tick| {
            let is_moved = *tick != self.newest.tick;
            *tick = self.newest.tick;
            is_moved
        });
        for (Job { batch, answer }, outcome) in group.jobs {
            // Who asked may have gone: the batch is committed all the same.
            drop(answer.send((outcome, batch)));
        }
    }
}

/// Where batches become bytes: many in one stretch of memory, which is freed when no row of them is
/// in use any more.
#[derive(Debug, Default)]
pub(super) struct Records {
    stretch: BytesMut,
    /// The batch that is being written down, kept for its capacity.
    draft: Vec<u8>,
}

impl Records {
    fn record(&mut self, batch: &Batch, admitted: &Admitted) -> Bytes {
        self.draft.clear();
        encode(&mut self.draft, batch, admitted);
        if self.stretch.capacity() < self.draft.len() {
            self.stretch = BytesMut::with_capacity(self.draft.len().max(STRETCH_BYTES));
        }
        self.stretch.extend_from_slice(&self.draft);
        if self.draft.capacity() > STRETCH_BYTES {
            self.draft = Vec::new();
        }
        self.stretch.split().freeze()
    }
}

/// Batches that will be durable together.
struct Group {
    records: Vec<Bytes>,
    /// Bytes of all records.
    length: usize,
    table: Memtable,
    newest: Committed,
    ids: HashMap<BatchId, Committed>,
    changes: HashMap<Key, Tick>,
    taken: Vec<(BatchId, Committed)>,
    changed: Vec<(Tick, Vec<Key>)>,
    jobs: Vec<(Job, Outcome)>,
}

type Outcome = Result<Committed, StoreError>;

impl Group {
    fn new(newest: Committed) -> Self {
        Self {
            records: Vec::new(),
            length: 0,
            table: Memtable::default(),
            newest,
            ids: HashMap::new(),
            changes: HashMap::new(),
            taken: Vec::new(),
            changed: Vec::new(),
            jobs: Vec::new(),
        }
    }

    /// Notes what the next batch is checked against, its rows apart.
    fn take(&mut self, batch: &Batch, committed: Committed) {
        for key in &batch.changes {
            self.changes.insert(key.clone(), committed.tick);
        }
        if !batch.changes.is_empty() {
            self.changed.push((committed.tick, batch.changes.clone()));
        }
        self.newest = committed;
        self.ids.insert(batch.id, committed);
        self.taken.push((batch.id, committed));
    }

    /// Answers all with the refusal: every outcome may have depended on a batch of the group.
    fn fail(self, error: &StoreError) {
        for (Job { batch, answer }, _) in self.jobs {
            drop(answer.send((Err(error.clone()), batch)));
        }
    }
}

/// The longest group, in bytes, unless a single batch is longer.
const GROUP_BYTES_MAX: usize = 1 << 20;

/// The memory that records of batches share.
const STRETCH_BYTES: usize = 64 << 10;
