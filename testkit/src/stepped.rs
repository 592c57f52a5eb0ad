//! An engine whose calls wait for their turn, so that every schedule of requests can be played.
//!
//! Owns where a request stops, what was admitted in which order, and the state by which two
//! histories count as one. Rows are kept by the memory engine. A rule of the engine can be taken
//! out, to see whether a search would notice.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use jeton_domain::id::Tick;
use jeton_domain::time::Hour;
use jeton_store::engine::memory::Memory;
use jeton_store::engine::{
    Applier, Batch, Committed, Engine, EngineHealth, Expect, Key, KeyRange, Pending, Row, Space,
    Version, Write,
};
use jeton_store::tables::users::{self, UserKind};

use crate::chance::SeededEntropy;
use crate::wait::wait;

/// Where a request stops and waits for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stops {
    /// Before every call of the engine.
    Calls,
    /// Before it looks at credentials, its tick noted, and before it commits, its decision made.
    Decisions,
}

/// The rule of the engine that is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// None.
    Nothing,
    /// "No commit since then has named the key" holds always.
    Guards,
    /// "The row is still the one that was read" and "there is no such row" hold always.
    Versions,
    /// Nobody is told of changes.
    Log,
}

/// The engine.
#[derive(Debug)]
pub struct Stepped {
    rows: Memory,
    entropy: Arc<SeededEntropy>,
    stops: Stops,
    without: Without,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Who is having a turn; nobody stops while nobody has.
    turn: Option<usize>,
    requesters: BTreeMap<usize, Requester>,
    /// Every batch that was admitted, in order.
    admitted: Vec<Batch>,
    /// The newest tick at which a key was named.
    named: BTreeMap<Key, Tick>,
}

/// What is known of one who has turns.
#[derive(Debug, Default)]
struct Requester {
    /// Its calls so far: what was asked, the tick before that, and what was answered.
    calls: DefaultHasher,
    waiting: Option<Waiting>,
    /// The tick before which nothing was looked at for the decision under way.
    noted: Option<Tick>,
    committed: Vec<Committed>,
}

#[derive(Debug)]
struct Waiting {
    call: u64,
    begun_at: Tick,
    batch: Option<Batch>,
}

