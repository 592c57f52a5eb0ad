//! Users: put, show, delete, enable, disable, change password.
//!
//! Owns the bodies and the messages about their members. Must not know which names are reserved or
//! how passwords are kept.

use std::sync::Arc;

use bytes::Bytes;
use jeton_authority::users::Existence;
use jeton_authority::users::put::{NewPassword, UserPut};
use jeton_authority::{AuthorityError, Caller};
use jeton_domain::limits::{JSON_NODES_MAX, PASSWORD_CHARS_MIN};
use jeton_domain::name::RoleName;
use jeton_domain::secret::Secret;
use jeton_domain::user::User;

use super::required;
use crate::error::{ApiError, Verdict};
use crate::exchange::Exchange;
use crate::json::scan::{Scanner, Token};
use crate::json::tree::read_members;
use crate::json::write::JsonWriter;
use crate::respond::Reply;

/// Creates or updates a user.
pub(crate) async fn put(
    exchange: &Exchange<'_>,
    caller: Caller,
    body: &Bytes,
) -> Result<Reply, ApiError> {
    let user = parse(required(body)?, exchange.segment("username"))?;
    exchange.settle_parameters()?;
    let existence = exchange.rest.authority.put_user(caller, user).await;
    let existence = existence.map_err(|error| exchange.refusal(error))?;
    exchange.reply(Verdict::Done, |json| {
        json.begin_object();
        json.name("created");
        json.bool(existence == Existence::New);
        json.end_object();
    })
}

/// Shows the users named, or all.
pub(crate) async fn show(exchange: &Exchange<'_>, caller: Caller) -> Result<Reply, ApiError> {
    exchange.query.flag("with_profile_uid")?;
    let names = exchange.names("username");
    let users = exchange.rest.authority.users(&caller, names.as_deref()).await;
    let users = users.map_err(|error| exchange.refusal(error))?;
    let is_missing = users.is_empty() && names.is_some();
    let verdict = if is_missing { Verdict::Missing } else { Verdict::Done };
    exchange.reply(verdict, |json| {
        json.begin_object();
        for user in &users {
            json.name(user.username.as_str());
            print(json, user);
        }
        json.end_object();
    })
}

/// Deletes a user.
pub(crate) async fn delete(exchange: &Exchange<'_>, caller: Caller) -> Result<Reply, ApiError> {
    let name = exchange.segment("username");
    let existence = exchange.rest.authority.delete_user(caller, name).await;
    exchange.deleted(existence.map_err(|error| exchange.refusal(error))?)
}

/// Lets a user log in again.
pub(crate) async fn enable(exchange: &Exchange<'_>, caller: Caller) -> Result<Reply, ApiError> {
    let name = exchange.segment("username");
    done(exchange, exchange.rest.authority.enable_user(caller, name).await)
}

/// Keeps a user from logging in.
pub(crate) async fn disable(exchange: &Exchange<'_>, caller: Caller) -> Result<Reply, ApiError> {
    let name = exchange.segment("username");
    done(exchange, exchange.rest.authority.disable_user(caller, name).await)
}

/// Changes the password of the user named, or the caller's own.
pub(crate) async fn change_password(
    exchange: &Exchange<'_>,
    caller: Caller,
    body: &Bytes,
) -> Result<Reply, ApiError> {
    let password = parse_password(required(body)?)?;
    exchange.settle_parameters()?;
    let password = password.ok_or_else(|| ApiError::action_validation(&["password is missing"]))?;
    let name = exchange.found.value("username");
    done(exchange, exchange.rest.authority.change_password(caller, name, &password).await)
}

/// The answer that says nothing but that it is done.
fn done(exchange: &Exchange<'_>, outcome: Result<(), AuthorityError>) -> Result<Reply, ApiError> {
    outcome.map_err(|error| exchange.refusal(error))?;
    exchange.reply(Verdict::Done, |json| {
        json.begin_object();
        json.end_object();
    })
}

