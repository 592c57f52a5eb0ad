//! Reads the cluster privileges of a role that are bounded by what they concern.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::descriptor::{GlobalPrivileges, RoleManagementGrant};
use super::parse::texts;
use super::refusal::{RoleRefusal, Token};
use crate::name::RoleName;
use crate::value::{Map, Value};

/// Reads the member `global`.
pub(super) fn global(name: &RoleName, value: &Value) -> Result<GlobalPrivileges, RoleRefusal> {
    let mut global = GlobalPrivileges::default();
    for (category, value) in object(value)?.members() {
        match category {
            "application" => {
                global.manage_applications = grant(value, "manage", |map| applications(name, map))?;
            }
            "profile" => {
                global.write_profiles = grant(value, "write", |map| applications(name, map))?;
            }
            "role" => global.manage_roles = grant(value, "manage", |map| roles(name, map))?,
            _ => return Err(unknown_word("application,profile,role", category)),
        }
    }
    Ok(global)
}

/// Reads a category: one verb and what it may be done to. An empty category grants nothing.
fn grant<T>(
    value: &Value,
    wanted: &'static str,
    read: impl Fn(&Map) -> Result<T, RoleRefusal>,
) -> Result<Option<T>, RoleRefusal> {
    let mut grant = None;
    for (verb, value) in object(value)?.members() {
        if verb != wanted {
            return Err(unknown_word(wanted, verb));
        }
        grant = Some(read(object(value)?)?);
    }
    Ok(grant)
}

fn applications(name: &RoleName, map: &Map) -> Result<Vec<String>, RoleRefusal> {
    texts(name, "applications", only_member(map, "applications")?)
}

fn roles(name: &RoleName, map: &Map) -> Result<Vec<RoleManagementGrant>, RoleRefusal> {
    let value = only_member(map, "indices")?;
    let Value::List(items) = value else {
        return Err(wrong_kind(Token::List, value));
    };
    let mut grants = Vec::with_capacity(items.len());
    for item in items {
        let (mut names, mut privileges) = (None, None);
        for (field, value) in object(item)?.members() {
            match field {
                "names" => names = Some(texts(name, field, value)?),
                "privileges" => privileges = Some(texts(name, field, value)?),
                _ => return Err(unknown_word("names,privileges", field)),
            }
        }
        let (Some(names), Some(privileges)) = (names, privileges) else {
            return Err(wrong_kind(Token::List, &Value::Null));
        };
        grants.push(RoleManagementGrant { names, privileges });
    }
    Ok(grants)
}

fn only_member<'a>(map: &'a Map, wanted: &'static str) -> Result<&'a Value, RoleRefusal> {
    let mut value = &Value::Null;
    for (field, found) in map.members() {
        if field != wanted {
            return Err(unknown_word(wanted, field));
        }
        value = found;
    }
    Ok(value)
}

fn object(value: &Value) -> Result<&Map, RoleRefusal> {
    let Value::Map(map) = value else {
        return Err(wrong_kind(Token::Map, value));
    };
    Ok(map)
}

fn wrong_kind(wanted: Token, value: &Value) -> RoleRefusal {
    RoleRefusal::GlobalKind { wanted, found: Token::of(value) }
}

fn unknown_word(wanted: &'static str, found: &str) -> RoleRefusal {
    RoleRefusal::GlobalWord { wanted, found: found.to_owned() }
}
