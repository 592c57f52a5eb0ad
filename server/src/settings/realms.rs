//! The realms that the settings describe, in the order of the chain.
//!
//! Owns the rules between realms: unique names, unique orders, one realm of an internal type, the
//! two that exist without being configured. Must not know how a realm checks a password.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::effective::Effective;
use super::error::SettingsError;

/// A realm to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealmSettings {
    /// Name, as tokens and answers show it.
    pub name: String,
    /// Type, with what only this type has.
    pub kind: RealmKind,
    /// Whether users may log in, rather than only be looked up.
    pub authenticates: bool,
    /// The cache of verified passwords; `None` if it is off.
    pub cache: Option<CacheSettings>,
}

/// The type of a realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RealmKind {
    /// Users in files.
    File {
        /// User names and password hashes.
        users: PathBuf,
        /// Roles and their users.
        users_roles: PathBuf,
    },
    /// Users in the store.
    Native,
}

/// Bounds of a cache of verified passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// How long a verified password is remembered.
    pub lifetime: Duration,
    /// How many users are remembered.
    pub users_max: usize,
}

/// The enabled realms in the order of the chain, and warnings about names.
pub(super) fn realms(
    effective: &Effective,
    directory: &Path,
) -> Result<(Vec<RealmSettings>, Vec<String>), SettingsError> {
    let named = named(effective)?;
    refuse_same_names(&named)?;
    refuse_same_types(&named)?;
    let mut warnings = Vec::new();
    let mut ordered: BTreeMap<i64, Vec<(String, RealmSettings)>> = BTreeMap::new();
    for (kind, name) in &named {
        if name.starts_with('_') {
            warnings.push(format!("the name of realm [{kind}.{name}] starts with [_]"));
        }
        let prefix = format!("{PREFIX}{kind}.{name}");
        if !effective.flag(&format!("{prefix}.enabled"), true)? {
            continue;
        }
        let order = effective
            .integer(&format!("{prefix}.order"))?
            .ok_or_else(|| SettingsError::RealmOrder { kind: kind.clone(), realm: name.clone() })?;
        let realm = realm(effective, directory, kind, name)?;
        ordered.entry(order).or_default().push((format!("{kind}.{name}"), realm));
    }
    let mut chain = implicit(effective, directory, &named)?;
    for (order, realms) in ordered {
        if realms.len() > 1 {
            let labels: Vec<String> = realms.into_iter().map(|(label, _)| label).collect();
            return Err(SettingsError::RealmOrderTwice { order, realms: labels.join(", ") });
        }
        chain.extend(realms.into_iter().map(|(_, realm)| realm));
    }
    Ok((chain, warnings))
}

/// Whether a name belongs to a realm of a type that this version does not have.
pub(super) fn is_of_unsupported_type(name: &str) -> bool {
    realm_of(name).is_some_and(|(kind, _)| kind != FILE && kind != NATIVE)
}

/// Type and name of every realm that is mentioned; refuses types that cannot be built.
fn named(effective: &Effective) -> Result<BTreeSet<(String, String)>, SettingsError> {
    for name in effective.without_effect() {
        let Some((kind, realm)) = realm_of(name) else { continue };
        refuse_unsupported(effective, kind, realm)?;
    }
    let mut named = BTreeSet::new();
    for name in effective.names() {
        let Some((kind, realm)) = realm_of(name) else { continue };
        if kind == FILE || kind == NATIVE {
            named.insert((kind.to_owned(), realm.to_owned()));
        } else {
            refuse_unsupported(effective, kind, realm)?;
        }
    }
    Ok(named)
}

fn refuse_unsupported(effective: &Effective, kind: &str, realm: &str) -> Result<(), SettingsError> {
    let (kind, realm) = (kind.to_owned(), realm.to_owned());
    if !LATER.contains(&kind.as_str()) {
        return Err(SettingsError::RealmType { kind, realm });
    }
    if effective.flag(&format!("{PREFIX}{kind}.{realm}.enabled"), true)? {
        return Err(SettingsError::RealmUnsupported { kind, realm });
    }
    Ok(())
}

fn refuse_same_names(named: &BTreeSet<(String, String)>) -> Result<(), SettingsError> {
    let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (kind, name) in named {
        kinds.entry(name).or_default().push(format!("{kind}.{name}"));
    }
    match kinds.into_iter().find(|(_, labels)| labels.len() > 1) {
        None => Ok(()),
        Some((name, labels)) => {
            Err(SettingsError::RealmNameTwice { realm: name.to_owned(), realms: labels.join(", ") })
        }
    }
}

fn refuse_same_types(named: &BTreeSet<(String, String)>) -> Result<(), SettingsError> {
    for kind in [FILE, NATIVE] {
        if named.iter().filter(|(of, _)| of == kind).count() > 1 {
            return Err(SettingsError::RealmTwice { kind: kind.to_owned() });
        }
    }
    Ok(())
}

/// The realms of internal types that exist where none of the type is mentioned.
fn implicit(
    effective: &Effective,
    directory: &Path,
    named: &BTreeSet<(String, String)>,
) -> Result<Vec<RealmSettings>, SettingsError> {
    let mut realms = Vec::new();
    for kind in [FILE, NATIVE] {
        if !named.iter().any(|(of, _)| of == kind) {
            realms.push(realm(effective, directory, kind, &format!("default_{kind}"))?);
        }
    }
    Ok(realms)
}

fn realm(
    effective: &Effective,
    directory: &Path,
    kind: &str,
    name: &str,
) -> Result<RealmSettings, SettingsError> {
    let prefix = format!("{PREFIX}{kind}.{name}");
    let path = |last: &str| -> Result<PathBuf, SettingsError> {
        let given = effective.text(&format!("{prefix}.files.{last}"))?;
        Ok(directory.join(given.map_or_else(|| last.to_owned(), |(text, _)| text)))
    };
    let kind = if kind == FILE {
        RealmKind::File { users: path("users")?, users_roles: path("users_roles")? }
    } else {
        RealmKind::Native
    };
    let lifetime = effective.span_or_never(&format!("{prefix}.cache.ttl"))?;
    let users_max = effective.count(&format!("{prefix}.cache.max_users"), 0)?;
    Ok(RealmSettings {
        name: name.to_owned(),
        kind,
        authenticates: effective.flag(&format!("{prefix}.authentication.enabled"), true)?,
        cache: lifetime
            .filter(|lifetime| !lifetime.is_zero() && users_max > 0)
            .map(|lifetime| CacheSettings { lifetime, users_max }),
    })
}

/// Type and name of the realm that a setting belongs to.
fn realm_of(name: &str) -> Option<(&str, &str)> {
    let mut parts = name.strip_prefix(PREFIX)?.split('.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(kind), Some(realm), Some(_)) if !kind.is_empty() && !realm.is_empty() => {
            Some((kind, realm))
        }
        _ => None,
    }
}

const PREFIX: &str = "xpack.security.authc.realms.";
const FILE: &str = "file";
const NATIVE: &str = "native";
/// Types that exist elsewhere and may be switched off in a pasted file.
const LATER: &[&str] = &["active_directory", "jwt", "kerberos", "ldap", "oidc", "pki", "saml"];