/// Reads the body of a put; `path_name` is the name in the path.
fn parse(body: &[u8], path_name: &str) -> Result<UserPut, ApiError> {
    let mut user = UserPut {
        username: path_name.to_owned(),
        password: None,
        roles: None,
        full_name: None,
        email: None,
        metadata: None,
        enabled: true,
    };
    let mut members = Members::open(body, "add user")?;
    while let Some((name, first)) = members.next()? {
        match name.as_str() {
            "password" | "password_hash" => {
                let text = expect_text(&name, first)?;
                user.password = Some(new_password(user.password.as_ref(), &name, text)?);
            }
            "username" => check_same_name(&expect_text(&name, first)?, path_name)?,
            "roles" => {
                let names = members.role_names(first)?;
                user.roles = Some(names.iter().map(|name| RoleName::new(name)).collect());
            }
            "full_name" => user.full_name = text_or_null(&name, first)?,
            "email" => user.email = text_or_null(&name, first)?,
            "metadata" => match first {
                Token::StartObject => user.metadata = Some(read_members(&mut members.scanner)?),
                other => return Err(wrong_kind(&name, "object", &other)),
            },
            "enabled" => match first {
                Token::Bool(flag) => user.enabled = flag,
                other => return Err(wrong_kind(&name, "boolean", &other)),
            },
            _ => return Err(members.unexpected(&name)),
        }
    }
    Ok(user)
}

fn check_same_name(given: &str, path_name: &str) -> Result<(), ApiError> {
    if given == path_name {
        return Ok(());
    }
    Err(ApiError::illegal_argument(format!(
        "[username] in source does not match the username provided [{path_name}]"
    )))
}

/// Reads the body of a change of password.
fn parse_password(body: &[u8]) -> Result<Option<NewPassword>, ApiError> {
    let mut password = None;
    let mut members = Members::open(body, "change password")?;
    while let Some((name, first)) = members.next()? {
        if name != "password" && name != "password_hash" {
            return Err(members.unexpected(&name));
        }
        let text = expect_text(&name, first)?;
        password = Some(new_password(password.as_ref(), &name, text)?);
    }
    Ok(password)
}

/// Writes one user.
fn print(json: &mut JsonWriter, user: &User) {
    json.begin_object();
    print_members(json, user);
    json.end_object();
}

/// Writes the members of one user.
pub(crate) fn print_members(json: &mut JsonWriter, user: &User) {
    json.name("username");
    json.text(user.username.as_str());
    json.name("roles");
    json.texts(user.roles.iter().map(RoleName::as_str));
    json.name("full_name");
    json.text_or_null(user.full_name.as_deref());
    json.name("email");
    json.text_or_null(user.email.as_deref());
    json.name("metadata");
    json.map(&user.metadata);
    json.name("enabled");
    json.bool(user.enabled);
}

/// The members of a body that is parsed by hand.
struct Members<'a> {
    scanner: Scanner<'a>,
    request: &'static str,
}

impl<'a> Members<'a> {
    fn open(body: &'a [u8], request: &'static str) -> Result<Self, ApiError> {
        let mut scanner = Scanner::new(body);
        match scanner.next_token()? {
            Some(Token::StartObject) => Ok(Self { scanner, request }),
            other => {
                let found = other.map_or("null", |token| token.kind());
                Err(ApiError::parse(format!(
                    "failed to parse {request} request. expected an object but found [{found}] \
                     instead"
                )))
            }
        }
    }

    fn next(&mut self) -> Result<Option<(String, Token<'a>)>, ApiError> {
        let Some(Token::Name(name)) = self.scanner.next_token()? else {
            return Ok(None);
        };
        let first = self.scanner.next_token()?.unwrap_or(Token::Null);
        Ok(Some((name.into_owned(), first)))
    }

    fn unexpected(&self, name: &str) -> ApiError {
        let request = self.request;
        ApiError::parse(format!("failed to parse {request} request. unexpected field [{name}]"))
    }

