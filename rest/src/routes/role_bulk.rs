//! Many roles at once: put and delete, each judged alone.
//!
//! Owns the bodies around the roles, and the answer that says what became of each. Must not know
//! what a role may hold, or which are reserved.

use bytes::Bytes;
use jeton_authority::roles::bulk::{BulkDelete, BulkPut};
use jeton_authority::{AuthorityError, Caller};
use jeton_domain::limits::BULK_ROLES_MAX;
use jeton_domain::name::RoleName;
use jeton_domain::role::descriptor::RoleDescriptor;

use super::{required, role};
use crate::error::{ApiError, Verdict};
use crate::exchange::Exchange;
use crate::json::scan::{Scanner, Token};
use crate::json::write::JsonWriter;
use crate::respond::Reply;
use crate::suggest::did_you_mean;

/// Creates or replaces roles.
pub(crate) async fn put(
    exchange: &Exchange<'_>,
    caller: Caller,
    body: &Bytes,
) -> Result<Reply, ApiError> {
    let roles = parse_put(required(body)?)?;
    exchange.settle_parameters()?;
    let done = exchange.rest.authority.put_roles(caller, roles).await;
    let BulkPut { created, updated, unchanged, errors } =
        done.map_err(|error| exchange.refusal(error))?;
    exchange.reply(Verdict::Done, |json| {
        json.begin_object();
        print_names(json, "created", &created);
        print_names(json, "updated", &updated);
        print_names(json, "noop", &unchanged);
        print_errors(exchange, json, errors);
        json.end_object();
    })
}

/// Deletes roles.
pub(crate) async fn delete(
    exchange: &Exchange<'_>,
    caller: Caller,
    body: &Bytes,
) -> Result<Reply, ApiError> {
    let names = parse_delete(required(body)?)?;
    exchange.settle_parameters()?;
    let done = exchange.rest.authority.delete_roles(caller, names).await;
    let BulkDelete { deleted, not_found, errors } =
        done.map_err(|error| exchange.refusal(error))?;
    exchange.reply(Verdict::Done, |json| {
        json.begin_object();
        print_names(json, "deleted", &deleted);
        print_names(json, "not_found", &not_found);
        print_errors(exchange, json, errors);
        json.end_object();
    })
}

fn print_names(json: &mut JsonWriter, member: &str, names: &[RoleName]) {
    if !names.is_empty() {
        json.name(member);
        json.texts(names.iter().map(RoleName::as_str));
    }
}

fn print_errors(
    exchange: &Exchange<'_>,
    json: &mut JsonWriter,
    errors: Vec<(RoleName, AuthorityError)>,
) {
    if errors.is_empty() {
        return;
    }
    json.name("errors");
    json.begin_object();
    json.name("count");
    json.count(u64::try_from(errors.len()).unwrap_or(u64::MAX));
    json.name("details");
    json.begin_object();
    for (name, error) in errors {
        json.name(name.as_str());
        exchange.refusal(error).print_entry(json);
    }
    json.end_object();
    json.end_object();
}

/// Reads `{"roles":{"name":{...},...}}`.
fn parse_put(body: &[u8]) -> Result<Vec<RoleDescriptor>, ApiError> {
    let mut scanner = Scanner::new(body);
    let first = enter(&mut scanner, PUT, "roles")?;
    if first != Token::StartObject {
        return Err(wrong_kind(&scanner, PUT, "roles", &first));
    }
    let mut roles = Vec::new();
    while let Some(Token::Name(name)) = scanner.next_token()? {
        let first = scanner.next_token()?.unwrap_or(Token::Null);
        check_number(roles.len())?;
        roles.push(role::read(&mut scanner, first, &RoleName::new(&name))?);
    }
    leave(&mut scanner, PUT, "roles")?;
    Ok(roles)
}

