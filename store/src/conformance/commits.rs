//! Cases about what a batch expects and writes.

use super::{
    Arc, Batch, Case, Engine, Expect, Key, Space, StoreError, Version, add, batch, changing,
    commit, counter, delete, expecting, key, put, refusal, row, scan, value, version, whole,
    writing,
};

pub(super) const CASES: &[Case] = &[
    ("a conflict writes nothing", a_conflict_writes_nothing),
    ("a stale version conflicts", a_stale_version_conflicts),
    ("a row rewritten after removal has another version", a_row_rewritten_has_another_version),
    ("absence is expected of keys that are written", absence_is_checked),
    ("absence without a write is refused", absence_without_a_write_is_refused),
    ("a change after the tick conflicts", a_change_after_the_tick_conflicts),
    ("what was forgotten conflicts", what_was_forgotten_conflicts),
    ("adds sum up and leave no zero", adds_sum_up_and_leave_no_zero),
    ("adds to what is no counter are refused", adds_to_no_counter_are_refused),
    ("a key written twice is refused", a_key_written_twice_is_refused),
    ("a repeated batch is applied once", a_repeated_batch_is_applied_once),
    ("a batch that conflicted may be sent again", a_batch_that_conflicted_may_be_sent_again),
    ("an empty batch only checks", an_empty_batch_only_checks),
];

fn a_conflict_writes_nothing(engine: &Arc<dyn Engine>) {
    commit(engine, writing(vec![put(&key("a"), "one")]));
    let batch = Batch {
        expects: vec![
            Expect::Version(key("a"), version(engine, &key("a"))),
            Expect::Version(key("b"), Version(1)),
        ],
        writes: vec![put(&key("a"), "two"), put(&key("c"), "two"), add(&key("n"), 1)],
        changes: vec![key("a")],
        ..batch()
    };
    let before = engine.tick();
    assert_eq!(refusal(engine, batch), StoreError::Conflict);
    assert_eq!(value(engine, &key("a")).unwrap(), b"one");
    assert_eq!(row(engine, &key("c")), None);
    assert_eq!(counter(engine, &key("n")), None);
    assert_eq!(engine.tick(), before);
}

fn a_stale_version_conflicts(engine: &Arc<dyn Engine>) {
    let first = commit(engine, writing(vec![put(&key("a"), "one")])).version;
    let expect = || Expect::Version(key("a"), first);
    commit(engine, expecting(expect(), vec![put(&key("a"), "two")]));
    let again = expecting(expect(), vec![put(&key("a"), "three")]);
    assert_eq!(refusal(engine, again), StoreError::Conflict);
    assert_eq!(value(engine, &key("a")).unwrap(), b"two");
    commit(engine, writing(vec![delete(&key("a"))]));
    let gone = expecting(expect(), vec![put(&key("b"), "three")]);
    assert_eq!(refusal(engine, gone), StoreError::Conflict);
}

fn a_row_rewritten_has_another_version(engine: &Arc<dyn Engine>) {
    let first = commit(engine, writing(vec![put(&key("a"), "one")])).version;
    commit(engine, writing(vec![delete(&key("a"))]));
    let second = commit(engine, writing(vec![put(&key("a"), "one")])).version;
    assert!(second > first);
    let stale = expecting(Expect::Version(key("a"), first), vec![delete(&key("a"))]);
    assert_eq!(refusal(engine, stale), StoreError::Conflict);
}

fn absence_is_checked(engine: &Arc<dyn Engine>) {
    let create = || expecting(Expect::Absent(key("a")), vec![put(&key("a"), "one")]);
    commit(engine, create());
    assert_eq!(refusal(engine, create()), StoreError::Conflict);
    commit(engine, writing(vec![delete(&key("a"))]));
    commit(engine, create());
}

fn absence_without_a_write_is_refused(engine: &Arc<dyn Engine>) {
    let batch = expecting(Expect::Absent(key("a")), vec![put(&key("b"), "one")]);
    assert!(matches!(refusal(engine, batch), StoreError::Refused(_)));
    assert_eq!(row(engine, &key("b")), None);
}

fn a_change_after_the_tick_conflicts(engine: &Arc<dyn Engine>) {
    let start = engine.tick();
    let unchanged =
        |since| expecting(Expect::UnchangedSince(key("a"), since), vec![put(&key("b"), "x")]);
    commit(engine, unchanged(start));
    let change = commit(engine, changing(&[&key("a")])).tick;
    assert_eq!(refusal(engine, unchanged(start)), StoreError::Conflict);
    commit(engine, unchanged(change));
    commit(engine, changing(&[&key("other")]));
    commit(engine, unchanged(change));
    commit(engine, writing(vec![put(&key("a"), "a write is not a change")]));
    commit(engine, unchanged(change));
}

