//! Settings of security: show and change; and its statistics.
//!
//! Owns the form of the body, nested or dotted. Must not know which settings there are.

use bytes::Bytes;
use jeton_authority::Caller;
use jeton_authority::settings::Asked;
use jeton_domain::limits::SETTING_NAMES_BYTES_MAX;
use jeton_domain::privilege::action;
use jeton_domain::settings::{Place, PlaceSettings, Setting};
use jeton_domain::value::{Map, Value};

use super::required;
use crate::error::{ApiError, Verdict};
use crate::exchange::Exchange;
use crate::json::scan::{Scanner, Token};
use crate::json::tree::read_members;
use crate::json::write::{JsonWriter, Layout};
use crate::respond::Reply;
use crate::suggest::did_you_mean;

/// Shows the settings of every place.
pub(crate) async fn show(exchange: &Exchange<'_>, caller: Caller) -> Result<Reply, ApiError> {
    exchange.query.time("master_timeout")?;
    let settings = exchange.rest.authority.settings(&caller).await;
    let settings = settings.map_err(|error| exchange.refusal(error))?;
    exchange.reply(Verdict::Done, |json| print(json, &settings))
}

/// Changes settings.
pub(crate) async fn change(
    exchange: &Exchange<'_>,
    caller: Caller,
    body: &Bytes,
) -> Result<Reply, ApiError> {
    let asked = parse(required(body)?)?;
    exchange.settle_parameters()?;
    exchange.query.time("master_timeout")?;
    exchange.query.time("timeout")?;
    let changed = exchange.rest.authority.change_settings(caller, &asked).await;
    changed.map_err(|error| exchange.refusal(error))?;
    exchange.reply(Verdict::Done, |json| {
        json.begin_object();
        json.name("acknowledged");
        json.bool(true);
        json.end_object();
    })
}

/// Shows statistics of roles: there are no documents, and so no sets of them to cache. What is our
/// own stands apart.
pub(crate) async fn show_statistics(
    exchange: &Exchange<'_>,
    caller: Caller,
) -> Result<Reply, ApiError> {
    exchange.authorize(&caller, action::READ_SECURITY_STATS).await?;
    exchange.reply(Verdict::Done, |json| {
        let path = ["nodes", &exchange.rest.settings.names.cluster_uuid, "roles", "dls"];
        json.begin_object();
        for name in path.into_iter().chain(["bit_set_cache"]) {
            json.name(name);
            json.begin_object();
        }
        json.name("count");
        json.count(0);
        json.name("memory");
        json.text("0b");
        for name in NO_SETS {
            json.name(name);
            json.count(0);
        }
        for _ in ["bit_set_cache", "dls", "roles"] {
            json.end_object();
        }
        json.name("jeton");
        json.begin_object();
        json.name("engine_reads");
        json.count(exchange.rest.authority.engine_reads());
        json.end_object();
        for _ in ["the node", "nodes", "everything"] {
            json.end_object();
        }
    })
}

fn print(json: &mut JsonWriter, settings: &[(Place, PlaceSettings)]) {
    json.begin_object();
    for (place, settings) in settings {
        json.name(place.name());
        json.begin_object();
        json.name("index");
        json.begin_object();
        for setting in Setting::ALL {
            json.name(setting.name().trim_start_matches("index."));
            json.text(settings.value(setting));
        }
        json.end_object();
        json.end_object();
    }
    json.end_object();
}

/// Reads the body of a change.
fn parse(body: &[u8]) -> Result<Vec<Asked>, ApiError> {
    let mut scanner = Scanner::new(body);
    let first = scanner.next_token()?;
    if first != Some(Token::StartObject) {
        let found = first.map_or("null", |token| token.kind());
        let at = scanner.position();
        let reason = format!("{at} [{PARSER}] Expected START_OBJECT but was: {found}");
        return Err(ApiError::x_content(reason));
    }
    let (mut asked, mut room) = (Vec::new(), SETTING_NAMES_BYTES_MAX);
    while let Some(Token::Name(name)) = scanner.next_token()? {
        let at = scanner.position();
        let Some(place) = Place::ALL.into_iter().find(|place| place.name() == name) else {
            let hint = did_you_mean(&name, &Place::ALL.map(Place::name));
            let reason = format!("{at} [{PARSER}] unknown field [{name}]{hint}");
            return Err(ApiError::x_content(reason));
        };
        match scanner.next_token()?.unwrap_or(Token::Null) {
            Token::StartObject => {
                let mut settings = Vec::new();
                flatten(&mut settings, None, &read_members(&mut scanner)?, &mut room)?;
                asked.push((place, settings));
            }
            other => {
                let (at, kind) = (scanner.position(), other.kind());
                let reason =
                    format!("{at} [{PARSER}] {name} doesn't support values of type: {kind}");
                return Err(ApiError::x_content(reason));
            }
        }
    }
    Ok(asked)
}

/// Names each value by the way to it. Of a setting that is named twice the last value counts.
///
/// `room` is what is left for names, those of ways included.
fn flatten(
    settings: &mut Vec<(String, Option<String>)>,
    way: Option<&str>,
    map: &Map,
    room: &mut usize,
) -> Result<(), ApiError> {
    for (name, value) in map.members() {
        let bytes = name.len().saturating_add(way.map_or(0, str::len)).saturating_add(1);
        *room = room.checked_sub(bytes).ok_or_else(|| {
            ApiError::illegal_argument(format!(
                "the names of the settings take more than [{SETTING_NAMES_BYTES_MAX}] bytes"
            ))
        })?;
        let name = way.map_or_else(|| name.to_owned(), |way| format!("{way}.{name}"));
        let text = match value {
            Value::Map(inner) => {
                flatten(settings, Some(&name), inner, room)?;
                continue;
            }
            Value::Null => None,
            Value::Text(text) => Some(text.clone()),
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) => {
                Some(printed(value))
            }
        };
        settings.push((name, text));
    }
    Ok(())
}

fn printed(value: &Value) -> String {
    let mut json = JsonWriter::new(Layout::Compact);
    json.value(value);
    String::from_utf8_lossy(&json.finish()).into_owned()
}

/// The name of the parser in messages.
const PARSER: &str = "update_security_settings_request";

const NO_SETS: [&str; 6] = [
    "memory_in_bytes",
    "hits",
    "misses",
    "evictions",
    "hits_time_in_millis",
    "misses_time_in_millis",
];
