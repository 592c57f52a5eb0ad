//! `jeton keys`: the keys that tokens are made with.

use clap::{Args, Subcommand};

use super::{Common, Failure, carry_out, say};
use crate::admin::{Order, Reply};

/// Show, add, activate, retire and replace the keys of tokens
#[derive(Debug, Args)]
pub(super) struct Keys {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Show the keys and their states
    List,
    /// Add a key that verifies; activate it when every node has it
    Add,
    /// Make new tokens with this key
    Activate {
        /// Id of the key
        id: u8,
    },
    /// Refuse the tokens of this key from now on, and take it out of the key file
    Retire {
        /// Id of the key
        id: u8,
        /// Others may hold the key: revoke every token, and replace the key if it is active
        #[arg(long)]
        compromised: bool,
    },
    /// The key file is lost: retire the keys that it lacks, revoke every token, and make a new key
    Lost,
}

impl Keys {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let order = match self.command {
            KeysCommand::List => Order::ListKeys,
            KeysCommand::Add => Order::AddKey,
            KeysCommand::Activate { id } => Order::ActivateKey { id },
            KeysCommand::Retire { id, compromised } => {
                Order::RetireKey { id, is_compromised: compromised }
            }
            KeysCommand::Lost => Order::ReplaceLostKeys,
        };
        match carry_out(&self.common, &self.common.settings()?, order)? {
            Reply::Keys { keys } => {
                say("id   state    fingerprint       added                     in the key file");
                for key in keys {
                    let held = if key.is_held { "yes" } else { "NO" };
                    say(&format!(
                        "{:<4} {:<8} {:<17} {:<25} {held}",
                        key.id, key.state, key.fingerprint, key.added
                    ));
                }
            }
            Reply::Done { message } | Reply::Refused { reason: message } => say(&message),
        }
        Ok(())
    }
}
