//! Searches: documents of one table, found by an index in memory that follows the table.
//!
//! Owns how the index is filled and kept coherent, and what a page consists of. Must not know what
//! the documents are: a [`Source`] says where their rows are and what of them is searched. What it
//! means to match is the domain's; the index only finds candidates.
//!
//! The index is filled at the first search. From then on the keys of changed rows are noted as their
//! commits are applied, before those are answered, and read again at the next search. So a search
//! sees every write that was answered before it began, and a write costs the same however many
//! documents there are. The index holds about 1.5 KiB for an ordinary document and nothing until the
//! first search; rows of a page are read from the store.

use core::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use jeton_domain::limits::{SCAN_ROWS_MAX, SEARCH_STEP};
use jeton_domain::query::document::Document;
use jeton_domain::query::{Schema, Search, SortValue};
use jeton_domain::value::Value;
use jeton_store::engine::{Key, KeyRange, Row};
use jeton_store::error::StoreError;
use jeton_store::store::Store;
use jeton_store::transaction::Attempts;
use tokio::task::yield_now;

mod gather;
mod index;
mod marks;
mod page;
#[cfg(test)]
mod tests;

use index::{Entry, Index};
use marks::Marks;
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
    /// Where the rows begin that are not in the index yet. Held while the index is brought up to date.
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
        let mut attempts = Attempts::default();
        loop {
            self.refresh().await?;
            let page = self.page(search).await;
            if let Some(rows) = self.rows(&page.hits).await? {
                let pairs = rows.iter().zip(&page.hits);
                let hits = pairs.map(|(row, ranked)| {
                    let values = ranked.values.iter().map(SortValue::to_value);
                    let sort = search.sort.as_ref().map(|_| values.collect());
                    Ok(Hit { item: read(row)?, sort })
                });
                let hits = hits.collect::<Result<_, StoreError>>()?;
                return Ok(Found { total: page.total, hits });
            }
            // A row of the page changed since it was indexed.
            attempts.weigh::<()>(Err(StoreError::Conflict))?;
        }
    }

    /// Brings the index up to every write that was answered before. One at a time does; who waits
    /// sees what was done meanwhile. Dropped half-way, it leaves the rest to the next.
    async fn refresh(&self) -> Result<(), StoreError> {
        let mut unread = self.unread.lock().await;
        let mut attempts = Attempts::default();
        loop {
            if self.marks().begin() {
                *self.write() = Index::new(&self.source);
                *unread = Some(self.source.range.start.clone());
            }
            while let Some(start) = unread.clone() {
                *unread = self.fill(start).await?;
                yield_now().await;
            }
            let noted = self.marks().noted();
            for step in noted.chunks(SEARCH_STEP) {
                for (key, _) in step {
                    self.read_again(key).await?;
                }
                yield_now().await;
            }
            if self.marks().settle(&noted) {
                return Ok(());
            }
            attempts.weigh::<()>(Err(StoreError::Conflict))?;
        }
    }

    /// Brings what the index knows of one row up to date.
    async fn read_again(&self, key: &Key) -> Result<(), StoreError> {
        let row = self.store.row(key).await?;
        let document = row.as_ref().map(self.source.document).transpose()?;
        let mut index = self.write();
        index.remove(key);
        if let Some((document, row)) = document.zip(row) {
            index.insert(key, row.version, document);
        }
        drop(index);
        Ok(())
    }

    /// Puts some rows into the index; where the next ones begin, if there are more.
    async fn fill(&self, start: Bytes) -> Result<Option<Bytes>, StoreError> {
        let range = KeyRange { start, ..self.source.range.clone() };
        let rows = self.store.rows(&range, SCAN_ROWS_MAX).await?;
        let documents = rows.iter().map(|(_, row)| (self.source.document)(row));
        let documents = documents.collect::<Result<Vec<_>, _>>()?;
        let mut index = self.write();
        for ((key, row), document) in rows.iter().zip(documents) {
            index.insert(key, row.version, document);
        }
        drop(index);
        let last = rows.last().filter(|_| rows.len() == SCAN_ROWS_MAX);
        Ok(last.map(|(key, _)| key.following()))
    }

    /// The page of a search, as the index stands.
    async fn page(&self, search: &Search) -> Page {
        let found: Vec<Arc<Entry>> = {
            let index = self.read();
            if let Some(page) = index.walk(search) {
                return page;
            }
            index.candidates(&search.query)
        };
        let mut matching = Vec::new();
        let step_length = (SEARCH_STEP / search.query.tests().max(1)).max(1);
        for step in found.chunks(step_length) {
            let matches = |entry: &&Arc<Entry>| search.query.matches(&entry.document);
            let ranked = step.iter().filter(matches).map(|entry| Ranked::of(entry, search));
            matching.extend(ranked);
            if step.len() == step_length {
                yield_now().await;
            }
        }
        Page::of(matching, search)
    }

    /// The rows of hits; none if one of them is not what was indexed.
    async fn rows(&self, hits: &[Ranked]) -> Result<Option<Vec<Row>>, StoreError> {
        let mut rows = Vec::with_capacity(hits.len());
        for Ranked { entry, .. } in hits {
            let key = (self.source.key)(entry.document.name());
            match self.store.row(&key).await? {
                Some(row) if row.version == entry.version => rows.push(row),
                Some(_) | None => return Ok(None),
            }
        }
        Ok(Some(rows))
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
