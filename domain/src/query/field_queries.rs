//! Queries that ask for one field: `term`, `terms`, `prefix`, `wildcard`, `match`, `range`.
//!
//! Each has a short form, `{"field": value}`, and a long one, `{"field": {"value": value, ...}}`.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Bound;

use super::analysis;
use super::minimum::Minimum;
use super::options::{OneField, case, count, flag, is_common, text, unsupported};
use super::parse::Parser;
use super::refusal::QueryRefusal;
use super::schema::{FieldKind, FieldRef, Schema};
use super::term::{Case, Near, TermTest};
use super::tree::Query;
use crate::limits::QUERY_PATTERN_BYTES_MAX;
use crate::value::{Map, Value};

/// `term`: the field has this term.
pub(super) fn term(schema: &Schema, body: &Map) -> Result<Query, QueryRefusal> {
    let asked = Asked::read("term", &["value"], body)?;
    let field = schema.field(asked.name)?;
    let text = held(&field, asked.text)?;
    Ok(Query::Term(field, TermTest::same(&text, asked.case)))
}

/// `terms`: the field has one of these terms.
pub(super) fn terms(schema: &Schema, body: &Map) -> Result<Query, QueryRefusal> {
    let asked = OneField::of("terms", body)?;
    let values = match asked.value {
        Value::List(values) => values,
        Value::Map(_) => {
            return QueryRefusal::not_allowed(
                "terms query with terms lookup is not currently supported in this context",
            );
        }
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) => {
            return QueryRefusal::malformed(format!(
                "[terms] query does not support a single value for [{}]",
                asked.name
            ));
        }
    };
    let field = schema.field(asked.name)?;
    let mut texts: BTreeSet<Box<str>> = BTreeSet::new();
    for value in values {
        texts.insert(held(&field, text("terms", asked.name, value)?)?.into());
    }
    Ok(Query::Term(field, TermTest::OneOf(texts)))
}

/// `prefix`: a term of the field begins so.
pub(super) fn prefix(schema: &Schema, body: &Map) -> Result<Query, QueryRefusal> {
    let asked = Asked::read("prefix", &["value", "prefix"], body)?;
    let field = schema.field(asked.name)?;
    Ok(Query::Term(field, TermTest::beginning(&asked.text, asked.case)))
}

/// `wildcard`: a term of the field fits a pattern.
pub(super) fn wildcard(schema: &Schema, body: &Map) -> Result<Query, QueryRefusal> {
    let asked = Asked::read("wildcard", &["value", "wildcard"], body)?;
    let field = schema.field(asked.name)?;
    if asked.text.len() > QUERY_PATTERN_BYTES_MAX {
        return QueryRefusal::not_allowed(format!(
            "[wildcard] patterns have at most {QUERY_PATTERN_BYTES_MAX} bytes"
        ));
    }
    Ok(Query::Term(field, TermTest::pattern(&asked.text, asked.case)))
}

/// `range`: a term of the field stands between two others.
pub(super) fn range(schema: &Schema, body: &Map) -> Result<Query, QueryRefusal> {
    let asked = OneField::of("range", body)?;
    let Value::Map(options) = asked.value else {
        return QueryRefusal::malformed(format!("[range] query does not support [{}]", asked.name));
    };
    let (mut lower, mut upper) = (None, None);
    let (mut with_lower, mut with_upper) = (true, true);
    let mut has_relation = false;
    for (name, value) in options.members() {
        match name {
            "gt" => (lower, with_lower) = (bound(name, value)?, false),
            "gte" | "ge" => (lower, with_lower) = (bound(name, value)?, true),
            "lt" => (upper, with_upper) = (bound(name, value)?, false),
            "lte" | "le" => (upper, with_upper) = (bound(name, value)?, true),
            "from" => lower = bound(name, value)?,
            "to" => upper = bound(name, value)?,
            "include_lower" => with_lower = flag(name, value)?,
            "include_upper" => with_upper = flag(name, value)?,
            "relation" => has_relation = *value != Value::Null,
            "format" | "time_zone" => {}
            name if is_common(name) => {}
            other => return unsupported("range", other),
        }
    }
    if has_relation {
        return QueryRefusal::not_allowed(
            "range query with relation is not currently supported in this context",
        );
    }
    let field = schema.field(asked.name)?;
    let end = |text: Option<String>, is_included| -> Result<Bound<Box<str>>, QueryRefusal> {
        let Some(text) = text else { return Ok(Bound::Unbounded) };
        let text = held(&field, text)?.into();
        Ok(if is_included { Bound::Included(text) } else { Bound::Excluded(text) })
    };
    let test = TermTest::Between(end(lower, with_lower)?, end(upper, with_upper)?);
    Ok(Query::Term(field, test))
}

