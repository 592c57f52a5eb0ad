//! Search users: those made through the API; never built-in ones or those of files.

use jeton_domain::privilege::action;
use jeton_domain::query::collections::{USERS, user};
use jeton_domain::query::{Search, SearchRequest};
use jeton_domain::user::User;
use jeton_store::tables::users::{self as table, UserKind};

use super::user_of;
use crate::caller::Caller;
use crate::search::{Found, Source};
use crate::{Authority, AuthorityError};

impl Authority {
    /// The users that a request asks for.
    pub async fn query_users(
        &self,
        caller: &Caller,
        request: &SearchRequest,
    ) -> Result<Found<User>, AuthorityError> {
        self.authorize(caller, action::QUERY_USER).await?;
        let search = Search::parse(&USERS, request)?;
        self.searched_users.find(&search, |row| Ok(user_of(table::decode(row)?))).await
    }
}

/// Where users are searched.
pub(crate) fn source() -> Source {
    Source {
        schema: &USERS,
        range: table::all(UserKind::Native),
        key: |name| table::key(UserKind::Native, name),
        document: |row| Ok(user(&user_of(table::decode(row)?))),
    }
}
