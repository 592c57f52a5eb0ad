//! Caches that can be cleared: the answers, and that what is named is looked up anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jeton_domain::id::Tick;
use jeton_domain::time::Hour;
use jeton_store::engine::memory::Memory;
use jeton_store::engine::{
    Applier, Batch, Committed, Engine, EngineHealth, Key, KeyRange, Pending, Row,
};
use jeton_store::tables::{privileges, roles};

use crate::world::{Answer, Ordinary, PASSWORD, World};

const CLEARED: &str = r#"{"_nodes":{"total":1,"successful":1,"failed":0},"cluster_name":"jeton","nodes":{"uuid":{"name":"node-1"}}}"#;

async fn clear(world: &World, what: &str) -> Answer {
    world.root("POST", &format!("/_security/{what}")).send().await
}

/// Identity cases 45, 90.
#[tokio::test]
async fn whatever_is_named_is_cleared() {
    let world = World::new().await;
    for what in [
        "role/nothing/_clear_cache",
        "role/a,b/_clear_cache",
        "role/*/_clear_cache",
        "realm/default_native/_clear_cache?usernames=u",
        "realm/default_native/_clear_cache?usernames=u,v",
        "realm/default_native,reserved/_clear_cache",
        "realm/*/_clear_cache?usernames=*",
        "privilege/app/_clear_cache",
        "privilege/*/_clear_cache",
        "api_key/abc,def/_clear_cache",
        "api_key/*/_clear_cache",
        "service/elastic/fleet-server/credential/token/t1,t2/_clear_cache",
        "service/elastic/fleet-server/credential/token/*/_clear_cache",
    ] {
        clear(&world, what).await.is(200, CLEARED);
    }
}

#[tokio::test]
async fn an_unknown_realm_is_a_failure_of_the_node() {
    let world = World::new().await;
    clear(&world, "realm/default_native,bogus,zz/_clear_cache").await.is(
        200,
        r#"{"_nodes":{"total":1,"successful":0,"failed":1,"failures":[{"type":"failed_node_exception","reason":"Failed node [uuid]","node_id":"uuid","caused_by":{"type":"illegal_argument_exception","reason":"could not find active realm [bogus]"}}]},"cluster_name":"jeton","nodes":{}}"#,
    );
}

#[tokio::test]
async fn caches_are_cleared_by_who_manages_security() {
    let world = World::new().await;
    world.role("reader", &["read_security", "monitor"]).await;
    world.user("ann", &["reader"]).await;
    for (what, action) in [
        ("role/r", "roles/cache/clear"),
        ("realm/default_native", "realm/cache/clear"),
        ("privilege/app", "privilege/cache/clear"),
        ("api_key/k", "cache/clear"),
        ("service/elastic/fleet-server/credential/token/t", "cache/clear"),
    ] {
        let call = world.call("POST", &format!("/_security/{what}/_clear_cache"));
        call.basic("ann", PASSWORD).send().await.is_error(
            403,
            "security_exception",
            &format!("action [cluster:admin/xpack/security/{action}] is unauthorized for user [ann] with effective roles [reader], this action is granted by the cluster privileges [manage_security,all]"),
        );
    }
    let answer = world.root("GET", "/_security/role/r/_clear_cache").send().await.expect(405);
    assert_eq!(answer.header("allow"), Some("POST"));
    let answer = world.root("POST", "/_security/role/r/_clear_cache").json("{}").send().await;
    let reason = "request [POST /_security/role/r/_clear_cache] does not support having a body";
    answer.is_error(400, "illegal_argument_exception", reason);
}

#[tokio::test]
async fn a_cleared_role_is_looked_up_anew_and_no_other() {
    let (engine, world) = counted().await;
    world.role("ops", &["monitor"]).await;
    world.user("ann", &["ops"]).await;
    let look_ups = async || {
        world.call("GET", "/").basic("ann", PASSWORD).send().await.expect(200);
        engine.reads.swap(0, Ordering::SeqCst)
    };
    look_ups().await;
    assert_eq!(look_ups().await, 0);
    for (names, wanted) in [("other", 0), ("other,ops", 1), ("*", 1)] {
        clear(&world, &format!("role/{names}/_clear_cache")).await.expect(200);
        assert_eq!(look_ups().await, wanted, "{names}");
        assert_eq!(look_ups().await, 0);
    }
}

#[tokio::test]
async fn a_cleared_application_is_looked_up_anew_and_no_other() {
    let (engine, world) = counted().await;
    let look_ups = async || {
        world.root("GET", "/_security/privilege/app").send().await.expect(200);
        engine.scans.swap(0, Ordering::SeqCst)
    };
    look_ups().await;
    assert_eq!(look_ups().await, 0);
    for (names, wanted) in [("other", 0), ("app", 1), ("*", 1)] {
        clear(&world, &format!("privilege/{names}/_clear_cache")).await.expect(200);
        assert_eq!(look_ups().await, wanted, "{names}");
        assert_eq!(look_ups().await, 0);
    }
}

#[tokio::test]
async fn who_is_cleared_in_a_realm_logs_in_as_before() {
    let world = World::new().await;
    world.user("ann", &[]).await;
    let log_in = async |password: &str| {
        world.call("GET", "/_security/_authenticate").basic("ann", password).send().await.status
    };
    assert_eq!(log_in(PASSWORD).await, 200);
    clear(&world, "realm/default_native/_clear_cache?usernames=ann").await.expect(200);
    assert_eq!(log_in("wrong-word").await, 401);
    assert_eq!(log_in(PASSWORD).await, 200);
}

async fn counted() -> (Arc<Counting>, World) {
    let engine =
        Counting { engine: Memory::new(), reads: AtomicU64::new(0), scans: AtomicU64::new(0) };
    let engine = Arc::new(engine);
    let world = World::on(Arc::clone(&engine) as Arc<dyn Engine>, Ordinary::default()).await;
    (engine, world)
}

/// Counts how often the role `ops` is read and the privileges of `app` are scanned.
#[derive(Debug)]
struct Counting {
    engine: Memory,
    reads: AtomicU64,
    scans: AtomicU64,
}

impl Engine for Counting {
    fn commit(&self, batch: Batch) -> Pending<'_, Committed> {
        self.engine.commit(batch)
    }

    fn health(&self) -> EngineHealth {
        self.engine.health()
    }

    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Row>> {
        if *key == roles::key("ops") {
            self.reads.fetch_add(1, Ordering::SeqCst);
        }
        self.engine.get(key)
    }

    fn scan<'a>(&'a self, range: &'a KeyRange, limit: usize) -> Pending<'a, Vec<(Key, Row)>> {
        if *range == privileges::of_application("app") {
            self.scans.fetch_add(1, Ordering::SeqCst);
        }
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
