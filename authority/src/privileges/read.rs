//! Read privileges of applications: all, those of one application or pattern, or some by name.

use std::collections::BTreeSet;

use jeton_domain::privilege::action;
use jeton_domain::privilege::application::ApplicationPrivilege;

use crate::caller::Caller;
use crate::{Authority, AuthorityError};

impl Authority {
    /// The stored privileges of an application, or of all; of these names, where some are given.
    ///
    /// An application may also be given by the beginning of its name and a `*`.
    pub async fn privileges(
        &self,
        caller: &Caller,
        application: Option<&str>,
        names: Option<&[String]>,
    ) -> Result<Vec<ApplicationPrivilege>, AuthorityError> {
        let action = action::READ_PRIVILEGE;
        let application = application.unwrap_or("*");
        self.authorize_for(caller, action, &[application]).await?;
        let mut found = match application.strip_suffix('*') {
            Some(start) => {
                let mut found = self.privileges.all().await?;
                found.retain(|privilege| privilege.application.starts_with(start));
                // Who manages what the pattern looks like need not manage all that it covers.
                let covered: Vec<&str> =
                    found.iter().map(|privilege| privilege.application.as_str()).collect();
                self.authorize_for(caller, action, &covered).await?;
                found
            }
            None => self.stored_privileges(application).await?.to_vec(),
        };
        if let Some(names) = names {
            let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
            found.retain(|privilege| names.contains(privilege.name.as_str()));
        }
        Ok(found)
    }
}
