//! Revoke: one token, or everything that a selector covers, in one commit.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use jeton_domain::id::{PairId, Tick};
use jeton_domain::limits::{CLOCK_JUMP_MS, NAME_CHARS_MAX, SCAN_ROWS_MAX};
use jeton_domain::name::RealmName;
use jeton_domain::privilege::action;
use jeton_domain::secret::Secret;
use jeton_domain::selector::Selector;
use jeton_domain::time::{Hour, Timestamp};
use jeton_domain::token::pair::{RequestId, Standing};
use jeton_domain::token::text::{self, Half};
use jeton_store::engine::{Key, KeyRange, Row, Write};
use jeton_store::error::StoreError;
use jeton_store::tables::census::{self, Counts};
use jeton_store::tables::cutoffs::{self, Counting, Open};
use jeton_store::tables::index;
use jeton_store::transaction::{Attempts, Transaction};

use super::issue::rest_on;
use crate::caller::Caller;
use crate::events;
use crate::{Authority, AuthorityError};

/// What is to be revoked.
#[derive(Debug)]
pub enum Revocation {
    /// The half that a text names.
    Token {
        /// Which half.
        half: Half,
        /// Its text.
        text: Secret,
    },
    /// Everything that a selector covers.
    All(Selector),
}

/// What was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// There is no such token.
    Unknown,
    /// The counts, exact in the order of commits.
    Counted(Counts),
}

impl Authority {
    /// Revokes. When it is answered, no request that begins afterwards is accepted with what it
    /// covers.
    pub async fn revoke(
        &self,
        caller: Caller,
        revocation: Revocation,
    ) -> Result<Revoked, AuthorityError> {
        match revocation {
            Revocation::Token { half, text } => self.revoke_token(caller, half, &text).await,
            Revocation::All(selector) if !is_possible(&selector) => {
                self.authorize(&caller, action::INVALIDATE_TOKEN).await?;
                self.token_policy()?;
                Ok(Revoked::Counted(Counts::default()))
            }
            Revocation::All(selector) => {
                self.revoke_all(caller, selector).await.map(Revoked::Counted)
            }
        }
    }

    async fn revoke_token(
        &self,
        mut caller: Caller,
        half: Half,
        token: &Secret,
    ) -> Result<Revoked, AuthorityError> {
        let request = RequestId(self.random());
        let mut attempts = Attempts::default();
        loop {
            self.authorize(&caller, action::INVALIDATE_TOKEN).await?;
            self.token_policy()?;
            let Some(id) = self.named_pair(half, token.expose(), caller.now)? else {
                return self.unknown(token).await;
            };
            let (revoked, transaction) = self.revoke_half(&caller, id, half, request).await?;
            let outcome = match transaction {
                Some(transaction) => transaction.commit().await.map(drop),
                None => self.still_rests(&caller),
            };
            if attempts.weigh(outcome)?.is_some() {
                return Ok(revoked);
            }
            caller = self.admit_again(caller).await?;
        }
    }

    /// Until a token was ever granted, what looks like a token of another service is an error.
    async fn unknown(&self, token: &Secret) -> Result<Revoked, AuthorityError> {
        if !self.store.has_ever_granted().await? && text::is_foreign_form(token.expose()) {
            return Err(AuthorityError::NeverGranted);
        }
        Ok(Revoked::Unknown)
    }

    async fn revoke_half(
        &self,
        caller: &Caller,
        id: PairId,
        half: Half,
        request: RequestId,
    ) -> Result<(Revoked, Option<Transaction<'_>>), AuthorityError> {
        let mut transaction = self.store.begin(caller.noted, self.batch_id());
        let Some(pair) = transaction.pair(id).await? else { return Ok((Revoked::Unknown, None)) };
        if half == Half::Refresh && pair.refresh.is_none() {
            return Ok((Revoked::Unknown, None));
        }
        let known = self.store.known_subject(&pair).await?;
        let counted =
            |invalidated, previously| Revoked::Counted(Counts { invalidated, previously });
        let Some(after) = pair.revoke(half, known.dead_below(), request) else {
            return Ok((counted(0, 1), None));
        };
        let subject = known.subject();
        let realm = &subject.effective_realm().name;
        rest_on(&mut transaction, caller);
        transaction.guard_cutoffs(&subject.username, realm);
        transaction.alter(&pair, &after, &subject.username, realm);
        transaction.change(jeton_store::tables::pairs::key(id));
        Ok((counted(1, 0), Some(transaction)))
    }

