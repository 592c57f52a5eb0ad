//! The wiring: settings, real clock and randomness, sockets, TLS, the command line.
//!
//! The only crate that knows all the others. A program starts at [`command::run`], a simulation at
//! [`app::App::start_in`].

mod admin;
pub mod app;
pub mod assembly;
mod background;
mod certificates;
pub mod command;
mod core;
pub mod error;
mod http;
mod keyfile;
mod keys;
mod listener;
mod logging;
pub mod settings;
pub mod system;
mod tls;
