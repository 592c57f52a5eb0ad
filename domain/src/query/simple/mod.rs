//! `simple_query_string`: words with operators, over several fields.
//!
//! `+` and, `|` or, `-` not, `"..."` phrase, `(...)`, `word*` beginning, `word~N` near, `"..."~N`
//! words near each other, `\` takes the next character literally. Operators are read from left to
//! right, without precedence. What makes no sense is passed over: no text is refused for its form.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::document::scalar;
use super::field_queries::operator;
use super::minimum::Minimum;
use super::options::{count, is_common, text, unsupported};
use super::parse::Parser;
use super::refusal::QueryRefusal;
use super::schema::{FieldRef, Schema};
use super::tree::Query;
use crate::limits::QUERY_CLAUSES_MAX;
use crate::value::{Map, Value};

mod reader;

/// Reads a `simple_query_string` query.
pub(super) fn query(
    parser: &mut Parser<'_>,
    body: &Map,
    depth: usize,
) -> Result<Query, QueryRefusal> {
    let options = Options::read(parser.schema, body)?;
    let Some(given) = &options.text else {
        return QueryRefusal::malformed(format!("[{KIND}] query text missing"));
    };
    if options.fields.is_empty() {
        return Ok(Query::Nothing);
    }
    if given.trim() == "*" {
        return Ok(Query::All);
    }
    Ok(reader::read(parser, &options, given, depth)?.unwrap_or(Query::Nothing))
}

/// What a query says beside its text.
struct Options {
    text: Option<String>,
    fields: Vec<FieldRef>,
    needs_all: bool,
    /// The operators that are read as such.
    operators: String,
    minimum: Option<Minimum>,
    /// Characters at the beginning that words near another must share with it.
    same: usize,
}

impl Options {
    fn read(schema: &Schema, body: &Map) -> Result<Self, QueryRefusal> {
        let mut options = Self {
            text: None,
            fields: schema.fitting("*"),
            needs_all: false,
            operators: ALL_FLAGS.iter().map(|(_, operators)| *operators).collect(),
            minimum: None,
            same: 0,
        };
        for (name, value) in body.members() {
            match name {
                "query" => options.text = Some(text(KIND, name, value)?),
                "fields" => options.fields = fields(schema, value)?,
                "default_operator" => options.needs_all = operator(value)?,
                "flags" => options.operators = flags(value)?,
                "minimum_should_match" => options.minimum = Some(Minimum::parse(value)?),
                "fuzzy_prefix_length" => options.same = count(name, value)?,
                "lenient"
                | "analyze_wildcard"
                | "quote_field_suffix"
                | "fuzzy_max_expansions"
                | "fuzzy_transpositions"
                | "auto_generate_synonyms_phrase_query" => {}
                name if is_common(name) => {}
                other => return unsupported(KIND, other),
            }
        }
        Ok(options)
    }
}

/// The fields that names and patterns stand for, each once. A weight behind `^` has no effect.
fn fields(schema: &Schema, value: &Value) -> Result<Vec<FieldRef>, QueryRefusal> {
    let Value::List(names) = value else {
        return QueryRefusal::malformed(format!("[{KIND}] query does not support [fields]"));
    };
    if names.len() > QUERY_CLAUSES_MAX {
        return QueryRefusal::not_allowed(format!(
            "field expansion matches too many fields, limit: {QUERY_CLAUSES_MAX}, got: {}",
            names.len()
        ));
    }
    let mut found: Vec<FieldRef> = Vec::new();
    for name in names {
        let name = text(KIND, "fields", name)?;
        let name = name.split_once('^').map_or(name.as_str(), |(name, _)| name);
        for field in schema.fitting(name) {
            if !found.contains(&field) {
                found.push(field);
            }
        }
    }
    Ok(found)
}

fn flags(value: &Value) -> Result<String, QueryRefusal> {
    let given = scalar(value).unwrap_or_default();
    let mut operators = String::new();
    for name in given.split('|').map(|name| name.trim().to_uppercase()) {
        match name.as_str() {
            "" | "NONE" => {}
            "ALL" | "-1" => operators.extend(ALL_FLAGS.iter().map(|(_, operators)| *operators)),
            _ => {
                let Some((_, known)) = ALL_FLAGS.iter().find(|(known, _)| *known == name) else {
                    return QueryRefusal::not_allowed(format!("Unknown {KIND} flag [{name}]"));
                };
                operators.push_str(known);
            }
        }
    }
    Ok(operators)
}

const KIND: &str = "simple_query_string";

/// Stands for `~` behind a phrase: no character of a text is this one.
const NEAR: char = '\u{10ffff}';

/// The flags, and the operators that each switches on.
const ALL_FLAGS: &[(&str, &str)] = &[
    ("AND", "+"),
    ("OR", "|"),
    ("NOT", "-"),
    ("PHRASE", "\""),
    ("PRECEDENCE", "()"),
    ("PREFIX", "*"),
    ("FUZZY", "~"),
    ("NEAR", "\u{10ffff}"),
    ("SLOP", "\u{10ffff}"),
    ("ESCAPE", "\\"),
    ("WHITESPACE", " "),
];
