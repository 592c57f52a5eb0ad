//! The command line: what an operator types and reads.
//!
//! Owns the commands, their words and their exit codes. Must not know how a server is put together.
//! The only place that prints.

mod check;
mod keys;
mod password;
mod serve;
mod terminal;
mod users;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use jeton_realms::file::edit::EditError;

use crate::admin::{self, Order, Reply};
use crate::core::Core;
use crate::error::StartError;
use crate::logging::{self, LogFormat};
use crate::settings::{Settings, SettingsErrors, Sources};

/// A token and identity service that speaks Elasticsearch's security API.
#[derive(Debug, Parser)]
#[command(name = "jeton", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Serve),
    /// Check the settings and show those in force
    Check(check::Check),
    /// Show, add, activate, retire and replace the keys of tokens
    Keys(keys::Keys),
    /// Give a built-in or stored user a new password
    ResetPassword(password::ResetPassword),
    /// Add, change, show and remove the users of the file realm
    Users(users::Users),
}

/// Where settings come from.
#[derive(Debug, Args)]
struct Common {
    /// Settings file; its directory holds `users`, `users_roles` and `token.keys`
    /// [default: ./jeton-config/jeton.yml, if there is one]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Data directory, over the setting `path.data` [default: ./jeton-data]
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// A setting, over the file; may be repeated
    #[arg(short = 'E', value_name = "SETTING=VALUE", global = true)]
    setting: Vec<String>,
    /// What logs look like
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, global = true)]
    log_format: LogFormat,
}

impl Common {
    fn settings(&self) -> Result<Settings, SettingsErrors> {
        let sources = Sources {
            file: self.config.clone(),
            data: self.data.clone(),
            overrides: self.setting.clone(),
        };
        Settings::load(&sources, &|name| std::env::var(name).ok())
    }
}

/// Why a command failed, in words for the operator.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Settings(#[from] SettingsErrors),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Files(#[from] EditError),
    #[error("{0}")]
    Said(String),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Runs the command that `arguments` name, the first being the program.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Standard output may be closed; there is nobody to tell then.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let outcome = match cli.command {
        Command::Serve(serve) => serve.run(),
        Command::Check(check) => check.run(),
        Command::Keys(keys) => keys.run(),
        Command::ResetPassword(reset) => reset.run(),
        Command::Users(users) => users.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&format!("error: {failure}"));
            ExitCode::FAILURE
        }
    }
}

/// Carries an order out: by the server that holds the directory, else here.
fn carry_out(common: &Common, settings: &Settings, order: Order) -> Result<Reply, Failure> {
    let reply = if let Some(reply) = admin::call(&settings.data, &order)? {
        reply
    } else {
        logging::start(common.log_format, "warn");
        complain(&format!("no server runs on [{}]: working on it here", settings.data.display()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(Core::once(settings, order))?
    };
    match reply {
        Reply::Refused { reason } => Err(Failure::Said(reason)),
        Reply::Keys { .. } | Reply::Done { .. } => Ok(reply),
    }
}

/// Prints a line for the operator or for a program that reads it. A closed output is no error:
/// a server must not stop because nobody reads its greeting.
fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    drop(writeln!(output, "{line}").and_then(|()| output.flush()));
}

fn complain(line: &str) {
    drop(writeln!(std::io::stderr().lock(), "{line}"));
}
