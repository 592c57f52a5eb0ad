//! What every engine must do, as one suite that runs whole.
//!
//! Owns the cases and the small helpers they share. Must not know which engine it runs on: an
//! engine comes from a factory, empty each time. A new engine is tested by calling [`suite`] from
//! its test.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a suite fails by panic, as a test does"
)]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use bytes::Bytes;
use jeton_domain::id::Tick;
use jeton_domain::time::Hour;

use crate::engine::{
    Batch, BatchId, Committed, Engine, Expect, Key, KeyRange, Row, Space, Version, Write,
};
use crate::error::StoreError;

mod changes;
mod commits;
mod lifecycle;
mod parallel;
mod reads;
mod segments;

/// Makes an empty engine of the kind under test; each call a new one.
pub type Factory<'a> = &'a (dyn Fn() -> Arc<dyn Engine> + Sync);

/// Runs every case on engines that `factory` makes, and panics with the names of those that failed.
///
/// # Panics
///
/// When the engine breaks a promise of [`Engine`].
pub fn suite(factory: Factory<'_>) {
    let groups = [
        reads::CASES,
        commits::CASES,
        changes::CASES,
        segments::CASES,
        parallel::CASES,
        lifecycle::CASES,
    ];
    let mut failed = Vec::new();
    for (name, case) in groups.into_iter().flatten() {
        let outcome = thread::scope(|scope| {
            thread::Builder::new()
                .name((*name).to_owned())
                .spawn_scoped(scope, || case(&factory()))
                .expect("a thread for the case")
                .join()
        });
        if outcome.is_err() {
            failed.push(*name);
        }
    }
    assert!(failed.is_empty(), "cases that failed: {failed:?}");
}

/// Blocks the thread until `answer` is there.
pub fn wait<T>(answer: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut answer = pin!(answer);
    loop {
        match answer.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => thread::park(),
        }
    }
}

/// A case and its name, a sentence.
type Case = (&'static str, fn(&Arc<dyn Engine>));

/// A batch that writes nothing yet, with an id of its own.
fn batch() -> Batch {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    Batch {
        id: BatchId(id),
        expects: Vec::new(),
        writes: Vec::new(),
        changes: Vec::new(),
        drops: Vec::new(),
    }
}

fn writing(writes: Vec<Write>) -> Batch {
    Batch { writes, ..batch() }
}

fn changing(changes: &[&Key]) -> Batch {
    Batch { changes: changes.iter().map(|key| (*key).clone()).collect(), ..batch() }
}

fn key(name: impl AsRef<[u8]>) -> Key {
    Key { space: Space::Lasting, bytes: Bytes::copy_from_slice(name.as_ref()) }
}

fn key_of(hour: u32, name: impl AsRef<[u8]>) -> Key {
    Key { space: Space::Hour(Hour::new(hour)), ..key(name) }
}

fn put(key: &Key, value: impl AsRef<[u8]>) -> Write {
    Write::Put { key: key.clone(), value: Bytes::copy_from_slice(value.as_ref()), tick_at: None }
}

fn delete(key: &Key) -> Write {
    Write::Delete { key: key.clone() }
}

fn add(key: &Key, amount: i64) -> Write {
    Write::Add { key: key.clone(), amount }
}

fn commit(engine: &Arc<dyn Engine>, batch: Batch) -> Committed {
    wait(engine.commit(batch)).expect("the batch is legal and nothing conflicts")
}

fn refusal(engine: &Arc<dyn Engine>, batch: Batch) -> StoreError {
    wait(engine.commit(batch)).expect_err("the batch must not be committed")
}

fn row(engine: &Arc<dyn Engine>, key: &Key) -> Option<Row> {
    wait(engine.get(key)).expect("rows can be read")
}

fn value(engine: &Arc<dyn Engine>, key: &Key) -> Option<Vec<u8>> {
    row(engine, key).map(|row| row.value.to_vec())
}

fn counter(engine: &Arc<dyn Engine>, key: &Key) -> Option<i64> {
    value(engine, key).map(|bytes| i64::from_be_bytes(bytes.try_into().unwrap()))
}

fn version(engine: &Arc<dyn Engine>, key: &Key) -> Version {
    row(engine, key).expect("the row exists").version
}

fn scan(engine: &Arc<dyn Engine>, range: &KeyRange, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let rows = wait(engine.scan(range, limit)).expect("rows can be read");
    rows.into_iter().map(|(key, row)| (key.bytes.to_vec(), row.value.to_vec())).collect()
}

fn whole(space: Space) -> KeyRange {
    KeyRange { space, start: Bytes::new(), end: None }
}

fn expecting(expect: Expect, writes: Vec<Write>) -> Batch {
    Batch { expects: vec![expect], writes, ..batch() }
}
