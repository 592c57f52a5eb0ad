//! Role mappings of the store, remembered until one of them changes.
//!
//! Owns when they are read. Must not know what a rule means, or how mappings are written.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use jeton_domain::limits::SCAN_ROWS_MAX;
use jeton_domain::mapping::json::JsonText;
use jeton_domain::mapping::model::MappedUser;
use jeton_domain::mapping::role_mapping::RoleMapping;
use jeton_domain::name::{MappingName, RoleName};
use jeton_store::engine::Row;
use jeton_store::error::StoreError;
use jeton_store::store::Store;
use jeton_store::tables::role_mappings as table;

use super::ChangeHook;
use crate::error::RealmError;
use crate::realm::Evidence;

/// The mappings that were made through the API.
pub struct StoredMappings {
    store: Arc<Store>,
    json: JsonText,
    /// All of them; none when they must be read.
    known: RwLock<Option<Arc<Vec<RoleMapping>>>>,
    hooks: RwLock<Vec<ChangeHook>>,
}

impl StoredMappings {
    /// The mappings of this store; it follows their changes.
    pub fn new(store: Arc<Store>, json: JsonText) -> Arc<Self> {
        let (known, hooks) = (RwLock::default(), RwLock::default());
        let mappings = Arc::new(Self { store, json, known, hooks });
        let changing: Weak<Self> = Arc::downgrade(&mappings);
        let all = table::all_key();
        mappings.store.on_change(Box::new(move |key| {
            if *key == all
                && let Some(mappings) = changing.upgrade()
            {
                mappings.forget();
            }
        }));
        mappings
    }

    /// The roles of every mapping that is for this user, in order of their names.
    ///
    /// A template that cannot be rendered for the user gives no role, and the log says so.
    pub async fn roles_of(&self, user: &MappedUser) -> Result<Vec<RoleName>, RealmError> {
        let mut roles = Vec::new();
        for mapping in self.all().await?.iter() {
            match mapping.roles_of(user, &self.json) {
                Ok(mapped) => roles.extend(mapped),
                Err(error) => {
                    let mapping = mapping.name.as_str();
                    tracing::error!(mapping, %error, "a role mapping gives a user no roles");
                }
            }
        }
        Ok(roles)
    }

    /// What vouches where mapped roles do: all mappings together.
    pub(super) fn evidence() -> Evidence {
        Evidence { key: table::all_key(), version: None }
    }

    pub(super) fn on_change(&self, hook: ChangeHook) {
        self.hooks.write().unwrap_or_else(PoisonError::into_inner).push(hook);
    }

    async fn all(&self) -> Result<Arc<Vec<RoleMapping>>, StoreError> {
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            return Ok(Arc::clone(known));
        }
        let noted = self.store.tick();
        let read = Arc::new(self.read().await?);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that a change comes either before this look or after the filling.
        if self.store.is_unchanged_since(&table::all_key(), noted) {
            *known = Some(Arc::clone(&read));
        }
        Ok(read)
    }

    async fn read(&self) -> Result<Vec<RoleMapping>, StoreError> {
        let mut range = table::all();
        let mut mappings = Vec::new();
        loop {
            let rows = self.store.rows(&range, SCAN_ROWS_MAX).await?;
            for (_, row) in &rows {
                mappings.push(self.mapping(row)?);
            }
            match rows.last() {
                Some((last, _)) if rows.len() == SCAN_ROWS_MAX => range.start = last.following(),
                Some(_) | None => return Ok(mappings),
            }
        }
    }

    fn mapping(&self, row: &Row) -> Result<RoleMapping, StoreError> {
        let (name, value) = table::decode(row)?;
        RoleMapping::from_request(&MappingName::new(&name), &value, &self.json)
            .map_err(|_| StoreError::Row { table: "role mappings", what: "it holds no mapping" })
    }

    fn forget(&self) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = None;
        let hooks = self.hooks.read().unwrap_or_else(PoisonError::into_inner);
        hooks.iter().for_each(|hook| hook());
    }
}

impl fmt::Debug for StoredMappings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("StoredMappings").finish_non_exhaustive()
    }
}
