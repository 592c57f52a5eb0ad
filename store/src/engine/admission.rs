//! Which batches are legal, and what an admitted one writes.
//!
//! Owns the rules that every engine shares: the shape of a batch, its expectations, the tick and the
//! version it gets. Must not know where rows are kept: they come in through a function.

use bytes::{Bytes, BytesMut};
use hashbrown::HashSet;
use jeton_domain::id::Tick;

use super::{Batch, Committed, Expect, Key, Row, Space, Version, Write};
use crate::error::StoreError;

/// One row as an admitted batch leaves it: its new bytes, or none when it is removed.
pub(super) type Written = (Key, Option<Bytes>);

/// What an admitted batch was given and what it writes.
#[derive(Debug)]
pub(super) struct Admitted {
    /// Its tick and its version.
    pub(super) committed: Committed,
    /// Its rows, with counters added up and ticks filled in.
    pub(super) rows: Vec<Written>,
}

/// Refuses a batch that breaks a rule whatever the rows are.
pub(super) fn check_shape(batch: &Batch) -> Result<(), StoreError> {
    let mut written = HashSet::with_capacity(batch.writes.len());
    for write in &batch.writes {
        let key = write.key();
        if !written.insert(key) {
            return Err(StoreError::Refused("a key is written twice"));
        }
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

/// Checks what `batch` expects and says what it writes.
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
    let committed = next(batch, newest);
    let mut rows = Vec::with_capacity(batch.writes.len());
    for write in &batch.writes {
        let value = match write {
            Write::Put { value, tick_at: None, .. } => Some(value.clone()),
            Write::Put { value, tick_at: Some(at), .. } => {
                Some(with_tick(value, *at, committed.tick))
            }
            Write::Delete { .. } => None,
            Write::Add { key, amount } => sum(row(key)?.as_ref(), *amount)?,
        };
        rows.push((write.key().clone(), value));
    }
    Ok(Admitted { committed, rows })
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

/// The counter after adding; none when it became zero. Wraps, so that the order never matters.
fn sum(row: Option<&Row>, amount: i64) -> Result<Option<Bytes>, StoreError> {
    let before = match row {
        None => 0,
        Some(row) => i64::from_be_bytes(
            row.value
                .as_ref()
                .try_into()
                .map_err(|_| StoreError::Refused("a row that is added to is not a counter"))?,
        ),
    };
    let after = before.wrapping_add(amount);
    Ok((after != 0).then(|| Bytes::copy_from_slice(&after.to_be_bytes())))
}

const TICK_BYTES: usize = 8;
