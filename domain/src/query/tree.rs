//! The query itself: a tree of tests, whatever kinds of the wire it was written in.
//!
//! Owns what it means for a document to match, and counts the steps that this takes, of which there
//! are not too many. This is the definition; an index may only find documents sooner.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::document::{Document, text_in};
use super::schema::FieldRef;
use super::term::{TermTest, spend};

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

    /// Whether a document matches, unless that takes more than `steps`; counts them down. Its depth
    /// is that of the query, which is bounded.
    pub fn matches_within(&self, document: &Document, steps: &mut usize) -> Option<bool> {
        spend(steps, 1)?;
        match self {
            Self::All => Some(true),
            Self::Nothing => Some(false),
            Self::Names(names) => Some(names.contains(document.name())),
            Self::Term(field, test) => {
                for term in document.terms_of(field.place) {
                    spend(steps, 1)?;
                    if let Some(text) = text_in(field, &term.text)
                        && test.passes_within(text, steps)?
                    {
                        return Some(true);
                    }
                }
                Some(false)
            }
            Self::Phrase(phrase) => phrase.matches_within(document, steps),
            Self::Bool(bool) => bool.matches_within(document, steps),
        }
    }
}

impl Bool {
    fn matches_within(&self, document: &Document, steps: &mut usize) -> Option<bool> {
        for query in &self.all {
            if !query.matches_within(document, steps)? {
                return Some(false);
            }
        }
        for query in &self.none {
            if query.matches_within(document, steps)? {
                return Some(false);
            }
        }
        let mut missing = self.at_least;
        for query in &self.some {
            if missing == 0 {
                break;
            }
            missing = missing.saturating_sub(query.matches_within(document, steps)?.into());
        }
        Some(missing == 0)
    }
}

impl Phrase {
    /// Each word asks for a place; what it is found behind or before that place must differ among
    /// the words by no more than the slop.
    fn matches_within(&self, document: &Document, steps: &mut usize) -> Option<bool> {
        let terms = document.terms_of(self.field.place);
        let mut shifts: Vec<BTreeSet<i64>> = Vec::new();
        for (wanted, alike) in (0_i64..).zip(&self.words) {
            spend(steps, terms.len().saturating_mul(alike.len()))?;
            let found = terms
                .iter()
                .filter(|term| alike.iter().any(|word| word.as_str() == term.text.as_ref()));
            let found: BTreeSet<i64> =
                found.map(|term| i64::from(term.place).saturating_sub(wanted)).collect();
            if found.is_empty() {
                return Some(false);
            }
            spend(steps, found.len().saturating_mul(STEPS_OF_A_LOOK))?;
            shifts.push(found);
        }
        let slop = i64::from(self.slop);
        for least in shifts.iter().flatten() {
            let window = *least..=least.saturating_add(slop);
            let mut has_all = true;
            for shifts in &shifts {
                spend(steps, STEPS_OF_A_LOOK)?;
                has_all = shifts.range(window.clone()).next().is_some();
                if !has_all {
                    break;
                }
            }
            if has_all {
                return Some(true);
            }
        }
        Some(false)
    }
}

/// What a look into an ordered set costs.
const STEPS_OF_A_LOOK: usize = 8;