/// A call of the engine.
enum Call<'a> {
    Get(&'a Key),
    Scan(&'a KeyRange, usize),
    Hours,
    Commit(&'a Batch),
}

impl Stepped {
    /// An engine with what these batches, which were committed before, make of an empty one.
    ///
    /// What was drawn for a commit that conflicts is drawn again, so that states do not differ by
    /// the number of attempts.
    pub fn after(
        batches: &[Batch],
        entropy: Arc<SeededEntropy>,
        stops: Stops,
        without: Without,
    ) -> Self {
        let rows = Memory::new();
        let mut state = State::default();
        for batch in batches {
            state.note(batch, wait(rows.commit(batch.clone())).ok());
        }
        Self { rows, entropy, stops, without, state: Mutex::new(state) }
    }

    /// Gives a turn, or with none lets every call run through.
    pub fn give_turn(&self, requester: Option<usize>) {
        self.state().turn = requester;
    }

    /// Says that whoever has the turn begins anew, and stands on nothing that was looked at before.
    pub fn begin_request(&self) {
        self.state().begin_decision();
    }

    /// Whether the next step of a requester is a commit.
    pub fn is_about_to_commit(&self, requester: usize) -> bool {
        let state = self.state();
        let waiting = state.requesters.get(&requester).and_then(|held| held.waiting.as_ref());
        waiting.is_some_and(|waiting| waiting.batch.is_some())
    }

    /// The batches that were admitted, in order.
    pub fn admitted(&self) -> Vec<Batch> {
        self.state().admitted.clone()
    }

    /// The state of every request and of the rows, as far as what is to come depends on it.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self.stops {
            Stops::Calls => self.state().hash_history(&mut hasher),
            Stops::Decisions => self.hash_decisions(&mut hasher),
        }
        hasher.finish()
    }

    /// The tick and the rows, whenever they were written.
    pub fn rows_fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.rows.tick().hash(&mut hasher);
        let spaces = wait(self.rows.hours()).unwrap_or_default();
        for space in [Space::Lasting].into_iter().chain(spaces.into_iter().map(Space::Hour)) {
            let all = KeyRange { space, start: bytes::Bytes::new(), end: None };
            for (key, row) in wait(self.rows.scan(&all, usize::MAX)).unwrap_or_default() {
                (key, row.value).hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    /// Rows and decisions. What a decision expects counts as met or not met: met, it fails only by
    /// a commit that is still to come, whatever the number it was noted at; not met, the whole
    /// batch is refused, whatever it holds. Before a decision, what it was noted at counts by the
    /// keys that were named since.
    fn hash_decisions(&self, hasher: &mut DefaultHasher) {
        self.rows_fingerprint().hash(hasher);
        let state = self.state();
        for (number, requester) in &state.requesters {
            number.hash(hasher);
            requester.committed.iter().for_each(|committed| committed.tick.hash(hasher));
            let Some(waiting) = &requester.waiting else { continue };
            match &waiting.batch {
                Some(batch) if self.is_met(&state, batch) => hash_batch(batch, hasher),
                Some(batch) => ("refused", &batch.changes).hash(hasher),
                None => waiting.call.hash(hasher),
            }
            let noted = requester.noted.unwrap_or_default();
            let since = state.named.iter().filter(|(_, tick)| **tick > noted);
            if !waiting.batch.as_ref().is_some_and(has_guards) {
                since.for_each(|(key, _)| key.hash(hasher));
            }
        }
    }

    fn is_met(&self, state: &State, batch: &Batch) -> bool {
        let row = |key| wait(self.rows.get(key)).ok().flatten();
        batch.expects.iter().filter(|expect| self.is_checked(expect)).all(|expect| match expect {
            Expect::Version(key, version) => row(key).is_some_and(|row| row.version == *version),
            Expect::Absent(key) => row(key).is_none(),
            Expect::UnchangedSince(key, tick) => {
                state.named.get(key).is_none_or(|named| named <= tick)
            }
        })
    }

    fn is_checked(&self, expect: &Expect) -> bool {
        match expect {
            Expect::UnchangedSince(..) => self.without != Without::Guards,
            Expect::Version(..) | Expect::Absent(_) => self.without != Without::Versions,
        }
    }

    /// Stops before a call, if somebody has a turn and this is a place to stop.
    async fn stop(&self, call: Call<'_>) {
        let mut has_stopped = false;
        poll_fn(|_| {
            let mut state = self.state();
            let Some(turn) = state.turn else { return Poll::Ready(()) };
            let requester = state.requesters.entry(turn).or_default();
            if has_stopped || !self.is_stop(&call) {
                let begun_at = requester.waiting.take().map(|held| held.begun_at);
                (call.number(), begun_at).hash(&mut requester.calls);
                return Poll::Ready(());
            }
            has_stopped = true;
            requester.noted.get_or_insert_with(|| self.rows.tick());
            requester.waiting = Some(Waiting {
                call: call.number(),
                begun_at: self.rows.tick(),
                batch: call.batch(),
            });
            Poll::Pending
        })
        .await;
    }

    /// Notes what whoever has the turn was answered.
    fn answered(&self, answer: impl Hash) {
        let mut state = self.state();
        if let Some(requester) = state.turn.and_then(|turn| state.requesters.get_mut(&turn)) {
            answer.hash(&mut requester.calls);
        }
    }

    fn is_stop(&self, call: &Call<'_>) -> bool {
        match (self.stops, call) {
            (Stops::Calls, _) | (Stops::Decisions, Call::Commit(_)) => true,
            (Stops::Decisions, Call::Get(key)) => {
                [UserKind::Native, UserKind::Reserved].iter().any(|kind| {
                    let all = users::all(*kind);
                    key.space == all.space && key.bytes.starts_with(&all.start)
                })
            }
            (Stops::Decisions, Call::Scan(..) | Call::Hours) => false,
        }
    }

    async fn commit_in_turn(
        &self,
        batch: Batch,
    ) -> Result<Committed, jeton_store::error::StoreError> {
        self.stop(Call::Commit(&batch)).await;
        let mut checked = batch.clone();
        checked.expects.retain(|expect| self.is_checked(expect));
        let outcome = self.rows.commit(checked).await;
        match outcome {
            Ok(_) => self.entropy.mark(),
            Err(_) => self.entropy.rewind(),
        }
        let committed = outcome.as_ref().ok();
        self.answered(committed.map(|committed| (committed.tick, committed.version)));
        let mut state = self.state();
        state.note(&batch, outcome.clone().ok());
        if has_guards(&batch) {
            state.begin_decision();
        }
        outcome
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note(&mut self, batch: &Batch, committed: Option<Committed>) {
        let Some(committed) = committed else { return };
        for key in &batch.changes {
            self.named.insert(key.clone(), committed.tick);
        }
        self.admitted.push(batch.clone());
        if let Some(turn) = self.turn {
            self.requesters.entry(turn).or_default().committed.push(committed);
        }
    }

    fn begin_decision(&mut self) {
        if let Some(requester) = self.turn.and_then(|turn| self.requesters.get_mut(&turn)) {
            requester.noted = None;
        }
    }

    /// What was admitted, and what each requester has asked and was answered. What it does next
    /// follows from that; what a cache holds follows from what was read and what was admitted
    /// since.
    fn hash_history(&self, hasher: &mut DefaultHasher) {
        self.admitted.iter().for_each(|batch| batch.id.hash(hasher));
        for (number, requester) in &self.requesters {
            (number, requester.calls.clone().finish()).hash(hasher);
            let waiting = requester.waiting.as_ref();
            waiting.map(|waiting| (waiting.call, waiting.begun_at)).hash(hasher);
        }
    }
}

impl Call<'_> {
    /// A number for what is asked.
    fn number(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self {
            Self::Get(key) => (1, key).hash(&mut hasher),
            Self::Scan(range, limit) => {
                (2, range.space, &range.start, &range.end, limit).hash(&mut hasher);
            }
            Self::Hours => 3.hash(&mut hasher),
            Self::Commit(batch) => (4, batch.id).hash(&mut hasher),
        }
        hasher.finish()
    }

    fn batch(&self) -> Option<Batch> {
        match self {
            Self::Commit(batch) => Some((*batch).clone()),
            Self::Get(_) | Self::Scan(..) | Self::Hours => None,
        }
    }
}

fn printed(row: &Row) -> (Version, &[u8]) {
    (row.version, &row.value)
}

/// Whether a batch says what must not have changed: the end of a decision, not of a count.
fn has_guards(batch: &Batch) -> bool {
    batch.expects.iter().any(|expect| matches!(expect, Expect::UnchangedSince(..)))
}

fn hash_batch(batch: &Batch, hasher: &mut DefaultHasher) {
    for expect in &batch.expects {
        match expect {
            Expect::Version(key, _) => (1, key).hash(hasher),
            Expect::Absent(key) => (2, key).hash(hasher),
            Expect::UnchangedSince(key, _) => (3, key).hash(hasher),
        }
    }
    for write in &batch.writes {
        match write {
            Write::Put { key, value, tick_at } => (1, key, value, tick_at).hash(hasher),
            Write::Delete { key } => (2, key).hash(hasher),
            Write::Add { key, amount } => (3, key, amount).hash(hasher),
        }
    }
    (&batch.changes, &batch.drops).hash(hasher);
}

impl Engine for Stepped {
    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Row>> {
        Box::pin(async move {
            self.stop(Call::Get(key)).await;
            let found = self.rows.get(key).await;
            self.answered(found.as_ref().ok().and_then(Option::as_ref).map(printed));
            found
        })
    }

    fn scan<'a>(&'a self, range: &'a KeyRange, limit: usize) -> Pending<'a, Vec<(Key, Row)>> {
        Box::pin(async move {
            self.stop(Call::Scan(range, limit)).await;
            let found = self.rows.scan(range, limit).await;
            for (key, row) in found.iter().flatten() {
                self.answered((key, printed(row)));
            }
            found
        })
    }

    fn commit(&self, batch: Batch) -> Pending<'_, Committed> {
        Box::pin(self.commit_in_turn(batch))
    }

    fn tick(&self) -> Tick {
        self.rows.tick()
    }

    fn wait_for_change(&self, seen: Tick) -> Pending<'_, ()> {
        self.rows.wait_for_change(seen)
    }

    fn on_change(&self, applier: Applier) {
        if self.without != Without::Log {
            self.rows.on_change(applier);
        }
    }

    fn hours(&self) -> Pending<'_, Vec<Hour>> {
        Box::pin(async move {
            self.stop(Call::Hours).await;
            let hours = self.rows.hours().await;
            self.answered(hours.as_ref().ok());
            hours
        })
    }

    fn health(&self) -> EngineHealth {
        self.rows.health()
    }

    fn close(&self) -> Pending<'_, ()> {
        self.rows.close()
    }
}

/// The engine, shared between an authority and the one who gives turns.
pub fn shared(stepped: &Arc<Stepped>) -> Arc<dyn Engine> {
    Arc::clone(stepped) as Arc<dyn Engine>
}
