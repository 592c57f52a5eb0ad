//! Role mappings in a file that an operator edits: `role_mapping.yml`.
//!
//! Owns which names of users and groups the file gives which roles, and when it is read again. Must
//! not know stored mappings. The file names entries of a directory whole; it has no patterns.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use jeton_domain::mapping::dn::{DistinguishedName, DnRefusal};
use jeton_domain::mapping::model::MappedUser;
use jeton_domain::name::{NameRefusal, RoleName, check_referenced};
use jeton_domain::time::Timestamp;
use jeton_domain::value::{Map, Value};

use super::ChangeHook;
use crate::files::{Content, Files};
use crate::yaml::{self, YamlError};

/// The file, watched. It maps nothing before the first
/// [`reload_if_changed`](Self::reload_if_changed).
pub struct MappingFile {
    files: Files<1>,
    unmapped: UnmappedGroups,
    present: RwLock<Arc<FileMappings>>,
    hooks: RwLock<Vec<ChangeHook>>,
}

/// What a group is that the file does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum UnmappedGroups {
    /// Nothing.
    #[default]
    GiveNothing,
    /// A role that is called like the group: by the first value of its name.
    AreRoles,
}

/// What the file says: roles by names of directory entries, and what is wrong with it.
#[derive(Debug, Default)]
pub struct FileMappings {
    /// The roles by the normal form of the name.
    pub roles: BTreeMap<String, Vec<RoleName>>,
    /// The entries that are left out.
    pub problems: Vec<Problem>,
}

/// An entry that is left out, and why.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// The role for which it stands.
    pub role: String,
    /// What is wrong with it.
    pub reason: Reason,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "role [{}]: {}", self.role, self.reason)
    }
}

/// What is wrong with an entry.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Reason {
    /// The name of the role cannot be one.
    #[error("invalid name: {0}")]
    Role(NameRefusal),
    /// It is not a list.
    #[error("expected a list of distinguished names")]
    NotAList,
    /// It is in the list, and no text.
    #[error("expected a distinguished name, quoted if need be")]
    NotText,
    /// It is no name of a directory entry.
    #[error("[{text}] is no distinguished name: {error}")]
    Dn {
        /// The text.
        text: String,
        /// What is wrong with it.
        error: DnRefusal,
    },
}

/// Why a whole file is dropped.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FileRefusal {
    /// It is not UTF-8.
    #[error("not UTF-8")]
    Encoding,
    /// It is not YAML, or not of plain values.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// It does not say which role has which names.
    #[error("expected names of roles, each with a list of distinguished names")]
    Shape,
}

impl MappingFile {
    /// The file at this path.
    pub fn new(path: PathBuf, unmapped: UnmappedGroups) -> Self {
        let (present, hooks) = (RwLock::default(), RwLock::default());
        Self { files: Files::new([path]), unmapped, present, hooks }
    }

    /// Reads the file again if it has changed since the last call, and says whether it had.
    ///
    /// To be called every few seconds, off the threads that serve requests: it blocks on the file
    /// system. A file that is missing maps nothing. One that cannot be read maps nothing either:
    /// better to take roles away than to leave those that the operator took away.
    pub fn reload_if_changed(&self, now: Timestamp) -> bool {
        let Some([content]) = self.files.read_if_changed(now) else { return false };
        let [path] = self.files.paths();
        let path = path.display();
        let mappings = match content {
            Content::Bytes(bytes) => parse(&bytes).map_err(|error| error.to_string()),
            Content::Missing => {
                tracing::warn!(%path, "there is no such file; it maps nothing");
                Ok(FileMappings::default())
            }
            Content::Unreadable(error) => Err(error),
        };
        let mappings = mappings.unwrap_or_else(|error| {
            tracing::error!(%path, error, "cannot read the file; dropping all its mappings");
            FileMappings::default()
        });
        for problem in &mappings.problems {
            tracing::error!(%path, %problem, "skipped an entry");
        }
        tracing::info!(%path, names = mappings.roles.len(), "read the role mappings file");
        *self.present.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(mappings);
        let hooks = self.hooks.read().unwrap_or_else(PoisonError::into_inner);
        hooks.iter().for_each(|hook| hook());
        true
    }

