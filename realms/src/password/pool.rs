//! The threads on which passwords are hashed.
//!
//! Owns how much hashing may go on and how much may wait. Must not know what the work is. A
//! reserved lane keeps a thread and some places free, so that an administrator can log in and
//! revoke while other logins have filled everything else.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

/// A bounded pool of operating-system threads.
///
/// Dropping it lets the threads end after what they are doing; work that waits is not done.
pub struct HashingPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// How much a pool may do at once and how much may wait.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// Threads that take work of either lane.
    pub threads: NonZeroUsize,
    /// Threads that take work of the reserved lane alone.
    pub reserved_threads: NonZeroUsize,
    /// Places to wait in the ordinary lane.
    pub queue_max: usize,
    /// Places to wait in the reserved lane.
    pub reserved_queue_max: usize,
}

impl PoolLimits {
    /// A thread a core and one more for the reserved lane. The ordinary queue holds what the
    /// threads of one core get done in some ten seconds: who waited longer would not be there.
    pub fn for_cores(cores: NonZeroUsize) -> Self {
        let queue_max = cores.get().saturating_mul(128);
        Self {
            threads: cores,
            reserved_threads: NonZeroUsize::MIN,
            queue_max,
            reserved_queue_max: 64,
        }
    }
}

/// Where a piece of work queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Served by the ordinary threads.
    Ordinary,
    /// Served first by every thread, and by one that serves nothing else.
    Reserved,
}

/// Why a piece of work was not done.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PoolError {
    /// Every place to wait is taken.
    #[error("the queue for password hashing is full")]
    Busy,
    /// The work panicked.
    #[error("password hashing failed")]
    Panicked,
    /// The pool was stopped before the work began.
    #[error("password hashing has stopped")]
    Stopped,
}

impl HashingPool {
    /// Starts the threads.
    pub fn start(limits: PoolLimits) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            limits,
            state: Mutex::new(State::default()),
            ordinary: Condvar::new(),
            reserved: Condvar::new(),
        });
        let mut pool = Self { shared, threads: Vec::new() };
        for (count, lane) in
            [(limits.threads, Lane::Ordinary), (limits.reserved_threads, Lane::Reserved)]
        {
            for _ in 0..count.get() {
                let shared = Arc::clone(&pool.shared);
                let name = "password-hashing".to_owned();
                let thread = thread::Builder::new().name(name).spawn(move || shared.serve(lane))?;
                pool.threads.push(thread);
            }
        }
        Ok(pool)
    }

    /// Does `work` on one of the threads and answers what it returned.
    ///
    /// Once the returned future is dropped, work that has not begun is skipped and its place is
    /// free.
    pub async fn run<T, F>(&self, lane: Lane, work: F) -> Result<T, PoolError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let waiter = Arc::new(());
        let (answer, answered) = oneshot::channel();
        let work = Box::new(move || {
            let outcome = catch_unwind(AssertUnwindSafe(work)).map_err(|_| PoolError::Panicked);
            // A waiter that has gone away does not want the answer.
            drop(answer.send(outcome));
        });
        self.shared.enqueue(lane, Job { work, waiter: Arc::downgrade(&waiter) })?;
        let outcome = answered.await;
        drop(waiter);
        outcome.unwrap_or(Err(PoolError::Stopped))
    }
}

impl Drop for HashingPool {
    fn drop(&mut self) {
        let abandoned = self.shared.stop();
        drop(abandoned);
        for thread in self.threads.drain(..) {
            // A thread contains the panics of its work; there is nothing to learn from its end.
            drop(thread.join());
        }
    }
}

impl fmt::Debug for HashingPool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HashingPool").field("limits", &self.shared.limits).finish_non_exhaustive()
    }
}

struct Shared {
    limits: PoolLimits,
    state: Mutex<State>,
    /// Wakes ordinary threads.
    ordinary: Condvar,
    /// Wakes reserved threads.
    reserved: Condvar,
}

#[derive(Default)]
struct State {
    ordinary: VecDeque<Job>,
    reserved: VecDeque<Job>,
    is_stopped: bool,
}

struct Job {
    work: Box<dyn FnOnce() + Send>,
    /// Dead once nobody waits for the answer.
    waiter: Weak<()>,
}

impl Job {
    fn is_wanted(&self) -> bool {
        self.waiter.strong_count() > 0
    }
}

impl Shared {
    fn enqueue(&self, lane: Lane, job: Job) -> Result<(), PoolError> {
        let mut state = self.lock();
        if state.is_stopped {
            return Err(PoolError::Stopped);
        }
        let (queue, places) = match lane {
            Lane::Ordinary => (&mut state.ordinary, self.limits.queue_max),
            Lane::Reserved => (&mut state.reserved, self.limits.reserved_queue_max),
        };
        if queue.len() >= places {
            queue.retain(Job::is_wanted);
        }
        if queue.len() >= places {
            return Err(PoolError::Busy);
        }
        queue.push_back(job);
        drop(state);
        self.ordinary.notify_one();
        if lane == Lane::Reserved {
            self.reserved.notify_one();
        }
        Ok(())
    }