/// Reads `{"names":["name",...]}`: each name once.
fn parse_delete(body: &[u8]) -> Result<Vec<RoleName>, ApiError> {
    let mut scanner = Scanner::new(body);
    let first = enter(&mut scanner, DELETE, "names")?;
    if first != Token::StartArray {
        return Err(wrong_kind(&scanner, DELETE, "names", &first));
    }
    let mut names = Vec::new();
    let mut known = std::collections::BTreeSet::new();
    while let Some(token) = scanner.next_token()? {
        match token {
            Token::EndArray => break,
            Token::Text(name) => {
                check_number(names.len())?;
                let name = RoleName::new(&name);
                if known.insert(name.clone()) {
                    names.push(name);
                }
            }
            other => return Err(wrong_kind(&scanner, DELETE, "names", &other)),
        }
    }
    leave(&mut scanner, DELETE, "names")?;
    if names.is_empty() {
        return Err(ApiError::action_validation(&["names are missing"]));
    }
    Ok(names)
}

/// Whether one more may come after so many roles: what is read without end takes memory without
/// end.
fn check_number(held: usize) -> Result<(), ApiError> {
    if held < BULK_ROLES_MAX {
        return Ok(());
    }
    let reason = format!("a request may name at most [{BULK_ROLES_MAX}] roles");
    Err(ApiError::illegal_argument(reason))
}

/// Goes up to the value of the one member that the body has to have.
fn enter<'a>(scanner: &mut Scanner<'a>, parser: &str, field: &str) -> Result<Token<'a>, ApiError> {
    let first = scanner.next_token()?;
    if first != Some(Token::StartObject) {
        let found = first.map_or("null", |token| token.kind());
        let at = scanner.position();
        let reason = format!("{at} [{parser}] Expected START_OBJECT but was: {found}");
        return Err(ApiError::x_content(reason));
    }
    match scanner.next_token()? {
        Some(Token::Name(name)) if name == field => {
            Ok(scanner.next_token()?.unwrap_or(Token::Null))
        }
        Some(Token::Name(name)) => Err(unknown(scanner, parser, field, &name)),
        _ => Err(ApiError::illegal_argument(format!("Required [{field}]"))),
    }
}

/// Makes sure that nothing comes after that member.
fn leave(scanner: &mut Scanner<'_>, parser: &str, field: &str) -> Result<(), ApiError> {
    match scanner.next_token()? {
        Some(Token::Name(name)) => Err(unknown(scanner, parser, field, &name)),
        _ => Ok(()),
    }
}

fn unknown(scanner: &Scanner<'_>, parser: &str, field: &str, name: &str) -> ApiError {
    let (at, hint) = (scanner.position(), did_you_mean(name, &[field]));
    ApiError::x_content(format!("{at} [{parser}] unknown field [{name}]{hint}"))
}

fn wrong_kind(scanner: &Scanner<'_>, parser: &str, field: &str, found: &Token<'_>) -> ApiError {
    let (at, found) = (scanner.position(), found.kind());
    ApiError::x_content(format!("{at} [{parser}] {field} doesn't support values of type: {found}"))
}

