//! Sides of a comparison under load: servers that take short turns, each on the first core, while
//! the generator has the last one.
//!
//! What counts is answers by processor time, of all processes of a side together.

use std::net::SocketAddr;

use super::Bench;
use crate::error::Outcome;
use crate::load::{Generator, Manner, Requests, Round, Shot, Until, Waiting};
use crate::process::{self, Core, on_core};
use crate::report::{Bound, Finding, progress};
use crate::stats::{Series, real};

/// The processes of one side and what they are asked, over connections that stay open.
pub(super) struct Side<'a> {
    processes: Vec<u32>,
    generator: Generator,
    requests: Requests<'a>,
    status: u16,
}

/// How fast a side was, run for run.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// Answers by processor time.
    pub(super) per_cpu: Series,
    /// Answers on the clock.
    pub(super) rate: Series,
    /// Processor time, and time on the clock.
    cpu_s: Series,
    seconds: Series,
}

impl Pace {
    /// No runs yet.
    pub(super) fn new() -> Self {
        let [cpu_s, seconds] = ["CPU-seconds", "s"].map(Series::new);
        let [per_cpu, rate] = ["requests per CPU-second", "/s"].map(Series::new);
        Self { per_cpu, rate, cpu_s, seconds }
    }

    /// That the server's core was busy all the time: else the generator was measured.
    pub(super) fn is_busy(&self, what: &str) -> Finding {
        Finding::ratio(
            format!("the server's core is busy: {what}"),
            self.cpu_s.clone(),
            "on the clock",
            self.seconds.clone(),
            Bound::AtLeast(0.95),
        )
    }

    fn push(&mut self, sum: Measured) {
        self.per_cpu.push(sum.answers / sum.cpu_s);
        self.rate.push(sum.answers / sum.seconds);
        self.cpu_s.push(sum.cpu_s);
        self.seconds.push(sum.seconds);
    }
}

/// Lets the sides take turns; how fast each was.
pub(super) fn take_turns<const N: usize>(
    bench: &Bench,
    name: &str,
    mut sides: [Side<'_>; N],
) -> Outcome<[Pace; N]> {
    let mut paces = [(); N].map(|()| Pace::new());
    for side in &mut sides {
        side.warm()?;
    }
    for run in 1..=bench.scale.runs {
        progress(&format!("{name}: run {run} of {}", bench.scale.runs));
        one_run(bench, &mut sides, &mut paces)?;
    }
    Ok(paces)
}

/// One run, in which the sides take turns.
pub(super) fn one_run<const N: usize>(
    bench: &Bench,
    sides: &mut [Side<'_>; N],
    paces: &mut [Pace; N],
) -> Outcome<()> {
    let mut sums = [(); N].map(|()| Measured::default());
    for _ in 0..TURNS {
        for (side, sum) in sides.iter_mut().zip(&mut sums) {
            sum.add(side.measure(2.0 * bench.scale.run_s / real(TURNS))?);
        }
    }
    for (sum, pace) in sums.into_iter().zip(paces) {
        pace.push(sum);
    }
    Ok(())
}

/// What one run found.
#[derive(Clone, Copy, Default)]
struct Measured {
    answers: f64,
    seconds: f64,
    cpu_s: f64,
}

impl Measured {
    fn add(&mut self, more: Self) {
        self.answers += more.answers;
        self.seconds += more.seconds;
        self.cpu_s += more.cpu_s;
    }
}

impl<'a> Side<'a> {
    /// Connects to the process that answers. `processes` are all that work for it, without those
    /// that they have started.
    pub(super) fn new(
        address: SocketAddr,
        processes: Vec<u32>,
        shots: &'a [Shot],
        status: u16,
    ) -> Outcome<Self> {
        Self::connect(address, processes, (Requests::Shots(shots), status), ONE_BY_ONE)
    }

    /// The same with requests of any kind, the status of their answers, and in any manner.
    pub(super) fn connect(
        address: SocketAddr,
        processes: Vec<u32>,
        (requests, status): (Requests<'a>, u16),
        manner: Manner<'_>,
    ) -> Outcome<Self> {
        let generator = Generator::connect_as(address, manner)?;
        Ok(Self { processes, generator, requests, status })
    }

    /// Loads it for a moment, before anything is measured.
    pub(super) fn warm(&mut self) -> Outcome<()> {
        self.measure(WARM_S).map(drop)
    }

    fn measure(&mut self, seconds: f64) -> Outcome<Measured> {
        let Self { processes, generator, requests, status } = self;
        let (until, waiting) = (Until::Seconds(seconds), Waiting::Looking);
        let round = Round { requests: *requests, status: *status, until, waiting };
        let before = process::cpu_s(processes)?;
        let tally = on_core(Core::Generator, || generator.fire(&round))?;
        let cpu_s = process::cpu_s(processes)? - before;
        Ok(Measured { answers: real(tally.answers), seconds: tally.seconds, cpu_s })
    }
}

/// How sides are asked unless they are asked otherwise.
pub(super) const ONE_BY_ONE: Manner<'static> =
    Manner { connections: CONNECTIONS, batch: 1, trust: None };
/// The sides take many short turns within a run: what else the machine does falls on all alike.
const TURNS: u64 = 10;
pub(super) const CONNECTIONS: usize = 64;
/// Seconds of load before anything is measured.
const WARM_S: f64 = 0.5;
