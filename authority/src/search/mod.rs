//! Searches: documents of one table, found by an index in memory that follows the table.
//!
//! Owns how the index is filled and kept coherent, and what a page consists of. Must not know what
//! the documents are: a `Source` says where their rows are and what of them is searched. What it
//! means to match is the domain's; the index only finds candidates.
//!
//! The index is filled at the first search. From then on the keys of changed rows are noted as
//! their commits are applied, before those are answered, and read again at the next search. So a
//! search sees every write that was answered before it began, and a write costs the same however
//! many documents there are. When more changes than are noted pass between two searches, the next
//! one compares the index with all rows.
//!
//! The index holds about 1.5 KiB for an ordinary document and nothing until the first search. It
//! grows up to a bound; documents beyond it, the last ones in order of names, are read from the
//! store at each search. Rows of a page are read from the store in any case.
//!
//! Requests that validate tokens share the thread: whatever a search does, it does in turns of a
//! few milliseconds, and it holds no lock that others wait for from one turn to the next. Only
//! searches wait for each other, while one brings the index up to date.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use jeton_domain::limits::{SEARCH_ATTEMPTS_MAX, SEARCH_DOCUMENT_STEPS_MAX, SEARCH_ROWS};
use jeton_domain::query::document::Document;
use jeton_domain::query::{Schema, Search, SortValue};
use jeton_domain::value::Value;
use jeton_store::engine::{Key, KeyRange, Row, Version};
use jeton_store::error::StoreError;
use jeton_store::store::Store;
use jeton_store::transaction::Attempts;

mod gather;
mod index;
mod look;
mod marks;
mod pace;
mod page;
#[cfg(test)]
mod tests;

use index::{Entry, Index};
use look::Look;
use marks::Marks;
use pace::{Pace, STEPS_OF_A_DOCUMENT, STEPS_OF_A_TERM};
use page::{Page, Ranked};

use crate::AuthorityError;

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<T> {
    /// How many match.
    pub total: usize,
    /// Those of the page, in order.
    pub hits: Vec<Hit<T>>,
}

/// One thing that a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit<T> {
    /// The thing.
    pub item: T,
    /// What it was ordered by, where the search asked for an order.
    pub sort: Option<Vec<Value>>,
}

/// Where documents come from.
pub(crate) struct Source {
    /// Their fields.
    pub(crate) schema: &'static Schema,
    /// Their rows.
    pub(crate) range: KeyRange,
    /// The key of the row of a document's name.
    pub(crate) key: fn(&str) -> Key,
    /// The document in a row.
    pub(crate) document: fn(&Row) -> Result<Document, StoreError>,
}

/// The documents of one source.
pub(crate) struct Collection {
    store: Arc<Store>,
    source: Source,
    marks: Arc<Mutex<Marks>>,
    /// Where the rows begin that are to be compared with the index, never behind the end of what is
    /// in it. Held while the index is brought up to date.
    unread: tokio::sync::Mutex<Option<Bytes>>,
    index: RwLock<Index>,
}

impl Collection {
    /// The documents of a source; it follows their changes.
    pub(crate) fn new(store: Arc<Store>, source: Source) -> Self {
        let marks = Arc::<Mutex<Marks>>::default();
        let (noting, range) = (Arc::downgrade(&marks), source.range.clone());
        store.on_change(Box::new(move |key| {
            if let Some(marks) = noting.upgrade().filter(|_| contains(&range, key)) {
                marks.lock().unwrap_or_else(PoisonError::into_inner).note(key);
            }
        }));
        let index = RwLock::new(Index::new(&source));
        Self { store, source, marks, unread: tokio::sync::Mutex::default(), index }
    }

    /// What a search finds, each thing being read from its row.
    pub(crate) async fn find<T>(
        &self,
        search: &Search,
        read: impl Fn(&Row) -> Result<T, StoreError> + Send + Sync,
    ) -> Result<Found<T>, AuthorityError> {
        let mut attempts = 0_u32;
        loop {
            attempts = attempts.saturating_add(1);
            self.refresh().await?;
            let page = self.page(search).await?;
            let is_last = attempts >= SEARCH_ATTEMPTS_MAX;
            if let Some(hits) = self.hits(&page, search, &read, is_last).await? {
                return Ok(Found { total: page.total, hits });
            }
        }
    }

