//! The authority against the plain model: random lives, equal answers after every step.
//!
//! A life is a list of grants, refreshes, invalidations of every kind, time passing, clean-ups and
//! restarts. After each step the answer is the model's, and so is the validity of every access
//! token that was ever made. At the end everything is invalidated, so that a count that went wrong
//! shows.
//!
//! `JETON_CENSUS_CASES` says how many lives are lived in memory; a directory has a tenth of them.

#![cfg(test)]

use std::hash::{BuildHasher as _, RandomState};

use jeton_domain::name::{RealmName, Username};
use jeton_domain::selector::Selector;
use jeton_domain::time::Clock;
use jeton_domain::token::text::Half;
use jeton_realms::password::PasswordHasher;
use jeton_testkit::ask::{Answer, Ask, Asker};
use jeton_testkit::model::{Model, Named, Person, RecordNumber, Refreshed, Verdict, WhichHalf};
use jeton_testkit::world::{End, Ground, NATIVE, SAML, World, hasher};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// One step of a life.
#[derive(Clone, Debug)]
enum Step {
    Password { asker: Who, username: &'static str, realm: &'static str },
    ClientCredentials(Who),
    Refresh { asker: Who, token: Index },
    RefreshByOwner(Index),
    Invalidate { asker: Who, token: Index, half: WhichHalf },
    InvalidateAll { asker: Who, username: Option<&'static str>, realm: Option<&'static str> },
    InvalidateNonsense(&'static str),
    InvalidateSwapped(Index),
    Pass { ms: i64 },
    CleanUp,
    Restart(End),
    ChangeLifetime { ms: i64 },
}

/// Who asks in a step.
#[derive(Clone, Debug)]
enum Who {
    User(&'static str, &'static str),
    RunAs(&'static str, &'static str),
    Bearer(Index),
}

#[test]
fn counts_and_refusals_equal_brute_force_in_memory() {
    live(Ground::Memory, cases());
}

#[test]
fn counts_and_refusals_equal_brute_force_in_a_directory() {
    live(Ground::Directory, cases().div_ceil(10));
}

fn cases() -> u32 {
    std::env::var("JETON_CENSUS_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(400)
}

fn live(ground: Ground, cases: u32) {
    let hasher = hasher();
    let defaults = Config::default();
    // A failure tells the seed; with it in this variable the library repeats the run.
    let seed = match defaults.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().hash_one(0),
    };
    println!("PROPTEST_RNG_SEED={seed}");
    let rng_seed = RngSeed::Fixed(seed);
    let config =
        Config { cases, max_shrink_iters: 4096, failure_persistence: None, rng_seed, ..defaults };
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&vec(any_step(), 1..70), |steps| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(live_through(ground, &hasher, &steps))
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

async fn live_through(
    ground: Ground,
    hasher: &PasswordHasher,
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let mut life = Life::begin(ground, hasher).await;
    for step in steps {
        life.take(step).await?;
        life.check_every_token().await?;
    }
    for (username, realm) in [(Some("ann"), Some(SAML)), (None, Some(NATIVE)), (Some("eve"), None)]
    {
        life.take(&Step::InvalidateAll { asker: ELASTIC, username, realm }).await?;
        life.check_every_token().await?;
    }
    Ok(())
}

/// A world and what the model says of it.
struct Life {
    world: World,
    model: Model,
    tokens: Vec<Strings>,
}

/// The strings of a record.
#[derive(Clone, Debug, PartialEq)]
struct Strings {
    access: String,
    refresh: Option<String>,
}

/// What the model expects of an answer.
#[derive(Debug)]
enum Expected {
    NewRecord(RecordNumber),
    SameStrings(RecordNumber),
    Exactly(Answer),
}

impl Life {
    async fn begin(ground: Ground, hasher: &PasswordHasher) -> Self {
        let world = World::begin(ground, 7, hasher).await;
        let model = Model::new(world.setting().access_lifetime_ms);
        Self { world, model, tokens: Vec::new() }
    }

    async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Pass { ms } => self.world.clock().pass_ms(*ms),
            Step::Restart(end) => self.restart(*end, self.world.setting().access_lifetime_ms).await,
            Step::ChangeLifetime { ms } => self.restart(End::Orderly, *ms).await,
            Step::CleanUp => {
                let removed = self.model.clean_up(self.now_ms(), self.world.clock().boot().ms());
                let expired = self.world.expire().await.unwrap();
                let dropped = |hour: &i64| {
                    expired.dropped.iter().any(|dropped| i64::from(dropped.number()) == *hour)
                };
                prop_assert!(removed.iter().all(dropped), "{removed:?} against {expired:?}");
            }
            Step::Password { .. }
            | Step::ClientCredentials(_)
            | Step::Refresh { .. }
            | Step::RefreshByOwner(_)
            | Step::Invalidate { .. }
            | Step::InvalidateAll { .. }
            | Step::InvalidateNonsense(_)
            | Step::InvalidateSwapped(_) => self.call(step).await?,
        }
        Ok(())
    }