fn bound(name: &str, value: &Value) -> Result<Option<String>, QueryRefusal> {
    if *value == Value::Null { Ok(None) } else { text("range", name, value).map(Some) }
}

/// `match`: words of the field are among these; a field that holds whole texts is one of them.
pub(super) fn words(parser: &mut Parser<'_>, body: &Map) -> Result<Query, QueryRefusal> {
    let asked = OneField::of("match", body)?;
    let mut matching = Matching::default();
    if let Value::Map(options) = asked.value {
        matching.read(options)?;
    } else {
        matching.text = Some(text("match", asked.name, asked.value)?);
    }
    let Some(given) = matching.text.take() else {
        return QueryRefusal::malformed("No text specified for text query");
    };
    let field = parser.schema.field(asked.name)?;
    let words = match field.kind {
        FieldKind::Text => analysis::prose(&given),
        FieldKind::Address => analysis::addresses(&given),
        FieldKind::Keyword | FieldKind::Boolean | FieldKind::Flattened => {
            vec![vec![held(&field, given)?]]
        }
    };
    parser.admit(words.len())?;
    if words.is_empty() {
        return Ok(if matching.is_all_without_words { Query::All } else { Query::Nothing });
    }
    let clauses: Vec<Query> = words.iter().map(|alike| matching.word(&field, alike)).collect();
    let at_least = match (matching.needs_all, &matching.minimum) {
        (true, _) => clauses.len(),
        // A minimum is one of several words: a single one is simply asked for.
        (false, Some(minimum)) if clauses.len() > 1 => minimum.among(clauses.len()).max(1),
        (false, _) => 1,
    };
    Ok(Query::some_of(clauses, at_least))
}

/// The options of a `match` query.
#[derive(Default)]
struct Matching {
    text: Option<String>,
    needs_all: bool,
    minimum: Option<Minimum>,
    fuzziness: Option<Fuzziness>,
    same: usize,
    is_all_without_words: bool,
}

impl Matching {
    fn read(&mut self, options: &Map) -> Result<(), QueryRefusal> {
        for (name, value) in options.members() {
            match name {
                "query" => self.text = Some(text("match", name, value)?),
                "operator" => self.needs_all = operator(value)?,
                "minimum_should_match" => self.minimum = Some(Minimum::parse(value)?),
                "fuzziness" => self.fuzziness = Some(Fuzziness::parse(value)?),
                "prefix_length" => self.same = count(name, value)?,
                "zero_terms_query" => {
                    self.is_all_without_words =
                        text("match", name, value)?.eq_ignore_ascii_case("all");
                }
                "max_expansions"
                | "fuzzy_transpositions"
                | "fuzzy_rewrite"
                | "lenient"
                | "auto_generate_synonyms_phrase_query" => {}
                name if is_common(name) => {}
                other => return unsupported("match", other),
            }
        }
        Ok(())
    }

    fn word(&self, field: &FieldRef, alike: &[String]) -> Query {
        match self.fuzziness.filter(|_| field.kind != FieldKind::Boolean) {
            Some(fuzziness) => {
                let near = alike.iter().map(|word| {
                    let edits = fuzziness.edits(word);
                    let near = Near { text: word.as_str().into(), edits, same: self.same };
                    Query::Term(field.clone(), TermTest::Near(near))
                });
                Query::any_of(near.collect())
            }
            None => Query::Term(field.clone(), one_of(alike)),
        }
    }
}