    /// An array of texts, or one text split at its commas.
    fn role_names(&mut self, first: Token<'a>) -> Result<Vec<String>, ApiError> {
        match first {
            Token::Text(list) if list.is_empty() => Ok(Vec::new()),
            Token::Text(list) if list.split(',').count() > JSON_NODES_MAX => Err(too_many_names()),
            Token::Text(list) => Ok(list.split(',').map(str::to_owned).collect()),
            Token::StartArray => {
                let mut names = Vec::new();
                while let Some(token) = self.scanner.next_token()? {
                    match token {
                        Token::EndArray => break,
                        Token::Text(name) if names.len() < JSON_NODES_MAX => {
                            names.push(name.into_owned());
                        }
                        Token::Text(_) => return Err(too_many_names()),
                        other => {
                            let found =
                                format!("one of the value in the array is [{}]", other.kind());
                            return Err(not_names(&found));
                        }
                    }
                }
                Ok(names)
            }
            Token::Null => Err(not_names("found null value instead")),
            other => Err(not_names(&format!("found [{}] value instead", other.kind()))),
        }
    }
}

/// What is read without end takes memory without end.
fn too_many_names() -> ApiError {
    ApiError::parse(format!("could not parse [roles] field. more than [{JSON_NODES_MAX}] names"))
}

fn not_names(found: &str) -> ApiError {
    ApiError::parse(format!("could not parse [roles] field. expected a string array but {found}"))
}

fn expect_text(name: &str, value: Token<'_>) -> Result<String, ApiError> {
    match value {
        Token::Text(text) => Ok(text.into_owned()),
        other => Err(wrong_kind(name, "string", &other)),
    }
}

fn text_or_null(name: &str, value: Token<'_>) -> Result<Option<String>, ApiError> {
    if value == Token::Null { Ok(None) } else { expect_text(name, value).map(Some) }
}

fn wrong_kind(name: &str, wanted: &str, found: &Token<'_>) -> ApiError {
    ApiError::parse(format!(
        "expected field [{name}] to be of type {wanted}, but found [{}] instead",
        found.kind()
    ))
}

