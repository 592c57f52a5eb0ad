//! What is promised of tokens whose users change: they live on, or end in the same commit.

use std::sync::Arc;

use jeton_authority::users::put::{NewPassword, UserPut};
use jeton_domain::name::{RealmName, RoleName, Username};
use jeton_domain::secret::Secret;
use jeton_domain::selector::Selector;
use jeton_domain::token::text::Half;
use jeton_store::tables::census::Counts;

use crate::world::{PASSWORD, Tokens, World};

const EXPIRED: &str = "the access token expired or was revoked";

/// A change of `bob` after which what was granted to him before should not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Delete,
    Disable,
    PutDisabled,
    PutPassword,
    OwnPassword,
    AnothersPassword,
    OperatorsPassword,
}

const CHANGES: [Change; 7] = [
    Change::Delete,
    Change::Disable,
    Change::PutDisabled,
    Change::PutPassword,
    Change::OwnPassword,
    Change::AnothersPassword,
    Change::OperatorsPassword,
];

fn clear(password: &str) -> NewPassword {
    NewPassword::Clear(Arc::new(Secret::from(password)))
}

fn put_of_bob(password: Option<NewPassword>, enabled: bool) -> UserPut {
    UserPut {
        username: "bob".to_owned(),
        password,
        roles: Some(vec![RoleName::new("tokens")]),
        full_name: None,
        email: None,
        metadata: None,
        enabled,
    }
}

async fn change(world: &World, change: Change) {
    let authority = &world.authority;
    let root = world.caller("root").await;
    let other = clear("another-password");
    match change {
        Change::Delete => {
            authority.delete_user(root, "bob").await.unwrap();
        }
        Change::Disable => authority.disable_user(root, "bob").await.unwrap(),
        Change::PutDisabled => {
            authority.put_user(root, put_of_bob(None, false)).await.unwrap();
        }
        Change::PutPassword => {
            authority.put_user(root, put_of_bob(Some(other), true)).await.unwrap();
        }
        Change::OwnPassword => {
            let bob = world.caller("bob").await;
            authority.change_password(bob, None, &other).await.unwrap();
        }
        Change::AnothersPassword => {
            authority.change_password(root, Some("bob"), &other).await.unwrap();
        }
        Change::OperatorsPassword => authority.reset_password("bob", &other).await.unwrap(),
    }
}

async fn lives(world: &World, tokens: &Tokens) -> bool {
    let access = world.open_door(&tokens.access).await;
    let refreshed = world.refresh_as("ann", &tokens.refresh).await;
    match (access, refreshed) {
        (Ok(name), Ok(_)) => name == "bob",
        (Err(access), Err(refresh)) => {
            assert_eq!(
                (access.as_str(), refresh.as_str()),
                (EXPIRED, "token has been invalidated")
            );
            false
        }
        mixed => panic!("{mixed:?}"),
    }
}

/// Identity cases 32, 33.
#[tokio::test]
async fn tokens_outlive_every_change_of_their_user_unless_told_otherwise() {
    for kind in CHANGES {
        let world = World::new().await;
        let tokens = world.password_grant("ann", "bob").await;
        change(&world, kind).await;
        assert!(lives(&world, &tokens).await, "{kind:?}");
    }
}

#[tokio::test]
async fn tokens_that_follow_their_user_end_with_the_change() {
    for kind in CHANGES {
        let world = World::following().await;
        let tokens = world.password_grant("ann", "bob").await;
        let of_ann = world.password_grant("ann", "ann").await;
        change(&world, kind).await;
        assert!(!lives(&world, &tokens).await, "{kind:?}");
        assert_eq!(world.open_door(&of_ann.access).await.unwrap(), "ann", "{kind:?}");
        // The name can be used again, and what is granted then counts.
        world.put_user("bob", &["tokens"], true).await;
        let anew = world.password_grant("ann", "bob").await;
        assert!(lives(&world, &anew).await, "{kind:?}");
    }
}

