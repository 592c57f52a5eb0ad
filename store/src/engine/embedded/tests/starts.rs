//! What a start must make durable before it shows it, and what it must miss.

use std::sync::Arc;

use super::super::faults::{Faults, Lost};
use super::super::sector::{FLAG_BEGIN, Head, SECTOR, Sector};
use super::{Dice, Model, all, batch, lock, open, small, wait};
use crate::engine::Engine;
use crate::engine::embedded::{Embedded, EmbeddedOptions};
use crate::error::StoreError;

/// Opens the directory as the next process on the machine whose faults these are.
fn open_again(options: &EmbeddedOptions, faults: &Arc<Faults>) -> Embedded {
    let (mut disk, lock) = lock(options).unwrap();
    disk.faults = Arc::clone(faults);
    Embedded::open_disk(options, disk, lock).unwrap()
}

#[test]
fn a_commit_found_after_a_kill_survives_a_power_cut() {
    for seed in 1..=20 {
        let directory = tempfile::tempdir().unwrap();
        let options = small(directory.path());
        let (engine, faults) = open(&options);
        let (mut dice, mut model) = (Dice(seed), Model::new());
        let older = dice.roll(3);
        for id in 0..older {
            let rows = dice.rows(5, 500);
            wait(engine.commit(batch(id, &rows))).unwrap();
            model.extend(rows);
        }
        // Killed when the group was written, before it was synced.
        faults.lose_syncs(Lost::Contents);
        let rows = dice.rows(20, 500);
        wait(engine.commit(batch(99, &rows))).unwrap();
        model.extend(rows);
        drop(engine);
        faults.lose_syncs(Lost::Nothing);
        let engine = open_again(&options, &faults);
        assert_eq!(all(&engine), model, "seed {seed}");
        drop(engine);
        faults.cut_power(|| true);
        assert_eq!(all(&open(&options).0), model, "seed {seed}");
    }
}

#[test]
fn runs_found_after_a_kill_survive_a_power_cut() {
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions { journals: 2, ..small(directory.path()) };
    let (engine, faults) = open(&options);
    // Killed when the manifest was renamed, before the name was synced.
    faults.lose_syncs(Lost::Names);
    let (mut dice, mut model) = (Dice(5), Model::new());
    for id in 0..2 {
        let rows = dice.rows(100, 500);
        wait(engine.commit(batch(id, &rows))).unwrap();
        model.extend(rows);
    }
    wait(engine.close()).unwrap();
    drop(engine);
    faults.lose_syncs(Lost::Nothing);
    let engine = open_again(&options, &faults);
    assert_eq!(all(&engine), model);
    // This goes into a journal file whose rows are in runs, by the manifest that was found.
    let rows = dice.rows(5, 500);
    wait(engine.commit(batch(9, &rows))).unwrap();
    model.extend(rows);
    drop(engine);
    faults.cut_power(|| true);
    assert_eq!(all(&open(&options).0), model);
}

/// A store whose first generation has some rows, and was killed; its rows, and the sectors of its
/// file.
fn killed(options: &EmbeddedOptions) -> (Model, Vec<u8>) {
    let (engine, _) = open(options);
    let mut model = Model::new();
    for id in 0..5 {
        let rows = Dice(id + 1).rows(5, 500);
        wait(engine.commit(batch(id, &rows))).unwrap();
        model.extend(rows);
    }
    drop(engine);
    let sectors = std::fs::read(options.directory.join("journal-0")).unwrap();
    (model, sectors)
}

/// How many sectors the generation may take, as its beginning says.
fn extent(sectors: &[u8]) -> usize {
    let Ok(Sector::Written(_, payload)) = Sector::parse(&sectors[..SECTOR], 0, u64::MAX) else {
        panic!("no beginning");
    };
    usize::try_from(u32::from_le_bytes(payload.try_into().unwrap())).unwrap()
}

#[test]
fn a_beginning_of_an_earlier_release_stands_for_all_of_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let options = small(directory.path());
    let (mut model, mut sectors) = killed(&options);
    let (extent, first) = (extent(&sectors), sectors[..SECTOR].to_vec());
    let begin = Head { generation: 1, place: 0, group: 0, attempt: 0, used: 0, flags: FLAG_BEGIN };
    sectors[..SECTOR].copy_from_slice(&begin.sector(&[]));
    let path = directory.path().join("journal-0");
    let mut harmed = sectors.clone();
    harmed[sectors.len() - SECTOR] = 1;
    std::fs::write(&path, harmed).unwrap();
    let (disk, lock) = lock(&options).unwrap();
    let opened = Embedded::open_disk(&options, disk, lock);
    assert!(matches!(opened, Err(StoreError::Damaged { .. })), "{opened:?}");
    std::fs::write(&path, sectors).unwrap();
    let (engine, _) = open(&options);
    assert_eq!(all(&engine), model);
    // More than one generation of this release takes.
    let rows = Dice(9).rows(200, 5_000);
    wait(engine.commit(batch(9, &rows))).unwrap();
    model.extend(rows);
    drop(engine);
    let mut sectors = std::fs::read(&path).unwrap();
    assert!(sectors[extent * SECTOR..].iter().any(|byte| *byte != 0));
    assert_eq!(all(&open(&options).0), model);
    // As if an earlier release had gone on with a generation of this one.
    sectors[..SECTOR].copy_from_slice(&first);
    std::fs::write(&path, sectors).unwrap();
    assert_eq!(all(&open(&options).0), model);
}

#[test]
fn damage_is_named_wherever_the_generation_may_have_written() {
    let directory = tempfile::tempdir().unwrap();
    let options = small(directory.path());
    let (model, sectors) = killed(&options);
    let extent = extent(&sectors);
    assert!(extent < sectors.len() / SECTOR, "{extent} sectors");
    for (place, is_named) in [(extent - 1, true), (extent, false)] {
        let mut harmed = sectors.clone();
        harmed[place * SECTOR] = 1;
        std::fs::write(directory.path().join("journal-0"), harmed).unwrap();
        let (disk, lock) = lock(&options).unwrap();
        match Embedded::open_disk(&options, disk, lock) {
            Err(StoreError::Damaged { .. }) => assert!(is_named),
            Err(error) => panic!("{error}"),
            Ok(engine) => {
                assert!(!is_named);
                assert_eq!(all(&engine), model);
            }
        }
    }
}

#[test]
fn a_batch_larger_than_a_layer_has_a_generation_as_large() {
    let directory = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions { memtable_bytes: 4 << 10, ..small(directory.path()) };
    let (mut model, sectors) = killed(&options);
    assert!(extent(&sectors) * SECTOR < 8 << 10);
    let (engine, _) = open(&options);
    let rows = Dice(7).rows(200, 5_000);
    wait(engine.commit(batch(9, &rows))).unwrap();
    model.extend(rows);
    drop(engine);
    assert_eq!(all(&open(&options).0), model);
}
