//! What is freed, and when, and what is refused in time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{
    Dice, Model, all, batch, commit_many, key, lock, open, open_with, put, settle, small, space,
    wait,
};
use crate::engine::embedded::{Embedded, EmbeddedOptions};
use crate::engine::{Batch, Engine, Space};

fn fill_segment(engine: &Embedded, first_id: u64) {
    for id in first_id..first_id + 120 {
        let writes = vec![put(key(space(1), id.to_be_bytes()), [1; 900])];
        wait(engine.commit(Batch { writes, ..batch(id, &[]) })).unwrap();
    }
    settle(engine, "the segment has runs", |view| {
        view.frozen.is_empty() && !view.runs_of(space(1)).is_empty()
    });
}

fn drop_segment(engine: &Embedded) {
    let Space::Hour(hour) = space(1) else { unreachable!() };
    wait(engine.commit(Batch { drops: vec![hour], ..batch(9_999_999, &[]) })).unwrap();
}

fn check_freed(engine: &Embedded, directory: &Path) {
    let count = || {
        let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_str().unwrap().starts_with("hour-0-")).count()
    };
    settle(engine, "its runs are forgotten", |view| view.runs_of(space(1)).is_empty());
    settle(engine, "its files are gone", |_| count() == 0);
}

#[test]
fn a_dropped_segment_frees_its_space_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = open(&small(directory.path()));
    fill_segment(&engine, 0);
    drop_segment(&engine);
    check_freed(&engine, directory.path());
}

#[test]
fn a_segment_dropped_on_a_full_disk_makes_room() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, faults) = open(&small(directory.path()));
    fill_segment(&engine, 0);
    faults.set_room(Some(0));
    drop_segment(&engine);
    check_freed(&engine, directory.path());
    let (mut dice, mut model) = (Dice(21), Model::new());
    for id in 0..40 {
        let rows = dice.rows(3, 50);
        wait(engine.commit(batch(id | 1 << 40, &rows))).unwrap();
        model.extend(rows);
    }
    assert_eq!(all(&engine), model);
}

/// All files but the journal, at a moment at which no merge replaces them: two looks in a row, the
/// manifest among what is read, see the same.
fn files_at_rest(directory: &Path) -> Files {
    let mut before = None;
    for _ in 0..1_000 {
        match files(directory) {
            Some(now) if before.as_ref() == Some(&now) => return now,
            now => before = now,
        }
    }
    panic!("the files change again and again");
}

/// All files but the journal; none when one is removed meanwhile.
fn files(directory: &Path) -> Option<Files> {
    let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let is_kept =
        |path: &PathBuf| !path.file_name().unwrap().to_str().unwrap().starts_with("journal");
    paths.filter(is_kept).map(|path| Some((path.clone(), std::fs::read(path).ok()?))).collect()
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

#[test]
fn a_restart_on_a_full_disk_frees_dropped_segments() {
    let directory = tempfile::tempdir().unwrap();
    let options = small(directory.path());
    let (engine, _) = open(&options);
    fill_segment(&engine, 0);
    let kept = files_at_rest(directory.path());
    drop_segment(&engine);
    drop(engine);
    // As if the process had been killed before anything of it was forgotten.
    for (path, content) in kept {
        std::fs::write(path, content).unwrap();
    }
    let (engine, faults) = open_with(&options, |faults| faults.set_room(Some(0)));
    check_freed(&engine, directory.path());
    faults.set_room(None);
    commit_many(&engine, &mut Dice(22), &mut Model::new());
}

#[test]
fn a_store_that_stopped_granting_in_time_is_never_full() {
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions { reserve_bytes: 100_000, ..small(directory.path()) };
    let (engine, faults) = open(&options);
    faults.set_room(Some(1_000_000));
    let mut granted = 0u64;
    while engine.has_room() {
        let id = granted;
        let writes = (0..8u64).map(|n| put(key(space(1), (id * 8 + n).to_be_bytes()), [1; 900]));
        wait(engine.commit(Batch { writes: writes.collect(), ..batch(id, &[]) })).unwrap();
        granted += 1;
        assert!(granted < 1_000, "grants are refused in time");
    }
    assert!(granted > 20, "only {granted} were granted");
    for id in 1_000..1_300 {
        let writes = vec![put(key(Space::Lasting, b"cutoff"), [2; 100])];
        let revoked = wait(engine.commit(Batch { writes, ..batch(id, &[]) }));
        assert!(revoked.is_ok(), "{revoked:?} after {id}, granted {granted}");
    }
    assert_eq!(engine.shared.trouble(), None);
    drop_segment(&engine);
    check_freed(&engine, directory.path());
    assert!(engine.health().has_room);
}

#[test]
fn a_directory_without_a_reserve_opens() {
    let directory = tempfile::tempdir().unwrap();
    let options = small(directory.path());
    drop(open(&options));
    let reserve = directory.path().join("reserve");
    std::fs::remove_file(&reserve).unwrap();
    let (disk, lock) = lock(&options).unwrap();
    disk.faults.set_room(Some(1_000));
    let engine = Embedded::open_disk(&options, disk, lock);
    assert!(!reserve.exists());
    drop(engine.unwrap());
    drop(open(&options));
    assert!(reserve.exists());
}
