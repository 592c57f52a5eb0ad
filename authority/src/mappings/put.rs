//! Put a role mapping: it replaces the whole of what was there.

use jeton_domain::limits::RECORD_BYTES_MAX;
use jeton_domain::mapping::role_mapping::RoleMapping;
use jeton_domain::privilege::action;
use jeton_store::tables::role_mappings as table;
use jeton_store::transaction::Attempts;

use crate::caller::Caller;
use crate::events;
use crate::tokens::issue::rest_on;
use crate::users::Existence;
use crate::{Authority, AuthorityError};

impl Authority {
    /// Stores a role mapping, whole. Says whether it is new. The next login in a realm that uses
    /// mappings sees it.
    pub async fn put_role_mapping(
        &self,
        mut caller: Caller,
        mapping: RoleMapping,
    ) -> Result<Existence, AuthorityError> {
        let name = mapping.name.as_str();
        let key = table::key(name);
        let value = table::encode(name, &mapping.to_value());
        if value.len() > RECORD_BYTES_MAX {
            let text = format!("a role mapping may have at most [{RECORD_BYTES_MAX}] bytes");
            return Err(AuthorityError::Argument(text));
        }
        let mut attempts = Attempts::default();
        loop {
            self.authorize(&caller, action::PUT_ROLE_MAPPING).await?;
            let mut transaction = self.store.begin(caller.noted, self.batch_id());
            rest_on(&mut transaction, &caller);
            let existence = Existence::of(transaction.read(&key).await?.is_some());
            if existence == Existence::New {
                transaction.expect_absent(key.clone());
            }
            transaction.put(key.clone(), value.clone());
            transaction.change(table::all_key());
            if attempts.weigh(transaction.commit().await)?.is_some() {
                events::changed(&caller.authentication.subject, "a role mapping was put", name);
                return Ok(existence);
            }
            caller = self.admit_again(caller).await?;
        }
    }
}
