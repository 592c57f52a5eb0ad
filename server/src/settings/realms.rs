//! The realms that the settings describe, in the order of the chain.
//!
//! Owns the settings of one realm. The rules between realms are those of `jeton_realms::order`.
//! Must not know how a realm checks a password.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jeton_realms::order;

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

impl RealmKind {
    /// The type as settings and answers write it.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::File { .. } => order::RealmKind::File.as_str(),
            Self::Native => order::RealmKind::Native.as_str(),
        }
    }
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
    let named = named(effective);
    let mut warnings = Vec::new();
    let mut places = Vec::new();
    for (kind, name) in named {
        if order::is_deprecated_name(&name) {
            warnings.push(format!("the name of realm [{kind}.{name}] starts with [_]"));
        }
        let prefix = format!("{PREFIX}{kind}.{name}");
        let order = effective.integer(&format!("{prefix}.order"))?;
        places.push(order::RealmSettings {
            // The table keeps the value within what fits.
            order: order.and_then(|order| order.try_into().ok()),
            is_enabled: effective.flag(&format!("{prefix}.enabled"), true)?,
            kind,
            name,
        });
    }
    let chain = order::order_realms(&places)?
        .into_iter()
        .map(|place| realm(effective, directory, &place))
        .collect::<Result<_, _>>()?;
    Ok((chain, warnings))
}

/// The name of the native realm. Where it is disabled, tokens of its users may still live under it.
pub(super) fn native_realm(effective: &Effective) -> String {
    let mut named = named(effective).into_iter();
    let native = named.find(|(kind, _)| *kind == order::RealmKind::Native.as_str());
    native.map_or_else(|| order::DEFAULT_NATIVE.to_owned(), |(_, name)| name)
}

/// Whether a name belongs to a realm of a type that this version does not have. Its settings are
/// judged with their realm, so that the message is about the type and not about one of them.
pub(super) fn is_of_unsupported_type(name: &str) -> bool {
    realm_of(name).is_some_and(|(kind, _)| {
        !matches!(kind.parse(), Ok(order::RealmKind::File | order::RealmKind::Native))
    })
}

/// Type and name of every realm that is mentioned.
fn named(effective: &Effective) -> BTreeSet<(String, String)> {
    let without_effect = effective.without_effect().iter().map(String::as_str);
    effective
        .names()
        .chain(without_effect)
        .filter_map(realm_of)
        .map(|(kind, name)| (kind.to_owned(), name.to_owned()))
        .collect()
}

fn realm(
    effective: &Effective,
    directory: &Path,
    place: &order::OrderedRealm,
) -> Result<RealmSettings, SettingsError> {
    let name = place.name.as_str();
    let prefix = format!("{PREFIX}{}.{name}", place.kind);
    let path = |last: &str| -> Result<PathBuf, SettingsError> {
        let given = effective.text(&format!("{prefix}.files.{last}"))?;
        Ok(directory.join(given.map_or_else(|| last.to_owned(), |(text, _)| text)))
    };
    let kind = match place.kind {
        order::RealmKind::File => {
            RealmKind::File { users: path("users")?, users_roles: path("users_roles")? }
        }
        order::RealmKind::Native => RealmKind::Native,
        later => {
            return Err(SettingsError::RealmUnsupported {
                kind: later.as_str(),
                realm: name.to_owned(),
            });
        }
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