    /// Brings the index up to every write that was answered before. One at a time does; who waits
    /// sees what was done meanwhile. Dropped half-way, it leaves the rest to the next.
    async fn refresh(&self) -> Result<(), StoreError> {
        let mut unread = self.unread.lock().await;
        let mut pace = Pace::new();
        let mut attempts = Attempts::default();
        loop {
            if self.marks().begin() {
                *unread = Some(self.source.range.start.clone());
            }
            while let Some(start) = unread.clone() {
                if self.read().lacks(&start) && !self.read().has_room() {
                    break;
                }
                *unread = self.fill(start, &mut pace).await?;
                if self.shrink(&mut unread, &mut pace).await {
                    break;
                }
            }
            let noted = self.marks().noted();
            for (key, _) in &noted {
                self.read_again(key, &mut pace).await?;
            }
            self.shrink(&mut unread, &mut pace).await;
            if self.marks().settle(&noted) {
                return Ok(());
            }
            attempts.weigh::<()>(Err(StoreError::Conflict))?;
        }
    }

    /// Brings what the index knows of one row up to date.
    async fn read_again(&self, key: &Key, pace: &mut Pace) -> Result<(), StoreError> {
        if self.read().lacks(&key.bytes) {
            return Ok(());
        }
        let row = self.store.row(key).await?;
        let document = row.as_ref().map(self.source.document).transpose()?;
        let steps = document.as_ref().map_or(STEPS_OF_A_DOCUMENT, effort);
        match document.zip(row) {
            Some((document, row)) => self.write().insert(&key.bytes, row.version, document),
            None => self.write().remove(&key.bytes),
        }
        pace.spend(steps).await;
        Ok(())
    }

    /// Makes a part of the index what the rows are; where the next part begins, if there is one.
    async fn fill(&self, start: Bytes, pace: &mut Pace) -> Result<Option<Bytes>, StoreError> {
        let range = KeyRange { start: start.clone(), ..self.source.range.clone() };
        let mut rows = self.store.rows(&range, SEARCH_ROWS).await?;
        let last = rows.last().filter(|_| rows.len() == SEARCH_ROWS);
        let mut next = last.map(|(key, _)| key.following());
        let known: BTreeMap<Bytes, Version> = {
            let index = self.read();
            let known = index.keys_in(&start, next.as_ref()).take(SEARCH_ROWS);
            known.map(|(key, entry)| (key.clone(), entry.version)).collect()
        };
        if let Some((last, _)) = known.last_key_value().filter(|_| known.len() == SEARCH_ROWS) {
            rows.retain(|(key, _)| key.bytes <= *last);
            next = Some(following(last));
        }
        for key in known.keys() {
            if rows.binary_search_by(|(row, _)| row.bytes.cmp(key)).is_err() {
                self.write().remove(key);
            }
        }
        for (key, row) in rows {
            if known.get(&key.bytes) == Some(&row.version) {
                pace.spend(STEPS_OF_A_DOCUMENT).await;
                continue;
            }
            let document = (self.source.document)(&row)?;
            let steps = effort(&document);
            self.write().append(&key, row.version, document);
            pace.spend(steps).await;
        }
        self.write().extend(next.clone());
        Ok(next)
    }

    /// Takes documents out that are too many; whether there were any.
    async fn shrink(&self, unread: &mut Option<Bytes>, pace: &mut Pace) -> bool {
        let mut has_cut = false;
        loop {
            let end = {
                let mut index = self.write();
                if !index.is_too_large() {
                    return has_cut;
                }
                index.cut_last();
                index.end().cloned()
            };
            has_cut = true;
            if unread.as_ref().is_none_or(|unread| Some(unread) > end.as_ref()) {
                *unread = end;
            }
            pace.spend(STEPS_OF_A_DOCUMENT.saturating_add(STEPS_OF_A_TERM)).await;
        }
    }

    /// The page of a search, as the index stands.
    async fn page(&self, search: &Search) -> Result<Page, AuthorityError> {
        let mut look = Look::new(search);
        let (candidates, end) = {
            let index = self.read();
            if let Some(page) = index.walk(search) {
                return Ok(page);
            }
            (index.candidates(&search.query, &mut look.gathering), index.end().cloned())
        };
        let rest = if let Some(entries) = candidates {
            for entry in &entries {
                look.at(entry).await?;
            }
            end
        } else {
            self.look_at_all(&mut look).await?
        };
        if let Some(start) = rest {
            self.look_beyond(start, &mut look).await?;
        }
        Ok(look.into_page().await)
    }

