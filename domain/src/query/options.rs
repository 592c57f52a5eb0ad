//! Reading what stands around the heart of a query: its options.
//!
//! Owns the words for wrong forms. Must not know what a query means.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use super::document::scalar;
use super::refusal::QueryRefusal;
use super::term::Case;
use crate::value::{Map, Value};

/// A query that asks for one field: the field's name, and what stands under it.
pub(super) struct OneField<'q> {
    pub(super) name: &'q str,
    pub(super) value: &'q Value,
}

impl<'q> OneField<'q> {
    /// Takes the body of a query of this kind apart. What all queries have may stand beside the
    /// field.
    pub(super) fn of(kind: &str, body: &'q Map) -> Result<Self, QueryRefusal> {
        let mut found: Option<Self> = None;
        for (name, value) in body.members().filter(|(name, _)| !is_common(name)) {
            if let Some(found) = &found {
                return QueryRefusal::malformed(format!(
                    "[{kind}] query doesn't support multiple fields, found [{}] and [{name}]",
                    found.name
                ));
            }
            found = Some(Self { name, value });
        }
        found.ok_or_else(|| QueryRefusal::NotAllowed("field name is null or empty".to_owned()))
    }
}

/// Whether an option is one that every query has, without effect here: nothing is ranked or named.
pub(super) fn is_common(name: &str) -> bool {
    name == "boost" || name == "_name"
}

/// That a query has no such option.
pub(super) fn unsupported<T>(kind: &str, name: &str) -> Result<T, QueryRefusal> {
    QueryRefusal::malformed(format!("[{kind}] query does not support [{name}]"))
}

/// A single value as text.
pub(super) fn text(kind: &str, name: &str, value: &Value) -> Result<String, QueryRefusal> {
    match (scalar(value), value) {
        (Some(text), _) => Ok(text),
        (None, Value::Null) => QueryRefusal::not_allowed("value cannot be null"),
        (None, _) => QueryRefusal::malformed(format!(
            "[{kind}] query does not support an array or an object for [{name}]"
        )),
    }
}

/// A flag.
pub(super) fn flag(name: &str, value: &Value) -> Result<bool, QueryRefusal> {
    match (value, scalar(value).as_deref()) {
        (Value::Bool(flag), _) => Ok(*flag),
        (_, Some("true")) => Ok(true),
        (_, Some("false")) => Ok(false),
        (_, other) => QueryRefusal::not_allowed(format!(
            "Failed to parse value [{}] for [{name}] as only [true] or [false] are allowed.",
            other.unwrap_or_default()
        )),
    }
}

/// Whether case is to be ignored.
pub(super) fn case(value: &Value) -> Result<Case, QueryRefusal> {
    Ok(if flag("case_insensitive", value)? { Case::Ignored } else { Case::Kept })
}

/// A count.
pub(super) fn count(name: &str, value: &Value) -> Result<usize, QueryRefusal> {
    let number = scalar(value).and_then(|text| text.parse().ok());
    number.map_or_else(
        || QueryRefusal::not_allowed(format!("[{name}] must be a whole number and not negative")),
        Ok,
    )
}
