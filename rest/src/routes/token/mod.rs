//! `POST` and `DELETE /_security/oauth2/token`.
//!
//! Owns the answers of both calls. Their bodies are read in [`grant`] and [`selection`].

pub(crate) mod grant;
pub(crate) mod selection;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jeton_authority::Caller;
use jeton_authority::tokens::Granted;
use jeton_authority::tokens::issue::Grant;
use jeton_authority::tokens::revoke::{Revocation, Revoked};
use jeton_domain::name::{RealmName, RoleName, Username};
use jeton_domain::privilege::action;
use jeton_domain::secret::Secret;
use jeton_domain::selector::Selector;
use jeton_domain::token::text::Half;

use self::grant::{GrantRequest, TokenRequest};
use self::selection::{InvalidationRequest, Selection};
use super::{authenticate, required};
use crate::error::{ApiError, Verdict};
use crate::exchange::Exchange;
use crate::headers::deprecated_login;
use crate::json::write::JsonWriter;
use crate::respond::Reply;

/// Grants or refreshes a token.
pub(crate) async fn create(
    exchange: &Exchange<'_>,
    caller: Caller,
    body: &Bytes,
) -> Result<Reply, ApiError> {
    let request = TokenRequest::parse(required(body)?)?;
    exchange.settle_parameters()?;
    let scope = request.scope();
    let authority = &exchange.rest.authority;
    let request = request.into_grant()?;
    let is_login = matches!(request, GrantRequest::Password { .. });
    let granted = match request {
        GrantRequest::Refresh(token) => authority.refresh(caller, &token).await,
        GrantRequest::Password { username, password } => {
            let username = Username::new(&username);
            let grant = Grant::Password { username, password: Arc::new(password) };
            authority.issue(caller, grant).await
        }
        GrantRequest::ClientCredentials => authority.issue(caller, Grant::ClientCredentials).await,
        GrantRequest::Kerberos(ticket) => {
            let Ok(ticket) = STANDARD.decode(ticket.expose()) else {
                exchange.authorize(&caller, action::CREATE_TOKEN).await?;
                return Err(ApiError::undecodable_ticket());
            };
            let ticket = Arc::new(Secret::from_bytes(ticket));
            authority.issue(caller, Grant::Kerberos { ticket }).await
        }
    };
    let granted = granted.map_err(|error| exchange.refusal(error))?;
    let roles = authority.shown_roles(&granted.authentication.subject);
    let reply =
        exchange.reply(Verdict::Done, |json| print_granted(json, &granted, &roles, scope))?;
    let login = Some(&granted.authentication).filter(|_| is_login);
    Ok(Reply { warning: login.and_then(deprecated_login), ..reply })
}

/// Invalidates one token or many.
pub(crate) async fn invalidate(
    exchange: &Exchange<'_>,
    caller: Caller,
    body: &Bytes,
) -> Result<Reply, ApiError> {
    let request = InvalidationRequest::parse(required(body)?)?;
    exchange.settle_parameters()?;
    let revocation = match request.into_selection()? {
        Selection::Access(text) => Revocation::Token { half: Half::Access, text },
        Selection::Refresh(text) => Revocation::Token { half: Half::Refresh, text },
        Selection::Names(names) => Revocation::All(selector(names)),
    };
    let revoked = exchange.rest.authority.revoke(caller, revocation).await;
    match revoked.map_err(|error| exchange.refusal(error))? {
        Revoked::Unknown => exchange.reply(Verdict::Missing, |json| print_counts(json, 0, 0)),
        Revoked::Counted(counts) => exchange.reply(Verdict::Done, |json| {
            print_counts(json, counts.invalidated, counts.previously);
        }),
    }
}

fn selector(names: selection::Names) -> Selector {
    match names {
        selection::Names::Realm(realm) => Selector::Realm(RealmName::new(&realm)),
        selection::Names::User(username) => Selector::User(Username::new(&username)),
        selection::Names::UserInRealm(username, realm) => {
            Selector::UserInRealm(Username::new(&username), RealmName::new(&realm))
        }
    }
}

fn print_granted(
    json: &mut JsonWriter,
    granted: &Granted,
    roles: &[RoleName],
    scope: grant::Scope,
) {
    json.begin_object();
    json.name("access_token");
    print_secret(json, &granted.access);
    json.name("type");
    json.text("Bearer");
    json.name("expires_in");
    json.integer(granted.expires_in_s);
    if let Some(refresh) = &granted.refresh {
        json.name("refresh_token");
        print_secret(json, refresh);
    }
    if scope == grant::Scope::Requested {
        json.name("scope");
        json.text("full");
    }
    json.name("authentication");
    let authentication = &granted.authentication;
    authenticate::print(json, &authentication.subject, roles, authentication.kind);
    json.end_object();
}

fn print_secret(json: &mut JsonWriter, secret: &Secret) {
    json.text(&String::from_utf8_lossy(secret.expose()));
}

/// Every revocation here is one commit, so none of its parts can fail: `error_count` is 0.
fn print_counts(json: &mut JsonWriter, invalidated: u64, previously: u64) {
    json.begin_object();
    json.name("invalidated_tokens");
    json.count(invalidated);
    json.name("previously_invalidated_tokens");
    json.count(previously);
    json.name("error_count");
    json.count(0);
    json.end_object();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::write::Layout;
    use crate::routes::authenticate::tests::subject;
    use jeton_domain::authentication::Authentication;

    fn printed(print: impl FnOnce(&mut JsonWriter)) -> String {
        let mut json = JsonWriter::new(Layout::Compact);
        print(&mut json);
        String::from_utf8(json.finish()).unwrap()
    }

    #[test]
    fn counters_are_printed_in_order() {
        assert_eq!(
            printed(|json| print_counts(json, 2, 1)),
            r#"{"invalidated_tokens":2,"previously_invalidated_tokens":1,"error_count":0}"#
        );
    }

    #[test]
    fn a_grant_is_printed_in_the_order_of_the_wire() {
        let mut granted = Granted {
            access: Secret::from("jta_x"),
            refresh: Some(Secret::from("jtr_y")),
            expires_in_s: 1200,
            authentication: Authentication::of(Arc::new(subject())),
        };
        let body = printed(|json| print_granted(json, &granted, &[], grant::Scope::Requested));
        assert!(body.starts_with(r#"{"access_token":"jta_x","type":"Bearer","expires_in":1200,"refresh_token":"jtr_y","scope":"full","authentication":{"username":"u","#));
        granted.refresh = None;
        let body = printed(|json| print_granted(json, &granted, &[], grant::Scope::Absent));
        assert!(body.starts_with(
            r#"{"access_token":"jta_x","type":"Bearer","expires_in":1200,"authentication":{"#
        ));
    }
}
