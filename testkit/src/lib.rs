//! The simulated world, the model, and the real server at arm's length.
//!
//! Owns what tests across crates share. Nothing of the product may use it.

pub mod answers;
pub mod ask;
pub mod chance;
pub mod clock;
pub mod faulty;
pub mod ledger;
pub mod model;
pub mod process;
pub mod scene;
pub mod search;
pub mod stepped;
pub mod stopwatch;
pub mod vouching;
pub mod wait;
pub mod wire;
pub mod world;
