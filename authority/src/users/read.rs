//! Read users: built-in and stored ones; never those of files.

use jeton_domain::limits::SCAN_ROWS_MAX;
use jeton_domain::privilege::action;
use jeton_domain::user::{User, reserved_user};
use jeton_store::tables::users::{self as table, UserKind};

use super::user_of;
use crate::caller::Caller;
use crate::{Authority, AuthorityError};

impl Authority {
    /// The users of these names that exist, or all of them.
    pub async fn users(
        &self,
        caller: &Caller,
        names: Option<&[String]>,
    ) -> Result<Vec<User>, AuthorityError> {
        self.authorize(caller, action::READ_USER).await?;
        if let Some(names) = names {
            return self.named_users(names).await;
        }
        let mut users = self.built_in().await?;
        users.extend(self.stored_users().await?);
        Ok(users)
    }

    async fn named_users(&self, names: &[String]) -> Result<Vec<User>, AuthorityError> {
        let mut users: Vec<User> = Vec::new();
        for name in names {
            if users.iter().any(|user| user.username.as_str() == name) {
                continue;
            }
            if let Some(user) = self.anonymous_user().filter(|user| user.username.as_str() == name)
            {
                users.push(user);
            } else if let Some(known) = reserved_user(name).filter(|_| self.is_built_in(name)) {
                let record = self.record(UserKind::Reserved, name).await?;
                let enabled = record.is_none_or(|record| record.enabled);
                users.push(jeton_realms::reserved::user_of(known, enabled));
            } else {
                users.extend(self.record(UserKind::Native, name).await?.map(user_of));
            }
        }
        Ok(users)
    }

    async fn stored_users(&self) -> Result<Vec<User>, AuthorityError> {
        let mut range = table::all(UserKind::Native);
        let mut users = Vec::new();
        loop {
            let rows = self.store.rows(&range, SCAN_ROWS_MAX).await?;
            for (_, row) in &rows {
                users.push(user_of(table::decode(row)?));
            }
            match rows.last() {
                Some((last, _)) if rows.len() == SCAN_ROWS_MAX => range.start = last.following(),
                Some(_) | None => return Ok(users),
            }
        }
    }
}
