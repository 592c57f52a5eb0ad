//! A store that fails: what callers are told, and what is left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jeton_domain::id::Tick;
use jeton_domain::time::Hour;
use jeton_store::engine::memory::Memory;
use jeton_store::engine::{
    Applier, Batch, Committed, Engine, EngineHealth, Key, KeyRange, Pending, Row,
};
use jeton_store::error::StoreError;

use crate::world::{Answer, Ordinary, Pair, TOKEN, World};

const EACH_SELECTION: [&str; 3] = [
    r#"{"username":"jane"}"#,
    r#"{"realm_name":"default_native"}"#,
    r#"{"username":"jane","realm_name":"default_native"}"#,
];

/// Case 96, as far as it can occur: nothing of it was done, so nothing is counted.
#[tokio::test]
async fn a_bulk_invalidation_that_the_store_refuses_is_refused_as_a_whole() {
    for selection in EACH_SELECTION {
        let (engine, world, pairs) = world_with_pairs().await;
        engine.fail_after(0);
        is_unavailable(&invalidate(&world, selection).await);
        for pair in &pairs {
            world.whoami(&pair.access).await.expect(200);
        }
        engine.mend();
        for pair in &pairs {
            world.whoami(&pair.access).await.expect(200);
        }
        invalidate(&world, selection).await.is_counts(200, 6, 0);
    }
}

/// The tokens are dead with the first commit; those that follow only count.
#[tokio::test]
async fn a_bulk_invalidation_that_cannot_be_counted_has_killed_all_the_same() {
    let (engine, world, pairs) = world_with_pairs().await;
    engine.fail_after(1);
    is_unavailable(&invalidate(&world, EACH_SELECTION[0]).await);
    for pair in &pairs {
        let answer = world.whoami(&pair.access).await;
        answer.is_error(401, "security_exception", "token expired");
    }
    engine.mend();
    invalidate(&world, EACH_SELECTION[0]).await.is_counts(200, 0, 0);
}

#[tokio::test]
async fn a_health_answer_tells_of_trouble() {
    let (engine, world, _) = world_with_pairs().await;
    engine.fail_after(0);
    let body = world.root("GET", "/_cluster/health").send().await.expect(200).json();
    assert_eq!(body["status"], "red");
    let trouble = serde_json::json!(["the disk hums", "the store takes no commits"]);
    assert_eq!(body["jeton"], serde_json::json!({ "trouble": trouble }));
}

async fn world_with_pairs() -> (Arc<Failing>, World, Vec<Pair>) {
    let engine = Arc::new(Failing { engine: Memory::new(), commits_left: AtomicI64::new(MENDED) });
    let world = World::on(Arc::clone(&engine) as Arc<dyn Engine>, Ordinary::default()).await;
    world.user("jane", &[]).await;
    let mut pairs = Vec::new();
    for _ in 0..3 {
        pairs.push(world.pair("jane").await);
    }
    (engine, world, pairs)
}

async fn invalidate(world: &World, selection: &str) -> Answer {
    world.root("DELETE", TOKEN).json(selection).send().await
}

#[track_caller]
fn is_unavailable(answer: &Answer) {
    answer.is_error(503, "security_exception", "unable to perform requested action");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

/// Commits as many times as it is told to.
#[derive(Debug)]
struct Failing {
    engine: Memory,
    commits_left: AtomicI64,
}

const MENDED: i64 = i64::MAX;

impl Failing {
    fn fail_after(&self, commits: i64) {
        self.commits_left.store(commits, Ordering::SeqCst);
    }

    fn mend(&self) {
        self.fail_after(MENDED);
    }
}

impl Engine for Failing {
    fn commit(&self, batch: Batch) -> Pending<'_, Committed> {
        if self.commits_left.fetch_sub(1, Ordering::SeqCst) > 0 {
            return self.engine.commit(batch);
        }
        let error = StoreError::Io { what: "write".into(), kind: "input/output error".into() };
        Box::pin(async move { Err(error) })
    }

    fn health(&self) -> EngineHealth {
        let mut health = self.engine.health();
        if self.commits_left.load(Ordering::SeqCst) <= 0 {
            health.writable = false;
            health.trouble.push("the disk hums".into());
        }
        health
    }

    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Row>> {
        self.engine.get(key)
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
