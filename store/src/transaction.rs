//! One decision and its commit.
//!
//! A transaction notes everything that it was decided on; the engine admits it only if all of that
//! still holds. On a conflict the caller decides again, as often as [`Attempts`] allows.

use bytes::Bytes;
use jeton_domain::id::{PairId, Tick};
use jeton_domain::limits::TRANSACT_ATTEMPTS_MAX;
use jeton_domain::name::{RealmName, Username};
use jeton_domain::selector::Selector;
use jeton_domain::time::Hour;
use jeton_domain::token::pair::Pair;

use crate::coherent::StoredSubject;
use crate::engine::{Batch, BatchId, Committed, Expect, Key, Row, Write};
use crate::error::StoreError;
use crate::store::Store;
use crate::tables::subjects::Canonical;
use crate::tables::{census, cutoffs, index, meta, pairs, subjects};

/// A batch in the making.
#[derive(Debug)]
pub struct Transaction<'a> {
    store: &'a Store,
    noted: Tick,
    batch: Batch,
    grants: bool,
    /// The subject that this batch stores, in its segment.
    stores: Option<StoredSubject>,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(store: &'a Store, noted: Tick, id: BatchId) -> Self {
        let batch = Batch {
            id,
            expects: Vec::with_capacity(EXPECTS_OF_A_GRANT),
            writes: Vec::with_capacity(WRITES_OF_A_GRANT),
            changes: Vec::new(),
            drops: Vec::new(),
        };
        Self { store, noted, batch, grants: false, stores: None }
    }

    /// The tick that was noted before anything was looked at.
    pub const fn noted(&self) -> Tick {
        self.noted
    }

    /// Expects that no commit since the noted tick named `key` among its changes.
    pub fn guard(&mut self, key: Key) {
        let expect = Expect::UnchangedSince(key, self.noted);
        if !self.batch.expects.contains(&expect) {
            self.batch.expects.push(expect);
        }
    }

    /// Expects whatever `expect` says.
    pub fn expect(&mut self, expect: Expect) {
        self.batch.expects.push(expect);
    }

    /// Expects that no cutoff over this user of this realm came since the noted tick.
    pub fn guard_cutoffs(&mut self, username: &Username, realm: &RealmName) {
        for selector in Selector::covering(username, realm) {
            self.guard(cutoffs::key(&selector));
        }
    }

    /// Reads a row, and expects it to stay as it is when it is there.
    ///
    /// A row that is absent is expected absent only by [`Transaction::create`].
    pub async fn read(&mut self, key: &Key) -> Result<Option<Row>, StoreError> {
        let row = self.store.row(key).await?;
        if let Some(row) = &row {
            self.batch.expects.push(Expect::Version(key.clone(), row.version));
        }
        Ok(row)
    }

    /// Reads a pair, and expects it to stay as it is.
    pub async fn pair(&mut self, id: PairId) -> Result<Option<Pair>, StoreError> {
        let row = self.read(&pairs::key(id)).await?;
        row.map(|row| pairs::decode(id, &row)).transpose()
    }

    /// Adds a write.
    pub fn write(&mut self, write: Write) {
        self.batch.writes.push(write);
    }

    /// Stores a row whatever was there.
    pub fn put(&mut self, key: Key, value: Bytes) {
        self.write(Write::Put { key, value, tick_at: None });
    }

    /// Stores a row, expecting that there is none.
    pub fn create(&mut self, key: Key, value: Bytes) {
        self.batch.expects.push(Expect::Absent(key.clone()));
        self.put(key, value);
    }

    /// Expects a row that this transaction writes to be absent.
    pub fn expect_absent(&mut self, key: Key) {
        self.batch.expects.push(Expect::Absent(key));
    }

    /// Removes a row.
    pub fn delete(&mut self, key: Key) {
        self.write(Write::Delete { key });
    }

    /// Names a key whose change others must see.
    pub fn change(&mut self, key: Key) {
        self.batch.changes.push(key);
    }

    /// Drops a segment whole.
    pub fn drop_segment(&mut self, hour: Hour) {
        self.batch.drops.push(hour);
    }

    /// Admits a new pair: its row, its entry in the index, its place in the census, its subject.
    pub fn admit(
        &mut self,
        pair: &Pair,
        username: &Username,
        realm: &RealmName,
        subject: &Canonical,
    ) {
        self.write(pairs::admit(pair));
        if let Some(entry) = index::admit(username.as_str(), realm, pair) {
            self.write(entry);
        }
        if let Some(standing) = pair.standing() {
            self.batch.writes.extend(census::count(realm, pair.generation, standing, 1));
        }
        let hour = pair.id.hour();
        let stored = self.store.coherent().stored_subject(hour, subject.hash);
        if !self.store.coherent().is_stored(&stored) {
            self.put(subjects::key(hour, subject.hash), subject.bytes.clone());
            self.stores = Some(stored);
        }
        if !self.store.was_ever_granted() {
            self.put(meta::key(meta::Fact::EverGranted), meta::encode_number(1));
        }
        self.grants = true;
    }

    /// Changes a pair that was read here: its row, its entry in the index, its place in the census.
    pub fn alter(&mut self, before: &Pair, after: &Pair, username: &Username, realm: &RealmName) {
        self.write(pairs::change(after));
        for write in index::change(username.as_str(), realm, before, after) {
            self.write(write);
        }
        let (was, is) = (before.standing(), after.standing());
        if was == is {
            return;
        }
        let leaves = was.map(|was| census::count(realm, before.generation, was, -1));
        let enters = is.map(|is| census::count(realm, after.generation, is, 1));
        leaves.into_iter().chain(enters).flatten().for_each(|add| self.add(add));
    }

    /// Adds to a counter, together with what this transaction adds to it already.
    pub fn add(&mut self, write: Write) {
        if let Write::Add { key, amount } = &write
            && let Some(Write::Add { amount: held, .. }) =
                self.batch.writes.iter_mut().find(|held| held.key() == key)
        {
            *held = held.saturating_add(*amount);
            return;
        }
        self.write(write);
    }

    /// Commits. `Conflict` when something that it was decided on has changed; nothing is written
    /// then.
    pub async fn commit(self) -> Result<Committed, StoreError> {
        let drops = !self.batch.drops.is_empty();
        let committed = self.store.engine().commit(self.batch).await?;
        if drops {
            self.store.coherent().note_drop();
        }
        if let Some(stored) = self.stores {
            self.store.coherent().note_stored(stored);
        }
        if self.grants {
            self.store.note_grant();
        }
        Ok(committed)
    }
}