    async fn restart(&mut self, end: End, lifetime_ms: i64) {
        self.model.restart(lifetime_ms);
        self.world.restart_with_lifetime(end, lifetime_ms).await;
    }

    async fn call(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let Some((asker, what)) = self.request(step) else { return Ok(()) };
        let expected = self.expected(step, &asker);
        let answer = self.world.ask(&asker, &what).await;
        let strings = match &answer {
            Answer::Granted { access, refresh } => {
                Some(Strings { access: access.clone(), refresh: refresh.clone() })
            }
            _ => None,
        };
        match expected {
            Expected::Exactly(expected) => {
                prop_assert!(agree(&answer, &expected), "{answer:?} against {expected:?}");
            }
            Expected::SameStrings(number) => {
                prop_assert_eq!(strings.as_ref(), self.tokens.get(number), "{:?}", answer);
            }
            Expected::NewRecord(number) => {
                let Some(strings) = strings else {
                    return Err(TestCaseError::fail(format!("no token: {answer:?}")));
                };
                let has_refresh = !matches!(step, Step::ClientCredentials(_));
                prop_assert_eq!(strings.refresh.is_some(), has_refresh);
                prop_assert!(!self.tokens.contains(&strings));
                prop_assert_eq!(number, self.tokens.len());
                self.tokens.push(strings);
            }
        }
        Ok(())
    }

    /// The request of a step; none when there is no token yet that it could be about.
    fn request(&self, step: &Step) -> Option<(Asker, Ask)> {
        let elastic = Asker::elastic();
        Some(match step {
            Step::Password { asker, username, realm } => {
                let (username, realm) = ((*username).to_owned(), (*realm).to_owned());
                (self.asker(asker)?, Ask::Password { username, realm })
            }
            Step::ClientCredentials(asker) => (self.asker(asker)?, Ask::ClientCredentials),
            Step::Refresh { asker, token } => {
                (self.asker(asker)?, Ask::Refresh(self.refresh_token(*token)?))
            }
            Step::RefreshByOwner(token) => (elastic, Ask::Refresh(self.refresh_token(*token)?)),
            Step::Invalidate { asker, token, half: WhichHalf::Access } => {
                (self.asker(asker)?, Ask::revoke_access(&self.access_token(*token)?))
            }
            Step::Invalidate { asker, token, half: WhichHalf::Refresh } => {
                (self.asker(asker)?, Ask::revoke_refresh(&self.refresh_token(*token)?))
            }
            Step::InvalidateAll { asker, username, realm } => {
                (self.asker(asker)?, Ask::RevokeAll(selector(*username, *realm)))
            }
            Step::InvalidateNonsense(text) => (elastic, Ask::revoke_access(text)),
            Step::InvalidateSwapped(token) => {
                (elastic, Ask::Revoke(Half::Refresh, self.access_token(*token)?))
            }
            Step::Pass { .. } | Step::CleanUp | Step::Restart(_) | Step::ChangeLifetime { .. } => {
                return None;
            }
        })
    }

