//! What the embedded engine promises about its directory.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panic too")]

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;

use bytes::Bytes;
use jeton_domain::id::Tick;
use jeton_domain::time::Hour;
use jeton_store::conformance::wait;
use jeton_store::engine::embedded::{Embedded, EmbeddedOptions};
use jeton_store::engine::{Batch, BatchId, Engine, Expect, Key, KeyRange, Row, Space, Write};
use jeton_store::error::StoreError;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

type Model = BTreeMap<Key, Row>;

fn small(directory: &Path) -> EmbeddedOptions {
    EmbeddedOptions {
        journal_bytes: 64 << 10,
        journals: 3,
        memtable_bytes: 16 << 10,
        ..EmbeddedOptions::new(directory)
    }
}

fn open(directory: &Path) -> Embedded {
    Embedded::open(&small(directory)).unwrap()
}

fn key(space: Space, name: &[u8]) -> Key {
    Key { space, bytes: Bytes::copy_from_slice(name) }
}

fn space(number: u8) -> Space {
    if number == 0 { Space::Lasting } else { Space::Hour(Hour::new(number.into())) }
}

fn batch(id: u64, writes: Vec<Write>) -> Batch {
    let mut name = [0; 16];
    name[8..].copy_from_slice(&id.to_be_bytes());
    let (expects, changes, drops) = (Vec::new(), Vec::new(), Vec::new());
    Batch { id: BatchId(name), expects, writes, changes, drops }
}

fn put(key: &Key, value: &[u8]) -> Write {
    Write::Put { key: key.clone(), value: Bytes::copy_from_slice(value), tick_at: None }
}

/// Everything the engine holds, or what is damaged.
fn all(engine: &Embedded) -> Result<Model, StoreError> {
    let mut rows = Model::new();
    for number in 0..=SPACES {
        let range = KeyRange { space: space(number), start: Bytes::new(), end: None };
        rows.extend(wait(engine.scan(&range, usize::MAX))?);
    }
    for (key, row) in &rows {
        let found = wait(engine.get(key))?;
        assert_eq!(found.as_ref(), Some(row), "get and scan agree on {key:?}");
    }
    Ok(rows)
}

const SPACES: u8 = 3;

#[derive(Clone, Debug)]
enum Step {
    Commit { writes: Vec<(u8, u8, Change)>, drop: Option<u8>, is_change: bool },
    Close,
    Crash,
}

#[derive(Clone, Debug)]
enum Change {
    Put(u8, u16),
    Delete,
    Add(i8),
}

fn step() -> impl Strategy<Value = Step> {
    let change = prop_oneof![
        4 => (any::<u8>(), 0..1_500u16).prop_map(|(byte, length)| Change::Put(byte, length)),
        1 => Just(Change::Delete),
        2 => (-3..4i8).prop_map(Change::Add),
    ];
    let writes = prop::collection::vec((0..=SPACES, 0..40u8, change), 0..12);
    let drop = prop::option::weighted(0.1, 1..=SPACES);
    let commit = (writes, drop, any::<bool>()).prop_map(|(writes, drop, is_change)| Step::Commit {
        writes,
        drop,
        is_change,
    });
    prop_oneof![30 => commit, 1 => Just(Step::Close), 1 => Just(Step::Crash)]
}

/// Does the same to the model as the engine does to itself.
fn apply(engine: &Embedded, model: &mut Model, id: u64, step: &Step) {
    let Step::Commit { writes, drop, is_change } = step else { return };
    let dropped = drop.map(space);
    let mut changes: BTreeMap<Key, &Change> = BTreeMap::new();
    for (number, name, change) in writes {
        // Counters have names of their own.
        let kind = if matches!(change, Change::Add(_)) { b'n' } else { b'r' };
        changes.insert(key(space(*number), &[kind, *name]), change);
    }
    changes.retain(|key, _| Some(key.space) != dropped);
    let written = changes.iter().map(|(key, change)| match change {
        Change::Put(byte, length) => put(key, &vec![*byte; usize::from(*length)]),
        Change::Delete => Write::Delete { key: key.clone() },
        Change::Add(amount) => Write::Add { key: key.clone(), amount: (*amount).into() },
    });
    let mut batch = batch(id, written.collect());
    batch.drops = drop.map(|number| Hour::new(number.into())).into_iter().collect();
    if *is_change {
        batch.changes.push(key(Space::Lasting, b"c"));
    }
    let before = engine.tick();
    let done = wait(engine.commit(batch)).unwrap();
    let expected = if *is_change { before.next() } else { before };
    assert_eq!((done.tick, engine.tick()), (expected, expected));
    model.retain(|key, _| Some(key.space) != dropped);
    for (key, change) in changes {
        let value = match change {
            Change::Put(byte, length) => Some(vec![*byte; usize::from(*length)]),
            Change::Delete => None,
            Change::Add(amount) => {
                let before = model
                    .get(&key)
                    .map_or(0, |row| i64::from_be_bytes(row.value.as_ref().try_into().unwrap()));
                let after = before + i64::from(*amount);
                (after != 0).then(|| after.to_be_bytes().to_vec())
            }
        };
        match value {
            Some(value) => {
                model.insert(key, Row { version: done.version, value: value.into() });
            }
            None => {
                model.remove(&key);
            }
        }
    }
}

