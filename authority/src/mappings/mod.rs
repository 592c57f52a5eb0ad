//! Role mappings kept in the store: put, read, delete.
//!
//! Must not know to whom they give roles: the realms that use them ask `jeton_realms::mapping`.

pub mod delete;
pub mod put;
pub mod read;
