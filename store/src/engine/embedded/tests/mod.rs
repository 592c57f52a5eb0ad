//! Histories with faults put in: power cuts, full disks, failed syncs.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use jeton_domain::time::Hour;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::disk::Disk;
use super::faults::Faults;
use super::view::View;
use super::{Embedded, EmbeddedOptions};
use crate::conformance::wait;
use crate::engine::{Batch, BatchId, Engine, EngineHealth, Key, KeyRange, Space, Write};
use crate::error::StoreError;

mod merges;
mod space;
mod starts;

/// What the rows of the lasting space must be.
type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn small(directory: &Path) -> EmbeddedOptions {
    EmbeddedOptions {
        journal_bytes: 64 << 10,
        memtable_bytes: 24 << 10,
        ..EmbeddedOptions::new(directory)
    }
}

fn open(options: &EmbeddedOptions) -> (Embedded, Arc<Faults>) {
    open_with(options, |_| ())
}

fn open_with(options: &EmbeddedOptions, prepare: impl FnOnce(&Faults)) -> (Embedded, Arc<Faults>) {
    let (disk, lock) = lock(options).unwrap();
    let faults = Arc::clone(&disk.faults);
    prepare(&faults);
    (Embedded::open_disk(options, disk, lock).unwrap(), faults)
}

/// Locks a directory while no process is born: a child holds every lock until it runs its program.
fn lock(options: &EmbeddedOptions) -> Result<(Disk, File), StoreError> {
    let _unborn = BIRTHS.read().unwrap_or_else(PoisonError::into_inner);
    Disk::lock(options.directory.clone())
}

fn batch(id: u64, rows: &[(Vec<u8>, Vec<u8>)]) -> Batch {
    let mut name = [0; 16];
    name[..8].copy_from_slice(&id.to_be_bytes());
    let write = |(key, value): &(Vec<u8>, Vec<u8>)| Write::Put {
        key: Key { space: Space::Lasting, bytes: Bytes::copy_from_slice(key) },
        value: Bytes::copy_from_slice(value),
        tick_at: None,
    };
    Batch {
        id: BatchId(name),
        expects: Vec::new(),
        writes: rows.iter().map(write).collect(),
        changes: Vec::new(),
        drops: Vec::new(),
    }
}

fn all(engine: &Embedded) -> Model {
    let range = KeyRange { space: Space::Lasting, start: Bytes::new(), end: None };
    let rows = wait(engine.scan(&range, usize::MAX)).unwrap();
    rows.into_iter().map(|(key, row)| (key.bytes.to_vec(), row.value.to_vec())).collect()
}

fn key(space: Space, name: impl AsRef<[u8]>) -> Key {
    Key { space, bytes: Bytes::copy_from_slice(name.as_ref()) }
}

fn put(key: Key, value: impl AsRef<[u8]>) -> Write {
    Write::Put { key, value: Bytes::copy_from_slice(value.as_ref()), tick_at: None }
}

/// A space of its own for each number.
fn space(number: u32) -> Space {
    number.checked_sub(1).map_or(Space::Lasting, |hour| Space::Hour(Hour::new(hour)))
}

/// Waits until the flusher has come so far. Gives up when it has synced nothing for some tens of
/// seconds, however long all of it takes.
fn settle(engine: &Embedded, what: &str, is_settled: impl Fn(&View) -> bool) {
    let syncs = || engine.shared.disk.faults.syncs();
    let (mut seen, mut looks_in_vain) = (syncs(), 0);
    for _ in 0..1_200 {
        if is_settled(&engine.shared.view()) {
            return;
        }
        engine.shared.pause_flow(Duration::from_millis(500), |_| is_settled(&engine.shared.view()));
        looks_in_vain = if syncs() == seen { looks_in_vain + 1 } else { 0 };
        if looks_in_vain == 60 {
            break;
        }
        seen = syncs();
    }
    panic!("{what}: {:?}", engine.shared.view().runs);
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.checked_rem(sides).unwrap()
    }

    fn rows(&mut self, count: u64, keys: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows: Model = (0..count)
            .map(|_| {
                let key = self.roll(keys).to_be_bytes().to_vec();
                let byte = u8::try_from(self.roll(256)).unwrap();
                let length = usize::try_from(self.roll(400)).unwrap();
                (key, vec![byte; length])
            })
            .collect();
        rows.into_iter().collect()
    }
}

