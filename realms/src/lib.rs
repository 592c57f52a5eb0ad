//! Who vouches for a user.
//!
//! Owns the realms, the chain that asks them in order, passwords at rest, and the brakes on
//! guessing. Must not know tokens or HTTP. Start at [`chain::Chain`].

pub mod cache;
pub mod chain;
pub mod error;
pub mod file;
mod files;
pub mod mapping;
pub mod native;
pub mod order;
pub mod password;
pub mod realm;
mod recent;
mod record;
pub mod reserved;
pub mod roles_file;
pub mod throttle;
pub mod yaml;

#[cfg(test)]
mod testing;
