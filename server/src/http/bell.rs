//! A bell between a task and what it seldom hears from.
//!
//! A connection is woken for every request; timers and orders wake it once in a long while. Behind
//! a bell they are looked at only after they have rung. Must not know what rings it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A future that is polled only after it was woken.
#[derive(Debug)]
pub(crate) struct Belled<F> {
    future: F,
    bell: Option<Arc<Bell>>,
}

impl<F: Future + Unpin> Belled<F> {
    /// The future behind a bell that has rung.
    pub(crate) const fn new(future: F) -> Self {
        Self { future, bell: None }
    }
}

impl<F: Future + Unpin> Future for Belled<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let bell = match &self.bell {
            Some(bell) if bell.task.will_wake(context.waker()) => bell,
            _ => {
                let rung = AtomicBool::new(true);
                self.bell.insert(Arc::new(Bell { rung, task: context.waker().clone() }))
            }
        };
        if !bell.rung.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        // Before the poll: what rings during it is heard at the next one.
        bell.rung.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(bell));
        Pin::new(&mut self.future).poll(&mut Context::from_waker(&waker))
    }
}

#[derive(Debug)]
struct Bell {
    rung: AtomicBool,
    task: Waker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::SeqCst);
        self.task.wake_by_ref();
    }
}
