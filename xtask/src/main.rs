//! The project's one tool, run as `cargo xtask`.
//!
//! Owns how the project is tested, checked and measured. Must not know how Jeton works inside: it
//! sees sources as text, crates through `cargo metadata`, and the server as a process. Start with
//! `steps`, the list behind `cargo xtask test`.

mod clients;
mod process;
mod report;
mod source;
mod steps;
mod tidy;
mod tools;
mod tree;
mod walls;

use std::process::ExitCode;

use clap::Parser;

use crate::process::Workshop;
use crate::report::say;
use crate::steps::Choice;

/// The commands of the tool.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Jeton's one tool")]
enum Task {
    /// Run every step of the proof, in order; fails when one of them failed.
    Test(Choice),
    /// Run the quick steps only: fmt, tidy, walls, clippy.
    Check,
    /// Check the line of crates and what each of them must not know.
    Walls,
    /// Check the habits: module docs, leftovers, limits, decision records, the case table.
    Tidy,
    /// Run the official Python and JavaScript clients against the real server.
    Clients {
        /// Run one client only: python-8, python-9, javascript-8 or javascript-9.
        #[arg(long, value_name = "NAME")]
        only: Option<String>,
    },
    /// Fuzz every parser of outside bytes, or one of them.
    Fuzz {
        /// The target to run; all of them when absent.
        target: Option<String>,
        /// Seconds for each target.
        #[arg(long, default_value_t = steps::FUZZ_SECONDS)]
        seconds: u32,
    },
    /// Send nonsense to every route of a running server.
    HttpFuzz {
        /// Seconds to run.
        #[arg(long, default_value_t = steps::HTTP_FUZZ_SECONDS)]
        seconds: u32,
    },
    /// Kill the server at random moments under load and look for what was lost.
    Crash {
        /// How often the server is killed.
        #[arg(long, default_value_t = steps::CRASH_ROUNDS)]
        rounds: u32,
    },
    /// Run the seeded simulation.
    Sim {
        /// Run this seed only.
        #[arg(long)]
        seed: Option<u64>,
        /// How many seeds to run.
        #[arg(long, default_value_t = steps::SIMULATION_SEEDS)]
        seeds: u32,
    },
    /// Run the benchmarks; arguments after `--` go to them.
    Bench {
        /// Arguments for the benchmarks.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Build the documentation with warnings denied.
    Docs,
}

fn main() -> ExitCode {
    let task = Task::parse();
    match perform(&task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the chosen command.
fn perform(task: &Task) -> anyhow::Result<()> {
    let workshop = Workshop::find()?;
    match task {
        Task::Test(choice) => steps::test(&workshop, choice),
        Task::Check => steps::check(&workshop),
        Task::Walls => walls::run(&workshop).map(|note| say(&note)),
        Task::Tidy => tidy::run(&workshop).map(|note| say(&note)),
        Task::Clients { only } => clients::run(&workshop, only.as_deref()).map(|note| say(&note)),
        Task::Fuzz { target, seconds } => {
            steps::fuzz(&workshop, target.as_deref(), *seconds).map(|note| say(&note))
        }
        Task::HttpFuzz { seconds } => steps::http_fuzz(&workshop, *seconds).map(|note| say(&note)),
        Task::Crash { rounds } => steps::crash(&workshop, *rounds).map(|note| say(&note)),
        Task::Sim { seed, seeds } => {
            steps::simulation(&workshop, *seed, *seeds).map(|note| say(&note))
        }
        Task::Bench { arguments } => steps::bench(&workshop, arguments).map(|note| say(&note)),
        Task::Docs => steps::docs(&workshop).map(|note| say(&note)),
    }
}
