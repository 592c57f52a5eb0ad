//! The page of a search: which of the matching documents are shown, in which order.
//!
//! Owns how a page is found without ordering everything. Documents that a search does not tell apart
//! are ordered by name, so pages do not overlap.

use core::cmp::Ordering;
use std::ops::Bound;
use std::sync::Arc;

use jeton_domain::limits::SEARCH_STEP;
use jeton_domain::query::schema::FieldKind;
use jeton_domain::query::sort::{Missing, Order, Pick, SortKey};
use jeton_domain::query::{Query, Search, Sort, SortValue};

use super::index::{Entry, Field, Index, Places};

/// A document, and what it is ordered by.
#[derive(Debug)]
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

impl Page {
    /// The page of these documents, all of which match.
    pub(super) fn of(mut matching: Vec<Ranked>, search: &Search) -> Self {
        let total = matching.len();
        matching.retain(|ranked| ranked.is_after(search));
        let first = first(matching, window(search), search.sort.as_ref());
        Self { total, hits: first.into_iter().skip(search.from).collect() }
    }
}

impl Index {
    /// The page of a search that everything matches, by the order of terms; none if that order does
    /// not help.
    pub(super) fn walk(&self, search: &Search) -> Option<Page> {
        if !matches!(search.query, Query::All) {
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
        for Group { term, length, places } in groups(field, key, from) {
            let wanted = window.saturating_sub(shown.len());
            if wanted == 0 {
                break;
            }
            if length > GROUP_MAX {
                return None;
            }
            // A document stands in the group of the term that it is ordered by, and in no other.
            let is_here = |ranked: &Ranked| match (ranked.values.first(), term) {
                (Some(SortValue::Text(text)), Some(term)) if !is_whole => text.as_ref() == term,
                (Some(_) | None, _) => true,
            };
            let entries = places.filter_map(|place| self.entry(place));
            let ranked = entries.map(|entry| Ranked::of(entry, search));
            let group = ranked.filter(|ranked| is_here(ranked) && ranked.is_after(search));
            shown.extend(first(group.collect(), wanted, Some(sort)));
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
    if ranked.len() > count {
        // The one at this place and those behind it are not shown.
        ranked.select_nth_unstable_by(count, |left, right| left.compare(right, sort));
        ranked.truncate(count);
    }
    ranked.sort_unstable_by(|left, right| left.compare(right, sort));
    ranked
}

/// How many of the first documents a search looks at.
const fn window(search: &Search) -> usize {
    search.from.saturating_add(search.size)
}

/// Documents that are put in order at one go; those who share a term are more only where the order
/// tells few apart.
const GROUP_MAX: usize = 10 * SEARCH_STEP;