    async fn revoke_all(
        &self,
        mut caller: Caller,
        selector: Selector,
    ) -> Result<Counts, AuthorityError> {
        let request = RequestId(self.random());
        let mut attempts = Attempts::default();
        loop {
            self.authorize(&caller, action::INVALIDATE_TOKEN).await?;
            self.token_policy()?;
            let mut transaction = self.store.begin(caller.noted, self.batch_id());
            rest_on(&mut transaction, &caller);
            let outcome = self.cut_and_count(transaction, &selector, caller.now, request).await;
            if let Some(counts) = attempts.weigh(outcome)? {
                events::revoked_in_bulk(&caller.authentication.subject, &selector, counts);
                return Ok(counts);
            }
            caller = self.admit_again(caller).await?;
        }
    }

    /// Revokes everything, for whom it is the operator's will: a key or a store was compromised.
    pub async fn revoke_everything(&self) -> Result<(), AuthorityError> {
        let request = RequestId(self.random());
        let mut attempts = Attempts::default();
        loop {
            let transaction = self.store.begin(self.tick(), self.batch_id());
            let everything = Selector::Everything;
            let outcome = self.cut_and_count(transaction, &everything, self.now(), request).await;
            if attempts.weigh(outcome)?.is_some() {
                return Ok(());
            }
        }
    }

    async fn cut_and_count(
        &self,
        transaction: Transaction<'_>,
        selector: &Selector,
        now: Timestamp,
        request: RequestId,
    ) -> Result<Counts, StoreError> {
        let cut = self.cut(transaction, selector, now, request).await?;
        self.commit_cut(cut).await
    }

    /// Commits what a transaction holds together with the revocation of a user of one realm.
    ///
    /// What was written stands, and the tokens are dead, even if they cannot be counted now.
    pub(crate) async fn commit_revoking(
        &self,
        transaction: Transaction<'_>,
        selector: &Selector,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let request = RequestId(self.random());
        let cut = self.cut(transaction, selector, now, request).await?;
        let committed = cut.transaction.commit().await?;
        if let Err(error) = self.finish(Open { tick: committed.tick, ..cut.open }).await {
            tracing::error!(%error, "a bulk revocation could not be counted");
        }
        Ok(())
    }

