//! Room on disk: bytes for each stored pair, in runs and with the journals.

use super::Bench;
use crate::error::Outcome;
use crate::filling::Ending;
use crate::process::Core;
use crate::report::{Bound, Finding, progress};
use crate::stats::{Series, real};

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let empty = bench.site("size-empty")?;
    let (rows, all) = (empty.row_bytes()?, empty.all_bytes()?);
    empty.remove()?;
    let loaded = bench.vast(Ending::Closed)?.row_bytes()?;
    let killed = bench.vast(Ending::Killed)?;
    let site = killed.copy(bench.scratch.join("size"))?;
    progress("size: the server opens, settles and closes the store");
    site.start(Core::Any, &[])?.stop()?;
    let (settled, with_journals) = (site.row_bytes()?, site.all_bytes()?);
    site.remove()?;
    let brim = crate::tokens::Tokens::load(killed, Bench::BRIM.realm, 1)?.len();
    let stored = bench.vast_stored();
    let a_pair = |bytes: u64, pairs: usize| {
        let pairs = real(u64::try_from(pairs).unwrap_or_default());
        Series::of("bytes a pair", real(bytes) / pairs)
    };
    let more = stored.saturating_add(brim);
    Ok(vec![
        Finding::shown(
            format!("disk, {stored} pairs, right after the load (runs; journals apart)"),
            a_pair(loaded.saturating_sub(rows), stored),
        ),
        Finding::beside(
            format!("disk, {more} pairs, after a kill, a start and a stop (runs and journals)"),
            a_pair(with_journals, more),
            "runs alone",
            a_pair(settled.saturating_sub(rows), more),
            Bound::AtMost(250.0),
        ),
        Finding::shown(
            "disk, journals, whatever the pairs",
            Series::of("MB", real(all.saturating_sub(rows)) / 1e6),
        ),
    ])
}