/// A failure tells the seed; with it in this variable the library repeats the run.
#[expect(clippy::print_stdout, reason = "shown when the test fails")]
fn config() -> ProptestConfig {
    let defaults = ProptestConfig::default();
    let seed = match defaults.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().hash_one(0),
    };
    println!("PROPTEST_RNG_SEED={seed}");
    let rng_seed = RngSeed::Fixed(seed);
    ProptestConfig { cases: 48, rng_seed, failure_persistence: None, ..defaults }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_reopened_store_equals_the_model(steps in prop::collection::vec(step(), 1..250)) {
        let directory = tempfile::tempdir().unwrap();
        let mut engine = open(directory.path());
        let mut model = Model::new();
        let mut tick = engine.tick();
        for (id, step) in (0u64..).zip(&steps) {
            match step {
                Step::Commit { .. } => apply(&engine, &mut model, id, step),
                Step::Close | Step::Crash => {
                    prop_assert_eq!(&all(&engine).unwrap(), &model);
                    tick = engine.tick();
                    if matches!(step, Step::Close) {
                        wait(engine.close()).unwrap();
                    }
                    drop(engine);
                    engine = open(directory.path());
                    prop_assert_eq!(engine.tick(), tick);
                    prop_assert_eq!(&all(&engine).unwrap(), &model);
                }
            }
        }
        prop_assert!(engine.tick() >= tick);
        prop_assert_eq!(&all(&engine).unwrap(), &model);
        let hours: Vec<Hour> = wait(engine.hours()).unwrap();
        let mut expected: Vec<Hour> = model
            .keys()
            .filter_map(|key| match key.space {
                Space::Hour(hour) => Some(hour),
                Space::Lasting => None,
            })
            .collect();
        expected.dedup();
        prop_assert_eq!(hours, expected);
    }
}

/// A store with merged runs, young runs, a full journal file and a tail; closed as by a crash.
fn used_store(directory: &Path) -> Model {
    let engine = open(directory);
    let mut model = Model::new();
    for id in 0..260u64 {
        let byte = u8::try_from(id % 251).unwrap();
        let name = |n: u64| u8::try_from((id * 7 + n * 13) % 40).unwrap();
        let writes = (0..4u8)
            .map(|n| (n, name(n.into()), Change::Put(byte, 300 + u16::from(n))))
            .chain([(0, name(9), Change::Add(1)), (2, name(5), Change::Delete)])
            .collect();
        let drop = (id == 130).then_some(3);
        apply(&engine, &mut model, id, &Step::Commit { writes, drop, is_change: true });
    }
    model
}

fn copy(source: &Path, target: &Path) {
    fs::create_dir_all(target).unwrap();
    for entry in fs::read_dir(source).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), target.join(entry.file_name())).unwrap();
    }
}

fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Harms a copy of the store; then either nothing of it is missing, or the damage is named.
fn check_harmed(source: &Path, model: &Model, what: &str, harm: impl FnOnce(&Path)) -> bool {
    let copied = tempfile::tempdir().unwrap();
    copy(source, copied.path());
    harm(copied.path());
    let read = Embedded::open(&small(copied.path())).and_then(|engine| all(&engine));
    match read {
        Ok(rows) => {
            assert!(rows == *model, "{what}: rows changed in silence");
            false
        }
        Err(StoreError::Damaged { file, .. } | StoreError::Format { file, .. }) => {
            assert!(file.starts_with(copied.path()), "{what}: {} is named", file.display());
            true
        }
        Err(error) => panic!("{what}: {error}"),
    }
}

