//! Roles: put, read, delete, one or many; and what their holders may do.

use bytes::Bytes;
use jeton_domain::limits::{RECORD_BYTES_MAX, VIOLATIONS_MAX};
use jeton_domain::name::RoleName;
use jeton_domain::privilege::action;
use jeton_domain::role::descriptor::RoleDescriptor;
use jeton_domain::role::validation::{RoleViolation, violations_of_put};
use jeton_store::engine::Row;
use jeton_store::error::StoreError;
use jeton_store::tables::roles as table;
use jeton_store::transaction::Attempts;

use crate::caller::Caller;
use crate::events;
use crate::tokens::issue::rest_on;
use crate::users::Existence;
use crate::{Authority, AuthorityError};

pub mod book;
pub mod bulk;
mod files;
pub mod query;
pub(crate) mod resolved;

impl Authority {
    /// Stores a role, whole. Says whether it is new. The next request sees it.
    pub async fn put_role(
        &self,
        mut caller: Caller,
        role: RoleDescriptor,
    ) -> Result<Existence, AuthorityError> {
        let row = self.checked_row(&role)?;
        let name = role.name.as_str();
        let key = table::key(name);
        let mut attempts = Attempts::default();
        loop {
            self.authorize_roles(&caller, action::PUT_ROLE, &[&role]).await?;
            let mut transaction = self.store.begin(caller.noted, self.batch_id());
            rest_on(&mut transaction, &caller);
            let held = transaction.read(&key).await?;
            if let Some(row) = &held {
                self.authorize_roles(&caller, action::PUT_ROLE, &[&descriptor(row)?]).await?;
            } else {
                transaction.expect_absent(key.clone());
            }
            transaction.put(key.clone(), row.clone());
            transaction.change(key.clone());
            if attempts.weigh(transaction.commit().await)?.is_some() {
                events::changed(&caller.authentication.subject, "a role was put", name);
                return Ok(Existence::of(held.is_some()));
            }
            caller = self.admit_again(caller).await?;
        }
    }

    /// The roles of these names that exist, or every reserved and stored one.
    pub async fn roles(
        &self,
        caller: &Caller,
        names: Option<&[String]>,
    ) -> Result<Vec<RoleDescriptor>, AuthorityError> {
        self.authorize(caller, action::READ_ROLE).await?;
        let mut found = Vec::new();
        if let Some(names) = names {
            for name in names {
                found.extend(self.roles.role(name).await?.map(|role| role.as_ref().clone()));
            }
        } else {
            found.extend(self.roles.reserved().descriptors());
            found.extend(self.roles.stored().await?);
        }
        Ok(found)
    }

    /// Removes a role. Says whether it existed.
    pub async fn delete_role(
        &self,
        mut caller: Caller,
        name: &str,
    ) -> Result<Existence, AuthorityError> {
        let mut attempts = Attempts::default();
        let key = table::key(name);
        loop {
            self.authorize_roles(&caller, action::DELETE_ROLE, &[]).await?;
            if self.roles.reserved().contains(name) {
                return Err(reserved_and_fixed(name));
            }
            let mut transaction = self.store.begin(caller.noted, self.batch_id());
            rest_on(&mut transaction, &caller);
            let row = transaction.read(&key).await?;
            let outcome = if let Some(row) = &row {
                self.authorize_roles(&caller, action::DELETE_ROLE, &[&descriptor(row)?]).await?;
                transaction.delete(key.clone());
                transaction.change(key.clone());
                transaction.commit().await.map(drop)
            } else {
                self.still_rests(&caller)
            };
            if attempts.weigh(outcome)?.is_some() {
                if row.is_some() {
                    events::changed(&caller.authentication.subject, "a role was deleted", name);
                }
                return Ok(Existence::of(row.is_some()));
            }
            caller = self.admit_again(caller).await?;
        }
    }

    /// Refuses an action on roles unless the caller may do it to any role, or manages all of these.
    async fn authorize_roles(
        &self,
        caller: &Caller,
        action: &str,
        roles: &[&RoleDescriptor],
    ) -> Result<(), AuthorityError> {
        self.authorize_where(caller, action, |resolved| resolved.may_manage_roles(roles)).await
    }

    /// The row of a role that may be stored, or everything that speaks against it.
    fn checked_row(&self, role: &RoleDescriptor) -> Result<Bytes, AuthorityError> {
        let mut violations = violations_of_put(role);
        if !self.roles.reserved().contains(role.name.as_str()) {
            violations.retain(|violation| !matches!(violation, RoleViolation::Reserved(_)));
        }
        if !violations.is_empty() {
            let told = violations.iter().take(VIOLATIONS_MAX);
            let texts = told.map(ToString::to_string).collect();
            return Err(AuthorityError::Invalid(texts));
        }
        let row = table::encode(role.name.as_str(), &role.to_value());
        if row.len() > RECORD_BYTES_MAX {
            let text = format!("a role may have at most [{RECORD_BYTES_MAX}] bytes");
            return Err(AuthorityError::Argument(text));
        }
        Ok(row)
    }
}

/// The role in a row.
fn descriptor(row: &Row) -> Result<RoleDescriptor, StoreError> {
    let (name, value) = table::decode(row)?;
    RoleDescriptor::from_value(&RoleName::new(&name), &value)
        .map_err(|_| StoreError::Row { table: "roles", what: "it holds no role" })
}

/// Why a reserved role stays.
fn reserved_and_fixed(name: &str) -> AuthorityError {
    AuthorityError::Argument(format!("role [{name}] is reserved and cannot be deleted"))
}
