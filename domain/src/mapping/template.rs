//! Templates of role names: roles that follow from what is known of a user.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::json::JsonText;
use super::model::MappedUser;
use super::refusal::{FormRefusal, TemplateFailure, TemplateRefusal};
use super::render::Steps;
use super::script::Script;
use crate::name::RoleName;
use crate::role::refusal::Token;
use crate::value::{Map, Value};

/// A template of role names.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleTemplate {
    /// The script as JSON text.
    text: String,
    format: TemplateFormat,
    script: Script,
}

/// What the text that a template renders means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TemplateFormat {
    /// It is JSON: one role name or a list of them.
    Json,
    /// It is one role name.
    #[default]
    Text,
}

impl TemplateFormat {
    /// Its word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "string",
        }
    }
}

impl RoleTemplate {
    /// Reads a template, and renders it without a user to see that it can be.
    pub(super) fn from_map(
        map: &Map,
        json: &JsonText,
        steps: &Steps,
    ) -> Result<Self, TemplateRefusal> {
        let (mut template, mut format) = (None, TemplateFormat::default());
        for (field, value) in map.members() {
            match field {
                "template" => template = Some(value),
                "format" => format = format_of(value)?,
                _ => {
                    let field = field.to_owned();
                    return Err(FormRefusal::UnknownField { parser: PARSER, field }.into());
                }
            }
        }
        let template = template.ok_or(FormRefusal::Missing("template"))?;
        let (text, script) = match template {
            Value::Text(text) => (text.clone(), (json.read)(text)),
            Value::Map(_) => ((json.print)(template), Some(template.clone())),
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) => {
                return Err(wrong_kind("template", template).into());
            }
        };
        let Some(Value::Map(script)) = script else {
            return Err(TemplateRefusal::NotJson);
        };
        let script = Script::from_map(&script, json)?;
        script.render(None, json, steps)?;
        Ok(Self { text, format, script })
    }

    /// What the rendered text means.
    pub const fn format(&self) -> TemplateFormat {
        self.format
    }

    /// The value that reads back as this template: its script as JSON text, and its format.
    pub fn to_value(&self) -> Value {
        Value::Map(Map::from_iter([
            ("template".to_owned(), Value::Text(self.text.clone())),
            ("format".to_owned(), Value::Text(self.format.word().to_owned())),
        ]))
    }

    /// The roles that it gives the user.
    pub fn roles_of(
        &self,
        user: &MappedUser,
        json: &JsonText,
    ) -> Result<Vec<RoleName>, TemplateFailure> {
        self.roles_within(user, json, &Steps::default())
    }

    /// The roles that it gives the user, unless that takes more steps.
    pub(super) fn roles_within(
        &self,
        user: &MappedUser,
        json: &JsonText,
        steps: &Steps,
    ) -> Result<Vec<RoleName>, TemplateFailure> {
        let text = self.script.render(Some(user), json, steps)?;
        match self.format {
            TemplateFormat::Text => Ok(alloc::vec![RoleName::new(&text)]),
            TemplateFormat::Json => match (json.read)(&text).ok_or(TemplateFailure::NotJson)? {
                Value::Text(role) => Ok(alloc::vec![RoleName::new(&role)]),
                Value::List(roles) => roles_in(&roles),
                other @ (Value::Null
                | Value::Bool(_)
                | Value::Integer(_)
                | Value::Float(_)
                | Value::Map(_)) => Err(TemplateFailure::NotRoles(Token::of(&other))),
            },
        }
    }
}

/// The texts of the list, of which nulls are left out.
fn roles_in(list: &[Value]) -> Result<Vec<RoleName>, TemplateFailure> {
    let mut roles = Vec::with_capacity(list.len());
    for item in list {
        match item {
            Value::Null => {}
            Value::Text(role) => roles.push(RoleName::new(role)),
            Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::List(_)
            | Value::Map(_) => return Err(TemplateFailure::NotARole(Token::of(item))),
        }
    }
    Ok(roles)
}

fn format_of(value: &Value) -> Result<TemplateFormat, FormRefusal> {
    let Value::Text(word) = value else {
        return Err(wrong_kind("format", value));
    };
    [TemplateFormat::Json, TemplateFormat::Text]
        .into_iter()
        .find(|format| word.eq_ignore_ascii_case(format.word()))
        .ok_or_else(|| FormRefusal::Format(word.clone()))
}

fn wrong_kind(field: &'static str, value: &Value) -> FormRefusal {
    FormRefusal::WrongKind { parser: PARSER, field, found: Token::of(value) }
}

/// What errors call the reader of templates.
const PARSER: &str = "role-mapping-template";
