//! What the fuzz targets share.
//!
//! Owns a whole service in memory and the way a target speaks to it. Must not know any target.

pub mod service;
