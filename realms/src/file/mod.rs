//! The file realm: users in two files that an operator edits.
//!
//! Owns who is known at present and when the files are read again. Must not know how a file's
//! lines are read (that is [`parse`]), or who calls for a reload. The files are one machine's:
//! nothing that is committed can expect them unchanged.

pub mod edit;
pub mod parse;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use jeton_domain::name::{RoleName, Username};
use jeton_domain::subject::RealmRef;
use jeton_domain::time::Timestamp;
use jeton_domain::user::User;
use jeton_domain::value::Map;

use crate::cache::{CredentialCache, Stamp};
use crate::error::RealmError;
use crate::files::{Content, Files};
use crate::password::{PasswordHasher, StoredHash};
use crate::realm::{Attempt, Effort, Outcome, Pending, Realm, Vouched};
use crate::reserved::ReservedNames;

use self::parse::{Problem, parse_users, parse_users_roles};

/// Where the two files are.
#[derive(Clone, Debug)]
pub struct FilePaths {
    /// Names and password hashes.
    pub users: PathBuf,
    /// Roles and their users.
    pub users_roles: PathBuf,
}

/// The realm of kind `file`.
#[derive(Debug)]
pub struct FileRealm {
    realm: RealmRef,
    files: Files<2>,
    reserved: ReservedNames,
    hasher: PasswordHasher,
    cache: CredentialCache,
    present: RwLock<Arc<Present>>,
}

impl FileRealm {
    /// The realm under the name by which it is configured. It knows nobody before the first
    /// [`reload_if_changed`](Self::reload_if_changed).
    pub fn new(
        realm: RealmRef,
        paths: FilePaths,
        reserved: ReservedNames,
        hasher: PasswordHasher,
        cache: CredentialCache,
    ) -> Self {
        let present = RwLock::new(Arc::new(Present { stamp: Stamp(0), users: BTreeMap::new() }));
        let files = Files::new([paths.users, paths.users_roles]);
        Self { realm, files, reserved, hasher, cache, present }
    }

    /// Reads the files again if they have changed since the last call, and says whether they had.
    ///
    /// To be called every few seconds, off the threads that serve requests: it blocks on the
    /// file system. A file that is missing holds nobody. One that cannot be read holds nobody
    /// either: better to lock users out than to let in those whom the operator took out.
    pub fn reload_if_changed(&self, now: Timestamp) -> bool {
        let Some([users, users_roles]) = self.files.read_if_changed(now) else { return false };
        let [users_path, users_roles_path] = self.files.paths();
        let users = match users {
            Content::Bytes(bytes) => parse_users(&bytes, |name| self.reserved.contains(name)),
            Content::Missing => parse::Users::default(),
            Content::Unreadable(error) => {
                let path = users_path.display();
                tracing::error!(%path, error, "cannot read the file; dropping all its users");
                parse::Users::default()
            }
        };
        let roles = match users_roles {
            Content::Bytes(bytes) => parse_users_roles(&bytes),
            Content::Missing => parse::UsersRoles::default(),
            Content::Unreadable(error) => {
                let path = users_roles_path.display();
                tracing::error!(%path, error, "cannot read the file; its users have no roles");
                parse::UsersRoles::default()
            }
        };
        report(users_path, &users.problems);
        report(users_roles_path, &roles.problems);
        self.replace(users, roles);
        true
    }

    fn replace(&self, users: parse::Users, mut roles: parse::UsersRoles) {
        let with_roles = |(username, hash): (Username, StoredHash)| {
            let roles = roles.roles.remove(&username).unwrap_or_default();
            self.hasher.meet(&hash);
            (username, Entry { hash: Arc::new(hash), roles })
        };
        let users: BTreeMap<_, _> = users.hashes.into_iter().map(with_roles).collect();
        let count = users.len();
        let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
        let stamp = Stamp(present.stamp.0 + 1);
        *present = Arc::new(Present { stamp, users });
        drop(present);
        self.cache.clear();
        // Only now, so that whoever waits for the line finds what it says.
        tracing::info!(realm = %self.realm.name, users = count, "read the users files");
    }

    fn present(&self) -> Arc<Present> {
        Arc::clone(&self.present.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn judge(&self, attempt: &Attempt) -> Result<Outcome, RealmError> {
        let Attempt { username, password, lane, now } = attempt;
        let present = self.present();
        let Some(entry) = present.users.get(username) else {
            return Ok(Outcome::Continue(Effort::Nothing));
        };
        let verify = self.hasher.verify(Arc::clone(&entry.hash), Arc::clone(password), *lane);
        if self.cache.check(username, password, present.stamp, *now, verify).await? {
            Ok(Outcome::Success(Box::new(self.vouched(username, entry))))
        } else {
            Ok(Outcome::Continue(Effort::Verified))
        }
    }

    fn vouched(&self, username: &Username, entry: &Entry) -> Vouched {
        let user = User {
            username: username.clone(),
            roles: entry.roles.clone(),
            full_name: None,
            email: None,
            metadata: Map::new(),
            enabled: true,
        };
        Vouched { user, realm: self.realm.clone(), evidence: None }
    }
}

impl Realm for FileRealm {
    fn realm(&self) -> &RealmRef {
        &self.realm
    }

    fn authenticate<'a>(&'a self, attempt: &'a Attempt) -> Pending<'a, Outcome> {
        Box::pin(self.judge(attempt))
    }

    fn look_up<'a>(&'a self, username: &'a Username) -> Pending<'a, Option<Vouched>> {
        let entry = self.present();
        let found = entry.users.get(username).map(|entry| self.vouched(username, entry));
        Box::pin(std::future::ready(Ok(found)))
    }

    fn forget_user(&self, username: &Username) {
        self.cache.evict(username);
    }

    fn forget_all(&self) {
        self.cache.clear();
    }
}

/// What both files say together.
#[derive(Debug)]
struct Present {
    stamp: Stamp,
    users: BTreeMap<Username, Entry>,
}

#[derive(Debug)]
struct Entry {
    hash: Arc<StoredHash>,
    roles: Vec<RoleName>,
}

fn report(path: &std::path::Path, problems: &[Problem]) {
    for problem in problems {
        tracing::error!(path = %path.display(), %problem, "skipped a line");
    }
}

#[cfg(test)]
mod tests;