    /// The life of one thread.
    fn serve(&self, lane: Lane) {
        while let Some(job) = self.next_job(lane) {
            if job.is_wanted() {
                (job.work)();
            }
        }
    }

    /// Waits for work that a thread of this lane may do; `None` when the pool stops.
    fn next_job(&self, lane: Lane) -> Option<Job> {
        let bell = match lane {
            Lane::Ordinary => &self.ordinary,
            Lane::Reserved => &self.reserved,
        };
        let mut state = self.lock();
        loop {
            if state.is_stopped {
                return None;
            }
            if let Some(job) = state.reserved.pop_front() {
                return Some(job);
            }
            if lane == Lane::Ordinary
                && let Some(job) = state.ordinary.pop_front()
            {
                return Some(job);
            }
            state = bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the threads; what was waiting is returned, to be dropped outside the lock.
    fn stop(&self) -> VecDeque<Job> {
        let mut state = self.lock();
        state.is_stopped = true;
        let mut waiting = std::mem::take(&mut state.ordinary);
        waiting.append(&mut state.reserved);
        drop(state);
        self.ordinary.notify_all();
        self.reserved.notify_all();
        waiting
    }

    /// No work runs under the lock, so a poisoned state is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    fn pool(queue_max: usize, reserved_queue_max: usize) -> Arc<HashingPool> {
        let one = NonZeroUsize::MIN;
        let limits =
            PoolLimits { threads: one, reserved_threads: one, queue_max, reserved_queue_max };
        Arc::new(HashingPool::start(limits).unwrap())
    }

    /// Occupies one thread, until what is returned is dropped.
    async fn occupy(pool: &Arc<HashingPool>, lane: Lane) -> mpsc::Sender<()> {
        let (started, begun) = oneshot::channel();
        let (end, go_on) = mpsc::channel::<()>();
        let pool = Arc::clone(pool);
        tokio::spawn(async move {
            let work = move || {
                started.send(()).unwrap();
                assert!(go_on.recv().is_err(), "told to end by a drop");
            };
            pool.run(lane, work).await
        });
        begun.await.unwrap();
        end
    }

    #[tokio::test]
    async fn work_is_done_and_answered() {
        assert_eq!(pool(4, 4).run(Lane::Ordinary, || 6 * 7).await, Ok(42));
        assert_eq!(pool(4, 4).run(Lane::Reserved, || 6 * 7).await, Ok(42));
    }

    #[tokio::test]
    async fn a_panic_costs_one_answer_and_no_thread() {
        let pool = pool(4, 4);
        for _ in 0..3 {
            let outcome = pool.run(Lane::Ordinary, || panic!("contained")).await;
            assert_eq!(outcome, Err::<(), _>(PoolError::Panicked));
        }
        assert_eq!(pool.run(Lane::Ordinary, || 1).await, Ok(1));
    }

    #[tokio::test]
    async fn a_full_queue_is_busy_and_the_reserved_lane_still_served() {
        let pool = pool(1, 1);
        let running = occupy(&pool, Lane::Ordinary).await;
        let mut waiting = Box::pin(pool.run(Lane::Ordinary, || ()));
        assert!(poll_once(&mut waiting).await.is_none());
        assert_eq!(pool.run(Lane::Ordinary, || ()).await, Err(PoolError::Busy));
        assert_eq!(pool.run(Lane::Reserved, || 1).await, Ok(1));
        drop(running);
        assert_eq!(waiting.await, Ok(()));
    }

    #[tokio::test]
    async fn work_whose_waiter_is_gone_is_skipped_and_leaves_its_place() {
        let pool = pool(1, 1);
        let running = occupy(&pool, Lane::Ordinary).await;
        let done = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&done);
        let mut dropped = Box::pin(pool.run(Lane::Ordinary, move || {
            count.fetch_add(1, Ordering::Relaxed);
        }));
        assert!(poll_once(&mut dropped).await.is_none());
        drop(dropped);
        let mut next = Box::pin(pool.run(Lane::Ordinary, || 2));
        assert!(poll_once(&mut next).await.is_none());
        drop(running);
        assert_eq!(next.await, Ok(2));
        assert_eq!(done.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn work_that_waits_when_the_pool_stops_is_answered() {
        let pool = pool(4, 4);
        let running = occupy(&pool, Lane::Ordinary).await;
        let mut waiting = Box::pin(pool.run(Lane::Ordinary, || ()));
        assert!(poll_once(&mut waiting).await.is_none());
        drop(pool.shared.stop());
        assert_eq!(waiting.await, Err(PoolError::Stopped));
        assert_eq!(pool.run(Lane::Ordinary, || ()).await, Err(PoolError::Stopped));
        drop(running);
    }

    async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|context| match std::pin::Pin::new(&mut *future).poll(context) {
            std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }
}
