//! Renders Mustache templates.
//!
//! Owns what names mean and how values look. The text and the steps to it are bounded.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::Cell;

use super::json::JsonText;
use super::mustache::{Escaping, Node};
use super::refusal::TemplateFailure;
use crate::limits::{TEMPLATE_STEPS_MAX, TEMPLATE_TEXT_BYTES_MAX};
use crate::value::Value;

/// The text of the parts.
pub(super) fn render(
    nodes: &[Node],
    variables: &Value,
    escaping: Escaping,
    json: &JsonText,
    steps: &Steps,
) -> Result<String, TemplateFailure> {
    let mut rendering =
        Rendering { scopes: alloc::vec![variables], text: String::new(), steps, escaping, json };
    rendering.nodes(nodes)?;
    Ok(rendering.text)
}

struct Rendering<'a> {
    /// Where names are looked for, the last first.
    scopes: Vec<&'a Value>,
    text: String,
    steps: &'a Steps,
    escaping: Escaping,
    json: &'a JsonText,
}

/// How many more steps may be taken. Whoever takes the last one hears of it at the next part.
#[derive(Debug)]
pub(super) struct Steps(Cell<usize>);

impl Default for Steps {
    /// All that the templates of one mapping may take.
    fn default() -> Self {
        Self(Cell::new(TEMPLATE_STEPS_MAX))
    }
}

impl Steps {
    fn take(&self, count: usize) {
        self.0.set(self.0.get().saturating_sub(count));
    }

    /// Takes the steps of looking at items, members or characters, each of which is little work.
    fn take_glances(&self, count: usize) {
        self.take(count.div_ceil(GLANCES_IN_A_STEP));
    }

    fn are_spent(&self) -> bool {
        self.0.get() == 0
    }
}

/// What a name stands for.
enum Found<'a> {
    Value(&'a Value),
    /// How many items a list has.
    Count(usize),
}

impl<'a> Rendering<'a> {
    fn nodes(&mut self, nodes: &[Node]) -> Result<(), TemplateFailure> {
        nodes.iter().try_for_each(|node| self.node(node))
    }

    fn node(&mut self, node: &Node) -> Result<(), TemplateFailure> {
        self.step()?;
        match node {
            Node::Text(text) => self.write(text),
            Node::Raw(name) => self.write(&self.shown(name)),
            Node::Escaped(name) => self.write(&self.escape(&self.shown(name))),
            Node::Section { name, nodes } => self.section(name, nodes),
            Node::Inverted { name, nodes } if self.is_empty(name) => self.nodes(nodes),
            Node::Inverted { .. } => Ok(()),
            Node::ToJson { name } => match self.find(name) {
                Some(Found::Value(value @ (Value::List(_) | Value::Map(_)))) => {
                    self.write(&(self.json.print)(value))
                }
                Some(Found::Value(_) | Found::Count(_)) | None => self.write(&self.shown(name)),
            },
            Node::Join { name, delimiter } => match self.find(name) {
                Some(Found::Value(Value::List(items))) => self.join(items, delimiter),
                Some(Found::Value(_) | Found::Count(_)) | None => self.write(&self.shown(name)),
            },
            Node::Url { nodes } => self.url(nodes),
        }
    }

    fn section(&mut self, name: &str, nodes: &[Node]) -> Result<(), TemplateFailure> {
        if self.is_empty(name) {
            return Ok(());
        }
        match self.find(name) {
            Some(Found::Value(Value::List(items))) => {
                items.iter().try_for_each(|item| self.within(item, nodes))
            }
            Some(Found::Value(value)) => self.within(value, nodes),
            Some(Found::Count(_)) | None => self.nodes(nodes),
        }
    }

    fn step(&self) -> Result<(), TemplateFailure> {
        self.steps.take(1);
        if self.steps.are_spent() { Err(TemplateFailure::TooManySteps) } else { Ok(()) }
    }

    fn within(&mut self, value: &'a Value, nodes: &[Node]) -> Result<(), TemplateFailure> {
        self.step()?;
        self.scopes.push(value);
        let rendered = self.nodes(nodes);
        self.scopes.pop();
        rendered
    }

    fn join(&mut self, items: &[Value], delimiter: &str) -> Result<(), TemplateFailure> {
        self.steps.take_glances(items.len());
        for (place, item) in items.iter().enumerate() {
            if place > 0 {
                self.write(delimiter)?;
            }
            self.write(&self.text_of(item))?;
        }
        Ok(())
    }

