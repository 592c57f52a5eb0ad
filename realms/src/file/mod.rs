//! The file realm: users in two files that an operator edits.
//!
//! Owns when the files are read again. Must not know how a request authenticates.

pub mod parse;