    /// Decides a bulk revocation: earlier ones are counted first.
    async fn cut<'a>(
        &'a self,
        mut transaction: Transaction<'a>,
        selector: &Selector,
        now: Timestamp,
        request: RequestId,
    ) -> Result<Cut<'a>, StoreError> {
        self.finish_open_revocation().await?;
        let open_key = cutoffs::open_key();
        let counted_to = match transaction.read(&open_key).await? {
            None => {
                transaction.expect_absent(open_key);
                Timestamp::default()
            }
            Some(row) => match cutoffs::decode_counting(&row)? {
                Counting::Closed(counted_to) => counted_to,
                Counting::Open(_) => return Err(StoreError::Conflict),
            },
        };
        // Never earlier than the one before it, unless that one stands further ahead than clocks
        // drift.
        let is_near = counted_to.since_ms(now) <= CLOCK_JUMP_MS;
        let now = if is_near { now.max(counted_to) } else { now };
        let key = cutoffs::key(selector);
        let previous = match transaction.read(&key).await? {
            None => {
                transaction.expect_absent(key.clone());
                Tick::ZERO
            }
            Some(row) => cutoffs::decode(&row)?.tick,
        };
        transaction.write(cutoffs::put(selector, now, request));
        transaction.change(key);
        let open =
            Open { tick: Tick::ZERO, previous, now, request, selector: selector.clone(), steps: 0 };
        let generation = match selector {
            Selector::Realm(_) => {
                transaction.guard(cutoffs::key(&Selector::Everything));
                Some(previous.max(self.store.cutoff(&Selector::Everything).await?))
            }
            Selector::Everything => Some(previous),
            Selector::User(_) | Selector::UserInRealm(..) | Selector::Chain(_) => None,
        };
        transaction.write(match generation {
            Some(_) => cutoffs::put_closed(now),
            None => cutoffs::put_open(&open),
        });
        Ok(Cut { transaction, open, generation })
    }

    /// Commits a bulk revocation and counts what died.
    async fn commit_cut(&self, cut: Cut<'_>) -> Result<Counts, StoreError> {
        let Cut { transaction, open, generation } = cut;
        let committed = transaction.commit().await?;
        match (generation, &open.selector) {
            (Some(generation), Selector::Realm(realm)) => {
                self.count_generation(realm, generation, open.now).await
            }
            (Some(_), _) => Ok(Counts::default()),
            (None, _) => self.finish(Open { tick: committed.tick, ..open }).await,
        }
    }

    /// Adds up a realm's generation. It is frozen: nothing in it changes any more.
    async fn count_generation(
        &self,
        realm: &RealmName,
        generation: Tick,
        now: Timestamp,
    ) -> Result<Counts, StoreError> {
        let mut counts = Counts::default();
        for range in census::ranges(realm, generation, now) {
            self.each_row(range, |key, row| {
                let (class, pairs) = census::decode(key, row)?;
                counts.add(class, pairs);
                Ok(())
            })
            .await?;
        }
        Ok(counts)
    }

    /// Counts the bulk revocation that is open, if one is.
    pub(crate) async fn finish_open_revocation(&self) -> Result<(), StoreError> {
        let Some(row) = self.store.row(&cutoffs::open_key()).await? else { return Ok(()) };
        match cutoffs::decode_counting(&row)? {
            Counting::Closed(_) => Ok(()),
            Counting::Open(open) => self.finish(open).await.map(drop),
        }
    }

    /// Counts an open revocation, takes its pairs out of the census, and closes it.
    ///
    /// What it killed changes no more, so every process that counts it finds the same, and goes on
    /// where another one stopped. Whoever comes second finds the counts of the first.
    async fn finish(&self, open: Open) -> Result<Counts, StoreError> {
        let toll = self.toll(&open).await?;
        let leaving = toll.leave_census();
        loop {
            let mut transaction = self.store.begin(self.store.tick(), self.batch_id());
            let row = transaction.read(&cutoffs::open_key()).await?;
            let held = match row.map(|row| cutoffs::decode_counting(&row)).transpose()? {
                Some(Counting::Open(held)) if held.tick == open.tick => held,
                Some(_) | None => return self.result(open.tick).await,
            };
            let done = usize::try_from(held.steps).unwrap_or(usize::MAX).saturating_mul(STEP_ROWS);
            let mut left = leaving.iter().skip(done);
            for write in left.by_ref().take(STEP_ROWS) {
                transaction.write(write.clone());
            }
            let is_last = left.next().is_none();
            let forgotten = if is_last { self.old_results(open.now) } else { Vec::new() };
            if is_last {
                transaction.write(cutoffs::put_closed(open.now));
                let result = cutoffs::encode_result(open.request, open.now, toll.counts);
                transaction.put(cutoffs::result_key(open.tick), result);
                for tick in &forgotten {
                    transaction.delete(cutoffs::result_key(*tick));
                }
            } else {
                transaction.write(cutoffs::advance_open(&held));
            }
            match transaction.commit().await {
                Ok(_) if is_last => {
                    self.note_result(&open, forgotten.len());
                    return Ok(toll.counts);
                }
                Ok(_) | Err(StoreError::Conflict) => {}
                Err(other) => return Err(other),
            }
        }
    }

    /// What an open revocation has killed, by the index of its user.
    async fn toll(&self, open: &Open) -> Result<Toll, StoreError> {
        let (username, only) = match &open.selector {
            Selector::User(username) => (username, None),
            Selector::UserInRealm(username, realm) => (username, Some(realm)),
            Selector::Everything | Selector::Realm(_) | Selector::Chain(_) => {
                return Ok(Toll::default());
            }
        };
        let mut toll = Toll::default();
        for hour in self.store.hours().await? {
            self.toll_of_hour(open, hour, username.as_str(), only, &mut toll).await?;
        }
        Ok(toll)
    }

    async fn toll_of_hour(
        &self,
        open: &Open,
        hour: Hour,
        username: &str,
        only: Option<&RealmName>,
        toll: &mut Toll,
    ) -> Result<(), StoreError> {
        let mut entries = Vec::new();
        let range = index::selectable(hour, username, open.now.second_up());
        self.each_row(range, |key, row| {
            entries.push(index::decode(key, row)?);
            Ok(())
        })
        .await?;
        for entry in entries {
            let is_covered =
                entry.born < open.tick && only.is_none_or(|realm| *realm == entry.realm);
            if is_covered
                && entry.born >= self.dead_before(open, username, &entry.realm, toll).await?
            {
                toll.counts.add(entry.standing.class, 1);
                let place = (entry.realm, entry.generation, entry.standing);
                let pairs = toll.pairs.entry(place).or_default();
                *pairs = pairs.saturating_add(1);
            }
        }
        Ok(())
    }

    /// The newest cutoff over a user of a realm before the open one.
    async fn dead_before(
        &self,
        open: &Open,
        username: &str,
        realm: &RealmName,
        toll: &mut Toll,
    ) -> Result<Tick, StoreError> {
        if let Some(known) = toll.dead_before.get(realm) {
            return Ok(*known);
        }
        let mut newest = open.previous;
        for selector in Selector::covering(&username.into(), realm) {
            if selector != open.selector {
                newest = newest.max(self.store.cutoff(&selector).await?);
            }
        }
        toll.dead_before.insert(realm.clone(), newest);
        Ok(newest)
    }

    async fn result(&self, tick: Tick) -> Result<Counts, StoreError> {
        let missing =
            StoreError::Row { table: "cutoffs", what: "the counts of a revocation are missing" };
        let row = self.store.row(&cutoffs::result_key(tick)).await?.ok_or(missing)?;
        cutoffs::decode_result(&row).map(|(_, _, counts)| counts)
    }

    /// The oldest results that nobody waits for any more at `now`.
    fn old_results(&self, now: Timestamp) -> Vec<Tick> {
        let results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |(_, stored): &&(Tick, Timestamp)| now.since_ms(*stored) > RESULT_KEPT_MS;
        results.iter().take_while(is_old).take(RESULTS_FORGOTTEN).map(|(tick, _)| *tick).collect()
    }

    fn note_result(&self, open: &Open, forgotten: usize) {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        let forgotten = forgotten.min(results.len());
        results.drain(..forgotten);
        results.push_back((open.tick, open.now));
    }

    /// Removes the results of requests that waited for them in an earlier process.
    pub(crate) async fn forget_old_results(&self) -> Result<(), StoreError> {
        loop {
            let rows = self.store.rows(&cutoffs::results(), SCAN_ROWS_MAX).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let mut transaction = self.store.begin(self.store.tick(), self.batch_id());
            for (key, _) in rows {
                transaction.delete(key);
            }
            transaction.commit().await?;
        }
    }

    async fn each_row(
        &self,
        mut range: KeyRange,
        mut visit: impl FnMut(&Key, &Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        loop {
            let rows = self.store.rows(&range, SCAN_ROWS_MAX).await?;
            for (key, row) in &rows {
                visit(key, row)?;
            }
            match rows.last() {
                Some((last, _)) if rows.len() == SCAN_ROWS_MAX => range.start = last.following(),
                Some(_) | None => return Ok(()),
            }
        }
    }
}

