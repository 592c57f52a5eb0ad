//! What the threads of the engine and its callers share.
//!
//! Owns the queue of commits, the signals between the two threads, and the locks. No lock is
//! held while a file is read or written; where two are held, the view is taken last.

use std::collections::VecDeque;
use std::fs::File;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::sync::{RwLockReadGuard, RwLockWriteGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use jeton_domain::id::Tick;
use jeton_domain::limits::COMMIT_QUEUE_MAX;
use jeton_domain::time::BootTime;
use tokio::sync::{oneshot, watch};

use super::disk::Disk;
use super::looks::{Looks, Pace};
use super::room::Room;
use super::view::View;
use crate::engine::{Applier, Batch, Committed};
use crate::error::StoreError;

/// The state of an open engine.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) disk: Disk,
    pub(super) tick: watch::Sender<Tick>,
    pub(super) applier: OnceLock<ToldOfChanges>,
    pub(super) room: Room,
    view: RwLock<View>,
    queue: Mutex<Queue>,
    queue_moved: Condvar,
    /// Batches that were ever put in the queue.
    submitted: AtomicU64,
    /// How those wait who wait for an outcome, and how the commit thread waits for work.
    callers: Pace,
    committer: Pace,
    flow: Mutex<Flow>,
    flow_moved: Condvar,
    /// Held as long as the directory is ours.
    lock: Mutex<Option<File>>,
}

/// Who is told of changes.
pub(super) struct ToldOfChanges(pub(super) Applier);

impl std::fmt::Debug for ToldOfChanges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ToldOfChanges")
    }
}

/// A batch and who waits for its outcome.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What became of a batch, and the batch: whoever made it frees it, since an allocator that takes
/// back what another thread was given makes both wait.
pub(super) type Answer = (Result<Committed, StoreError>, Batch);

/// The outcome of a batch, to be waited for.
///
/// Who finds nobody else waiting looks for it some times, and lets other tasks and threads have
/// their turn in between: to sleep and to be woken takes longer than many a sync. It ends when
/// somebody else comes: then the core has better to do.
#[derive(Debug)]
pub(super) struct Outcome<'a> {
    answer: oneshot::Receiver<Answer>,
    looks: Looks,
    shared: &'a Shared,
    /// How many batches had been submitted with this one.
    number: u64,
}

impl Future for Outcome<'_> {
    type Output = Result<Committed, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Poll::Ready(answered) = Pin::new(&mut self.answer).poll(context) else {
            let is_alone = self.shared.submitted.load(Ordering::Relaxed) == self.number;
            let shared = self.shared;
            if is_alone && shared.callers.look(&mut self.looks) {
                context.waker().wake_by_ref();
            }
            return Poll::Pending;
        };
        Poll::Ready(answered.map_or(Err(StoreError::Closed), |(outcome, _)| outcome))
    }
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Job>,
    /// Whether the commit thread has batches in hand.
    is_committing: bool,
    /// Who waits for the close.
    closing: Option<oneshot::Sender<()>>,
    phase: Phase,
}

impl Queue {
    /// Whether there is something to do for the commit thread.
    fn has_work(&self) -> bool {
        !self.waiting.is_empty() || self.phase != Phase::Open
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    /// What waits is still committed, nothing new is taken.
    Closing,
    /// Nothing is done any more.
    Stopped,
}

/// What the commit thread finds in the queue.
#[derive(Debug)]
pub(super) enum Work {
    /// Batches, in order.
    Commit(VecDeque<Job>),
    /// The queue is empty and no more will come: write everything out.
    Close,
    /// End at once, as in a crash.
    Stop,
}

/// What passes between the commit thread and the flusher.
#[derive(Debug)]
pub(super) struct Flow {
    /// Journal files that may be used anew.
    pub(super) free: VecDeque<u32>,
    /// Why the newest attempt to write runs failed.
    pub(super) trouble: Option<StoreError>,
    /// Whether the last batch found no journal file free.
    pub(super) is_refusing: bool,
    /// The first damage that was met since the start.
    pub(super) damage: Option<StoreError>,
    /// Attempts to write runs that have ended.
    pub(super) attempts: u64,
    /// The commit thread waits for another attempt.
    pub(super) is_urgent: bool,
    /// A segment was dropped: its runs can be forgotten.
    pub(super) has_drops: bool,
    pub(super) stage: Stage,
}

/// How far the engine is on its way to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Running,
    /// No more layers will be frozen: write out what there is.
    Sealed,
    /// Nothing is done any more.
    Stopped,
}

impl Shared {
    pub(super) fn new(
        (disk, lock): (Disk, File),
        view: View,
        free: VecDeque<u32>,
        tick: Tick,
        boot: Option<fn() -> BootTime>,
    ) -> Self {
        let flow = Flow {
            free,
            trouble: None,
            is_refusing: false,
            damage: None,
            attempts: 0,
            is_urgent: false,
            has_drops: true,
            stage: Stage::Running,
        };
        let room = Room::default();
        room.note_pending(view.layer_bytes());
        Self {
            disk,
            room,
            tick: watch::Sender::new(tick),
            applier: OnceLock::new(),
            view: RwLock::new(view),
            queue: Mutex::default(),
            queue_moved: Condvar::new(),
            submitted: AtomicU64::new(0),
            callers: Pace::new(boot),
            committer: Pace::new(boot),
            flow: Mutex::new(flow),
            flow_moved: Condvar::new(),
            lock: Mutex::new(Some(lock)),
        }
    }

