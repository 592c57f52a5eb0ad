//! Roles: what a role grants, as it is written down and as it is enforced.
//!
//! Owns descriptors, the rules for them, the reserved roles and the permission that roles give
//! together. Must not know where roles are kept. Start at [`descriptor`].

mod automaton;
#[cfg(test)]
mod automaton_tests;
pub mod check;
pub mod check_parse;
#[cfg(test)]
mod check_tests;
mod cluster_coverage;
pub mod coverage;
pub mod descriptor;
mod determinize;
mod grants;
#[cfg(test)]
mod grants_tests;
mod parse;
mod parse_global;
#[cfg(test)]
mod parse_tests;
pub mod pattern;
pub mod permission;
pub mod refusal;
mod regex_parse;
pub mod reserved;
mod reserved_table;
pub mod summary;
pub mod validation;
