//! Sides of a comparison under load: servers that take short turns, each on the first core, while the
//! generator has the last one.
//!
//! What counts is answers by processor time, of all processes of a side together.

use std::net::SocketAddr;

use super::Bench;
use crate::error::Outcome;
use crate::load::{Generator, Load, Shot, Until, Waiting};
use crate::process::{self, Core, on_core};
use crate::report::progress;
use crate::stats::{Series, real};

/// The processes of one side and what they are asked, over connections that stay open.
pub(super) struct Side<'a> {
    processes: Vec<u32>,
    generator: Generator,
    shots: &'a [Shot],
    status: u16,
}

/// How fast a side was, run for run.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// Answers by processor time.
    pub(super) per_cpu: Series,
    /// Answers on the clock.
    pub(super) rate: Series,
}

/// Lets the sides take turns; how fast each was.
pub(super) fn take_turns<const N: usize>(
    bench: &Bench,
    name: &str,
    mut sides: [Side<'_>; N],
) -> Outcome<[Pace; N]> {
    let pace = || Pace { per_cpu: Series::new("requests per CPU-second"), rate: Series::new("/s") };
    let mut paces = [(); N].map(|()| pace());
    for side in &mut sides {
        side.measure(WARM_S)?;
    }
    for run in 1..=bench.scale.runs {
        progress(&format!("{name}: run {run} of {}", bench.scale.runs));
        let mut sums = [(); N].map(|()| Measured::default());
        for _ in 0..TURNS {
            for (side, sum) in sides.iter_mut().zip(&mut sums) {
                sum.add(side.measure(2.0 * bench.scale.run_s / real(TURNS))?);
            }
        }
        for (sum, pace) in sums.iter().zip(&mut paces) {
            pace.per_cpu.push(sum.answers / sum.cpu_s);
            pace.rate.push(sum.answers / sum.seconds);
        }
    }
    Ok(paces)
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
    /// Connects to the process that answers. `processes` are all that work for it, without those that
    /// they have started.
    pub(super) fn new(
        address: SocketAddr,
        processes: Vec<u32>,
        shots: &'a [Shot],
        status: u16,
    ) -> Outcome<Self> {
        let generator = Generator::connect(address, CONNECTIONS)?;
        Ok(Self { processes, generator, shots, status })
    }

    fn measure(&mut self, seconds: f64) -> Outcome<Measured> {
        let Self { processes, generator, shots, status } = self;
        let (until, waiting) = (Until::Seconds(seconds), Waiting::Looking);
        let load = Load { shots, status: *status, until, waiting };
        let before = process::cpu_s(processes)?;
        let tally = on_core(Core::Generator, || generator.send(&load))?;
        let cpu_s = process::cpu_s(processes)? - before;
        Ok(Measured { answers: real(tally.answers), seconds: tally.seconds, cpu_s })
    }
}

/// The sides take many short turns within a run: what else the machine does falls on all alike.
const TURNS: u64 = 10;
const CONNECTIONS: usize = 64;
/// Seconds of load before anything is measured.
const WARM_S: f64 = 0.5;