#[test]
fn a_flipped_bit_is_harmless_or_named() {
    let directory = tempfile::tempdir().unwrap();
    let model = used_store(directory.path());
    let mut named = 0;
    for name in files(directory.path()) {
        let length = fs::metadata(directory.path().join(&name)).unwrap().len();
        let places = length.min(30);
        for n in 0..places {
            // Spread over the file, the first and the last byte among them.
            let place = usize::try_from(n * (length - 1) / (places - 1).max(1)).unwrap();
            let what = format!("bit {} of byte {place} of {name}", n % 8);
            named += u32::from(check_harmed(directory.path(), &model, &what, |copied| {
                let path = copied.join(&name);
                let mut bytes = fs::read(&path).unwrap();
                bytes[place] ^= 1 << (n % 8);
                fs::write(&path, bytes).unwrap();
            }));
        }
    }
    assert!(named > 100, "only {named} flips were noticed");
}

/// Whether a store cannot do without what stands in the file.
fn is_needed(name: &str) -> bool {
    !["lock", "reserve"].contains(&name)
}

/// A store whose rows are all in one journal file; closed as by a crash.
fn journalled_store(directory: &Path) -> Model {
    let options =
        EmbeddedOptions { journal_bytes: 512 << 10, memtable_bytes: 64 << 20, ..small(directory) };
    let engine = Embedded::open(&options).unwrap();
    let mut model = Model::new();
    for id in 0..60u8 {
        let writes = vec![(0, id, Change::Put(id, 1_200)), (1, id % 7, Change::Add(1))];
        let step = Step::Commit { writes, drop: None, is_change: true };
        apply(&engine, &mut model, id.into(), &step);
    }
    model
}

#[test]
fn damage_in_the_journal_is_named_up_to_its_last_group() {
    let directory = tempfile::tempdir().unwrap();
    let model = journalled_store(directory.path());
    let path = directory.path().join("journal-0");
    let bytes = fs::read(&path).unwrap();
    let written = bytes.chunks(512).take_while(|sector| sector.iter().any(|byte| *byte != 0));
    let count = written.count();
    assert!(count > 150, "{count} sectors");
    let harm = |place: usize, what: &str, change: fn(&mut [u8])| {
        let what = format!("{what} in sector {place}");
        check_harmed(directory.path(), &model, &what, |copied| {
            let mut bytes = bytes.clone();
            change(&mut bytes[place * 512..place * 512 + 512]);
            fs::write(copied.join("journal-0"), bytes).unwrap();
        })
    };
    for place in (0..count).step_by(5).chain([count - 1]) {
        assert!(harm(place, "a flipped bit", |sector| sector[40] ^= 0x10));
    }
    // A sector that was never written looks like one that was torn away: only what follows tells.
    for place in (1..count - 3).step_by(9) {
        assert!(harm(place, "zeros", |sector| sector.fill(0)));
    }
}

#[test]
fn a_lost_beginning_of_the_newest_journal_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let model = journalled_store(directory.path());
    for lost in [512, 4_096, 65_536] {
        let what = format!("zeros in the first {lost} bytes");
        assert!(check_harmed(directory.path(), &model, &what, |copied| {
            let path = copied.join("journal-0");
            let mut bytes = fs::read(&path).unwrap();
            bytes[..lost].fill(0);
            fs::write(&path, bytes).unwrap();
        }));
    }
}

#[test]
fn an_older_beginning_of_the_newest_journal_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal-0");
    let engine = open(directory.path());
    let mut model = Model::new();
    let mut first = Vec::new();
    for id in 0.. {
        let step = Step::Commit {
            writes: vec![(0, u8::try_from(id % 40).unwrap(), Change::Put(1, 1_400))],
            drop: None,
            is_change: true,
        };
        apply(&engine, &mut model, id, &step);
        let now = fs::read(&path).unwrap()[..512].to_vec();
        if first.is_empty() {
            first = now;
        } else if now != first {
            break;
        }
    }
    drop(engine);
    assert!(check_harmed(directory.path(), &model, "an older beginning", |copied| {
        let path = copied.join("journal-0");
        let mut bytes = fs::read(&path).unwrap();
        bytes[..512].copy_from_slice(&first);
        fs::write(&path, bytes).unwrap();
    }));
}

