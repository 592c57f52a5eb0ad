//! What tokens and identities are, and which changes of them are legal.
//!
//! Owns the nouns and the pure rules. Must not know I/O, clocks, randomness, async or JSON: bytes,
//! an instant and random bits come in as arguments, a decision goes out. Start at [`token`].
#![no_std]
#![cfg_attr(
    not(test),
    deny(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::wildcard_enum_match_arm)
)]
extern crate alloc;

pub mod authentication;
pub mod id;
pub mod limits;
pub mod mapping;
pub mod name;
pub mod privilege;
pub mod query;
pub mod role;
pub mod secret;
pub mod selector;
pub mod settings;
pub mod subject;
pub mod time;
pub mod token;
pub mod user;
pub mod value;
