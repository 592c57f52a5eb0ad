//! Who vouches for a user.
//!
//! Owns the realms, the chain that asks them in order, passwords at rest, and the brakes on
//! guessing. Must not know tokens or HTTP.

pub mod file;
pub mod password;
mod recent;
pub mod throttle;
