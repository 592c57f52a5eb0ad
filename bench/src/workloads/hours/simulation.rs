//! The simulation: hours of steady use under a clock that it moves.
//!
//! Owns what happens when, and that every answer is compared with the ledger's. Whose turn it is it
//! does not know.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jeton_authority::AuthorityError;
use jeton_authority::tokens::expire::Marks;
use jeton_authority::tokens::revoke::{Revocation, Revoked};
use jeton_domain::id::PairId;
use jeton_domain::name::{RealmName, Username};
use jeton_domain::selector::Selector;
use jeton_domain::time::Clock as _;
use jeton_domain::token::text::Half;
use jeton_store::tables::census::Counts;
use jeton_store::tables::pairs;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::calls::{Act, Done, perform};
use super::hourly::{Hourly, Samples};
use super::ledger::{Covered, Entry, Ledger, Place, Toll};
use super::world::{Person, REALMS, World, gateway, refused};
use crate::chance::Chance;
use crate::clock::Stopwatch;
use crate::error::{BenchError, Outcome};

/// What a simulation counted in all its hours.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Sums {
    /// Pairs that were made.
    pub(super) pairs: u64,
    /// Segments that were dropped.
    pub(super) dropped: u64,
    /// Halves that the bulk revocations ended, each counted exactly.
    pub(super) revoked: u64,
    /// Tokens that were shown, each answered as it must be.
    pub(super) shown: u64,
}

/// An authority on a store of its own, and everybody who asks it for something.
#[derive(Debug)]
pub(super) struct Simulation {
    world: World,
    marks: Marks,
    ledger: Ledger,
    chance: Chance,
    store: PathBuf,
    steps_an_hour: usize,
    /// Hours that are over, and steps of the one that is not.
    hours: u32,
    steps: usize,
    /// Milliseconds that have passed, and those at which a job of the server is due.
    passed_ms: i64,
    mark_due_ms: i64,
    expiry_due_ms: i64,
    /// The first pairs of all.
    oldest: Vec<PairId>,
    /// The pairs whose tokens were shown just now.
    warm: Vec<Place>,
    samples: Samples,
    sums: Sums,
}

impl Simulation {
    /// Begins on a new store below `folder`.
    pub(super) async fn begin(folder: &Path, grants_an_hour: usize) -> Outcome<Self> {
        let steps_an_hour = grants_an_hour.div_ceil(ISSUES);
        let made_an_hour = steps_an_hour.saturating_mul(ISSUES.saturating_add(REFRESHES));
        let store = folder.join("store");
        let world = World::begin(&store, CACHE_BYTES).await?;
        Ok(Self {
            world,
            marks: Marks::default(),
            ledger: Ledger::new(made_an_hour.saturating_mul(LEDGER_HOURS)),
            chance: Chance::new(SEED),
            store,
            steps_an_hour,
            hours: 0,
            steps: 0,
            passed_ms: 0,
            mark_due_ms: 0,
            expiry_due_ms: 0,
            oldest: Vec::with_capacity(OLDEST),
            warm: Vec::new(),
            samples: Samples::new(),
            sums: Sums::default(),
        })
    }

    /// Lives for a turn, or to the end of the hour if that is nearer: what the hour was like that
    /// is over.
    pub(super) async fn take_turn(&mut self) -> Outcome<Option<Hourly>> {
        let steps_a_turn = self.steps_an_hour.div_ceil(TURNS_AN_HOUR);
        for _ in 0..steps_a_turn {
            self.step().await?;
            let is_hour_over = self.steps == self.steps_an_hour;
            let steps_a_window = steps_a_turn.saturating_mul(TURNS_A_WINDOW);
            if is_hour_over || self.steps.is_multiple_of(steps_a_window) {
                self.samples.close_window();
            }
            if is_hour_over {
                return self.end_hour().await.map(Some);
            }
        }
        Ok(None)
    }

