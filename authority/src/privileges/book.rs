//! The stored privileges of each application, remembered until they change.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use jeton_domain::id::Tick;
use jeton_domain::limits::SCAN_ROWS_MAX;
use jeton_domain::privilege::application::ApplicationPrivilege;
use jeton_store::engine::{Key, KeyRange};
use jeton_store::store::Store;
use jeton_store::tables::privileges as table;

use crate::{Authority, AuthorityError};

impl Authority {
    /// The stored privileges of an application, in order of names; none of an unknown one.
    pub(crate) async fn stored_privileges(
        &self,
        application: &str,
    ) -> Result<Arc<[ApplicationPrivilege]>, AuthorityError> {
        self.privileges.of_application(application).await
    }
}

/// The privileges by application.
pub(crate) struct PrivilegeBook {
    store: Arc<Store>,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    applications: BTreeMap<String, Remembered>,
    /// Bytes of all that is remembered, about.
    bytes: usize,
}

#[derive(Clone)]
struct Remembered {
    privileges: Arc<[ApplicationPrivilege]>,
    /// Bytes of their rows.
    bytes: usize,
}

impl PrivilegeBook {
    /// A book of the privileges in this store; it follows their changes.
    pub(crate) fn new(store: Arc<Store>) -> Arc<Self> {
        let book = Arc::new(Self { store, known: RwLock::default() });
        let changing: Weak<Self> = Arc::downgrade(&book);
        book.store.on_change(Box::new(move |key| {
            if let Some(book) = changing.upgrade() {
                book.follow(key);
            }
        }));
        book
    }

    /// The privileges of an application, in order of names; none of an unknown one.
    pub(crate) async fn of_application(
        &self,
        application: &str,
    ) -> Result<Arc<[ApplicationPrivilege]>, AuthorityError> {
        let mut attempt: u32 = 0;
        loop {
            if let Some(known) = self.remembered(application) {
                return Ok(known);
            }
            let noted = self.store.tick();
            let (found, bytes) = self.scan(table::of_application(application)).await?;
            let found: Arc<[_]> = found.into();
            let remembered = Remembered { privileges: Arc::clone(&found), bytes };
            attempt = attempt.saturating_add(1);
            if self.remember(application, remembered, noted) || attempt >= READINGS_MAX {
                return Ok(found);
            }
        }
    }

    /// Remembers what was read after `noted`, unless it has changed since; whether it has not.
    fn remember(&self, application: &str, remembered: Remembered, noted: Tick) -> bool {
        let key = table::application_key(application);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // Asked while nobody can read: a change is noted before it is followed, so it is seen here,
        // or it waits for this lock to have the entry forgotten.
        let is_unchanged = self.store.is_unchanged_since(&key, noted);
        if is_unchanged {
            known.insert(application, remembered);
        }
        is_unchanged
    }

    /// Every stored privilege, in order of applications and names.
    pub(crate) async fn all(&self) -> Result<Vec<ApplicationPrivilege>, AuthorityError> {
        Ok(self.scan(table::all()).await?.0)
    }

    /// Forgets an application.
    pub(crate) fn forget(&self, application: &str) {
        self.write(|known| known.remove(application));
    }

    /// Forgets every application.
    pub(crate) fn forget_all(&self) {
        self.write(|known| *known = Known::default());
    }

    /// The privileges of an application, if they are remembered.
    fn remembered(&self, application: &str) -> Option<Arc<[ApplicationPrivilege]>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.applications.get(application).map(|found| Arc::clone(&found.privileges))
    }

    /// The privileges in a range, and how many bytes their rows have.
    async fn scan(
        &self,
        mut range: KeyRange,
    ) -> Result<(Vec<ApplicationPrivilege>, usize), AuthorityError> {
        let (mut found, mut bytes) = (Vec::new(), 0_usize);
        loop {
            let rows = self.store.rows(&range, SCAN_ROWS_MAX).await?;
            for (_, row) in &rows {
                found.push(table::decode(row)?);
                bytes = bytes.saturating_add(row.value.len());
            }
            match rows.last() {
                Some((last, _)) if rows.len() == SCAN_ROWS_MAX => range.start = last.following(),
                Some(_) | None => return Ok((found, bytes)),
            }
        }
    }

    fn follow(&self, key: &Key) {
        if let Some(application) = table::named_by(key) {
            self.forget(&application);
        }
    }

    fn write(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Known {
    fn insert(&mut self, application: &str, remembered: Remembered) {
        self.remove(application);
        let bytes = weight(application, &remembered);
        if self.bytes.saturating_add(bytes) > KNOWN_BYTES_MAX {
            *self = Self::default();
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.applications.insert(application.to_owned(), remembered);
    }

    fn remove(&mut self, application: &str) {
        if let Some(gone) = self.applications.remove(application) {
            self.bytes = self.bytes.saturating_sub(weight(application, &gone));
        }
    }
}

/// The memory that an application takes, about: its texts twice over, for they stand apart there.
const fn weight(application: &str, remembered: &Remembered) -> usize {
    let texts = application.len().saturating_add(remembered.bytes);
    texts.saturating_mul(2).saturating_add(APPLICATION_BYTES)
}

impl fmt::Debug for PrivilegeBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivilegeBook").finish_non_exhaustive()
    }
}

