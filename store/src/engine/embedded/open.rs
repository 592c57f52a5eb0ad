//! The start: making a directory, or finding what is in one.
//!
//! Owns the order of checks: the lock, the format, the manifest, the runs, the journal. Nothing is
//! removed or written before all of it was found whole, and nothing is removed or shown before what
//! was found is durable.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jeton_domain::id::Tick;
use jeton_domain::limits::{BATCH_IDS_MAX, RECENT_CHANGES_MAX};

use super::EmbeddedOptions;
use super::commit::{Committer, Records};
use super::disk::{Disk, DiskFile, damaged};
use super::flush::Flusher;
use super::found::Found;
use super::gather::Gathering;
use super::journal::{Journal, prepare};
use super::manifest::{self, Manifest};
use super::memtable::Memtable;
use super::record::{self, Step};
use super::run::{Run, is_run_name};
use super::shared::Shared;
use super::view::{Frozen, Runs, View};
use crate::engine::recent::{RecentBatches, RecentChanges};
use crate::engine::{Committed, Space, Version};
use crate::error::StoreError;

/// Opens the directory; what comes back is ready to run in its two threads.
pub(super) fn open(
    options: &EmbeddedOptions,
    disk: Disk,
    lock: std::fs::File,
) -> Result<(Arc<Shared>, Committer, Flusher), StoreError> {
    check_format(&disk)?;
    let manifest = match Manifest::load(&disk)? {
        Some(manifest) => manifest,
        None => create(options, &disk)?,
    };
    if disk.read(FORMAT_FILE)?.is_none() {
        return Err(damaged(&disk.path(FORMAT_FILE), 0, "the file is missing"));
    }
    let runs = open_runs(&disk, &manifest)?;
    let replayed = replay(&disk, &manifest)?;
    remove_strays(&disk, &manifest)?;
    let view = View { active: replayed.active, frozen: replayed.frozen, runs };
    let newest = replayed.newest;
    let held = (disk, lock);
    let shared = Shared::new(held, view, replayed.free, newest.tick, options.boot);
    let shared = Arc::new(shared);
    let committer = Committer {
        shared: Arc::clone(&shared),
        journal: replayed.journal,
        files: replayed.files,
        generation: replayed.generation,
        newest,
        changes: RecentChanges::new(newest.tick, RECENT_CHANGES_MAX),
        batches: replayed.batches,
        journal_bytes: manifest.journal_bytes,
        memtable_bytes: options.memtable_bytes,
        records: Records::default(),
    };
    let mut flusher = Flusher::new(Arc::clone(&shared), manifest, options.reserve_bytes);
    flusher.is_reserve_kept = shared.disk.keep_reserve().is_ok();
    Ok((shared, committer, flusher))
}

/// Refuses a directory of another format before anything else in it is looked at.
fn check_format(disk: &Disk) -> Result<(), StoreError> {
    let Some(content) = disk.read(FORMAT_FILE)? else {
        return Ok(());
    };
    let path = disk.path(FORMAT_FILE);
    let text = std::str::from_utf8(&content).ok();
    let number = text.and_then(|text| text.strip_prefix(FORMAT_START)?.strip_suffix('\n'));
    let number = number.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let found: u32 = number
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| damaged(&path, 0, "it does not say the format of a store"))?;
    if found == FORMAT {
        return Ok(());
    }
    Err(StoreError::Format { file: path, found, known: FORMAT })
}

/// Makes a new store. The manifest comes last, so that a start that was cut short is begun anew.
fn create(options: &EmbeddedOptions, disk: &Disk) -> Result<Manifest, StoreError> {
    for name in disk.names()? {
        let is_used = if let Some(number) = name.strip_prefix("journal-") {
            number.parse().is_ok_and(|number| is_journal_used(disk, number))
        } else {
            is_run_name(&name)
        };
        if is_used {
            let path = disk.path(manifest::FILE);
            return Err(damaged(&path, 0, "the file is missing, and there are rows"));
        }
    }
    let journals = options.journals.max(2);
    let journal_bytes = options.journal_bytes.max(JOURNAL_BYTES_MIN);
    let journal_bytes = journal_bytes.saturating_sub(journal_bytes % 4096);
    for number in 0..journals {
        prepare(disk, number, journal_bytes)?;
    }
    disk.replace(FORMAT_FILE, format!("{FORMAT_START}{FORMAT}\n").as_bytes())?;
    let manifest = Manifest::new(journals, journal_bytes);
    manifest.store(disk)?;
    disk.sync_parents();
    Ok(manifest)
}

