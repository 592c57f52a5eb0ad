//! The simulated world, the model, and the real server at arm's length.
//!
//! Owns what tests across crates share. Nothing of the product may use it.

pub mod answers;
pub mod process;
pub mod wire;
