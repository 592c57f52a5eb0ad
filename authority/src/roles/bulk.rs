//! Bulk: several roles at once. Each is judged alone; all that may be is done in one commit.

use bytes::Bytes;
use jeton_domain::limits::{BULK_ROLES_BYTES_MAX, BULK_ROLES_MAX};
use jeton_domain::name::RoleName;
use jeton_domain::privilege::action;
use jeton_domain::role::descriptor::RoleDescriptor;
use jeton_domain::value::{Map, Value};
use jeton_store::tables::roles as table;
use jeton_store::transaction::{Attempts, Transaction};

use super::{descriptor, reserved_and_fixed};
use crate::caller::Caller;
use crate::events;
use crate::tokens::issue::rest_on;
use crate::{Authority, AuthorityError};

/// What became of roles that were put together.
#[derive(Debug, Default)]
pub struct BulkPut {
    /// Those that are new.
    pub created: Vec<RoleName>,
    /// Those that were there and were not the same.
    pub updated: Vec<RoleName>,
    /// Those that were there just so.
    pub unchanged: Vec<RoleName>,
    /// Those that were not put, and why.
    pub errors: Vec<(RoleName, AuthorityError)>,
}

/// What became of roles that were to be removed together.
#[derive(Debug, Default)]
pub struct BulkDelete {
    /// Those that were there.
    pub deleted: Vec<RoleName>,
    /// Those that were not.
    pub not_found: Vec<RoleName>,
    /// Those that were not removed, and why.
    pub errors: Vec<(RoleName, AuthorityError)>,
}

/// A role that may be put.
struct Sound {
    role: RoleDescriptor,
    row: Bytes,
}

impl Authority {
    /// Stores roles, each whole. One that is not legal is left out and keeps no other back.
    pub async fn put_roles(
        &self,
        mut caller: Caller,
        roles: Vec<RoleDescriptor>,
    ) -> Result<BulkPut, AuthorityError> {
        check_number(roles.len())?;
        // Reading many patterns is work that is done for nobody who may put no role at all.
        self.authorize_roles(&caller, action::BULK_PUT_ROLE, &[]).await?;
        let (mut sound, mut errors) = (Vec::new(), Vec::new());
        for role in roles {
            tokio::task::yield_now().await;
            match self.checked_row(&role) {
                Ok(row) => sound.push(Sound { role, row }),
                Err(error) => errors.push((role.name, error)),
            }
        }
        check_size(sound.iter().map(|sound| sound.row.len()).sum())?;
        let mut attempts = Attempts::default();
        loop {
            let wanted: Vec<&RoleDescriptor> = sound.iter().map(|sound| &sound.role).collect();
            self.authorize_roles(&caller, action::BULK_PUT_ROLE, &wanted).await?;
            let mut transaction = self.store.begin(caller.noted, self.batch_id());
            rest_on(&mut transaction, &caller);
            let (done, met) = Self::decide_puts(&mut transaction, &sound).await?;
            let met: Vec<&RoleDescriptor> = met.iter().collect();
            self.authorize_roles(&caller, action::BULK_PUT_ROLE, &met).await?;
            let outcome = if done.created.is_empty() && done.updated.is_empty() {
                self.still_rests(&caller)
            } else {
                transaction.commit().await.map(drop)
            };
            if attempts.weigh(outcome)?.is_some() {
                for name in done.created.iter().chain(&done.updated) {
                    events::changed(&caller.authentication.subject, "a role was put", name);
                }
                return Ok(BulkPut { errors, ..done });
            }
            caller = self.admit_again(caller).await?;
        }
    }

    /// Removes roles. A reserved one is left and keeps no other back.
    pub async fn delete_roles(
        &self,
        mut caller: Caller,
        mut names: Vec<RoleName>,
    ) -> Result<BulkDelete, AuthorityError> {
        check_number(names.len())?;
        let mut errors = Vec::new();
        names.retain(|name| {
            let is_reserved = self.roles.reserved().contains(name.as_str());
            if is_reserved {
                errors.push((name.clone(), reserved_and_fixed(name.as_str())));
            }
            !is_reserved
        });
        let mut attempts = Attempts::default();
        loop {
            self.authorize_roles(&caller, action::BULK_DELETE_ROLE, &[]).await?;
            let mut transaction = self.store.begin(caller.noted, self.batch_id());
            rest_on(&mut transaction, &caller);
            let (done, met) = Self::decide_deletes(&mut transaction, &names).await?;
            let met: Vec<&RoleDescriptor> = met.iter().collect();
            self.authorize_roles(&caller, action::BULK_DELETE_ROLE, &met).await?;
            let outcome = if done.deleted.is_empty() {
                self.still_rests(&caller)
            } else {
                transaction.commit().await.map(drop)
            };
            if attempts.weigh(outcome)?.is_some() {
                for name in &done.deleted {
                    events::changed(&caller.authentication.subject, "a role was deleted", name);
                }
                return Ok(BulkDelete { errors, ..done });
            }
            caller = self.admit_again(caller).await?;
        }
    }

