//! Races of real threads: many refreshes of one token, and refreshes against bulk revocations.
//!
//! The small cases play every schedule; these play a few, as they come, on engines that group
//! commits. `JETON_RACE_ROUNDS` says how often a refresh races with a revocation.

#![cfg(test)]

use std::collections::BTreeSet;
use std::sync::Arc;

use jeton_authority::Authority;
use jeton_domain::name::{RealmName, Username};
use jeton_domain::selector::Selector;
use jeton_testkit::ask::{Answer, Ask, Asker, ask};
use jeton_testkit::chance::Chance;
use jeton_testkit::world::{Ground, NATIVE, World, hasher};
use tokio::runtime::Runtime;
use tokio::sync::Barrier;

#[test]
fn parallel_refreshes_of_one_token_give_one_pair_in_memory() {
    one_pair(Ground::Memory);
}

#[test]
fn parallel_refreshes_of_one_token_give_one_pair_in_a_directory() {
    one_pair(Ground::Directory);
}

#[test]
fn no_refresh_survives_a_bulk_revocation_in_memory() {
    no_survivor(Ground::Memory, rounds());
}

#[test]
fn no_refresh_survives_a_bulk_revocation_in_a_directory() {
    no_survivor(Ground::Directory, rounds().div_ceil(4));
}

fn one_pair(ground: Ground) {
    let hasher = hasher();
    runtime().block_on(async {
        let world = World::begin(ground, 11, &hasher).await;
        for _ in 0..8 {
            let first = world.ask(&Asker::elastic(), &grant()).await;
            let refresh = Ask::Refresh(first.refresh().unwrap().to_owned());
            let asks = (0..REFRESHES).map(|_| refresh.clone()).collect();
            let answers = all_at_once(world.authority(), asks).await;
            let pairs: BTreeSet<_> =
                answers.iter().map(|(answer, _)| format!("{answer:?}")).collect();
            assert_eq!((answers.len(), pairs.len()), (REFRESHES, 1), "{pairs:?}");
            for (answer, is_good) in answers {
                assert!(answer.refresh().is_some(), "{answer:?}");
                assert!(is_good, "each access token is good when its answer arrives");
            }
            let again = world.ask(&Asker::elastic(), &refresh).await;
            assert!(pairs.contains(&format!("{again:?}")));
        }
        // The pair of each round and its one successor.
        let counts = world.ask(&Asker::elastic(), &revocation(0)).await;
        assert_eq!(counts, Answer::counted(8 * 4, 0));
    });
}

fn no_survivor(ground: Ground, rounds: usize) {
    let hasher = hasher();
    runtime().block_on(async {
        let world = World::begin(ground, 12, &hasher).await;
        let mut chance = Chance::new(12);
        for round in 0..rounds {
            let mut asks = vec![revocation(round)];
            for _ in 0..=chance.below(6) {
                let pair = world.ask(&Asker::elastic(), &grant()).await;
                let refresh = Ask::Refresh(pair.refresh().unwrap().to_owned());
                asks.extend(std::iter::repeat_n(refresh, 1 + chance.below(3)));
            }
            let place = chance.below(asks.len());
            asks.swap(0, place);
            let answers = all_at_once(world.authority(), asks).await;
            for (answer, _) in answers {
                let Some(access) = answer.access() else { continue };
                let asker = Asker::Bearer(access.to_owned());
                let now = world.ask(&asker, &Ask::Authenticate).await;
                assert!(matches!(now, Answer::Unauthenticated(_)), "round {round}: {now:?}");
            }
            let nothing = world.ask(&Asker::elastic(), &revocation(round)).await;
            assert_eq!(nothing, Answer::counted(0, 0), "round {round}");
        }
    });
}

/// The answers of requests that begin together, and whether each access token was good at once.
async fn all_at_once(authority: &Arc<Authority>, asks: Vec<Ask>) -> Vec<(Answer, bool)> {
    let barrier = Arc::new(Barrier::new(asks.len()));
    let tasks: Vec<_> = asks
        .into_iter()
        .map(|what| {
            let (authority, barrier) = (Arc::clone(authority), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                let answer = ask(&authority, &Asker::elastic(), &what).await;
                let asker = answer.access().map(|access| Asker::Bearer(access.to_owned()));
                let is_good = match asker {
                    Some(asker) => {
                        let known = ask(&authority, &asker, &Ask::Authenticate).await;
                        known == Answer::Known("ann".to_owned())
                    }
                    None => false,
                };
                (answer, is_good)
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

/// One of the revocations that cover what [`grant`] makes.
fn revocation(round: usize) -> Ask {
    let (ann, native) = (Username::new("ann"), RealmName::new(NATIVE));
    Ask::RevokeAll(match round % 3 {
        0 => Selector::User(ann),
        1 => Selector::Realm(native),
        _ => Selector::UserInRealm(ann, native),
    })
}

fn grant() -> Ask {
    Ask::Password { username: "ann".to_owned(), realm: NATIVE.to_owned() }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap()
}

fn rounds() -> usize {
    std::env::var("JETON_RACE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(200)
}

const REFRESHES: usize = 64;
