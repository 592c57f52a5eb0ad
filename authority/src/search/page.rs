//! The page of a search: which of the matching documents are shown, in which order.
//!
//! Owns how a page is found without ordering everything. Documents that a search does not tell
//! apart are ordered by name, so pages do not overlap.

use core::cmp::Ordering;
use std::ops::Bound;
use std::sync::Arc;

use jeton_domain::limits::SEARCH_TURN_STEPS;
use jeton_domain::query::schema::FieldKind;
use jeton_domain::query::sort::{Missing, Order, Pick, SortKey};
use jeton_domain::query::{Query, Search, Sort, SortValue};

use super::index::{Entry, Field, Index, Places};
use super::pace::STEPS_OF_A_DOCUMENT;

/// A document, and what it is ordered by.
#[derive(Clone, Debug)]
pub(super) struct Ranked {
    /// What it is ordered by.
    pub(super) values: Vec<SortValue>,
    /// The document.
    pub(super) entry: Arc<Entry>,
}

/// What a search shows.
#[derive(Debug)]
pub(super) struct Page {
    /// How many documents match.
    pub(super) total: usize,
    /// Those that are shown, in order.
    pub(super) hits: Vec<Ranked>,
}

impl Ranked {
    /// A document, ordered as a search asks.
    pub(super) fn of(entry: &Arc<Entry>, search: &Search) -> Self {
        let sort = search.sort.as_ref();
        let values = sort.map(|sort| sort.values(&entry.document, entry.place));
        Self { values: values.unwrap_or_default(), entry: Arc::clone(entry) }
    }

    fn compare(&self, other: &Self, sort: Option<&Sort>) -> Ordering {
        let by_values =
            sort.map_or(Ordering::Equal, |sort| sort.compare(&self.values, &other.values));
        by_values.then_with(|| self.entry.document.name().cmp(other.entry.document.name()))
    }

    /// Whether it stands behind the hit that the search goes on from.
    fn is_after(&self, search: &Search) -> bool {
        match (&search.sort, &search.after) {
            (Some(sort), Some(after)) => sort.compare(&self.values, after).is_gt(),
            (Some(_) | None, _) => true,
        }
    }
}

/// The first documents of those that match, as they come in any order; holds few more than are
/// shown.
pub(super) struct Keeper<'s> {
    search: &'s Search,
    total: usize,
    kept: Vec<Ranked>,
    /// What does not come before this one is not shown.
    last: Option<Ranked>,
}

impl<'s> Keeper<'s> {
    /// A keeper for a search.
    pub(super) const fn new(search: &'s Search) -> Self {
        Self { search, total: 0, kept: Vec::new(), last: None }
    }

    /// Takes a document that matches.
    pub(super) fn keep(&mut self, entry: &Arc<Entry>) {
        self.total = self.total.saturating_add(1);
        let window = window(self.search);
        let ranked = Ranked::of(entry, self.search);
        let sort = self.search.sort.as_ref();
        let is_late =
            self.last.as_ref().is_some_and(|last| ranked.compare(last, sort) != Ordering::Less);
        if window == 0 || is_late || !ranked.is_after(self.search) {
            return;
        }
        self.kept.push(ranked);
        if self.kept.len() > window.saturating_add(window.max(KEPT_BESIDE)) {
            cut(&mut self.kept, window, sort);
            self.last = self.kept.last().cloned();
        }
    }

    /// Steps that it takes to order what is kept.
    pub(super) fn effort(&self) -> usize {
        self.kept.len().saturating_mul(STEPS_OF_A_DOCUMENT)
    }

    /// The page.
    pub(super) fn into_page(self) -> Page {
        let shown = first(self.kept, window(self.search), self.search.sort.as_ref());
        Page { total: self.total, hits: shown.into_iter().skip(self.search.from).collect() }
    }
}

impl Index {
    /// The page of a search that everything matches, by the order of terms; none if that order does
    /// not help, or if not everything is in the index.
    pub(super) fn walk(&self, search: &Search) -> Option<Page> {
        if !matches!(search.query, Query::All) || self.end().is_some() {
            return None;
        }
        let window = window(search);
        let shown = match search.sort.as_ref() {
            None => {
                let first = self.entries().take(window);
                first.map(|entry| Ranked::of(entry, search)).collect()
            }
            Some(sort) => self.walk_terms(sort, search, window)?,
        };
        let hits = shown.into_iter().skip(search.from).collect();
        Some(Page { total: self.len(), hits })
    }

