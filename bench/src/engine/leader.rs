//! redb behind a leader: whoever waits is committed together, with one sync.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use jeton_store::engine::{Batch, Key, Space, Write};
use redb::{Database, Durability, ReadableTable as _, Table, TableDefinition};
use tokio::sync::oneshot;

use crate::error::{BenchError, Outcome, Trying};

/// The way to the thread that commits.
pub(super) struct Leader {
    queue: Sender<Job>,
}

struct Job {
    batch: Batch,
    answer: oneshot::Sender<Result<(), String>>,
}

impl Leader {
    /// Opens or makes the file.
    pub(super) fn open(path: &Path) -> Outcome<Self> {
        let database = Database::builder().set_cache_size(CACHE_BYTES).create(path);
        let database = database.map_err(|error| BenchError::Redb(error.to_string()))?;
        let (queue, jobs) = channel();
        let thread = std::thread::Builder::new().name("redb".to_owned());
        let spawned = thread.spawn(move || lead(&database, &jobs));
        drop(spawned.trying(|| "cannot start a thread".to_owned())?);
        Ok(Self { queue })
    }

    /// Returns when the batch is durable.
    pub(super) async fn commit(&self, batch: Batch) -> Outcome<()> {
        let gone = || BenchError::Redb("its thread has ended".to_owned());
        let (answer, outcome) = oneshot::channel();
        self.queue.send(Job { batch, answer }).map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?.map_err(BenchError::Redb)
    }
}

/// Commits all that waits, again and again, until nobody can ask any more.
fn lead(database: &Database, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        group.extend(jobs.try_iter());
        let outcome = commit(database, &group).map_err(|error| error.to_string());
        for job in group {
            // Who asked may have gone.
            drop(job.answer.send(outcome.clone()));
        }
    }
}

fn commit(database: &Database, group: &[Job]) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    {
        let mut table = transaction.open_table(ROWS)?;
        for write in group.iter().flat_map(|job| &job.batch.writes) {
            apply(&mut table, write)?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn apply(table: &mut Table<'_, &[u8], &[u8]>, write: &Write) -> Result<(), redb::Error> {
    match write {
        Write::Put { key, value, .. } => {
            table.insert(name(key).as_slice(), value.as_ref())?;
        }
        Write::Delete { key } => {
            table.remove(name(key).as_slice())?;
        }
        Write::Add { key, amount } => {
            let name = name(key);
            let held = table.get(name.as_slice())?.and_then(|held| held.value().try_into().ok());
            let sum = i64::from_be_bytes(held.unwrap_or_default()).saturating_add(*amount);
            table.insert(name.as_slice(), sum.to_be_bytes().as_slice())?;
        }
    }
    Ok(())
}

/// The key in one table of all segments: the hour first, so that rows of one hour lie together.
fn name(key: &Key) -> Vec<u8> {
    let hour = match key.space {
        Space::Lasting => 0,
        Space::Hour(hour) => hour.number(),
    };
    [hour.to_be_bytes().as_slice(), &key.bytes].concat()
}

const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");

/// Memory for pages, in bytes.
const CACHE_BYTES: usize = 256 << 20;
