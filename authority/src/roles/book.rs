//! Which roles there are and what they permit, remembered until they change.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use jeton_domain::limits::SCAN_ROWS_MAX;
use jeton_domain::name::RoleName;
use jeton_domain::role::descriptor::RoleDescriptor;
use jeton_domain::role::permission::Permission;
use jeton_domain::role::reserved::ReservedRoles;
use jeton_store::engine::Key;
use jeton_store::error::StoreError;
use jeton_store::store::Store;
use jeton_store::tables::roles as table;

use super::resolved::Resolved;
use crate::AuthorityError;

/// The roles by name: reserved ones first, then those of the file, then stored ones; the first that
/// knows a name wins.
pub(crate) struct RoleBook {
    store: Arc<Store>,
    reserved: ReservedRoles,
    /// Replaced whole, so that no answer mixes two readings of the file.
    of_file: RwLock<Arc<BTreeMap<String, Known>>>,
    /// Reserved and stored roles, and names of none.
    known: RwLock<BTreeMap<String, Known>>,
}

#[derive(Clone)]
struct Known {
    role: Option<Arc<RoleDescriptor>>,
    permission: Arc<Permission>,
}

impl RoleBook {
    /// A book of the roles in this store; it follows their changes.
    pub(crate) fn new(store: Arc<Store>, reserved: ReservedRoles) -> Arc<Self> {
        let (of_file, known) = (RwLock::default(), RwLock::default());
        let book = Arc::new(Self { store, reserved, of_file, known });
        let changing: Weak<Self> = Arc::downgrade(&book);
        book.store.on_change(Box::new(move |key| {
            if let Some(book) = changing.upgrade() {
                book.forget(key);
            }
        }));
        book
    }

    /// What these roles permit; names of no role grant nothing.
    pub(crate) async fn resolve(&self, names: &[RoleName]) -> Result<Resolved, AuthorityError> {
        let of_file = self.of_file();
        let mut resolved = Resolved::default();
        for name in names {
            let known = match of_file.get(name.as_str()) {
                Some(known) => known.clone(),
                None => self.known(name.as_str()).await?,
            };
            if let Some(role) = known.role {
                resolved.insert(role, known.permission);
            }
        }
        Ok(resolved)
    }

    /// Puts these roles in the place of those of the file, all at once.
    pub(crate) fn set_file_roles(&self, roles: Vec<RoleDescriptor>) {
        let shadowing =
            roles.into_iter().filter(|role| !self.reserved.contains(role.name.as_str()));
        let of_file = shadowing.map(|role| (role.name.as_str().to_owned(), Known::of(Some(role))));
        let of_file = Arc::new(of_file.collect());
        *self.of_file.write().unwrap_or_else(PoisonError::into_inner) = of_file;
    }

    /// The reserved roles that the operator wants to have.
    pub(crate) const fn reserved(&self) -> &ReservedRoles {
        &self.reserved
    }

    /// The reserved or stored role of this name. Roles of the file are never shown.
    pub(crate) async fn role(
        &self,
        name: &str,
    ) -> Result<Option<Arc<RoleDescriptor>>, AuthorityError> {
        Ok(self.known(name).await?.role)
    }

    /// Every stored role that counts, in order of names. One whose name has become that of a
    /// reserved role does not.
    pub(crate) async fn stored(&self) -> Result<Vec<RoleDescriptor>, AuthorityError> {
        let mut range = table::all();
        let mut found = Vec::new();
        loop {
            let rows = self.store.rows(&range, SCAN_ROWS_MAX).await?;
            for (_, row) in &rows {
                let named = table::decode(row)?;
                if !self.reserved.contains(&named.0) {
                    found.push(descriptor(&named)?);
                }
            }
            match rows.last() {
                Some((last, _)) if rows.len() == SCAN_ROWS_MAX => range.start = last.following(),
                Some(_) | None => return Ok(found),
            }
        }
    }

    /// Forgets the role of this name.
    pub(crate) fn forget_role(&self, name: &str) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// Forgets every role.
    pub(crate) fn forget_all(&self) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn known(&self, name: &str) -> Result<Known, AuthorityError> {
        if let Some(known) = self.read().get(name) {
            return Ok(known.clone());
        }
        let noted = self.store.tick();
        let known = self.look_up(name).await?;
        let mut book = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if book.len() >= KNOWN_MAX {
            book.clear();
        }
        book.insert(name.to_owned(), known.clone());
        if !self.store.is_unchanged_since(&table::key(name), noted) {
            book.remove(name);
        }
        Ok(known)
    }

    async fn look_up(&self, name: &str) -> Result<Known, AuthorityError> {
        if let Some(role) = self.reserved.descriptor(name) {
            return Ok(Known::of(Some(role)));
        }
        Ok(Known::of(match self.store.row(&table::key(name)).await? {
            Some(row) => Some(descriptor(&table::decode(&row)?)?),
            None => None,
        }))
    }

    fn of_file(&self) -> Arc<BTreeMap<String, Known>> {
        Arc::clone(&self.of_file.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn forget(&self, key: &Key) {
        if let Some(name) = table::named_by(key) {
            self.forget_role(&name);
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Known>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn of(role: Option<RoleDescriptor>) -> Self {
        let permission = Arc::new(Permission::of(role.iter()));
        Self { role: role.map(Arc::new), permission }
    }
}

fn descriptor(
    (name, value): &(String, jeton_domain::value::Value),
) -> Result<RoleDescriptor, StoreError> {
    RoleDescriptor::from_value(&RoleName::new(name), value)
        .map_err(|_| StoreError::Row { table: "roles", what: "it holds no role" })
}

impl fmt::Debug for RoleBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoleBook").finish_non_exhaustive()
    }
}

/// Names remembered at once, those of no role included; beyond it all are looked up anew.
const KNOWN_MAX: usize = 10_000;