    async fn step(&mut self) -> Outcome<()> {
        let step_ms = i64::try_from(self.steps_an_hour).ok();
        let step_ms = step_ms.and_then(|steps| HOUR_MS.checked_div(steps)).unwrap_or(HOUR_MS);
        self.world.clock.pass_ms(step_ms);
        self.passed_ms = self.passed_ms.saturating_add(step_ms);
        self.burst().await?;
        self.show_some().await?;
        self.do_jobs().await?;
        self.steps = self.steps.saturating_add(1);
        if self.steps.is_multiple_of(self.steps_an_hour.div_ceil(SAMPLES_AN_HOUR)) {
            self.samples.look(&self.store, self.ledger.bytes())?;
        }
        Ok(())
    }

    async fn end_hour(&mut self) -> Outcome<Hourly> {
        self.steps = 0;
        self.hours = self.hours.saturating_add(1);
        let number = u16::try_from(self.chance.next() % u64::from(USERS)).unwrap_or_default();
        let realm = u8::from(self.hours.is_multiple_of(2));
        self.revoke_all(Covered::User(Person { realm, number })).await?;
        if self.hours.is_multiple_of(6) {
            self.revoke_all(Covered::Realm(SMALL_REALM)).await?;
        }
        let health = self.world.authority.health();
        if let Some(trouble) = health.trouble.first() {
            let hour = self.hours;
            return Err(BenchError::Answer(format!("trouble in hour {hour}: {trouble}")));
        }
        Ok(self.samples.close_hour())
    }

    /// Grants, refreshes and single revocations, all at once.
    async fn burst(&mut self) -> Outcome<()> {
        let acts = self.choose_acts();
        let mut calls = JoinSet::new();
        for act in acts {
            calls.spawn(perform(Arc::clone(&self.world.authority), act));
        }
        while let Some(done) = calls.join_next().await {
            let Done { seconds, made, is_issue } = done.map_err(refused("a call"))??;
            if is_issue {
                self.samples.times.issue.push(seconds);
            }
            let Some((person, access)) = made else { continue };
            let id = self.world.pair(&access)?;
            if self.oldest.len() < OLDEST {
                self.oldest.push(id);
            }
            self.ledger.add(id, person);
        }
        Ok(())
    }

    fn choose_acts(&mut self) -> Vec<Act> {
        let mut acts: Vec<Act> = (0..ISSUES).map(|_| Act::Issue(self.anybody())).collect();
        let now = self.world.clock.now();
        let mut taken: Vec<Place> = Vec::with_capacity(REFRESHES);
        for _ in 0..REFRESHES {
            // Some are revoked or spent: another one is drawn, but not for ever.
            let drawn = (0..DRAWS).find_map(|_| {
                let place = self.any_of_the_day()?;
                self.ledger.is_fresh(place, now).then_some(place)
            });
            let Some(place) = drawn else { continue };
            let Some(Entry { id, person, .. }) = self.ledger.entry(place) else { continue };
            acts.push(Act::Refresh(*person, self.world.text(Half::Refresh, *id)));
            taken.push(place);
            self.ledger.spend(place);
        }
        for _ in 0..REVOCATIONS {
            let Some(place) = self.any_of_the_day().filter(|place| !taken.contains(place)) else {
                continue;
            };
            taken.push(place);
            let half =
                if self.chance.next().is_multiple_of(2) { Half::Access } else { Half::Refresh };
            let Some(id) = self.ledger.entry(place).map(|entry| entry.id) else { continue };
            let is_first = self.ledger.revoke(place, half);
            acts.push(Act::Revoke(half, self.world.text(half, id), is_first));
        }
        acts
    }

    fn anybody(&mut self) -> Person {
        let drawn = self.chance.next();
        let realm = match drawn % 20 {
            0 => SMALL_REALM,
            odd if odd % 2 == 1 => 1,
            _ => 0,
        };
        let number = u16::try_from((drawn >> 8) % u64::from(USERS)).unwrap_or_default();
        Person { realm, number }
    }

