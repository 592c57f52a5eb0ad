//! Search roles: those made through the API; never reserved ones or those of files.

use jeton_domain::privilege::action;
use jeton_domain::query::collections::{ROLES, role};
use jeton_domain::query::{Search, SearchRequest};
use jeton_domain::role::descriptor::RoleDescriptor;
use jeton_store::tables::roles as table;

use super::descriptor;
use crate::caller::Caller;
use crate::search::{Found, Source};
use crate::{Authority, AuthorityError};

impl Authority {
    /// The roles that a request asks for.
    pub async fn query_roles(
        &self,
        caller: &Caller,
        request: &SearchRequest,
    ) -> Result<Found<RoleDescriptor>, AuthorityError> {
        self.authorize(caller, action::QUERY_ROLE).await?;
        let search = Search::parse(&ROLES, request)?;
        self.searched_roles.find(&search, descriptor).await
    }
}

/// Where roles are searched.
pub(crate) fn source() -> Source {
    Source {
        schema: &ROLES,
        range: table::all(),
        key: table::key,
        document: |row| Ok(role(&descriptor(row)?)),
    }
}