/// Commits until after the cut; gives back what was acknowledged before it, with what one batch at
/// the cut may have added.
fn commit_until_cut(
    engine: &Embedded,
    faults: &Faults,
    dice: &mut Dice,
    model: &Model,
    first_id: u64,
) -> (Model, Model) {
    let mut sure = model.clone();
    for id in first_id.. {
        let rows = match dice.roll(4) {
            0 => dice.rows(60, 300),
            _ => dice.rows(3, 300),
        };
        wait(engine.commit(batch(id, &rows))).unwrap();
        let mut with_rows = sure.clone();
        with_rows.extend(rows);
        if faults.is_power_cut() {
            return (sure, with_rows);
        }
        sure = with_rows;
    }
    (sure, Model::new())
}

#[test]
fn a_power_cut_loses_nothing_acknowledged() {
    for seed in 1..=50u64 {
        let directory = tempfile::tempdir().unwrap();
        let options = small(directory.path());
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut model = Model::new();
        for life in 0..4u64 {
            let (engine, faults) = open(&options);
            assert_eq!(all(&engine), model, "seed {seed}, life {life}");
            faults.cut_power_at_sync(1 + dice.roll(80));
            let first_id = life << 32;
            let (sure, possible) = commit_until_cut(&engine, &faults, &mut dice, &model, first_id);
            drop(engine);
            faults.cut_power(|| dice.roll(2) == 0);
            let (engine, _) = open(&options);
            model = all(&engine);
            assert!(model == sure || model == possible, "seed {seed}, life {life}");
        }
    }
}

/// Commits on a disk that is about to be full, until five batches were refused; gives back how many
/// were taken.
fn commit_until_full(engine: &Embedded, dice: &mut Dice, model: &mut Model) -> usize {
    let mut taken = 0usize;
    let mut refused = 0usize;
    while refused < 5 {
        let id = dice.roll(u64::MAX);
        let rows = dice.rows(3, 5_000);
        match wait(engine.commit(batch(id, &rows))) {
            Ok(_) => {
                model.extend(rows);
                taken = taken.saturating_add(1);
            }
            Err(error) => {
                assert_eq!(error, StoreError::Full);
                refused = refused.saturating_add(1);
            }
        }
    }
    taken
}

fn commit_many(engine: &Embedded, dice: &mut Dice, model: &mut Model) {
    for place in 0..400 {
        let id = dice.roll(u64::MAX);
        let rows = dice.rows(3, 5_000);
        let mut outcome = wait(engine.commit(batch(id, &rows)));
        // The flusher may have tried just before there was room.
        if place == 0 && outcome == Err(StoreError::Full) {
            outcome = wait(engine.commit(batch(id, &rows)));
        }
        outcome.unwrap();
        model.extend(rows);
    }
}

#[test]
fn a_full_disk_keeps_taking_commits_and_then_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let options = small(directory.path());
    let (engine, faults) = open(&options);
    let (mut dice, mut model) = (Dice(7), Model::new());
    faults.set_room(Some(10_000));
    let taken = commit_until_full(&engine, &mut dice, &mut model);
    assert!(taken > 150, "the journal files written in advance took only {taken} batches");
    let EngineHealth { has_room, writable, trouble, .. } = engine.health();
    assert!(!has_room && !writable);
    assert_eq!(trouble.len(), 1, "{trouble:?}");
    assert_eq!(all(&engine), model);

    faults.set_room(None);
    commit_many(&engine, &mut dice, &mut model);
    assert_eq!(all(&engine), model);
    assert!(engine.health().writable && engine.health().trouble.is_empty());
    wait(engine.close()).unwrap();
    drop(engine);
    assert_eq!(all(&open(&options).0), model);
}

#[test]
fn a_crash_on_a_full_disk_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let options = small(directory.path());
    let (engine, faults) = open(&options);
    let (mut dice, mut model) = (Dice(9), Model::new());
    faults.set_room(Some(0));
    commit_until_full(&engine, &mut dice, &mut model);
    drop(engine);
    let (engine, faults) = open_with(&options, |faults| faults.set_room(Some(0)));
    assert_eq!(all(&engine), model);
    commit_until_full(&engine, &mut dice, &mut model);
    faults.set_room(None);
    commit_many(&engine, &mut dice, &mut model);
    drop(engine);
    assert_eq!(all(&open(&options).0), model);
}

#[test]
fn a_store_closed_on_a_full_disk_keeps_its_rows() {
    let directory = tempfile::tempdir().unwrap();
    let options = small(directory.path());
    let (engine, faults) = open(&options);
    let rows = Dice(3).rows(50, 500);
    wait(engine.commit(batch(1, &rows))).unwrap();
    faults.set_room(Some(0));
    wait(engine.close()).unwrap();
    drop(engine);
    assert_eq!(all(&open(&options).0), rows.into_iter().collect());
}

