//! A few requests at once on a store that holds a little, and every order that they may come in.
//!
//! Owns the play of one history and the look at what it left behind. Which histories are played is
//! the search's to choose.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a scene that cannot be set ends the test"
)]

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};

use jeton_authority::Authority;
use jeton_domain::name::{RealmName, Username};
use jeton_domain::selector::Selector;
use jeton_realms::password::PasswordHasher;
use jeton_store::engine::Batch;

use crate::ask::{Answer, Ask, Asker, ask};
use crate::stepped::{Stepped, Stops, Without, shared};
use crate::wait::wait;
use crate::world::{NATIVE, SAML, Setting, assemble, put_users};

/// A pair that is there when the requests begin.
#[derive(Clone, Debug)]
pub struct Held {
    /// What the outcome calls it.
    pub name: &'static str,
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
}

/// What is there when the requests begin.
#[derive(Debug)]
pub struct Stage {
    batches: Vec<Batch>,
    /// The pairs, made by `elastic` where nothing else is said.
    pub held: Vec<Held>,
    hasher: PasswordHasher,
}

/// One request.
pub type Request = (Asker, Ask);

/// The requests of those who ask at once; each makes its own one after the other.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The requests, by who makes them.
    pub requesters: Vec<Vec<Request>>,
    /// Where requests stop.
    pub stops: Stops,
    /// The rule that is taken out.
    pub without: Without,
    /// Whether tokens were used before, so that the cache knows them.
    pub is_warm: bool,
    /// Whether tokens end with changes of their user.
    pub follows_user_changes: bool,
}

/// The number of a request: those of the first requester come first.
pub type RequestNumber = usize;

/// What became of the requests, and what a look at the store then showed. Strings that were made go
/// by the request that made them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome(pub Vec<String>);

/// A scene under way.
pub struct Play<'s> {
    scene: &'s Scene,
    stage: &'s Stage,
    engine: Arc<Stepped>,
    setting: Setting,
    authority: Arc<Authority>,
    log: Arc<Mutex<Log>>,
    futures: Vec<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
}

impl fmt::Debug for Play<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Play").field("scene", self.scene).finish_non_exhaustive()
    }
}

/// When requests began and ended, and their answers.
#[derive(Clone, Default)]
struct Log {
    answers: BTreeMap<RequestNumber, Answer>,
    /// The requests that had been answered when this one began.
    after: BTreeMap<RequestNumber, Vec<RequestNumber>>,
}

impl Stage {
    /// Sets the stage with these pairs.
    pub fn set(hasher: PasswordHasher, pairs: &[&'static str]) -> Self {
        let setting = Setting::new(STAGE_SEED, &hasher);
        let entropy = Arc::clone(&setting.entropy);
        let engine = Arc::new(Stepped::after(&[], entropy, Stops::Calls, Without::Nothing));
        let authority = wait(assemble(shared(&engine), &setting));
        wait(put_users(&authority));
        let mut stage = Self { batches: Vec::new(), held: Vec::new(), hasher };
        for name in pairs {
            let realm = if *name == ANN_OF_SAML { SAML } else { NATIVE }.to_owned();
            let username = if *name == BOB { "bob" } else { "ann" }.to_owned();
            let asker = if *name == OWN { Asker::user("ann", NATIVE) } else { Asker::elastic() };
            let what = match *name {
                RENEWED => Ask::Refresh(stage.held(SPENT).refresh.clone()),
                _ => Ask::Password { username, realm },
            };
            let answer = wait(ask(&authority, &asker, &what));
            let access = answer.access().expect("a token").to_owned();
            let refresh = answer.refresh().expect("a refresh token").to_owned();
            stage.held.push(Held { name, access, refresh });
        }
        stage.batches = engine.admitted();
        stage
    }

    /// The pair of this name.
    pub fn held(&self, name: &str) -> &Held {
        self.held.iter().find(|held| held.name == name).expect("a pair of this name")
    }
}

/// A pair of `ann` in the native realm.
pub const ANN: &str = "ann";
/// A pair of `bob` in the native realm.
pub const BOB: &str = "bob";
/// A pair of `ann` in the native realm that she asked for herself.
pub const OWN: &str = "own";
/// A pair of `ann` in the other realm.
pub const ANN_OF_SAML: &str = "ann of saml1";
/// A pair of `ann` in the native realm whose refresh token was used.
pub const SPENT: &str = "spent";
/// What came of [`SPENT`], which must stand before it.
pub const RENEWED: &str = "renewed";

/// Every pair that a stage can have.
pub const EVERY_PAIR: [&str; 6] = [ANN, BOB, OWN, ANN_OF_SAML, SPENT, RENEWED];

impl Scene {
    /// The requests in the order of their numbers.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.requesters.iter().flatten()
    }

