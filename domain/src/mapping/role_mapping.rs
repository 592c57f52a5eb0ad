//! Role mappings: roles for all users who fit a rule.
//!
//! Owns their form, in which they come in, are kept and go out. Must not know who may change them.

use alloc::borrow::ToOwned;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::json::JsonText;
use super::model::MappedUser;
use super::refusal::{FormRefusal, MappingFailure, MappingRefusal, MappingViolation};
use super::render::Steps;
use super::rule::Rule;
use super::template::RoleTemplate;
use crate::limits::{NAME_CHARS_MAX, ROLE_TEMPLATES_MAX};
use crate::name::{MappingName, RoleName, check_referenced};
use crate::role::refusal::Token;
use crate::role::validation::RoleViolation;
use crate::value::{Map, Value};

/// Roles for all users who fit a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleMapping {
    /// The name, which only identifies it.
    pub name: MappingName,
    /// Whether it gives its roles at all.
    pub enabled: bool,
    /// The roles; none if there are templates.
    pub roles: Vec<RoleName>,
    /// Templates of roles; none if there are roles.
    pub templates: Vec<RoleTemplate>,
    /// The users for whom it is.
    pub rules: Rule,
    /// Whatever else is known.
    pub metadata: Map,
}

impl RoleMapping {
    /// Reads a mapping that a client wants to store, or what [`Self::to_value`] printed.
    pub fn from_request(
        name: &MappingName,
        value: &Value,
        json: &JsonText,
    ) -> Result<Self, MappingRefusal> {
        let mapping = Members::read(name, value, json)?.into_mapping(name)?;
        let violations = mapping.violations();
        if violations.is_empty() { Ok(mapping) } else { Err(MappingRefusal::Invalid(violations)) }
    }

    /// The tree of plain values, with its members in the order of answers.
    ///
    /// The name is not part of it.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.set("enabled".to_owned(), Value::Bool(self.enabled));
        if !self.roles.is_empty() {
            let roles = self.roles.iter().map(|role| Value::Text(role.to_string())).collect();
            map.set("roles".to_owned(), Value::List(roles));
        }
        if !self.templates.is_empty() {
            let templates = self.templates.iter().map(RoleTemplate::to_value).collect();
            map.set("role_templates".to_owned(), Value::List(templates));
        }
        map.set("rules".to_owned(), self.rules.to_value());
        map.set("metadata".to_owned(), Value::Map(self.metadata.clone()));
        Value::Map(map)
    }

    /// The roles that it gives the user: none if it is not enabled or the user does not fit.
    ///
    /// One name can occur several times.
    pub fn roles_of(
        &self,
        user: &MappedUser,
        json: &JsonText,
    ) -> Result<Vec<RoleName>, MappingFailure> {
        if !self.enabled || !self.rules.fits(user)? {
            return Ok(Vec::new());
        }
        let (mut roles, steps) = (self.roles.clone(), Steps::default());
        for template in &self.templates {
            roles.extend(template.roles_within(user, json, &steps)?);
        }
        Ok(roles)
    }

    fn violations(&self) -> Vec<MappingViolation> {
        let mut violations = Vec::new();
        if self.name.as_str().is_empty() {
            violations.push(MappingViolation::Name);
        }
        match (self.roles.is_empty(), self.templates.is_empty()) {
            (true, true) => violations.push(MappingViolation::NoRoles),
            (false, false) => violations.push(MappingViolation::BothRoles),
            (true, false) | (false, true) => {}
        }
        if self.templates.len() > ROLE_TEMPLATES_MAX {
            violations.push(MappingViolation::TooManyTemplates);
        }
        if self.roles.iter().any(|role| check_referenced(role.as_str()).is_err()) {
            let max = NAME_CHARS_MAX;
            violations.push(MappingViolation::Role(RoleViolation::Name { max }));
        }
        if self.metadata.members().any(|(key, _)| key.starts_with('_')) {
            violations.push(MappingViolation::Metadata);
        }
        violations
    }
}

/// What is read of a mapping before it is known whether all is there.
#[derive(Default)]
struct Members {
    enabled: Option<bool>,
    roles: Option<Vec<RoleName>>,
    templates: Option<Vec<RoleTemplate>>,
    rules: Option<Rule>,
    metadata: Map,
}

impl Members {
    fn read(name: &MappingName, value: &Value, json: &JsonText) -> Result<Self, MappingRefusal> {
        let Value::Map(map) = value else {
            let found = Token::of(value);
            return Err(FormRefusal::NotAnObject { parser: PARSER, found }.into());
        };
        let mut members = Self::default();
        for (field, value) in map.members() {
            match field {
                "enabled" => members.enabled = Some(enabled(value)?),
                "roles" => members.roles = Some(roles(value)?),
                "role_templates" => members.templates = Some(templates(value, json)?),
                "rules" => members.rules = Some(Rule::from_value(name.as_str(), value)?),
                "metadata" => members.metadata = metadata(value)?,
                _ => {
                    let field = field.to_owned();
                    return Err(FormRefusal::UnknownField { parser: PARSER, field }.into());
                }
            }
        }
        Ok(members)
    }

    fn into_mapping(self, name: &MappingName) -> Result<RoleMapping, MappingRefusal> {
        let missing = |field| MappingRefusal::MissingField { mapping: name.to_string(), field };
        if self.roles.is_none() && self.templates.is_none() {
            return Err(missing("roles"));
        }
        Ok(RoleMapping {
            name: name.clone(),
            rules: self.rules.ok_or_else(|| missing("rules"))?,
            enabled: self.enabled.ok_or_else(|| missing("enabled"))?,
            roles: self.roles.unwrap_or_default(),
            templates: self.templates.unwrap_or_default(),
            metadata: self.metadata,
        })
    }
}

/// Reads a truth value, which may also be written as text.
fn enabled(value: &Value) -> Result<bool, FormRefusal> {
    match value {
        Value::Bool(is_enabled) => Ok(*is_enabled),
        Value::Text(text) => text.parse().map_err(|_| FormRefusal::NotABoolean(text.clone())),
        Value::Null | Value::Integer(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {
            Err(wrong_kind("enabled", value))
        }
    }
}

/// Reads names of roles; a single one may stand without a list.
fn roles(value: &Value) -> Result<Vec<RoleName>, FormRefusal> {
    let role = |value: &Value| match value {
        Value::Text(text) => Ok(RoleName::new(text)),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::List(_)
        | Value::Map(_) => Err(wrong_kind("roles", value)),
    };
    match value {
        Value::List(items) => items.iter().map(role).collect(),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Map(_) => Ok(alloc::vec![role(value)?]),
    }
}

/// Reads templates; a single one may stand without a list.
fn templates(value: &Value, json: &JsonText) -> Result<Vec<RoleTemplate>, MappingRefusal> {
    let steps = Steps::default();
    let template = |value: &Value| match value {
        Value::Map(map) => Ok(RoleTemplate::from_map(map, json, &steps)?),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::List(_) => Err(wrong_kind("role_templates", value).into()),
    };
    match value {
        Value::List(items) => items.iter().map(template).collect(),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Map(_) => Ok(alloc::vec![template(value)?]),
    }
}

fn metadata(value: &Value) -> Result<Map, FormRefusal> {
    match value {
        Value::Map(map) => Ok(map.clone()),
        Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::List(_) => Err(wrong_kind("metadata", value)),
    }
}

fn wrong_kind(field: &'static str, value: &Value) -> FormRefusal {
    FormRefusal::WrongKind { parser: PARSER, field, found: Token::of(value) }
}

/// What errors call the reader of mappings.
const PARSER: &str = "role-mapping";