#[test]
fn a_journal_write_that_fails_leaves_nothing_of_its_batch() {
    for seed in 1..=20 {
        let directory = tempfile::tempdir().unwrap();
        let options = EmbeddedOptions {
            journal_bytes: 256 << 10,
            memtable_bytes: 1 << 20,
            ..EmbeddedOptions::new(directory.path())
        };
        let mut dice = Dice(seed);
        let mut model = Model::new();
        let (engine, faults) = open(&options);
        for id in 0..40u64 {
            let count = 1 + dice.roll(30);
            let rows = dice.rows(count, 200);
            let is_cut = id > 0 && dice.roll(4) == 0;
            if is_cut {
                faults.cut_next_write(usize::try_from(512 * dice.roll(12)).unwrap());
            }
            let outcome = wait(engine.commit(batch(id, &rows)));
            assert_eq!(outcome.is_err(), is_cut);
            if !is_cut {
                model.extend(rows);
            }
            assert_eq!(all(&engine), model);
        }
        drop(engine);
        assert_eq!(all(&open(&options).0), model, "seed {seed}");
    }
}

#[test]
fn what_a_failed_write_left_never_completes_a_later_group() {
    for seed in 1..=60 {
        let directory = tempfile::tempdir().unwrap();
        let options = EmbeddedOptions {
            journal_bytes: 256 << 10,
            memtable_bytes: 1 << 20,
            ..EmbeddedOptions::new(directory.path())
        };
        let mut dice = Dice(seed);
        let (engine, faults) = open(&options);
        let kept = dice.rows(5, 1 << 40);
        wait(engine.commit(batch(1, &kept))).unwrap();
        let model: Model = kept.into_iter().collect();
        faults.cut_next_write(4 * 512);
        wait(engine.commit(batch(2, &dice.rows(12, 1 << 40)))).unwrap_err();
        faults.cut_power_at_sync(1);
        let rows = dice.rows(12, 1 << 40);
        wait(engine.commit(batch(3, &rows))).unwrap();
        drop(engine);
        faults.cut_power(|| dice.roll(2) == 0);
        let mut possible = model.clone();
        possible.extend(rows);
        let found = all(&open(&options).0);
        assert!(found == model || found == possible, "seed {seed}");
    }
}

#[test]
fn a_journal_that_breaks_off_before_a_later_one_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let options = small(directory.path());
    let (engine, faults) = open(&options);
    let (mut dice, mut model) = (Dice(5), Model::new());
    faults.set_room(Some(0));
    commit_until_full(&engine, &mut dice, &mut model);
    drop(engine);
    let mut named = 0;
    for number in 0..options.journals {
        let path = directory.path().join(format!("journal-{number}"));
        let bytes = std::fs::read(&path).unwrap();
        let is_written = |sector: &[u8]| sector.iter().any(|byte| *byte != 0);
        let last = bytes.chunks(512).rposition(is_written).unwrap();
        let mut cut = bytes.clone();
        cut[last * 512..].fill(0);
        std::fs::write(&path, cut).unwrap();
        let (disk, lock) = lock(&options).unwrap();
        disk.faults.set_room(Some(0));
        match Embedded::open_disk(&options, disk, lock) {
            Err(StoreError::Damaged { file, .. }) if file == path => named += 1,
            Err(error) => panic!("{error}"),
            // The newest file: what is missing is as a crash before the last sync would leave it.
            Ok(engine) => drop(engine),
        }
        std::fs::write(&path, bytes).unwrap();
    }
    assert_eq!(named, 3);
    assert_eq!(all(&open(&options).0), model);
}

#[test]
fn batches_that_come_while_another_is_committed_share_a_sync() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, faults) = open(&EmbeddedOptions::new(directory.path()));
    let (begun, is_begun) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    // Who is told of a change holds the commit thread up; afterwards nobody does.
    let held = Mutex::new(Some((begun, may_go_on)));
    engine.on_change(Arc::new(move |_, _| {
        if let Some((begun, may_go_on)) = held.lock().unwrap().take() {
            begun.send(()).unwrap();
            may_go_on.recv().unwrap();
        }
    }));
    let rows = |id: u64| [(id.to_be_bytes().to_vec(), vec![7; 200])];
    let changes = vec![key(Space::Lasting, "change")];
    let mut context = Context::from_waker(Waker::noop());
    let mut first = engine.commit(Batch { changes, ..batch(0, &rows(0)) });
    assert!(first.as_mut().poll(&mut context).is_pending());
    is_begun.recv().unwrap();
    let before = faults.syncs();
    let mut others: Vec<_> = (1..=64).map(|id| engine.commit(batch(id, &rows(id)))).collect();
    assert!(others.iter_mut().all(|other| other.as_mut().poll(&mut context).is_pending()));
    go_on.send(()).unwrap();
    wait(first).unwrap();
    for other in others {
        wait(other).unwrap();
    }
    assert_eq!(faults.syncs() - before, 1);
    assert_eq!(all(&engine).len(), 65);
}