    /// The roles that the file gives this user, by their own name and by their groups.
    pub(super) fn roles_of(&self, user: &MappedUser) -> Vec<RoleName> {
        let present = Arc::clone(&self.present.read().unwrap_or_else(PoisonError::into_inner));
        let named = |dn: &DistinguishedName| present.roles.get(&dn.normal());
        let mut roles: Vec<RoleName> = Vec::new();
        for group in user.group_dns() {
            match (named(group), self.unmapped) {
                (Some(mapped), _) => roles.extend_from_slice(mapped),
                (None, UnmappedGroups::AreRoles) => {
                    roles.extend(group.first_value().map(RoleName::new));
                }
                (None, UnmappedGroups::GiveNothing) => {}
            }
        }
        roles.extend(user.dn().and_then(named).into_iter().flatten().cloned());
        roles
    }

    pub(super) fn on_change(&self, hook: ChangeHook) {
        self.hooks.write().unwrap_or_else(PoisonError::into_inner).push(hook);
    }
}

impl fmt::Debug for MappingFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("MappingFile").field("files", &self.files).finish_non_exhaustive()
    }
}

/// Reads the bytes of the file.
pub fn parse(bytes: &[u8]) -> Result<FileMappings, FileRefusal> {
    let text = str::from_utf8(bytes).map_err(|_| FileRefusal::Encoding)?;
    let roles = match yaml::read(text)? {
        Value::Null => Map::new(),
        Value::Map(roles) => roles,
        _ => return Err(FileRefusal::Shape),
    };
    let mut found = FileMappings::default();
    for (role, names) in roles.members() {
        if let Err(reason) = take(role, names, &mut found) {
            found.problems.push(Problem { role: role.to_owned(), reason });
        }
    }
    Ok(found)
}

fn take(role: &str, names: &Value, found: &mut FileMappings) -> Result<(), Reason> {
    check_referenced(role).map_err(Reason::Role)?;
    let Value::List(names) = names else { return Err(Reason::NotAList) };
    for name in names {
        match directory_name(name) {
            Ok(dn) => found.roles.entry(dn.normal()).or_default().push(RoleName::new(role)),
            Err(reason) => found.problems.push(Problem { role: role.to_owned(), reason }),
        }
    }
    Ok(())
}

fn directory_name(value: &Value) -> Result<DistinguishedName, Reason> {
    let Value::Text(text) = value else { return Err(Reason::NotText) };
    DistinguishedName::parse(text).map_err(|error| Reason::Dn { text: text.clone(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(found: &FileMappings, dn: &str) -> Vec<String> {
        let dn = DistinguishedName::parse(dn).unwrap().normal();
        found.roles.get(&dn).into_iter().flatten().map(ToString::to_string).collect()
    }

    #[test]
    fn names_are_compared_in_their_normal_form_and_have_no_patterns() {
        let text = b"monitoring:\n  - 'CN=Admins, DC=Example,DC=com'\n  - \"cn=ann,dc=e\"\nops: [ 'cn=admins,dc=example,dc=com', 'cn=*,dc=e' ]\nempty: []\n";
        let found = parse(text).unwrap();
        assert_eq!(found.problems, []);
        assert_eq!(roles(&found, "cn=admins, dc=EXAMPLE, dc=com"), ["monitoring", "ops"]);
        assert_eq!(roles(&found, "cn=Ann,dc=E"), ["monitoring"]);
        assert_eq!(roles(&found, "cn=bob,dc=e"), Vec::<String>::new());
    }

    #[test]
    fn a_bad_entry_costs_no_other() {
        let found =
            parse(b"a:\n  - nonsense\n  - 7\n  - 'cn=x'\nb: 'cn=x'\n' c': [ 'cn=x' ]\nd:\n");
        let found = found.unwrap();
        assert_eq!(roles(&found, "cn=x"), ["a"]);
        let problems: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert!(problems[0].starts_with("role [a]: [nonsense] is no distinguished name: "));
        assert_eq!(problems[1], "role [a]: expected a distinguished name, quoted if need be");
        assert_eq!(problems[2], "role [b]: expected a list of distinguished names");
        assert!(problems[3].starts_with("role [ c]: invalid name"));
    }

    #[test]
    fn a_byte_order_mark_and_marks_of_a_document_say_nothing() {
        let found = parse(b"\xef\xbb\xbf---\r\na:\r\n- 'cn=x'\r\n...\r\n").unwrap();
        assert_eq!(roles(&found, "cn=x"), ["a"]);
    }

    #[test]
    fn a_file_that_makes_no_sense_is_refused_whole() {
        for text in [&b"a: ['cn=x'"[..], b"- a", b"words", b"a: []\na: []", b"a: [\xff]"] {
            parse(text).unwrap_err();
        }
        assert!(parse(b"# nothing\n").unwrap().roles.is_empty());
    }
}
