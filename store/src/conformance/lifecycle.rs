//! Cases about health and close.

use super::{
    Arc, Case, Engine, Space, StoreError, commit, key, put, refusal, thread, wait, whole, writing,
};

pub(super) const CASES: &[Case] = &[
    ("a new engine is well", a_new_engine_is_well),
    ("a closed engine refuses everything", a_closed_engine_refuses_everything),
    ("those who wait are told of the close", those_who_wait_are_told_of_the_close),
];

fn a_new_engine_is_well(engine: &Arc<dyn Engine>) {
    let health = engine.health();
    assert!(health.writable);
    assert!(health.has_room);
    assert!(health.trouble.is_empty(), "{health:?}");
}

fn a_closed_engine_refuses_everything(engine: &Arc<dyn Engine>) {
    commit(engine, writing(vec![put(&key("a"), "x")]));
    wait(engine.close()).unwrap();
    let range = whole(Space::Lasting);
    assert_eq!(wait(engine.get(&key("a"))), Err(StoreError::Closed));
    assert_eq!(wait(engine.scan(&range, 1)), Err(StoreError::Closed));
    assert_eq!(wait(engine.hours()), Err(StoreError::Closed));
    assert_eq!(wait(engine.wait_for_change(engine.tick())), Err(StoreError::Closed));
    assert_eq!(refusal(engine, writing(vec![put(&key("b"), "x")])), StoreError::Closed);
    assert_eq!(wait(engine.close()), Err(StoreError::Closed));
    assert!(!engine.health().writable);
}

fn those_who_wait_are_told_of_the_close(engine: &Arc<dyn Engine>) {
    let seen = engine.tick();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| wait(engine.wait_for_change(seen)));
        commit(engine, writing(vec![put(&key("a"), "x")]));
        wait(engine.close()).unwrap();
        // A hint may come first, but never nothing at all.
        let told = waiting.join().unwrap();
        assert!(matches!(told, Ok(()) | Err(StoreError::Closed)));
    });
}
