//! The seam below which rows are kept: one narrow trait, and the engines behind it.
//!
//! Owns keys, rows and batches as every engine sees them. Must not know what a row means: tables
//! do.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use jeton_domain::id::Tick;
use jeton_domain::time::Hour;

use crate::error::StoreError;

mod admission;
pub mod embedded;
pub mod memory;
pub(crate) mod recent;

/// An answer that an engine still works on.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// What is told of each commit that carries changes, in order of ticks: the tick and the keys
/// named.
///
/// Called before the commit is answered, from the thread that commits; it must be quick and must
/// not call the engine.
pub type Applier = Arc<dyn Fn(Tick, &[Key]) + Send + Sync>;

/// Keeps rows. Every engine passes one conformance suite, whole.
pub trait Engine: Send + Sync + fmt::Debug {
    /// The row under `key`, or none. Only what is durable is visible.
    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Row>>;

    /// Rows of `range` in key order, at most `limit`; fewer only when the range has no more.
    fn scan<'a>(&'a self, range: &'a KeyRange, limit: usize) -> Pending<'a, Vec<(Key, Row)>>;

    /// Applies `batch` whole or not at all; durable, and told to the applier, when it returns.
    ///
    /// `Conflict` when an expectation does not hold; nothing is written then. A batch whose id was
    /// committed before is not applied again: its first outcome is returned. Dropping the future
    /// leaves all or nothing.
    fn commit(&self, batch: Batch) -> Pending<'_, Committed>;

    /// The newest tick that is durable and has been told to the applier.
    fn tick(&self) -> Tick;

    /// Returns when the tick may have moved beyond `seen`. A hint: it may return early.
    fn wait_for_change(&self, seen: Tick) -> Pending<'_, ()>;

    /// Sets who is told of changes. Called once, before the first commit.
    fn on_change(&self, applier: Applier);

    /// The segments that hold rows, in order.
    fn hours(&self) -> Pending<'_, Vec<Hour>>;

    /// Whether free space is above the reserve: grants are refused without it, revocations are not.
    ///
    /// Asked on every grant: must cost next to nothing.
    fn has_room(&self) -> bool {
        self.health().has_room
    }

    /// How the engine fares: what a health answer and a grant need to know.
    fn health(&self) -> EngineHealth;

    /// Makes everything durable, lets the directory go; later calls are refused with `Closed`.
    fn close(&self) -> Pending<'_, ()>;
}

/// The state of an engine, for health answers and for refusing grants in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineHealth {
    /// Whether commits can be durable now.
    pub writable: bool,
    /// Whether free space is above the reserve: grants are refused without it, revocations are not.
    pub has_room: bool,
    /// What is wrong, for the operator; empty when nothing is.
    pub trouble: Vec<String>,
    /// Bytes that the store takes on disk; zero for an engine without one.
    pub disk_bytes: u64,
}

/// Where a row lives: for good, or in a segment that is dropped whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Rows that do not expire.
    Lasting,
    /// Rows of one hour, dropped together.
    Hour(Hour),
}

/// The name of a row: order-preserving bytes within a space. The first byte names the table.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Where the row lives.
    pub space: Space,
    /// Table byte, then the key within the table.
    pub bytes: Bytes,
}

impl Key {
    /// The bytes of the key that comes right behind this one in its space.
    pub fn following(&self) -> Bytes {
        let mut bytes = self.bytes.to_vec();
        bytes.push(0);
        Bytes::from(bytes)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{}", self.space, self.bytes.escape_ascii())
    }
}

/// Keys of one space from `start` (included) to `end` (excluded).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The space.
    pub space: Space,
    /// First key bytes that belong to the range.
    pub start: Bytes,
    /// First key bytes beyond the range; none means to the end of the space.
    pub end: Option<Bytes>,
}

/// The moment of a row's last write, as the engine numbers commits: larger is later, never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

/// A stored value and the version of its last write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// When it was last written.
    pub version: Version,
    /// The bytes, as put; for counters see [`Write::Add`].
    pub value: Bytes,
}

/// A name for a batch, drawn at random, by which a repeat is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BatchId(pub [u8; 16]);

/// What a commit consists of.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Its name, unique for ever.
    pub id: BatchId,
    /// What must hold at admission.
    pub expects: Vec<Expect>,
    /// What it writes, in order; a key at most once.
    pub writes: Vec<Write>,
    /// The keys whose change others must see. Not empty: the engine allots the next tick to this
    /// batch.
    pub changes: Vec<Key>,
    /// Segments to drop whole; costs nothing per row. A later write makes the segment anew.
    pub drops: Vec<Hour>,
}

/// What a batch expects at its admission, seen after every batch admitted before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The row exists and was last written at this version.
    Version(Key, Version),
    /// There is no such row. The batch must write the key, else the engine refuses it.
    Absent(Key),
    /// No commit with a tick larger than this one named the key among its changes.
    ///
    /// Holds for rows that exist and for rows that do not. An engine that no longer remembers that
    /// far back answers `Conflict`.
    UnchangedSince(Key, Tick),
}

/// One write of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Stores `value` under `key`.
    Put {
        /// The row.
        key: Key,
        /// Its bytes.
        value: Bytes,
        /// Where in the value the engine writes the tick at admission (8 bytes, big-endian): the
        /// batch's own tick when it carries changes, else the newest one.
        tick_at: Option<usize>,
    },
    /// Removes the row; nothing happens when there is none.
    Delete {
        /// The row.
        key: Key,
    },
    /// Adds to a counter (8 bytes, big-endian, two's complement; absent is zero). Never conflicts.
    ///
    /// A counter that becomes zero is removed.
    Add {
        /// The counter.
        key: Key,
        /// What to add; may be negative.
        amount: i64,
    },
}

impl Write {
    /// The key that is written.
    pub const fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key } | Self::Add { key, .. } => key,
        }
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The tick at admission: the batch's own when it carried changes, else the newest one.
    pub tick: Tick,
    /// The version that its rows now have.
    pub version: Version,
}
