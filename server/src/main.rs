//! The program `jeton`.

use std::process::ExitCode;

fn main() -> ExitCode {
    jeton::command::run(std::env::args_os())
}