fn what_was_forgotten_conflicts(engine: &Arc<dyn Engine>) {
    use jeton_domain::limits::RECENT_CHANGES_MAX;
    let start = engine.tick();
    for page in 0..2u8 {
        let names: Vec<Key> = (0..RECENT_CHANGES_MAX)
            .map(|n| key([&[page], n.to_be_bytes().as_slice()].concat()))
            .collect();
        commit(engine, Batch { changes: names, ..batch() });
    }
    let long_ago =
        expecting(Expect::UnchangedSince(key("quiet"), start), vec![put(&key("b"), "x")]);
    assert_eq!(refusal(engine, long_ago), StoreError::Conflict);
    let lately = Expect::UnchangedSince(key("quiet"), engine.tick());
    commit(engine, expecting(lately, vec![put(&key("b"), "x")]));
}

fn adds_sum_up_and_leave_no_zero(engine: &Arc<dyn Engine>) {
    let total = key("n");
    let first = commit(engine, writing(vec![add(&total, 5)])).version;
    assert_eq!(counter(engine, &total), Some(5));
    assert_eq!(version(engine, &total), first);
    commit(engine, writing(vec![add(&total, -7)]));
    assert_eq!(counter(engine, &total), Some(-2));
    commit(engine, writing(vec![add(&total, 2)]));
    assert_eq!(row(engine, &total), None);
    assert!(scan(engine, &whole(Space::Lasting), 10).is_empty());
    commit(engine, writing(vec![add(&total, 0)]));
    assert_eq!(row(engine, &total), None);
    commit(engine, writing(vec![put(&total, 40i64.to_be_bytes())]));
    commit(engine, writing(vec![add(&total, 2)]));
    assert_eq!(counter(engine, &total), Some(42));
}

fn adds_to_no_counter_are_refused(engine: &Arc<dyn Engine>) {
    commit(engine, writing(vec![put(&key("text"), "seven b")]));
    let batch = writing(vec![put(&key("a"), "x"), add(&key("text"), 1)]);
    assert!(matches!(refusal(engine, batch), StoreError::Refused(_)));
    assert_eq!(row(engine, &key("a")), None);
}

fn a_key_written_twice_is_refused(engine: &Arc<dyn Engine>) {
    let batch = writing(vec![put(&key("a"), "x"), delete(&key("a"))]);
    assert!(matches!(refusal(engine, batch), StoreError::Refused(_)));
    assert_eq!(row(engine, &key("a")), None);
}

fn a_repeated_batch_is_applied_once(engine: &Arc<dyn Engine>) {
    let batch = Batch {
        expects: vec![Expect::Absent(key("a"))],
        writes: vec![put(&key("a"), "x"), add(&key("n"), 1)],
        changes: vec![key("a")],
        ..batch()
    };
    let first = commit(engine, batch.clone());
    commit(engine, writing(vec![delete(&key("a"))]));
    assert_eq!(commit(engine, batch), first);
    assert_eq!(row(engine, &key("a")), None);
    assert_eq!(counter(engine, &key("n")), Some(1));
    assert_eq!(engine.tick(), first.tick);
}

fn a_batch_that_conflicted_may_be_sent_again(engine: &Arc<dyn Engine>) {
    commit(engine, writing(vec![put(&key("a"), "x")]));
    let batch = expecting(Expect::Absent(key("a")), vec![put(&key("a"), "y")]);
    assert_eq!(refusal(engine, batch.clone()), StoreError::Conflict);
    commit(engine, writing(vec![delete(&key("a"))]));
    commit(engine, batch);
    assert_eq!(value(engine, &key("a")).unwrap(), b"y");
}

fn an_empty_batch_only_checks(engine: &Arc<dyn Engine>) {
    let made = commit(engine, writing(vec![put(&key("a"), "x")]));
    let holds = expecting(Expect::Version(key("a"), made.version), Vec::new());
    assert_eq!(commit(engine, holds).tick, engine.tick());
    let fails = expecting(Expect::Version(key("a"), Version(u64::MAX)), Vec::new());
    assert_eq!(refusal(engine, fails), StoreError::Conflict);
}
