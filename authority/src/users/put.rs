//! Put a user: replace the record with a password, or change it without.

use std::sync::Arc;

use bytes::Bytes;
use jeton_domain::limits::{
    PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, RECORD_BYTES_MAX, VIOLATIONS_MAX,
};
use jeton_domain::name::{NameRefusal, RoleName, check_referenced, check_stored};
use jeton_domain::privilege::action;
use jeton_domain::secret::Secret;
use jeton_domain::value::Map;
use jeton_realms::password::{Lane, Salt, StoredHash, supported_names};
use jeton_store::error::StoreError;
use jeton_store::tables::users::{self as table, UserKind, UserRecord};
use jeton_store::transaction::Attempts;

use super::{Existence, is_internal, username};
use crate::caller::Caller;
use crate::events;
use crate::tokens::issue::rest_on;
use crate::{Authority, AuthorityError};

/// A user to be put.
#[derive(Debug)]
pub struct UserPut {
    /// The name.
    pub username: String,
    /// The password, where one is given.
    pub password: Option<NewPassword>,
    /// Names of roles; none when the request has none, which is refused.
    pub roles: Option<Vec<RoleName>>,
    /// Full name.
    pub full_name: Option<String>,
    /// Address of electronic mail.
    pub email: Option<String>,
    /// Whatever else is known; none clears it.
    pub metadata: Option<Map>,
    /// Whether the user may log in.
    pub enabled: bool,
}

/// A password as a request gives it.
#[derive(Clone, Debug)]
pub enum NewPassword {
    /// In clear.
    Clear(Arc<Secret>),
    /// The text of a hash.
    Hashed(Arc<Secret>),
}

impl Authority {
    /// Stores a user. Says whether they are new. The next request sees it.
    ///
    /// With a password the record is replaced whole; without one it must exist, and metadata are
    /// merged into it.
    pub async fn put_user(
        &self,
        mut caller: Caller,
        put: UserPut,
    ) -> Result<Existence, AuthorityError> {
        check_request(&put)?;
        self.authorize(&caller, action::PUT_USER).await?;
        self.check_target(&put)?;
        let hash = match &put.password {
            Some(password) => Some(self.hashed(password).await?),
            None => None,
        };
        let mut attempts = Attempts::default();
        loop {
            self.authorize(&caller, action::PUT_USER).await?;
            let attempt = self.store_user(&caller, &put, hash.as_deref()).await;
            if let Some(answer) = attempts.weigh(self.settled(&caller, attempt))? {
                let existence = answer?;
                events::changed(&caller.authentication.subject, "a user was put", &put.username);
                return Ok(existence);
            }
            caller = self.admit_again(caller).await?;
        }
    }

    async fn store_user(
        &self,
        caller: &Caller,
        put: &UserPut,
        hash: Option<&str>,
    ) -> Result<Result<Existence, StoreError>, AuthorityError> {
        let name = put.username.as_str();
        let key = table::key(UserKind::Native, name);
        let mut transaction = self.store.begin(caller.noted, self.batch_id());
        rest_on(&mut transaction, caller);
        let row = transaction.read(&key).await?;
        let held = row.as_ref().map(table::decode).transpose()?;
        if held.is_none() {
            transaction.expect_absent(key.clone());
        }
        let existence = Existence::of(held.is_some());
        let record = merged(put, hash.map(str::to_owned), held)?;
        transaction.put(key.clone(), bounded(table::encode(&record))?);
        transaction.change(key);
        let is_end = existence == Existence::Known && (hash.is_some() || !put.enabled);
        let outcome = if is_end {
            self.commit_ending(transaction, UserKind::Native, name, caller.now).await
        } else {
            transaction.commit().await.map(drop)
        };
        Ok(outcome.map(|()| existence))
    }

    /// What the names in a request must be; the caller is known to be allowed to ask.
    fn check_target(&self, put: &UserPut) -> Result<(), AuthorityError> {
        let mut violations = Vec::new();
        let name = put.username.as_str();
        if self.is_anonymous_name(name) {
            violations
                .push(format!("user [{name}] is anonymous and cannot be modified via the API"));
        } else if self.is_built_in(name) {
            violations
                .push(format!("user [{name}] is reserved and only the password can be changed"));
        } else if is_internal(name) {
            violations.push(format!("user [{name}] is internal"));
        } else if let Err(refusal) = check_stored(name) {
            violations.push(name_rule("User", refusal));
        }
        let roles = put.roles.iter().flatten();
        let refusals = roles.filter_map(|role| check_referenced(role.as_str()).err());
        violations.extend(refusals.take(VIOLATIONS_MAX).map(|refusal| name_rule("Role", refusal)));
        if violations.is_empty() { Ok(()) } else { Err(AuthorityError::Invalid(violations)) }
    }

