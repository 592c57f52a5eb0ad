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
    /// The documents that a query may match.
    pub(super) fn candidates(&self, query: &Query) -> Vec<Arc<Entry>> {
        // To look for more than every other document takes as long as to look at all.
        match self.gather(query, self.len() / 2) {
            Some(places) => {
                let entries = places.into_iter().filter_map(|place| self.entry(place));
                entries.map(Arc::clone).collect()
            }
            None => self.entries().map(Arc::clone).collect(),
        }
    }

    /// The places of all documents that a query matches, and perhaps of others; none if they are more
    /// than `most`, or if to find them would take looking at more terms than that.
    fn gather(&self, query: &Query, most: usize) -> Option<Vec<u32>> {
        match query {
            Query::All => None,
            Query::Nothing => Some(Vec::new()),
            Query::Names(names) if names.len() > most => None,
            Query::Names(names) => {
                let places =
                    names.iter().filter_map(|name| self.by_key.get(&(self.key)(name).bytes));
                Some(places.copied().collect())
            }
            Query::Term(field, test) => self.gather_terms(field, test, most),
            Query::Phrase(Phrase { field, words, .. }) => {
                let texts = words.first()?.iter().map(|word| word.as_str().into());
                self.gather_terms(field, &TermTest::OneOf(texts.collect()), most)
            }
            Query::Bool(bool) => self.gather_bool(bool, most),
        }
    }

    fn gather_bool(&self, bool: &Bool, most: usize) -> Option<Vec<u32>> {
        let mut clauses: Vec<&Query> = bool.all.iter().collect();
        clauses.sort_by_key(|clause| effort(clause));
        let mut fewest: Option<Vec<u32>> = None;
        let most_of = |fewest: &Option<Vec<u32>>| fewest.as_ref().map_or(most, Vec::len);
        for clause in clauses {
            if let Some(found) = self.gather(clause, most_of(&fewest)) {
                fewest = Some(found);
            }
        }
        if bool.at_least > 0 {
            let most = most_of(&fewest);
            let mut found: Vec<u32> = Vec::new();
            let gathered = bool.some.iter().try_for_each(|clause| {
                found.extend(self.gather(clause, most.checked_sub(found.len())?)?);
                Some(())
            });
            if gathered.is_some() {
                fewest = Some(unique(found));
            }
        }
        fewest
    }

    fn gather_terms(&self, field: &FieldRef, test: &TermTest, most: usize) -> Option<Vec<u32>> {
        let terms = &self.field(field.place)?.terms;
        let mut gathering = Gathering { found: Vec::new(), looked_at: 0, most };
        let inside = field.member.as_ref().map(|member| format!("{member}{BORDER}"));
        match (test.reach(), inside, field.kind) {
            (_, None, FieldKind::Flattened) => gathering.among(field, test, terms.iter())?,
            (Reach::Texts(texts), inside, _) => {
                let inside = inside.unwrap_or_default();
                for text in texts {
                    gathering.look()?;
                    let places = match inside.as_str() {
                        "" => terms.get(text.as_ref()),
                        inside => terms.get(format!("{inside}{text}").as_str()),
                    };
                    gathering.take(places)?;
                }
            }
            (Reach::Between(lower, upper), None, _) => {
                let is_below = |term: &str| match upper {
                    Bound::Included(upper) => term <= upper,
                    Bound::Excluded(upper) => term < upper,
                    Bound::Unbounded => true,
                };
                let above = terms.range::<str, _>((lower, Bound::Unbounded));
                gathering.among(field, test, above.take_while(|(term, _)| is_below(term)))?;
            }
            (Reach::Beginning(start), inside, _) => {
                let start = inside.unwrap_or_default() + &start;
                gathering.among(field, test, beginning(terms, &start))?;
            }
            (Reach::Between(..) | Reach::Everywhere, inside, _) => {
                let start = inside.unwrap_or_default();
                gathering.among(field, test, beginning(terms, &start))?;
            }
        }
        Some(unique(gathering.found))
    }
}

/// Places being gathered, as long as it pays.
struct Gathering {
    found: Vec<u32>,
    looked_at: usize,
    most: usize,
}

impl Gathering {
    /// Takes the documents of those terms that pass.
    fn among<'i>(
        &mut self,
        field: &FieldRef,
        test: &TermTest,
        mut terms: impl Iterator<Item = (&'i Arc<str>, &'i Places)>,
    ) -> Option<()> {
        terms.try_for_each(|(term, places)| {
            self.look()?;
            let passes = text_in(field, term).is_some_and(|text| test.passes(text));
            self.take(passes.then_some(places))
        })
    }

    fn look(&mut self) -> Option<()> {
        self.looked_at = self.looked_at.saturating_add(1);
        (self.looked_at <= self.most).then_some(())
    }

    fn take(&mut self, places: Option<&Places>) -> Option<()> {
        let Some(places) = places else { return Some(()) };
        if self.found.len().saturating_add(places.len()) > self.most {
            return None;
        }
        self.found.extend(places.iter());
        Some(())
    }
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
