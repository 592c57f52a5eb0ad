//! Roles: put, show, delete; many of them at once in [`role_bulk`](super::role_bulk).
//!
//! Owns nothing of what a role may hold: the descriptor's form is the domain's, this file carries
//! it between the wire and the verbs.

use bytes::Bytes;
use jeton_authority::Caller;
use jeton_authority::users::Existence;
use jeton_domain::name::RoleName;
use jeton_domain::role::descriptor::RoleDescriptor;
use jeton_domain::value::Map;

use super::required;
use crate::error::{ApiError, Verdict};
use crate::exchange::Exchange;
use crate::json::scan::{Scanner, Token};
use crate::json::tree::read_value;
use crate::json::write::{JsonWriter, Layout};
use crate::respond::Reply;

/// Creates or replaces a role.
pub(crate) async fn put(
    exchange: &Exchange<'_>,
    caller: Caller,
    body: &Bytes,
) -> Result<Reply, ApiError> {
    let name = RoleName::new(exchange.segment("name"));
    let role = parse(required(body)?, &name)?;
    exchange.settle_parameters()?;
    let existence = exchange.rest.authority.put_role(caller, role).await;
    let existence = existence.map_err(|error| exchange.refusal(error))?;
    exchange.reply(Verdict::Done, |json| {
        json.begin_object();
        json.name("role");
        json.begin_object();
        json.name("created");
        json.bool(existence == Existence::New);
        json.end_object();
        json.end_object();
    })
}

/// Shows the roles named, or all.
pub(crate) async fn show(exchange: &Exchange<'_>, caller: Caller) -> Result<Reply, ApiError> {
    let names = exchange.names("name");
    let roles = exchange.rest.authority.roles(&caller, names.as_deref()).await;
    let roles = roles.map_err(|error| exchange.refusal(error))?;
    let is_missing = roles.is_empty() && names.is_some();
    let verdict = if is_missing { Verdict::Missing } else { Verdict::Done };
    exchange.reply(verdict, |json| {
        json.begin_object();
        for role in &roles {
            json.name(role.name.as_str());
            print(json, role);
        }
        json.end_object();
    })
}

/// Deletes a role.
pub(crate) async fn delete(exchange: &Exchange<'_>, caller: Caller) -> Result<Reply, ApiError> {
    let name = exchange.segment("name");
    let existence = exchange.rest.authority.delete_role(caller, name).await;
    exchange.deleted(existence.map_err(|error| exchange.refusal(error))?)
}

/// Reads the body of a put.
fn parse(body: &[u8], name: &RoleName) -> Result<RoleDescriptor, ApiError> {
    let mut scanner = Scanner::new(body);
    let first = scanner.next_token()?.unwrap_or(Token::Null);
    read(&mut scanner, first, name)
}

/// Reads the role that `first` begins, which `scanner` has just returned.
pub(super) fn read(
    scanner: &mut Scanner<'_>,
    first: Token<'_>,
    name: &RoleName,
) -> Result<RoleDescriptor, ApiError> {
    let value = read_value(scanner, first)?;
    let role = RoleDescriptor::from_role_request(name, &value)?;
    Ok(role.settle_queries(text))
}

/// Writes one role.
fn print(json: &mut JsonWriter, role: &RoleDescriptor) {
    json.value(&role.to_value());
}

fn text(tree: &Map) -> String {
    let mut json = JsonWriter::new(Layout::Compact);
    json.map(tree);
    String::from_utf8_lossy(&json.finish()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Trace;

    fn put(body: &str) -> Result<String, String> {
        let printed = |print: &dyn Fn(&mut JsonWriter)| {
            let mut json = JsonWriter::new(Layout::Compact);
            print(&mut json);
            String::from_utf8(json.finish()).unwrap()
        };
        match parse(body.as_bytes(), &RoleName::new("r")) {
            Ok(role) => Ok(printed(&|json| print(json, &role))),
            Err(error) => Err(printed(&|json| error.print(json, Trace::Hidden))),
        }
    }

    #[test]
    fn a_role_is_printed_in_the_order_of_the_wire() {
        assert_eq!(
            put(r#"{"description":"d","run_as":["a"],"indices":[{"names":"*","privileges":["read"],"query":{"term":{"x":1}}}],"cluster":["all"],"metadata":{"k":1.5}}"#).unwrap(),
            r#"{"cluster":["all"],"indices":[{"names":["*"],"privileges":["read"],"query":"{\"term\":{\"x\":1}}","allow_restricted_indices":false}],"applications":[],"run_as":["a"],"metadata":{"k":1.5},"transient_metadata":{"enabled":true},"description":"d"}"#
        );
    }

    #[test]
    fn the_form_is_refused_in_the_words_of_the_wire() {
        let refused = put(r#"{"clusters":[]}"#).unwrap_err();
        assert!(refused.ends_with(
            r#""type":"parse_exception","reason":"failed to parse role [r]. unexpected field [clusters]"},"status":400}"#
        ));
        let refused = put("[]").unwrap_err();
        assert!(refused.contains(
            "failed to parse role [r]. expected an object but found [START_ARRAY] instead"
        ));
        let refused = put(r#"{"cluster":[1]}"#).unwrap_err();
        assert!(refused.contains(
            r#""caused_by":{"type":"parse_exception","reason":"could not parse [cluster] field."#
        ));
    }
}
