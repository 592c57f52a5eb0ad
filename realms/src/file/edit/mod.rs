//! The operator's hand on `users` and `users_roles`.
//!
//! Owns which changes make sense and in which order the two files are written, so that a change
//! that breaks off in between lets nobody in and gives nobody a role. Must not know how a line is
//! changed (that is `text`), how a file is replaced (that is `disk`), or how a password is
//! hashed. A server that reads the files learns of it by itself.

mod disk;
mod text;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use jeton_domain::name::{NameRefusal, RoleName, Username, check_referenced};

use super::FilePaths;
use super::parse::{Problem, parse_users, parse_users_roles};
use crate::reserved::ReservedNames;

use self::disk::Lock;

/// The two files, held against other editors until it is dropped.
#[derive(Debug)]
pub struct Editor {
    paths: FilePaths,
    reserved: ReservedNames,
    _lock: Lock,
}

/// What both files say at one moment, for people to read.
#[derive(Debug, Default)]
pub struct Listing {
    /// Those who may log in, with their roles in the order of the file.
    pub users: BTreeMap<Username, Vec<RoleName>>,
    /// The lines that a server skips.
    pub problems: Vec<(PathBuf, Problem)>,
}

impl Editor {
    /// Takes the files. Where another editor holds them, calls `on_wait` and blocks until it is
    /// done.
    pub fn open(
        paths: FilePaths,
        reserved: ReservedNames,
        on_wait: impl FnOnce(),
    ) -> Result<Self, EditError> {
        let lock = Lock::take(&paths.users, on_wait).map_err(|error| io(&paths.users, &error))?;
        Ok(Self { paths, reserved, _lock: lock })
    }

    /// Adds a user who has these roles and no other, whatever `users_roles` said of the name.
    pub fn add(
        &self,
        username: &Username,
        hash: &str,
        roles: &[RoleName],
    ) -> Result<(), EditError> {
        check_new(&self.paths, &self.reserved, username)?;
        check_roles(username, roles)?;
        let users_roles = self.users_roles()?;
        let mut changed = text::revoke(&users_roles, username, |_| true);
        for role in roles {
            changed = text::grant(&changed, username, role);
        }
        // The roles first: a name without a password is nobody.
        self.write_roles(&users_roles, &changed)?;
        self.put(username, hash)
    }

    /// Gives a user another password hash.
    pub fn set_hash(&self, username: &Username, hash: &str) -> Result<(), EditError> {
        check_known(&self.paths, username)?;
        self.put(username, hash)
    }

    /// Takes a user out of both files.
    pub fn remove(&self, username: &Username) -> Result<(), EditError> {
        check_known(&self.paths, username)?;
        let users = self.users()?;
        self.write_users(&users, &text::remove_user(&users, username))?;
        let users_roles = self.users_roles()?;
        self.write_roles(&users_roles, &text::revoke(&users_roles, username, |_| true))
    }

    /// Gives a user roles and takes others away, at once.
    pub fn change_roles(
        &self,
        username: &Username,
        given: &[RoleName],
        taken: &[RoleName],
    ) -> Result<(), EditError> {
        check_known(&self.paths, username)?;
        check_roles(username, given)?;
        let users_roles = self.users_roles()?;
        let is_taken = |role: &str| taken.iter().any(|taken| taken.as_str() == role);
        let mut changed = text::revoke(&users_roles, username, is_taken);
        for role in given {
            changed = text::grant(&changed, username, role);
        }
        self.write_roles(&users_roles, &changed)
    }

    fn put(&self, username: &Username, hash: &str) -> Result<(), EditError> {
        let users = self.users()?;
        self.write_users(&users, &text::put_user(&users, username, hash))
    }

    fn users(&self) -> Result<Vec<u8>, EditError> {
        read(&self.paths.users)
    }

    fn users_roles(&self) -> Result<Vec<u8>, EditError> {
        read(&self.paths.users_roles)
    }

    fn write_users(&self, before: &[u8], after: &[u8]) -> Result<(), EditError> {
        write(&self.paths.users, &self.paths.users_roles, before, after)
    }

    fn write_roles(&self, before: &[u8], after: &[u8]) -> Result<(), EditError> {
        write(&self.paths.users_roles, &self.paths.users, before, after)
    }
}

