//! What a start must make durable before it shows it, and what it must miss.

use std::sync::Arc;

use super::super::faults::{Faults, Lost};
use super::{Dice, Model, all, batch, lock, open, small, wait};
use crate::engine::Engine;
use crate::engine::embedded::{Embedded, EmbeddedOptions};

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
