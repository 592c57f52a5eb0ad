//! What goes on beside requests: files read again, clocks watched, segments dropped, orders heard.
//!
//! Owns the one thread of it, and the signals that stop a server. Beside `listener.rs` the only
//! file that spawns. Must not know what a job does. Nothing here is in the way of a request.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::admin::Door;
use crate::core::Core;
use crate::tls::Tls;

/// The signals that ask a server to stop: the first one in order, the second one at once.
#[derive(Debug)]
pub(crate) struct Signals {
    asked: mpsc::Receiver<()>,
}

impl Signals {
    /// Takes the signals over from the system.
    pub(crate) fn listen() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut terminate, mut interrupt) = {
            let _entered = runtime.enter();
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
        };
        let (ask, asked) = mpsc::channel();
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async {
                either(&mut terminate, &mut interrupt).await;
                // Nobody waits when the start has failed by itself.
                let _ = ask.send(());
                either(&mut terminate, &mut interrupt).await;
            });
            stop_at_once();
        })?;
        Ok(Self { asked })
    }

    /// Returns when one of them comes. Blocks.
    pub(crate) fn wait(self) {
        if self.asked.recv().is_err() {
            tracing::error!("signals are not heard any more: stopping");
        }
    }
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// What was acknowledged is durable at any moment, so nothing of it is lost.
#[expect(clippy::exit, reason = "the operator does not want to wait for an end in order")]
fn stop_at_once() {
    tracing::warn!("asked to stop a second time: stopping at once");
    std::process::exit(STOPPED_AT_ONCE);
}

/// The jobs of one server.
#[derive(Debug)]
pub(crate) struct Jobs {
    pub(crate) core: Arc<Core>,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) door: Door,
    pub(crate) reload_interval: Duration,
    pub(crate) expire_interval: Duration,
    pub(crate) stop: watch::Receiver<bool>,
}

impl Jobs {
    /// Starts the thread. It ends after a stop is asked for.
    pub(crate) fn start(self) -> io::Result<JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("background".to_owned()).spawn(move || {
            runtime.block_on(self.work());
        })
    }

    async fn work(self) {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            // A closed channel is a server that is gone: the same as a stop.
            _ = stop.wait_for(|is_asked| *is_asked) => {}
            () = every(CLOCK_INTERVAL, async || self.core.watch_clock()) => {}
            () = every(HEALTH_INTERVAL, async || self.core.watch_health()) => {}
            () = every(MARK_INTERVAL, async || self.core.raise_mark().await) => {}
            () = every(self.expire_interval, async || self.core.expire().await) => {}
            () = every(self.reload_interval, async || self.reload().await) => {}
            () = self.hear() => {}
        }
    }

    async fn reload(&self) {
        self.core.reload_files();
        self.core.reload_keys().await;
        let Some(tls) = &self.tls else { return };
        match tls.reload_if_changed() {
            Ok(false) => {}
            Ok(true) => tracing::info!("certificates were read again"),
            Err(error) => {
                tracing::error!(%error, "new certificates are refused; the old ones stay");
            }
        }
    }

    /// A door that broke is no reason to end the other jobs.
    async fn hear(&self) {
        let broken = self.door.hear(|order| self.core.carry_out(order)).await;
        if let Err(error) = broken {
            tracing::error!(%error, "the administrator's door is closed");
        }
        std::future::pending::<()>().await;
    }
}

/// Does a job again and again. A job that takes longer than its interval delays the next round.
async fn every(interval: Duration, job: impl AsyncFn()) {
    let mut rounds = tokio::time::interval(interval);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        job().await;
    }
}

/// How often the clock is looked at: far more often than the jump it is meant to see can hold.
const CLOCK_INTERVAL: Duration = Duration::from_secs(1);
/// How often health is looked at.
const HEALTH_INTERVAL: Duration = Duration::from_secs(5);
/// What the process ends with after a second signal.
const STOPPED_AT_ONCE: i32 = 1;
/// How often the newest instant is stored: a commit each.
const MARK_INTERVAL: Duration = Duration::from_mins(1);
