//! The order of hits, and where in it a page begins.
//!
//! Owns the forms of `sort` and `search_after`. Must not know how hits are found.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::document::{Document, scalar};
use super::refusal::QueryRefusal;
use super::schema::{FieldKind, FieldRef, Schema};
use crate::limits::SEARCH_SORT_KEYS_MAX;
use crate::value::Value;

/// The order of hits: by the first key, among equals by the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Sort(Vec<SortKey>);

/// One thing that hits are ordered by.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// A field; none is the order in which the index holds documents.
    pub field: Option<FieldRef>,
    /// Which end comes first.
    pub order: Order,
    /// Which of several values counts.
    pub picks: Pick,
    /// Where a document without a value stands.
    pub missing: Missing,
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The smallest.
    Ascending,
    /// The largest.
    Descending,
}

/// Which of several values counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The smallest.
    Least,
    /// The largest.
    Most,
}

/// Where a document without a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Before the others.
    First,
    /// Behind them.
    Last,
    /// Where this value would.
    As(Arc<str>),
}

/// What a hit is ordered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortValue {
    /// It has no value.
    Missing,
    /// A text.
    Text(Arc<str>),
    /// A number: of a flag, 0 or 1; of a document, its place.
    Number(i64),
}

impl SortValue {
    /// As answers show it.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Missing => Value::Null,
            Self::Text(text) => Value::Text(String::from(text.as_ref())),
            Self::Number(number) => Value::Integer(*number),
        }
    }
}

impl Sort {
    /// Reads a field's name, an object of them, or a list of both.
    pub(super) fn parse(schema: &Schema, value: &Value) -> Result<Self, QueryRefusal> {
        let mut keys = Vec::new();
        let single = core::slice::from_ref(value);
        let items = if let Value::List(items) = value { items } else { single };
        items.iter().try_for_each(|item| add_keys(&mut keys, schema, item))?;
        if keys.len() > SEARCH_SORT_KEYS_MAX {
            return QueryRefusal::not_allowed(format!(
                "[sort] holds {} keys, and at most {SEARCH_SORT_KEYS_MAX} are allowed",
                keys.len()
            ));
        }
        Ok(Self(keys))
    }

    /// What it orders by.
    pub fn keys(&self) -> &[SortKey] {
        &self.0
    }

    /// What a document is ordered by; `place` is where the index holds it.
    pub fn values(&self, document: &Document, place: u32) -> Vec<SortValue> {
        self.0.iter().map(|key| key.value(document, place)).collect()
    }

    /// How two documents are ordered by their values.
    pub fn compare(&self, left: &[SortValue], right: &[SortValue]) -> Ordering {
        let pairs = left.iter().zip(right);
        let mut orders =
            self.0.iter().zip(pairs).map(|(key, (left, right))| key.compare(left, right));
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// Reads the values of the hit behind which a page begins.
    pub(super) fn after(&self, values: &Value) -> Result<Vec<SortValue>, QueryRefusal> {
        let Value::List(values) = values else {
            return QueryRefusal::malformed("Expected [START_ARRAY] in [search_after]");
        };
        if values.len() != self.0.len() {
            return QueryRefusal::not_allowed(format!(
                "search_after has {} value(s) but sort has {}.",
                values.len(),
                self.0.len()
            ));
        }
        self.0.iter().zip(values).map(|(key, value)| key.after(value)).collect()
    }
}

impl SortKey {
    /// A key with what holds unless a request says otherwise.
    const fn of(field: Option<FieldRef>) -> Self {
        Self { field, order: Order::Ascending, picks: Pick::Least, missing: Missing::Last }
    }

    /// Of several values the one counts that comes first.
    const fn set_order(&mut self, order: Order) {
        self.order = order;
        self.picks = match order {
            Order::Ascending => Pick::Least,
            Order::Descending => Pick::Most,
        };
    }

    fn value(&self, document: &Document, place: u32) -> SortValue {
        let Some(field) = &self.field else { return SortValue::Number(place.into()) };
        let texts = document.texts(field);
        let picked = match self.picks {
            Pick::Least => texts.min(),
            Pick::Most => texts.max(),
        };
        match (field.kind, picked, &self.missing) {
            (FieldKind::Boolean, Some(text), _) => SortValue::Number(i64::from(text == TRUE)),
            (_, Some(text), _) => {
                let held = document.terms_of(field.place).iter();
                let mut held = held.filter(|term| term.text.as_ref() == text);
                SortValue::Text(
                    held.next().map_or_else(|| text.into(), |term| Arc::clone(&term.text)),
                )
            }
            (FieldKind::Boolean, None, Missing::As(text)) => {
                flag(text).map_or(SortValue::Missing, SortValue::Number)
            }
            (_, None, Missing::As(text)) => SortValue::Text(Arc::clone(text)),
            (_, None, Missing::First | Missing::Last) => SortValue::Missing,
        }
    }

