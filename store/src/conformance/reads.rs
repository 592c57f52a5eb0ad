//! Cases about get and scan.

use super::{
    Arc, Bytes, Case, Engine, Hour, Key, KeyRange, Space, commit, delete, key, key_of, put, row,
    scan, value, whole, writing,
};

pub(super) const CASES: &[Case] = &[
    ("what was put is read back", what_was_put_is_read_back),
    ("an absent row is none", an_absent_row_is_none),
    ("a scan is in key order within its range", a_scan_is_in_key_order_within_its_range),
    ("a scan stops at its limit", a_scan_stops_at_its_limit),
    ("spaces do not mix", spaces_do_not_mix),
    ("a scan sees overwritten and removed rows right", a_scan_sees_the_newest_rows),
    ("pages of a scan make the whole", pages_of_a_scan_make_the_whole),
    ("a value may have a megabyte", a_value_may_have_a_megabyte),
    ("empty values and odd keys are kept", empty_values_and_odd_keys_are_kept),
];

fn what_was_put_is_read_back(engine: &Arc<dyn Engine>) {
    let done = commit(engine, writing(vec![put(&key("a"), "one")]));
    let found = row(engine, &key("a")).unwrap();
    assert_eq!(found.value.as_ref(), b"one");
    assert_eq!(found.version, done.version);
    assert!(found.version.0 > 0);
    let later = commit(engine, writing(vec![put(&key("a"), "two")]));
    assert!(later.version > done.version);
    assert_eq!(value(engine, &key("a")).unwrap(), b"two");
}

fn an_absent_row_is_none(engine: &Arc<dyn Engine>) {
    assert_eq!(row(engine, &key("a")), None);
    commit(engine, writing(vec![put(&key("a"), "one")]));
    commit(engine, writing(vec![delete(&key("a"))]));
    assert_eq!(row(engine, &key("a")), None);
    commit(engine, writing(vec![delete(&key("never"))]));
    assert_eq!(row(engine, &key("never")), None);
}

fn a_scan_is_in_key_order_within_its_range(engine: &Arc<dyn Engine>) {
    for name in ["d", "a", "c", "b", "bb"] {
        commit(engine, writing(vec![put(&key(name), name)]));
    }
    let names = |range: &KeyRange| -> Vec<Vec<u8>> {
        scan(engine, range, 100).into_iter().map(|(key, _)| key).collect()
    };
    let bytes = Bytes::from_static;
    let mut range = KeyRange { space: Space::Lasting, start: bytes(b"b"), end: Some(bytes(b"d")) };
    assert_eq!(names(&range), [b"b".to_vec(), b"bb".to_vec(), b"c".to_vec()]);
    range.end = None;
    assert_eq!(names(&range).len(), 4);
    range.end = Some(bytes(b"b"));
    assert!(names(&range).is_empty(), "the end is excluded");
    range.end = Some(bytes(b"a"));
    assert!(names(&range).is_empty(), "a range that ends before it starts is empty");
}

fn a_scan_stops_at_its_limit(engine: &Arc<dyn Engine>) {
    let writes = (0..10u8).map(|n| put(&key([n]), [n])).collect();
    commit(engine, writing(writes));
    assert_eq!(scan(engine, &whole(Space::Lasting), 3).len(), 3);
    assert_eq!(scan(engine, &whole(Space::Lasting), 10).len(), 10);
    assert_eq!(scan(engine, &whole(Space::Lasting), 11).len(), 10);
    assert!(scan(engine, &whole(Space::Lasting), 0).is_empty());
}

fn spaces_do_not_mix(engine: &Arc<dyn Engine>) {
    commit(
        engine,
        writing(vec![
            put(&key("a"), "lasting"),
            put(&key_of(7, "a"), "seven"),
            put(&key_of(8, "b"), "eight"),
        ]),
    );
    assert_eq!(value(engine, &key_of(7, "a")).unwrap(), b"seven");
    assert_eq!(value(engine, &key("a")).unwrap(), b"lasting");
    assert_eq!(row(engine, &key_of(8, "a")), None);
    for (space, count) in [
        (Space::Lasting, 1),
        (Space::Hour(Hour::new(7)), 1),
        (Space::Hour(Hour::new(8)), 1),
        (Space::Hour(Hour::new(9)), 0),
    ] {
        assert_eq!(scan(engine, &whole(space), 10).len(), count, "{space:?}");
    }
}

fn a_scan_sees_the_newest_rows(engine: &Arc<dyn Engine>) {
    let names: Vec<Key> = (0..200u32).map(|n| key(n.to_be_bytes())).collect();
    for round in 0..4u8 {
        let filler = vec![round; 300];
        let writes = names.iter().map(|name| put(name, &filler)).collect();
        commit(engine, writing(writes));
    }
    let evens = names.iter().step_by(2).map(delete).collect();
    commit(engine, writing(evens));
    let found = scan(engine, &whole(Space::Lasting), 1000);
    assert_eq!(found.len(), 100);
    for (found, expected) in found.iter().zip(names.iter().skip(1).step_by(2)) {
        assert_eq!(found.0, expected.bytes.as_ref());
        assert_eq!(found.1, vec![3; 300]);
    }
    assert_eq!(scan(engine, &whole(Space::Lasting), 7).len(), 7);
}

fn pages_of_a_scan_make_the_whole(engine: &Arc<dyn Engine>) {
    let names: Vec<Vec<u8>> =
        (0..5_000u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes().to_vec()).collect();
    for page in names.chunks(250) {
        let writes = page.iter().map(|name| put(&key(name), name.repeat(20))).collect();
        commit(engine, writing(writes));
    }
    let mut range = whole(Space::Lasting);
    let mut found = Vec::new();
    loop {
        let page = scan(engine, &range, 333);
        let Some((last, _)) = page.last() else { break };
        let mut next = last.clone();
        next.push(0);
        range.start = Bytes::from(next);
        found.extend(page);
    }
    let mut expected = names;
    expected.sort();
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().zip(&expected).all(|(found, name)| found.0 == *name));
    assert!(found.iter().all(|(name, value)| *value == name.repeat(20)));
}

fn a_value_may_have_a_megabyte(engine: &Arc<dyn Engine>) {
    let big: Vec<u8> = (0..1_048_576u32).map(|n| n.wrapping_mul(31).to_be_bytes()[1]).collect();
    commit(engine, writing(vec![put(&key("a"), "small"), put(&key("big"), &big)]));
    commit(engine, writing(vec![put(&key("z"), "small")]));
    assert!(value(engine, &key("big")).unwrap() == big);
    assert_eq!(scan(engine, &whole(Space::Lasting), 10).len(), 3);
}

fn empty_values_and_odd_keys_are_kept(engine: &Arc<dyn Engine>) {
    let names: [&[u8]; 6] = [b"\0", b"\0\0", b"\x7f", b"\xff", b"\xff\xff", b"\xff\xff\0"];
    let writes = names.iter().map(|name| put(&key(name), "")).collect();
    commit(engine, writing(writes));
    let found = scan(engine, &whole(Space::Lasting), 10);
    let found: Vec<&[u8]> = found.iter().map(|(key, _)| key.as_slice()).collect();
    assert_eq!(found, names);
    assert_eq!(value(engine, &key(b"\xff")).unwrap(), b"");
}
