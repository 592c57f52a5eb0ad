//! How tokens and identities are kept.
//!
//! Owns the [`engine`] seam and the engines behind it, the tables, the revocation clock and the
//! coherent cache. Must not know realms or HTTP. Start at [`engine::Engine`].

pub mod conformance;
pub mod engine;
pub mod error;
