//! Change a password: one's own, or another's.

use jeton_domain::name::Username;
use jeton_domain::privilege::action;
use jeton_domain::subject::AuthenticationType;
use jeton_domain::time::Timestamp;
use jeton_domain::user::reserved_user;
use jeton_realms::reserved::record_of;
use jeton_store::error::StoreError;
use jeton_store::tables::users::{self as table, UserKind, UserRecord};
use jeton_store::transaction::{Attempts, Transaction};

use super::put::NewPassword;
use crate::caller::Caller;
use crate::events;
use crate::tokens::issue::rest_on;
use crate::{Authority, AuthorityError};

impl Authority {
    /// Changes the password of `name`, or of the caller. The old one stops working at once.
    pub async fn change_password(
        &self,
        mut caller: Caller,
        name: Option<&str>,
        password: &NewPassword,
    ) -> Result<(), AuthorityError> {
        let own = caller.authentication.subject.username.as_str().to_owned();
        let name = name.map_or(own, str::to_owned);
        self.authorize_change(&caller, &name).await?;
        if self.is_anonymous_name(&name) {
            let text = format!("user [{name}] is anonymous and cannot be modified via the API");
            return Err(AuthorityError::Argument(text));
        }
        let hash = self.hashed(password).await?;
        let mut attempts = Attempts::default();
        loop {
            self.authorize_change(&caller, &name).await?;
            let mut transaction = self.store.begin(caller.noted, self.batch_id());
            rest_on(&mut transaction, &caller);
            let attempt = self.put_hash(transaction, &name, &hash, caller.now).await;
            if let Some(answer) = attempts.weigh(self.settled(&caller, attempt))? {
                answer?;
                events::changed(&caller.authentication.subject, "a password was changed", &name);
                return Ok(());
            }
            caller = self.admit_again(caller).await?;
        }
    }

    /// Sets a password on behalf of the operator, who holds the data directory.
    pub async fn reset_password(
        &self,
        name: &str,
        password: &NewPassword,
    ) -> Result<(), AuthorityError> {
        let hash = self.hashed(password).await?;
        let mut attempts = Attempts::default();
        loop {
            let transaction = self.store.begin(self.tick(), self.batch_id());
            let outcome = self.put_hash(transaction, name, &hash, self.now()).await?;
            if attempts.weigh(outcome)?.is_some() {
                return Ok(());
            }
        }
    }

    /// Whether a reserved user has a record, and so a password of its own.
    pub async fn has_record(&self, name: &str) -> Result<bool, AuthorityError> {
        Ok(self.record(UserKind::Reserved, name).await?.is_some())
    }

    /// One's own account, logged in by password in the native or reserved realm; else the
    /// privilege.
    async fn authorize_change(&self, caller: &Caller, name: &str) -> Result<(), AuthorityError> {
        let subject = &caller.authentication.subject;
        let is_own = subject.username.as_str() == name
            && caller.authentication.kind == AuthenticationType::Realm
            && matches!(subject.effective_realm().kind.as_str(), "native" | "reserved")
            && caller.refused_run_as.is_none();
        if is_own {
            return Ok(());
        }
        self.authorize(caller, action::CHANGE_PASSWORD).await
    }

    async fn put_hash(
        &self,
        mut transaction: Transaction<'_>,
        name: &str,
        hash: &str,
        now: Timestamp,
    ) -> Result<Result<(), StoreError>, AuthorityError> {
        let kind = self.kind_of(name);
        let key = table::key(kind, name);
        let row = transaction.read(&key).await?;
        let held = row.as_ref().map(table::decode).transpose()?;
        let record = match (held, reserved_user(name).filter(|_| kind == UserKind::Reserved)) {
            (Some(held), _) => UserRecord { password_hash: Some(hash.to_owned()), ..held },
            (None, Some(known)) => {
                transaction.expect_absent(key.clone());
                record_of(known, hash.to_owned())
            }
            (None, None) => return Err(self.not_native(name).await?),
        };
        transaction.put(key.clone(), table::encode(&record));
        transaction.change(key);
        Ok(self.commit_ending(transaction, kind, name, now).await)
    }

    /// Why the password of a user who is not kept here cannot be changed.
    async fn not_native(&self, name: &str) -> Result<AuthorityError, AuthorityError> {
        let found = self.chain.look_up(&Username::new(name)).await?;
        let text = if found.is_some_and(|found| found.realm.kind == "file") {
            format!("user [{name}] is file-based and cannot be managed via this API.")
        } else {
            "user must exist in order to change password".to_owned()
        };
        Ok(AuthorityError::Unfit(vec![text]))
    }
}
