//! The simulation: 48 hours of steady use under a clock that it moves.
//!
//! Owns what happens when, and that every answer is compared with the ledger's. It runs in a process of
//! its own, so that the memory it samples is the product's, the ledger's apart.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jeton_authority::error::Unauthenticated;
use jeton_authority::tokens::expire::Marks;
use jeton_authority::tokens::issue::Grant;
use jeton_authority::tokens::revoke::{Revocation, Revoked};
use jeton_authority::{Authority, AuthorityError};
use jeton_domain::id::PairId;
use jeton_domain::name::{RealmName, Username};
use jeton_domain::secret::Secret;
use jeton_domain::selector::Selector;
use jeton_domain::time::Clock as _;
use jeton_domain::token::text::Half;
use jeton_store::tables::census::Counts;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::ledger::{Covered, Entry, Ledger, Place, Toll};
use super::world::{Person, REALMS, World, gateway, refused};
use crate::chance::Chance;
use crate::clock::Stopwatch;
use crate::error::{BenchError, Outcome, Trying};
use crate::process;
use crate::report::{progress, say};
use crate::stats::{Series, real};

/// What the simulation saw.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Hour by hour.
    pub(super) hours: Vec<Hourly>,
    /// Pairs that were made.
    pub(super) pairs: u64,
    /// Segments that were dropped.
    pub(super) dropped: u64,
    /// Halves that the bulk revocations ended, each counted exactly.
    pub(super) revoked: u64,
    /// Tokens that were shown, each answered as it must be.
    pub(super) shown: u64,
}

/// What one simulated hour was like.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Hourly {
    /// Bytes of the store, journals apart.
    pub(super) run_bytes: f64,
    /// Bytes of the journals.
    pub(super) journal_bytes: f64,
    /// Bytes of memory, the ledger apart.
    pub(super) memory_bytes: f64,
    /// Seconds of a grant that are exceeded once in a hundred times.
    pub(super) issue_p99_s: f64,
    /// The same of a validation of a token that was shown a moment before.
    pub(super) hot_p99_s: f64,
    /// The same of a validation of any token of the last day.
    pub(super) cold_p99_s: f64,
}

/// Lives through so many hours on a new store below `folder`, and prints what it saw.
pub(crate) fn live_here(folder: &Path, grants_an_hour: usize, hours: u32) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.trying(|| "no runtime".to_owned())?;
    let seen = runtime.block_on(async {
        let mut simulation = Simulation::begin(folder, grants_an_hour).await?;
        for hour in 1..=hours {
            let hourly = simulation.pass_hour(hour).await?;
            progress(&format!("hours: {hour} of {hours}, {hourly}"));
            simulation.seen.hours.push(hourly);
        }
        simulation.end(hours).await
    })?;
    let json = serde_json::to_string(&seen).map_err(std::io::Error::from);
    say(&json.trying(|| "cannot print what was seen".to_owned())?);
    Ok(())
}

struct Simulation {
    world: World,
    marks: Marks,
    ledger: Ledger,
    chance: Chance,
    store: PathBuf,
    steps_an_hour: usize,
    /// Milliseconds that have passed, and those at which a job of the server is due.
    passed_ms: i64,
    mark_due_ms: i64,
    expiry_due_ms: i64,
    /// The first pairs of all.
    oldest: Vec<PairId>,
    /// The pairs whose tokens were shown just now.
    warm: Vec<Place>,
    times: Times,
    sizes: Sizes,
    seen: Seen,
}

/// Seconds that calls of one hour took.
#[derive(Default)]
struct Times {
    issue: Vec<f64>,
    hot: Vec<f64>,
    cold: Vec<f64>,
}

/// Bytes, as they were found some times within an hour.
struct Sizes {
    runs: Series,
    journals: Series,
    memory: Series,
}

impl core::fmt::Display for Hourly {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (runs, memory) = (self.run_bytes / 1e6, self.memory_bytes / 1e6);
        write!(f, "{runs:.0} MB of runs, {memory:.0} MB of memory")
    }
}

