//! What the fuzz targets share.
//!
//! Owns a whole service in memory and the way a target speaks to it, and the way to JSON and users
//! for those that need no service. Must not know any target.

pub mod json;
pub mod mapped;
pub mod service;