#[test]
fn a_truncated_or_missing_file_is_harmless_or_named() {
    let directory = tempfile::tempdir().unwrap();
    let model = used_store(directory.path());
    for name in files(directory.path()) {
        let length = fs::metadata(directory.path().join(&name)).unwrap().len();
        for left in [0, 1, length / 3, length / 2, length.saturating_sub(1)] {
            let what = format!("{name} cut to {left} of {length}");
            let is_named = check_harmed(directory.path(), &model, &what, |copied| {
                let file = fs::File::options().write(true).open(copied.join(&name)).unwrap();
                file.set_len(left).unwrap();
            });
            assert_eq!(is_named, is_needed(&name), "{what}");
        }
        let what = format!("{name} removed");
        let is_named = check_harmed(directory.path(), &model, &what, |copied| {
            fs::remove_file(copied.join(&name)).unwrap();
        });
        assert_eq!(is_named, is_needed(&name), "{what}");
    }
}

#[test]
fn a_directory_is_held_by_one_engine() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    let second = Embedded::open(&small(directory.path())).unwrap_err();
    assert_eq!(second, StoreError::Locked(directory.path().to_owned()));
    wait(engine.close()).unwrap();
    let second = open(directory.path());
    assert!(Embedded::open(&small(directory.path())).is_err());
    drop(second);
    drop(open(directory.path()));
}

#[test]
fn a_format_of_a_later_release_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let file = directory.path().join("format");
    fs::write(&file, "jeton store, format 2\n").unwrap();
    let refused = Embedded::open(&small(directory.path())).unwrap_err();
    assert_eq!(refused, StoreError::Format { file, found: 2, known: 1 });
}

#[test]
fn a_repeat_after_a_restart_is_applied_once() {
    let directory = tempfile::tempdir().unwrap();
    let counter = key(Space::Lasting, b"n");
    let add = || batch(1, vec![Write::Add { key: counter.clone(), amount: 1 }]);
    let first = wait(open(directory.path()).commit(add())).unwrap();
    let engine = open(directory.path());
    assert_eq!(wait(engine.commit(add())).unwrap(), first);
    let row = wait(engine.get(&counter)).unwrap().unwrap();
    assert_eq!(row.value.as_ref(), 1i64.to_be_bytes());
}

#[test]
fn after_a_restart_nothing_older_is_known_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let quiet = key(Space::Lasting, b"quiet");
    let engine = open(directory.path());
    for id in 0..3 {
        let changes = vec![key(Space::Lasting, b"loud")];
        wait(engine.commit(Batch { changes, ..batch(id, Vec::new()) })).unwrap();
    }
    drop(engine);
    let engine = open(directory.path());
    assert_eq!(engine.tick(), Tick::new(3));
    let since = |id, tick| Batch {
        expects: vec![Expect::UnchangedSince(quiet.clone(), Tick::new(tick))],
        ..batch(id, vec![put(&quiet, b"x")])
    };
    assert_eq!(wait(engine.commit(since(10, 2))), Err(StoreError::Conflict));
    assert!(wait(engine.commit(since(11, 3))).is_ok());
}

#[test]
fn a_batch_larger_than_the_journal_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    let name = key(Space::Lasting, b"big");
    let refused = wait(engine.commit(batch(1, vec![put(&name, &[1; 70 << 10])])));
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    let largest = vec![put(&name, &[1; 59 << 10])];
    wait(engine.commit(batch(2, largest.clone()))).unwrap();
    wait(engine.commit(batch(3, largest))).unwrap();
    drop(engine);
    let row = wait(open(directory.path()).get(&name)).unwrap().unwrap();
    assert_eq!(row.value.len(), 59 << 10);
}

#[test]
fn a_dropped_segment_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    for id in 0..200u8 {
        let writes =
            vec![put(&key(space(1), &[id]), &[id; 600]), put(&key(space(2), &[id]), &[id; 600])];
        wait(engine.commit(batch(id.into(), writes))).unwrap();
    }
    let drops = vec![Hour::new(1)];
    wait(engine.commit(Batch { drops, ..batch(1_000, Vec::new()) })).unwrap();
    wait(engine.close()).unwrap();
    let names = files(directory.path());
    assert!(!names.iter().any(|name| name.starts_with("hour-1-")), "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("hour-2-")), "{names:?}");
}

#[test]
fn files_of_others_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    fs::write(directory.path().join("notes.txt"), "mine").unwrap();
    fs::write(directory.path().join("lasting-99.run"), "left by a crash").unwrap();
    drop(open(directory.path()));
    let names = files(directory.path());
    assert!(names.iter().any(|name| name == "notes.txt"));
    assert!(!names.iter().any(|name| name == "lasting-99.run"));
}