    /// A pair that was made within the last day, almost.
    fn any_of_the_day(&mut self) -> Option<Place> {
        let made_an_hour = self.steps_an_hour.saturating_mul(ISSUES);
        self.ledger.any(made_an_hour.saturating_mul(DAY_HOURS), &mut self.chance)
    }

    /// Shows those tokens again that were shown a step ago, then new ones, then any of the day.
    async fn show_some(&mut self) -> Outcome<()> {
        for place in core::mem::take(&mut self.warm) {
            let seconds = self.show(place).await?;
            self.samples.times.hot.push(seconds);
        }
        for _ in 0..SHOWN {
            let Some(place) = self.ledger.any(NEW, &mut self.chance) else { continue };
            self.show(place).await?;
            self.warm.push(place);
        }
        for _ in 0..SHOWN {
            let Some(place) = self.any_of_the_day() else { continue };
            let seconds = self.show(place).await?;
            self.samples.times.cold.push(seconds);
            self.warm.push(place);
        }
        Ok(())
    }

    /// Shows an access token; the seconds that the answer took, which must be the right one.
    async fn show(&mut self, place: Place) -> Outcome<f64> {
        let gone = || BenchError::Setup("a pair is not in the ledger".to_owned());
        let Entry { id, person, .. } = *self.ledger.entry(place).ok_or_else(gone)?;
        let (text, now) = (self.world.text(Half::Access, id), self.world.clock.now());
        let is_valid = self.ledger.is_valid(place, now);
        let watch = Stopwatch::start();
        let answer = self.world.authority.validate(text.expose(), now).await;
        let seconds = watch.seconds();
        self.sums.shown = self.sums.shown.saturating_add(1);
        let is_right = match &answer {
            Ok((pair, known)) => {
                is_valid && *pair == id && known.subject().username.as_str() == person.username()
            }
            Err(AuthorityError::Unauthenticated(_)) => !is_valid,
            Err(_) => false,
        };
        if is_right {
            return Ok(seconds);
        }
        let wanted = if is_valid { "valid" } else { "refused" };
        let answer = answer.map(|_| "accepted").map_err(|error| error.to_string());
        Err(BenchError::Answer(format!("{answer:?} to a token made at {}: {wanted}", id.minted())))
    }

    /// What a server does beside requests, when it is due.
    async fn do_jobs(&mut self) -> Outcome<()> {
        let authority = &self.world.authority;
        if self.passed_ms >= self.mark_due_ms {
            self.mark_due_ms = self.passed_ms.saturating_add(MARK_INTERVAL_MS);
            authority.raise_mark(authority.now()).await.map_err(refused("raise the mark"))?;
        }
        if self.passed_ms >= self.expiry_due_ms {
            self.expiry_due_ms = self.passed_ms.saturating_add(EXPIRY_INTERVAL_MS);
            let expired = authority.expire(&self.marks).await.map_err(refused("expire"))?;
            let dropped = u64::try_from(expired.dropped.len()).unwrap_or_default();
            self.sums.dropped = self.sums.dropped.saturating_add(dropped);
        }
        Ok(())
    }

    /// Revokes in bulk. What the product counts must be what the ledger counts.
    async fn revoke_all(&mut self, covered: Covered) -> Outcome<()> {
        let authority = &self.world.authority;
        let realm = |name: &str| RealmName::new(name);
        let selector = match covered {
            Covered::User(person) => {
                let username = Username::new(&person.username());
                Selector::UserInRealm(username, realm(person.realm_name()))
            }
            Covered::Realm(place) => {
                Selector::Realm(realm(Person { realm: place, number: 0 }.realm_name()))
            }
        };
        let toll = self.ledger.revoke_all(covered, authority.now());
        let caller = authority.admit(gateway()).await.map_err(refused("admit"))?;
        let revoked = authority.revoke(caller, Revocation::All(selector)).await;
        let revoked = revoked.map_err(refused("revoke in bulk"))?;
        let Toll { invalidated, previously } = toll;
        if revoked != Revoked::Counted(Counts { invalidated, previously }) {
            return Err(BenchError::Answer(format!("{revoked:?} instead of {toll:?}")));
        }
        self.sums.revoked = self.sums.revoked.saturating_add(invalidated);
        Ok(())
    }

