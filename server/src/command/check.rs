//! `jeton check`: the settings in force, a sample file, the schema.

use clap::{Args, ValueEnum};

use super::{Common, Failure, complain, say};
use crate::settings::{effective_text, sample, schema};

/// Check the settings and show those in force
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    common: Common,
    /// What to print
    #[arg(long, value_enum, default_value_t)]
    print: Print,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Print {
    /// The settings in force, with where they come from
    #[default]
    Effective,
    /// A settings file with every setting, its meaning and its default
    Sample,
    /// A JSON schema of the settings file
    Schema,
}

impl Check {
    pub(super) fn run(&self) -> Result<(), Failure> {
        match self.print {
            Print::Effective => {
                let settings = self.common.settings()?;
                let shown = effective_text(&settings.effective);
                say(shown.map_err(crate::settings::SettingsErrors::from)?.trim_end());
                for notice in &settings.notices {
                    complain(notice);
                }
            }
            Print::Sample => say(sample().trim_end()),
            Print::Schema => say(&format!("{:#}", schema())),
        }
        Ok(())
    }
}