    /// Looks at every document of the index; where the rows begin that are not in it. A document
    /// that is there all the time is seen once, whatever changes meanwhile.
    async fn look_at_all(&self, look: &mut Look<'_>) -> Result<Option<Bytes>, AuthorityError> {
        let mut from = self.source.range.start.clone();
        loop {
            let (entries, next, end) = {
                let index = self.read();
                let some = index.keys_in(&from, None).take(SEARCH_ROWS);
                let some: Vec<_> = some.map(|(key, entry)| (key, Arc::clone(entry))).collect();
                let next = some.last().map(|(key, _)| following(key));
                let entries: Vec<_> = some.into_iter().map(|(_, entry)| entry).collect();
                (entries, next, index.end().cloned())
            };
            let Some(next) = next else { return Ok(end.map(|end| end.max(from))) };
            for entry in &entries {
                look.at(entry).await?;
            }
            from = next;
        }
    }

    /// Looks at rows that are not in the index.
    async fn look_beyond(&self, start: Bytes, look: &mut Look<'_>) -> Result<(), AuthorityError> {
        let mut range = KeyRange { start, ..self.source.range.clone() };
        let mut place = self.read().places();
        loop {
            let rows = self.store.rows(&range, SEARCH_ROWS).await?;
            for (_, row) in &rows {
                let document = (self.source.document)(row)?;
                look.beyond(Entry { place, version: row.version, document }).await?;
                place = place.saturating_add(1);
            }
            match rows.last() {
                Some((key, _)) if rows.len() == SEARCH_ROWS => range.start = key.following(),
                Some(_) | None => return Ok(()),
            }
        }
    }

    /// The hits of a page, each read from its row; none if one of them is no hit any more, unless
    /// this is the last attempt.
    async fn hits<T>(
        &self,
        page: &Page,
        search: &Search,
        read: &(impl Fn(&Row) -> Result<T, StoreError> + Send + Sync),
        is_last: bool,
    ) -> Result<Option<Vec<Hit<T>>>, AuthorityError> {
        let mut turn = Pace::new();
        let mut hits = Vec::with_capacity(page.hits.len());
        for ranked in &page.hits {
            let key = (self.source.key)(ranked.entry.document.name());
            let row = self.store.row(&key).await?;
            let row = match row {
                Some(row) if self.is_hit(ranked, &row, search)? => row,
                Some(_) | None if is_last => continue,
                Some(_) | None => {
                    self.marks().note(&key);
                    return Ok(None);
                }
            };
            let values = ranked.values.iter().map(SortValue::to_value);
            let sort = search.sort.as_ref().map(|_| values.collect());
            hits.push(Hit { item: read(&row)?, sort });
            turn.spend(STEPS_OF_A_ROW.saturating_add(row.value.len())).await;
        }
        Ok(Some(hits))
    }

    /// Whether a row still is what was found: unchanged, or changed in what does not matter here.
    fn is_hit(&self, ranked: &Ranked, row: &Row, search: &Search) -> Result<bool, StoreError> {
        if row.version == ranked.entry.version {
            return Ok(true);
        }
        let document = (self.source.document)(row)?;
        let mut steps = SEARCH_DOCUMENT_STEPS_MAX;
        let matches = search.query.matches_within(&document, &mut steps) == Some(true);
        let values = search.sort.as_ref().map(|sort| sort.values(&document, ranked.entry.place));
        Ok(matches && values.unwrap_or_default() == ranked.values)
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collection").finish_non_exhaustive()
    }
}

fn contains(range: &KeyRange, key: &Key) -> bool {
    key.space == range.space
        && key.bytes >= range.start
        && range.end.as_ref().is_none_or(|end| key.bytes < *end)
}

/// Steps that it takes to read a document and to index it.
fn effort(document: &Document) -> usize {
    let terms = document.terms().len().saturating_mul(STEPS_OF_A_TERM);
    terms.saturating_add(STEPS_OF_A_DOCUMENT)
}

/// The key right behind this one.
fn following(key: &Bytes) -> Bytes {
    [key.as_ref(), &[0]].concat().into()
}

/// Steps that it takes to read a row, beside those for its length.
const STEPS_OF_A_ROW: usize = 512;
