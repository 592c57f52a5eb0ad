//! An engine that fails as real ones do: late, in vain, or with its answer lost.
//!
//! Owns which call fails and how; all of it follows from a seed. A call waits for its turns, then
//! runs to its end at once, so that a history is the same each time it is lived.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use jeton_domain::id::Tick;
use jeton_domain::time::Hour;
use jeton_store::engine::{
    Applier, Batch, Committed, Engine, EngineHealth, Key, KeyRange, Pending, Row, Version,
};
use jeton_store::error::StoreError;

use crate::chance::Chance;
use crate::wait::wait;

/// What goes wrong; shared by every engine of one life.
#[derive(Debug)]
pub struct Faults {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    chance: Chance,
    is_calm: bool,
    is_forgetful: bool,
}

/// The engine.
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn Engine>,
    faults: Arc<Faults>,
}

/// What becomes of a commit.
enum Fate {
    Done,
    LostBefore,
    LostAfter,
    Conflict,
    /// It is answered, and was not done: what no engine may do.
    Forgotten,
}

impl Faults {
    /// The faults of this seed. Nothing fails until it is said so.
    pub fn new(seed: u64) -> Self {
        let chance = Chance::new(seed);
        Self { state: Mutex::new(State { chance, is_calm: true, is_forgetful: false }) }
    }

    /// From now on some commits are answered that were not done, to see whether anybody notices.
    pub fn forget_some(&self) {
        self.state().is_forgetful = true;
    }

    /// Calls run through at once and without fault, or no more.
    pub fn set_calm(&self, is_calm: bool) {
        self.state().is_calm = is_calm;
    }

    /// Waits for some turns.
    async fn delay(&self) {
        let mut turns = {
            let mut state = self.state();
            if state.is_calm { 0 } else { 1 + state.chance.below(3) }
        };
        poll_fn(|_| {
            if turns == 0 {
                return Poll::Ready(());
            }
            turns -= 1;
            Poll::Pending
        })
        .await;
    }

    fn fate(&self) -> Fate {
        let mut state = self.state();
        if state.is_calm {
            return Fate::Done;
        }
        match state.chance.below(40) {
            0 | 1 => Fate::LostBefore,
            2 | 3 => Fate::LostAfter,
            4..=7 => Fate::Conflict,
            8..=10 if state.is_forgetful => Fate::Forgotten,
            _ => Fate::Done,
        }
    }

    fn read(&self) -> Result<(), StoreError> {
        let mut state = self.state();
        if !state.is_calm && state.chance.once_in(300) { Err(lost()) } else { Ok(()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Faulty {
    /// This engine, with these faults.
    pub fn new(inner: Arc<dyn Engine>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }
}

impl Engine for Faulty {
    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Row>> {
        Box::pin(async move {
            self.faults.delay().await;
            self.faults.read()?;
            wait(self.inner.get(key))
        })
    }

    fn scan<'a>(&'a self, range: &'a KeyRange, limit: usize) -> Pending<'a, Vec<(Key, Row)>> {
        Box::pin(async move {
            self.faults.delay().await;
            self.faults.read()?;
            wait(self.inner.scan(range, limit))
        })
    }

    fn commit(&self, batch: Batch) -> Pending<'_, Committed> {
        Box::pin(async move {
            self.faults.delay().await;
            match self.faults.fate() {
                Fate::Done => wait(self.inner.commit(batch)),
                Fate::LostBefore => Err(lost()),
                Fate::LostAfter => wait(self.inner.commit(batch)).and_then(|_| Err(lost())),
                Fate::Conflict => Err(StoreError::Conflict),
                Fate::Forgotten => Ok(Committed { tick: self.inner.tick(), version: Version(1) }),
            }
        })
    }

    fn tick(&self) -> Tick {
        self.inner.tick()
    }

    fn wait_for_change(&self, seen: Tick) -> Pending<'_, ()> {
        self.inner.wait_for_change(seen)
    }

    fn on_change(&self, applier: Applier) {
        self.inner.on_change(applier);
    }

    fn hours(&self) -> Pending<'_, Vec<Hour>> {
        Box::pin(async move {
            self.faults.delay().await;
            self.faults.read()?;
            wait(self.inner.hours())
        })
    }

    fn health(&self) -> EngineHealth {
        self.inner.health()
    }

    fn close(&self) -> Pending<'_, ()> {
        self.inner.close()
    }
}

fn lost() -> StoreError {
    StoreError::Io { what: "wait for the answer".to_owned(), kind: "connection lost".to_owned() }
}