    /// What becomes of the requests when they are made one after the other, in this order of
    /// requesters.
    pub fn serial(&self, stage: &Stage, order: &[usize]) -> Outcome {
        let scene = Self { without: Without::Nothing, ..self.clone() };
        let play = Play::begin(&scene, stage);
        let mut made = vec![0; scene.requesters.len()];
        for requester in order {
            let place = made.get_mut(*requester).expect("a requester");
            let (asker, what) = scene
                .requesters
                .get(*requester)
                .and_then(|own| own.get(*place))
                .expect("a request");
            play.setting.entropy.set_lane(requester + 1);
            let answer = wait(ask(&play.authority, asker, what));
            play.log().answers.insert(scene.number(*requester, *place), answer);
            *place += 1;
        }
        play.outcome()
    }

    /// Every order of requesters in which each makes all its requests.
    pub fn orders(&self) -> Vec<Vec<usize>> {
        let mut orders = vec![Vec::new()];
        let length: usize = self.requesters.iter().map(Vec::len).sum();
        for _ in 0..length {
            orders = orders.iter().flat_map(|order| self.longer(order)).collect();
        }
        orders
    }

    fn longer(&self, order: &[usize]) -> Vec<Vec<usize>> {
        let made = |requester| order.iter().filter(|made| **made == requester).count();
        let open = self.requesters.iter().enumerate();
        open.filter(|(requester, own)| made(*requester) < own.len())
            .map(|(requester, _)| order.iter().copied().chain([requester]).collect())
            .collect()
    }

    /// The numbers of the requests in an order of requesters.
    pub fn numbers(&self, order: &[usize]) -> Vec<RequestNumber> {
        let mut made = vec![0_usize; self.requesters.len()];
        let mut next = |requester: usize| {
            let place = made.get_mut(requester).expect("a requester");
            *place += 1;
            self.number(requester, *place - 1)
        };
        order.iter().map(|requester| next(*requester)).collect()
    }

    fn number(&self, requester: usize, place: usize) -> RequestNumber {
        self.requesters.iter().take(requester).map(Vec::len).sum::<usize>() + place
    }
}

impl<'s> Play<'s> {
    /// Sets the scene anew; nobody has begun.
    pub fn begin(scene: &'s Scene, stage: &'s Stage) -> Self {
        let follows_user_changes = scene.follows_user_changes;
        let setting = Setting { follows_user_changes, ..Setting::new(PLAY_SEED, &stage.hasher) };
        let entropy = Arc::clone(&setting.entropy);
        let engine = Stepped::after(&stage.batches, entropy, scene.stops, scene.without);
        let engine = Arc::new(engine);
        let authority = wait(assemble(shared(&engine), &setting));
        if scene.is_warm {
            for held in &stage.held {
                let asker = Asker::Bearer(held.access.clone());
                let known = wait(ask(&authority, &asker, &Ask::Authenticate));
                assert!(matches!(known, Answer::Known(_)), "{known:?}");
            }
        }
        let mut play = Self {
            scene,
            stage,
            engine,
            setting,
            authority,
            log: Arc::default(),
            futures: Vec::new(),
        };
        play.futures =
            (0..scene.requesters.len()).map(|place| Some(play.requester(place))).collect();
        play
    }

    /// Those who have not ended.
    pub fn under_way(&self) -> Vec<usize> {
        let open = self.futures.iter().enumerate();
        open.filter(|(_, future)| future.is_some()).map(|(requester, _)| requester).collect()
    }

    /// Whether one has not ended.
    pub fn is_under_way(&self, requester: usize) -> bool {
        self.futures.get(requester).is_some_and(Option::is_some)
    }

    /// Where requests stop.
    pub const fn stops(&self) -> Stops {
        self.scene.stops
    }

    /// Whether the next step of one may change what others see.
    pub fn is_about_to_commit(&self, requester: usize) -> bool {
        self.engine.is_about_to_commit(requester)
    }

    /// Lets one make a step.
    pub fn step(&mut self, requester: usize) {
        self.setting.entropy.set_lane(requester + 1);
        self.engine.give_turn(Some(requester));
        let mut context = Context::from_waker(Waker::noop());
        let place = self.futures.get_mut(requester).expect("a requester");
        let future = place.as_mut().expect("one that has not ended");
        if future.as_mut().poll(&mut context).is_ready() {
            *place = None;
        }
        self.engine.give_turn(None);
    }

