//! How fast the embedded engine is: prints rates of batches like those of an issued pair.
//!
//! `cargo run --release -p jeton-store --example engine_rates -- [DIRECTORY] [SECONDS]`
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it measures real time and prints what it finds"
)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jeton_domain::time::{BootTime, Hour};
use jeton_store::conformance::wait;
use jeton_store::engine::embedded::{Embedded, EmbeddedOptions};
use jeton_store::engine::{Batch, BatchId, Engine, Key, KeyRange, Space, Write};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().unwrap_or_else(|| "target/rates".to_owned()));
    let seconds: u64 = arguments.next().as_deref().unwrap_or("20").parse()?;
    let began = Instant::now();
    let mut engine = Arc::new(Embedded::open(&options(&directory))?);
    println!("first start: {:?}", began.elapsed());
    let next = Arc::new(AtomicU64::new(0));
    for (writers, seconds) in [(1, seconds.div_ceil(4)), (8, seconds.div_ceil(4)), (64, seconds)] {
        issue(&engine, &next, writers, Duration::from_secs(seconds))?;
    }
    let pairs = next.load(Ordering::Relaxed);
    drop(engine);
    engine = reopen(&directory, "after a crash")?;
    wait(engine.close())?;
    drop(engine);
    engine = reopen(&directory, "after a close")?;
    let bytes = engine.health().disk_bytes.saturating_sub(4 * (32 << 20));
    println!("{pairs} pairs, {} bytes in runs each", bytes / pairs.max(1));
    read(&engine, pairs)?;
    wait(engine.close())?;
    Ok(())
}

/// As a server opens it on a machine where nothing else runs.
fn options(directory: &Path) -> EmbeddedOptions {
    EmbeddedOptions { boot: Some(BootTime::default), ..EmbeddedOptions::new(directory) }
}

fn reopen(directory: &Path, when: &str) -> Result<Arc<Embedded>, Box<dyn Error>> {
    let began = Instant::now();
    let engine = Arc::new(Embedded::open(&options(directory))?);
    wait(engine.get(&pair_key(0)))?;
    println!("start and first read {when}: {:?}", began.elapsed());
    Ok(engine)
}

/// Commits as many pairs as the writers can in the time.
fn issue(
    engine: &Arc<Embedded>,
    next: &Arc<AtomicU64>,
    writers: u32,
    time: Duration,
) -> Result<(), Box<dyn Error>> {
    let first = next.load(Ordering::Relaxed);
    let began = Instant::now();
    let runtime = Builder::new_current_thread().build()?;
    let slowest = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..writers {
            let (engine, next) = (Arc::clone(engine), Arc::clone(next));
            tasks.spawn(async move {
                let mut slowest = Duration::ZERO;
                while began.elapsed() < time {
                    let pair = next.fetch_add(1, Ordering::Relaxed);
                    let asked = Instant::now();
                    engine.commit(batch(pair)).await?;
                    slowest = slowest.max(asked.elapsed());
                }
                Ok::<_, jeton_store::error::StoreError>(slowest)
            });
        }
        let mut slowest = Duration::ZERO;
        while let Some(ended) = tasks.join_next().await {
            slowest = slowest.max(ended??);
        }
        Ok::<_, Box<dyn Error>>(slowest)
    })?;
    let done = next.load(Ordering::Relaxed).saturating_sub(first);
    let rate = done / began.elapsed().as_secs().max(1);
    println!("{writers} writers: {rate} pairs/s, durable; slowest answer {slowest:?}");
    Ok(())
}

fn batch(pair: u64) -> Batch {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&pair.to_be_bytes());
    let user = format!("u{:016x}", scatter(pair) % 10_000);
    let index = key(hour_of(pair), [user.as_bytes(), &pair.to_be_bytes()].concat());
    let count = |n: u64| key(Space::Lasting, format!("ccounter-{:02}", n % 60).into_bytes());
    let add = |n: u64| Write::Add { key: count(n), amount: 1 };
    let put = |key: Key, length: usize| Write::Put {
        key,
        value: Bytes::from(pair.to_be_bytes().repeat(length / 8)),
        tick_at: None,
    };
    Batch {
        id: BatchId(id),
        expects: Vec::new(),
        writes: vec![
            put(pair_key(pair), 200),
            put(index, 56),
            put(key(Space::Lasting, [b"l", pair.to_be_bytes().as_slice()].concat()), 24),
            add(pair),
            add(pair + 20),
            add(pair + 40),
        ],
        changes: Vec::new(),
        drops: Vec::new(),
    }
}

fn pair_key(pair: u64) -> Key {
    let name = [pair.to_be_bytes(), scatter(pair).to_be_bytes()].concat();
    key(hour_of(pair), [b"p".as_slice(), &name].concat())
}

fn key(space: Space, bytes: Vec<u8>) -> Key {
    Key { space, bytes: Bytes::from(bytes) }
}

fn hour_of(pair: u64) -> Space {
    Space::Hour(Hour::new(u32::try_from(pair / 200_000).unwrap_or(u32::MAX)))
}

fn scatter(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xff51_afd7_ed55_8ccd)
}

fn read(engine: &Embedded, pairs: u64) -> Result<(), Box<dyn Error>> {
    let count = 300_000u64;
    for (what, offset) in [("present", 0), ("absent", u64::MAX / 2)] {
        let began = Instant::now();
        for n in 0..count {
            let pair = scatter(n) % pairs.max(1);
            let mut key = pair_key(pair);
            if offset > 0 {
                key.bytes = pair_key(pair.wrapping_add(offset)).bytes;
            }
            wait(engine.get(&key))?;
        }
        let rate = count * 1000 / u64::try_from(began.elapsed().as_millis())?.max(1);
        println!("{rate} gets/s of {what} rows in random order, one thread");
    }
    let began = Instant::now();
    let mut rows = 0;
    for n in 0..2_000u64 {
        let from = pair_key(scatter(n) % pairs.max(1));
        let range = KeyRange { space: from.space, start: from.bytes, end: None };
        rows += wait(engine.scan(&range, 1_000))?.len();
    }
    let rate = rows * 1000 / usize::try_from(began.elapsed().as_millis())?.max(1);
    println!("{rate} rows/s in scans of 1000 rows");
    Ok(())
}
