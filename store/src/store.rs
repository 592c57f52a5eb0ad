//! The store as verbs see it: the engine, the cache in front of it, and transactions.

use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use jeton_domain::id::{PairId, Tick};
use jeton_domain::limits::RECENT_CHANGES_MAX;
use jeton_domain::name::{RealmName, Username};
use jeton_domain::selector::Selector;
use jeton_domain::time::Hour;
use jeton_domain::token::access::AccessFacts;
use jeton_domain::token::pair::Pair;

use crate::coherent::{CacheSize, Cell, Coherent, HeldSubject, KnownPair, KnownSubject};
use crate::engine::{BatchId, Engine, EngineHealth, Key, KeyRange, Row};
use crate::error::StoreError;
use crate::tables::{cutoffs, meta, pairs, subjects};
use crate::transaction::Transaction;

/// Told of every key that a commit named among its changes, before the commit is answered.
pub type ChangeHook = Box<dyn Fn(&Key) + Send + Sync>;

/// Rows, cache and transactions of one process.
pub struct Store {
    engine: Arc<dyn Engine>,
    shared: Arc<Shared>,
    ever_granted: AtomicBool,
    engine_reads: AtomicU64,
}

struct Shared {
    coherent: Coherent,
    hooks: RwLock<Vec<ChangeHook>>,
}

impl Store {
    /// The store on this engine, with a cache of about `cache_bytes`.
    pub async fn open(engine: Arc<dyn Engine>, cache_bytes: u64) -> Result<Arc<Self>, StoreError> {
        let coherent = Coherent::new(cache_bytes, engine.tick(), RECENT_CHANGES_MAX);
        let shared = Arc::new(Shared { coherent, hooks: RwLock::default() });
        let applying = Arc::clone(&shared);
        engine.on_change(Arc::new(move |tick, keys| applying.apply(tick, keys)));
        let granted = engine.get(&meta::key(meta::Fact::EverGranted)).await?.is_some();
        let ever_granted = AtomicBool::new(granted);
        Ok(Arc::new(Self { engine, shared, ever_granted, engine_reads: AtomicU64::new(0) }))
    }

    /// The newest tick that is applied here. A request notes it before it looks at any credential.
    pub fn tick(&self) -> Tick {
        self.engine.tick()
    }

    /// Adds a listener to changes. It must be quick and must not use the store.
    pub fn on_change(&self, hook: ChangeHook) {
        self.shared.hooks.write().unwrap_or_else(PoisonError::into_inner).push(hook);
    }

    /// Whether surely no change with a tick above `tick` named `key`.
    ///
    /// A cache elsewhere fills itself safely so: note the tick, read, insert, ask this, and take
    /// the entry out again unless the answer is yes; and drop entries by [`Store::on_change`].
    pub fn is_unchanged_since(&self, key: &Key, tick: Tick) -> bool {
        self.shared.coherent.is_unchanged_since(key, tick)
    }

    /// A row.
    pub async fn row(&self, key: &Key) -> Result<Option<Row>, StoreError> {
        self.count_read();
        self.engine.get(key).await
    }

    /// Rows of a range in order, at most `limit`.
    pub async fn rows(
        &self,
        range: &KeyRange,
        limit: usize,
    ) -> Result<Vec<(Key, Row)>, StoreError> {
        self.count_read();
        self.engine.scan(range, limit).await
    }

    /// How often rows were asked of the engine since the store was opened: what the cache answers
    /// is not counted.
    pub fn engine_reads(&self) -> u64 {
        self.engine_reads.load(Ordering::Relaxed)
    }

    fn count_read(&self) {
        self.engine_reads.fetch_add(1, Ordering::Relaxed);
    }

    /// The segments that hold rows.
    pub async fn hours(&self) -> Result<Vec<Hour>, StoreError> {
        self.engine.hours().await
    }