/// That a term is one of these words.
pub(super) fn one_of(alike: &[String]) -> TermTest {
    TermTest::OneOf(alike.iter().map(|word| word.as_str().into()).collect())
}

/// How far a word may be from what is asked for.
#[derive(Clone, Copy)]
enum Fuzziness {
    /// So many edits.
    Edits(u8),
    /// None, one or two, as the word has less than so many characters, less than so many, or more.
    Auto(usize, usize),
}

impl Fuzziness {
    fn parse(value: &Value) -> Result<Self, QueryRefusal> {
        let given = text("match", "fuzziness", value)?;
        let lower = given.to_lowercase();
        let auto = match lower.strip_prefix("auto") {
            Some("") => Some((3, 6)),
            Some(bounds) => {
                bounds.strip_prefix(':').and_then(|bounds| bounds.split_once(',')).and_then(
                    |(low, high)| Some((low.trim().parse().ok()?, high.trim().parse().ok()?)),
                )
            }
            None => None,
        };
        let edits = match lower.as_str() {
            "0" | "0.0" => Some(0),
            "1" | "1.0" => Some(1),
            "2" | "2.0" => Some(2),
            _ => None,
        };
        match (edits, auto) {
            (Some(edits), _) => Ok(Self::Edits(edits)),
            (None, Some((low, high))) => Ok(Self::Auto(low, high)),
            (None, None) => QueryRefusal::not_allowed(format!(
                "Invalid fuzziness value: [{given}]. Must be one of [AUTO, 0, 1, 2]"
            )),
        }
    }

    fn edits(self, word: &str) -> u8 {
        match (self, word.chars().count()) {
            (Self::Edits(edits), _) => edits,
            (Self::Auto(low, _), length) if length < low => 0,
            (Self::Auto(_, high), length) if length < high => 1,
            (Self::Auto(..), _) => 2,
        }
    }
}

/// Whether `operator` asks for all words.
pub(super) fn operator(value: &Value) -> Result<bool, QueryRefusal> {
    let given = text("match", "operator", value)?;
    match given.to_lowercase().as_str() {
        "and" => Ok(true),
        "or" => Ok(false),
        _ => QueryRefusal::not_allowed(format!(
            "operator needs to be either AND or OR, but not [{given}]"
        )),
    }
}

/// A text as a field would hold it.
fn held(field: &FieldRef, text: String) -> Result<String, QueryRefusal> {
    match (field.kind, text.as_str()) {
        (FieldKind::Boolean, "true" | "false") => Ok(text),
        (FieldKind::Boolean, other) => QueryRefusal::not_allowed(format!(
            "Can't parse boolean value [{other}], expected [true] or [false]"
        )),
        (FieldKind::Keyword | FieldKind::Text | FieldKind::Address | FieldKind::Flattened, _) => {
            Ok(text)
        }
    }
}

/// A query for one text in one field.
struct Asked<'q> {
    name: &'q str,
    text: String,
    case: Case,
}

impl<'q> Asked<'q> {
    /// Reads either form; `names` are the names under which the long one has the text.
    fn read(kind: &str, names: &[&str], body: &'q Map) -> Result<Self, QueryRefusal> {
        let OneField { name, value } = OneField::of(kind, body)?;
        let Value::Map(options) = value else {
            return Ok(Self { name, text: text(kind, name, value)?, case: Case::Kept });
        };
        let mut given = None;
        let mut kept = Case::Kept;
        for (option, value) in options.members() {
            match option {
                option if names.contains(&option) => given = Some(text(kind, option, value)?),
                "case_insensitive" => kept = case(value)?,
                "rewrite" => {}
                option if is_common(option) => {}
                other => return unsupported(kind, other),
            }
        }
        let text =
            given.ok_or_else(|| QueryRefusal::NotAllowed("value cannot be null".to_owned()))?;
        Ok(Self { name, text, case: kept })
    }
}
