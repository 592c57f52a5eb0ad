//! Seeded lives: several clients at once, on an engine that fails, in simulated time, with crashes.
//!
//! Clients get, use, refresh and revoke at random. Commits are late, refused, or done with their
//! answer lost; reads fail; now and then the process ends in the middle of it all and begins again
//! on what the engine kept. Always true:
//!
//! * a token that was revoked or has expired is never accepted once that was answered;
//! * a refresh token has at most one successor;
//! * what was answered is there after a crash, and what nobody has ended stays good.
//!
//! Each seed is lived twice and must leave the same trace. `JETON_SIM_SEEDS` says how many,
//! `JETON_SIM_SEED` picks one; a seed that fails is printed.

#![cfg(test)]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use jeton_authority::Authority;
use jeton_domain::name::{RealmName, Username};
use jeton_domain::selector::Selector;
use jeton_domain::time::Clock;
use jeton_realms::password::PasswordHasher;
use jeton_store::engine::Engine;
use jeton_testkit::ask::{Ask, Asker, ask};
use jeton_testkit::chance::Chance;
use jeton_testkit::clock::StillClock;
use jeton_testkit::faulty::{Faults, Faulty};
use jeton_testkit::ledger::{Deed, Ledger};
use jeton_testkit::model::{Named, Person};
use jeton_testkit::wait::wait;
use jeton_testkit::world::{End, Ground, NATIVE, SAML, World, hasher};

#[test]
fn every_life_keeps_what_was_promised_and_repeats() {
    let hasher = hasher();
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("JETON_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("JETON_SIM_SEEDS").unwrap_or(20),
    };
    let count = seeds.clone().count();
    for seed in seeds {
        let trace = live(seed, &hasher).unwrap_or_else(|what| fail(seed, &what));
        let again = live(seed, &hasher).unwrap_or_else(|what| fail(seed, &what));
        if trace != again {
            fail(seed, &format!("the first life left trace {trace:x}, the second {again:x}"));
        }
    }
    println!("{count} seeds lived");
}

#[test]
fn an_engine_that_forgets_what_it_answered_is_noticed() {
    let hasher = hasher();
    let lives = (0..6).map(|seed| live_with(seed, &hasher, Faults::forget_some));
    let noticed: Vec<String> = lives.filter_map(Result::err).collect();
    println!("{noticed:#?}");
    assert!(noticed.len() >= 3, "{noticed:?}");
}

fn fail(seed: u64, what: &str) -> ! {
    panic!("seed {seed} fails; rerun with JETON_SIM_SEED={seed}: {what}")
}

/// Lives one life; gives the hash of everything that was asked and answered.
fn live(seed: u64, hasher: &PasswordHasher) -> Result<u64, String> {
    live_with(seed, hasher, |_| ())
}

fn live_with(
    seed: u64,
    hasher: &PasswordHasher,
    change: impl FnOnce(&Faults),
) -> Result<u64, String> {
    let mut life = Life::begin(seed, hasher);
    change(&life.faults);
    for _ in 0..TURNS {
        life.turn()?;
    }
    life.crash()?;
    Ok(life.shared.lock().trace.finish())
}

struct Life {
    world: World,
    faults: Arc<Faults>,
    chance: Chance,
    shared: Arc<Shared>,
    clients: Vec<Pin<Box<dyn Future<Output = ()>>>>,
}

/// What every client knows and writes to.
struct Shared(Mutex<State>);

struct State {
    ledger: Ledger,
    trace: DefaultHasher,
    wrong: Option<String>,
}

impl Life {
    fn begin(seed: u64, hasher: &PasswordHasher) -> Self {
        // Most lives are lived in memory: a disk makes them slow, and adds nothing to the order.
        let ground = if seed % 4 == 3 { Ground::Directory } else { Ground::Memory };
        let faults = Arc::new(Faults::new(seed ^ 0xfa17));
        let shared_faults = Arc::clone(&faults);
        let between = Arc::new(move |engine: Arc<dyn Engine>| {
            Arc::new(Faulty::new(engine, Arc::clone(&shared_faults))) as Arc<dyn Engine>
        });
        let world = wait(World::begin_with(ground, seed, hasher, between));
        let ledger = Ledger::new(world.setting().access_lifetime_ms);
        let state = State { ledger, trace: DefaultHasher::new(), wrong: None };
        let shared = Arc::new(Shared(Mutex::new(state)));
        let mut life =
            Self { world, faults, chance: Chance::new(seed), shared, clients: Vec::new() };
        life.start_clients();
        life
    }

    /// Lets one client go on, or time pass, or everything end.
    fn turn(&mut self) -> Result<(), String> {
        if self.chance.once_in(600) {
            return self.crash();
        }
        if self.chance.once_in(40) {
            let spans_ms = [1, 400, 5_000, 31_000, 600_000, 1_200_000, 7_200_000, 90_000_000];
            let rare = if self.chance.once_in(12) { spans_ms.len() } else { 4 };
            let ms = spans_ms[self.chance.below(rare)];
            self.world.clock().pass_ms(ms);
        }
        if self.chance.once_in(100) {
            self.faults.set_calm(true);
            let expired = wait(self.world.expire()).map_err(|error| error.to_string())?;
            self.faults.set_calm(false);
            self.shared.lock().trace.write_usize(expired.dropped.len());
        }
        let place = self.chance.below(self.clients.len());
        let mut context = Context::from_waker(Waker::noop());
        let is_done = self.clients[place].as_mut().poll(&mut context).is_ready();
        assert!(!is_done, "clients go on until the end");
        self.shared.lock().wrong.take().map_or(Ok(()), Err)
    }

