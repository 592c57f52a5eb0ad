//! The steps of `cargo xtask test`, in their order.
//!
//! Owns which steps exist, how they are chosen, timed and summed up. Each step is one function that
//! returns a note for the summary or the reason of its failure; `proofs` holds those that run the
//! product, `checks` those that look at it.

mod checks;
mod proofs;

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;

use crate::process::Workshop;
use crate::report::{announce, minutes, say, warn_loudly};
use crate::{clients, tidy, walls};

pub(crate) use checks::docs;
pub(crate) use proofs::{
    CRASH_ROUNDS, FUZZ_SECONDS, HTTP_FUZZ_SECONDS, SIMULATION_SEEDS, bench, build_server, crash,
    fuzz, http_fuzz, simulation,
};

/// Which steps of the proof to run.
#[derive(Debug, Default, Args)]
pub(crate) struct Choice {
    /// Run only this step; may be repeated.
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Leave this step out; may be repeated.
    #[arg(long, value_name = "STEP")]
    skip: Vec<String>,
    /// Print the steps and run none.
    #[arg(long)]
    list: bool,
}

impl Choice {
    /// True when the step is to be run.
    fn takes(&self, step: &str) -> bool {
        let is_asked_for = self.only.is_empty() || self.only.iter().any(|name| name == step);
        is_asked_for && !self.skip.iter().any(|name| name == step)
    }

    /// Refuses names that are no steps: a slip must not pass as a success.
    fn check(&self, steps: &[Step]) -> anyhow::Result<()> {
        let is_step = |name: &&String| steps.iter().any(|step| step.name == **name);
        match self.only.iter().chain(&self.skip).find(|name| !is_step(name)) {
            Some(unknown) => bail!("no step is called `{unknown}`; `--list` prints them"),
            None => Ok(()),
        }
    }
}

/// Runs the chosen steps; all of them run, whatever fails before.
pub(crate) fn test(workshop: &Workshop, choice: &Choice) -> anyhow::Result<()> {
    choice.check(STEPS)?;
    if choice.list {
        for step in STEPS {
            say(&format!("{:<12} {}", step.name, step.what));
        }
        return Ok(());
    }
    perform(workshop, STEPS, choice)
}

/// Runs the steps that need no product to run.
pub(crate) fn check(workshop: &Workshop) -> anyhow::Result<()> {
    let only = ["fmt", "tidy", "walls", "clippy"].map(str::to_owned).to_vec();
    perform(workshop, STEPS, &Choice { only, ..Choice::default() })
}

/// A step of the proof.
#[derive(Clone, Copy)]
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Workshop) -> anyhow::Result<String>,
}

/// How a step ended.
#[derive(Debug)]
enum Outcome {
    Passed(String),
    Failed(String),
    Skipped,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed(note) => write!(f, "ok       {note}"),
            Self::Failed(reason) => write!(f, "FAILED   {reason}"),
            Self::Skipped => write!(f, "SKIPPED  left out by the command line"),
        }
    }
}

/// Runs steps in order, prints the table and fails when a step has failed.
fn perform(workshop: &Workshop, steps: &[Step], choice: &Choice) -> anyhow::Result<()> {
    if !steps.iter().any(|step| choice.takes(step.name)) {
        bail!("every step was left out: nothing was tested");
    }
    let begin = now();
    let ended: Vec<(&str, Outcome, Duration)> = steps
        .iter()
        .map(|step| {
            let begin = now();
            let is_taken = choice.takes(step.name);
            let outcome = if is_taken { outcome(workshop, step) } else { Outcome::Skipped };
            (step.name, outcome, begin.elapsed())
        })
        .collect();
    let failed = summary(&ended, begin.elapsed());
    if failed > 0 {
        bail!("{failed} steps failed");
    }
    Ok(())
}

fn outcome(workshop: &Workshop, step: &Step) -> Outcome {
    announce(&format!("{}: {}", step.name, step.what));
    let begin = now();
    let outcome = match (step.run)(workshop) {
        Ok(note) => Outcome::Passed(note),
        Err(error) => Outcome::Failed(format!("{error:#}")),
    };
    say(&format!("<== {} {outcome} ({})", step.name, minutes(begin.elapsed())));
    outcome
}

