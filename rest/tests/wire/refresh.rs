//! The refresh grant: cases 39 to 63.

use std::time::Duration;

use crate::world::{Answer, PASSWORD, Pair, TOKEN, World, password_grant, refresh_grant};

async fn world() -> World {
    let world = World::new().await;
    world.role("tokens", &["manage_token"]).await;
    world.user("jane", &[]).await;
    world.user("vera", &["tokens"]).await;
    world.user("rival", &["superuser"]).await;
    world
}

async fn refresh(world: &World, token: &str) -> Answer {
    world.root("POST", TOKEN).json(&refresh_grant(token)).send().await
}

const SECOND: Duration = Duration::from_secs(1);
const UNKNOWN: &str = "could not refresh the requested token";
const OTHER_CLIENT: &str = "tokens must be refreshed by the creating client";
const SPENT: &str = "token has already been refreshed more than 30 seconds in the past";

/// Case 39.
#[tokio::test]
async fn a_refresh_gives_a_new_pair_and_leaves_the_old_access_token() {
    let world = world().await;
    let first = world.pair("jane").await;
    let answer = refresh(&world, &first.refresh).await.expect(200);
    let second = Pair::of(&answer);
    assert!(first.access != second.access && first.refresh != second.refresh);
    assert_eq!(answer.json()["authentication"]["authentication_type"], "token");
    assert_eq!(answer.json()["authentication"]["username"], "jane");
    world.whoami(&first.access).await.expect(200);
    world.whoami(&second.access).await.expect(200);
}

/// Cases 40, 41, 42 and 62.
#[tokio::test]
async fn a_repeat_within_30_seconds_gives_the_same_strings() {
    let world = world().await;
    let first = world.pair("jane").await;
    let second = Pair::of(&refresh(&world, &first.refresh).await.expect(200));
    for _ in 0..2 {
        world.pass(15 * SECOND);
        let answer = refresh(&world, &first.refresh).await.expect(200);
        assert_eq!(Pair::of(&answer), second);
        assert_eq!(answer.json()["expires_in"], 1200);
    }
    world.pass(Duration::from_millis(1));
    refresh(&world, &first.refresh).await.is_grant_error("invalid_grant", SPENT);
}

/// Case 44, the agreement on one pair.
#[tokio::test]
async fn parallel_refreshes_agree_on_one_pair() {
    let world = world().await;
    let first = world.pair("jane").await;
    let mut pairs = Vec::new();
    let body = refresh_grant(&first.refresh);
    let calls = || world.root("POST", TOKEN).json(&body).send();
    let (a, b, c, d) = tokio::join!(calls(), calls(), calls(), calls());
    for answer in [a, b, c, d] {
        let pair = Pair::of(&answer.expect(200));
        world.whoami(&pair.access).await.expect(200);
        pairs.push(pair);
    }
    assert!(pairs.iter().all(|pair| *pair == pairs[0]));
}