#[test]
fn merging_keeps_runs_few_and_rows_right() {
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions { memtable_bytes: 8 << 10, ..small(directory.path()) };
    let (engine, _) = open(&options);
    let mut dice = Dice(11);
    let mut model = Model::new();
    for id in 0..1_500 {
        let rows = dice.rows(4, 2_000);
        let mut batch = batch(id, &rows);
        model.extend(rows);
        let gone = dice.roll(2_000).to_be_bytes().to_vec();
        if !batch.writes.iter().any(|write| write.key().bytes == gone) {
            let bytes = Bytes::copy_from_slice(&gone);
            batch.writes.push(Write::Delete { key: Key { space: Space::Lasting, bytes } });
            model.remove(&gone);
        }
        wait(engine.commit(batch)).unwrap();
    }
    assert_eq!(all(&engine), model);
    settle(&engine, "the flusher follows", |view| view.frozen.is_empty());
    for key in model.keys().take(300) {
        let key = Key { space: Space::Lasting, bytes: Bytes::copy_from_slice(key) };
        let row = wait(engine.get(&key)).unwrap().unwrap();
        assert_eq!(Some(row.value.as_ref()), model.get(key.bytes.as_ref()).map(Vec::as_slice));
    }
    wait(engine.close()).unwrap();
    drop(engine);
    let (engine, _) = open(&options);
    let runs = engine.shared.view().runs_of(Space::Lasting).len();
    assert!(runs <= 16, "{runs} runs");
    assert_eq!(all(&engine), model);
}

/// Runs the test of this name in a process of its own, with the directory; gives back how it ended.
fn run_alone(name: &str, directory: &Path) -> ExitStatus {
    let births = BIRTHS.write().unwrap_or_else(PoisonError::into_inner);
    let child = Command::new(std::env::current_exe().unwrap())
        .args([&format!("engine::embedded::tests::{name}"), "--exact", "--nocapture"])
        .env(ALONE, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(births);
    let ended = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&ended.stdout);
    assert!(told.contains("running 1 test"), "{told}");
    ended.status
}

/// The directory when the test runs in a process of its own.
fn directory_alone() -> Option<PathBuf> {
    std::env::var_os(ALONE).map(PathBuf::from)
}

const ALONE: &str = "JETON_TEST_ALONE";

/// Held while a process is born.
static BIRTHS: RwLock<()> = RwLock::new(());

#[test]
fn a_failed_sync_stops_the_process() {
    if let Some(directory) = directory_alone() {
        let (engine, faults) = open(&small(&directory));
        wait(engine.commit(batch(1, &Dice(1).rows(1, 10)))).unwrap();
        faults.fail_syncs();
        drop(wait(engine.commit(batch(2, &Dice(2).rows(1, 10)))));
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let ended = run_alone("a_failed_sync_stops_the_process", directory.path());
    assert_eq!(ended.signal(), Some(6), "{ended:?}");
    let (engine, _) = open(&small(directory.path()));
    assert!(all(&engine).len() <= 2);
}

#[test]
fn a_panic_of_a_thread_stops_the_process() {
    if let Some(directory) = directory_alone() {
        let (engine, _) = open(&small(&directory));
        engine.on_change(Arc::new(|_, _| panic!("an applier that fails")));
        let changes = vec![key(Space::Lasting, "change")];
        drop(wait(engine.commit(Batch { changes, ..batch(1, &Dice(1).rows(1, 10)) })));
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let ended = run_alone("a_panic_of_a_thread_stops_the_process", directory.path());
    assert_eq!(ended.signal(), Some(6), "{ended:?}");
    assert_eq!(all(&open(&small(directory.path())).0), Dice(1).rows(1, 10).into_iter().collect());
}

#[test]
fn without_descriptors_commits_go_on_and_the_process_lives() {
    if let Some(directory) = directory_alone() {
        let (engine, _) = open(&small(&directory));
        let before = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(3), maximum: before.maximum }).unwrap();
        let (mut dice, mut model) = (Dice(31), Model::new());
        for id in 0..150u64 {
            let rows = dice.rows(3, 5_000);
            wait(engine.commit(batch(id, &rows))).unwrap();
            model.extend(rows);
        }
        assert!(engine.shared.view().frozen.len() > 1, "several journal files were filled");
        setrlimit(Resource::Nofile, before).unwrap();
        commit_many(&engine, &mut dice, &mut model);
        assert_eq!(all(&engine), model);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let name = "without_descriptors_commits_go_on_and_the_process_lives";
    let ended = run_alone(name, directory.path());
    assert!(ended.success(), "{ended:?}");
}