/// Prints how each step ended; returns how many failed.
fn summary(ended: &[(&str, Outcome, Duration)], total: Duration) -> usize {
    let skipped: Vec<&str> = ended
        .iter()
        .filter(|(_, outcome, _)| matches!(outcome, Outcome::Skipped))
        .map(|(name, ..)| *name)
        .collect();
    if !skipped.is_empty() {
        warn_loudly(&format!("not run: {}", skipped.join(", ")));
    }
    announce("summary");
    for (name, outcome, duration) in ended {
        if matches!(outcome, Outcome::Skipped) {
            continue;
        }
        let first_line = outcome.to_string();
        let first_line = first_line.lines().next().unwrap_or_default();
        say(&format!("{name:<12} {:>6}  {first_line}", minutes(*duration)));
    }
    say(&format!("{:<12} {:>6}", "total", minutes(total)));
    // The end of a long log is what is looked at first, and sometimes all that is kept of it.
    for (name, outcome, _) in ended {
        if let Outcome::Failed(reason) = outcome {
            announce(&format!("why {name} failed"));
            say(reason);
        }
    }
    ended.iter().filter(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_))).count()
}

#[expect(clippy::disallowed_methods, reason = "a tool that reports how long its steps take")]
fn now() -> Instant {
    Instant::now()
}

/// Every step, in order: what is quick and fails often comes first.
const STEPS: &[Step] = &[
    Step { name: "fmt", what: "sources are formatted", run: checks::fmt },
    Step { name: "tidy", what: "habits are kept", run: tidy::run },
    Step { name: "walls", what: "crates know only what they may", run: walls::run },
    Step { name: "clippy", what: "no warnings in any target", run: checks::clippy },
    Step { name: "docs", what: "documentation builds, no warnings", run: docs },
    Step { name: "no-std", what: "the domain compiles without std", run: checks::no_std },
    Step { name: "deny", what: "licences, sources, duplicates", run: checks::deny },
    Step { name: "unit", what: "unit and conformance tests", run: proofs::unit },
    Step { name: "clients", what: "official clients, real server", run: |w| clients::run(w, None) },
    Step { name: "crash", what: "kill the server, lose nothing", run: |w| crash(w, CRASH_ROUNDS) },
    Step {
        name: "simulation",
        what: "seeded lives against the model",
        run: |w| simulation(w, None, SIMULATION_SEEDS),
    },
    Step {
        name: "fuzz",
        what: "every parser of outside bytes",
        run: |w| fuzz(w, None, FUZZ_SECONDS),
    },
    Step {
        name: "http-fuzz",
        what: "nonsense on every route",
        run: |w| http_fuzz(w, HTTP_FUZZ_SECONDS),
    },
    Step { name: "bench", what: "benchmarks run", run: |w| bench(w, &quick()) },
];

/// Arguments for a short run of the benchmarks.
fn quick() -> Vec<String> {
    vec!["--quick".to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[Step] = &[
        Step { name: "good", what: "", run: |_| Ok("fine".to_owned()) },
        Step { name: "bad", what: "", run: |_| bail!("broken") },
    ];

    fn ends(choice: &Choice) -> anyhow::Result<()> {
        perform(&Workshop::find().unwrap(), TWO, choice)
    }

    fn choice(only: &[&str], skip: &[&str]) -> Choice {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Choice { only: names(only), skip: names(skip), list: false }
    }

    #[test]
    fn one_failed_step_fails_the_whole() {
        assert_eq!(ends(&Choice::default()).unwrap_err().to_string(), "1 steps failed");
    }

    #[test]
    fn a_step_that_was_left_out_does_not_fail() {
        assert!(ends(&choice(&[], &["bad"])).is_ok());
        assert!(ends(&choice(&["good"], &[])).is_ok());
    }

    #[test]
    fn a_run_without_steps_is_no_success() {
        assert!(ends(&choice(&["good"], &["good"])).is_err());
    }

    #[test]
    fn an_unknown_step_is_refused() {
        assert!(choice(&["godo"], &[]).check(TWO).is_err());
        assert!(choice(&[], &["bda"]).check(TWO).is_err());
        assert!(choice(&["good"], &["bad"]).check(TWO).is_ok());
    }

    #[test]
    fn steps_have_different_names() {
        let mut names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }
}
