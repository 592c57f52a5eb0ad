//! All small cases: every schedule of a few requests at once gives answers of some serial order.
//!
//! Two searches, both on the product's own code over the memory engine:
//!
//! * every reachable state of one issue, one refresh, one single and two bulk invalidations, a step
//!   being: note the tick, decide, commit;
//! * every schedule of any two requests, engine call by engine call. Here an order is allowed only
//!   if no request comes before one that had been answered when it began.
//!
//! Equal answers are not enough: after each history a long look at the store (every token used,
//! every refresh token refreshed, bulk invalidations until nothing is left) must show what it shows
//! after that order.
//!
//! **What is merged, and why that is sound.** Engine call by engine call, two histories are one
//! state when the same batches were admitted in the same order and each request asked the same of
//! the engine, at the same ticks, and was answered the same: what it does next follows from these,
//! and what a cache holds from what was read and what was admitted since. Calls between two commits
//! are answered alike in every order, so one order of them is played. Decision by decision, two
//! histories are one state when the rows and the tick are equal, every request stands at the same
//! place with the same answers behind it, and what it is about to commit is equal, numbers of
//! versions and ticks apart: an expectation that holds fails only by a commit still to come, and
//! one that fails never holds again, as nothing here removes a row that was expected absent. See
//! `testkit/src/stepped.rs`.
//!
//! A check that cannot fail is no check: with a rule of the engine taken out, the searches must
//! find a history that no order explains.

#![cfg(test)]

use jeton_domain::name::{RealmName, Username};
use jeton_domain::selector::Selector;
use jeton_testkit::ask::{Ask, Asker};
use jeton_testkit::scene::{ANN, EVERY_PAIR, OWN, Play, Request, SPENT, Scene, Stage};
use jeton_testkit::search::{Searched, Violation, search};
use jeton_testkit::stepped::{Stops, Without};
use jeton_testkit::world::{NATIVE, hasher};

#[test]
fn five_verbs_at_once_answer_as_in_some_order() {
    let searched = search_five(Without::Nothing).unwrap();
    println!("five verbs at once: {searched:?}");
    assert!(searched.ends > 10, "{searched:?}");
}

#[test]
fn the_search_of_five_verbs_notices_each_rule_that_is_missing() {
    for without in [Without::Guards, Without::Versions, Without::Log] {
        let violation = search_five(without).expect_err("a history that no order explains");
        println!("without {without:?}: {}", violation.what);
    }
}

#[test]
fn a_grant_and_any_other_verb_answer_as_in_some_order() {
    every_pair_with(Kind::Grant);
}

#[test]
fn a_refresh_and_any_other_verb_answer_as_in_some_order() {
    every_pair_with(Kind::Refresh);
}

#[test]
fn any_other_two_verbs_answer_as_in_some_order() {
    every_pair_with(Kind::Other);
}

#[test]
fn two_bulk_revocations_answer_as_in_some_order() {
    every_pair_with(Kind::Bulk);
}

#[test]
fn changes_that_end_tokens_answer_as_in_some_order() {
    every_pair_with(Kind::NewPassword);
    every_pair_with(Kind::End);
}

#[test]
fn the_search_call_by_call_notices_each_rule_that_is_missing() {
    let stage = Stage::set(hasher(), &EVERY_PAIR);
    let verbs = verbs(&stage);
    let finds = |without, one: &str, other: &str| {
        let named = |name| verbs.iter().find(|verb| verb.name == name).unwrap();
        let outcome = play_pair(&stage, (named(one), named(other)), without, true);
        let violation = outcome.expect_err("a history that no order explains");
        println!("without {without:?}, {one} and {other}: {}", violation.what);
    };
    finds(Without::Guards, "grant", "revoke realm");
    finds(Without::Guards, "grant", "disable and revoke user");
    finds(Without::Guards, "grant", "end by disabling");
    finds(Without::Guards, "grant", "end by deleting");
    finds(Without::Guards, "refresh", "new password");
    finds(Without::Guards, "client credentials of a bearer", "revoke user");
    finds(Without::Guards, "refresh", "revoke user");
    finds(Without::Guards, "revoke access", "revoke realm");
    finds(Without::Versions, "refresh", "refresh");
    finds(Without::Versions, "refresh", "revoke refresh");
    finds(Without::Versions, "revoke access", "revoke refresh");
    finds(Without::Versions, "revoke user", "revoke user in realm");
    finds(Without::Log, "revoke access", "authenticate");
    finds(Without::Log, "revoke realm", "refresh");
}