fn new_password(
    held: Option<&NewPassword>,
    field: &str,
    text: String,
) -> Result<NewPassword, ApiError> {
    if held.is_some() {
        return Err(ApiError::validation(&["password_hash has already been set"]));
    }
    if field == "password_hash" {
        return Ok(NewPassword::Hashed(Arc::new(Secret::from_text(text))));
    }
    if text.chars().count() < PASSWORD_CHARS_MIN {
        return Err(ApiError::validation(&[format!(
            "passwords must be at least [{PASSWORD_CHARS_MIN}] characters long"
        )]));
    }
    Ok(NewPassword::Clear(Arc::new(Secret::from_text(text))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Trace;
    use crate::json::write::Layout;

    fn reason(error: &ApiError) -> String {
        let mut json = JsonWriter::new(Layout::Compact);
        error.print(&mut json, Trace::Hidden);
        String::from_utf8(json.finish()).unwrap()
    }

    #[track_caller]
    fn check_refusal(body: &str, kind: &str, wanted: &str) {
        let found = parse(body.as_bytes(), "u");
        let wanted = format!(r#","type":"{kind}","reason":"{wanted}"}},"status":400}}"#);
        let found = reason(&found.unwrap_err());
        assert!(found.ends_with(&wanted), "{body}: {found}");
    }

    #[test]
    fn a_whole_user_is_read() {
        let body = r#"{"username":"u","password":"s3cret","roles":["a","b"],"full_name":"U","email":null,"metadata":{"k":[1]},"enabled":false}"#;
        let user = parse(body.as_bytes(), "u").unwrap();
        assert!(
            matches!(user.password, Some(NewPassword::Clear(text)) if text.expose() == b"s3cret")
        );
        assert_eq!(user.roles.unwrap(), ["a", "b"].map(RoleName::new));
        assert_eq!((user.full_name.as_deref(), user.email, user.enabled), (Some("U"), None, false));
        assert_eq!(user.metadata.unwrap().len(), 1);
    }

    #[test]
    fn roles_may_be_one_text_with_commas() {
        let roles = |text: &str| {
            parse(format!(r#"{{"roles":"{text}"}}"#).as_bytes(), "u").unwrap().roles.unwrap()
        };
        assert_eq!(roles("a,b"), ["a", "b"].map(RoleName::new));
        assert!(roles("").is_empty());
    }

    #[test]
    fn a_user_has_a_bounded_number_of_roles() {
        let list = |count| vec![r#""a""#; count].join(",");
        let text = |count| vec!["a"; count].join(",");
        let (most, more) = (JSON_NODES_MAX, JSON_NODES_MAX + 1);
        for body in
            [format!(r#"{{"roles":[{}]}}"#, list(most)), format!(r#"{{"roles":"{}"}}"#, text(most))]
        {
            assert_eq!(parse(body.as_bytes(), "u").unwrap().roles.unwrap().len(), most);
        }
        let wanted = "could not parse [roles] field. more than [10000] names";
        check_refusal(&format!(r#"{{"roles":[{}"#, list(more)), "parse_exception", wanted);
        let body = format!(r#"{{"roles":"{}","#, text(more));
        check_refusal(&body, "parse_exception", wanted);
    }

    #[test]
    fn members_have_their_kinds() {
        let kind = "parse_exception";
        for (body, wanted) in [
            (
                r#"{"password":null}"#,
                "expected field [password] to be of type string, but found [VALUE_NULL] instead",
            ),
            (
                r#"{"full_name":[]}"#,
                "expected field [full_name] to be of type string, but found [START_ARRAY] instead",
            ),
            (
                r#"{"metadata":1}"#,
                "expected field [metadata] to be of type object, but found [VALUE_NUMBER] instead",
            ),
            (
                r#"{"enabled":"true"}"#,
                "expected field [enabled] to be of type boolean, but found [VALUE_STRING] instead",
            ),
            (
                r#"{"roles":[1]}"#,
                "could not parse [roles] field. expected a string array but one of the value in the array is [VALUE_NUMBER]",
            ),
            (
                r#"{"roles":null}"#,
                "could not parse [roles] field. expected a string array but found null value instead",
            ),
            (
                r#"{"roles":{}}"#,
                "could not parse [roles] field. expected a string array but found [START_OBJECT] value instead",
            ),
            (r#"{"role":[]}"#, "failed to parse add user request. unexpected field [role]"),
            (
                "[]",
                "failed to parse add user request. expected an object but found [START_ARRAY] instead",
            ),
        ] {
            check_refusal(body, kind, wanted);
        }
    }

    #[test]
    fn passwords_are_long_enough_and_given_once() {
        let kind = "validation_exception";
        let short = "Validation Failed: 1: passwords must be at least [6] characters long;";
        check_refusal(r#"{"password":"12345","roles":[]}"#, kind, short);
        let twice = "Validation Failed: 1: password_hash has already been set;";
        check_refusal(r#"{"password":"123456","password_hash":"x","roles":[]}"#, kind, twice);
        check_refusal(r#"{"password_hash":"x","password":"123456","roles":[]}"#, kind, twice);
    }

    #[test]
    fn the_name_in_the_body_is_that_of_the_path() {
        check_refusal(
            r#"{"username":"v","roles":[]}"#,
            "illegal_argument_exception",
            "[username] in source does not match the username provided [u]",
        );
    }

    #[test]
    fn a_change_of_password_holds_a_password_only() {
        assert!(parse_password(b"{}").unwrap().is_none());
        assert!(matches!(
            parse_password(br#"{"password":"123456"}"#),
            Ok(Some(NewPassword::Clear(_)))
        ));
        assert!(matches!(
            parse_password(br#"{"password_hash":"$2a$"}"#),
            Ok(Some(NewPassword::Hashed(_)))
        ));
        let found = reason(&parse_password(br#"{"pass":"x"}"#).unwrap_err());
        assert!(found.contains("failed to parse change password request. unexpected field [pass]"));
    }
}
