//! The reference engine: everything in one map, gone when the process ends.
//!
//! Owns nothing but the map. It is what other engines are compared with, so it prefers being
//! plainly right to being fast.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jeton_domain::id::Tick;
use jeton_domain::limits::{BATCH_IDS_MAX, RECENT_CHANGES_MAX};
use jeton_domain::time::Hour;
use tokio::sync::watch;

use super::admission::{admit, check_shape};
use super::recent::{RecentBatches, RecentChanges};
use super::{
    Applier, Batch, Committed, Engine, EngineHealth, Key, KeyRange, Pending, Row, Space, Version,
};
use crate::error::StoreError;

/// An engine without a disk.
pub struct Memory {
    state: Mutex<State>,
    tick: watch::Sender<Tick>,
}

impl Memory {
    /// An empty engine, at tick zero.
    pub fn new() -> Self {
        let start = Tick::new(0);
        let state = State {
            rows: BTreeMap::new(),
            newest: Committed { tick: start, version: Version(0) },
            changes: RecentChanges::new(start, RECENT_CHANGES_MAX),
            batches: RecentBatches::new(BATCH_IDS_MAX),
            applier: None,
            closed: false,
        };
        Self { state: Mutex::new(state), tick: watch::Sender::new(start) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_state(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state();
        if state.closed { Err(StoreError::Closed) } else { Ok(state) }
    }

    fn apply(&self, batch: &Batch) -> Result<Committed, StoreError> {
        let mut state = self.open_state()?;
        check_shape(batch)?;
        if let Some(outcome) = state.batches.outcome(batch.id) {
            return Ok(outcome);
        }
        let is_unchanged = |key: &Key, tick| state.changes.is_unchanged_since(key, tick);
        let row = |key: &Key| Ok(state.rows.get(key).cloned());
        let admitted = admit(batch, state.newest, is_unchanged, row)?;
        let committed = admitted.committed;
        for hour in &batch.drops {
            state.drop_hour(*hour);
        }
        for (key, value) in admitted.rows(&batch.writes) {
            match value {
                Some(value) => {
                    let row = Row { version: committed.version, value };
                    state.rows.insert(key.clone(), row);
                }
                None => {
                    state.rows.remove(key);
                }
            }
        }
        state.newest = committed;
        state.changes.note(committed.tick, &batch.changes);
        state.batches.note(batch.id, committed);
        if !batch.changes.is_empty() {
            // Under the lock, so that the applier hears ticks in order.
            if let Some(applier) = &state.applier {
                applier(committed.tick, &batch.changes);
            }
            self.tick.send_replace(committed.tick);
        }
        drop(state);
        Ok(committed)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("tick", &*self.tick.borrow()).finish_non_exhaustive()
    }
}

impl Engine for Memory {
    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Row>> {
        Box::pin(async move { Ok(self.open_state()?.rows.get(key).cloned()) })
    }

    fn scan<'a>(&'a self, range: &'a KeyRange, limit: usize) -> Pending<'a, Vec<(Key, Row)>> {
        Box::pin(async move {
            let state = self.open_state()?;
            if range.end.as_ref().is_some_and(|end| *end <= range.start) {
                return Ok(Vec::new());
            }
            let rows = state.rows.range(bounds(range));
            Ok(rows.take(limit).map(|(key, row)| (key.clone(), row.clone())).collect())
        })
    }

    fn commit(&self, batch: Batch) -> Pending<'_, Committed> {
        Box::pin(async move { self.apply(&batch) })
    }

    fn tick(&self) -> Tick {
        *self.tick.borrow()
    }

    fn wait_for_change(&self, seen: Tick) -> Pending<'_, ()> {
        let mut tick = self.tick.subscribe();
        Box::pin(async move {
            loop {
                drop(self.open_state()?);
                if *tick.borrow_and_update() > seen {
                    return Ok(());
                }
                tick.changed().await.map_err(|_| StoreError::Closed)?;
            }
        })
    }

    fn on_change(&self, applier: Applier) {
        self.state().applier = Some(applier);
    }

    fn hours(&self) -> Pending<'_, Vec<Hour>> {
        Box::pin(async move {
            let state = self.open_state()?;
            let hours: BTreeSet<Hour> = state.rows.keys().filter_map(hour_of).collect();
            drop(state);
            Ok(hours.into_iter().collect())
        })
    }

    fn health(&self) -> EngineHealth {
        EngineHealth {
            writable: !self.state().closed,
            has_room: true,
            trouble: Vec::new(),
            disk_bytes: 0,
        }
    }

    fn close(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            self.open_state()?.closed = true;
            // Wakes those who wait for a change, to be told that none will come.
            self.tick.send_modify(|_| ());
            Ok(())
        })
    }
}

struct State {
    rows: BTreeMap<Key, Row>,
    newest: Committed,
    changes: RecentChanges,
    batches: RecentBatches,
    applier: Option<Applier>,
    closed: bool,
}

impl State {
    fn drop_hour(&mut self, hour: Hour) {
        let all = KeyRange { space: Space::Hour(hour), start: Bytes::new(), end: None };
        let keys: Vec<Key> = self.rows.range(bounds(&all)).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.rows.remove(&key);
        }
    }
}

fn hour_of(key: &Key) -> Option<Hour> {
    match key.space {
        Space::Lasting => None,
        Space::Hour(hour) => Some(hour),
    }
}

/// The range in the map of all spaces; `end`, where given, must lie above `start`.
fn bounds(range: &KeyRange) -> (Bound<Key>, Bound<Key>) {
    let key = |bytes: &Bytes| Key { space: range.space, bytes: bytes.clone() };
    let next_space = match range.space {
        Space::Lasting => Some(Hour::new(0)),
        Space::Hour(hour) => hour.number().checked_add(1).map(Hour::new),
    };
    let end = match (&range.end, next_space) {
        (Some(end), _) => Bound::Excluded(key(end)),
        (None, Some(hour)) => {
            Bound::Excluded(Key { space: Space::Hour(hour), bytes: Bytes::new() })
        }
        (None, None) => Bound::Unbounded,
    };
    (Bound::Included(key(&range.start)), end)
}
