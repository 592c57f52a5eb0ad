//! Privileges: those of applications to put, show and delete, and the names of built-in ones.
//!
//! Owns the bodies and the messages about their form. Must not know which names are legal.

use bytes::Bytes;
use jeton_authority::Caller;
use jeton_authority::users::Existence;
use jeton_domain::limits::{APPLICATION_ACTIONS_MAX, APPLICATION_PRIVILEGES_MAX};
use jeton_domain::privilege::action;
use jeton_domain::privilege::application::ApplicationPrivilege;
use jeton_domain::privilege::{cluster, index};
use jeton_domain::role::validation::REMOTE_CLUSTER_PRIVILEGES;
use jeton_domain::value::Map;

use super::required;
use crate::error::{ApiError, Verdict};
use crate::exchange::Exchange;
use crate::json::scan::{Scanner, Token};
use crate::json::tree::read_members;
use crate::json::write::JsonWriter;
use crate::respond::Reply;
use crate::suggest::did_you_mean;

/// Creates or replaces privileges, all or none.
pub(crate) async fn put(
    exchange: &Exchange<'_>,
    caller: Caller,
    body: &Bytes,
) -> Result<Reply, ApiError> {
    let privileges = parse(required(body)?)?;
    exchange.settle_parameters()?;
    let existences = exchange.rest.authority.put_privileges(caller, &privileges).await;
    let existences = existences.map_err(|error| exchange.refusal(error))?;
    exchange.reply(Verdict::Done, |json| {
        by_application(json, &privileges, |json, place, _| {
            json.begin_object();
            json.name("created");
            json.bool(existences.get(place) == Some(&Existence::New));
            json.end_object();
        });
    })
}

/// Shows the privileges of all applications or of one, all or those named.
pub(crate) async fn show(exchange: &Exchange<'_>, caller: Caller) -> Result<Reply, ApiError> {
    let (application, names) = (exchange.found.value("application"), exchange.names("name"));
    let found = exchange.rest.authority.privileges(&caller, application, names.as_deref()).await;
    let found = found.map_err(|error| exchange.refusal(error))?;
    let is_missing = found.is_empty() && names.is_some();
    let verdict = if is_missing { Verdict::Missing } else { Verdict::Done };
    exchange.reply(verdict, |json| {
        by_application(json, &found, |json, _, privilege| print(json, privilege));
    })
}

/// Deletes privileges of an application.
pub(crate) async fn delete(exchange: &Exchange<'_>, caller: Caller) -> Result<Reply, ApiError> {
    let application = exchange.segment("application");
    let names = exchange.names("name").unwrap_or_default();
    let existences = exchange.rest.authority.delete_privileges(caller, application, &names).await;
    let existences = existences.map_err(|error| exchange.refusal(error))?;
    let is_missing = !existences.contains(&Existence::Known);
    let verdict = if is_missing { Verdict::Missing } else { Verdict::Done };
    exchange.reply(verdict, |json| {
        json.begin_object();
        json.name(application);
        json.begin_object();
        for (name, existence) in names.iter().zip(&existences) {
            json.name(name);
            json.begin_object();
            json.name("found");
            json.bool(*existence == Existence::Known);
            json.end_object();
        }
        json.end_object();
        json.end_object();
    })
}

/// Lists the names of built-in privileges.
pub(crate) async fn show_builtin(
    exchange: &Exchange<'_>,
    caller: Caller,
) -> Result<Reply, ApiError> {
    exchange.authorize(&caller, action::READ_BUILTIN_PRIVILEGE).await?;
    let mut of_cluster: Vec<&str> = cluster::names().collect();
    of_cluster.sort_unstable();
    exchange.reply(Verdict::Done, |json| {
        json.begin_object();
        json.name("cluster");
        json.texts(of_cluster);
        json.name("index");
        json.texts(index::INDEX_PRIVILEGES);
        json.name("remote_cluster");
        json.texts(REMOTE_CLUSTER_PRIVILEGES);
        json.end_object();
    })
}

/// Writes an object for each application, in it for each of its privileges what `write` writes.
///
/// The privileges of an application come one after the other.
fn by_application<'p>(
    json: &mut JsonWriter,
    privileges: &'p [ApplicationPrivilege],
    write: impl Fn(&mut JsonWriter, usize, &'p ApplicationPrivilege),
) {
    let mut application: Option<&str> = None;
    json.begin_object();
    for (place, privilege) in privileges.iter().enumerate() {
        if application != Some(&privilege.application) {
            if application.is_some() {
                json.end_object();
            }
            application = Some(&privilege.application);
            json.name(&privilege.application);
            json.begin_object();
        }
        json.name(&privilege.name);
        write(json, place, privilege);
    }
    if application.is_some() {
        json.end_object();
    }
    json.end_object();
}

/// Writes one privilege.
fn print(json: &mut JsonWriter, privilege: &ApplicationPrivilege) {
    json.begin_object();
    json.name("application");
    json.text(&privilege.application);
    json.name("name");
    json.text(&privilege.name);
    json.name("actions");
    json.texts(privilege.actions.iter().map(String::as_str));
    json.name("metadata");
    json.map(&privilege.metadata);
    json.end_object();
}

