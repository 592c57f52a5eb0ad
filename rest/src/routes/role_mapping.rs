//! Role mappings: put, show, delete.
//!
//! Owns nothing of what a mapping may say: its form is the domain's. This file carries it between
//! the wire and the verbs, and says where in the body something is wrong.

use bytes::Bytes;
use jeton_authority::Caller;
use jeton_authority::users::Existence;
use jeton_domain::mapping::refusal::{FormRefusal, MappingRefusal, TemplateRefusal};
use jeton_domain::mapping::role_mapping::RoleMapping;
use jeton_domain::name::MappingName;
use jeton_domain::value::{Map, Value};

use super::required;
use crate::error::{ApiError, Verdict};
use crate::exchange::Exchange;
use crate::json::Position;
use crate::json::scan::{Scanner, Token};
use crate::json::text::JSON;
use crate::json::tree::read_value;
use crate::respond::Reply;
use crate::suggest::did_you_mean;

/// Creates or replaces a role mapping.
pub(crate) async fn put(
    exchange: &Exchange<'_>,
    caller: Caller,
    body: &Bytes,
) -> Result<Reply, ApiError> {
    let name = MappingName::new(exchange.segment("name"));
    let mapping = parse(required(body)?, &name)?;
    exchange.settle_parameters()?;
    let existence = exchange.rest.authority.put_role_mapping(caller, mapping).await;
    let existence = existence.map_err(|error| exchange.refusal(error))?;
    exchange.reply(Verdict::Done, |json| {
        json.begin_object();
        json.name("role_mapping");
        json.begin_object();
        json.name("created");
        json.bool(existence == Existence::New);
        json.end_object();
        json.end_object();
    })
}

/// Shows the role mappings named, or all.
pub(crate) async fn show(exchange: &Exchange<'_>, caller: Caller) -> Result<Reply, ApiError> {
    let names = exchange.names("name");
    let mappings = exchange.rest.authority.role_mappings(&caller, names.as_deref()).await;
    let mappings = mappings.map_err(|error| exchange.refusal(error))?;
    let is_missing = mappings.is_empty() && names.is_some();
    let verdict = if is_missing { Verdict::Missing } else { Verdict::Done };
    exchange.reply(verdict, |json| {
        json.begin_object();
        for mapping in &mappings {
            json.name(mapping.name.as_str());
            json.value(&mapping.value);
        }
        json.end_object();
    })
}

/// Deletes a role mapping.
pub(crate) async fn delete(exchange: &Exchange<'_>, caller: Caller) -> Result<Reply, ApiError> {
    let name = exchange.segment("name");
    let existence = exchange.rest.authority.delete_role_mapping(caller, name).await;
    exchange.deleted(existence.map_err(|error| exchange.refusal(error))?)
}

/// Reads the body of a put.
fn parse(body: &[u8], name: &MappingName) -> Result<RoleMapping, ApiError> {
    let mut scanner = Scanner::new(body);
    let mut read = Members::default();
    match scanner.next_token()? {
        Some(Token::StartObject) => read.take_all(&mut scanner)?,
        other => {
            let found = other.map_or("null", |token| token.kind());
            let at = scanner.position();
            let text = format!("{at} [{PARSER}] Expected START_OBJECT but was: {found}");
            return Err(ApiError::x_content(text));
        }
    }
    let Members { members, places } = read;
    RoleMapping::from_request(name, &Value::Map(members), &JSON)
        .map_err(|refusal| refused(refusal, &places))
}

/// The members of the body, and where the value of each begins.
#[derive(Default)]
struct Members {
    members: Map,
    places: Vec<(&'static str, Position)>,
}

impl Members {
    fn take_all(&mut self, scanner: &mut Scanner<'_>) -> Result<(), ApiError> {
        while let Some(Token::Name(name)) = scanner.next_token()? {
            let at = scanner.position();
            let Some(field) = FIELDS.iter().copied().find(|field| *field == name) else {
                let hint = did_you_mean(&name, &FIELDS);
                let text = format!("{at} [{PARSER}] unknown field [{name}]{hint}");
                return Err(ApiError::x_content(text));
            };
            let first = scanner.next_token()?.unwrap_or(Token::Null);
            self.places.push((field, scanner.position()));
            self.members.set(field.to_owned(), read_value(scanner, first)?);
        }
        Ok(())
    }
}

fn refused(refusal: MappingRefusal, places: &[(&'static str, Position)]) -> ApiError {
    let text = refusal.to_string();
    match refusal {
        MappingRefusal::MissingField { .. } => ApiError::parsing(text),
        MappingRefusal::Rules(_) => ApiError::parse(text),
        MappingRefusal::Form(form) => {
            let field = match form {
                FormRefusal::WrongKind { field, .. } => field,
                FormRefusal::NotABoolean(_) => ENABLED,
                FormRefusal::NotAnObject { .. }
                | FormRefusal::UnknownField { .. }
                | FormRefusal::Missing(_)
                | FormRefusal::Format(_) => TEMPLATES,
            };
            misshapen(field, &text, places)
        }
        MappingRefusal::Template(TemplateRefusal::Form(_) | TemplateRefusal::NotJson) => {
            misshapen(TEMPLATES, &text, places)
        }
        MappingRefusal::Template(
            TemplateRefusal::NoSource
            | TemplateRefusal::Stored(_)
            | TemplateRefusal::Language(_)
            | TemplateRefusal::Options(_)
            | TemplateRefusal::Source(_)
            | TemplateRefusal::Failure(_),
        ) => ApiError::illegal_argument(text),
        MappingRefusal::Invalid(violations) => {
            let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
            ApiError::action_validation(&texts)
        }
    }
}

/// A member that has not the form of one, at the beginning of its value.
fn misshapen(field: &str, text: &str, places: &[(&'static str, Position)]) -> ApiError {
    let place = places.iter().find(|(known, _)| *known == field);
    ApiError::x_content(place.map_or_else(|| text.to_owned(), |(_, at)| format!("{at} {text}")))
}

/// What errors call the reader of mappings.
const PARSER: &str = "role-mapping";
const ENABLED: &str = "enabled";
const TEMPLATES: &str = "role_templates";
const FIELDS: [&str; 5] = ["roles", TEMPLATES, "rules", "metadata", ENABLED];