/// Case 45.
#[tokio::test]
async fn a_repeat_does_not_look_at_the_successor() {
    let world = world().await;
    let first = world.pair("jane").await;
    let second = Pair::of(&refresh(&world, &first.refresh).await.expect(200));
    let body = format!(r#"{{"token":"{}"}}"#, second.access);
    world.root("DELETE", TOKEN).json(&body).send().await.is_counts(200, 1, 0);
    assert_eq!(Pair::of(&refresh(&world, &first.refresh).await.expect(200)), second);
    world.whoami(&second.access).await.expect(401);
}

/// Case 46.
#[tokio::test]
async fn the_new_refresh_token_gives_a_third_pair() {
    let world = world().await;
    let first = world.pair("jane").await;
    let second = Pair::of(&refresh(&world, &first.refresh).await.expect(200));
    let third = Pair::of(&refresh(&world, &second.refresh).await.expect(200));
    assert!(third != second && third != first);
}

/// Case 47.
#[tokio::test]
async fn an_invalidated_refresh_token_is_refused() {
    let world = world().await;
    let pair = world.pair("jane").await;
    let body = format!(r#"{{"refresh_token":"{}"}}"#, pair.refresh);
    world.root("DELETE", TOKEN).json(&body).send().await.is_counts(200, 1, 0);
    let answer = refresh(&world, &pair.refresh).await;
    answer.is_grant_error("invalid_grant", "token has been invalidated");
}

/// Cases 48 and 49.
#[tokio::test]
async fn the_access_half_does_not_matter() {
    let world = world().await;
    let pair = world.pair("jane").await;
    let body = format!(r#"{{"token":"{}"}}"#, pair.access);
    world.root("DELETE", TOKEN).json(&body).send().await.is_counts(200, 1, 0);
    refresh(&world, &pair.refresh).await.expect(200);
    let pair = world.pair("jane").await;
    world.pass(Duration::from_hours(2));
    refresh(&world, &pair.refresh).await.expect(200);
}

/// Case 50.
#[tokio::test]
async fn only_the_creating_client_may_refresh() {
    let world = world().await;
    let pair = world.pair("jane").await;
    let call = world.call("POST", TOKEN).basic("rival", PASSWORD);
    let answer = call.json(&refresh_grant(&pair.refresh)).send().await;
    answer.is_grant_error("invalid_grant", OTHER_CLIENT);
}

/// Cases 51, 52, 53 and 63.
#[tokio::test]
async fn the_client_is_the_effective_user_however_it_authenticates() {
    let world = world().await;
    let grant = password_grant("jane");
    let by_vera = world.call("POST", TOKEN).basic("vera", PASSWORD).json(&grant).send().await;
    let by_vera = Pair::of(&by_vera.expect(200));

    let body = refresh_grant(&by_vera.refresh);
    let as_vera = world.root("POST", TOKEN).run_as("vera").json(&body).send().await;
    let second = Pair::of(&as_vera.expect(200));
    let body = refresh_grant(&second.refresh);
    let by_vera = world.call("POST", TOKEN).basic("vera", PASSWORD).json(&body).send().await;
    let third = Pair::of(&by_vera.expect(200));

    let own = world.pair("vera").await.access;
    let body = refresh_grant(&third.refresh);
    world.call("POST", TOKEN).bearer(&own).json(&body).send().await.expect(200);

    let as_vera = world.root("POST", TOKEN).run_as("vera").json(&grant).send().await;
    let pair = Pair::of(&as_vera.expect(200));
    refresh(&world, &pair.refresh).await.is_grant_error("invalid_grant", OTHER_CLIENT);
}

/// Case 55.
#[tokio::test]
async fn a_refresh_token_lives_a_day() {
    let world = world().await;
    let pair = world.pair("jane").await;
    let body = format!(r#"{{"refresh_token":"{}"}}"#, pair.refresh);
    world.root("DELETE", TOKEN).json(&body).send().await.is_counts(200, 1, 0);
    world.pass(Duration::from_hours(24) + SECOND);
    let answer = refresh(&world, &pair.refresh).await;
    answer.is_grant_error("invalid_grant", "token document has expired");
}

/// Case 56.
#[tokio::test]
async fn a_refresh_in_time_begins_a_new_day() {
    let world = world().await;
    let mut pair = world.pair("jane").await;
    for _ in 0..3 {
        world.pass(Duration::from_mins(24 * 60 - 1));
        pair = Pair::of(&refresh(&world, &pair.refresh).await.expect(200));
    }
}

/// Case 57.
#[tokio::test]
async fn what_is_no_refresh_token_is_refused() {
    let world = world().await;
    refresh(&world, "garbage").await.is_grant_error("invalid_grant", UNKNOWN);
    let pair = world.pair("jane").await;
    for text in [&pair.access, "jtr_", "46ToAxYzNUdPZWdYOFRQcWhjeHR3NWpvTmVB", "x"] {
        refresh(&world, text).await.is_grant_error("invalid_grant", UNKNOWN);
    }
}

/// Case 58.
#[tokio::test]
async fn the_end_user_need_not_exist_any_more() {
    let world = world().await;
    let pair = world.pair("jane").await;
    world.root("DELETE", "/_security/user/jane").send().await.expect(200);
    refresh(&world, &pair.refresh).await.expect(200);
}

/// Case 59.
#[tokio::test]
async fn the_wrong_client_is_told_before_the_spent_token() {
    let world = world().await;
    let pair = world.pair("jane").await;
    refresh(&world, &pair.refresh).await.expect(200);
    world.pass(60 * SECOND);
    let call = world.call("POST", TOKEN).basic("rival", PASSWORD);
    let answer = call.json(&refresh_grant(&pair.refresh)).send().await;
    answer.is_grant_error("invalid_grant", OTHER_CLIENT);
}

/// Case 60.
#[tokio::test]
async fn a_caller_without_the_privilege_is_forbidden() {
    let world = world().await;
    let pair = world.pair("jane").await;
    let call = world.call("POST", TOKEN).basic("jane", PASSWORD);
    call.json(&refresh_grant(&pair.refresh)).send().await.is_error(
        403,
        "security_exception",
        "action [cluster:admin/xpack/security/token/refresh] is unauthorized for user [jane] with effective roles [], this action is granted by the cluster privileges [manage_saml,manage_token,manage_security,all]",
    );
}

/// Case 61.
#[tokio::test]
async fn a_scope_is_answered_as_full() {
    let world = world().await;
    let pair = world.pair("jane").await;
    let body = refresh_grant(&pair.refresh).replace('}', r#","scope":"x"}"#);
    let answer = world.root("POST", TOKEN).json(&body).send().await.expect(200);
    assert_eq!(answer.json()["scope"], "full");
}
