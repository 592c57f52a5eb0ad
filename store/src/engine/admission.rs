//! Which batches are legal, and what an admitted one writes.
//!
//! Owns the rules that every engine shares: the shape of a batch, its expectations, the tick and
//! the version it gets. Must not know where rows are kept: they come in through a function.

use bytes::{Bytes, BytesMut};
use hashbrown::HashSet;
use jeton_domain::id::Tick;

use super::{Batch, Committed, Expect, Key, Row, Space, Version, Write};
use crate::error::StoreError;

/// What an admitted batch was given and what its counters become.
#[derive(Debug)]
pub(super) struct Admitted {
    /// Its tick and its version.
    pub(super) committed: Committed,
    /// Its counters after adding, in the order of its writes; zero removes one.
    pub(super) sums: Vec<i64>,
}

impl Admitted {
    /// What the batch writes, in order: each key with its new bytes, or none when it is removed.
    pub(super) fn rows<'a>(
        &'a self,
        writes: &'a [Write],
    ) -> impl Iterator<Item = (&'a Key, Option<Bytes>)> {
        let mut sums = self.sums.iter();
        writes.iter().map(move |write| {
            let value = match write {
                Write::Put { value, tick_at: None, .. } => Some(value.clone()),
                Write::Put { value, tick_at: Some(at), .. } => {
                    Some(with_tick(value, *at, self.committed.tick))
                }
                Write::Delete { .. } => None,
                Write::Add { .. } => {
                    let sum = sums.next().copied().unwrap_or_default();
                    (sum != 0).then(|| Bytes::copy_from_slice(&sum.to_be_bytes()))
                }
            };
            (write.key(), value)
        })
    }
}

/// Refuses a batch that breaks a rule whatever the rows are.
pub(super) fn check_shape(batch: &Batch) -> Result<(), StoreError> {
    let written = Keys::of(&batch.writes)?;
    for write in &batch.writes {
        let key = write.key();
        if let Space::Hour(hour) = key.space
            && batch.drops.contains(&hour)
        {
            return Err(StoreError::Refused("a segment is dropped and written at once"));
        }
        if let Write::Put { value, tick_at: Some(at), .. } = write
            && at.checked_add(TICK_BYTES).is_none_or(|end| end > value.len())
        {
            return Err(StoreError::Refused("the place of the tick lies beyond the value"));
        }
    }
    for expect in &batch.expects {
        if let Expect::Absent(key) = expect
            && !written.contains(key)
        {
            return Err(StoreError::Refused("a key is expected absent and not written"));
        }
    }
    Ok(())
}

/// The keys that a batch writes.
enum Keys<'a> {
    /// So few that looking at all of them is quicker than hashing one.
    Few(&'a [Write]),
    Many(HashSet<&'a Key>),
}

impl<'a> Keys<'a> {
    fn of(writes: &'a [Write]) -> Result<Self, StoreError> {
        let twice = StoreError::Refused("a key is written twice");
        if writes.len() <= FEW {
            let mut rest = writes.iter();
            while let Some(write) = rest.next() {
                if holds(rest.as_slice(), write.key()) {
                    return Err(twice);
                }
            }
            return Ok(Self::Few(writes));
        }
        let keys: HashSet<&Key> = writes.iter().map(Write::key).collect();
        if keys.len() == writes.len() { Ok(Self::Many(keys)) } else { Err(twice) }
    }

    fn contains(&self, key: &Key) -> bool {
        match self {
            Self::Few(writes) => holds(writes, key),
            Self::Many(keys) => keys.contains(key),
        }
    }
}

fn holds(writes: &[Write], key: &Key) -> bool {
    writes.iter().any(|write| write.key() == key)
}

/// Checks what `batch` expects and adds up its counters.
///
/// `newest` is what the batch admitted before this one was given; `row` reads rows as that batch
/// left them; `is_unchanged` tells whether no later tick than this one named the key.
pub(super) fn admit(
    batch: &Batch,
    newest: Committed,
    is_unchanged: impl Fn(&Key, Tick) -> bool,
    mut row: impl FnMut(&Key) -> Result<Option<Row>, StoreError>,
) -> Result<Admitted, StoreError> {
    for expect in &batch.expects {
        let holds = match expect {
            Expect::Version(key, version) => row(key)?.is_some_and(|row| row.version == *version),
            Expect::Absent(key) => row(key)?.is_none(),
            Expect::UnchangedSince(key, tick) => is_unchanged(key, *tick),
        };
        if !holds {
            return Err(StoreError::Conflict);
        }
    }
    let mut sums = Vec::new();
    for write in &batch.writes {
        if let Write::Add { key, amount } = write {
            sums.push(sum(row(key)?.as_ref(), *amount)?);
        }
    }
    Ok(Admitted { committed: next(batch, newest), sums })
}

fn next(batch: &Batch, newest: Committed) -> Committed {
    let tick = if batch.changes.is_empty() {
        newest.tick
    } else {
        Tick::new(newest.tick.number().saturating_add(1))
    };
    Committed { tick, version: Version(newest.version.0.saturating_add(1)) }
}

fn with_tick(value: &Bytes, at: usize, tick: Tick) -> Bytes {
    let mut filled = BytesMut::from(value.as_ref());
    let end = at.saturating_add(TICK_BYTES);
    if let Some(place) = filled.get_mut(at..end) {
        place.copy_from_slice(&tick.number().to_be_bytes());
    }
    filled.freeze()
}

/// The counter after adding. Wraps, so that the order never matters.
fn sum(row: Option<&Row>, amount: i64) -> Result<i64, StoreError> {
    let before = match row {
        None => 0,
        Some(row) => i64::from_be_bytes(
            row.value
                .as_ref()
                .try_into()
                .map_err(|_| StoreError::Refused("a row that is added to is not a counter"))?,
        ),
    };
    Ok(before.wrapping_add(amount))
}

/// How many bytes a tick takes in a value.
pub(super) const TICK_BYTES: usize = 8;

const FEW: usize = 16;
