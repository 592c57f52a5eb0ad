//! `jeton serve`: the server, from its first line to its last.

use clap::Args;
use jeton_domain::secret::Secret;

use super::{Common, Failure, say};
use crate::app::App;
use crate::assembly::ClockTrust;
use crate::background::Signals;
use crate::logging;

/// Run the server
#[derive(Debug, Args)]
#[command(after_help = ENVIRONMENT)]
pub(super) struct Serve {
    #[command(flatten)]
    common: Common,
    /// Start even though the clock is far behind the newest instant in the store
    #[arg(long)]
    accept_clock: bool,
}

impl Serve {
    pub(super) fn run(&self) -> Result<(), Failure> {
        logging::start(self.common.log_format, "info");
        let settings = self.common.settings()?;
        for notice in &settings.notices {
            tracing::warn!("{notice}");
        }
        // From here on a signal ends the server in order, however early it comes.
        let signals = Signals::listen()?;
        let trust = if self.accept_clock { ClockTrust::Accepted } else { ClockTrust::Checked };
        let given = std::env::var(FIRST_PASSWORD).ok().filter(|given| !given.is_empty());
        let app = App::start(&settings, trust, given.map(Secret::from_text))?;
        if let Some(password) = app.first_password() {
            say("The password of the user [elastic], shown this once:");
            say(password);
        }
        for address in app.addresses() {
            let scheme = if app.is_tls() { "https" } else { "http" };
            say(&format!("listening on {scheme}://{address}"));
        }
        signals.wait();
        tracing::info!("stopping: requests under way end first");
        app.stop()?;
        tracing::info!("stopped");
        Ok(())
    }
}

const ENVIRONMENT: &str = "\
Environment:
  ELASTIC_PASSWORD  Password of the user `elastic` for a first start; without it one is generated and
                    printed once
  JETON_LOG         Levels of the log, such as `warn` or `info,jeton=debug` [default: info]

Signals:
  SIGTERM, SIGINT   Stop: requests under way end first; a second one stops at once";

/// The environment variable with the password of `elastic` for a first start.
const FIRST_PASSWORD: &str = "ELASTIC_PASSWORD";
