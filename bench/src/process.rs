//! Processes as a benchmark sees them: which core they run on, what they use, how they end.

use std::fs;
use std::process::Child;

use rustix::process::{Pid, Signal};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::error::{BenchError, Outcome, Trying};
use crate::stats::real;

/// Where a thread may run: one core, or wherever the system puts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Core {
    /// The one of the server under test.
    Server,
    /// The one of the load generator.
    Generator,
    /// Any.
    Any,
}

/// Runs `work` with this thread, and every process that it starts, on a core.
pub(crate) fn on_core<T>(core: Core, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    let allowed = sched_getaffinity(None).trying(|| "cannot ask for the cores".to_owned())?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
    let (first, last) = (cores.next(), cores.next_back());
    let chosen = match core {
        Core::Server => first,
        Core::Generator => last.or(first),
        Core::Any => None,
    };
    let Some(chosen) = chosen else { return work() };
    let mut one = CpuSet::new();
    one.set(chosen);
    sched_setaffinity(None, &one).trying(|| format!("cannot stay on core {chosen}"))?;
    let done = work();
    sched_setaffinity(None, &allowed).trying(|| "cannot leave the core".to_owned())?;
    done
}

/// Seconds of processor time that a process has used, in user and in system mode.
pub(crate) fn cpu_s(child: &Child) -> Outcome<f64> {
    let path = format!("/proc/{}/stat", child.id());
    let text = fs::read_to_string(&path).trying(|| format!("cannot read {path}"))?;
    // The name of the program stands in parentheses and may hold anything.
    let fields = text.rsplit_once(')').map(|(_, rest)| rest.split_whitespace());
    let field = |place| fields.clone()?.nth(place)?.parse::<u64>().ok();
    let (user, system) = (field(USER_TICKS), field(SYSTEM_TICKS));
    let ticks = user.zip(system).map(|(user, system)| user.saturating_add(system));
    let ticks = ticks.ok_or_else(|| BenchError::Setup(format!("{path} is not understood")))?;
    Ok(real(ticks) / real(rustix::param::clock_ticks_per_second()))
}

/// Bytes of memory that a process holds.
pub(crate) fn memory_bytes(child: &Child) -> Outcome<u64> {
    let path = format!("/proc/{}/status", child.id());
    let text = fs::read_to_string(&path).trying(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let kilobytes =
        kilobytes.ok_or_else(|| BenchError::Setup(format!("{path} is not understood")))?;
    Ok(kilobytes.saturating_mul(1024))
}

/// Asks a process to end, or ends it at once, and waits for it.
pub(crate) fn end(child: &mut Child, signal: Signal) -> Outcome<()> {
    let pid = Pid::from_child(child);
    rustix::process::kill_process(pid, signal).trying(|| "cannot signal a child".to_owned())?;
    let status = child.wait().trying(|| "cannot wait for a child".to_owned())?;
    if signal == Signal::TERM && !status.success() {
        return Err(BenchError::Setup(format!("the server ended badly: {status}")));
    }
    Ok(())
}

/// What the program runs on, in words.
pub(crate) fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = processors.lines().find_map(|line| line.strip_prefix("model name"));
    let name = name.map_or("unknown processor", |name| name.trim_start_matches(['\t', ' ', ':']));
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = rustix::system::uname();
    format!("{count} x {name}, Linux {}", kernel.release().to_string_lossy())
}

/// Places of the fields behind the name in `/proc/PID/stat`.
const USER_TICKS: usize = 11;
const SYSTEM_TICKS: usize = 12;
