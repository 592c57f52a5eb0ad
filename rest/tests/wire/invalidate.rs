//! `DELETE /_security/oauth2/token`: cases 64 to 97.

use std::time::Duration;

use crate::world::{Answer, Ordinary, PASSWORD, Pair, TOKEN, World, refresh_grant};

async fn world() -> World {
    let world = World::new().await;
    world.role("tokens", &["manage_token"]).await;
    world.user("jane", &[]).await;
    world.user("vera", &["tokens"]).await;
    world
}

async fn invalidate(world: &World, field: &str, value: &str) -> Answer {
    let body = format!(r#"{{"{field}":"{value}"}}"#);
    world.root("DELETE", TOKEN).json(&body).send().await
}

/// Cases 64 and 65.
#[tokio::test]
async fn an_access_token_is_invalidated_once() {
    let world = world().await;
    let pair = world.pair("jane").await;
    invalidate(&world, "token", &pair.access).await.is_counts(200, 1, 0);
    world.whoami(&pair.access).await.is_error(401, "security_exception", "token expired");
    invalidate(&world, "token", &pair.access).await.is_counts(200, 0, 1);
}

/// Cases 66, 67 and 68.
#[tokio::test]
async fn the_halves_are_independent() {
    let world = world().await;
    for order in [["token", "refresh_token"], ["refresh_token", "token"]] {
        let pair = world.pair("jane").await;
        for (place, field) in order.iter().enumerate() {
            let text = if *field == "token" { &pair.access } else { &pair.refresh };
            invalidate(&world, field, text).await.is_counts(200, 1, 0);
            if place == 0 && *field == "refresh_token" {
                world.whoami(&pair.access).await.expect(200);
            }
            invalidate(&world, field, text).await.is_counts(200, 0, 1);
        }
    }
}

/// Cases 69, 70, 73 and 74.
#[tokio::test]
async fn an_unknown_token_is_not_found_with_counters() {
    let world = world().await;
    let undecodable = "!this_is_not_a_base64_string_and_we_should_fail_decoding_it";
    invalidate(&world, "token", undecodable).await.is_counts(404, 0, 0);
    let pair = world.pair("jane").await;
    for (field, text) in [
        ("token", undecodable),
        ("refresh_token", undecodable),
        ("token", "10we+might+assume+this+is+valid+old+token"),
        ("token", pair.refresh.as_str()),
        ("refresh_token", pair.access.as_str()),
        ("token", " "),
    ] {
        invalidate(&world, field, text).await.is_counts(404, 0, 0);
    }
}

/// Cases 71 and 72.
#[tokio::test]
async fn a_foreign_token_is_an_error_until_the_first_grant() {
    let world = world().await;
    let foreign = "46ToAxYzNUdPZWdYOFRQcWhjeHR3NWpvTmVB";
    for field in ["token", "refresh_token"] {
        let answer = invalidate(&world, field, foreign).await;
        answer.is_error(400, "security_exception", "failed to invalidate token");
    }
    world.pair("jane").await;
    for field in ["token", "refresh_token"] {
        invalidate(&world, field, foreign).await.is_counts(404, 0, 0);
    }
}

/// Case 75.
#[tokio::test]
async fn an_expired_token_can_be_invalidated() {
    let world = world().await;
    let pair = world.pair("jane").await;
    world.pass(Duration::from_hours(2));
    invalidate(&world, "token", &pair.access).await.is_counts(200, 1, 0);
}

/// Case 77.
#[tokio::test]
async fn a_user_is_invalidated_with_both_halves() {
    let world = world().await;
    let pair = world.pair("jane").await;
    invalidate(&world, "username", "jane").await.is_counts(200, 2, 0);
    world.whoami(&pair.access).await.is_error(401, "security_exception", "token expired");
    invalidate(&world, "username", "jane").await.is_counts(200, 0, 0);
}

/// Case 78.
#[tokio::test]
async fn a_realm_is_invalidated() {
    let world = world().await;
    let pair = world.pair("jane").await;
    invalidate(&world, "realm_name", "default_native").await.is_counts(200, 2, 0);
    world.whoami(&pair.access).await.expect(401);
}

/// Cases 79 and 80.
#[tokio::test]
async fn every_half_counts() {
    let world = world().await;
    for _ in 0..3 {
        world.pair("jane").await;
    }
    invalidate(&world, "username", "jane").await.is_counts(200, 6, 0);
    let body = r#"{"grant_type":"client_credentials"}"#;
    let call = world.call("POST", TOKEN).basic("vera", PASSWORD).json(body);
    call.send().await.expect(200);
    invalidate(&world, "username", "vera").await.is_counts(200, 1, 0);
}

/// Cases 81 and 82.
#[tokio::test]
async fn halves_that_were_dead_before_count_apart() {
    let world = world().await;
    let pair = world.pair("jane").await;
    invalidate(&world, "token", &pair.access).await.is_counts(200, 1, 0);
    invalidate(&world, "username", "jane").await.is_counts(200, 1, 1);
    let pair = world.pair("jane").await;
    invalidate(&world, "token", &pair.access).await.is_counts(200, 1, 0);
    invalidate(&world, "refresh_token", &pair.refresh).await.is_counts(200, 1, 0);
    invalidate(&world, "username", "jane").await.is_counts(200, 0, 0);
}

/// Case 83.
#[tokio::test]
async fn a_refreshed_pair_counts_with_its_successor() {
    let world = world().await;
    let pair = world.pair("jane").await;
    let call = world.root("POST", TOKEN).json(&refresh_grant(&pair.refresh));
    let successor = Pair::of(&call.send().await.expect(200));
    invalidate(&world, "username", "jane").await.is_counts(200, 4, 0);
    world.whoami(&successor.access).await.expect(401);
}

/// Case 84.
#[tokio::test]
async fn a_pair_counts_as_long_as_its_refresh_half_lives() {
    let world = world().await;
    world.pair("jane").await;
    world.pass(Duration::from_hours(2));
    invalidate(&world, "username", "jane").await.is_counts(200, 2, 0);
}

/// Case 85.
#[tokio::test]
async fn nothing_selected_is_no_error() {
    let world = world().await;
    invalidate(&world, "username", "nobody").await.is_counts(200, 0, 0);
    invalidate(&world, "realm_name", "nowhere").await.is_counts(200, 0, 0);
    world.pair("jane").await;
    invalidate(&world, "username", "nobody").await.is_counts(200, 0, 0);
}

/// Case 86, with the realms of this world.
#[tokio::test]
async fn a_user_of_one_realm_is_not_that_of_another() {
    let world = world().await;
    world.pair("jane").await;
    let select = async |realm: &str| {
        let body = format!(r#"{{"username":"jane","realm_name":"{realm}"}}"#);
        world.root("DELETE", TOKEN).json(&body).send().await
    };
    select("default_file").await.is_counts(200, 0, 0);
    select("default_native").await.is_counts(200, 2, 0);
}

/// Case 87.
#[tokio::test]
async fn a_run_as_token_is_its_effective_users() {
    let world = world().await;
    let body = r#"{"grant_type":"client_credentials"}"#;
    let call = world.root("POST", TOKEN).run_as("vera").json(body);
    call.send().await.expect(200);
    invalidate(&world, "username", "elastic").await.is_counts(200, 0, 0);
    let body = r#"{"username":"vera","realm_name":"default_native"}"#;
    world.root("DELETE", TOKEN).json(body).send().await.is_counts(200, 1, 0);
}

/// Cases 89, 90, 91 and 93, where they stand in the order of judgement.
#[tokio::test]
async fn a_bad_request_is_told_before_a_missing_privilege() {
    let world = world().await;
    for (body, kind) in [
        ("{}", "action_request_validation_exception"),
        (r#"{"token":"x","username":"u"}"#, "action_request_validation_exception"),
        (r#"{"token":"x","refresh_token":"y"}"#, "x_content_parse_exception"),
        (r#"{"realm":"x"}"#, "x_content_parse_exception"),
    ] {
        let call = world.call("DELETE", TOKEN).basic("jane", PASSWORD).json(body);
        assert_eq!(call.send().await.expect(400).json()["error"]["type"], kind);
    }
}

/// Case 92.
#[tokio::test]
async fn an_empty_token_is_absent() {
    let world = world().await;
    let pair = world.pair("jane").await;
    let body = format!(r#"{{"token":"","refresh_token":"{}"}}"#, pair.refresh);
    world.root("DELETE", TOKEN).json(&body).send().await.is_counts(200, 1, 0);
}

/// Case 94.
#[tokio::test]
async fn nobody_may_invalidate_without_the_privilege() {
    let world = world().await;
    let pair = world.pair("jane").await;
    let body = format!(r#"{{"token":"{}"}}"#, pair.access);
    world.call("DELETE", TOKEN).bearer(&pair.access).json(&body).send().await.is_error(
        403,
        "security_exception",
        "action [cluster:admin/xpack/security/token/invalidate] is unauthorized for user [jane] with effective roles [], this action is granted by the cluster privileges [delegate_pki,manage_saml,manage_token,manage_security,all]",
    );
}

/// Case 95.
#[tokio::test]
async fn the_token_privilege_is_enough() {
    let world = world().await;
    world.pair("jane").await;
    let call = world.call("DELETE", TOKEN).basic("vera", PASSWORD);
    call.json(r#"{"username":"jane"}"#).send().await.is_counts(200, 2, 0);
}

/// Case 97.
#[tokio::test]
async fn a_service_that_is_off_says_so() {
    let world = World::with(Ordinary { tokens: None, ..Ordinary::default() }).await;
    for field in ["token", "username"] {
        let answer = invalidate(&world, field, "x").await;
        let reason = "security tokens are not enabled";
        answer.is_error(400, "feature_not_enabled_exception", reason);
    }
}
