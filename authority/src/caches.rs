//! Clear caches: forget what can be looked up again.
//!
//! Nothing here is needed for an answer to be right: every cache follows the changes that it must
//! not miss. What is not cached at all is forgotten by doing nothing.

use jeton_domain::name::Username;
use jeton_domain::privilege::action;

use crate::caller::Caller;
use crate::{Authority, AuthorityError};

/// What was to be forgotten.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// Everything.
    All,
    /// What has one of these names.
    Named(&'a [String]),
}

impl Authority {
    /// Forgets what was looked up of roles.
    pub async fn clear_role_cache(
        &self,
        caller: &Caller,
        roles: Scope<'_>,
    ) -> Result<(), AuthorityError> {
        self.authorize(caller, action::CLEAR_ROLE_CACHE).await?;
        match roles {
            Scope::All => self.roles.forget_all(),
            Scope::Named(names) => names.iter().for_each(|name| self.roles.forget_role(name)),
        }
        Ok(())
    }

    /// Forgets what was looked up of the privileges of applications.
    pub async fn clear_privilege_cache(
        &self,
        caller: &Caller,
        applications: Scope<'_>,
    ) -> Result<(), AuthorityError> {
        self.authorize(caller, action::CLEAR_PRIVILEGE_CACHE).await?;
        match applications {
            Scope::All => self.privileges.forget_all(),
            Scope::Named(names) => names.iter().for_each(|name| self.privileges.forget(name)),
        }
        Ok(())
    }

    /// Forgets what realms remember of users' credentials. Returns a name that is no realm's, if
    /// there is one; what the others remember is forgotten all the same.
    pub async fn clear_realm_cache(
        &self,
        caller: &Caller,
        realms: Scope<'_>,
        users: Scope<'_>,
    ) -> Result<Option<String>, AuthorityError> {
        self.authorize(caller, action::CLEAR_REALM_CACHE).await?;
        let users: Option<Vec<Username>> = match users {
            Scope::All => None,
            Scope::Named(names) => Some(names.iter().map(|name| Username::new(name)).collect()),
        };
        let users = users.as_deref();
        let Scope::Named(names) = realms else {
            self.chain.forget(None, users);
            return Ok(None);
        };
        let mut unknown = None;
        for name in names {
            if !self.chain.forget(Some(name), users) && unknown.is_none() {
                unknown = Some(name.clone());
            }
        }
        Ok(unknown)
    }

    /// Forgets API keys and tokens of service accounts, of which none are cached.
    pub async fn clear_key_cache(&self, caller: &Caller) -> Result<(), AuthorityError> {
        self.authorize(caller, action::CLEAR_SECURITY_CACHE).await
    }
}