    /// What the model answers.
    fn expected(&mut self, step: &Step, asker: &Asker) -> Expected {
        let now_ms = self.now_ms();
        let client = match self.client(asker) {
            Ok(client) => client,
            Err(text) => return Expected::Exactly(Answer::Unauthenticated(text.to_owned())),
        };
        match step {
            Step::Password { username, realm, .. } => {
                let subject = Person::new(username, realm);
                Expected::NewRecord(self.model.issue(now_ms, client, subject, true))
            }
            Step::ClientCredentials(_) => {
                let subject = client.clone();
                Expected::NewRecord(self.model.issue(now_ms, client, subject, false))
            }
            Step::Refresh { token, .. } | Step::RefreshByOwner(token) => {
                let number = token.index(self.tokens.len());
                match self.model.refresh(number, now_ms, &client) {
                    Refreshed::Anew(number) => Expected::NewRecord(number),
                    Refreshed::Again(number) => Expected::SameStrings(number),
                    Refreshed::Refused(text) => Expected::Exactly(Answer::Refused(text.to_owned())),
                }
            }
            Step::Invalidate { token, half, .. } => {
                let number = token.index(self.tokens.len());
                Expected::Exactly(self.model.invalidate(number, *half, now_ms))
            }
            Step::InvalidateAll { username, realm, .. } => {
                let own = |text: Option<&str>| text.map(str::to_owned);
                let named = Named { username: own(*username), realm: own(*realm) };
                Expected::Exactly(self.model.invalidate_all(&named, now_ms))
            }
            Step::InvalidateNonsense(text) if *text == FOREIGN && self.model.is_empty() => {
                Expected::Exactly(Answer::Refused("failed to invalidate token".to_owned()))
            }
            _ => Expected::Exactly(Answer::NoSuchToken),
        }
    }

    async fn check_every_token(&self) -> Result<(), TestCaseError> {
        for (number, strings) in self.tokens.iter().enumerate() {
            let asker = Asker::Bearer(strings.access.clone());
            let expected = match (self.client(&asker), self.model.subject(number)) {
                (Ok(_), Some(subject)) => Answer::Known(subject.username.clone()),
                (Err(text), _) => Answer::Unauthenticated(text.to_owned()),
                (Ok(_), None) => return Err(TestCaseError::fail("a token without a record")),
            };
            let answer = self.world.ask(&asker, &Ask::Authenticate).await;
            let is_right = agree(&answer, &expected);
            prop_assert!(is_right, "token {number}: {answer:?} against {expected:?}");
            let authority = self.world.authority();
            let at_once = authority.validate_at_once(strings.access.as_bytes(), authority.now());
            if matches!(at_once, Some(Ok(_))) {
                prop_assert!(matches!(answer, Answer::Known(_)), "token {} is remembered", number);
            }
        }
        Ok(())
    }

    /// The effective user of a request, or the text that says why there is none.
    fn client(&self, asker: &Asker) -> Result<Person, &'static str> {
        match asker {
            Asker::User { run_as: Some(username), .. } => {
                let realm = if username == "eve" { SAML } else { NATIVE };
                Ok(Person::new(username, realm))
            }
            Asker::User { username, realm, run_as: None } => Ok(Person::new(username, realm)),
            Asker::Bearer(token) => {
                let place = self.tokens.iter().position(|strings| strings.access == *token);
                let number = place.ok_or("it was never made")?;
                match self.model.verdict(number, self.now_ms()) {
                    Verdict::Valid => self.model.subject(number).cloned().ok_or("nobody"),
                    Verdict::Ended => Err(ENDED),
                    Verdict::Unknown => Err(UNKNOWN),
                }
            }
        }
    }

    fn asker(&self, who: &Who) -> Option<Asker> {
        Some(match who {
            Who::User(username, realm) => Asker::user(username, realm),
            Who::RunAs(username, target) => Asker::User {
                username: (*username).to_owned(),
                realm: "reserved".to_owned(),
                run_as: Some((*target).to_owned()),
            },
            Who::Bearer(token) => Asker::Bearer(self.access_token(*token)?),
        })
    }

    fn access_token(&self, token: Index) -> Option<String> {
        (!self.tokens.is_empty()).then(|| token.get(&self.tokens).access.clone())
    }

    /// The refresh token of a record, or what cannot be one.
    fn refresh_token(&self, token: Index) -> Option<String> {
        let none = || "jtr_none".to_owned();
        (!self.tokens.is_empty())
            .then(|| token.get(&self.tokens).refresh.clone().unwrap_or_else(none))
    }

    fn now_ms(&self) -> i64 {
        self.world.clock().now().ms()
    }
}

