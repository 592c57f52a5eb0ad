//! Delete a user. Tokens that were granted to them live on, unless tokens follow their users.

use jeton_domain::privilege::action;
use jeton_store::tables::users::{self as table, UserKind};
use jeton_store::transaction::Attempts;

use super::{Existence, is_internal};
use crate::caller::Caller;
use crate::events;
use crate::tokens::issue::rest_on;
use crate::{Authority, AuthorityError};

impl Authority {
    /// Removes a user. Says whether they existed.
    pub async fn delete_user(
        &self,
        mut caller: Caller,
        name: &str,
    ) -> Result<Existence, AuthorityError> {
        let key = table::key(UserKind::Native, name);
        let mut attempts = Attempts::default();
        loop {
            self.authorize(&caller, action::DELETE_USER).await?;
            self.check_delete(name)?;
            let mut transaction = self.store.begin(caller.noted, self.batch_id());
            rest_on(&mut transaction, &caller);
            let existence = Existence::of(transaction.read(&key).await?.is_some());
            let outcome = if existence == Existence::Known {
                transaction.delete(key.clone());
                transaction.change(key.clone());
                self.commit_ending(transaction, UserKind::Native, name, caller.now).await
            } else {
                self.still_rests(&caller)
            };
            if attempts.weigh(outcome)?.is_some() {
                if existence == Existence::Known {
                    events::changed(&caller.authentication.subject, "a user was deleted", name);
                }
                return Ok(existence);
            }
            caller = self.admit_again(caller).await?;
        }
    }

    fn check_delete(&self, name: &str) -> Result<(), AuthorityError> {
        let refused = if self.is_anonymous_name(name) {
            format!("user [{name}] is anonymous and cannot be deleted")
        } else if self.is_built_in(name) {
            format!("user [{name}] is reserved and cannot be deleted")
        } else if is_internal(name) {
            format!("user [{name}] is internal")
        } else {
            return Ok(());
        };
        Err(AuthorityError::Argument(refused))
    }
}
