//! The commit thread: admits batches in order, a group at a time, and makes them durable.
//!
//! Owns the order of effects: check, write, sync, show to readers, tell the applier, answer. Must not
//! know how layers become runs.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;
use jeton_domain::id::Tick;
use tokio::sync::oneshot;

use super::coding::wide;
use super::disk::DiskFile;
use super::journal::{Journal, capacity};
use super::memtable::{Cell, Memtable};
use super::record::encode;
use super::shared::{Job, Shared, Stage, Work};
use super::view::Frozen;
use crate::engine::admission::{Admitted, admit, check_shape};
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
            let before = group.bytes.len();
            let outcome = self.admit(&job.batch, &mut group);
            if group.bytes.len() > self.group_bytes() && before > 0 {
                group.take_back(before);
                jobs.push_front(job);
                break;
            }
            match outcome {
                Ok(Admission::Known(committed)) => group.answer(job, Ok(committed)),
                Ok(Admission::New(admitted)) => group.take(job, admitted),
                Err(error) => group.answer(job, Err(error)),
            }
        }
        if let Err(error) = self.write(&group.bytes) {
            group.fail(&error);
            return;
        }
        self.publish(group);
    }

    fn admit(&self, batch: &Batch, group: &mut Group) -> Result<Admission, StoreError> {
        check_shape(batch)?;
        let known = self.batches.outcome(batch.id).or_else(|| group.ids.get(&batch.id).copied());
        if let Some(committed) = known {
            return Ok(Admission::Known(committed));
        }
        let is_unchanged = |key: &Key, tick| {
            group.changes.get(key).is_none_or(|newest| *newest <= tick)
                && self.changes.is_unchanged_since(key, tick)
        };
        let admitted = admit(batch, group.newest, is_unchanged, |key| self.row(&group.table, key))?;
        let is_empty =
            batch.writes.is_empty() && batch.changes.is_empty() && batch.drops.is_empty();
        if !is_empty {
            let start = group.bytes.len();
            let Admitted { committed, rows } = &admitted;
            encode(&mut group.bytes, batch.id, *committed, &batch.drops, rows);
            if group.bytes.len().saturating_sub(start) > capacity(self.journal_bytes) {
                group.take_back(start);
                return Err(StoreError::Refused("the batch is larger than the journal"));
            }
        }
        Ok(Admission::New(admitted))
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
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if bytes.is_empty() {
            return Ok(());
        }
        loop {
            let is_large = self.is_layer_large();
            if let Some(journal) = &mut self.journal
                && journal.has_room(bytes.len())
                && !is_large
            {
                return journal.write(bytes);
            }
            self.next_journal()?;
        }
    }

    /// Whether the active layer should become runs, and the flusher has time for it.
    fn is_layer_large(&self) -> bool {
        let view = self.shared.view();
        wide(view.active.bytes()) > self.memtable_bytes && view.frozen.is_empty()
    }

    /// Begins the next generation, once a journal file is free.
    fn next_journal(&mut self) -> Result<(), StoreError> {
        let number = self.free_journal()?;
        self.shared.room.forget_free();
        let begun = self.end_journal().and_then(|()| {
            let generation = self.generation.saturating_add(1);
            let file = usize::try_from(number).ok().and_then(|number| self.files.get(number));
            let file = file.map(Arc::clone).ok_or(StoreError::Closed)?;
            Journal::begin(file, number, generation)
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
        for (id, committed, changes) in group.committed {
            self.batches.note(id, committed);
            if changes.is_empty() {
                continue;
            }
            self.changes.note(committed.tick, &changes);
            if let Some(told) = self.shared.applier.get() {
                (told.0)(committed.tick, &changes);
            }
        }
        self.shared.tick.send_if_modified(|tick| {
            let is_moved = *tick != self.newest.tick;
            *tick = self.newest.tick;
            is_moved
        });
        for (answer, outcome) in group.answers {
            // Who asked may have gone: the batch is committed all the same.
            drop(answer.send(outcome));
        }
    }
}

enum Admission {
    /// The batch was committed before.
    Known(Committed),
    New(Admitted),
}

/// Batches that will be durable together.
struct Group {
    bytes: Vec<u8>,
    table: Memtable,
    newest: Committed,
    ids: HashMap<BatchId, Committed>,
    changes: HashMap<Key, Tick>,
    committed: Vec<(BatchId, Committed, Vec<Key>)>,
    answers: Vec<(oneshot::Sender<Outcome>, Outcome)>,
}

type Outcome = Result<Committed, StoreError>;

impl Group {
    fn new(newest: Committed) -> Self {
        Self {
            bytes: Vec::new(),
            table: Memtable::default(),
            newest,
            ids: HashMap::new(),
            changes: HashMap::new(),
            committed: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Takes an admitted batch in, so that the next one is checked against it.
    fn take(&mut self, job: Job, admitted: Admitted) {
        let Admitted { committed, rows } = admitted;
        let Job { batch, answer } = job;
        for hour in &batch.drops {
            self.table.clear(*hour);
        }
        for (key, value) in rows {
            let cell = Cell { version: committed.version, value };
            self.table.write(key.space, key.bytes, cell);
        }
        for key in &batch.changes {
            self.changes.insert(key.clone(), committed.tick);
        }
        self.newest = committed;
        self.ids.insert(batch.id, committed);
        self.committed.push((batch.id, committed, batch.changes));
        self.answers.push((answer, Ok(committed)));
    }

    fn answer(&mut self, job: Job, outcome: Outcome) {
        self.answers.push((job.answer, outcome));
    }

    /// Forgets the bytes of a batch that was not taken in.
    fn take_back(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    /// Answers all with the refusal: every outcome may have depended on a batch of the group.
    fn fail(self, error: &StoreError) {
        for (answer, _) in self.answers {
            drop(answer.send(Err(error.clone())));
        }
    }
}

/// The longest group, in bytes, unless a single batch is longer.
const GROUP_BYTES_MAX: usize = 1 << 20;
