//! Questions on the terminal, and passwords that are not shown while they are typed.
//!
//! Owns standard input. Where it is not a terminal, lines are read as they come.

use std::io::{self, BufRead as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::Failure;

/// Asks a question; whether the answer is yes. The end of input is a no.
pub(super) fn is_yes(question: &str) -> io::Result<bool> {
    prompt(question)?;
    let answer = line()?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Asks twice for a new password.
pub(super) fn new_password(username: &str) -> Result<Zeroizing<String>, Failure> {
    let _hidden = Hidden::start()?;
    let first = asked(&format!("Enter password for [{username}]: "))?;
    let second = asked(&format!("Re-enter password for [{username}]: "))?;
    if *first == *second {
        Ok(first)
    } else {
        Err(Failure::Said("the passwords do not match".to_owned()))
    }
}

fn asked(question: &str) -> io::Result<Zeroizing<String>> {
    prompt(question)?;
    let typed = line()?;
    // The key that ends the line is not shown either.
    prompt("\n")?;
    Ok(typed)
}

fn prompt(text: &str) -> io::Result<()> {
    let mut output = io::stderr().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}

fn line() -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    io::stdin().lock().read_line(&mut text)?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// While it lives, the terminal does not show what is typed.
struct Hidden(Option<Termios>);

impl Hidden {
    fn start() -> io::Result<Self> {
        let input = io::stdin();
        if !isatty(&input) {
            return Ok(Self(None));
        }
        let before = tcgetattr(&input)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&input, OptionalActions::Flush, &hidden)?;
        Ok(Self(Some(before)))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // The terminal may be gone; there is nothing left to restore then.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
        }
    }
}
