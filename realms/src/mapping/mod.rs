//! Roles that are mapped to the users of outside realms: by stored mappings, and by a file.
//!
//! Owns putting both together for one realm. Must not know where a realm's users come from. Users
//! of this service's own realms have roles in their own records and are never asked about here.

pub mod file;
pub mod stored;

use std::collections::HashSet;
use std::sync::Arc;

use jeton_domain::mapping::model::MappedUser;
use jeton_domain::name::RoleName;

use self::file::MappingFile;
use self::stored::StoredMappings;
use crate::error::RealmError;
use crate::realm::Evidence;

/// The mappings of one realm.
#[derive(Clone, Debug)]
pub struct RoleMapper {
    stored: Arc<StoredMappings>,
    file: Option<Arc<MappingFile>>,
}

/// The roles that are mapped to a user, and what they rest on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedRoles {
    /// The roles, each once.
    pub roles: Vec<RoleName>,
    /// What is committed on the strength of the roles must expect this unchanged since a tick that
    /// was noted before they were asked for. The file is one machine's and cannot be expected.
    pub evidence: Evidence,
}

impl RoleMapper {
    /// The stored mappings, and those of a file where the realm has one.
    pub const fn new(stored: Arc<StoredMappings>, file: Option<Arc<MappingFile>>) -> Self {
        Self { stored, file }
    }

    /// The roles of every mapping that is for this user.
    pub async fn roles_of(&self, user: &MappedUser) -> Result<MappedRoles, RealmError> {
        let mut found = self.stored.roles_of(user).await?;
        found.extend(self.file.iter().flat_map(|file| file.roles_of(user)));
        let mut seen = HashSet::new();
        let roles = found.into_iter().filter(|role| seen.insert(role.clone())).collect();
        Ok(MappedRoles { roles, evidence: StoredMappings::evidence() })
    }

    /// Calls `hook` after every change of a mapping: the realm must forget what it remembers of its
    /// users. It must be quick and must not use the store.
    pub fn on_change(&self, hook: impl Fn() + Send + Sync + 'static) {
        let hook: ChangeHook = Arc::new(hook);
        if let Some(file) = &self.file {
            file.on_change(Arc::clone(&hook));
        }
        self.stored.on_change(hook);
    }
}

/// Told of every change.
type ChangeHook = Arc<dyn Fn() + Send + Sync>;