impl Sizes {
    const fn new() -> Self {
        Self {
            runs: Series::new("bytes"),
            journals: Series::new("bytes"),
            memory: Series::new("bytes"),
        }
    }
}

/// What is asked for in one call.
enum Act {
    Issue(Person),
    Refresh(Person, Secret),
    /// The half, its text, and whether it was not revoked before.
    Revoke(Half, Secret, bool),
}

/// A call that was answered as it must be.
struct Done {
    seconds: f64,
    /// The pair that came of it, if one did, by its access token; and whether it was issued.
    made: Option<(Person, Secret)>,
    is_issue: bool,
}

impl Simulation {
    async fn begin(folder: &Path, grants_an_hour: usize) -> Outcome<Self> {
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
            passed_ms: 0,
            mark_due_ms: 0,
            expiry_due_ms: 0,
            oldest: Vec::with_capacity(OLDEST),
            warm: Vec::new(),
            times: Times::default(),
            sizes: Sizes::new(),
            seen: Seen::default(),
        })
    }

    async fn pass_hour(&mut self, hour: u32) -> Outcome<Hourly> {
        let step_ms = i64::try_from(self.steps_an_hour).ok();
        let step_ms = step_ms.and_then(|steps| HOUR_MS.checked_div(steps)).unwrap_or(HOUR_MS);
        let sample_every = self.steps_an_hour.div_ceil(SAMPLES_AN_HOUR);
        for step in 1..=self.steps_an_hour {
            self.world.clock.pass_ms(step_ms);
            self.passed_ms = self.passed_ms.saturating_add(step_ms);
            self.burst().await?;
            self.show_some().await?;
            self.do_jobs().await?;
            if step.is_multiple_of(sample_every) {
                self.sample()?;
            }
        }
        let number = u16::try_from(self.chance.next() % u64::from(USERS)).unwrap_or_default();
        let realm = u8::from(hour.is_multiple_of(2));
        self.revoke_all(Covered::User(Person { realm, number })).await?;
        if hour.is_multiple_of(6) {
            self.revoke_all(Covered::Realm(SMALL_REALM)).await?;
        }
        let health = self.world.authority.health();
        if let Some(trouble) = health.trouble.first() {
            return Err(BenchError::Answer(format!("trouble in hour {hour}: {trouble}")));
        }
        Ok(self.close_hour())
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
                self.times.issue.push(seconds);
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
            self.times.hot.push(seconds);
        }
        for _ in 0..SHOWN {
            let Some(place) = self.ledger.any(NEW, &mut self.chance) else { continue };
            self.show(place).await?;
            self.warm.push(place);
        }
        for _ in 0..SHOWN {
            let Some(place) = self.any_of_the_day() else { continue };
            let seconds = self.show(place).await?;
            self.times.cold.push(seconds);
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
        self.seen.shown = self.seen.shown.saturating_add(1);
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
            self.seen.dropped = self.seen.dropped.saturating_add(dropped);
        }
        Ok(())
    }

    fn sample(&mut self) -> Outcome<()> {
        let what = || format!("cannot look into {}", self.store.display());
        let (mut runs, mut journals) = (0_u64, 0_u64);
        for entry in fs::read_dir(&self.store).trying(what)? {
            let entry = entry.trying(what)?;
            // A file may be removed while it is looked at.
            let Ok(metadata) = entry.metadata() else { continue };
            let bytes = metadata.blocks().saturating_mul(512);
            let is_journal = entry.file_name().to_string_lossy().starts_with("journal");
            let sum = if is_journal { &mut journals } else { &mut runs };
            *sum = sum.saturating_add(bytes);
        }
        self.sizes.runs.push(real(runs));
        self.sizes.journals.push(real(journals));
        let ledger = u64::try_from(self.ledger.bytes()).unwrap_or_default();
        self.sizes.memory.push(real(process::own_memory_bytes()?.saturating_sub(ledger)));
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
        self.seen.revoked = self.seen.revoked.saturating_add(invalidated);
        Ok(())
    }

    fn close_hour(&mut self) -> Hourly {
        let Sizes { runs, journals, memory } = core::mem::replace(&mut self.sizes, Sizes::new());
        let Times { issue, hot, cold } = &mut self.times;
        Hourly {
            run_bytes: runs.median(),
            journal_bytes: journals.median(),
            memory_bytes: memory.median(),
            issue_p99_s: p99(issue),
            hot_p99_s: p99(hot),
            cold_p99_s: p99(cold),
        }
    }

    /// Shows every pair that the ledger knows, and the first of all, which must be gone; then revokes
    /// everything, realm by realm.
    async fn end(mut self, hours: u32) -> Outcome<Seen> {
        if self.seen.dropped < u64::from(hours.saturating_sub(STORED_HOURS_MAX)) {
            let dropped = self.seen.dropped;
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
            let text = self.world.text(Half::Access, id);
            let answer = self.world.authority.validate(text.expose(), now).await;
            let unknown = AuthorityError::Unauthenticated(Unauthenticated::UnknownToken);
            if answer.as_ref().err().map(ToString::to_string) != Some(unknown.to_string()) {
                let made = id.minted();
                return Err(BenchError::Answer(format!("a token made at {made} is not gone")));
            }
        }
        for realm in (0_u8..).take(REALMS.len()) {
            self.revoke_all(Covered::Realm(realm)).await?;
        }
        self.seen.pairs = u64::try_from(self.ledger.made()).unwrap_or_default();
        self.world.authority.store().close().await?;
        Ok(self.seen)
    }
}