    /// A transaction that is decided on what was known at `noted`.
    pub fn begin(&self, noted: Tick, id: BatchId) -> Transaction<'_> {
        Transaction::new(self, noted, id)
    }

    /// What validation needs of a pair, if the cache has it.
    pub fn cached_pair(&self, id: PairId) -> Option<KnownPair> {
        let known = |facts, _, held: &HeldSubject| {
            let subject = Arc::clone(held.known());
            KnownPair { facts, subject }
        };
        self.with_cached_pair(id, known)
    }

    /// What `look` makes of a pair that the cache has, and of the newest cutoff over it. It is
    /// called under a lock of the cache: it must be quick and must not use the store.
    pub fn with_cached_pair<R>(
        &self,
        id: PairId,
        look: impl FnOnce(AccessFacts, Tick, &HeldSubject) -> R,
    ) -> Option<R> {
        self.shared.coherent.with_pair(id, look)
    }

    /// What validation needs of a pair: from the cache, else from the engine.
    pub async fn known_pair(&self, id: PairId) -> Result<Option<KnownPair>, StoreError> {
        if let Some(known) = self.cached_pair(id) {
            return Ok(Some(known));
        }
        let noted = self.tick();
        let Some(row) = self.row(&pairs::key(id)).await? else { return Ok(None) };
        let pair = pairs::decode(id, &row)?;
        let subject = self.known_subject(&pair).await?;
        let facts = AccessFacts {
            born: pair.born,
            end: pair.access.end,
            is_revoked: pair.access.revoked.is_some(),
        };
        let known = KnownPair { facts, subject };
        self.shared.coherent.keep_pair(id, &known, noted);
        Ok(Some(known))
    }

    /// The subject of a pair, with the cutoffs that cover it.
    pub async fn known_subject(&self, pair: &Pair) -> Result<Arc<KnownSubject>, StoreError> {
        let hash = pair.subject;
        if let Some(known) = self.shared.coherent.subject(hash) {
            return Ok(known);
        }
        let missing =
            StoreError::Row { table: "subjects", what: "the subject of a pair is missing" };
        let row = self.row(&subjects::key(pair.id.hour(), hash)).await?.ok_or(missing)?;
        let subject = subjects::decode(&row)?;
        let realm = subject.effective_realm().name.clone();
        let cells = self.covering(&subject.username, &realm).await?;
        let weight = self.shared.coherent.weigh(row.value.len());
        let known = Arc::new(KnownSubject::new(Arc::new(subject), cells, weight));
        self.shared.coherent.keep_subject(hash, Arc::clone(&known));
        Ok(known)
    }

    /// The generation in which pairs of a realm are counted now: the newest cutoff of the realm, or
    /// of everything, that is stored.
    pub async fn generation(&self, realm: &RealmName) -> Result<Tick, StoreError> {
        let everything = self.cutoff(&Selector::Everything).await?;
        Ok(everything.max(self.cutoff(&Selector::Realm(realm.clone())).await?))
    }

    /// The tick of a selector's cutoff; zero when there is none.
    pub async fn cutoff(&self, selector: &Selector) -> Result<Tick, StoreError> {
        let row = self.row(&cutoffs::key(selector)).await?;
        row.map_or(Ok(Tick::ZERO), |row| cutoffs::decode(&row).map(|cutoff| cutoff.tick))
    }

    /// Whether it is known here that a token was ever granted.
    pub(crate) fn was_ever_granted(&self) -> bool {
        self.ever_granted.load(Ordering::Acquire)
    }

    /// Whether a token was ever granted.
    pub async fn has_ever_granted(&self) -> Result<bool, StoreError> {
        if !self.was_ever_granted()
            && self.row(&meta::key(meta::Fact::EverGranted)).await?.is_some()
        {
            self.note_grant();
        }
        Ok(self.was_ever_granted())
    }

    pub(crate) fn coherent(&self) -> &Coherent {
        &self.shared.coherent
    }

    pub(crate) fn note_grant(&self) {
        self.ever_granted.store(true, Ordering::Release);
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// Whether free space is above the reserve.
    pub fn has_room(&self) -> bool {
        self.engine.has_room()
    }

    /// How the engine fares.
    pub fn health(&self) -> EngineHealth {
        self.engine.health()
    }

    /// How full the cache is.
    pub fn cache_size(&self) -> CacheSize {
        self.shared.coherent.size()
    }

    /// Makes everything durable and lets the engine go.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.engine.close().await
    }

    /// Cells first, then the engine: a cutoff committed in between is seen by one or the other.
    async fn covering(
        &self,
        username: &Username,
        realm: &RealmName,
    ) -> Result<[Cell; 4], StoreError> {
        let selectors = Selector::covering(username, realm);
        let in_use = self.shared.coherent.cells();
        let cells = selectors.each_ref().map(|selector| in_use.cell(selector));
        for (selector, cell) in selectors.iter().zip(&cells) {
            in_use.raise_cell(cell, self.cutoff(selector).await?);
        }
        Ok(cells)
    }
}

impl Shared {
    fn apply(&self, tick: Tick, keys: &[Key]) {
        self.coherent.apply(tick, keys);
        let hooks = self.hooks.read().unwrap_or_else(PoisonError::into_inner);
        for hook in hooks.iter() {
            keys.iter().for_each(hook);
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("tick", &self.tick()).finish_non_exhaustive()
    }
}