    /// Makes sure that a pair is gone. The cache may still know of it, but only to refuse it.
    async fn miss(&self, id: PairId) -> Outcome<()> {
        let Self { world, .. } = self;
        let (text, now) = (world.text(Half::Access, id), world.clock.now());
        let answer = world.authority.validate(text.expose(), now).await;
        let is_refused = matches!(answer, Err(AuthorityError::Unauthenticated(_)));
        if is_refused && world.authority.store().row(&pairs::key(id)).await?.is_none() {
            return Ok(());
        }
        let made = id.minted();
        Err(BenchError::Answer(format!("a token made at {made} is not gone, or not refused")))
    }

    /// Shows every pair that the ledger knows, and the first of all, which must be gone; then
    /// revokes everything, realm by realm.
    pub(super) async fn end(mut self) -> Outcome<Sums> {
        if self.sums.dropped < u64::from(self.hours.saturating_sub(STORED_HOURS_MAX)) {
            let dropped = self.sums.dropped;
            return Err(BenchError::Answer(format!("only {dropped} segments were dropped")));
        }
        let now = self.world.clock.now();
        let live = self.ledger.places().filter(|place| self.ledger.is_valid(*place, now)).count();
        if live == 0 {
            return Err(BenchError::Answer("no token is live in the end".to_owned()));
        }
        for place in self.ledger.places() {
            self.show(place).await?;
        }
        for id in core::mem::take(&mut self.oldest) {
            self.miss(id).await?;
        }
        for realm in (0_u8..).take(REALMS.len()) {
            self.revoke_all(Covered::Realm(realm)).await?;
        }
        self.sums.pairs = u64::try_from(self.ledger.made()).unwrap_or_default();
        self.world.authority.store().close().await?;
        Ok(self.sums)
    }
}

/// What is asked for at once: as many calls as an ordinary server has connections.
const ISSUES: usize = 56;
const REFRESHES: usize = 5;
const REVOCATIONS: usize = 3;
/// Tokens of either kind that are shown between two bursts.
const SHOWN: usize = 40;
/// How many of the newest tokens are new.
const NEW: usize = 2_000;
/// How often another pair is drawn.
const DRAWS: usize = 20;
/// Hours that any tokens of the day are drawn from: none of them may have expired for refreshing.
const DAY_HOURS: usize = 23;
/// Hours whose pairs the ledger remembers.
const LEDGER_HOURS: usize = 27;
/// Users of each realm.
const USERS: u16 = 500;
/// The place of the small realm.
const SMALL_REALM: u8 = 2;
/// Room for the cache: what the usual 256 MB are for a server with so many times the grants.
const CACHE_BYTES: u64 = 8 << 20;
/// The first pairs, which must be gone in the end.
const OLDEST: usize = 1_000;
/// Segments that a store holds at most: pairs are kept for a day, to the end of their segment,
/// until the round that marks it, and until the one that drops it an hour later; and the one that
/// is filled.
pub(super) const STORED_HOURS_MAX: u32 = 28;
/// How often a simulation pauses and another one may live: once a simulated minute.
const TURNS_AN_HOUR: usize = 60;
/// Turns of a window: in one the other simulation came before, in one after.
const TURNS_A_WINDOW: usize = 2;
const SAMPLES_AN_HOUR: usize = 12;
const HOUR_MS: i64 = 60 * 60 * 1000;
/// How often a server stores the newest instant.
const MARK_INTERVAL_MS: i64 = 60 * 1000;
/// How often a server drops what has expired, unless it is told otherwise.
const EXPIRY_INTERVAL_MS: i64 = 30 * 60 * 1000;
const SEED: u64 = 25;
