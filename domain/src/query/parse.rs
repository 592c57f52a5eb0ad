//! Queries as they come on the wire: their kinds, and those that hold other queries.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use super::field_queries;
use super::minimum::Minimum;
use super::options::{is_common, text, unsupported};
use super::refusal::QueryRefusal;
use super::schema::Schema;
use super::simple;
use super::term::TermTest;
use super::tree::{Bool, Query};
use crate::limits::{QUERY_CLAUSES_MAX, QUERY_DEPTH_MAX};
use crate::value::{Map, Value};

impl Query {
    /// Reads a query of a collection with this schema.
    pub fn parse(schema: &Schema, value: &Value) -> Result<Self, QueryRefusal> {
        Parser { schema, clauses: 0 }.query(value, 0)
    }
}

/// What is known while a query is read.
pub(super) struct Parser<'s> {
    pub(super) schema: &'s Schema,
    clauses: usize,
}

impl Parser<'_> {
    fn query(&mut self, value: &Value, depth: usize) -> Result<Query, QueryRefusal> {
        let Value::Map(map) = value else {
            return QueryRefusal::malformed("[_na] query malformed, must start with start_object");
        };
        let mut members = map.members();
        let Some((kind, body)) = members.next() else {
            return QueryRefusal::not_allowed("query malformed, empty clause found");
        };
        if !KINDS.contains(&kind) {
            return QueryRefusal::not_allowed(format!(
                "Query type [{kind}] is not currently supported in this context"
            ));
        }
        let Value::Map(body) = body else {
            return QueryRefusal::malformed(format!(
                "[{kind}] query malformed, no start_object after query name"
            ));
        };
        if members.next().is_some() {
            return QueryRefusal::malformed(format!(
                "[{kind}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]"
            ));
        }
        self.admit(1)?;
        check_depth(depth)?;
        match kind {
            "match_all" => match_all(body),
            "bool" => self.bool(body, depth),
            "ids" => ids(self.schema, body),
            "exists" => exists(self.schema, body),
            "terms" => field_queries::terms(self.schema, body),
            "prefix" => field_queries::prefix(self.schema, body),
            "wildcard" => field_queries::wildcard(self.schema, body),
            "match" => field_queries::words(self, body),
            "range" => field_queries::range(self.schema, body),
            "simple_query_string" => simple::query(self, body, depth),
            _ => field_queries::term(self.schema, body),
        }
    }

    /// Counts clauses, of which there are not too many.
    pub(super) fn admit(&mut self, clauses: usize) -> Result<(), QueryRefusal> {
        self.clauses = self.clauses.saturating_add(clauses);
        if self.clauses > QUERY_CLAUSES_MAX {
            let text = format!(
                "Query contains too many nested clauses; maxClauseCount is set to {QUERY_CLAUSES_MAX}"
            );
            return QueryRefusal::not_allowed(text);
        }
        Ok(())
    }

    fn bool(&mut self, body: &Map, depth: usize) -> Result<Query, QueryRefusal> {
        let mut bool = Bool::default();
        let mut minimum = None;
        for (name, value) in body.members() {
            match name {
                "must" | "filter" => self.clauses(&mut bool.all, value, depth)?,
                "must_not" => self.clauses(&mut bool.none, value, depth)?,
                "should" => self.clauses(&mut bool.some, value, depth)?,
                "minimum_should_match" => minimum = Some(Minimum::parse(value)?),
                "adjust_pure_negative" => {}
                name if is_common(name) => {}
                other => return unsupported("bool", other),
            }
        }
        // Where nothing must match, one that should must.
        let least = usize::from(bool.all.is_empty() && !bool.some.is_empty());
        let asked = minimum.map_or(0, |minimum| minimum.among(bool.some.len()));
        bool.at_least = asked.max(least);
        Ok(Query::Bool(bool))
    }

    fn clauses(
        &mut self,
        into: &mut Vec<Query>,
        value: &Value,
        depth: usize,
    ) -> Result<(), QueryRefusal> {
        let deeper = depth.saturating_add(1);
        let single = core::slice::from_ref(value);
        let clauses = if let Value::List(clauses) = value { clauses } else { single };
        for clause in clauses {
            into.push(self.query(clause, deeper)?);
        }
        Ok(())
    }
}

/// Refuses what is nested too deep.
pub(super) fn check_depth(depth: usize) -> Result<(), QueryRefusal> {
    if depth < QUERY_DEPTH_MAX {
        return Ok(());
    }
    QueryRefusal::not_allowed(format!(
        "The nested depth of the query exceeds the maximum nested depth for bool queries set in \
         [indices.query.bool.max_nested_depth] of [{QUERY_DEPTH_MAX}]"
    ))
}

fn match_all(body: &Map) -> Result<Query, QueryRefusal> {
    match body.members().find(|(name, _)| !is_common(name)) {
        Some((other, _)) => unsupported("match_all", other),
        None => Ok(Query::All),
    }
}

fn ids(schema: &Schema, body: &Map) -> Result<Query, QueryRefusal> {
    let mut names = None;
    for (name, value) in body.members() {
        match (name, value) {
            ("values", Value::List(values)) => names = Some(names_in(schema, values)?),
            ("values", single) => {
                names = Some(names_in(schema, core::slice::from_ref(single))?);
            }
            ("type", _) => {}
            (name, _) if is_common(name) => {}
            (other, _) => return unsupported("ids", other),
        }
    }
    match names {
        Some(names) => Ok(Query::Names(names)),
        None => QueryRefusal::malformed("[ids] requires providing a values array of ids"),
    }
}

/// The names in ids; what is no id of the collection names nothing.
fn names_in(schema: &Schema, values: &[Value]) -> Result<BTreeSet<Box<str>>, QueryRefusal> {
    let mut names = BTreeSet::new();
    for value in values {
        let id = text("ids", "values", value)?;
        names.extend(id.strip_prefix(schema.id_prefix).map(Into::into));
    }
    Ok(names)
}

fn exists(schema: &Schema, body: &Map) -> Result<Query, QueryRefusal> {
    let mut field = None;
    for (name, value) in body.members() {
        match name {
            "field" => field = Some(text("exists", name, value)?),
            name if is_common(name) => {}
            other => return unsupported("exists", other),
        }
    }
    match field {
        Some(field) => Ok(Query::Term(schema.field(&field)?, TermTest::Any)),
        None => {
            Err(QueryRefusal::NotAllowed("[exists] must be provided with a [field]".to_owned()))
        }
    }
}

/// The kinds of queries that are spoken.
const KINDS: [&str; 11] = [
    "match_all",
    "bool",
    "ids",
    "term",
    "terms",
    "prefix",
    "wildcard",
    "exists",
    "match",
    "range",
    "simple_query_string",
];