/// What a verb is to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// It makes a session.
    Grant,
    /// It goes on with a session of `ann` of the native realm.
    Refresh,
    Other,
    /// It ends every session of `ann` of the native realm.
    Bulk,
    /// It keeps her from making new ones, and then ends them: two requests, one after the other.
    DisableAndBulk,
    /// It ends every session of `ann` of the native realm, whose tokens follow her.
    NewPassword,
    /// The same, and it keeps her from making new ones, in one commit.
    End,
}

struct Verb {
    name: &'static str,
    kind: Kind,
    requests: Vec<Request>,
}

/// Plays every schedule of each verb of this kind with each that is not of an earlier kind.
fn every_pair_with(kind: Kind) {
    let stage = Stage::set(hasher(), &EVERY_PAIR);
    let verbs = verbs(&stage);
    let mut total = Searched::default();
    for (place, one) in verbs.iter().enumerate().filter(|(_, verb)| verb.kind == kind) {
        for other in verbs.iter().skip(place).filter(|other| is_pair(one, other)) {
            let has_bearer = [one, other].iter().any(|verb| verb.uses_token());
            for is_warm in [false, true] {
                // The cache holds nothing that matters where nobody presents a token.
                if is_warm && !has_bearer {
                    continue;
                }
                let outcome = play_pair(&stage, (one, other), Without::Nothing, is_warm);
                let searched = outcome.unwrap_or_else(|violation| {
                    panic!("{} and {}, warm: {is_warm}: {violation:?}", one.name, other.name)
                });
                assert!(searched.histories > 1, "{} and {}", one.name, other.name);
                total.states += searched.states;
                total.histories += searched.histories;
            }
        }
    }
    println!("{kind:?}: {} states, {} histories", total.states, total.histories);
}

/// Three requests are searched only where the third makes a difference.
fn is_pair(one: &Verb, other: &Verb) -> bool {
    other.kind != Kind::DisableAndBulk || matches!(one.kind, Kind::Grant | Kind::Refresh)
}

fn play_pair(
    stage: &Stage,
    (one, other): (&Verb, &Verb),
    without: Without,
    is_warm: bool,
) -> Result<Searched, Box<Violation>> {
    let requesters = vec![one.requests.clone(), other.requests.clone()];
    let follows_user_changes = [one, other].iter().any(|verb| verb.kind >= Kind::NewPassword);
    let scene = Scene { requesters, stops: Stops::Calls, without, is_warm, follows_user_changes };
    let must_die = matches!(
        (one.kind, other.kind),
        (Kind::Refresh, Kind::Bulk | Kind::DisableAndBulk | Kind::NewPassword | Kind::End)
            | (Kind::Grant, Kind::DisableAndBulk | Kind::End)
    );
    search(&scene, stage, |play| if must_die { no_survivor(play) } else { Ok(()) })
}

/// Whichever came first, nothing that was made opens the door in the end.
fn no_survivor(play: &Play<'_>) -> Result<(), String> {
    let survivor = play.made().into_iter().find(|(_, access)| play.opens(access));
    survivor.map_or(Ok(()), |(request, _)| Err(format!("what request {request} made survives")))
}