#[tokio::test]
async fn other_changes_end_no_token() {
    let world = World::following().await;
    let tokens = world.password_grant("ann", "bob").await;
    let root = world.caller("root").await;
    world.authority.put_user(root, put_of_bob(None, true)).await.unwrap();
    let root = world.caller("root").await;
    world.authority.enable_user(root, "bob").await.unwrap();
    assert!(lives(&world, &tokens).await);
}

#[tokio::test]
async fn tokens_of_built_in_users_follow_them_too() {
    let world = World::following().await;
    let own = world.client_credentials(world.caller("elastic").await).await;
    let root = world.caller("root").await;
    let password = clear(PASSWORD);
    world.authority.change_password(root, Some("elastic"), &password).await.unwrap();
    assert_eq!(world.open_door(&own.access).await.unwrap_err(), EXPIRED);
    world.caller("elastic").await;
}

/// What a change has killed is counted by no revocation that comes after it, and nothing else is
/// lost.
#[tokio::test]
async fn revocations_count_what_a_change_has_left() {
    for selector in [
        Selector::Realm(RealmName::new("default_native")),
        Selector::User(Username::new("bob")),
        Selector::UserInRealm(Username::new("bob"), RealmName::new("default_native")),
    ] {
        for kind in CHANGES {
            let world = World::following().await;
            world.password_grant("ann", "ann").await;
            let first = world.password_grant("ann", "bob").await;
            let second = world.refresh_as("ann", &first.refresh).await.unwrap();
            world.revoke(Half::Access, &second.access).await.unwrap();
            world.password_grant("ann", "bob").await;
            change(&world, kind).await;
            world.put_user("bob", &["tokens"], true).await;
            world.password_grant("ann", "bob").await;
            let of_all = matches!(selector, Selector::Realm(_));
            let wanted = Counts { invalidated: if of_all { 4 } else { 2 }, previously: 0 };
            assert_eq!(world.revoke_all(selector.clone()).await, wanted, "{selector:?} {kind:?}");
            let nothing = Counts { invalidated: 0, previously: 0 };
            assert_eq!(world.revoke_all(selector.clone()).await, nothing, "{selector:?} {kind:?}");
        }
    }
}

#[tokio::test]
async fn whoever_ends_their_own_tokens_gets_the_answer_and_is_then_unknown() {
    let world = World::following().await;
    let tokens = world.client_credentials(world.caller("root").await).await;
    let root = world.authority.admit(World::by_token(&tokens.access)).await.unwrap();
    world.authority.delete_user(root, "root").await.unwrap();
    assert_eq!(world.open_door(&tokens.access).await.unwrap_err(), EXPIRED);
}

/// A service that is off knows no token; what ended meanwhile is not alive when it is on again.
#[tokio::test]
async fn a_change_while_the_service_is_off_ends_tokens_too() {
    let mut world = World::following().await;
    let tokens = world.password_grant("ann", "bob").await;
    world.restart(None).await;
    change(&world, Change::OperatorsPassword).await;
    world.restart(Some(1_200_000)).await;
    assert!(!lives(&world, &tokens).await);
}

/// Grants and changes in parallel: whichever comes first, nothing that was granted survives.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_grant_slips_past_a_change() {
    let world = Arc::new(World::following().await);
    for round in 0..20 {
        world.put_user("bob", &["tokens"], true).await;
        let grants: Vec<_> = (0..4)
            .map(|_| {
                let world = Arc::clone(&world);
                tokio::spawn(async move { world.try_password_grant("ann", "bob").await })
            })
            .collect();
        let kind = if round % 2 == 0 { Change::Delete } else { Change::Disable };
        change(&world, kind).await;
        for grant in grants {
            if let Ok(tokens) = grant.await.unwrap() {
                assert!(!lives(&world, &tokens).await, "{kind:?} in round {round}");
            }
        }
    }
}