    /// Adds what is to be written. Says what comes of it, and which roles were met.
    async fn decide_puts(
        transaction: &mut Transaction<'_>,
        sound: &[Sound],
    ) -> Result<(BulkPut, Vec<RoleDescriptor>), AuthorityError> {
        let (mut done, mut met) = (BulkPut::default(), Vec::new());
        for Sound { role, row } in sound {
            let key = table::key(role.name.as_str());
            let name = role.name.clone();
            if let Some(held) = transaction.read(&key).await? {
                let held = descriptor(&held)?;
                let is_same = is_same(&held.to_value(), &role.to_value());
                met.push(held);
                if is_same {
                    done.unchanged.push(name);
                    continue;
                }
                done.updated.push(name);
            } else {
                transaction.expect_absent(key.clone());
                done.created.push(name);
            }
            transaction.put(key.clone(), row.clone());
            transaction.change(key);
        }
        Ok((done, met))
    }

    /// Adds what is to be removed. Says what comes of it, and which roles were met.
    async fn decide_deletes(
        transaction: &mut Transaction<'_>,
        names: &[RoleName],
    ) -> Result<(BulkDelete, Vec<RoleDescriptor>), AuthorityError> {
        let (mut done, mut met) = (BulkDelete::default(), Vec::new());
        for name in names {
            let key = table::key(name.as_str());
            let Some(row) = transaction.read(&key).await? else {
                done.not_found.push(name.clone());
                continue;
            };
            met.push(descriptor(&row)?);
            transaction.delete(key.clone());
            transaction.change(key);
            done.deleted.push(name.clone());
        }
        Ok((done, met))
    }
}

fn check_number(roles: usize) -> Result<(), AuthorityError> {
    if roles <= BULK_ROLES_MAX {
        return Ok(());
    }
    let text = format!("a request may name at most [{BULK_ROLES_MAX}] roles");
    Err(AuthorityError::Argument(text))
}

fn check_size(bytes: usize) -> Result<(), AuthorityError> {
    if bytes <= BULK_ROLES_BYTES_MAX {
        return Ok(());
    }
    let text = format!("the roles of a request may have at most [{BULK_ROLES_BYTES_MAX}] bytes");
    Err(AuthorityError::Argument(text))
}

/// Whether two trees say the same: the order of members says nothing.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Map(one), Value::Map(other)) => {
            let (one, other) = (sorted(one), sorted(other));
            one.len() == other.len()
                && one.iter().zip(&other).all(|((name, value), (other_name, other))| {
                    name == other_name && is_same(value, other)
                })
        }
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (one, other) => one == other,
    }
}

fn sorted(map: &Map) -> Vec<(&str, &Value)> {
    let mut members: Vec<_> = map.members().collect();
    members.sort_by_key(|(name, _)| *name);
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(members: &[(&str, Value)]) -> Value {
        let owned = members.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        Value::Map(owned.collect())
    }

    #[test]
    fn the_order_of_members_says_nothing_and_that_of_items_does() {
        let (a, b) = (("a", Value::Integer(1)), ("b", Value::Null));
        let one = map(&[a.clone(), b.clone()]);
        assert!(is_same(&one, &map(&[b.clone(), a.clone()])));
        assert!(!is_same(&one, &map(std::slice::from_ref(&a))));
        assert!(!is_same(&one, &map(&[a, ("b", Value::Bool(false))])));
        let list = |items: [i64; 2]| Value::List(items.map(Value::Integer).to_vec());
        assert!(is_same(&list([1, 2]), &list([1, 2])));
        assert!(!is_same(&list([1, 2]), &list([2, 1])));
    }
}
