//! Delete privileges of an application.

use jeton_domain::privilege::action;
use jeton_store::tables::privileges as table;
use jeton_store::transaction::Attempts;

use crate::caller::Caller;
use crate::events;
use crate::tokens::issue::rest_on;
use crate::users::Existence;
use crate::{Authority, AuthorityError};

impl Authority {
    /// Removes privileges of an application in one commit. Says of each name whether it existed.
    pub async fn delete_privileges(
        &self,
        mut caller: Caller,
        application: &str,
        names: &[String],
    ) -> Result<Vec<Existence>, AuthorityError> {
        let mut attempts = Attempts::default();
        let application_key = table::application_key(application);
        loop {
            self.authorize_for(&caller, action::DELETE_PRIVILEGE, &[application]).await?;
            let mut transaction = self.store.begin(caller.noted, self.batch_id());
            rest_on(&mut transaction, &caller);
            // Holds for rows that are there and for those that are not.
            transaction.guard(application_key.clone());
            transaction.change(application_key.clone());
            let mut existences = Vec::with_capacity(names.len());
            for name in names {
                let key = table::key(application, name);
                let existence = Existence::of(self.store.row(&key).await?.is_some());
                existences.push(existence);
                if existence == Existence::Known {
                    transaction.delete(key);
                }
            }
            if !existences.contains(&Existence::Known) {
                return Ok(existences);
            }
            if attempts.weigh(transaction.commit().await)?.is_some() {
                let by = &caller.authentication.subject;
                events::changed(by, "privileges of an application were deleted", application);
                return Ok(existences);
            }
            caller = self.admit_again(caller).await?;
        }
    }
}
