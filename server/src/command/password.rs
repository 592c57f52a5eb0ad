//! `jeton reset-password`: a new password for a built-in or stored user.

use clap::Args;
use jeton_realms::reserved::generate_password;
use zeroize::Zeroizing;

use super::{Common, Failure, carry_out, say, terminal};
use crate::admin::{Order, Reply};
use crate::system::SystemEntropy;

/// Give a built-in or stored user a new password
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct ResetPassword {
    #[command(flatten)]
    common: Common,
    /// The user
    #[arg(short, long, value_name = "NAME")]
    username: String,
    /// Generate the password (the default)
    #[arg(short, long, conflicts_with = "interactive")]
    auto: bool,
    /// Ask for the password
    #[arg(short, long)]
    interactive: bool,
    /// Do not ask whether to go on
    #[arg(short, long)]
    batch: bool,
    /// Print the password and nothing else
    #[arg(short, long)]
    silent: bool,
}

impl ResetPassword {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let settings = self.common.settings()?;
        if !self.batch && !self.is_confirmed()? {
            return Err(Failure::Said("nothing was changed".to_owned()));
        }
        let password =
            if self.interactive { terminal::new_password(&self.username)? } else { generated()? };
        let order =
            Order::ResetPassword { username: self.username.clone(), password: password.clone() };
        let reply = carry_out(&self.common, &settings, order)?;
        if !self.silent
            && let Reply::Done { message } = reply
        {
            say(&message);
        }
        if !self.interactive {
            let label = if self.silent { "" } else { "New value: " };
            say(&Zeroizing::new(format!("{label}{}", *password)));
        }
        Ok(())
    }

    fn is_confirmed(&self) -> Result<bool, Failure> {
        let what = if self.interactive { "one that you enter" } else { "a generated one" };
        let question =
            format!("The password of the user [{}] becomes {what}. Go on? [y/N] ", self.username);
        Ok(terminal::is_yes(&question)?)
    }
}

fn generated() -> Result<Zeroizing<String>, Failure> {
    let password = generate_password(&SystemEntropy);
    let text = str::from_utf8(password.expose())
        .map_err(|_| Failure::Said("the generated password is not text".to_owned()))?;
    Ok(Zeroizing::new(text.to_owned()))
}
