//! The roles that need no store: the reserved ones, and those of a file.
//!
//! Owns which reserved roles there are, and where the file is. Must not know what a role grants.

use std::path::{Path, PathBuf};

use jeton_domain::role::reserved::ReservedRoles;

use super::effective::Effective;
use super::error::SettingsError;

/// The roles that need no store.
#[derive(Clone, Debug)]
pub struct RoleSettings {
    /// The reserved roles that there are.
    pub reserved: ReservedRoles,
    /// The file of roles.
    pub file: PathBuf,
}

pub(super) fn roles(
    effective: &Effective,
    directory: &Path,
) -> Result<RoleSettings, SettingsError> {
    let file = directory.join(FILE);
    if !effective.is_given(INCLUDED) {
        return Ok(RoleSettings { reserved: ReservedRoles::default(), file });
    }
    let names = effective.list(INCLUDED)?;
    let reserved = ReservedRoles::only(names.iter().map(String::as_str));
    let reserved = reserved.map_err(|refusal| SettingsError::Invalid {
        name: INCLUDED.to_owned(),
        value: names.join(","),
        reason: refusal.to_string(),
    })?;
    Ok(RoleSettings { reserved, file })
}

const INCLUDED: &str = "xpack.security.reserved_roles.include";
const FILE: &str = "roles.yml";
