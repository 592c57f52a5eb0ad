//! Privileges that the caller holds: those asked about, or all.
//!
//! Owns the answers. What a request may ask is the domain's.

use bytes::Bytes;
use jeton_authority::Caller;
use jeton_domain::role::check::{Held, PrivilegesAnswer, PrivilegesRequest};
use jeton_domain::role::check_parse::CheckFormRefusal;
use jeton_domain::value::Value;

use super::required;
use crate::error::{ApiError, Verdict};
use crate::exchange::Exchange;
use crate::json::scan::Scanner;
use crate::json::tree::read_value;
use crate::json::write::JsonWriter;
use crate::respond::Reply;

/// Says which of some privileges the caller holds.
pub(crate) async fn check(
    exchange: &Exchange<'_>,
    caller: Caller,
    body: &Bytes,
) -> Result<Reply, ApiError> {
    let named = exchange.found.value("username");
    let username = named.unwrap_or(caller.authentication.subject.username.as_str());
    let request = parse(required(body)?, username)?;
    exchange.settle_parameters()?;
    let answer = exchange.rest.authority.has_privileges(&caller, named, &request).await;
    let answer = answer.map_err(|error| exchange.refusal(error))?;
    exchange.reply(Verdict::Done, |json| print(json, username, &answer))
}

/// Shows all that the caller holds.
pub(crate) async fn show(exchange: &Exchange<'_>, caller: Caller) -> Result<Reply, ApiError> {
    let held = exchange.rest.authority.held_privileges(&caller).await;
    let held = held.map_err(|error| exchange.refusal(error))?;
    exchange.reply(Verdict::Done, |json| json.map(&held))
}

fn parse(body: &[u8], username: &str) -> Result<PrivilegesRequest, ApiError> {
    let mut scanner = Scanner::new(body);
    let value = match scanner.next_token()? {
        Some(first) => read_value(&mut scanner, first)?,
        None => Value::Null,
    };
    PrivilegesRequest::from_value(username, &value).map_err(|refusal| match refusal {
        CheckFormRefusal::Privileges(refusal) => refusal.into(),
        CheckFormRefusal::NotAnObject { .. }
        | CheckFormRefusal::UnexpectedField { .. }
        | CheckFormRefusal::Missing { .. }
        | CheckFormRefusal::Unsupported(_) => ApiError::parse(refusal.to_string()),
    })
}

fn print(json: &mut JsonWriter, username: &str, answer: &PrivilegesAnswer) {
    json.begin_object();
    json.name("username");
    json.text(username);
    json.name("has_all_requested");
    json.bool(answer.is_all_held());
    json.name("cluster");
    print_held(json, &answer.cluster);
    json.name("index");
    json.begin_object();
    for (index, held) in &answer.indices {
        json.name(index);
        print_held(json, held);
    }
    json.end_object();
    json.name("application");
    json.begin_object();
    for (application, resources) in &answer.applications {
        json.name(application);
        json.begin_object();
        for (resource, held) in resources {
            json.name(resource);
            print_held(json, held);
        }
        json.end_object();
    }
    json.end_object();
    json.end_object();
}

fn print_held(json: &mut JsonWriter, held: &Held) {
    json.begin_object();
    for (privilege, is_held) in held {
        json.name(privilege);
        json.bool(*is_held);
    }
    json.end_object();
}
