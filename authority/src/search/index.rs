//! The index: for each field its terms in order, for each term the documents that have it.
//!
//! Owns its structure and its changes. Finding is in `gather` and `page`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use jeton_domain::query::document::Document;
use jeton_store::engine::{Key, Version};

use super::Source;

/// A document in the index.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where the index holds it.
    pub(super) place: u32,
    /// The version of the row that it was read from.
    pub(super) version: Version,
    /// The document.
    pub(super) document: Document,
}

/// Documents by their terms.
pub(super) struct Index {
    /// The key of the row of a document's name.
    pub(super) key: fn(&str) -> Key,
    /// Places by keys, so in order of names.
    pub(super) by_key: BTreeMap<Bytes, u32>,
    /// The fields of the schema.
    pub(super) fields: Vec<Field>,
    entries: Vec<Option<Arc<Entry>>>,
    free: Vec<u32>,
}

/// The terms of one field.
#[derive(Debug, Default)]
pub(super) struct Field {
    /// The terms, with the documents that have them.
    pub(super) terms: BTreeMap<Arc<str>, Places>,
    /// The documents that have none.
    pub(super) without: BTreeSet<u32>,
}

/// Places of documents, at least one.
#[derive(Debug)]
pub(super) enum Places {
    /// One, as most terms have.
    One(u32),
    /// Several.
    Several(BTreeSet<u32>),
}

impl Index {
    /// An index without documents.
    pub(super) fn new(source: &Source) -> Self {
        let fields = source.schema.fields.iter().map(|_| Field::default()).collect();
        Self {
            key: source.key,
            by_key: BTreeMap::new(),
            fields,
            entries: Vec::new(),
            free: Vec::new(),
        }
    }

    /// How many documents there are.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// The document at a place.
    pub(super) fn entry(&self, place: u32) -> Option<&Arc<Entry>> {
        self.entries.get(usize::try_from(place).ok()?)?.as_ref()
    }

    /// The field at a place of the schema.
    pub(super) fn field(&self, place: u32) -> Option<&Field> {
        self.fields.get(usize::try_from(place).ok()?)
    }

    /// Every document, in order of names.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.by_key.values().filter_map(|place| self.entry(*place))
    }

    /// Puts a document in, in place of the one of the same key.
    pub(super) fn insert(&mut self, key: &Key, version: Version, mut document: Document) {
        self.remove(key);
        let place = self.vacancy();
        document.share(|term| {
            let field = self.field(term.field)?;
            field.terms.get_key_value(&term.text).map(|(text, _)| Arc::clone(text))
        });
        for term in document.terms() {
            if let Some(field) = field_mut(&mut self.fields, term.field) {
                field.add(&term.text, place);
            }
        }
        for (number, field) in (0..).zip(&mut self.fields) {
            if !document.terms().iter().any(|term| term.field == number) {
                field.without.insert(place);
            }
        }
        // The key may be a part of something larger, which must not be kept for it.
        self.by_key.insert(Bytes::copy_from_slice(&key.bytes), place);
        if let Some(slot) = usize::try_from(place).ok().and_then(|at| self.entries.get_mut(at)) {
            *slot = Some(Arc::new(Entry { place, version, document }));
        }
    }

    /// Takes the document of a key out, if there is one.
    pub(super) fn remove(&mut self, key: &Key) {
        let Some(place) = self.by_key.remove(&key.bytes) else { return };
        let slot = usize::try_from(place).ok().and_then(|at| self.entries.get_mut(at));
        let Some(entry) = slot.and_then(Option::take) else { return };
        for term in entry.document.terms() {
            if let Some(field) = field_mut(&mut self.fields, term.field) {
                field.take(&term.text, place);
            }
        }
        for field in &mut self.fields {
            field.without.remove(&place);
        }
        self.free.push(place);
    }

    /// A place that is free.
    fn vacancy(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            u32::try_from(self.entries.len().saturating_sub(1)).unwrap_or(u32::MAX)
        })
    }
}

impl Field {
    fn add(&mut self, text: &Arc<str>, place: u32) {
        match self.terms.get_mut(text) {
            Some(places) => places.add(place),
            None => drop(self.terms.insert(Arc::clone(text), Places::One(place))),
        }
    }

    fn take(&mut self, text: &Arc<str>, place: u32) {
        let is_last = match self.terms.get_mut(text) {
            None => false,
            Some(Places::One(only)) => *only == place,
            Some(Places::Several(places)) => {
                places.remove(&place);
                places.is_empty()
            }
        };
        if is_last {
            self.terms.remove(text);
        }
    }
}

impl Places {
    /// How many.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Several(places) => places.len(),
        }
    }

    /// The places, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let (one, several) = match self {
            Self::One(place) => (Some(*place), None),
            Self::Several(places) => (None, Some(places)),
        };
        one.into_iter().chain(several.into_iter().flatten().copied())
    }

    fn add(&mut self, place: u32) {
        match self {
            Self::One(only) if *only == place => {}
            Self::One(only) => *self = Self::Several([*only, place].into_iter().collect()),
            Self::Several(places) => drop(places.insert(place)),
        }
    }
}

fn field_mut(fields: &mut [Field], place: u32) -> Option<&mut Field> {
    fields.get_mut(usize::try_from(place).ok()?)
}
