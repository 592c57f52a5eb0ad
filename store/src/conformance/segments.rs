//! Cases about hours: segments that are dropped whole.

use super::{
    Arc, Batch, Case, Engine, Expect, Hour, Space, StoreError, Version, add, batch, commit,
    counter, delete, expecting, key, key_of, put, refusal, row, scan, value, wait, whole, writing,
};

pub(super) const CASES: &[Case] = &[
    ("a dropped segment is empty", a_dropped_segment_is_empty),
    ("a dropped segment can be made anew", a_dropped_segment_can_be_made_anew),
    ("rows of a dropped segment conflict", rows_of_a_dropped_segment_conflict),
    ("a drop comes with the rest of its batch or not at all", a_drop_is_part_of_its_batch),
    ("a segment dropped and written at once is refused", dropped_and_written_is_refused),
    ("only segments with rows are listed", only_segments_with_rows_are_listed),
];

fn dropping(hour: u32) -> Batch {
    Batch { drops: vec![Hour::new(hour)], ..batch() }
}

fn fill(engine: &Arc<dyn Engine>, hour: u32, rows: u32) {
    for page in (0..rows).collect::<Vec<_>>().chunks(100) {
        let writes = page.iter().map(|n| put(&key_of(hour, n.to_be_bytes()), [7; 100])).collect();
        commit(engine, writing(writes));
    }
}

fn a_dropped_segment_is_empty(engine: &Arc<dyn Engine>) {
    for hour in [4, 5, 6] {
        fill(engine, hour, 1_000);
    }
    commit(engine, dropping(5));
    let hour = |hour| whole(Space::Hour(Hour::new(hour)));
    assert!(scan(engine, &hour(5), 1).is_empty());
    assert_eq!(row(engine, &key_of(5, 1u32.to_be_bytes())), None);
    assert_eq!(scan(engine, &hour(4), 2_000).len(), 1_000);
    assert_eq!(scan(engine, &hour(6), 2_000).len(), 1_000);
    commit(engine, dropping(5));
    commit(engine, dropping(99));
}

fn a_dropped_segment_can_be_made_anew(engine: &Arc<dyn Engine>) {
    fill(engine, 5, 500);
    commit(engine, dropping(5));
    let late = key_of(5, "late");
    commit(engine, expecting(Expect::Absent(late.clone()), vec![put(&late, "x")]));
    fill(engine, 6, 1_000);
    let range = whole(Space::Hour(Hour::new(5)));
    assert_eq!(scan(engine, &range, 10), [(b"late".to_vec(), b"x".to_vec())]);
    commit(engine, dropping(5));
    assert!(scan(engine, &range, 10).is_empty());
}

fn rows_of_a_dropped_segment_conflict(engine: &Arc<dyn Engine>) {
    let name = key_of(5, "a");
    let made = commit(engine, writing(vec![put(&name, "x"), add(&key_of(5, "n"), 3)]));
    commit(engine, dropping(5));
    let stale = expecting(Expect::Version(name.clone(), made.version), vec![put(&name, "y")]);
    assert_eq!(refusal(engine, stale), StoreError::Conflict);
    commit(engine, writing(vec![add(&key_of(5, "n"), 1)]));
    assert_eq!(counter(engine, &key_of(5, "n")), Some(1));
}

fn a_drop_is_part_of_its_batch(engine: &Arc<dyn Engine>) {
    fill(engine, 5, 10);
    let failing = Batch { expects: vec![Expect::Version(key("none"), Version(1))], ..dropping(5) };
    assert_eq!(refusal(engine, failing), StoreError::Conflict);
    assert_eq!(scan(engine, &whole(Space::Hour(Hour::new(5))), 100).len(), 10);
    commit(engine, Batch { writes: vec![put(&key("mark"), "x")], ..dropping(5) });
    assert!(scan(engine, &whole(Space::Hour(Hour::new(5))), 100).is_empty());
    assert_eq!(value(engine, &key("mark")).unwrap(), b"x");
}

fn dropped_and_written_is_refused(engine: &Arc<dyn Engine>) {
    let batch = Batch { writes: vec![put(&key_of(5, "a"), "x")], ..dropping(5) };
    assert!(matches!(refusal(engine, batch), StoreError::Refused(_)));
}

fn only_segments_with_rows_are_listed(engine: &Arc<dyn Engine>) {
    let hours = || wait(engine.hours()).unwrap();
    assert!(hours().is_empty());
    commit(engine, writing(vec![put(&key("a"), "x")]));
    assert!(hours().is_empty());
    for hour in [9, 7, 8] {
        fill(engine, hour, 3);
    }
    assert_eq!(hours(), [7, 8, 9].map(Hour::new));
    commit(engine, dropping(8));
    assert_eq!(hours(), [7, 9].map(Hour::new));
    let all = (0..3u32).map(|n| delete(&key_of(7, n.to_be_bytes()))).collect();
    commit(engine, writing(all));
    assert_eq!(hours(), [9].map(Hour::new));
}