    fn walk_terms(&self, sort: &Sort, search: &Search, window: usize) -> Option<Vec<Ranked>> {
        let key = sort.keys().first()?;
        let field_ref = key.field.as_ref()?;
        let field = self.field(field_ref.place)?;
        let is_whole = match field_ref.kind {
            FieldKind::Keyword => false,
            FieldKind::Boolean => true,
            FieldKind::Text | FieldKind::Address | FieldKind::Flattened => return None,
        };
        let picks_first = (key.order == Order::Ascending) == (key.picks == Pick::Least);
        if !picks_first || matches!(key.missing, Missing::As(_)) {
            return None;
        }
        let from = search.after.as_ref().and_then(|after| after.first());
        let mut shown: Vec<Ranked> = Vec::new();
        let mut steps = WALK_STEPS;
        for Group { term, length, places } in groups(field, key, from) {
            let wanted = window.saturating_sub(shown.len());
            if wanted == 0 {
                break;
            }
            steps = steps.checked_sub(length.saturating_mul(STEPS_OF_A_DOCUMENT))?;
            // A document stands in the group of the term that it is ordered by, and in no other.
            let is_here = |ranked: &Ranked| match (ranked.values.first(), term) {
                (Some(SortValue::Text(text)), Some(term)) if !is_whole => text.as_ref() == term,
                (Some(_) | None, _) => true,
            };
            let mut group = Vec::new();
            for entry in places.filter_map(|place| self.entry(place)) {
                steps = steps.checked_sub(entry.effort(sort.keys().len()))?;
                let ranked = Ranked::of(entry, search);
                if is_here(&ranked) && ranked.is_after(search) {
                    group.push(ranked);
                }
            }
            shown.extend(first(group, wanted, Some(sort)));
        }
        Some(shown)
    }
}

/// Documents that share a term, or that have none.
struct Group<'i> {
    term: Option<&'i str>,
    length: usize,
    places: Box<dyn Iterator<Item = u32> + 'i>,
}

/// Documents by their terms in the order of a key; those without a term stand at an end.
fn groups<'i>(
    field: &'i Field,
    key: &SortKey,
    from: Option<&SortValue>,
) -> Box<dyn Iterator<Item = Group<'i>> + 'i> {
    let without = Group {
        term: None,
        length: field.without.len(),
        places: Box::new(field.without.iter().copied()),
    };
    let without = core::iter::once(without);
    let from = match (from, &key.missing) {
        // Only others without a value stand behind one without.
        (Some(SortValue::Missing), Missing::Last) => return Box::new(without),
        (Some(SortValue::Text(text)), _) => Bound::Included(text.as_ref()),
        (Some(SortValue::Number(_) | SortValue::Missing) | None, _) => Bound::Unbounded,
    };
    let group = |(term, places): (&'i Arc<str>, &'i Places)| Group {
        term: Some(term.as_ref()),
        length: places.len(),
        places: Box::new(places.iter()),
    };
    let terms: Box<dyn Iterator<Item = Group<'i>> + 'i> = match key.order {
        Order::Ascending => {
            Box::new(field.terms.range::<str, _>((from, Bound::Unbounded)).map(group))
        }
        Order::Descending => {
            Box::new(field.terms.range::<str, _>((Bound::Unbounded, from)).rev().map(group))
        }
    };
    match key.missing {
        Missing::First => Box::new(without.chain(terms)),
        Missing::Last | Missing::As(_) => Box::new(terms.chain(without)),
    }
}

/// The first so many, in order.
fn first(mut ranked: Vec<Ranked>, count: usize, sort: Option<&Sort>) -> Vec<Ranked> {
    cut(&mut ranked, count, sort);
    ranked.sort_unstable_by(|left, right| left.compare(right, sort));
    ranked
}

/// Leaves the first so many, the last of them at the end.
fn cut(ranked: &mut Vec<Ranked>, count: usize, sort: Option<&Sort>) {
    let Some(last) = count.checked_sub(1).filter(|_| ranked.len() > count) else {
        ranked.truncate(count);
        return;
    };
    ranked.select_nth_unstable_by(last, |left, right| left.compare(right, sort));
    ranked.truncate(count);
}

/// How many of the first documents a search looks at.
const fn window(search: &Search) -> usize {
    search.from.saturating_add(search.size)
}

/// Documents that are kept beside those that are shown, before the last ones are thrown away.
const KEPT_BESIDE: usize = 1_000;

/// Steps after which the order of terms does not help: it tells too few documents apart.
const WALK_STEPS: usize = 4 * SEARCH_TURN_STEPS;
