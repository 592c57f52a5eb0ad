//! One admitted request with its body: what a route works with, and which route it is.
//!
//! Owns the dispatch from endpoints to routes. Must not know what a route does.

use std::collections::HashSet;
use std::pin::Pin;

use bytes::Bytes;
use http::request::Parts;
use jeton_authority::users::Existence;
use jeton_authority::{AuthorityError, Caller};

use crate::error::{ApiError, Verdict};
use crate::json::write::JsonWriter;
use crate::query::{Query, View};
use crate::respond::Reply;
use crate::rest::Rest;
use crate::router::{Endpoint, Found};
use crate::routes;

/// A route at work.
type Running<'a> = Pin<Box<dyn Future<Output = Result<Reply, ApiError>> + Send + 'a>>;

/// What a route works with, body and caller apart.
#[derive(Debug)]
pub(crate) struct Exchange<'r> {
    pub rest: &'r Rest,
    pub head: &'r Parts,
    pub found: Found,
    pub query: Query,
    pub view: View,
}

impl Exchange<'_> {
    /// Runs the route of this request.
    pub(crate) async fn run(
        &self,
        caller: Option<Caller>,
        body: &Bytes,
    ) -> Result<Reply, ApiError> {
        let endpoint = self.found.route.endpoint;
        let Some(caller) = caller else {
            self.expect_no_body(body)?;
            return self.reply(Verdict::Done, routes::live::print);
        };
        // On the heap, each with the room that it needs: what is moved here is moved with every
        // request.
        let running: Running<'_> = match endpoint {
            Endpoint::CreateToken => Box::pin(routes::token::create(self, caller, body)),
            Endpoint::InvalidateToken => Box::pin(routes::token::invalidate(self, caller, body)),
            Endpoint::PutUser => Box::pin(routes::user::put(self, caller, body)),
            Endpoint::ChangePassword => Box::pin(routes::user::change_password(self, caller, body)),
            Endpoint::PutRole => Box::pin(routes::role::put(self, caller, body)),
            Endpoint::QueryUsers => Box::pin(routes::query::users(self, caller, body)),
            Endpoint::QueryRoles => Box::pin(routes::query::roles(self, caller, body)),
            Endpoint::PutRoleMapping => Box::pin(routes::role_mapping::put(self, caller, body)),
            Endpoint::BulkPutRoles => Box::pin(routes::role_bulk::put(self, caller, body)),
            Endpoint::BulkDeleteRoles => Box::pin(routes::role_bulk::delete(self, caller, body)),
            Endpoint::PutPrivileges => Box::pin(routes::privilege::put(self, caller, body)),
            Endpoint::CheckPrivileges => {
                Box::pin(routes::privilege_check::check(self, caller, body))
            }
            Endpoint::ChangeSettings => Box::pin(routes::settings::change(self, caller, body)),
            Endpoint::Authenticate
            | Endpoint::ShowUsers
            | Endpoint::DeleteUser
            | Endpoint::EnableUser
            | Endpoint::DisableUser
            | Endpoint::ShowRoleMappings
            | Endpoint::DeleteRoleMapping
            | Endpoint::ShowRoles
            | Endpoint::DeleteRole
            | Endpoint::ShowPrivileges
            | Endpoint::DeletePrivileges
            | Endpoint::ShowHeldPrivileges
            | Endpoint::ShowBuiltinPrivileges
            | Endpoint::ClearCache(_)
            | Endpoint::ShowSettings
            | Endpoint::ShowStatistics
            | Endpoint::ShowCertificates
            | Endpoint::Root
            | Endpoint::Health
            | Endpoint::Live => {
                self.expect_no_body(body)?;
                Box::pin(self.run_without_body(endpoint, caller))
            }
        };
        running.await
    }

    /// Refuses parameters that this route does not know. Comes after the body was parsed.
    pub(crate) fn settle_parameters(&self) -> Result<(), ApiError> {
        if self.found.route.parameters.contains(&"refresh") {
            self.query.check_refresh()?;
        }
        self.query.refuse_others(self.head.uri.path(), self.found.route.parameters)
    }

    /// What stood in the placeholder `name` of the path.
    pub(crate) fn segment(&self, name: &str) -> &str {
        self.found.value(name).unwrap_or_default()
    }

    /// The names that stood in a placeholder, split at commas, each once; none without one.
    pub(crate) fn names(&self, placeholder: &str) -> Option<Vec<String>> {
        let mut known = HashSet::new();
        let names = self.found.value(placeholder)?.split(',').filter(|name| known.insert(*name));
        Some(names.map(str::to_owned).collect())
    }

    /// Whether what was deleted had been there.
    pub(crate) fn deleted(&self, existence: Existence) -> Result<Reply, ApiError> {
        let is_found = existence == Existence::Known;
        let verdict = if is_found { Verdict::Done } else { Verdict::Missing };
        self.reply(verdict, |json| {
            json.begin_object();
            json.name("found");
            json.bool(is_found);
            json.end_object();
        })
    }

    /// The answer whose body `write` writes.
    pub(crate) fn reply(
        &self,
        verdict: Verdict,
        write: impl FnOnce(&mut JsonWriter),
    ) -> Result<Reply, ApiError> {
        Ok(Reply { verdict, ..Reply::done(self.view.print(write)?) })
    }

    /// What the authority refuses, as the wire says it.
    pub(crate) fn refusal(&self, error: AuthorityError) -> ApiError {
        self.rest.refusal(self.head, error)
    }

    /// Refuses the caller unless it may do `action`.
    pub(crate) async fn authorize(&self, caller: &Caller, action: &str) -> Result<(), ApiError> {
        let authorized = self.rest.authority.authorize(caller, action).await;
        authorized.map_err(|error| self.refusal(error))
    }

    async fn run_without_body(
        &self,
        endpoint: Endpoint,
        caller: Caller,
    ) -> Result<Reply, ApiError> {
        match endpoint {
            Endpoint::ShowUsers => routes::user::show(self, caller).await,
            Endpoint::DeleteUser => routes::user::delete(self, caller).await,
            Endpoint::EnableUser => routes::user::enable(self, caller).await,
            Endpoint::DisableUser => routes::user::disable(self, caller).await,
            Endpoint::ShowRoles => routes::role::show(self, caller).await,
            Endpoint::DeleteRole => routes::role::delete(self, caller).await,
            Endpoint::ShowPrivileges => routes::privilege::show(self, caller).await,
            Endpoint::DeletePrivileges => routes::privilege::delete(self, caller).await,
            Endpoint::ShowHeldPrivileges => routes::privilege_check::show(self, caller).await,
            Endpoint::ClearCache(cache) => routes::cache::clear(self, caller, cache).await,
            other => self.run_about_service(other, caller).await,
        }
    }

    /// As [`Self::run_without_body`], for what concerns the service and not what it keeps.
    async fn run_about_service(
        &self,
        endpoint: Endpoint,
        caller: Caller,
    ) -> Result<Reply, ApiError> {
        match endpoint {
            Endpoint::ShowBuiltinPrivileges => routes::privilege::show_builtin(self, caller).await,
            Endpoint::ShowSettings => routes::settings::show(self, caller).await,
            Endpoint::ShowStatistics => routes::settings::show_statistics(self, caller).await,
            Endpoint::ShowCertificates => routes::certificate::show(self, caller).await,
            Endpoint::ShowRoleMappings => routes::role_mapping::show(self, caller).await,
            Endpoint::DeleteRoleMapping => routes::role_mapping::delete(self, caller).await,
            Endpoint::Root => routes::root::show(self, caller).await,
            Endpoint::Health => routes::health::show(self, caller).await,
            _ => routes::authenticate::show(self, caller).await,
        }
    }

    fn expect_no_body(&self, body: &Bytes) -> Result<(), ApiError> {
        self.settle_parameters()?;
        if body.is_empty() {
            return Ok(());
        }
        let (method, path) = (&self.head.method, self.head.uri.path());
        let reason = format!("request [{method} {path}] does not support having a body");
        Err(ApiError::illegal_argument(reason))
    }
}
