//! The language of searches: queries, the order of hits, pages.
//!
//! Owns its forms on the wire as plain values, its refusals, and what it means for a document to
//! match. Must not know where documents are kept or how they are found quickly. Start at
//! [`Search`]; what can be searched is in [`collections`].

use alloc::format;
use alloc::vec::Vec;

mod analysis;
pub mod collections;
pub mod document;
mod field_queries;
mod minimum;
mod options;
mod parse;
pub mod refusal;
pub mod schema;
mod simple;
pub mod sort;
pub mod term;
#[cfg(test)]
mod tests;
pub mod tree;

pub use refusal::QueryRefusal;
pub use schema::Schema;
pub use sort::{Sort, SortValue};
pub use tree::Query;

use crate::limits::{SEARCH_SIZE_DEFAULT, SEARCH_WINDOW_MAX};
use crate::value::Value;

/// A search as a request has it.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchRequest {
    /// What hits must match; without it, every document does.
    pub query: Option<Value>,
    /// How many hits are passed over.
    pub from: usize,
    /// How many hits are shown.
    pub size: usize,
    /// The order of hits.
    pub sort: Option<Value>,
    /// The values of the hit behind which the page begins.
    pub search_after: Option<Value>,
}

impl Default for SearchRequest {
    fn default() -> Self {
        Self { query: None, from: 0, size: SEARCH_SIZE_DEFAULT, sort: None, search_after: None }
    }
}

/// A search of one collection.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// What hits must match.
    pub query: Query,
    /// The order of hits; without it, that of their names.
    pub sort: Option<Sort>,
    /// The values of the hit behind which the page begins.
    pub after: Option<Vec<SortValue>>,
    /// How many hits are passed over.
    pub from: usize,
    /// How many hits are shown.
    pub size: usize,
}

impl Search {
    /// Reads a search of a collection with this schema.
    pub fn parse(schema: &Schema, request: &SearchRequest) -> Result<Self, QueryRefusal> {
        let query = request.query.as_ref().map(|query| Query::parse(schema, query)).transpose()?;
        let sort = request.sort.as_ref().map(|sort| Sort::parse(schema, sort)).transpose()?;
        let sort = sort.filter(|sort| !sort.keys().is_empty());
        let SearchRequest { from, size, .. } = *request;
        let window = from.saturating_add(size);
        if window > SEARCH_WINDOW_MAX {
            return QueryRefusal::not_allowed(format!(
                "Result window is too large, from + size must be less than or equal to: \
                 [{SEARCH_WINDOW_MAX}] but was [{window}]. Use [search_after] to go beyond it."
            ));
        }
        let after = match (&request.search_after, &sort) {
            (None, _) => None,
            (Some(_), None) => {
                return QueryRefusal::not_allowed("Sort must contain at least one field.");
            }
            (Some(values), Some(sort)) => Some(sort.after(values)?),
        };
        Ok(Self { query: query.unwrap_or(Query::All), sort, after, from, size })
    }
}