    /// Ends everything at once, begins again, and looks at every token that is known.
    fn crash(&mut self) -> Result<(), String> {
        self.clients.clear();
        self.faults.set_calm(true);
        self.shared.lock().ledger.crash();
        wait(self.world.restart(End::Sudden));
        let count = self.shared.lock().ledger.pairs().len();
        let desk = self.desk(0, Chance::new(0));
        for number in 0..count {
            wait(desk.make(Deed::Use(number)));
        }
        drop(desk);
        self.shared.lock().wrong.take().map_or(Ok(()), Err)?;
        self.start_clients();
        Ok(())
    }

    fn start_clients(&mut self) {
        self.faults.set_calm(false);
        for client in 0..CLIENTS {
            let chance = Chance::new(self.chance.number());
            let desk = self.desk(client, chance);
            self.clients.push(Box::pin(desk.go_on()));
        }
    }

    fn desk(&self, client: usize, chance: Chance) -> Desk {
        Desk {
            client,
            chance,
            authority: Arc::clone(self.world.authority()),
            clock: Arc::clone(self.world.clock()),
            shared: Arc::clone(&self.shared),
        }
    }
}

/// Where a client sits.
struct Desk {
    client: usize,
    chance: Chance,
    authority: Arc<Authority>,
    clock: Arc<StillClock>,
    shared: Arc<Shared>,
}

impl Desk {
    async fn go_on(mut self) {
        loop {
            let deed = self.choose();
            self.make(deed).await;
        }
    }

    /// Makes a request, and writes down what came of it.
    async fn make(&self, deed: Deed) {
        let what = self.what(&deed);
        let asker = match &deed {
            Deed::Use(number) => Asker::Bearer(self.access(*number)),
            _ => Asker::elastic(),
        };
        let begun = self.shared.lock().ledger.begin(deed, self.now_ms());
        let answer = ask(&self.authority, &asker, &what).await;
        let mut state = self.shared.lock();
        (self.client, format!("{what:?} {answer:?}")).hash(&mut state.trace);
        let outcome = state.ledger.end(&begun, &answer, self.now_ms());
        if let Err(wrong) = outcome {
            state.wrong.get_or_insert(wrong);
        }
    }

    fn choose(&mut self) -> Deed {
        let count = self.shared.lock().ledger.pairs().len();
        // Most is done with the newest pairs: those that others are busy with too.
        let number = match count {
            0 => return Deed::Grant(self.person()),
            _ if self.chance.once_in(4) => self.chance.below(count),
            _ => count - 1 - self.chance.below(count.min(5)),
        };
        match self.chance.below(40) {
            0..=7 => Deed::Grant(self.person()),
            8..=19 => Deed::Use(number),
            20..=33 => Deed::Refresh(number),
            34 => Deed::EndAccess(number),
            35 | 36 => Deed::EndRefresh(number),
            _ => Deed::EndAll(self.named()),
        }
    }

    fn person(&mut self) -> Person {
        let people = [("ann", NATIVE), ("bob", NATIVE), ("ann", SAML), ("eve", SAML)];
        let (username, realm) = people[self.chance.below(people.len())];
        Person::new(username, realm)
    }

    fn named(&mut self) -> Named {
        let Person { username, realm } = self.person();
        match self.chance.below(3) {
            0 => Named { username: Some(username), realm: None },
            1 => Named { username: None, realm: Some(realm) },
            _ => Named { username: Some(username), realm: Some(realm) },
        }
    }

    fn what(&self, deed: &Deed) -> Ask {
        match deed {
            Deed::Grant(Person { username, realm }) => {
                Ask::Password { username: username.clone(), realm: realm.clone() }
            }
            Deed::Refresh(number) => Ask::Refresh(self.refresh(*number)),
            Deed::EndAccess(number) => Ask::revoke_access(&self.access(*number)),
            Deed::EndRefresh(number) => Ask::revoke_refresh(&self.refresh(*number)),
            Deed::EndAll(named) => Ask::RevokeAll(selector(named)),
            Deed::Use(_) => Ask::Authenticate,
        }
    }

    fn access(&self, number: usize) -> String {
        self.shared.lock().ledger.pairs()[number].access.clone()
    }

    fn refresh(&self, number: usize) -> String {
        self.shared.lock().ledger.pairs()[number].refresh.clone().unwrap_or_default()
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().ms()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn selector(named: &Named) -> Selector {
    let username = named.username.as_deref().map(Username::new);
    let realm = named.realm.as_deref().map(RealmName::new);
    match (username, realm) {
        (Some(username), Some(realm)) => Selector::UserInRealm(username, realm),
        (Some(username), None) => Selector::User(username),
        (None, Some(realm)) => Selector::Realm(realm),
        (None, None) => Selector::Everything,
    }
}

const CLIENTS: usize = 4;

/// Turns of one life; a request takes some twenty of them.
const TURNS: usize = 4_000;
