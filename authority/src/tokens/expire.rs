//! Expire: segments whose pairs are all past their time are dropped whole, and cutoffs with them.
//!
//! Two steps: a segment is marked, and dropped after an hour of boot time if the clocks still
//! agree. A clock that jumps destroys nothing, and nothing walks tokens.

use bytes::Bytes;
use jeton_domain::id::Tick;
use jeton_domain::limits::{PAIR_KEPT_MS, SCAN_ROWS_MAX, SEGMENT_DROP_DELAY_MS, SEGMENT_MS};
use jeton_domain::selector::Selector;
use jeton_domain::time::{BootTime, Hour, Timestamp};
use jeton_store::engine::{Expect, Key, Row};
use jeton_store::error::StoreError;
use jeton_store::tables::segments::{self, SegmentRecord};
use jeton_store::tables::{census, cutoffs, meta};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::{Authority, AuthorityError};

/// What expiry remembers from one round to the next.
///
/// Nothing of it is stored: a process that starts anew waits its hour again.
#[derive(Debug, Default)]
pub struct Marks {
    /// The segments that were marked for dropping by this process, and when.
    marked: Mutex<BTreeMap<Hour, BootTime>>,
    /// Where the walk over the cutoffs goes on; none at their beginning.
    cursor: Mutex<Option<Bytes>>,
}

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
        // Noted before the segments are listed: one that is not listed is filled at this tick or
        // later.
        let horizon = self.tick();
        let hours = self.store.hours().await?;
        if self.clock.trouble().is_some() {
            marks.clear_all();
        }
        let mut due = Vec::new();
        for hour in hours.iter().copied().filter(|hour| is_over(*hour, now)) {
            match marks.age_ms(hour, boot) {
                None => {
                    marks.set(hour, boot);
                    expired.marked.push(hour);
                }
                Some(age_ms) if age_ms >= SEGMENT_DROP_DELAY_MS => due.push(hour),
                Some(_) => {}
            }
        }
        if let Some(newest) = due.iter().max() {
            self.forget_hours(*newest).await?;
        }
        for hour in due {
            self.drop_segment(hour).await?;
            marks.clear(hour);
            expired.dropped.push(hour);
        }
        marks.retain(|hour| is_over(hour, now));
        let kept: Vec<Hour> =
            hours.into_iter().filter(|hour| !expired.dropped.contains(hour)).collect();
        expired.cutoffs = self.forget_cutoffs(&kept, horizon, marks).await?;
        self.raise_mark(now).await?;
        Ok(expired)
    }

    /// Takes the present instant for true, though the store has seen later ones: the operator
    /// insists.
    ///
    /// Later starts and bulk revocations go by it too.
    pub async fn accept_clock(&self) -> Result<(), AuthorityError> {
        let mut transaction = self.store.begin(self.tick(), self.batch_id());
        let mark = meta::encode_number(self.now().ms());
        transaction.put(meta::key(meta::Fact::HighWaterMark), mark);
        transaction.commit().await?;
        Ok(())
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

    /// Removes the counters of hours up to `newest`, which counts leave out since long: before the
    /// segments of these hours are dropped, so that none is left if that does not happen.
    async fn forget_hours(&self, newest: Hour) -> Result<(), StoreError> {
        let mut range = census::hours();
        loop {
            let page = self.store.rows(&range, SCAN_ROWS_MAX).await?;
            let mut transaction = self.store.begin(self.tick(), self.batch_id());
            let mut removed = 0_usize;
            for (key, row) in &page {
                if census::hour_of(key)? <= newest {
                    transaction.expect(Expect::Version(key.clone(), row.version));
                    transaction.delete(key.clone());
                    removed = removed.saturating_add(1);
                }
            }
            if removed > 0 {
                transaction.commit().await?;
            }
            match page.last() {
                Some((last, _)) if page.len() == SCAN_ROWS_MAX => range.start = last.following(),
                Some(_) | None => return Ok(()),
            }
        }
    }

    async fn drop_segment(&self, hour: Hour) -> Result<(), StoreError> {
        let mut transaction = self.store.begin(self.tick(), self.batch_id());
        transaction.drop_segment(hour);
        transaction.delete(segments::key(hour));
        transaction.commit().await?;
        Ok(())
    }

    /// Notes from which tick on each new segment can have been filled, and removes the cutoffs
    /// below every such tick: each stored pair was admitted after them, and was alive under them
    /// then.
    ///
    /// A round looks at so many pages of cutoffs at most; the next one goes on behind them.
    async fn forget_cutoffs(
        &self,
        hours: &[Hour],
        horizon: Tick,
        marks: &Marks,
    ) -> Result<usize, StoreError> {
        let floor = self.note_segments(hours, horizon).await?;
        let mut range = cutoffs::all();
        if let Some(cursor) = marks.cursor() {
            range.start = cursor;
        }
        let mut removed = 0_usize;
        for _ in 0..CUTOFF_PAGES_MAX {
            let page = self.store.rows(&range, SCAN_ROWS_MAX).await?;
            removed = removed.saturating_add(self.forget_page(&page, floor).await?);
            let is_full = page.len() == SCAN_ROWS_MAX;
            let Some((last, _)) = page.last().filter(|_| is_full) else {
                marks.set_cursor(None);
                return Ok(removed);
            };
            range.start = last.following();
        }
        marks.set_cursor(Some(range.start));
        Ok(removed)
    }

    /// Removes what nobody needs of a page of cutoffs.
    ///
    /// No change is named: a cutoff that is gone must not look like one that is new, and what
    /// guards its key since an older tick still fails.
    async fn forget_page(&self, page: &[(Key, Row)], floor: Tick) -> Result<usize, StoreError> {
        let mut transaction = self.store.begin(self.tick(), self.batch_id());
        let mut removed = 0;
        for (key, row) in page {
            if cutoffs::decode(row)?.tick <= floor && !names_generation(key) {
                transaction.expect(Expect::Version(key.clone(), row.version));
                transaction.delete(key.clone());
                removed += 1;
            }
        }
        if removed == 0 {
            return Ok(0);
        }
        match transaction.commit().await {
            Ok(_) => Ok(removed),
            Err(StoreError::Conflict) => Ok(0),
            Err(other) => Err(other),
        }
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

    /// The clocks do not agree: every segment waits its hour anew.
    fn clear_all(&self) {
        self.with(BTreeMap::clear);
    }

    fn retain(&self, keep: impl Fn(Hour) -> bool) {
        self.with(|marks| marks.retain(|hour, _| keep(*hour)));
    }

    fn cursor(&self) -> Option<Bytes> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_cursor(&self, cursor: Option<Bytes>) {
        *self.cursor.lock().unwrap_or_else(PoisonError::into_inner) = cursor;
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<Hour, BootTime>) -> T) -> T {
        act(&mut self.marked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether the census counts live pairs under the tick of this cutoff, however old it is. There are
/// no more of these than realms that were ever revoked, so they are kept.
fn names_generation(key: &Key) -> bool {
    matches!(cutoffs::named_by(key), Some(Selector::Everything | Selector::Realm(_)))
}

/// Pages of cutoffs that one round looks at: a million cutoffs, some seconds of work.
const CUTOFF_PAGES_MAX: usize = 1_000;

/// Whether every pair of the segment is older than pairs are kept.
fn is_over(hour: Hour, now: Timestamp) -> bool {
    now.since_ms(hour.instant()) >= SEGMENT_MS.saturating_add(PAIR_KEPT_MS)
}
