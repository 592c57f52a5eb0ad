//! That runs stay few, whatever is written where.

use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;

use super::super::compact::RUNS_BOUND;
use super::super::view::{REMOVALS_AT_ONCE, View};
use super::{batch, key, open, put, settle, small, space, wait};
use crate::engine::embedded::{Embedded, EmbeddedOptions};
use crate::engine::{Batch, Engine, KeyRange, Space, Write};

/// Writes a row of 100 bytes to each of the spaces; gives back the most runs that one of them had.
fn write_to_all(engine: &Embedded, spaces: u32, rounds: u64) -> usize {
    let mut most = 0;
    for round in 0..rounds {
        write_round(engine, spaces, round);
        most = most.max(most_runs(engine));
    }
    most
}

fn write_round(engine: &Embedded, spaces: u32, round: u64) {
    let name = round.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    let writes = (0..spaces).map(|number| put(key(space(number), name), [1; 100]));
    wait(engine.commit(Batch { writes: writes.collect(), ..batch(round, &[]) })).unwrap();
}

fn most_runs(engine: &Embedded) -> usize {
    engine.shared.view().runs.values().map(|runs| runs.len()).max().unwrap_or(0)
}

fn damage(directory: &Path, prefix: &str) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with(prefix) {
            // It may be gone by now.
            let Ok(file) = std::fs::File::options().write(true).open(path) else { continue };
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
    for round in 0..3_000 {
        write_round(&engine, 2, round);
        // Else a slow disk makes few large layers of them, and few runs.
        settle(&engine, "the flusher follows", |view| view.frozen.is_empty());
        if round < 600 && round % 30 == 0 {
            // Again and again, so that the next merge meets it whichever runs it takes.
            damage(directory.path(), "hour-0-");
        }
    }
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
    let is_merged = |view: &View| (1..=8).contains(&view.runs_of(space(1)).len());
    for id in 5_000..10_000 {
        if is_merged(&engine.shared.view()) {
            return;
        }
        // A merge that was begun and found the room taken is followed by none before the next
        // layer.
        let writes = vec![put(key(Space::Lasting, "again"), [1; 900])];
        wait(engine.commit(Batch { writes, ..batch(id, &[]) })).unwrap();
        settle(&engine, "the flusher follows", |view| view.frozen.is_empty());
    }
    settle(&engine, "small ones are merged", is_merged);
}

#[test]
fn a_scan_steps_over_any_number_of_removals() {
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions::new(directory.path());
    let (engine, _) = open(&options);
    let count = 3 * REMOVALS_AT_ONCE as u64;
    let name = |number: u64| key(Space::Lasting, number.to_be_bytes());
    let in_runs = [5, 4_200, 9_000, count - 1];
    let writes = in_runs.iter().map(|number| put(name(*number), "run")).collect();
    wait(engine.commit(Batch { writes, ..batch(1, &[]) })).unwrap();
    wait(engine.close()).unwrap();
    drop(engine);
    let (engine, _) = open(&options);
    // Of all numbers some were never written, some are removed, some are there in the layer.
    let in_layer = |number: u64| number % 3_000 == 2_999;
    for page in 0..count / 64 {
        let numbers = (page * 64..page * 64 + 64).filter(|number| !in_runs.contains(number));
        let writes = numbers.map(|number| {
            if in_layer(number) {
                put(name(number), "layer")
            } else {
                Write::Delete { key: name(number) }
            }
        });
        wait(engine.commit(Batch { writes: writes.collect(), ..batch(10 + page, &[]) })).unwrap();
    }
    let cells = engine.shared.view().active.table(Space::Lasting).unwrap().rows.len();
    assert!(cells > 2 * REMOVALS_AT_ONCE, "{cells} cells in the layer");
    let there: Vec<u64> =
        (0..count).filter(|number| in_layer(*number) || in_runs.contains(number)).collect();
    let range = KeyRange { space: Space::Lasting, start: Bytes::new(), end: None };
    for limit in 0..=there.len() + 1 {
        let rows = wait(engine.scan(&range, limit)).unwrap();
        let found =
            rows.iter().map(|(key, _)| u64::from_be_bytes(key.bytes[..].try_into().unwrap()));
        assert!(found.eq(there.iter().copied().take(limit)), "limit {limit}");
    }
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
        // Else they may gather in one layer, which nothing writes out.
        settle(&engine, "the flusher follows", |view| view.frozen.is_empty());
    }
    settle(&engine, "few removals are left", |view| {
        let runs = view.runs_of(Space::Lasting);
        runs.iter().map(|run| run.removals()).sum::<u64>() < 256
    });
}

#[test]
fn a_row_that_comes_late_does_not_have_its_segment_written_anew() {
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions { memtable_bytes: 8 << 10, ..small(directory.path()) };
    let (engine, _) = open(&options);
    let mut number = 0_u64;
    let mut write = |to: Space, rows: u64| {
        for _ in 0..rows {
            number += 1;
            let writes = vec![put(key(to, number.to_be_bytes()), [1; 100])];
            wait(engine.commit(Batch { writes, ..batch(number, &[]) })).unwrap();
        }
        settle(&engine, "the flusher follows", |view| view.frozen.is_empty());
    };
    let old = |view: &View| view.runs_of(space(1)).iter().map(|run| run.entry().id).collect();
    write(space(1), 400);
    // As much as makes a space quiet.
    write(space(2), 2_000);
    settle(&engine, "a quiet segment becomes one run", |view| view.runs_of(space(1)).len() == 1);
    let whole: Vec<u64> = old(&engine.shared.view());
    for _ in 0..12 {
        write(space(1), 1);
        // Six layers, and far from that much.
        write(space(2), 180);
    }
    let runs: Vec<u64> = old(&engine.shared.view());
    assert_eq!(runs.first(), whole.first(), "{runs:?}");
    assert!(runs.len() > 1, "{runs:?}");
}
