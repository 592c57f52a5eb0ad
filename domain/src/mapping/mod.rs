//! Role mappings: which roles the users of outside realms have.
//!
//! Owns the rules over users and what they match, distinguished names, and templates of role
//! names. Must not know where mappings are kept, nor the syntax of JSON. Start at
//! [`role_mapping`].

pub mod dn;
mod dn_parse;
mod evaluate;
pub mod json;
pub mod model;
mod mustache;
mod mustache_parse;
pub mod refusal;
mod render;
pub mod role_mapping;
#[cfg(test)]
mod role_mapping_tests;
pub mod rule;
mod rule_parse;
#[cfg(test)]
mod rule_plain_tests;
#[cfg(test)]
mod rule_tests;
mod script;
pub mod template;
#[cfg(test)]
mod template_tests;
#[cfg(test)]
mod testing;
