//! Mustache, as far as role templates use it.
//!
//! Owns the form of a template once it is read. `mustache_parse` reads it, `render` renders it.
//! Partials and inheritance are refused: there is nothing to include.

use alloc::string::String;
use alloc::vec::Vec;

use super::json::JsonText;
use super::refusal::{MustacheRefusal, TemplateFailure};
use super::render::Steps;
use super::{mustache_parse, render};
use crate::value::Value;

/// A template, ready to render.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mustache {
    nodes: Vec<Node>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Text as it stands.
    Text(String),
    /// The value of a variable, escaped.
    Escaped(String),
    /// The value of a variable as it is.
    Raw(String),
    /// Parts for each item, or once with the value in front of all others.
    Section { name: String, nodes: Vec<Self> },
    /// Parts for a value that is missing, false or empty.
    Inverted { name: String, nodes: Vec<Self> },
    /// A list or an object as JSON.
    ToJson { name: String },
    /// The items of a list, one behind the other.
    Join { name: String, delimiter: String },
    /// Parts that are encoded for URLs once they are rendered.
    Url { nodes: Vec<Self> },
}

/// How the values of variables are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Escaping {
    /// As between the quotation marks of JSON.
    #[default]
    Json,
    /// Not at all.
    Plain,
    /// As in URLs.
    Url,
}

impl Escaping {
    /// The one for texts of this media type.
    pub(super) fn of_media_type(media: &str) -> Option<Self> {
        match media {
            "application/json"
            | "application/json;charset=utf-8"
            | "application/json; charset=UTF-8" => Some(Self::Json),
            "text/plain" => Some(Self::Plain),
            "application/x-www-form-urlencoded" => Some(Self::Url),
            _ => None,
        }
    }
}

impl Mustache {
    /// Reads a template.
    pub(super) fn compile(source: &str) -> Result<Self, MustacheRefusal> {
        mustache_parse::parse(source).map(|nodes| Self { nodes })
    }

    /// The text of the template, in which `variables` are named.
    pub(super) fn render(
        &self,
        variables: &Value,
        escaping: Escaping,
        json: &JsonText,
        steps: &Steps,
    ) -> Result<String, TemplateFailure> {
        render::render(&self.nodes, variables, escaping, json, steps)
    }
}
