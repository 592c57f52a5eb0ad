//! Delete a role mapping. Tokens that were granted with its roles keep them.

use jeton_domain::privilege::action;
use jeton_store::tables::role_mappings as table;
use jeton_store::transaction::Attempts;

use crate::caller::Caller;
use crate::events;
use crate::tokens::issue::rest_on;
use crate::users::Existence;
use crate::{Authority, AuthorityError};

impl Authority {
    /// Removes a role mapping. Says whether it existed.
    pub async fn delete_role_mapping(
        &self,
        mut caller: Caller,
        name: &str,
    ) -> Result<Existence, AuthorityError> {
        let key = table::key(name);
        let mut attempts = Attempts::default();
        loop {
            self.authorize(&caller, action::DELETE_ROLE_MAPPING).await?;
            let mut transaction = self.store.begin(caller.noted, self.batch_id());
            rest_on(&mut transaction, &caller);
            if transaction.read(&key).await?.is_none() {
                return Ok(Existence::New);
            }
            transaction.delete(key.clone());
            transaction.change(table::all_key());
            if attempts.weigh(transaction.commit().await)?.is_some() {
                let what = "a role mapping was deleted";
                events::changed(&caller.authentication.subject, what, name);
                return Ok(Existence::Known);
            }
            caller = self.admit_again(caller).await?;
        }
    }
}