/// Memory for what is remembered, names of no application included; beyond it all are looked up
/// anew.
const KNOWN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How often the privileges of an application are read that change again and again meanwhile: a
/// reading of many rows takes several looks, between which they may change.
const READINGS_MAX: u32 = 3;

/// Memory of an application without privileges, beside its name.
const APPLICATION_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use jeton_domain::value::Map;
    use jeton_store::engine::BatchId;
    use jeton_store::engine::memory::Memory;

    fn privilege(name: &str) -> ApplicationPrivilege {
        ApplicationPrivilege {
            application: "app".to_owned(),
            name: name.to_owned(),
            actions: vec!["a:b".to_owned()],
            metadata: Map::new(),
        }
    }

    async fn put(store: &Store, name: &str, id: u8) {
        let mut transaction = store.begin(store.tick(), BatchId([id; 16]));
        transaction.put(table::key("app", name), table::encode(&privilege(name)));
        transaction.change(table::application_key("app"));
        transaction.commit().await.unwrap();
    }

    #[tokio::test]
    async fn what_is_remembered_follows_every_change() {
        let store = Store::open(Arc::new(Memory::new()), 1 << 20).await.unwrap();
        let book = PrivilegeBook::new(Arc::clone(&store));
        assert!(book.of_application("app").await.unwrap().is_empty());
        assert!(book.remembered("app").is_some());
        put(&store, "read", 1).await;
        assert!(book.remembered("app").is_none());
        put(&store, "all", 2).await;
        let found = book.of_application("app").await.unwrap();
        assert_eq!(*found, [privilege("all"), privilege("read")]);
        assert!(Arc::ptr_eq(&found, &book.of_application("app").await.unwrap()));
    }

    /// Readers at work fill the book all the time; none of them fills it with what was.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_change_that_was_answered_is_seen_whoever_reads_meanwhile() {
        let store = Store::open(Arc::new(Memory::new()), 1 << 20).await.unwrap();
        let book = PrivilegeBook::new(Arc::clone(&store));
        let is_done = Arc::new(AtomicBool::new(false));
        let reader = || {
            let (book, is_done) = (Arc::clone(&book), Arc::clone(&is_done));
            tokio::spawn(async move {
                while !is_done.load(Ordering::Relaxed) {
                    book.of_application("app").await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        };
        let readers = [reader(), reader(), reader()];
        for round in 0..2_000_u32 {
            let name = format!("p{}", round % 10);
            let mut id = [0; 16];
            id[..4].copy_from_slice(&round.to_be_bytes());
            let mut transaction = store.begin(store.tick(), BatchId(id));
            let mut put = privilege(&name);
            put.actions = vec![format!("a:{round}")];
            transaction.put(table::key("app", &name), table::encode(&put));
            transaction.change(table::application_key("app"));
            transaction.commit().await.unwrap();
            assert!(book.of_application("app").await.unwrap().contains(&put), "{round}");
        }
        is_done.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.await.unwrap();
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut known = Known::default();
        let large = || Remembered {
            privileges: Arc::new([privilege("p")]),
            bytes: KNOWN_BYTES_MAX / 4 - APPLICATION_BYTES,
        };
        for name in ["a", "b", "b", "c"] {
            known.insert(name, large());
            assert!(known.bytes <= KNOWN_BYTES_MAX && known.applications.contains_key(name));
        }
        known.remove("c");
        assert_eq!((known.bytes, known.applications.len()), (0, 0));
    }
}
