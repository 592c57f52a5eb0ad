//! One engine at work: writers that grant, each waiting until its grant is durable.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use clap::ValueEnum;
use jeton_store::engine::embedded::{Embedded, EmbeddedOptions};
use jeton_store::engine::{Batch, Engine};

use super::Bout;
use super::leader::Leader;
use crate::chance::Chance;
use crate::clock::{self, Stopwatch};
use crate::error::{BenchError, Outcome, Trying};
use crate::report::say;
use crate::rows::{Grantees, Rows};

/// The engines that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// The product's.
    Jeton,
    /// redb, with one commit a group.
    Redb,
}

impl Kind {
    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Jeton => "jeton",
            Self::Redb => "redb",
        }
    }
}

/// Opens the store in `folder`, writes for some seconds, says what was found, and closes the store
/// when the input ends.
pub(crate) fn bout(kind: Kind, folder: &Path, seconds: f64, writers: usize) -> Outcome<()> {
    std::fs::create_dir_all(folder).trying(|| format!("cannot make {}", folder.display()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.trying(|| "no runtime".to_owned())?;
    let watch = Stopwatch::start();
    let contender = Arc::new(Contender::open(kind, folder)?);
    let open_s = watch.seconds();
    let before = written_bytes()?;
    let watch = Stopwatch::start();
    let grants = runtime.block_on(write(&contender, watch, seconds, writers))?;
    let seconds = watch.seconds();
    let written_bytes = written_bytes()?.saturating_sub(before);
    let bout = Bout { open_s, grants, seconds, written_bytes };
    say(&serde_json::to_string(&bout).map_err(|error| BenchError::Setup(error.to_string()))?);
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).trying(|| "no input".to_owned())?;
    runtime.block_on(contender.close())
}

/// An engine that is open.
enum Contender {
    Jeton(Embedded),
    Redb(Leader),
}

impl Contender {
    fn open(kind: Kind, folder: &Path) -> Outcome<Self> {
        Ok(match kind {
            Kind::Jeton => {
                let options = EmbeddedOptions::new(folder);
                Self::Jeton(Embedded::open(&EmbeddedOptions {
                    boot: Some(clock::boot),
                    ..options
                })?)
            }
            Kind::Redb => Self::Redb(Leader::open(&folder.join("rows.redb"))?),
        })
    }

    /// Returns when the batch is durable.
    async fn commit(&self, batch: Batch) -> Outcome<()> {
        match self {
            Self::Jeton(engine) => {
                engine.commit(batch).await?;
                Ok(())
            }
            Self::Redb(leader) => leader.commit(batch).await,
        }
    }

    async fn close(&self) -> Outcome<()> {
        match self {
            Self::Jeton(engine) => Ok(engine.close().await?),
            // It closes when the process lets go of it.
            Self::Redb(_) => Ok(()),
        }
    }
}

/// What the writers share.
struct Source {
    grantees: Grantees,
    chance: Chance,
}

async fn write(
    contender: &Arc<Contender>,
    watch: Stopwatch,
    seconds: f64,
    writers: usize,
) -> Outcome<u64> {
    let chance = Chance::new(u64::try_from(clock::now().ms()).unwrap_or_default());
    let source = Source { grantees: Grantees::new("realm", USERS)?, chance };
    let source = Arc::new(Mutex::new(source));
    let grants = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..writers {
        let (contender, source) = (Arc::clone(contender), Arc::clone(&source));
        let grants = Arc::clone(&grants);
        tasks.spawn(async move {
            while watch.seconds() < seconds {
                let batch = next_batch(&source);
                contender.commit(batch).await?;
                grants.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, BenchError>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|error| BenchError::Setup(error.to_string()))??;
    }
    Ok(grants.load(Ordering::Relaxed))
}

fn next_batch(source: &Mutex<Source>) -> Batch {
    let mut held = source.lock().unwrap_or_else(PoisonError::into_inner);
    let Source { grantees, chance } = &mut *held;
    let mut rows = Rows::default();
    grantees.grant(&mut rows, clock::now(), chance);
    rows.into_batch(chance)
}

/// Bytes that this process has written. What the system counts as handed to the disk would not do:
/// it counts whole folios of its cache for each small write.
fn written_bytes() -> Outcome<u64> {
    let text = std::fs::read_to_string(IO).trying(|| format!("cannot read {IO}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("wchar: "));
    let bytes = line.and_then(|bytes| bytes.parse().ok());
    bytes.ok_or_else(|| BenchError::Setup(format!("{IO} is not understood")))
}

const IO: &str = "/proc/self/io";

/// Users who are granted pairs in turn: the keys of the index by user are spread over all of them.
const USERS: usize = 10_000;