/// Whether pairs of such names can exist at all: longer names are nobody's, and are not stored.
fn is_possible(selector: &Selector) -> bool {
    let is_short = |name: &str| name.len() <= NAME_CHARS_MAX;
    match selector {
        Selector::Everything | Selector::Chain(_) => true,
        Selector::Realm(realm) => is_short(realm.as_str()),
        Selector::User(user) => is_short(user.as_str()),
        Selector::UserInRealm(user, realm) => is_short(user.as_str()) && is_short(realm.as_str()),
    }
}

/// A bulk revocation that is decided.
struct Cut<'a> {
    transaction: Transaction<'a>,
    open: Open,
    /// The generation of the realm that dies; none where a user's pairs are counted one by one.
    generation: Option<Tick>,
}

/// What a revocation by user has killed.
#[derive(Default)]
struct Toll {
    counts: Counts,
    pairs: BTreeMap<(RealmName, Tick, Standing), i64>,
    dead_before: BTreeMap<RealmName, Tick>,
}

impl Toll {
    /// The writes that take its pairs out of the census, each counter once.
    fn leave_census(&self) -> Vec<Write> {
        let mut amounts = BTreeMap::<Key, i64>::new();
        for ((realm, generation, standing), pairs) in &self.pairs {
            for key in census::keys(realm, *generation, *standing) {
                let amount = amounts.entry(key).or_default();
                *amount = amount.saturating_sub(*pairs);
            }
        }
        amounts.into_iter().map(|(key, amount)| Write::Add { key, amount }).collect()
    }
}

/// Counters that one commit of a revocation changes at most.
const STEP_ROWS: usize = 4_096;

/// How long the counts of a revocation are kept for a request that still waits, in milliseconds.
const RESULT_KEPT_MS: i64 = 10 * 60 * 1000;

/// Old results that one revocation removes at most.
const RESULTS_FORGOTTEN: usize = 16;
