//! Candidates: documents among which are all that a query matches, and few others.
//!
//! Owns the choice of the clause that finds fewest. Whatever is chosen, the query decides on each
//! candidate; so a clause that is not understood here only costs time.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use jeton_domain::query::Query;
use jeton_domain::query::document::{BORDER, text_in};
use jeton_domain::query::schema::{FieldKind, FieldRef};
use jeton_domain::query::term::{Reach, TermTest};
use jeton_domain::query::tree::{Bool, Phrase};

use super::index::{Entry, Index, Places};

impl Index {
    /// The documents that a query may match; none if that is not found at a glance, or if they are
    /// nearly all.
    ///
    /// They are looked for in one turn of so many steps, which are counted down.
    pub(super) fn candidates(&self, query: &Query, steps: &mut usize) -> Option<Vec<Arc<Entry>>> {
        let mut gathering = Gathering { index: self, steps: *steps };
        let places = gathering.places(query, (self.len() / 2).min(GATHERED_MAX));
        *steps = gathering.steps;
        let places = places?;
        let entries = places.into_iter().filter_map(|place| self.entry(place));
        Some(entries.map(Arc::clone).collect())
    }
}

/// A search for candidates, as long as it pays.
struct Gathering<'i> {
    index: &'i Index,
    /// How many more steps may be taken, for all clauses together.
    steps: usize,
}

impl Gathering<'_> {
    /// The places of all documents that a query matches, and perhaps of others; none if they are
    /// more than `most`, or if they are not found at a glance.
    fn places(&mut self, query: &Query, most: usize) -> Option<Vec<u32>> {
        self.spend(1)?;
        match query {
            Query::All => None,
            Query::Nothing => Some(Vec::new()),
            Query::Names(names) if names.len() > most => None,
            Query::Names(names) => {
                self.spend(names.len().saturating_mul(STEPS_OF_A_LOOK))?;
                let key = |name: &str| (self.index.key)(name).bytes;
                let places = names.iter().filter_map(|name| self.index.by_key.get(&key(name)));
                Some(places.copied().collect())
            }
            Query::Term(field, test) => self.places_of_terms(field, test, most),
            Query::Phrase(Phrase { field, words, .. }) => {
                let texts = words.first()?.iter().map(|word| word.as_str().into());
                self.places_of_terms(field, &TermTest::OneOf(texts.collect()), most)
            }
            Query::Bool(bool) => self.places_of_bool(bool, most),
        }
    }

    fn spend(&mut self, steps: usize) -> Option<()> {
        self.steps = self.steps.checked_sub(steps)?;
        Some(())
    }

    /// Takes the documents of a term.
    fn take(&mut self, found: &mut Found, places: Option<&Places>) -> Option<()> {
        let Some(places) = places else { return Some(()) };
        let count = places.len();
        if found.places.len().saturating_add(count) > found.most {
            return None;
        }
        self.spend(count.saturating_mul(STEPS_OF_A_PLACE))?;
        found.places.extend(places.iter());
        Some(())
    }

    fn places_of_bool(&mut self, bool: &Bool, most: usize) -> Option<Vec<u32>> {
        let mut clauses: Vec<&Query> = bool.all.iter().collect();
        clauses.sort_by_key(|clause| effort(clause));
        let mut fewest: Option<Vec<u32>> = None;
        for clause in clauses {
            let most = fewest.as_ref().map_or(most, Vec::len);
            if let Some(found) = self.places(clause, most) {
                fewest = Some(found);
            }
        }
        if bool.at_least > 0 {
            let most = fewest.as_ref().map_or(most, Vec::len);
            let mut found: Vec<u32> = Vec::new();
            let gathered = bool.some.iter().try_for_each(|clause| {
                found.extend(self.places(clause, most.checked_sub(found.len())?)?);
                Some(())
            });
            if gathered.is_some() {
                fewest = Some(unique(found));
            }
        }
        fewest
    }

    fn places_of_terms(
        &mut self,
        field: &FieldRef,
        test: &TermTest,
        most: usize,
    ) -> Option<Vec<u32>> {
        let index = self.index;
        let terms = &index.field(field.place)?.terms;
        let mut found = Found { places: Vec::new(), most };
        let inside = field.member.as_ref().map(|member| format!("{member}{BORDER}"));
        match (test.reach(), inside, field.kind) {
            (_, None, FieldKind::Flattened) => self.look(&mut found, field, test, terms.iter())?,
            (Reach::Texts(texts), inside, _) => {
                let inside = inside.unwrap_or_default();
                for text in texts {
                    self.spend(STEPS_OF_A_LOOK)?;
                    let places = match inside.as_str() {
                        "" => terms.get(text.as_ref()),
                        inside => terms.get(format!("{inside}{text}").as_str()),
                    };
                    self.take(&mut found, places)?;
                }
            }
            (Reach::Between(lower, upper), None, _) => {
                let is_below = |term: &str| match upper {
                    Bound::Included(upper) => term <= upper,
                    Bound::Excluded(upper) => term < upper,
                    Bound::Unbounded => true,
                };
                let above = terms.range::<str, _>((lower, Bound::Unbounded));
                let between = above.take_while(|(term, _)| is_below(term));
                self.look(&mut found, field, test, between)?;
            }
            (Reach::Beginning(start), inside, _) => {
                let start = inside.unwrap_or_default() + &start;
                self.look(&mut found, field, test, beginning(terms, &start))?;
            }
            (Reach::Between(..) | Reach::Everywhere, inside, _) => {
                let start = inside.unwrap_or_default();
                self.look(&mut found, field, test, beginning(terms, &start))?;
            }
        }
        Some(unique(found.places))
    }

    /// Takes the documents of those terms that pass.
    fn look<'t>(
        &mut self,
        found: &mut Found,
        field: &FieldRef,
        test: &TermTest,
        terms: impl Iterator<Item = (&'t Arc<str>, &'t Places)>,
    ) -> Option<()> {
        for (term, places) in terms {
            self.spend(STEPS_OF_A_NEXT)?;
            let inside = text_in(field, term);
            let passes = inside.map(|inside| test.passes_within(inside, &mut self.steps));
            let passes = passes.unwrap_or(Some(false))?;
            self.take(found, passes.then_some(places))?;
        }
        Some(())
    }
}

/// Places found, as long as they are few.
struct Found {
    places: Vec<u32>,
    most: usize,
}

/// How hard it is to gather what a clause finds: the easy ones first, for they bound the others.
fn effort(clause: &Query) -> u8 {
    match clause {
        Query::Nothing | Query::Names(_) => 0,
        Query::Term(_, TermTest::OneOf(_)) | Query::Phrase(_) => 1,
        Query::Bool(_) => 2,
        Query::Term(..) | Query::All => 3,
    }
}

fn beginning<'i>(
    terms: &'i BTreeMap<Arc<str>, Places>,
    start: &str,
) -> impl Iterator<Item = (&'i Arc<str>, &'i Places)> {
    let from = terms.range::<str, _>((Bound::Included(start), Bound::Unbounded));
    from.take_while(move |(term, _)| term.starts_with(start))
}

fn unique(mut places: Vec<u32>) -> Vec<u32> {
    places.sort_unstable();
    places.dedup();
    places
}

/// Candidates at most: to look at all documents takes turns, to gather them does not.
const GATHERED_MAX: usize = 20_000;
/// What it costs to look a term up, to go on to the next one, to take a place.
const STEPS_OF_A_LOOK: usize = 64;
const STEPS_OF_A_NEXT: usize = 16;
const STEPS_OF_A_PLACE: usize = 8;