    fn compare(&self, left: &SortValue, right: &SortValue) -> Ordering {
        let is_first = self.missing == Missing::First;
        let absent = if is_first { Ordering::Less } else { Ordering::Greater };
        let order = match (left, right) {
            (SortValue::Missing, SortValue::Missing) => return Ordering::Equal,
            (SortValue::Missing, _) => return absent,
            (_, SortValue::Missing) => return absent.reverse(),
            (SortValue::Text(left), SortValue::Text(right)) => left.cmp(right),
            (SortValue::Number(left), SortValue::Number(right)) => left.cmp(right),
            (SortValue::Number(_), SortValue::Text(_)) => Ordering::Less,
            (SortValue::Text(_), SortValue::Number(_)) => Ordering::Greater,
        };
        match self.order {
            Order::Ascending => order,
            Order::Descending => order.reverse(),
        }
    }

    fn after(&self, value: &Value) -> Result<SortValue, QueryRefusal> {
        if *value == Value::Null {
            return Ok(SortValue::Missing);
        }
        let Some(text) = scalar(value) else {
            return QueryRefusal::malformed(
                "Expected [VALUE_STRING] or [VALUE_NUMBER] or [VALUE_BOOLEAN] or [VALUE_NULL] in \
                 [search_after]",
            );
        };
        let number = match self.field.as_ref().map(|field| field.kind) {
            None => text.parse::<i64>().ok(),
            Some(FieldKind::Boolean) => flag(&text),
            Some(
                FieldKind::Keyword | FieldKind::Text | FieldKind::Address | FieldKind::Flattened,
            ) => return Ok(SortValue::Text(text.into())),
        };
        number.map_or_else(
            || {
                QueryRefusal::not_allowed(format!(
                    "Failed to parse search_after value [{text}] for a sort that has numbers"
                ))
            },
            |number| Ok(SortValue::Number(number)),
        )
    }
}

fn flag(text: &str) -> Option<i64> {
    match text {
        TRUE => Some(1),
        "false" => Some(0),
        other => other.parse().ok(),
    }
}

fn add_keys(keys: &mut Vec<SortKey>, schema: &Schema, value: &Value) -> Result<(), QueryRefusal> {
    match value {
        Value::Text(name) => keys.push(SortKey::of(named(schema, name)?)),
        Value::Map(map) => {
            for (name, options) in map.members() {
                let field = named(schema, name)?;
                keys.push(key(field, options)?);
            }
        }
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) => {
            return QueryRefusal::not_allowed(
                "malformed sort format, within the sort array, an object, or an actual string are \
                 allowed",
            );
        }
    }
    Ok(())
}

fn named(schema: &Schema, name: &str) -> Result<Option<FieldRef>, QueryRefusal> {
    if name == INDEX_ORDER { Ok(None) } else { schema.sortable(name).map(Some) }
}

fn key(field: Option<FieldRef>, options: &Value) -> Result<SortKey, QueryRefusal> {
    let mut key = SortKey::of(field);
    let mut picks = None;
    let Value::Map(options) = options else {
        key.set_order(order(options)?);
        return Ok(key);
    };
    for (name, value) in options.members() {
        match name {
            "order" => key.set_order(order(value)?),
            "mode" => picks = Some(mode(value)?),
            "missing" => key.missing = missing(value),
            "nested" | "nested_path" | "nested_filter" => {
                return QueryRefusal::not_allowed(
                    "nested sorting is not currently supported in this context",
                );
            }
            "unmapped_type" | "numeric_type" | "format" => {}
            other => {
                return QueryRefusal::malformed(format!("[field_sort] unknown field [{other}]"));
            }
        }
    }
    key.picks = picks.unwrap_or(key.picks);
    Ok(key)
}

fn order(value: &Value) -> Result<Order, QueryRefusal> {
    let text = scalar(value).unwrap_or_default();
    match text.to_lowercase().as_str() {
        "asc" => Ok(Order::Ascending),
        "desc" => Ok(Order::Descending),
        _ => QueryRefusal::not_allowed(format!("Unknown SortOrder [{text}]")),
    }
}

fn mode(value: &Value) -> Result<Pick, QueryRefusal> {
    let text = scalar(value).unwrap_or_default();
    match text.to_lowercase().as_str() {
        "min" => Ok(Pick::Least),
        "max" => Ok(Pick::Most),
        _ => QueryRefusal::not_allowed(format!("Unknown SortMode [{text}]")),
    }
}

fn missing(value: &Value) -> Missing {
    match scalar(value).as_deref() {
        Some("_first") => Missing::First,
        None | Some("_last") => Missing::Last,
        Some(text) => Missing::As(text.to_owned().into()),
    }
}

/// The name of the order in which the index holds documents.
const INDEX_ORDER: &str = "_doc";
const TRUE: &str = "true";
