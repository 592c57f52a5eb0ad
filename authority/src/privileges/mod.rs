//! Privileges of applications: put, read, delete; and which privileges a caller holds.

use crate::caller::Caller;
use crate::{Authority, AuthorityError};

pub(crate) mod book;
pub mod check;
pub mod delete;
pub mod put;
pub mod read;

impl Authority {
    /// Refuses an action unless the caller may do it to whatever application, or manages all of
    /// these.
    async fn authorize_for(
        &self,
        caller: &Caller,
        action: &str,
        applications: &[&str],
    ) -> Result<(), AuthorityError> {
        self.authorize_where(caller, action, |resolved| {
            applications.iter().all(|application| resolved.may_manage_application(application))
        })
        .await
    }
}
