//! The embedded engine against redb: the same grants, durable, from as many writers.
//!
//! Owns how the two are compared: each run is a process of its own on a store that grows, in turns,
//! and the last one is killed. What stands behind the choice of an engine is measured here.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::error::{BenchError, Outcome, Trying};
use crate::process;
use crate::report::{Bound, Finding, progress};
use crate::stats::{Series, real};
use contender::Kind;

pub(crate) mod contender;
mod leader;

/// How long and how often the engines write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contest {
    /// Runs of each engine.
    pub(crate) runs: usize,
    /// Seconds of one run.
    pub(crate) run_s: f64,
    /// Writers at once.
    pub(crate) writers: usize,
}

impl Contest {
    /// The real thing.
    pub(crate) const FULL: Self = Self { runs: 5, run_s: 5.0, writers: 64 };

    /// Enough to see that it runs.
    pub(crate) const QUICK: Self = Self { runs: 1, run_s: 0.3, writers: 64 };
}

/// What one process found.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Bout {
    /// Seconds that opening took.
    pub(crate) open_s: f64,
    /// Grants that became durable.
    pub(crate) grants: u64,
    /// Seconds that they took.
    pub(crate) seconds: f64,
    /// Bytes that were written for them.
    pub(crate) written_bytes: u64,
}

/// What was found of one engine.
struct Record {
    kind: Kind,
    rate: Series,
    written: Series,
    reopen: Series,
    grants: u64,
    disk_a_pair: Series,
    after_kill: Series,
}

/// Runs the engines in turns.
pub(crate) fn run(contest: &Contest, program: &Path, scratch: &Path) -> Outcome<Vec<Finding>> {
    let mut records = [Kind::Jeton, Kind::Redb].map(Record::new);
    for run in 1..=contest.runs {
        for record in &mut records {
            progress(&format!("engine: run {run} of {}, {}", contest.runs, record.kind.name()));
            let bout = record.bout(contest, contest.run_s, program, scratch, Signal::TERM)?;
            record.rate.push(real(bout.grants) / bout.seconds);
            record.written.push(real(bout.written_bytes) / real(bout.grants));
            if run > 1 {
                record.reopen.push(bout.open_s);
            }
        }
    }
    for record in &mut records {
        progress(&format!("engine: {} is killed", record.kind.name()));
        let bytes = folder_bytes(&scratch.join(record.kind.name()))?;
        record.disk_a_pair.push(real(bytes) / real(record.grants));
        let killed = record.bout(contest, contest.run_s, program, scratch, Signal::KILL)?;
        record.reopen.push(killed.open_s);
        let reopened = record.bout(contest, 0.0, program, scratch, Signal::TERM)?;
        record.after_kill.push(reopened.open_s);
    }
    let [jeton, redb] = records;
    let against =
        |what: &str, jeton, redb| Finding::ratio(what, jeton, Kind::Redb.name(), redb, Bound::None);
    Ok(vec![
        against(&format!("durable grants, {} writers", contest.writers), jeton.rate, redb.rate),
        against("bytes written for a grant", jeton.written, redb.written),
        against("bytes on disk a pair, journals apart", jeton.disk_a_pair, redb.disk_a_pair),
        against("opening after a close", jeton.reopen, redb.reopen),
        against("opening after SIGKILL", jeton.after_kill, redb.after_kill),
        Finding::shown("pairs in the store", Series::of("pairs", real(jeton.grants))),
        Finding::shown("pairs in redb", Series::of("pairs", real(redb.grants))),
    ])
}

impl Record {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            rate: Series::new("grants/s"),
            written: Series::new("bytes"),
            reopen: Series::new("s"),
            grants: 0,
            disk_a_pair: Series::new("bytes"),
            after_kill: Series::new("s"),
        }
    }

    /// One process that opens the store, writes, and is ended by a signal or closes it.
    fn bout(
        &mut self,
        contest: &Contest,
        seconds: f64,
        program: &Path,
        scratch: &Path,
        end: Signal,
    ) -> Outcome<Bout> {
        let mut command = Command::new(program);
        command.arg("bout").arg(self.kind.name()).arg(scratch.join(self.kind.name()));
        command.arg(seconds.to_string()).arg(contest.writers.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().trying(|| "cannot start an engine".to_owned())?;
        let mut lines = child.stdout.take().map(BufReader::new).into_iter();
        let line = lines.by_ref().flat_map(BufReader::lines).map_while(Result::ok).next();
        let bout = line.and_then(|line| serde_json::from_str::<Bout>(&line).ok());
        if end == Signal::KILL || bout.is_none() {
            process::end(&mut child, Signal::KILL)?;
        } else {
            drop(child.stdin.take());
            child.wait().trying(|| "cannot wait for a child".to_owned())?;
        }
        let name = self.kind.name();
        let bout = bout.ok_or_else(|| BenchError::Setup(format!("{name} ended too soon")))?;
        self.grants = self.grants.saturating_add(bout.grants);
        Ok(bout)
    }
}

/// Bytes of the files in a folder; journals apart, whose size does not grow.
fn folder_bytes(folder: &Path) -> Outcome<u64> {
    let what = || format!("cannot look into {}", folder.display());
    let mut bytes = 0_u64;
    for entry in fs::read_dir(folder).trying(what)? {
        let entry = entry.trying(what)?;
        if entry.file_name().to_string_lossy().starts_with("journal") {
            continue;
        }
        let metadata = entry.metadata().trying(what)?;
        bytes = bytes.saturating_add(metadata.blocks().saturating_mul(512));
    }
    Ok(bytes)
}
