//! The wiring: settings, real clock and randomness, sockets, TLS, the command line.
//!
//! The only crate that knows all the others. Start at [`settings::Settings`].

pub mod settings;
