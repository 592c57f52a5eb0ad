//! A batch as it stands in the journal: what it wrote, not what it expected.
//!
//! Owns the encoding. Counters stand there with their sums, so that replaying changes nothing twice.

use bytes::Bytes;
use jeton_domain::id::Tick;
use jeton_domain::time::Hour;

use super::coding::{Reader, put_bytes, put_varint, wide};
use super::memtable::{Cell, Memtable};
use super::run::{space_number, space_of_number};
use crate::engine::admission::Written;
use crate::engine::{BatchId, Committed, Version};

/// Appends a batch to a group.
pub(super) fn encode(
    out: &mut Vec<u8>,
    id: BatchId,
    committed: Committed,
    drops: &[Hour],
    rows: &[Written],
) {
    out.extend_from_slice(&id.0);
    put_varint(out, committed.version.0);
    put_varint(out, committed.tick.number());
    put_varint(out, wide(drops.len()));
    for hour in drops {
        put_varint(out, u64::from(hour.number()));
    }
    put_varint(out, wide(rows.len()));
    for (key, value) in rows {
        put_varint(out, space_number(key.space));
        put_bytes(out, &key.bytes);
        match value {
            None => put_varint(out, 0),
            Some(value) => {
                put_varint(out, wide(value.len()).saturating_add(1));
                out.extend_from_slice(value);
            }
        }
    }
}

/// Lays every batch of a group over `table`, and names each to `note`.
pub(super) fn replay(
    group: &[u8],
    table: &mut Memtable,
    mut note: impl FnMut(BatchId, Committed),
) -> Result<(), &'static str> {
    let mut reader = Reader::new(group);
    while !reader.is_empty() {
        let (id, committed) = batch(&mut reader, table).ok_or("a batch makes no sense")?;
        note(id, committed);
    }
    Ok(())
}

fn batch(reader: &mut Reader<'_>, table: &mut Memtable) -> Option<(BatchId, Committed)> {
    let id = BatchId(reader.array()?);
    let version = Version(reader.varint()?);
    let tick = Tick::new(reader.varint()?);
    for _ in 0..reader.varint()? {
        table.clear(Hour::new(u32::try_from(reader.varint()?).ok()?));
    }
    for _ in 0..reader.varint()? {
        let space = space_of_number(reader.varint()?)?;
        let key = Bytes::copy_from_slice(reader.bytes()?);
        let value = match reader.varint()?.checked_sub(1) {
            None => None,
            Some(length) => {
                let value = reader.take(usize::try_from(length).ok()?)?;
                Some(Bytes::copy_from_slice(value))
            }
        };
        table.write(space, key, Cell { version, value });
    }
    Some((id, Committed { tick, version }))
}