const PUT: &str = "bulk_update_roles_request_payload";
const DELETE: &str = "bulk_delete_roles_request";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Trace;
    use crate::json::write::Layout;

    fn refusal(error: &ApiError) -> String {
        let mut json = JsonWriter::new(Layout::Compact);
        error.print(&mut json, Trace::Hidden);
        let text = String::from_utf8(json.finish()).unwrap();
        let (_, last) = text.rsplit_once("\"type\":\"").unwrap();
        last.replace("\",\"reason\":\"", " ").trim_end_matches("\"},\"status\":400}").into()
    }

    #[test]
    fn roles_come_in_the_order_of_the_body() {
        let roles =
            parse_put(br#"{"roles":{"b":{},"a":{"cluster":["all"],"description":"d"}}}"#).unwrap();
        let names: Vec<_> = roles.iter().map(|role| role.name.as_str()).collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(parse_put(br#"{"roles":{}}"#).unwrap(), []);
        let names = parse_delete(br#"{"names":["b","a","b"]}"#).unwrap();
        assert_eq!(names, ["b", "a"].map(RoleName::new));
    }

    #[test]
    fn a_put_that_is_none_is_refused_whole() {
        for (body, wanted) in [
            ("{}", "illegal_argument_exception Required [roles]"),
            (
                "[]",
                "x_content_parse_exception [1:1] [bulk_update_roles_request_payload] Expected START_OBJECT but was: START_ARRAY",
            ),
            (
                r#"{"role":{}}"#,
                "x_content_parse_exception [1:2] [bulk_update_roles_request_payload] unknown field [role] did you mean [roles]?",
            ),
            (
                r#"{"roles":{},"x":1}"#,
                "x_content_parse_exception [1:13] [bulk_update_roles_request_payload] unknown field [x]",
            ),
            (
                r#"{"roles":[]}"#,
                "x_content_parse_exception [1:10] [bulk_update_roles_request_payload] roles doesn't support values of type: START_ARRAY",
            ),
            (
                r#"{"roles":{"a":{},"b":{"x":1}}}"#,
                "parse_exception failed to parse role [b]. unexpected field [x]",
            ),
            (
                r#"{"roles":{"a":1}}"#,
                "parse_exception failed to parse role [a]. expected an object but found [VALUE_NUMBER] instead",
            ),
            (
                r#"{"roles":{"a":{"restriction":{"workflows":[]}}}}"#,
                "parse_exception failed to parse role [a]. unexpected field [restriction]",
            ),
            (
                r#"{"roles":{"a":{},"a":{}}}"#,
                "x_content_parse_exception [1:18] Duplicate field 'a'",
            ),
        ] {
            assert_eq!(refusal(&parse_put(body.as_bytes()).unwrap_err()), wanted, "{body}");
        }
    }

    #[test]
    fn no_more_roles_are_read_than_may_be_named() {
        let put = |count: usize| {
            let roles: Vec<_> = (0..count).map(|role| format!(r#""{role}":{{}}"#)).collect();
            format!(r#"{{"roles":{{{}"#, roles.join(","))
        };
        let delete = |count: usize| {
            let names: Vec<_> = (0..count).map(|name| format!(r#""{name}""#)).collect();
            format!(r#"{{"names":[{}"#, names.join(","))
        };
        let most = BULK_ROLES_MAX;
        assert_eq!(parse_put(format!("{}}}}}", put(most)).as_bytes()).unwrap().len(), most);
        assert_eq!(parse_delete(format!("{}]}}", delete(most)).as_bytes()).unwrap().len(), most);
        // What comes after it is not looked at.
        let wanted = "illegal_argument_exception a request may name at most [1000] roles";
        let (put, delete) = (put(most + 1), delete(most + 1));
        assert_eq!(refusal(&parse_put(put.as_bytes()).unwrap_err()), wanted);
        assert_eq!(refusal(&parse_delete(delete.as_bytes()).unwrap_err()), wanted);
    }

    #[test]
    fn a_delete_that_names_no_roles_is_refused() {
        for (body, wanted) in [
            ("{}", "illegal_argument_exception Required [names]"),
            (
                r#"{"names":[]}"#,
                "action_request_validation_exception Validation Failed: 1: names are missing;",
            ),
            (
                r#"{"names":"a"}"#,
                "x_content_parse_exception [1:10] [bulk_delete_roles_request] names doesn't support values of type: VALUE_STRING",
            ),
            (
                r#"{"names":["a",1]}"#,
                "x_content_parse_exception [1:15] [bulk_delete_roles_request] names doesn't support values of type: VALUE_NUMBER",
            ),
            (
                r#"{"names":["a"],"refresh":true}"#,
                "x_content_parse_exception [1:16] [bulk_delete_roles_request] unknown field [refresh]",
            ),
        ] {
            assert_eq!(refusal(&parse_delete(body.as_bytes()).unwrap_err()), wanted, "{body}");
        }
    }
}
