//! The script object that holds the source of a template.

use alloc::borrow::ToOwned;
use alloc::string::String;

use super::json::JsonText;
use super::model::MappedUser;
use super::mustache::{Escaping, Mustache};
use super::refusal::{FormRefusal, TemplateFailure, TemplateRefusal};
use super::render::Steps;
use crate::role::refusal::Token;
use crate::value::{Map, Value};

/// A template with what it says itself about its variables.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Script {
    mustache: Mustache,
    escaping: Escaping,
    params: Map,
}

impl Script {
    /// Reads a script object.
    pub(super) fn from_map(script: &Map, json: &JsonText) -> Result<Self, TemplateRefusal> {
        let (mut source, mut id, mut params) = (None, None, Map::new());
        let mut escaping = Escaping::default();
        for (field, value) in script.members() {
            match field {
                "source" => source = Some(source_of(value, json)?),
                "id" => id = Some(text("id", value)?),
                "lang" => check_language(text("lang", value)?)?,
                "params" => params = object("params", value)?.clone(),
                "options" => escaping = escaping_of(object("options", value)?)?,
                _ => {
                    let field = field.to_owned();
                    return Err(FormRefusal::UnknownField { parser: PARSER, field }.into());
                }
            }
        }
        match (source, id) {
            (Some(source), None) => {
                Ok(Self { mustache: Mustache::compile(&source)?, escaping, params })
            }
            (None, Some(id)) => Err(TemplateRefusal::Stored(id.to_owned())),
            (Some(_), Some(_)) | (None, None) => Err(TemplateRefusal::NoSource),
        }
    }

    /// The text for the user; without one, only the parameters are known.
    ///
    /// What is known of the user wins over parameters.
    pub(super) fn render(
        &self,
        user: Option<&MappedUser>,
        json: &JsonText,
        steps: &Steps,
    ) -> Result<String, TemplateFailure> {
        let params = self.params.clone();
        let variables = match user {
            Some(user) => user.over(params),
            None => params,
        };
        self.mustache.render(&Value::Map(variables), self.escaping, json, steps)
    }
}

/// The source, which may be written as an object instead of its text.
fn source_of(value: &Value, json: &JsonText) -> Result<String, FormRefusal> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        Value::Map(_) => Ok((json.print)(value)),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) => {
            Err(wrong_kind("source", value))
        }
    }
}

fn check_language(language: &str) -> Result<(), TemplateRefusal> {
    if language == "mustache" {
        Ok(())
    } else {
        Err(TemplateRefusal::Language(language.to_owned()))
    }
}

fn escaping_of(options: &Map) -> Result<Escaping, TemplateRefusal> {
    let mut escaping = Escaping::default();
    for (option, value) in options.members() {
        let refused = || TemplateRefusal::Options(option.to_owned());
        let Value::Text(media) = value else {
            return Err(refused());
        };
        if option != "content_type" {
            return Err(refused());
        }
        escaping = Escaping::of_media_type(media).ok_or_else(refused)?;
    }
    Ok(escaping)
}

fn text<'a>(field: &'static str, value: &'a Value) -> Result<&'a str, FormRefusal> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::List(_)
        | Value::Map(_) => Err(wrong_kind(field, value)),
    }
}

fn object<'a>(field: &'static str, value: &'a Value) -> Result<&'a Map, FormRefusal> {
    match value {
        Value::Map(map) => Ok(map),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::List(_) => Err(wrong_kind(field, value)),
    }
}

fn wrong_kind(field: &'static str, value: &Value) -> FormRefusal {
    FormRefusal::WrongKind { parser: PARSER, field, found: Token::of(value) }
}

/// What errors call the reader of scripts.
const PARSER: &str = "script";