/// Whether an answer is the expected one. Of a removed record, a process that still remembers it
/// says that its token has expired, as it has.
fn agree(answer: &Answer, expected: &Answer) -> bool {
    let says =
        |answer: &Answer, text| matches!(answer, Answer::Unauthenticated(said) if said == text);
    answer == expected || says(expected, UNKNOWN) && says(answer, ENDED)
}

fn selector(username: Option<&str>, realm: Option<&str>) -> Selector {
    match (username.map(Username::new), realm.map(RealmName::new)) {
        (Some(username), Some(realm)) => Selector::UserInRealm(username, realm),
        (Some(username), None) => Selector::User(username),
        (None, Some(realm)) => Selector::Realm(realm),
        (None, None) => unreachable!("a bulk invalidation names somebody"),
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        6 => (any_who(), any_person()).prop_map(|(asker, (username, realm))| {
            Step::Password { asker, username, realm }
        }),
        4 => any_who().prop_map(Step::ClientCredentials),
        3 => (any_who(), index()).prop_map(|(asker, token)| Step::Refresh { asker, token }),
        6 => index().prop_map(Step::RefreshByOwner),
        4 => (any_who(), index(), any_half()).prop_map(|(asker, token, half)| {
            Step::Invalidate { asker, token, half }
        }),
        4 => (any_who(), any_names()).prop_map(|(asker, (username, realm))| {
            Step::InvalidateAll { asker, username, realm }
        }),
        1 => prop_oneof![Just(FOREIGN), Just("non-sense")].prop_map(Step::InvalidateNonsense),
        1 => index().prop_map(Step::InvalidateSwapped),
        8 => any_time().prop_map(|ms| Step::Pass { ms }),
        3 => Just(Step::CleanUp),
        1 => prop_oneof![Just(End::Orderly), Just(End::Sudden)].prop_map(Step::Restart),
        1 => prop_oneof![Just(1_000), Just(1_500), Just(1_200_000), Just(3_600_000)]
            .prop_map(|ms| Step::ChangeLifetime { ms }),
    ]
}

fn any_who() -> impl Strategy<Value = Who> {
    prop_oneof![
        5 => Just(ELASTIC),
        3 => any_person().prop_map(|(username, realm)| Who::User(username, realm)),
        2 => prop_oneof![Just("ann"), Just("bob"), Just("eve")]
            .prop_map(|target| Who::RunAs("elastic", target)),
        2 => any::<Index>().prop_map(Who::Bearer),
    ]
}

fn any_person() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop_oneof![
        2 => Just(("ann", NATIVE)),
        2 => Just(("ann", SAML)),
        1 => Just(("bob", NATIVE)),
        1 => Just(("eve", SAML)),
    ]
}

fn any_half() -> impl Strategy<Value = WhichHalf> {
    prop_oneof![Just(WhichHalf::Access), Just(WhichHalf::Refresh)]
}

fn any_names() -> impl Strategy<Value = (Option<&'static str>, Option<&'static str>)> {
    let username =
        || prop_oneof![4 => Just("ann"), 1 => Just("bob"), 1 => Just("eve"), 1 => Just("nobody")];
    let realm = || prop_oneof![3 => Just(NATIVE), 3 => Just(SAML), 1 => Just("reserved"), 1 => Just("nowhere")];
    prop_oneof![
        username().prop_map(|username| (Some(username), None)),
        realm().prop_map(|realm| (None, Some(realm))),
        (username(), realm()).prop_map(|(username, realm)| (Some(username), Some(realm))),
    ]
}

/// From a millisecond to days, with a taste for the ends of windows and lifetimes.
fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => 1_i64..2_000,
        2 => 29_000_i64..31_500,
        1 => Just(30_000_i64),
        2 => 60_000_i64..1_300_000,
        2 => 1_800_000_i64..3_700_000,
        2 => 3_600_000_i64..30_000_000,
        2 => 86_398_000_i64..86_402_000,
        1 => 86_400_000_i64..260_000_000,
    ]
}

const ELASTIC: Who = Who::User("elastic", "reserved");

const ENDED: &str = "the access token expired or was revoked";
const UNKNOWN: &str = "the bearer token is not known";

/// A text that some release of Elasticsearch would decode.
const FOREIGN: &str = "46ToAxYzNUdPZWdYOFRQcWhjeHR3NWpvTmVB";
