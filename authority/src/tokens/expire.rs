//! Expire: segments whose pairs are all past their time are dropped whole, and cutoffs with them.
//!
//! Two steps: a segment is marked, and dropped after an hour of boot time if the clocks still agree. A
//! clock that jumps destroys nothing, and nothing walks tokens.

use jeton_domain::id::Tick;
use jeton_domain::limits::{PAIR_KEPT_MS, SCAN_ROWS_MAX, SEGMENT_DROP_DELAY_MS, SEGMENT_MS};
use jeton_domain::time::{BootTime, Hour, Timestamp};
use jeton_store::error::StoreError;
use jeton_store::tables::segments::{self, SegmentRecord};
use jeton_store::tables::{cutoffs, meta};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::{Authority, AuthorityError};

/// The segments that were marked for dropping by this process, and when.
///
/// The marks are not stored: a process that starts anew waits its hour again.
#[derive(Debug, Default)]
pub struct Marks(Mutex<BTreeMap<Hour, BootTime>>);

/// What a round of expiry did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Segments that are now marked.
    pub marked: Vec<Hour>,
    /// Segments that were dropped.
    pub dropped: Vec<Hour>,
    /// Cutoffs that no stored pair needs any more.
    pub cutoffs: usize,
}

impl Authority {
    /// Marks segments whose time is over, drops those that were marked an hour ago, and removes
    /// cutoffs that no stored pair needs.
    pub async fn expire(&self, marks: &Marks) -> Result<Expired, AuthorityError> {
        let (now, boot) = (self.now(), self.boot());
        let mut expired = Expired::default();
        // Noted before the segments are listed: one that is not listed is filled at this tick or later.
        let horizon = self.tick();
        let hours = self.store.hours().await?;
        for hour in hours.iter().copied().filter(|hour| is_over(*hour, now)) {
            match marks.age_ms(hour, boot) {
                None => {
                    marks.set(hour, boot);
                    expired.marked.push(hour);
                }
                Some(age_ms) if age_ms >= SEGMENT_DROP_DELAY_MS => {
                    self.drop_segment(hour).await?;
                    marks.clear(hour);
                    expired.dropped.push(hour);
                }
                Some(_) => {}
            }
        }
        marks.retain(|hour| is_over(hour, now));
        let kept: Vec<Hour> =
            hours.into_iter().filter(|hour| !expired.dropped.contains(hour)).collect();
        expired.cutoffs = self.forget_cutoffs(&kept, horizon).await?;
        self.raise_mark(now).await?;
        Ok(expired)
    }

    /// Stores the newest instant that was seen, so that a start with a clock far behind is noticed.
    pub async fn raise_mark(&self, now: Timestamp) -> Result<(), AuthorityError> {
        let key = meta::key(meta::Fact::HighWaterMark);
        let row = self.store.row(&key).await?;
        let held = row.as_ref().map(meta::decode_number).transpose()?;
        if held.is_some_and(|held| held >= now.ms()) {
            return Ok(());
        }
        let mut transaction = self.store.begin(self.tick(), self.batch_id());
        transaction.put(key, meta::encode_number(now.ms()));
        transaction.commit().await?;
        Ok(())
    }

    async fn drop_segment(&self, hour: Hour) -> Result<(), StoreError> {
        let mut transaction = self.store.begin(self.tick(), self.batch_id());
        transaction.drop_segment(hour);
        transaction.delete(segments::key(hour));
        transaction.commit().await?;
        Ok(())
    }

    /// Notes from which tick on each new segment can have been filled, and removes the cutoffs below
    /// every such tick: each stored pair was admitted after them, and was alive under them then.
    async fn forget_cutoffs(&self, hours: &[Hour], horizon: Tick) -> Result<usize, StoreError> {
        let floor = self.note_segments(hours, horizon).await?;
        let mut removed = 0;
        let mut transaction = self.store.begin(self.tick(), self.batch_id());
        for (key, row) in self.store.rows(&cutoffs::all(), SCAN_ROWS_MAX).await? {
            if cutoffs::decode(&row)?.tick <= floor && transaction.read(&key).await?.is_some() {
                transaction.change(key.clone());
                transaction.delete(key);
                removed += 1;
            }
        }
        if removed > 0 {
            match transaction.commit().await {
                Ok(_) => {}
                Err(StoreError::Conflict) => return Ok(0),
                Err(other) => return Err(other),
            }
        }
        Ok(removed)
    }

    /// The tick at or below which no stored pair was admitted.
    async fn note_segments(&self, hours: &[Hour], horizon: Tick) -> Result<Tick, StoreError> {
        let mut transaction = self.store.begin(horizon, self.batch_id());
        let before = match self.store.row(&segments::horizon_key()).await? {
            Some(row) => segments::decode(&row)?.filled_from,
            None => Tick::ZERO,
        };
        let mut floor = before;
        for hour in hours {
            if let Some(row) = self.store.row(&segments::key(*hour)).await? {
                floor = floor.min(segments::decode(&row)?.filled_from);
            } else {
                let record = SegmentRecord { filled_from: before };
                floor = floor.min(before);
                transaction.put(segments::key(*hour), segments::encode(record));
            }
        }
        let record = SegmentRecord { filled_from: horizon };
        transaction.put(segments::horizon_key(), segments::encode(record));
        transaction.commit().await?;
        Ok(floor)
    }
}

impl Marks {
    fn age_ms(&self, hour: Hour, boot: BootTime) -> Option<i64> {
        self.with(|marks| marks.get(&hour).map(|marked| boot.since_ms(*marked)))
    }

    fn set(&self, hour: Hour, boot: BootTime) {
        self.with(|marks| marks.insert(hour, boot));
    }

    fn clear(&self, hour: Hour) {
        self.with(|marks| marks.remove(&hour));
    }

    fn retain(&self, keep: impl Fn(Hour) -> bool) {
        self.with(|marks| marks.retain(|hour, _| keep(*hour)));
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<Hour, BootTime>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether every pair of the segment is older than pairs are kept.
fn is_over(hour: Hour, now: Timestamp) -> bool {
    now.since_ms(hour.instant()) >= SEGMENT_MS.saturating_add(PAIR_KEPT_MS)
}