impl Listing {
    /// Reads both files. They are not held: what is read may be changed at once.
    pub fn read(paths: &FilePaths, reserved: &ReservedNames) -> Result<Self, EditError> {
        let users = parse_users(&read(&paths.users)?, |name| reserved.contains(name));
        let mut roles = parse_users_roles(&read(&paths.users_roles)?);
        let of_user = |name: Username| {
            let held = roles.roles.remove(&name).unwrap_or_default();
            (name, held)
        };
        let known = users.hashes.into_keys().map(of_user).collect();
        let in_users = users.problems.into_iter().map(|found| (paths.users.clone(), found));
        let in_roles = roles.problems.into_iter().map(|found| (paths.users_roles.clone(), found));
        Ok(Self { users: known, problems: in_users.chain(in_roles).collect() })
    }
}

/// Checks that a user of this name can be added, as far as that can be told without holding the
/// files.
pub fn check_new(
    paths: &FilePaths,
    reserved: &ReservedNames,
    username: &Username,
) -> Result<(), EditError> {
    let name = username.as_str();
    let invalid = |error| EditError::UserName { name: username.clone(), error };
    check_referenced(name).map_err(invalid)?;
    if reserved.contains(name) {
        return Err(EditError::Reserved(username.clone()));
    }
    if name.contains(':') || name.starts_with('#') {
        return Err(EditError::Unwritable(name.to_owned()));
    }
    if text::knows(&read(&paths.users)?, username) {
        return Err(EditError::Exists(username.clone()));
    }
    Ok(())
}

/// Checks that the `users` file names a user, whether or not they can log in.
pub fn check_known(paths: &FilePaths, username: &Username) -> Result<(), EditError> {
    if text::knows(&read(&paths.users)?, username) {
        Ok(())
    } else {
        Err(EditError::Unknown(username.clone()))
    }
}

/// Checks that a user can be given these roles in a file.
pub fn check_roles(username: &Username, roles: &[RoleName]) -> Result<(), EditError> {
    for role in roles {
        let name = role.as_str();
        let invalid = |error| EditError::RoleName { name: role.clone(), error };
        check_referenced(name).map_err(invalid)?;
        if name.contains(':') || name.starts_with('#') {
            return Err(EditError::Unwritable(name.to_owned()));
        }
    }
    if username.as_str().contains(',') && !roles.is_empty() {
        return Err(EditError::Comma(username.clone()));
    }
    Ok(())
}

/// Why the files are not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// There is such a user already.
    #[error("user [{0}] exists already")]
    Exists(Username),
    /// There is no such user.
    #[error("user [{0}] does not exist")]
    Unknown(Username),
    /// A server would not listen to what the file says of this user.
    #[error("Username [{0}] is reserved and may not be used.")]
    Reserved(Username),
    /// It cannot be the name of a user.
    #[error("[{name}] cannot be the name of a user: {error}")]
    UserName {
        /// The name.
        name: Username,
        /// What is wrong with it.
        error: NameRefusal,
    },
    /// It cannot be the name of a role.
    #[error("[{name}] cannot be the name of a role: {error}")]
    RoleName {
        /// The name.
        name: RoleName,
        /// What is wrong with it.
        error: NameRefusal,
    },
    /// The name would be read back as something else.
    #[error("[{0}] cannot stand in a file: a colon ends a name there, and [#] begins a comment")]
    Unwritable(String),
    /// The name would be read back as two.
    #[error("user [{0}] cannot have roles from a file: a comma stands between users there")]
    Comma(Username),
    /// The system refused.
    #[error("[{path}]: {reason}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

/// A file whole; a missing one is empty.
fn read(path: &Path) -> Result<Vec<u8>, EditError> {
    match crate::files::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(io(path, &error)),
    }
}

/// Replaces a file where that changes it; one that is missing is made like the other of the two.
fn write(path: &Path, other: &Path, before: &[u8], after: &[u8]) -> Result<(), EditError> {
    if before == after {
        return Ok(());
    }
    disk::replace(path, other, after).map_err(|error| io(path, &error))
}

fn io(path: &Path, error: &io::Error) -> EditError {
    EditError::Io { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests;
