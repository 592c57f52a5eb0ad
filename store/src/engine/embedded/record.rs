//! A batch as it stands in the journal: what it wrote, not what it expected.
//!
//! Owns the encoding. Counters stand there with their sums, so that replaying changes nothing
//! twice.

use jeton_domain::id::Tick;
use jeton_domain::time::Hour;

use super::coding::{Reader, put_bytes, put_varint, wide};
use super::run::{space_number, space_of_number};
use crate::engine::admission::{Admitted, TICK_BYTES};
use crate::engine::{Batch, BatchId, Committed, Space, Version, Write};

/// Appends a batch that was admitted.
pub(super) fn encode(out: &mut Vec<u8>, batch: &Batch, admitted: &Admitted) {
    let committed = admitted.committed;
    out.extend_from_slice(&batch.id.0);
    put_varint(out, committed.version.0);
    put_varint(out, committed.tick.number());
    put_varint(out, wide(batch.drops.len()));
    for hour in &batch.drops {
        put_varint(out, u64::from(hour.number()));
    }
    put_varint(out, wide(batch.writes.len()));
    let mut sums = admitted.sums.iter();
    for write in &batch.writes {
        let key = write.key();
        put_varint(out, space_number(key.space));
        put_bytes(out, &key.bytes);
        match write {
            Write::Delete { .. } => put_varint(out, 0),
            Write::Add { .. } => match sums.next().copied().unwrap_or_default() {
                0 => put_varint(out, 0),
                sum => {
                    put_value(out, &sum.to_be_bytes());
                }
            },
            Write::Put { value, tick_at, .. } => {
                let start = put_value(out, value);
                if let Some(at) = tick_at {
                    put_tick(out, start.saturating_add(*at), committed.tick);
                }
            }
        }
    }
}

/// The bytes that a batch takes at most.
pub(super) fn length_max(batch: &Batch) -> usize {
    let writes = batch.writes.iter().map(|write| {
        let value = match write {
            Write::Put { value, .. } => value.len(),
            Write::Delete { .. } => 0,
            Write::Add { .. } => 8,
        };
        value.saturating_add(write.key().bytes.len()).saturating_add(WRITE_OVERHEAD)
    });
    let drops = batch.drops.len().saturating_mul(VARINT_MAX);
    writes.fold(drops.saturating_add(BATCH_OVERHEAD), usize::saturating_add)
}

/// Appends a value that is there; says where it begins.
fn put_value(out: &mut Vec<u8>, value: &[u8]) -> usize {
    put_varint(out, wide(value.len()).saturating_add(1));
    let start = out.len();
    out.extend_from_slice(value);
    start
}

fn put_tick(out: &mut [u8], start: usize, tick: Tick) {
    if let Some(place) = out.get_mut(start..start.saturating_add(TICK_BYTES)) {
        place.copy_from_slice(&tick.number().to_be_bytes());
    }
}

/// What a batch did, a step at a time.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// A segment was dropped.
    Drop(Hour),
    /// A row was written; key and value are parts of the group.
    Write(Written<'a>),
    /// That was all of this batch.
    Done(BatchId, Committed),
}

/// A row as a batch wrote it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<'a> {
    pub(super) space: Space,
    pub(super) key: &'a [u8],
    pub(super) version: Version,
    /// None when the row was removed.
    pub(super) value: Option<&'a [u8]>,
}

/// Hands every step of every batch of a group to `take`, in order.
pub(super) fn read<'a>(
    group: &'a [u8],
    mut take: impl FnMut(Step<'a>),
) -> Result<(), &'static str> {
    let mut reader = Reader::new(group);
    while !reader.is_empty() {
        batch(&mut reader, &mut take).ok_or("a batch makes no sense")?;
    }
    Ok(())
}

fn batch<'a>(reader: &mut Reader<'a>, take: &mut impl FnMut(Step<'a>)) -> Option<()> {
    let id = BatchId(reader.array()?);
    let version = Version(reader.varint()?);
    let tick = Tick::new(reader.varint()?);
    for _ in 0..reader.varint()? {
        take(Step::Drop(Hour::new(u32::try_from(reader.varint()?).ok()?)));
    }
    for _ in 0..reader.varint()? {
        let space = space_of_number(reader.varint()?)?;
        let key = reader.bytes()?;
        let value = match reader.varint()?.checked_sub(1) {
            None => None,
            Some(length) => Some(reader.take(usize::try_from(length).ok()?)?),
        };
        take(Step::Write(Written { space, key, version, value }));
    }
    take(Step::Done(id, Committed { tick, version }));
    Some(())
}

/// What an hour or a length takes at most, and half of what a version or a tick does.
const VARINT_MAX: usize = 5;
/// The id, the version, the tick, two counts.
const BATCH_OVERHEAD: usize = 16 + 6 * VARINT_MAX;
/// The space and two lengths.
const WRITE_OVERHEAD: usize = 3 * VARINT_MAX;
