//! Logs: where they go and what they look like.
//!
//! Owns the choice of format. Nothing secret is ever logged: secrets do not print.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Sends logs to standard error from now on. The variable `JETON_LOG` chooses levels (`info`,
/// `jeton=debug`); without it, `level` and above is shown.
pub(crate) fn start(format: LogFormat, level: &str) {
    let chosen = std::env::var("JETON_LOG").ok().filter(|chosen| !chosen.is_empty());
    let parsed = chosen.as_ref().map(EnvFilter::try_new);
    let is_refused = matches!(parsed, Some(Err(_)));
    let filter = parsed.and_then(Result::ok).unwrap_or_else(|| EnvFilter::new(level));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    // A program that embeds the server may have chosen already; its choice stands.
    let started = match format {
        LogFormat::Human => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    drop(started);
    if is_refused {
        tracing::warn!("the variable JETON_LOG is not understood; showing {level} and above");
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let reason = panic.payload_as_str().unwrap_or("no reason given");
        tracing::error!(place, reason, "a task panicked");
    }));
}
