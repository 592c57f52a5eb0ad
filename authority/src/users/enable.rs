//! Enable and disable a user.

use jeton_domain::name::check_stored;
use jeton_domain::privilege::action;
use jeton_domain::user::reserved_user;
use jeton_realms::reserved::record_of;
use jeton_store::error::StoreError;
use jeton_store::tables::users::{self as table, UserKind, UserRecord};
use jeton_store::transaction::Attempts;

use super::put::name_rule;
use crate::caller::Caller;
use crate::events;
use crate::tokens::issue::rest_on;
use crate::{Authority, AuthorityError};

/// What becomes of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Enable,
    Disable,
}

impl Authority {
    /// Lets a user log in again.
    pub async fn enable_user(&self, caller: Caller, name: &str) -> Result<(), AuthorityError> {
        self.change_enabled(caller, name, Change::Enable).await
    }

    /// Keeps a user from logging in. Tokens of theirs live on, unless tokens follow their users.
    pub async fn disable_user(&self, caller: Caller, name: &str) -> Result<(), AuthorityError> {
        self.change_enabled(caller, name, Change::Disable).await
    }

    async fn change_enabled(
        &self,
        mut caller: Caller,
        name: &str,
        change: Change,
    ) -> Result<(), AuthorityError> {
        if let Err(refusal) = check_stored(name) {
            return Err(AuthorityError::Invalid(vec![name_rule("User", refusal)]));
        }
        let mut attempts = Attempts::default();
        loop {
            self.authorize(&caller, action::SET_USER_ENABLED).await?;
            self.check_change(&caller, name)?;
            let attempt = self.store_enabled(&caller, name, change).await;
            if let Some(answer) = attempts.weigh(self.settled(&caller, attempt))? {
                answer?;
                events::changed(&caller.authentication.subject, change.told(), name);
                return Ok(());
            }
            caller = self.admit_again(caller).await?;
        }
    }

    /// Nobody locks themselves out, and nobody the anonymous user. A namesake of another realm is
    /// somebody else.
    fn check_change(&self, caller: &Caller, name: &str) -> Result<(), AuthorityError> {
        let subject = &caller.authentication.subject;
        let is_kept_here = matches!(subject.effective_realm().kind.as_str(), "native" | "reserved");
        if is_kept_here && subject.username.as_str() == name {
            let text = "users may not update the enabled status of their own account";
            return Err(AuthorityError::Argument(text.to_owned()));
        }
        if self.is_anonymous_name(name) {
            let text = format!("user [{name}] is anonymous and cannot be modified using the api");
            return Err(AuthorityError::Argument(text));
        }
        Ok(())
    }

    async fn store_enabled(
        &self,
        caller: &Caller,
        name: &str,
        change: Change,
    ) -> Result<Result<(), StoreError>, AuthorityError> {
        let kind = self.kind_of(name);
        let key = table::key(kind, name);
        let mut transaction = self.store.begin(caller.noted, self.batch_id());
        rest_on(&mut transaction, caller);
        let row = transaction.read(&key).await?;
        let held = row.as_ref().map(table::decode).transpose()?;
        let enabled = change == Change::Enable;
        let record = match (held, reserved_user(name).filter(|_| kind == UserKind::Reserved)) {
            (Some(held), _) => UserRecord { enabled, ..held },
            // Without a password: nobody logs in until one is set, as on the wire.
            (None, Some(known)) => {
                transaction.expect_absent(key.clone());
                UserRecord { enabled, password_hash: None, ..record_of(known, String::new()) }
            }
            (None, None) => {
                let text = format!("only existing users can be {}", change.done());
                return Err(AuthorityError::Unfit(vec![text]));
            }
        };
        transaction.put(key.clone(), table::encode(&record));
        transaction.change(key);
        Ok(match change {
            Change::Enable => transaction.commit().await.map(drop),
            Change::Disable => self.commit_ending(transaction, kind, name, caller.now).await,
        })
    }
}

impl Change {
    const fn done(self) -> &'static str {
        match self {
            Self::Enable => "enabled",
            Self::Disable => "disabled",
        }
    }

    const fn told(self) -> &'static str {
        match self {
            Self::Enable => "a user was enabled",
            Self::Disable => "a user was disabled",
        }
    }
}
