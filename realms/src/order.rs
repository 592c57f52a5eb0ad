//! Which realms there are, and in which order they are asked.
//!
//! Owns the rules for the settings `xpack.security.authc.realms.{type}.{name}.*`. Must not know
//! what a realm does. Every error here stops a start.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jeton_domain::name::RealmName;

/// What the settings say of one realm.
#[derive(Clone, Debug)]
pub struct RealmSettings {
    /// The type, as written.
    pub kind: String,
    /// The name.
    pub name: String,
    /// Its place among the configured realms.
    pub order: Option<i32>,
    /// Whether it takes part.
    pub is_enabled: bool,
}

/// A type of realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RealmKind {
    /// Users in files.
    File,
    /// Users made through the API.
    Native,
    /// A directory.
    Ldap,
    /// Microsoft's directory.
    ActiveDirectory,
    /// Client certificates.
    Pki,
    /// SAML 2.0.
    Saml,
    /// `OpenID` Connect.
    Oidc,
    /// Kerberos tickets.
    Kerberos,
    /// Signed JSON web tokens.
    Jwt,
}

/// A realm that takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderedRealm {
    /// The type.
    pub kind: RealmKind,
    /// The name.
    pub name: RealmName,
}

/// Why the settings of realms are refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OrderError {
    /// No such type.
    #[error("unknown realm type [{kind}] for realm [{kind}.{name}]")]
    UnknownKind {
        /// The type.
        kind: String,
        /// The name.
        name: String,
    },
    /// Two realms share a name.
    #[error("Found multiple realms configured with the same name: {name}: [{realms}]")]
    SameName {
        /// The name.
        name: String,
        /// The realms.
        realms: String,
    },
    /// Two realms that take part share a place.
    #[error("Found multiple realms configured with the same order: {order}: [{realms}]")]
    SameOrder {
        /// The place.
        order: i32,
        /// The realms.
        realms: String,
    },
    /// A realm that takes part has no place.
    #[error("realm [{0}] needs the setting [order]")]
    NoOrder(String),
    /// A second realm of a type that there can only be one of.
    #[error(
        "multiple [{0}] realms are configured. [{0}] is an internal realm and therefore there can \
         only be one such realm configured"
    )]
    Several(RealmKind),
}

/// The realms that take part, in the order in which they are asked behind the reserved one.
///
/// `default_file` and `default_native` come first unless the settings name a realm of their type,
/// be it to turn it off.
pub fn order_realms(settings: &[RealmSettings]) -> Result<Vec<OrderedRealm>, OrderError> {
    let mut by_name: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut by_order: BTreeMap<i32, Vec<(String, OrderedRealm)>> = BTreeMap::new();
    let mut internal = Vec::new();
    for realm in settings {
        let RealmSettings { kind, name, order, is_enabled } = realm;
        let id = format!("{kind}.{name}");
        let kind: RealmKind = kind.parse().map_err(|UnknownKind| OrderError::UnknownKind {
            kind: kind.clone(),
            name: name.clone(),
        })?;
        by_name.entry(name).or_default().push(id.clone());
        if matches!(kind, RealmKind::File | RealmKind::Native) {
            if internal.contains(&kind) {
                return Err(OrderError::Several(kind));
            }
            internal.push(kind);
        }
        if *is_enabled {
            let order = order.ok_or_else(|| OrderError::NoOrder(id.clone()))?;
            let ordered = OrderedRealm { kind, name: RealmName::new(name) };
            by_order.entry(order).or_default().push((id, ordered));
        }
    }
    if let Some((name, ids)) = by_name.into_iter().find(|(_, ids)| ids.len() > 1) {
        let name = name.to_owned();
        return Err(OrderError::SameName { name, realms: ids.join(", ") });
    }
    let mut realms = Vec::new();
    for (kind, name) in [(RealmKind::File, DEFAULT_FILE), (RealmKind::Native, DEFAULT_NATIVE)] {
        if !internal.contains(&kind) {
            realms.push(OrderedRealm { kind, name: RealmName::new(name) });
        }
    }
    for (order, same) in by_order {
        if same.len() > 1 {
            let ids: Vec<_> = same.into_iter().map(|(id, _)| id).collect();
            return Err(OrderError::SameOrder { order, realms: ids.join(", ") });
        }
        realms.extend(same.into_iter().map(|(_, realm)| realm));
    }
    Ok(realms)
}

