//! That runs stay few, whatever is written where.

use std::os::unix::fs::FileExt;
use std::path::Path;

use super::super::compact::RUNS_BOUND;
use super::{batch, key, open, put, settle, small, space, wait};
use crate::engine::embedded::{Embedded, EmbeddedOptions};
use crate::engine::{Batch, Engine, Space, Write};

/// Writes a row of 100 bytes to each of the spaces; gives back the most runs that one of them had.
fn write_to_all(engine: &Embedded, spaces: u32, rounds: u64) -> usize {
    let mut most = 0;
    for round in 0..rounds {
        let name = round.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        let writes = (0..spaces).map(|number| put(key(space(number), name), [1; 100]));
        wait(engine.commit(Batch { writes: writes.collect(), ..batch(round, &[]) })).unwrap();
        most = most.max(most_runs(engine));
    }
    most
}

fn most_runs(engine: &Embedded) -> usize {
    engine.shared.view().runs.values().map(|runs| runs.len()).max().unwrap_or(0)
}

fn damage(directory: &Path, prefix: &str) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with(prefix) {
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.write_all_at(&[0xff; 8], 10).unwrap();
        }
    }
}

#[test]
fn runs_of_many_spaces_stay_few() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = open(&small(directory.path()));
    let most = write_to_all(&engine, 26, 240);
    assert!(most <= RUNS_BOUND, "{most} runs in one space");
    settle(&engine, "an idle engine catches up", |view| {
        view.runs.len() == 26 && view.runs.values().all(|runs| runs.len() <= 8)
    });
}

#[test]
fn a_damaged_segment_stops_no_merge_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = open(&small(directory.path()));
    write_to_all(&engine, 2, 60);
    damage(directory.path(), "hour-0-");
    write_to_all(&engine, 2, 1_500);
    settle(&engine, "the others are merged", |view| {
        view.runs_of(Space::Lasting).len() <= 8 && view.runs_of(space(1)).len() > RUNS_BOUND
    });
    let Space::Hour(hour) = space(1) else { unreachable!() };
    let dropping = Batch { drops: vec![hour], ..batch(5_000, &[]) };
    wait(engine.commit(dropping)).unwrap();
    let rounds = 6_000..6_800u64;
    for round in rounds {
        let writes = vec![put(key(space(1), round.to_be_bytes()), [1; 100])];
        wait(engine.commit(Batch { writes, ..batch(round, &[]) })).unwrap();
    }
    settle(&engine, "a dropped segment is merged anew", |view| {
        (1..=8).contains(&view.runs_of(space(1)).len())
    });
}

#[test]
fn a_merge_too_large_for_the_disk_keeps_no_smaller_one_back() {
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions { reserve_bytes: 0, ..small(directory.path()) };
    let (engine, faults) = open(&options);
    faults.set_room(Some(2_000_000));
    for round in 0..1_200u64 {
        let mut writes = vec![put(key(Space::Lasting, round.to_be_bytes()), [1; 900])];
        if round % 40 == 0 {
            writes.push(put(key(space(1), round.to_be_bytes()), [1; 100]));
        }
        wait(engine.commit(Batch { writes, ..batch(round, &[]) })).unwrap();
    }
    settle(&engine, "small ones are merged", |view| {
        (1..=8).contains(&view.runs_of(space(1)).len())
    });
}

#[test]
fn removals_are_merged_away() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = open(&small(directory.path()));
    let name = |number: u64| key(Space::Lasting, number.to_be_bytes());
    for page in 0..40 {
        let writes = (0..50).map(|n| put(name(page * 50 + n), [1; 100])).collect();
        wait(engine.commit(Batch { writes, ..batch(page, &[]) })).unwrap();
    }
    for page in 0..40 {
        let writes = (0..50).map(|n| Write::Delete { key: name(page * 50 + n) }).collect();
        wait(engine.commit(Batch { writes, ..batch(100 + page, &[]) })).unwrap();
    }
    settle(&engine, "few removals are left", |view| {
        let runs = view.runs_of(Space::Lasting);
        runs.iter().map(|run| run.removals()).sum::<u64>() < 256
    });
}
