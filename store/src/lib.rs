//! How tokens and identities are kept.
//!
//! Owns the [`engine`] seam and the engines behind it, the tables, the revocation clock and the
//! coherent cache. Must not know realms or HTTP. Start at [`engine::Engine`].

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

mod codec;
pub mod coherent;
pub mod conformance;
pub mod engine;
pub mod error;
pub mod store;
pub mod tables;
pub mod transaction;
