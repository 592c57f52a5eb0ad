//! The index: for each field its terms in order, for each term the documents that have it.
//!
//! Owns its structure and its changes. Finding is in `gather` and `page`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use jeton_domain::limits::SEARCH_INDEX_BYTES_MAX;
use jeton_domain::query::document::Document;
use jeton_store::engine::{Key, Version};

use super::Source;
use super::pace::STEPS_OF_A_DOCUMENT;

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

impl Entry {
    /// Steps that it takes to get at the document and to order it by so many keys.
    pub(super) fn effort(&self, keys: usize) -> usize {
        STEPS_OF_A_DOCUMENT.saturating_add(self.document.terms().len().saturating_mul(keys))
    }
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
    /// The key at and behind which rows are not in the index; none when all are.
    end: Option<Bytes>,
    /// About how many bytes the documents take.
    bytes: usize,
    /// How many they may take.
    room: usize,
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
            end: Some(source.range.start.clone()),
            bytes: 0,
            room: SEARCH_INDEX_BYTES_MAX,
        }
    }

    /// The key at and behind which rows are not in the index; none when all are.
    pub(super) const fn end(&self) -> Option<&Bytes> {
        self.end.as_ref()
    }

    /// Says that all rows before `end` are in the index, if more than before; none is the end of
    /// all.
    pub(super) fn extend(&mut self, end: Option<Bytes>) {
        if self.end.is_some() && end.as_ref().is_none_or(|end| self.lacks(end)) {
            self.end = end;
        }
    }

    /// Whether a row of this key is beyond what is in the index.
    pub(super) fn lacks(&self, key: &[u8]) -> bool {
        self.end.as_ref().is_some_and(|end| key >= end.as_ref())
    }

    /// Whether more documents may be put in; there is some room between this and too many.
    pub(super) const fn has_room(&self) -> bool {
        self.bytes < self.room - self.room / 8
    }

    /// Whether there are too many documents.
    pub(super) const fn is_too_large(&self) -> bool {
        self.bytes > self.room
    }

    /// Takes the last document out, which is then beyond the end.
    pub(super) fn cut_last(&mut self) {
        let Some((key, _)) = self.by_key.last_key_value() else { return };
        self.end = Some(key.clone());
        self.remove(&key.clone());
    }

    /// The keys of some of the first documents in a part of the order of names.
    pub(super) fn keys_in(
        &self,
        from: &Bytes,
        end: Option<&Bytes>,
    ) -> impl Iterator<Item = (&Bytes, &Arc<Entry>)> {
        let end = end.map_or(Bound::Unbounded, Bound::Excluded);
        let is_empty = matches!(end, Bound::Excluded(end) if end <= from);
        let range = (Bound::Included(from), if is_empty { Bound::Included(from) } else { end });
        let known = self.by_key.range::<Bytes, _>(range);
        known
            .take_while(move |_| !is_empty)
            .filter_map(|(key, place)| Some((key, self.entry(*place)?)))
    }

    /// Lets the documents take so many bytes.
    #[cfg(test)]
    pub(super) const fn set_room(&mut self, room: usize) {
        self.room = room;
    }

    /// How many documents there are.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// How many places there are, in use or not.
    pub(super) fn places(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
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
    pub(super) fn insert(&mut self, key: &[u8], version: Version, mut document: Document) {
        self.remove(key);
        let place = self.vacancy();
        self.bytes = self.bytes.saturating_add(bytes_of(&document));
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
        self.by_key.insert(Bytes::copy_from_slice(key), place);
        if let Some(slot) = usize::try_from(place).ok().and_then(|at| self.entries.get_mut(at)) {
            *slot = Some(Arc::new(Entry { place, version, document }));
        }
    }

    /// Puts a document in that may be behind the end, which is then behind it.
    pub(super) fn append(&mut self, key: &Key, version: Version, document: Document) {
        self.insert(&key.bytes, version, document);
        if self.lacks(&key.bytes) {
            self.end = Some(key.following());
        }
    }

    /// Takes the document of a key out, if there is one.
    pub(super) fn remove(&mut self, key: &[u8]) {
        let Some(place) = self.by_key.remove(key) else { return };
        let slot = usize::try_from(place).ok().and_then(|at| self.entries.get_mut(at));
        let Some(entry) = slot.and_then(Option::take) else { return };
        self.bytes = self.bytes.saturating_sub(bytes_of(&entry.document));
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

/// About how many bytes a document takes.
fn bytes_of(document: &Document) -> usize {
    let terms = document.terms().iter().map(|term| term.text.len().saturating_add(BYTES_OF_A_TERM));
    terms.fold(BYTES_OF_A_DOCUMENT, usize::saturating_add)
}

fn field_mut(fields: &mut [Field], place: u32) -> Option<&mut Field> {
    fields.get_mut(usize::try_from(place).ok()?)
}

/// What a document takes beside its terms, what a term takes beside its text.
const BYTES_OF_A_DOCUMENT: usize = 256;
const BYTES_OF_A_TERM: usize = 96;
