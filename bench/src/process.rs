//! Processes as a benchmark sees them: which core they run on, what they use, how they end.

use std::fs;
use std::ops::Range;
use std::process::Child;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
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

/// Seconds of processor time, in user and in system mode, that processes have used, and all that
/// they started: those that run, and those that have ended and were waited for.
pub(crate) fn cpu_s(roots: &[u32]) -> Outcome<f64> {
    let running = running()?;
    let mut family = roots.to_vec();
    let mut place = 0;
    while let Some(parent) = family.get(place).copied() {
        family.extend(running.iter().filter(|one| one.parent == parent).map(|one| one.id));
        place = place.saturating_add(1);
    }
    let mut ticks = 0_u64;
    for id in family {
        let used = running.iter().find(|one| one.id == id).map(|one| one.ticks);
        let used = used.ok_or_else(|| BenchError::Setup(format!("process {id} has ended")))?;
        ticks = ticks.saturating_add(used);
    }
    Ok(real(ticks) / real(rustix::param::clock_ticks_per_second()))
}

/// A process that runs.
struct Running {
    id: u32,
    parent: u32,
    /// Of it and of its children that have ended.
    ticks: u64,
}

/// Every process that runs.
fn running() -> Outcome<Vec<Running>> {
    let what = || "cannot list processes".to_owned();
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc").trying(what)? {
        let entry = entry.trying(what)?;
        let Ok(id) = entry.file_name().to_string_lossy().parse() else { continue };
        // It may end while it is looked at.
        let Ok(text) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let odd = || BenchError::Setup(format!("/proc/{id}/stat is not understood"));
        let (parent, ticks) = parent_and_ticks(&text).ok_or_else(odd)?;
        all.push(Running { id, parent, ticks });
    }
    Ok(all)
}

/// What `/proc/PID/stat` says of the parent and of the time used.
fn parent_and_ticks(stat: &str) -> Option<(u32, u64)> {
    // The name of the program stands in parentheses and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let parent = rest.split_whitespace().nth(PARENT)?.parse().ok()?;
    let ticks = rest.split_whitespace().skip(TICKS.start).take(TICKS.len());
    let ticks = ticks.map(|ticks| ticks.parse::<u64>().ok());
    let ticks = ticks.reduce(|sum, ticks| Some(sum?.saturating_add(ticks?)))??;
    Some((parent, ticks))
}

/// Bytes of memory that a process holds.
pub(crate) fn memory_bytes(child: &Child) -> Outcome<u64> {
    resident_bytes(&format!("/proc/{}/status", child.id()))
}

/// Bytes of memory that this process holds.
pub(crate) fn own_memory_bytes() -> Outcome<u64> {
    resident_bytes("/proc/self/status")
}

fn resident_bytes(path: &str) -> Outcome<u64> {
    let text = fs::read_to_string(path).trying(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let kilobytes =
        kilobytes.ok_or_else(|| BenchError::Setup(format!("{path} is not understood")))?;
    Ok(kilobytes.saturating_mul(1024))
}

/// Asks a process to end, or ends it at once, and waits for it.
///
/// One that does not end is killed, and that is an error: a signal may be ignored by whoever
/// started this program, and so by all that it starts.
pub(crate) fn end(child: &mut Child, signal: Signal) -> Outcome<()> {
    end_within(child, signal, PATIENCE)
}

fn end_within(child: &mut Child, signal: Signal, patience: Timespec) -> Outcome<()> {
    let pid = Pid::from_child(child);
    let what = || "cannot signal a child".to_owned();
    rustix::process::kill_process(pid, signal).trying(what)?;
    // One that cannot be watched is waited for as long as it takes.
    let is_ended = ends_within(pid, patience).unwrap_or(true);
    if !is_ended {
        rustix::process::kill_process(pid, Signal::KILL).trying(what)?;
    }
    let status = child.wait().trying(|| "cannot wait for a child".to_owned())?;
    if !is_ended {
        let seconds = patience.tv_sec;
        let odd = format!("process {} went on for {seconds} s after {signal:?}", child.id());
        return Err(BenchError::Setup(format!("{odd}: it was killed")));
    }
    if signal == Signal::TERM && !status.success() {
        return Err(BenchError::Setup(format!("the server ended badly: {status}")));
    }
    Ok(())
}

/// Whether a child, which nobody has waited for yet, ends in time.
fn ends_within(pid: Pid, patience: Timespec) -> Outcome<bool> {
    let what = || "cannot watch a child".to_owned();
    let process = pidfd_open(pid, PidfdFlags::empty()).trying(what)?;
    // It can be read from once the process has ended.
    let mut watched = [PollFd::new(&process, PollFlags::IN)];
    Ok(poll(&mut watched, Some(&patience)).trying(what)? > 0)
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

/// Longer than the largest store takes to write out what it holds in memory.
const PATIENCE: Timespec = Timespec { tv_sec: 300, tv_nsec: 0 };

/// Place of the parent behind the name in `/proc/PID/stat`.
const PARENT: usize = 1;
/// Places of the ticks there: user and system, then the same of children that were waited for.
const TICKS: Range<usize> = 11..15;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::process::{Command, Stdio};

    #[test]
    fn ticks_of_ended_children_count() {
        let stat = "7 (a) b) S 3 7 7 0 -1 4194560 0 0 0 0 10 20 30 40 20 0 1";
        assert_eq!(parent_and_ticks(stat), Some((3, 100)));
        assert_eq!(parent_and_ticks("7 (a) S 3"), None);
    }

    /// A shell that has said so when it ignores the interruption, and then runs on.
    fn stubborn() -> Child {
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' INT; echo on; exec tail -f /dev/null"]).stdout(Stdio::piped());
        // It may outlive a test that fails, and must not keep the log of the tests open.
        let mut shell = shell.stderr(Stdio::null()).spawn().unwrap();
        shell.stdout.as_mut().unwrap().read_exact(&mut [0; 3]).unwrap();
        shell
    }

    #[test]
    fn a_process_that_does_not_end_is_killed_and_that_is_told() {
        let mut shell = stubborn();
        let patience = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        let told = end_within(&mut shell, Signal::INT, patience).unwrap_err().to_string();
        assert!(told.contains("it was killed"), "{told}");
        assert!(shell.try_wait().unwrap().is_some());
    }

    #[test]
    fn a_process_that_ends_is_waited_for() {
        let mut shell = stubborn();
        end(&mut shell, Signal::KILL).unwrap();
        assert!(shell.try_wait().unwrap().is_some());
    }

    #[test]
    fn what_a_process_starts_counts_as_its_own() {
        let work = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
        let script = format!("sh -c '{work}; echo done; exec cat <&3' 3<&0 & wait");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        let mut said = [0; 4];
        shell.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
        assert!(cpu_s(&[shell.id()]).unwrap() >= 0.02);
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert!(cpu_s(&[shell.id()]).is_err());
    }
}
