//! Simulations in turns: each is a process of its own, which stands still while it has no turn.
//!
//! Owns how turns are given and taken, on both sides. A process that stands still runs none of its
//! threads: what a store does in the background it does in its own time, and nobody else pays for
//! it.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, set_parent_process_death_signal, waitid,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::hourly::Hourly;
use super::simulation::{Simulation, Sums};
use crate::error::{BenchError, Outcome, Trying};
use crate::process;
use crate::report::{progress, say};

/// What a simulation saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Hour by hour.
    pub(super) hours: Vec<Hourly>,
    /// In all of them.
    pub(super) sums: Sums,
}

/// Lets two simulations live, the younger one `lag` hours behind the older and in turns with it:
/// what they saw, the older one first.
pub(super) fn live(
    program: &Path,
    folder: &Path,
    grants_an_hour: usize,
    [hours, lag]: [u32; 2],
) -> Outcome<[Seen; 2]> {
    let begin = |name, hours| Life::begin(name, program, folder, grants_an_hour, hours);
    let mut older = begin("older", hours)?;
    let mut younger = begin("younger", hours.saturating_sub(lag))?;
    while older.lived() < lag {
        older.live()?;
    }
    let mut is_older_first = true;
    while !older.is_over() && !younger.is_over() {
        let (first, second) =
            if is_older_first { (&mut older, &mut younger) } else { (&mut younger, &mut older) };
        let is_hour_over = first.live()?;
        second.live()?;
        // Who goes first changes with every turn. As an hour has an even number of them, it does
        // not change at its end: what is due at the same minute of every hour would always find the
        // same one first.
        is_older_first = is_older_first == is_hour_over;
    }
    Ok([older.end()?, younger.end()?])
}

/// A simulation in a process of its own. Dropped, it is killed.
struct Life {
    name: &'static str,
    child: Child,
    /// One line for each turn.
    orders: ChildStdin,
    /// One line at the end of each turn.
    answers: BufReader<ChildStdout>,
    hours: u32,
    lived: Vec<Hourly>,
}

impl Life {
    fn begin(
        name: &'static str,
        program: &Path,
        folder: &Path,
        grants_an_hour: usize,
        hours: u32,
    ) -> Outcome<Self> {
        let what = || "cannot start a simulation".to_owned();
        let mut command = Command::new(program);
        command.arg("hours").arg(folder.join(name)).arg(grants_an_hour.to_string());
        command.arg(hours.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().trying(what)?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let pipes = orders.zip(answers).ok_or(io::ErrorKind::BrokenPipe);
        let (orders, answers) = pipes.trying(what)?;
        let (answers, lived) = (BufReader::new(answers), Vec::new());
        Ok(Self { name, child, orders, answers, hours, lived })
    }

    fn lived(&self) -> u32 {
        u32::try_from(self.lived.len()).unwrap_or(u32::MAX)
    }

    fn is_over(&self) -> bool {
        self.lived() >= self.hours
    }

    /// Lets it live for a turn, and returns when it stands still; whether that was the last of an
    /// hour.
    fn live(&mut self) -> Outcome<bool> {
        self.signal(Signal::CONT)?;
        let hourly: Option<Hourly> = self.ask()?;
        self.signal(Signal::STOP)?;
        let stopped = waitid(WaitId::Pid(Pid::from_child(&self.child)), WaitIdOptions::STOPPED);
        stopped.trying(|| format!("the {} simulation does not stand still", self.name))?;
        let Some(hourly) = hourly else { return Ok(false) };
        let (name, number, hours) = (self.name, self.lived().saturating_add(1), self.hours);
        progress(&format!("hours: the {name} simulation, {number} of {hours}, {hourly}"));
        self.lived.push(hourly);
        Ok(true)
    }

    /// Lets it come to its end.
    fn end(mut self) -> Outcome<Seen> {
        self.signal(Signal::CONT)?;
        let sums = self.ask()?;
        let ended = self.child.wait().trying(|| "cannot wait for a simulation".to_owned())?;
        if !ended.success() {
            return Err(self.failed(&ended.to_string()));
        }
        Ok(Seen { hours: core::mem::take(&mut self.lived), sums })
    }

    fn ask<T: DeserializeOwned>(&mut self) -> Outcome<T> {
        let mut answer = String::new();
        let asked = self.orders.write_all(b"\n").and_then(|()| self.answers.read_line(&mut answer));
        asked.trying(|| format!("cannot talk with the {} simulation", self.name))?;
        serde_json::from_str(&answer).map_err(|error| self.failed(&error.to_string()))
    }

    fn failed(&self, why: &str) -> BenchError {
        BenchError::Setup(format!("the {} simulation failed: {why}", self.name))
    }

    fn signal(&self, signal: Signal) -> Outcome<()> {
        let signalled = kill_process(Pid::from_child(&self.child), signal);
        signalled.trying(|| format!("cannot signal the {} simulation", self.name))
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // After a failed run; one that has ended is ended already.
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(process::end(&mut self.child, Signal::KILL));
        }
    }
}

/// Lives through so many hours on a new store below `folder`: a turn for every line of the input,
/// each answered by a line with the hour that is over, if one is, and in the end by one with the
/// sums.
pub(crate) fn live_here(folder: &Path, grants_an_hour: usize, hours: u32) -> Outcome<()> {
    // While it stands still it would not notice that nobody lets it go on any more.
    let bound = set_parent_process_death_signal(Some(Signal::KILL));
    bound.trying(|| "cannot be bound to the process that gives turns".to_owned())?;
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.trying(|| "no runtime".to_owned())?;
    let mut simulation = runtime.block_on(Simulation::begin(folder, grants_an_hour))?;
    let mut lived = 0_u32;
    while lived < hours {
        wait_for_turn()?;
        let hourly = runtime.block_on(simulation.take_turn())?;
        lived = lived.saturating_add(u32::from(hourly.is_some()));
        answer(&hourly)?;
    }
    wait_for_turn()?;
    answer(&runtime.block_on(simulation.end())?)
}

fn wait_for_turn() -> Outcome<()> {
    let heard = io::stdin().read_line(&mut String::new()).trying(|| "no input".to_owned())?;
    if heard == 0 {
        return Err(BenchError::Setup("nobody gives turns any more".to_owned()));
    }
    Ok(())
}

fn answer(what: &impl Serialize) -> Outcome<()> {
    let json = serde_json::to_string(what).map_err(io::Error::from);
    say(&json.trying(|| "cannot print what was seen".to_owned())?);
    Ok(())
}