    /// The state of the whole, as far as what is to come depends on it.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.engine.fingerprint().hash(&mut hasher);
        self.under_way().hash(&mut hasher);
        let log = self.log();
        log.answers.hash(&mut hasher);
        if self.scene.stops == Stops::Calls {
            log.after.hash(&mut hasher);
        } else {
            log.after.keys().for_each(|begun| begun.hash(&mut hasher));
        }
        let size = self.authority.store().cache_size();
        (size.pairs, size.subjects).hash(&mut hasher);
        hasher.finish()
    }

    /// The end of the history: rows, answers, what came before what, and which tokens open the
    /// door.
    ///
    /// Ends that are equal show the same when they are looked at for long.
    pub fn end(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.engine.rows_fingerprint().hash(&mut hasher);
        let made = self.made().into_iter().map(|(_, access)| access);
        let held = self.stage.held.iter().map(|held| held.access.clone());
        held.chain(made).for_each(|access| self.opens(&access).hash(&mut hasher));
        let log = self.log();
        (&log.answers, &log.after).hash(&mut hasher);
        hasher.finish()
    }

    /// Whether an order of requests is possible: no request comes before one that was answered when
    /// it began.
    pub fn allows(&self, order: &[RequestNumber]) -> bool {
        let log = self.log();
        order.iter().enumerate().all(|(place, request)| {
            let before = order.get(..place).unwrap_or_default();
            log.after.get(request).is_none_or(|after| after.iter().all(|one| before.contains(one)))
        })
    }

    /// The access tokens that the requests made, by the number of the request.
    pub fn made(&self) -> Vec<(RequestNumber, String)> {
        let log = self.log();
        let made = log.answers.iter();
        made.filter_map(|(number, answer)| Some((*number, answer.access()?.to_owned()))).collect()
    }

    /// Whether an access token opens the door now.
    pub fn opens(&self, access: &str) -> bool {
        let asker = Asker::Bearer(access.to_owned());
        matches!(wait(ask(&self.authority, &asker, &Ask::Authenticate)), Answer::Known(_))
    }

    /// The answers, and what a long look at the store then shows. Changes the store.
    pub fn outcome(&self) -> Outcome {
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for held in &self.stage.held {
            names.insert(held.access.clone(), held.name.to_owned());
        }
        let answers = self.log().answers.clone();
        for (number, answer) in &answers {
            if let Some(access) = answer.access() {
                names.entry(access.to_owned()).or_insert_with(|| format!("of request {number}"));
            }
        }
        let mut lines: Vec<String> =
            answers.iter().map(|(number, answer)| line(&number, answer, &names)).collect();
        let mut look = |what: &dyn fmt::Display, request: Request| {
            let answer = wait(ask(&self.authority, &request.0, &request.1));
            if let Some(access) = answer.access() {
                names.entry(access.to_owned()).or_insert_with(|| format!("of {what}"));
            }
            lines.push(line(what, &answer, &names));
        };
        let access = self.made();
        let look_at_all = |look: &mut dyn FnMut(&dyn fmt::Display, Request)| {
            for held in &self.stage.held {
                look(&held.name, (Asker::Bearer(held.access.clone()), Ask::Authenticate));
            }
            for (number, access) in &access {
                look(&number, (Asker::Bearer(access.clone()), Ask::Authenticate));
            }
        };
        look_at_all(&mut look);
        for held in &self.stage.held {
            let request = (Asker::elastic(), Ask::Refresh(held.refresh.clone()));
            look(&format!("refresh of {}", held.name), request);
        }
        for (place, selector) in widening().into_iter().enumerate() {
            look(&format!("count {place}"), (Asker::elastic(), Ask::RevokeAll(selector)));
        }
        look_at_all(&mut look);
        Outcome(lines)
    }

    fn requester(&self, requester: usize) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (engine, log) = (Arc::clone(&self.engine), Arc::clone(&self.log));
        let authority = Arc::clone(&self.authority);
        let own = self.scene.requesters.get(requester).cloned().unwrap_or_default();
        let first = self.scene.number(requester, 0);
        Box::pin(async move {
            for (place, (asker, what)) in own.iter().enumerate() {
                if place > 0 {
                    pause().await;
                }
                engine.begin_request();
                let held = |log: &Mutex<Log>, act: &mut dyn FnMut(&mut Log)| {
                    act(&mut log.lock().unwrap_or_else(PoisonError::into_inner));
                };
                held(&log, &mut |log| {
                    let answered = log.answers.keys().copied().collect();
                    log.after.insert(first + place, answered);
                });
                let answer = ask(&authority, asker, what).await;
                held(&log, &mut |log| {
                    log.answers.insert(first + place, answer.clone());
                });
            }
        })
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bulk revocations that in the end cover everything, so that every counter shows.
fn widening() -> [Selector; 4] {
    let (ann, native) = (Username::new("ann"), RealmName::new(NATIVE));
    [
        Selector::UserInRealm(ann.clone(), native.clone()),
        Selector::Realm(native),
        Selector::User(ann),
        Selector::Realm(RealmName::new("reserved")),
    ]
}

/// Lets others have a turn.
async fn pause() {
    let mut has_paused = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut has_paused, true) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

/// What is drawn for the stage is never drawn again in a play.
const STAGE_SEED: u64 = 1;
const PLAY_SEED: u64 = 2;

fn line(what: &dyn fmt::Display, answer: &Answer, names: &BTreeMap<String, String>) -> String {
    let shown = match answer.access().and_then(|access| names.get(access)) {
        Some(name) => format!("the pair {name}"),
        None => format!("{answer:?}"),
    };
    format!("{what}: {shown}")
}