/// One call, as a request makes it.
async fn perform(authority: Arc<Authority>, act: Act) -> Outcome<Done> {
    let watch = Stopwatch::start();
    let caller = authority.admit(gateway()).await.map_err(refused("admit"))?;
    match act {
        Act::Issue(person) => {
            let name = person.username();
            let password = Arc::new(Secret::from(name.as_str()));
            let grant = Grant::Password { username: Username::new(&name), password };
            let granted = authority.issue(caller, grant).await.map_err(refused("issue"))?;
            let made = Some((person, granted.access));
            Ok(Done { seconds: watch.seconds(), made, is_issue: true })
        }
        Act::Refresh(person, text) => {
            let granted = authority.refresh(caller, &text).await.map_err(refused("refresh"))?;
            let made = Some((person, granted.access));
            Ok(Done { seconds: watch.seconds(), made, is_issue: false })
        }
        Act::Revoke(half, text, is_first) => {
            let revoked = authority.revoke(caller, Revocation::Token { half, text }).await;
            let revoked = revoked.map_err(refused("revoke"))?;
            let wanted = Counts { invalidated: is_first.into(), previously: (!is_first).into() };
            if revoked != Revoked::Counted(wanted) {
                return Err(BenchError::Answer(format!("{revoked:?} instead of {wanted:?}")));
            }
            Ok(Done { seconds: watch.seconds(), made: None, is_issue: false })
        }
    }
}

/// The value that one in a hundred exceeds. Takes the values.
fn p99(values: &mut Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = values.len().saturating_mul(99).div_ceil(100).saturating_sub(1);
    let value = values.get(place).copied().unwrap_or(f64::NAN);
    values.clear();
    value
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
/// Segments that a store holds at most: pairs are kept for a day, to the end of their segment, until the
/// round that marks it, and until the one that drops it an hour later; and the one that is filled.
const STORED_HOURS_MAX: u32 = 28;
const SAMPLES_AN_HOUR: usize = 12;
const HOUR_MS: i64 = 60 * 60 * 1000;
/// How often a server stores the newest instant.
const MARK_INTERVAL_MS: i64 = 60 * 1000;
/// How often a server drops what has expired, unless it is told otherwise.
const EXPIRY_INTERVAL_MS: i64 = 30 * 60 * 1000;
const SEED: u64 = 25;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_a_hundred_exceeds_the_p99() {
        let mut values: Vec<f64> = (1..=200_u32).rev().map(f64::from).collect();
        assert!((p99(&mut values) - 198.0).abs() < 1e-9);
        assert!(values.is_empty() && p99(&mut values).is_nan());
    }
}