/// Reads the body of a put: applications by name, in each of them privileges by name.
fn parse(body: &[u8]) -> Result<Vec<ApplicationPrivilege>, ApiError> {
    let mut scanner = Scanner::new(body);
    let first = scanner.next_token()?;
    expect_object("the applications", first.as_ref())?;
    let (mut privileges, mut actions_left) = (Vec::new(), APPLICATION_ACTIONS_MAX);
    while let Some(Token::Name(application)) = scanner.next_token()? {
        let first = scanner.next_token()?;
        expect_object(&format!("application [{application}]"), first.as_ref())?;
        while let Some(Token::Name(name)) = scanner.next_token()? {
            let first = scanner.next_token()?;
            let what = || format!("privilege [{name}] of application [{application}]");
            expect_object(&what(), first.as_ref())?;
            if privileges.len() >= APPLICATION_PRIVILEGES_MAX {
                return Err(ApiError::illegal_argument(format!(
                    "more than [{APPLICATION_PRIVILEGES_MAX}] application privileges in one request"
                )));
            }
            let privilege = privilege(&mut scanner, &application, &name, actions_left)?;
            actions_left = actions_left.saturating_sub(privilege.actions.len());
            privileges.push(privilege);
        }
    }
    Ok(privileges)
}

fn expect_object(what: &str, first: Option<&Token<'_>>) -> Result<(), ApiError> {
    if first == Some(&Token::StartObject) {
        return Ok(());
    }
    let found = first.map_or("null", Token::kind);
    Err(ApiError::parse(format!(
        "failed to parse {what}. expected an object but found [{found}] instead"
    )))
}

/// Reads the members of a privilege, whose start the scanner has just returned.
fn privilege(
    scanner: &mut Scanner<'_>,
    application: &str,
    name: &str,
    actions_max: usize,
) -> Result<ApplicationPrivilege, ApiError> {
    let mut privilege = ApplicationPrivilege {
        application: application.to_owned(),
        name: name.to_owned(),
        actions: Vec::new(),
        metadata: Map::new(),
    };
    while let Some(Token::Name(field)) = scanner.next_token()? {
        let field_at = scanner.position();
        let value = scanner.next_token()?.unwrap_or(Token::Null);
        match (field.as_ref(), value) {
            ("application", Token::Text(given)) => expect_same("application", &given, application)?,
            ("name", Token::Text(given)) => expect_same("privilege", &given, name)?,
            ("actions", Token::Text(action)) => privilege.actions = vec![action.into_owned()],
            ("actions", Token::StartArray) => privilege.actions = actions(scanner, actions_max)?,
            ("metadata", Token::StartObject) => privilege.metadata = read_members(scanner)?,
            (known, value) if FIELDS.contains(&known) => {
                return Err(wrong_kind(scanner, known, &value));
            }
            (unknown, _) => {
                let hint = did_you_mean(unknown, &FIELDS);
                let reason = format!("{field_at} [{PARSER}] unknown field [{unknown}]{hint}");
                return Err(ApiError::x_content(reason));
            }
        }
    }
    Ok(privilege)
}

fn actions(scanner: &mut Scanner<'_>, max: usize) -> Result<Vec<String>, ApiError> {
    let mut actions = Vec::new();
    while let Some(token) = scanner.next_token()? {
        match token {
            Token::EndArray => break,
            Token::Text(_) if actions.len() >= max => {
                return Err(ApiError::illegal_argument(format!(
                    "more than [{APPLICATION_ACTIONS_MAX}] actions of application privileges in one \
                     request"
                )));
            }
            Token::Text(action) => actions.push(action.into_owned()),
            other => return Err(wrong_kind(scanner, "actions", &other)),
        }
    }
    Ok(actions)
}

fn wrong_kind(scanner: &Scanner<'_>, field: &str, value: &Token<'_>) -> ApiError {
    let (at, kind) = (scanner.position(), value.kind());
    ApiError::x_content(format!("{at} [{PARSER}] {field} doesn't support values of type: {kind}"))
}

fn expect_same(what: &str, given: &str, wanted: &str) -> Result<(), ApiError> {
    if given == wanted {
        return Ok(());
    }
    let whose = if what == "privilege" { "name" } else { what };
    Err(ApiError::illegal_argument(format!(
        "{what} name [{given}] in source does not match the {whose} provided [{wanted}]"
    )))
}

/// The name of the parser in messages.
const PARSER: &str = "application-privilege";

const FIELDS: [&str; 4] = ["application", "name", "actions", "metadata"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_actions_of_one_request_are_bounded_together() {
        let body = |more: &str| {
            let half = vec![r#""a:b""#; APPLICATION_ACTIONS_MAX / 2].join(",");
            format!(r#"{{"app":{{"p":{{"actions":[{half}]}},"q":{{"actions":[{half}{more}]}}}}}}"#)
        };
        assert_eq!(parse(body("").as_bytes()).unwrap().len(), 2);
        assert!(parse(body(r#","a:b""#).as_bytes()).is_err());
    }
}
