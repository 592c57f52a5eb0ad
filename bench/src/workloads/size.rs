//! Room: bytes on disk and in memory for each live pair.

use super::Bench;
use crate::error::Outcome;
use crate::filling::{self, Ending};
use crate::load::{Generator, Load, Shot, Until, Waiting};
use crate::process::Core;
use crate::report::{Finding, progress};
use crate::site::Site;
use crate::stats::{Series, real};

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let empty = bench.site("size-empty")?;
    let (rows, all) = (empty.row_bytes()?, empty.all_bytes()?);
    empty.remove()?;
    let site = bench.large_site("size-killed", Ending::Killed)?;
    let pairs = real(u64::try_from(bench.scale.large_pairs).unwrap_or_default());
    let a_pair = |bytes: u64, before: u64| {
        Series::of("bytes a pair", real(bytes.saturating_sub(before)) / pairs)
    };
    let loaded = a_pair(site.row_bytes()?, rows);
    progress("size: the server opens, settles and closes the store");
    site.start(Core::Any, &[])?.stop()?;
    let closed = a_pair(site.row_bytes()?, rows);
    let shots = filling::shots(&site, &bench.large_realm())?;
    progress("size: every token is shown once");
    let usual = memory(&site, &shots, &[])?;
    let lifted = memory(&site, &shots, &["jeton.cache.size=16gb"])?;
    site.remove()?;
    let megabytes = |bytes: u64| Series::of("MB", real(bytes) / 1e6);
    Ok(vec![
        Finding::shown("disk, right after the load (runs; journals apart)", loaded),
        Finding::shown("disk, after a stop (runs; journals apart)", closed),
        Finding::shown("disk, journals, whatever the pairs", megabytes(all.saturating_sub(rows))),
        Finding::shown("memory, cache limit lifted", a_pair(lifted.after, lifted.before)),
        Finding::shown("memory of the process at its start", megabytes(usual.before)),
        Finding::shown("memory of the process, every token seen", megabytes(usual.after)),
    ])
}

/// Bytes of memory of a server, before and after it was shown every token.
struct Memory {
    before: u64,
    after: u64,
}

fn memory(site: &Site, shots: &[Shot], settings: &[&str]) -> Outcome<Memory> {
    let server = site.start(Core::Any, settings)?;
    let show = |shots| {
        Generator::connect(server.address(), CONNECTIONS)?.send(&Load {
            shots,
            status: 200,
            until: Until::EachOnce,
            waiting: Waiting::Sleeping,
        })
    };
    // Connections and code take memory too: not for the pairs.
    show(shots.get(..shots.len() / 1_000).unwrap_or_default())?;
    let before = server.memory_bytes()?;
    show(shots)?;
    let after = server.memory_bytes()?;
    server.stop()?;
    Ok(Memory { before, after })
}

const CONNECTIONS: usize = 64;