    fn url(&mut self, nodes: &[Node]) -> Result<(), TemplateFailure> {
        let before = core::mem::take(&mut self.text);
        let rendered = self.nodes(nodes);
        let inner = core::mem::replace(&mut self.text, before);
        rendered?;
        self.write(&url_encoded(&inner))
    }

    fn write(&mut self, text: &str) -> Result<(), TemplateFailure> {
        if self.text.len().saturating_add(text.len()) > TEMPLATE_TEXT_BYTES_MAX {
            return Err(TemplateFailure::TooLong);
        }
        self.text.push_str(text);
        Ok(())
    }

    /// The text of what the name stands for; a missing value has none.
    fn shown(&self, name: &str) -> String {
        match self.find(name) {
            Some(Found::Value(value)) => self.text_of(value),
            Some(Found::Count(count)) => count.to_string(),
            None => String::new(),
        }
    }

    /// Whether a section of the name is left out.
    fn is_empty(&self, name: &str) -> bool {
        match self.find(name) {
            None | Some(Found::Value(Value::Null | Value::Bool(false))) => true,
            Some(Found::Value(Value::Text(text))) => text.is_empty(),
            Some(Found::Value(Value::List(items))) => items.is_empty(),
            Some(
                Found::Count(_)
                | Found::Value(
                    Value::Bool(true) | Value::Integer(_) | Value::Float(_) | Value::Map(_),
                ),
            ) => false,
        }
    }

    fn find(&self, name: &str) -> Option<Found<'a>> {
        if name == "." {
            return self.scopes.last().map(|value| Found::Value(value));
        }
        self.scopes.iter().rev().find_map(|scope| member(scope, name, self.steps))
    }

    /// A value as text: a text as it is, lists and objects in the manner of Java.
    fn text_of(&self, value: &Value) -> String {
        match value {
            Value::Null => String::new(),
            Value::Text(text) => text.clone(),
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) => (self.json.print)(value),
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(|item| self.text_of(item)).collect();
                alloc::format!("[{}]", items.join(", "))
            }
            Value::Map(map) => {
                let member = |(name, value): (&str, &Value)| {
                    alloc::format!("{name}={}", self.text_of(value))
                };
                let members: Vec<String> = map.members().map(member).collect();
                alloc::format!("{{{}}}", members.join(", "))
            }
        }
    }

    fn escape(&self, text: &str) -> String {
        match self.escaping {
            Escaping::Plain => text.to_owned(),
            Escaping::Url => url_encoded(text),
            Escaping::Json => {
                let quoted = (self.json.print)(&Value::Text(text.to_owned()));
                let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                inner.unwrap_or_default().to_owned()
            }
        }
    }
}

/// What a name stands for within a value: dots part the names of members and the places of items,
/// and may also belong to the name of a member.
fn member<'a>(value: &'a Value, name: &str, steps: &Steps) -> Option<Found<'a>> {
    let (mut value, mut name) = (value, name);
    loop {
        let whole = match value {
            Value::Map(map) => {
                steps.take_glances(map.len().saturating_add(name.len()));
                map.value(name).map(Found::Value)
            }
            Value::List(items) if name == "size" => Some(Found::Count(items.len())),
            Value::List(items) => {
                steps.take_glances(name.len());
                item(items, name).map(Found::Value)
            }
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) => {
                return None;
            }
        };
        if whole.is_some() {
            return whole;
        }
        let (first, rest) = name.split_once('.')?;
        value = match value {
            Value::Map(map) => map.value(first)?,
            Value::List(items) => item(items, first)?,
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) => {
                return None;
            }
        };
        name = rest;
    }
}

fn item<'a>(items: &'a [Value], place: &str) -> Option<&'a Value> {
    items.get(place.parse::<usize>().ok()?)
}

/// The text as forms are encoded: a blank as a plus sign.
fn url_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'*' | b'-' | b'.' | b'_' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => {
                let digits =
                    [byte >> 4, byte & 0x0f].map(|digit| char::from_digit(digit.into(), 16));
                encoded.push('%');
                encoded.extend(digits.iter().flatten().map(char::to_ascii_uppercase));
            }
        }
    }
    encoded
}

/// Items, members or characters that are looked at in one step.
const GLANCES_IN_A_STEP: usize = 64;
