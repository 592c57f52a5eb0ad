//! An engine on which somebody else commits just before the next commit, or just before a read.

use std::sync::{Arc, Mutex};

use jeton_domain::id::Tick;
use jeton_domain::time::Hour;
use jeton_store::engine::memory::Memory;
use jeton_store::engine::{
    Applier, Batch, BatchId, Committed, Engine, EngineHealth, Key, KeyRange, Pending, Row, Write,
};

/// The engine in memory, and what somebody else is about to do on it.
#[derive(Debug)]
pub(crate) struct Meddling {
    engine: Memory,
    rival: Mutex<Option<(Write, Key)>>,
    /// The row before whose next read the rival commits.
    read: Mutex<Option<Key>>,
}

impl Meddling {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { engine: Memory::new(), rival: Mutex::default(), read: Mutex::default() })
    }

    pub(crate) fn as_engine(self: &Arc<Self>) -> Arc<dyn Engine> {
        Arc::clone(self) as Arc<dyn Engine>
    }

    /// Lets this write, which names a changed key, come just before the next commit.
    pub(crate) fn meddle(&self, write: Write, changed: Key) {
        *self.rival.lock().unwrap() = Some((write, changed));
    }

    /// Lets this write, which names a changed key, come just before this row is read next.
    pub(crate) fn meddle_at_read(&self, read: Key, write: Write, changed: Key) {
        *self.read.lock().unwrap() = Some(read);
        self.meddle(write, changed);
    }

    fn batch(&self, write: Write, changed: Key) -> Batch {
        Batch {
            id: BatchId(u128::from(self.engine.tick().number()).to_be_bytes()),
            expects: Vec::new(),
            writes: vec![write],
            changes: vec![changed],
            drops: Vec::new(),
        }
    }
}

impl Engine for Meddling {
    fn commit(&self, batch: Batch) -> Pending<'_, Committed> {
        let rival = self.rival.lock().unwrap().take();
        Box::pin(async move {
            if let Some((write, changed)) = rival {
                self.engine.commit(self.batch(write, changed)).await?;
            }
            self.engine.commit(batch).await
        })
    }

    fn health(&self) -> EngineHealth {
        self.engine.health()
    }

    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Row>> {
        let is_awaited = self.read.lock().unwrap().take_if(|read| read == key).is_some();
        let rival = self.rival.lock().unwrap().take_if(|_| is_awaited);
        Box::pin(async move {
            if let Some((write, changed)) = rival {
                self.engine.commit(self.batch(write, changed)).await?;
            }
            self.engine.get(key).await
        })
    }

    fn scan<'a>(&'a self, range: &'a KeyRange, limit: usize) -> Pending<'a, Vec<(Key, Row)>> {
        self.engine.scan(range, limit)
    }

    fn tick(&self) -> Tick {
        self.engine.tick()
    }

    fn wait_for_change(&self, seen: Tick) -> Pending<'_, ()> {
        self.engine.wait_for_change(seen)
    }

    fn on_change(&self, applier: Applier) {
        self.engine.on_change(applier);
    }

    fn hours(&self) -> Pending<'_, Vec<Hour>> {
        self.engine.hours()
    }

    fn close(&self) -> Pending<'_, ()> {
        self.engine.close()
    }
}