    /// The text of the hash that is stored for a password.
    pub(crate) async fn hashed(&self, password: &NewPassword) -> Result<String, AuthorityError> {
        match password {
            NewPassword::Clear(clear) => {
                check_password(clear)?;
                let salt = Salt::new(self.random());
                Ok(self.hasher.hash(Arc::clone(clear), salt, Lane::Ordinary).await?)
            }
            NewPassword::Hashed(text) => checked_hash(text).map(str::to_owned),
        }
    }
}

/// What a request must be, whoever asks and whatever is stored.
fn check_request(put: &UserPut) -> Result<(), AuthorityError> {
    if let Some(NewPassword::Hashed(text)) = &put.password {
        checked_hash(text)?;
    }
    let mut violations = Vec::new();
    if put.roles.is_none() {
        violations.push("roles are missing".to_owned());
    }
    let mut keys = put.metadata.iter().flat_map(Map::members);
    if keys.any(|(key, _)| key.starts_with('_')) {
        violations.push("metadata keys may not start with [_]".to_owned());
    }
    if violations.is_empty() { Ok(()) } else { Err(AuthorityError::Invalid(violations)) }
}

/// The text of a hash, which must be one of a kind that is stored.
pub(crate) fn checked_hash(text: &Secret) -> Result<&str, AuthorityError> {
    let text = core::str::from_utf8(text.expose()).unwrap_or_default();
    match StoredHash::parse(text) {
        Ok(hash) if hash.may_be_stored() => Ok(text),
        Ok(_) | Err(_) => Err(AuthorityError::Argument(format!(
            "The provided password hash is not a hash or it could not be resolved to a \
             supported hash algorithm. The supported password hash algorithms are [{}]",
            supported_names().join(", ")
        ))),
    }
}

/// A record that is not too large to be kept: merging could make it grow without end.
fn bounded(record: Bytes) -> Result<Bytes, AuthorityError> {
    if record.len() > RECORD_BYTES_MAX {
        let text = format!("a user may have at most [{RECORD_BYTES_MAX}] bytes");
        return Err(AuthorityError::Argument(text));
    }
    Ok(record)
}

/// The record after a put over what was `held`.
fn merged(
    put: &UserPut,
    hash: Option<String>,
    held: Option<UserRecord>,
) -> Result<UserRecord, AuthorityError> {
    let mut record = UserRecord {
        username: username(&put.username),
        password_hash: hash,
        roles: put.roles.clone().unwrap_or_default(),
        full_name: put.full_name.clone(),
        email: put.email.clone(),
        metadata: put.metadata.clone().unwrap_or_default(),
        enabled: put.enabled,
    };
    if record.password_hash.is_some() {
        return Ok(record);
    }
    let Some(held) = held else {
        let text = "password must be specified unless you are updating an existing user";
        return Err(AuthorityError::Unfit(vec![text.to_owned()]));
    };
    record.password_hash = held.password_hash;
    if let Some(given) = &put.metadata {
        record.metadata = held.metadata;
        record.metadata.merge(given.clone());
    }
    Ok(record)
}

/// Checks a password in clear: long enough, and not so long that hashing it is an attack.
pub(crate) fn check_password(password: &Secret) -> Result<(), AuthorityError> {
    let bytes = password.expose();
    let chars = core::str::from_utf8(bytes).map_or(bytes.len(), |text| text.chars().count());
    if chars < PASSWORD_CHARS_MIN {
        let text = format!("passwords must be at least [{PASSWORD_CHARS_MIN}] characters long");
        return Err(AuthorityError::Unfit(vec![text]));
    }
    if bytes.len() > PASSWORD_BYTES_MAX {
        let text = format!("passwords must be at most [{PASSWORD_BYTES_MAX}] bytes long");
        return Err(AuthorityError::Unfit(vec![text]));
    }
    Ok(())
}

/// The rule that a name of a user or a role breaks, in the wire's words.
pub(crate) fn name_rule(what: &str, refusal: NameRefusal) -> String {
    let NameRefusal::Malformed { max } = refusal;
    format!(
        "{what} names must be at least 1 and no more than {max} characters. They can contain \
         alphanumeric characters (a-z, A-Z, 0-9), spaces, punctuation, and printable symbols in the \
         Basic Latin (ASCII) block. Leading or trailing whitespace is not allowed."
    )
}
