//! The query itself: a tree of tests, whatever kinds of the wire it was written in.
//!
//! Owns what it means for a document to match. This is the definition; an index may only find
//! documents sooner.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::document::Document;
use super::schema::FieldRef;
use super::term::TermTest;

/// What documents are searched by.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Every document.
    All,
    /// None.
    Nothing,
    /// Documents of these names.
    Names(BTreeSet<Box<str>>),
    /// Documents with a term that passes.
    Term(FieldRef, TermTest),
    /// Documents with these words near each other.
    Phrase(Phrase),
    /// Documents that other queries speak for.
    Bool(Bool),
}

/// Queries that speak for a document together.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Bool {
    /// All of these must match.
    pub all: Vec<Query>,
    /// None of these may match.
    pub none: Vec<Query>,
    /// Of these some must match.
    pub some: Vec<Query>,
    /// How many of them.
    pub at_least: usize,
}

/// Words near each other in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    /// The field.
    pub field: FieldRef,
    /// The words in order; at each place, those that stand for the same piece of text.
    pub words: Vec<Vec<String>>,
    /// By how many places words may be out of order or apart.
    pub slop: u32,
}

impl Query {
    /// Documents that all of these match.
    pub(super) fn all_of(mut queries: Vec<Self>) -> Self {
        match (queries.pop(), queries.is_empty()) {
            (None, _) => Self::All,
            (Some(only), true) => only,
            (Some(last), false) => {
                queries.push(last);
                Self::Bool(Bool { all: queries, ..Bool::default() })
            }
        }
    }

    /// Documents that one of these matches.
    pub(super) fn any_of(queries: Vec<Self>) -> Self {
        Self::some_of(queries, 1)
    }

    /// Documents that so many of these match.
    pub(super) fn some_of(queries: Vec<Self>, at_least: usize) -> Self {
        if at_least > queries.len() {
            return Self::Nothing;
        }
        if at_least == queries.len() {
            return Self::all_of(queries);
        }
        Self::Bool(Bool { some: queries, at_least, ..Bool::default() })
    }

    /// Documents that this does not match.
    pub(super) fn not(query: Self) -> Self {
        Self::Bool(Bool { none: [query].into_iter().collect(), ..Bool::default() })
    }

    /// How many tests it consists of: what one document costs at most.
    pub fn tests(&self) -> usize {
        match self {
            Self::All | Self::Nothing | Self::Names(_) | Self::Term(..) | Self::Phrase(_) => 1,
            Self::Bool(Bool { all, none, some, .. }) => {
                all.iter().chain(none).chain(some).map(Self::tests).fold(0, usize::saturating_add)
            }
        }
    }

    /// Whether a document matches. Its depth is that of the query, which is bounded.
    pub fn matches(&self, document: &Document) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::Names(names) => names.contains(document.name()),
            Self::Term(field, test) => document.texts(field).any(|text| test.passes(text)),
            Self::Phrase(phrase) => phrase.matches(document),
            Self::Bool(bool) => bool.matches(document),
        }
    }
}

impl Bool {
    fn matches(&self, document: &Document) -> bool {
        let matches = |query: &&Query| query.matches(document);
        self.all.iter().all(|query| matches(&query))
            && !self.none.iter().any(|query| matches(&query))
            && self.some.iter().filter(matches).take(self.at_least).count() == self.at_least
    }
}

impl Phrase {
    /// Each word asks for a place; what it is found behind or before that place must differ among the
    /// words by no more than the slop.
    fn matches(&self, document: &Document) -> bool {
        let terms = document.terms_of(self.field.place);
        let shifts: Vec<BTreeSet<i64>> = (0_i64..)
            .zip(&self.words)
            .map(|(wanted, alike)| {
                let found = terms
                    .iter()
                    .filter(|term| alike.iter().any(|word| word.as_str() == term.text.as_ref()));
                found.map(|term| i64::from(term.place).saturating_sub(wanted)).collect()
            })
            .collect();
        let slop = i64::from(self.slop);
        let mut least = shifts.iter().flatten();
        least.any(|least| {
            let window = *least..=least.saturating_add(slop);
            shifts.iter().all(|shifts| shifts.range(window.clone()).next().is_some())
        })
    }
}