    pub(super) fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn view_mut(&self) -> RwLockWriteGuard<'_, View> {
        self.view.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flow(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether calls are taken.
    pub(super) fn check_open(&self) -> Result<(), StoreError> {
        if self.queue().phase == Phase::Open { Ok(()) } else { Err(StoreError::Closed) }
    }

    /// Puts a batch in the queue; the outcome comes through what is returned.
    pub(super) fn submit(&self, batch: Batch) -> Result<Outcome<'_>, StoreError> {
        let (answer, outcome) = oneshot::channel();
        let mut queue = self.queue();
        if queue.phase != Phase::Open {
            return Err(StoreError::Closed);
        }
        if queue.waiting.len() >= COMMIT_QUEUE_MAX {
            return Err(StoreError::Busy);
        }
        let is_alone = queue.waiting.is_empty() && !queue.is_committing;
        queue.waiting.push_back(Job { batch, answer });
        let number = self.submitted.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        drop(queue);
        self.queue_moved.notify_one();
        let looks = if is_alone { self.callers.begin(LOOKS_FOR_OUTCOME) } else { Looks::default() };
        Ok(Outcome { answer: outcome, looks, shared: self, number })
    }

    /// Takes all batches that wait, or what else is to be done. Blocks until there is something.
    ///
    /// Before it sleeps it looks some times more, and leaves the core to whoever wants it
    /// meanwhile: who has waited for one commit often asks for the next one at once, and to wake a
    /// thread takes longer.
    pub(super) fn next_work(&self) -> Work {
        let mut looks = None;
        let mut queue = self.queue();
        queue.is_committing = false;
        loop {
            if queue.phase == Phase::Stopped {
                return Work::Stop;
            }
            if !queue.waiting.is_empty() {
                queue.is_committing = true;
                return Work::Commit(std::mem::take(&mut queue.waiting));
            }
            if queue.phase == Phase::Closing {
                return Work::Close;
            }
            drop(queue);
            // Not before there is surely something to wait for: who did not wait has not rested.
            let looks = looks.get_or_insert_with(|| self.committer.begin(LOOKS_FOR_WORK));
            let has_looked = self.committer.look(looks);
            queue = self.queue();
            if !has_looked && !queue.has_work() {
                queue = self.queue_moved.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Takes no more calls; the receiver hears when everything is written out.
    pub(super) fn begin_close(&self) -> Result<oneshot::Receiver<()>, StoreError> {
        let (answer, outcome) = oneshot::channel();
        let mut queue = self.queue();
        if queue.phase != Phase::Open {
            return Err(StoreError::Closed);
        }
        queue.phase = Phase::Closing;
        queue.closing = Some(answer);
        drop(queue);
        self.queue_moved.notify_one();
        // Wakes those who wait for a change, to be told that none will come.
        self.tick.send_modify(|_| ());
        Ok(outcome)
    }

    /// Lets the directory go and tells who waits for the close.
    pub(super) fn finish_close(&self) {
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(answer) = self.queue().closing.take() {
            // Who waited may have gone: closed it is all the same.
            answer.send(()).ok();
        }
    }

    /// Ends both threads at their next step; whoever still waits hears that the store is closed.
    pub(super) fn stop(&self) {
        let mut queue = self.queue();
        queue.phase = Phase::Stopped;
        let abandoned = std::mem::take(&mut queue.waiting);
        let closing = queue.closing.take();
        drop(queue);
        drop((abandoned, closing));
        self.queue_moved.notify_all();
        self.tell_flow(|flow| flow.stage = Stage::Stopped);
        self.tick.send_modify(|_| ());
    }

    /// Changes what passes between the threads, and wakes them.
    pub(super) fn tell_flow<T>(&self, change: impl FnOnce(&mut Flow) -> T) -> T {
        let told = change(&mut self.flow());
        self.flow_moved.notify_all();
        told
    }

    /// Waits until `ready` gives something.
    pub(super) fn wait_flow<T>(&self, mut ready: impl FnMut(&mut Flow) -> Option<T>) -> T {
        let mut flow = self.flow();
        loop {
            if let Some(found) = ready(&mut flow) {
                return found;
            }
            flow = self.flow_moved.wait(flow).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until `ready` says so, but not for ever.
    pub(super) fn pause_flow(&self, at_most: Duration, ready: impl Fn(&Flow) -> bool) {
        let waited = self.flow_moved.wait_timeout_while(self.flow(), at_most, |flow| !ready(flow));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Bytes that may still be written on the device; as they were some moments ago.
    pub(super) fn free_bytes(&self) -> Result<u64, StoreError> {
        if let Some(free) = self.room.free() {
            return Ok(free);
        }
        let free = self.disk.free_bytes()?;
        self.room.note_free(free);
        // The flusher measures the time for which this holds.
        self.tell_flow(|_| ());
        Ok(free)
    }

    /// Remembers damage for health answers; gives the outcome back.
    pub(super) fn note_damage<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error @ StoreError::Damaged { .. }) = &outcome {
            let mut flow = self.flow();
            if flow.damage.is_none() {
                tracing::error!(%error, "the store is damaged");
                flow.damage = Some(error.clone());
            }
        }
        outcome
    }

    /// Whether batches are refused for want of space, and all that is wrong.
    pub(super) fn troubles(&self) -> (bool, Vec<StoreError>) {
        let flow = self.flow();
        let troubles = flow.trouble.iter().chain(&flow.damage).cloned().collect();
        (flow.is_refusing, troubles)
    }

    /// Why runs cannot be written, if they cannot.
    pub(super) fn trouble(&self) -> Option<StoreError> {
        self.flow().trouble.clone()
    }
}

/// How often the commit thread looks for more to do before it sleeps: about a fifth of a
/// millisecond.
const LOOKS_FOR_WORK: u32 = 400;

/// How often who waits alone looks for the outcome: about half a millisecond.
const LOOKS_FOR_OUTCOME: u32 = 1000;