/// Expectations that a list has room for from the start: those of a grant by password whose caller
/// shows a token and has up to four roles.
///
/// Of the caller they are the pair, the four cutoffs that cover it, and the roles; of the grant,
/// the row that vouched for the end user, the key that signs, and the three cutoffs that cover the
/// end user and not the caller. For more roles the list grows.
const EXPECTS_OF_A_GRANT: usize = 14;

/// Writes of the first grant of a segment: pair, entry in the index, three counters, subject, and
/// once in all that tokens were granted.
const WRITES_OF_A_GRANT: usize = 7;

/// Counts how often a decision was taken again.
#[derive(Debug, Default)]
pub struct Attempts(u32);

impl Attempts {
    /// Takes the outcome of a commit: `Some` ends the loop, `None` says "decide again".
    ///
    /// `Contended` once a decision has conflicted as often as allowed.
    pub fn weigh<T>(&mut self, outcome: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match outcome {
            Ok(done) => Ok(Some(done)),
            Err(StoreError::Conflict) if self.0 < TRANSACT_ATTEMPTS_MAX => {
                self.0 = self.0.saturating_add(1);
                Ok(None)
            }
            Err(StoreError::Conflict) => Err(StoreError::Contended { attempts: self.0 }),
            Err(other) => Err(other),
        }
    }
}
