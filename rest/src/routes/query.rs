//! Searches of users and of roles.
//!
//! Owns the body around a query and the shape of the answer. What a query may ask is the domain's,
//! and is looked at only when the caller may ask at all.

use bytes::Bytes;
use jeton_authority::Caller;
use jeton_authority::search::Found;
use jeton_domain::query::SearchRequest;
use jeton_domain::value::Value;

use super::user::print_members;
use crate::error::{ApiError, Verdict};
use crate::exchange::Exchange;
use crate::fault::ErrorObject;
use crate::json::Position;
use crate::json::scan::{Scanner, Token};
use crate::json::tree::read_value;
use crate::json::write::JsonWriter;
use crate::respond::Reply;
use crate::suggest::did_you_mean;

/// Searches users.
pub(crate) async fn users(
    exchange: &Exchange<'_>,
    caller: Caller,
    body: &Bytes,
) -> Result<Reply, ApiError> {
    let request = request(exchange, body, "query_user_request_payload")?;
    exchange.query.flag("with_profile_uid")?;
    let found = exchange.rest.authority.query_users(&caller, &request).await;
    let found = found.map_err(|error| exchange.refusal(error))?;
    exchange.reply(Verdict::Done, |json| print(json, "users", &found, print_members))
}

/// Searches roles.
pub(crate) async fn roles(
    exchange: &Exchange<'_>,
    caller: Caller,
    body: &Bytes,
) -> Result<Reply, ApiError> {
    let request = request(exchange, body, "query_role_request_payload")?;
    let found = exchange.rest.authority.query_roles(&caller, &request).await;
    let found = found.map_err(|error| exchange.refusal(error))?;
    exchange.reply(Verdict::Done, |json| {
        print(json, "roles", &found, |json, role| {
            json.name("name");
            json.text(role.name.as_str());
            if let Value::Map(members) = role.to_value() {
                for (name, value) in members.members() {
                    json.name(name);
                    json.value(value);
                }
            }
        });
    })
}

fn request(
    exchange: &Exchange<'_>,
    body: &Bytes,
    parser: &'static str,
) -> Result<SearchRequest, ApiError> {
    let payload = if body.is_empty() { Payload::default() } else { Payload::parse(body, parser)? };
    exchange.settle_parameters()?;
    payload.into_request()
}

fn print<T>(
    json: &mut JsonWriter,
    name: &str,
    found: &Found<T>,
    print_members: impl Fn(&mut JsonWriter, &T),
) {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    json.begin_object();
    json.name("total");
    json.count(count(found.total));
    json.name("count");
    json.count(count(found.hits.len()));
    json.name(name);
    json.begin_array();
    for hit in &found.hits {
        json.begin_object();
        print_members(json, &hit.item);
        if let Some(values) = &hit.sort {
            json.name("_sort");
            json.begin_array();
            for value in values {
                json.value(value);
            }
            json.end_array();
        }
        json.end_object();
    }
    json.end_array();
    json.end_object();
}

/// The members of a body.
#[derive(Debug, Default)]
struct Payload {
    query: Option<Value>,
    from: Option<i32>,
    size: Option<i32>,
    sort: Option<Value>,
    search_after: Option<Value>,
}

impl Payload {
    fn parse(body: &[u8], parser: &'static str) -> Result<Self, ApiError> {
        let mut reading = Reading { scanner: Scanner::new(body), parser };
        let first = reading.scanner.next_token()?;
        if first != Some(Token::StartObject) {
            let found = first.map_or("null", |token| token.kind());
            let at = reading.scanner.position();
            let reason = format!("{at} [{parser}] Expected START_OBJECT but was: {found}");
            return Err(ApiError::x_content(reason));
        }
        let mut payload = Self::default();
        while let Some(Token::Name(name)) = reading.scanner.next_token()? {
            let name_at = reading.scanner.position();
            let first = reading.scanner.next_token()?.unwrap_or(Token::Null);
            let is_structure = matches!(first, Token::StartObject | Token::StartArray);
            match name.as_ref() {
                "query" if first == Token::StartObject => {
                    payload.query = Some(reading.value(first)?);
                }
                "from" => payload.from = Some(reading.integer(&name, &first)?),
                "size" => payload.size = Some(reading.integer(&name, &first)?),
                "sort" if is_structure || matches!(first, Token::Text(_)) => {
                    payload.sort = Some(reading.value(first)?);
                }
                "search_after" if first == Token::StartArray => {
                    payload.search_after = Some(reading.value(first)?);
                }
                known if FIELDS.contains(&known) => return Err(reading.wrong_kind(known, &first)),
                unknown => return Err(reading.unknown(name_at, unknown)),
            }
        }
        Ok(payload)
    }

    /// What is asked for, if its numbers make sense.
    fn into_request(self) -> Result<SearchRequest, ApiError> {
        let ordinary = SearchRequest::default();
        let mut violations = Vec::new();
        let mut number = |name: &str, given: Option<i32>, otherwise: usize| {
            let Some(given) = given else { return otherwise };
            usize::try_from(given).unwrap_or_else(|_| {
                violations.push(format!("[{name}] parameter cannot be negative but was [{given}]"));
                otherwise
            })
        };
        let from = number("from", self.from, ordinary.from);
        let size = number("size", self.size, ordinary.size);
        if self.search_after.is_some() && from > 0 {
            violations
                .push("`from` parameter must be set to 0 when `search_after` is used.".to_owned());
        }
        if !violations.is_empty() {
            return Err(ApiError::action_validation(&violations));
        }
        let Self { query, sort, search_after, .. } = self;
        Ok(SearchRequest { query, from, size, sort, search_after })
    }
}

/// A body being read by the parser of this name.
struct Reading<'b> {
    scanner: Scanner<'b>,
    parser: &'static str,
}

impl Reading<'_> {
    fn value(&mut self, first: Token<'_>) -> Result<Value, ApiError> {
        Ok(read_value(&mut self.scanner, first)?)
    }

    /// A whole number, which may stand in quotes.
    fn integer(&self, name: &str, first: &Token<'_>) -> Result<i32, ApiError> {
        let text = match first {
            Token::Number(text) => text,
            Token::Text(text) => text.as_ref(),
            other => return Err(self.wrong_kind(name, other)),
        };
        text.parse().map_err(|_| {
            let (at, parser) = (self.scanner.position(), self.parser);
            let cause = format!("For input string: \"{text}\"");
            ApiError::x_content(format!("{at} [{parser}] failed to parse field [{name}]"))
                .caused_by(ErrorObject::new("illegal_argument_exception", cause))
        })
    }

    fn wrong_kind(&self, name: &str, first: &Token<'_>) -> ApiError {
        let (at, parser, kind) = (self.scanner.position(), self.parser, first.kind());
        ApiError::x_content(format!(
            "{at} [{parser}] {name} doesn't support values of type: {kind}"
        ))
    }

    fn unknown(&self, at: Position, name: &str) -> ApiError {
        let hint = did_you_mean(name, &FIELDS);
        ApiError::x_content(format!("{at} [{}] unknown field [{name}]{hint}", self.parser))
    }
}

const FIELDS: [&str; 5] = ["query", "from", "size", "sort", "search_after"];