impl Verb {
    fn uses_token(&self) -> bool {
        self.requests.iter().any(|(asker, _)| matches!(asker, Asker::Bearer(_)))
    }
}

fn verbs(stage: &Stage) -> Vec<Verb> {
    let (ann, own, spent) = (stage.held(ANN), stage.held(OWN), stage.held(SPENT));
    let user = || Ask::RevokeAll(Selector::User(Username::new("ann")));
    let realm = || Ask::RevokeAll(Selector::Realm(RealmName::new(NATIVE)));
    let within = || Selector::UserInRealm(Username::new("ann"), RealmName::new(NATIVE));
    let refresh = |token: &str| Ask::Refresh(token.to_owned());
    let disable = || Ask::Enable("ann".to_owned(), false);
    let bearer = |what| vec![(Asker::Bearer(ann.access.clone()), what)];
    let one = |what| vec![by_elastic(what)];
    let two = |what| vec![by_elastic(disable()), by_elastic(what)];
    let verb = |name, kind, requests| Verb { name, kind, requests };
    vec![
        verb("grant", Kind::Grant, one(grant("ann", NATIVE))),
        verb(
            "client credentials",
            Kind::Grant,
            vec![(Asker::user("ann", NATIVE), Ask::ClientCredentials)],
        ),
        verb("client credentials of a bearer", Kind::Grant, bearer(Ask::ClientCredentials)),
        verb("refresh", Kind::Refresh, one(refresh(&ann.refresh))),
        verb("refresh by a bearer", Kind::Refresh, bearer(refresh(&own.refresh))),
        verb("refresh again", Kind::Refresh, one(refresh(&spent.refresh))),
        verb("revoke access", Kind::Other, one(Ask::revoke_access(&ann.access))),
        verb("revoke refresh", Kind::Other, one(Ask::revoke_refresh(&ann.refresh))),
        verb("revoke one's own access", Kind::Other, bearer(Ask::revoke_access(&ann.access))),
        verb("authenticate", Kind::Other, bearer(Ask::Authenticate)),
        verb("disable", Kind::Other, one(disable())),
        verb("revoke user", Kind::Bulk, one(user())),
        verb("revoke realm", Kind::Bulk, one(realm())),
        verb("revoke user in realm", Kind::Bulk, one(Ask::RevokeAll(within()))),
        verb("revoke one's own user", Kind::Bulk, bearer(user())),
        verb("disable and revoke user", Kind::DisableAndBulk, two(user())),
        verb("disable and revoke realm", Kind::DisableAndBulk, two(realm())),
        verb("new password", Kind::NewPassword, one(Ask::ChangePassword("ann".to_owned()))),
        verb("end by disabling", Kind::End, one(Ask::Disable("ann".to_owned()))),
        verb("end by deleting", Kind::End, one(Ask::Delete("ann".to_owned()))),
    ]
}

/// One issue, one refresh, one single and two bulk invalidations, decision by decision.
fn search_five(without: Without) -> Result<Searched, Box<Violation>> {
    let stage = Stage::set(hasher(), &[ANN]);
    let ann = stage.held(ANN);
    let requests = [
        grant("ann", NATIVE),
        Ask::Refresh(ann.refresh.clone()),
        Ask::revoke_access(&ann.access),
        Ask::RevokeAll(Selector::User(Username::new("ann"))),
        Ask::RevokeAll(Selector::Realm(RealmName::new(NATIVE))),
    ];
    let requesters = requests.into_iter().map(|what| vec![by_elastic(what)]).collect();
    let scene = Scene {
        requesters,
        stops: Stops::Decisions,
        without,
        is_warm: true,
        follows_user_changes: false,
    };
    search(&scene, &stage, |_| Ok(()))
}

fn grant(username: &str, realm: &str) -> Ask {
    Ask::Password { username: username.to_owned(), realm: realm.to_owned() }
}

fn by_elastic(what: Ask) -> Request {
    (Asker::elastic(), what)
}
