//! Documents: what queries look at, as terms.
//!
//! Owns how a field's values become terms. Must not know where documents come from.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::analysis;
use super::schema::{FieldKind, FieldRef, Schema};
use crate::limits::{INDEXED_BYTES_MAX, INDEXED_TERM_BYTES_MAX};
use crate::value::Value;

/// A document: a name, and the terms of its fields. About 24 bytes a term beside the texts.
#[derive(Clone, Debug)]
pub struct Document {
    name: Arc<str>,
    /// In order of fields, and within a field of places.
    terms: Box<[Term]>,
}

/// A piece of a document by which it is found.
#[derive(Clone, Debug)]
pub struct Term {
    /// The field's place in the schema.
    pub field: u32,
    /// Its place among the words of its field.
    pub place: u32,
    /// Its text; in a flattened field behind the member's name and a zero character.
    pub text: Arc<str>,
}

impl Document {
    /// A document with these values in the fields of a schema; others are passed over.
    pub fn new(schema: &Schema, name: &str, values: &[(&str, Value)]) -> Self {
        let mut made = Making { field: 0, terms: Vec::new(), left: INDEXED_BYTES_MAX };
        for (field, known) in schema.placed() {
            made.field = field;
            let given = values.iter().filter(|(given, _)| *given == known.name);
            given.for_each(|(_, value)| made.add(known.kind, value));
        }
        Self { name: name.into(), terms: made.terms.into() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its terms.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Lets it share the texts that `shared` has for its terms.
    pub fn share(&mut self, shared: impl Fn(&Term) -> Option<Arc<str>>) {
        for term in &mut self.terms {
            if let Some(text) = shared(term) {
                term.text = text;
            }
        }
    }

    /// The terms of a field.
    pub(super) fn terms_of(&self, field: u32) -> &[Term] {
        let start = self.terms.partition_point(|term| term.field < field);
        let end = self.terms.partition_point(|term| term.field <= field);
        self.terms.get(start..end).unwrap_or_default()
    }

    /// The texts of a field, or of a member of a flattened one.
    pub(super) fn texts<'d>(&'d self, field: &'d FieldRef) -> impl Iterator<Item = &'d str> {
        self.terms_of(field.place).iter().filter_map(move |term| text_in(field, &term.text))
    }
}

/// The text of a term as a field sees it; none when it belongs to another member.
pub fn text_in<'t>(field: &FieldRef, term: &'t str) -> Option<&'t str> {
    match (field.kind, &field.member) {
        (FieldKind::Flattened, Some(member)) => {
            term.strip_prefix(member.as_ref())?.strip_prefix(BORDER)
        }
        (FieldKind::Flattened, None) => term.split_once(BORDER).map(|(_, text)| text),
        (FieldKind::Keyword | FieldKind::Boolean | FieldKind::Text | FieldKind::Address, _) => {
            Some(term)
        }
    }
}

/// A value as the text that finds it; none for what is no single value.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(format!("{number:?}")),
        Value::Text(text) => Some(text.to_owned()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// A document in the making.
struct Making {
    /// The field that is being read.
    field: u32,
    terms: Vec<Term>,
    /// How many more bytes of texts are taken.
    left: usize,
}

impl Making {
    fn add(&mut self, kind: FieldKind, value: &Value) {
        match (kind, value) {
            (FieldKind::Flattened, value) => self.add_tree(&mut String::new(), value),
            (_, Value::List(values)) => values.iter().for_each(|value| self.add(kind, value)),
            (FieldKind::Text, Value::Text(text)) => self.add_words(analysis::prose(text)),
            (FieldKind::Address, Value::Text(text)) => self.add_words(analysis::addresses(text)),
            (_, value) => self.push(0, "", scalar(value)),
        }
    }

    /// Depth is that of the value, which is bounded where it is read. Below a path that is too long
    /// nothing can be found.
    fn add_tree(&mut self, path: &mut String, value: &Value) {
        match value {
            _ if path.len() > INDEXED_TERM_BYTES_MAX => {}
            Value::Map(map) => {
                let length = path.len();
                for (name, value) in map.members() {
                    if length > 0 {
                        path.push('.');
                    }
                    path.push_str(name);
                    self.add_tree(path, value);
                    path.truncate(length);
                }
            }
            Value::List(values) => values.iter().for_each(|value| self.add_tree(path, value)),
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) => {
                path.push(BORDER);
                self.push(0, path, scalar(value));
                path.pop();
            }
        }
    }

    fn add_words(&mut self, words: analysis::Words) {
        for (place, alike) in (0..).zip(words) {
            for word in alike {
                self.push(place, "", Some(word));
            }
        }
    }

    fn push(&mut self, place: u32, before: &str, text: Option<String>) {
        let Some(text) = text else { return };
        let length = before.len().saturating_add(text.len());
        let Some(left) = self.left.checked_sub(length) else { return };
        if length > INDEXED_TERM_BYTES_MAX {
            return;
        }
        self.left = left;
        let text = if before.is_empty() { text } else { [before, text.as_str()].concat() };
        self.terms.push(Term { field: self.field, place, text: text.into() });
    }
}

/// Stands between a member's name and its value. Member names that hold it find no more than they
/// should, and are of nobody's making but their own.
pub const BORDER: char = '\0';