/// Whether a realm's name is of a form that is going away.
pub fn is_deprecated_name(name: &str) -> bool {
    name.starts_with('_')
}

impl RealmKind {
    /// The type as settings and answers write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Native => "native",
            Self::Ldap => "ldap",
            Self::ActiveDirectory => "active_directory",
            Self::Pki => "pki",
            Self::Saml => "saml",
            Self::Oidc => "oidc",
            Self::Kerberos => "kerberos",
            Self::Jwt => "jwt",
        }
    }
}

impl fmt::Display for RealmKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for RealmKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        KINDS.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}

/// The text names no type of realm.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown realm type")]
pub struct UnknownKind;

const KINDS: [RealmKind; 9] = [
    RealmKind::File,
    RealmKind::Native,
    RealmKind::Ldap,
    RealmKind::ActiveDirectory,
    RealmKind::Pki,
    RealmKind::Saml,
    RealmKind::Oidc,
    RealmKind::Kerberos,
    RealmKind::Jwt,
];

/// The name of the file realm that nobody configured.
const DEFAULT_FILE: &str = "default_file";

/// The name of the native realm that nobody configured.
pub const DEFAULT_NATIVE: &str = "default_native";

#[cfg(test)]
mod tests {
    use super::*;

    fn realm(kind: &str, name: &str, order: Option<i32>, is_enabled: bool) -> RealmSettings {
        RealmSettings { kind: kind.to_owned(), name: name.to_owned(), order, is_enabled }
    }

    fn on(kind: &str, name: &str, order: i32) -> RealmSettings {
        realm(kind, name, Some(order), true)
    }

    fn off(kind: &str, name: &str) -> RealmSettings {
        realm(kind, name, None, false)
    }

    fn check(settings: &[RealmSettings], expected: &[&str]) {
        let realms = order_realms(settings).unwrap();
        let names: Vec<_> =
            realms.iter().map(|realm| format!("{}.{}", realm.kind, realm.name)).collect();
        assert_eq!(names, expected);
    }

    fn check_refused(settings: &[RealmSettings], expected: &str) {
        assert_eq!(order_realms(settings).unwrap_err().to_string(), expected);
    }

    #[test]
    fn without_settings_there_are_the_two_implicit_realms() {
        check(&[], &["file.default_file", "native.default_native"]);
    }

    /// Identity case 77.
    #[test]
    fn two_realms_with_one_order_are_refused() {
        let settings = [on("ldap", "l1", 1), on("file", "f1", 1)];
        let expected =
            "Found multiple realms configured with the same order: 1: [ldap.l1, file.f1]";
        check_refused(&settings, expected);
        check(&[on("ldap", "l1", 1), off("file", "f1")], &["native.default_native", "ldap.l1"]);
    }

    /// Identity case 78.
    #[test]
    fn the_implicit_realms_come_before_every_configured_one() {
        let expected = ["file.default_file", "native.default_native", "ldap.l1"];
        check(&[on("ldap", "l1", -5)], &expected);
    }

    /// Identity case 79. As far as the order goes.
    #[test]
    fn a_realm_that_is_turned_off_takes_its_implicit_one_with_it() {
        check(&[off("native", "n1")], &["file.default_file"]);
        check(&[off("native", "n1"), off("file", "f1")], &[]);
    }

    #[test]
    fn configured_realms_come_by_ascending_order() {
        let settings = [on("file", "saml1", 9), on("native", "n1", 3), on("ldap", "l1", 5)];
        check(&settings, &["native.n1", "ldap.l1", "file.saml1"]);
    }

    #[test]
    fn settings_that_contradict_themselves_are_refused() {
        check_refused(&[on("x", "n", 1)], "unknown realm type [x] for realm [x.n]");
        check_refused(
            &[realm("file", "f", None, true)],
            "realm [file.f] needs the setting [order]",
        );
        let same_name = [on("ldap", "one", 1), on("file", "one", 2)];
        let expected =
            "Found multiple realms configured with the same name: one: [ldap.one, file.one]";
        check_refused(&same_name, expected);
        let expected = "multiple [file] realms are configured. [file] is an internal realm and \
                        therefore there can only be one such realm configured";
        check_refused(&[on("file", "a", 1), off("file", "b")], expected);
    }

    #[test]
    fn names_with_a_leading_underscore_are_deprecated() {
        assert!(is_deprecated_name("_ldap") && !is_deprecated_name("ldap_"));
    }
}
