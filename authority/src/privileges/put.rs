//! Put privileges of applications: all of one request, or none.

use std::collections::BTreeSet;

use jeton_domain::limits::{APPLICATION_PRIVILEGES_BYTES_MAX, VIOLATIONS_MAX};
use jeton_domain::privilege::action;
use jeton_domain::privilege::application::ApplicationPrivilege;
use jeton_store::engine::Expect;
use jeton_store::tables::privileges as table;
use jeton_store::transaction::Attempts;

use crate::caller::Caller;
use crate::events;
use crate::tokens::issue::rest_on;
use crate::users::Existence;
use crate::{Authority, AuthorityError};

impl Authority {
    /// Stores privileges, each whole, in one commit. Says of each whether it is new.
    pub async fn put_privileges(
        &self,
        mut caller: Caller,
        privileges: &[ApplicationPrivilege],
    ) -> Result<Vec<Existence>, AuthorityError> {
        check(privileges)?;
        let rows: Vec<_> = privileges.iter().map(table::encode).collect();
        check_size(rows.iter().map(bytes::Bytes::len).sum())?;
        let applications: BTreeSet<&str> =
            privileges.iter().map(|privilege| privilege.application.as_str()).collect();
        let named: Vec<&str> = applications.into_iter().collect();
        let mut attempts = Attempts::default();
        loop {
            self.authorize_for(&caller, action::PUT_PRIVILEGE, &named).await?;
            let mut transaction = self.store.begin(caller.noted, self.batch_id());
            rest_on(&mut transaction, &caller);
            for application in &named {
                let key = table::application_key(application);
                transaction.expect(Expect::UnchangedSince(key.clone(), caller.noted));
                transaction.change(key);
            }
            let mut existences = Vec::with_capacity(privileges.len());
            for (privilege, row) in privileges.iter().zip(&rows) {
                let key = table::key(&privilege.application, &privilege.name);
                // What is expected of the application holds for rows that are there and for those
                // that are not.
                existences.push(Existence::of(self.store.row(&key).await?.is_some()));
                transaction.put(key, row.clone());
            }
            if attempts.weigh(transaction.commit().await)?.is_some() {
                let by = &caller.authentication.subject;
                events::changed(by, "privileges of applications were put", named.join(","));
                return Ok(existences);
            }
            caller = self.admit_again(caller).await?;
        }
    }
}

fn check(privileges: &[ApplicationPrivilege]) -> Result<(), AuthorityError> {
    let mut violations: Vec<String> = privileges
        .iter()
        .flat_map(ApplicationPrivilege::violations)
        .take(VIOLATIONS_MAX)
        .map(|violation| violation.to_string())
        .collect();
    if privileges.is_empty() {
        violations.push("At least one application privilege must be provided".to_owned());
    }
    if violations.is_empty() { Ok(()) } else { Err(AuthorityError::Invalid(violations)) }
}

fn check_size(bytes: usize) -> Result<(), AuthorityError> {
    if bytes <= APPLICATION_PRIVILEGES_BYTES_MAX {
        return Ok(());
    }
    Err(AuthorityError::Argument(format!(
        "the application privileges take [{bytes}] bytes, more than the \
         [{APPLICATION_PRIVILEGES_BYTES_MAX}] that one request may store"
    )))
}