/// Whether anything was ever written into the journal file, as far as can be seen.
fn is_journal_used(disk: &Disk, number: u32) -> bool {
    let first = disk.open(&super::journal::file_name(number)).and_then(|file| {
        let length = file.length()?.min(4096);
        file.read_at(super::coding::narrow(length), 0)
    });
    first.map_or(true, |bytes| bytes.iter().any(|byte| *byte != 0))
}

fn open_runs(disk: &Disk, manifest: &Manifest) -> Result<BTreeMap<Space, Runs>, StoreError> {
    let mut runs: BTreeMap<Space, Vec<Arc<Run>>> = BTreeMap::new();
    for entry in &manifest.runs {
        runs.entry(entry.space).or_default().push(Arc::new(Run::open(disk, *entry)?));
    }
    Ok(runs.into_iter().map(|(space, runs)| (space, Runs::new(runs))).collect())
}

/// What the journal gave.
struct Replayed {
    /// All journal files, by number.
    files: Vec<Arc<DiskFile>>,
    journal: Option<Journal>,
    generation: u64,
    free: VecDeque<u32>,
    active: Memtable,
    frozen: VecDeque<Arc<Frozen>>,
    newest: Committed,
    batches: RecentBatches,
}

fn replay(disk: &Disk, manifest: &Manifest) -> Result<Replayed, StoreError> {
    let mut found = Vec::new();
    for number in 0..manifest.journals {
        found.push(Found::look(disk, number, manifest.journal_bytes)?);
    }
    let files = found.iter().map(|file| Arc::clone(&file.file)).collect();
    found.sort_by_key(|file| file.generation);
    let (mut live, free): (Vec<Found>, Vec<Found>) =
        found.into_iter().partition(|file| file.generation >= manifest.first_live);
    for file in &free {
        file.check_beginning(manifest.first_live)?;
    }
    let newest = Committed { tick: Tick::new(manifest.tick), version: Version(manifest.version) };
    let mut replayed = Replayed {
        files,
        journal: None,
        generation: manifest.first_live.saturating_sub(1),
        free: free.into_iter().map(|file| file.number).collect(),
        active: Memtable::default(),
        frozen: VecDeque::new(),
        newest,
        batches: RecentBatches::new(BATCH_IDS_MAX),
    };
    let count = live.len();
    for (place, file) in live.iter_mut().enumerate() {
        let table = replayed.take(disk, file)?;
        let is_last = place.saturating_add(1) == count;
        if !is_last {
            file.check_ended()?;
        }
        if is_last && !file.is_ended {
            replayed.active = table;
        } else {
            replayed.frozen.push_back(Arc::new(Frozen {
                journal: file.number,
                generation: file.generation,
                newest: replayed.newest,
                table,
            }));
        }
    }
    // A name or a group that only this machine's memory holds must not be shown, and what it makes
    // superfluous must not be removed.
    disk.sync_directory();
    live.iter().try_for_each(Found::settle)?;
    replayed.journal = live.pop().filter(|file| !file.is_ended).map(Journal::resume);
    Ok(replayed)
}

impl Replayed {
    /// Replays the next generation.
    fn take(&mut self, disk: &Disk, file: &mut Found) -> Result<Memtable, StoreError> {
        self.generation = self.generation.saturating_add(1);
        if file.generation != self.generation {
            let path = disk.path(&super::journal::file_name(file.number));
            return Err(damaged(&path, 0, "the generation before this one is missing"));
        }
        let mut gathering = Gathering::default();
        let (newest, batches) = (&mut self.newest, &mut self.batches);
        file.replay(|group| {
            let mut is_in_order = true;
            record::read(group, |step| match step {
                Step::Drop(hour) => gathering.clear(hour),
                Step::Write(written) => gathering.write(&written),
                Step::Done(id, committed) => {
                    is_in_order &=
                        committed.version > newest.version && committed.tick >= newest.tick;
                    *newest = committed;
                    batches.note(id, committed);
                }
            })?;
            if is_in_order { Ok(()) } else { Err("batches are not in order") }
        })?;
        Ok(gathering.into_layer())
    }
}

/// Removes what a crash left: runs and temporary files that the manifest does not name.
fn remove_strays(disk: &Disk, manifest: &Manifest) -> Result<(), StoreError> {
    let used: BTreeSet<String> =
        manifest.runs.iter().map(super::run::RunEntry::file_name).collect();
    for name in disk.names()? {
        let is_temporary = TEMPORARY.contains(&name.as_str());
        if is_temporary || (is_run_name(&name) && !used.contains(&name)) {
            disk.remove(&name)?;
        }
    }
    Ok(())
}

const FORMAT_FILE: &str = "format";
const FORMAT_START: &str = "jeton store, format ";
const FORMAT: u32 = 1;
const TEMPORARY: [&str; 2] = ["manifest.new", "format.new"];
const JOURNAL_BYTES_MIN: u64 = 64 * 1024;
