//! Bearer tokens in use, and who calls: cases 98 to 117.

use std::sync::Arc;
use std::time::Duration;

use jeton_store::engine::Engine;
use jeton_store::engine::memory::Memory;

use crate::world::{Answer, Ordinary, PASSWORD, Pair, TOKEN, World, anonymous, password_grant};

const WHO: &str = "/_security/_authenticate";

async fn world() -> World {
    let world = World::new().await;
    world.user("jane", &[]).await;
    world.user("vera", &["monitoring_user"]).await;
    world
}

#[track_caller]
fn is_unknown(answer: &Answer) {
    let reason = "unable to authenticate with provided credentials and anonymous access is not allowed for this request";
    answer.is_error(401, "security_exception", reason);
    let error = &answer.json()["error"];
    let rejected = "oauth2 token: invalid token";
    assert_eq!(error["additional_unsuccessful_credentials"], rejected);
    assert_eq!(error["root_cause"][0]["additional_unsuccessful_credentials"], rejected);
}

#[track_caller]
fn is_expired(answer: &Answer) {
    answer.is_error(401, "security_exception", "token expired");
    let challenge = "Bearer realm=\"security\", error=\"invalid_token\", error_description=\"The access token expired\"";
    assert_eq!(answer.challenges(), [challenge]);
    assert_eq!(answer.json()["error"]["header"]["WWW-Authenticate"], challenge);
}

/// Case 98.
#[tokio::test]
async fn a_token_shows_its_user() {
    let world = world().await;
    let pair = world.pair("vera").await;
    world.whoami(&pair.access).await.is(
        200,
        r#"{"username":"vera","roles":["monitoring_user"],"full_name":null,"email":null,"metadata":{},"enabled":true,"authentication_realm":{"name":"default_native","type":"native"},"lookup_realm":{"name":"default_native","type":"native"},"authentication_type":"token"}"#,
    );
}

#[tokio::test]
async fn the_short_way_and_the_long_way_give_the_same_answers() {
    let world = world().await;
    let good = world.pair("jane").await.access;
    let dead = world.pair("jane").await.access;
    let body = format!(r#"{{"token":"{dead}"}}"#);
    world.root("DELETE", TOKEN).json(&body).send().await.expect(200);
    for token in [good.as_str(), dead.as_str(), "jta_rubbish"] {
        let short = world.whoami(token).await;
        let target = format!("{WHO}?human");
        let long = world.call("GET", &target).bearer(token).send().await;
        assert_eq!((short.status, short.text()), (long.status, long.text()));
        assert_eq!(short.headers, long.headers);
    }
}

#[tokio::test]
async fn a_gateway_finds_the_user_in_a_header() {
    let world = world().await;
    let token = world.pair("jane").await.access;
    check_named(&world.whoami(&token).await, Some("jane"), Some("default_native"));
    let answer = world.root("GET", WHO).send().await.expect(200);
    check_named(&answer, Some("elastic"), Some("reserved"));
    let answer = world.root("GET", WHO).run_as("vera").send().await.expect(200);
    check_named(&answer, Some("vera"), Some("default_native"));
    check_named(&world.whoami("rubbish").await, None, None);
}

#[track_caller]
fn check_named(answer: &Answer, user: Option<&str>, realm: Option<&str>) {
    assert_eq!((answer.header("x-jeton-user"), answer.header("x-jeton-realm")), (user, realm));
}

/// The token holds the roles of its user alone: those of anonymous callers come and go with them.
#[tokio::test]
async fn a_user_has_the_roles_of_anonymous_callers_too() {
    let engine: Arc<dyn Engine> = Arc::new(Memory::new());
    let anonymous = Some(anonymous(&["viewer", "ops"]));
    let ordinary = Ordinary { anonymous, ..Ordinary::default() };
    let world = World::on(Arc::clone(&engine), ordinary).await;
    world.user("jane", &["own", "ops"]).await;
    let wanted = serde_json::json!(["own", "ops", "viewer"]);
    let granted = world.root("POST", TOKEN).json(&password_grant("jane")).send().await.expect(200);
    assert_eq!(granted.json()["authentication"]["roles"], wanted);
    let token = Pair::of(&granted).access;
    for target in [WHO, "/_security/_authenticate?human"] {
        let who = world.call("GET", target).bearer(&token).send().await.expect(200).json();
        assert_eq!(who["roles"], wanted, "{target}");
    }
    let who = world.call("GET", WHO).basic("jane", PASSWORD).send().await.expect(200).json();
    assert_eq!(who["roles"], wanted);
    let listed = world.root("GET", "/_security/user/jane").send().await.expect(200).json();
    assert_eq!(listed["jane"]["roles"], serde_json::json!(["own", "ops"]));

    let world = World::on(engine, Ordinary::default()).await;
    let who = world.whoami(&token).await.expect(200).json();
    assert_eq!(who["roles"], serde_json::json!(["own", "ops"]));
}

#[tokio::test]
async fn api_keys_are_offered_unless_switched_off() {
    let mut world = World::new().await;
    world.call("GET", WHO).send().await.has_default_challenges();
    world.rest = world.rest.without_api_keys();
    for answer in [world.call("GET", WHO).send().await, world.whoami("rubbish").await] {
        let wanted = ["Basic realm=\"security\", charset=\"UTF-8\"", "Bearer realm=\"security\""];
        assert_eq!(answer.expect(401).challenges(), wanted);
    }
}

/// Case 99.
#[tokio::test]
async fn a_token_is_good_up_to_its_last_instant() {
    let world = world().await;
    let pair = world.pair("jane").await;
    world.pass(Duration::from_mins(20));
    world.whoami(&pair.access).await.expect(200);
    world.pass(Duration::from_secs(1));
    is_expired(&world.whoami(&pair.access).await);
}

/// Case 100.
#[tokio::test]
async fn a_revoked_token_looks_expired() {
    let world = world().await;
    let pair = world.pair("jane").await;
    world.root("DELETE", TOKEN).json(r#"{"username":"jane"}"#).send().await.expect(200);
    is_expired(&world.whoami(&pair.access).await);
}

/// Cases 101, 102 and 103.
#[tokio::test]
async fn what_is_no_access_token_is_refused_alike() {
    let world = world().await;
    let pair = world.pair("jane").await;
    is_unknown(&world.whoami(&pair.refresh).await);
    for length in 1..=128 {
        let text: String = "jta_".chars().cycle().take(length).collect();
        is_unknown(&world.whoami(&text).await);
    }
    for place in 0..pair.access.len() {
        let mut bytes = pair.access.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        is_unknown(&world.whoami(std::str::from_utf8(&bytes).unwrap()).await);
    }
    let answer = world.call("GET", WHO).header("authorization", "Bearer ").send().await;
    let reason = "missing authentication credentials for REST request [/_security/_authenticate]";
    answer.is_error(401, "security_exception", reason);
}

/// Case 104.
#[tokio::test]
async fn a_bad_bearer_is_never_anonymous() {
    let ordinary = Ordinary { anonymous: Some(anonymous(&[])), ..Ordinary::default() };
    let world = World::with(ordinary).await;
    is_unknown(&world.whoami("rubbish").await);
}

/// Case 105.
#[tokio::test]
async fn a_service_that_is_off_knows_no_token() {
    let world = World::with(Ordinary { tokens: None, ..Ordinary::default() }).await;
    let answer = world.whoami("jta_once_valid").await;
    is_unknown(&answer);
    assert_eq!(answer.challenges().len(), 2);
}

/// Case 106.
#[tokio::test]
async fn a_token_outlives_its_user() {
    let world = world().await;
    let pair = world.pair("jane").await;
    let body = r#"{"password":"another-word"}"#;
    let target = "/_security/user/jane/_password";
    world.root("POST", target).json(body).send().await.expect(200);
    world.whoami(&pair.access).await.expect(200);
    world.root("DELETE", "/_security/user/jane").send().await.expect(200);
    world.whoami(&pair.access).await.expect(200);
}

/// Case 107.
#[tokio::test]
async fn the_scheme_is_read_without_regard_to_case() {
    let world = world().await;
    let pair = world.pair("jane").await;
    let header = format!("bEARER {}", pair.access);
    world.call("GET", WHO).header("authorization", &header).send().await.expect(200);
}

/// Cases 108, 109 and 116.
#[tokio::test]
async fn run_as_shows_the_other_user() {
    let world = world().await;
    let who = world.root("GET", WHO).run_as("vera").send().await.expect(200).json();
    assert_eq!((&who["username"], &who["authentication_type"]), (&"vera".into(), &"realm".into()));
    assert_eq!(who["authentication_realm"]["name"], "reserved");
    assert_eq!(who["lookup_realm"]["name"], "default_native");

    world.user("root", &["superuser"]).await;
    let token = world.pair("root").await.access;
    let who = world.call("GET", WHO).bearer(&token).run_as("vera").send().await.expect(200).json();
    assert_eq!((&who["username"], &who["authentication_type"]), (&"vera".into(), &"token".into()));

    let body = r#"{"grant_type":"client_credentials"}"#;
    let call = world.root("POST", TOKEN).run_as("root").json(body);
    let token = Pair::of(&call.send().await.expect(200)).access;
    let who = world.call("GET", WHO).bearer(&token).run_as("vera").send().await.expect(200).json();
    assert_eq!(who["username"], "root");
}

/// Case 110.
#[tokio::test]
async fn run_as_needs_the_privilege_and_a_user() {
    let world = world().await;
    for (caller, target, roles) in
        [("elastic", "nobody", "superuser"), ("jane", "vera", ""), ("jane", "nobody", "")]
    {
        let call = world.call("GET", WHO).basic(caller, PASSWORD).run_as(target);
        let reason = format!(
            "action [cluster:admin/xpack/security/user/authenticate] is unauthorized for user [{caller}] with effective roles [{roles}], because user [{caller}] is unauthorized to run as [{target}]"
        );
        call.send().await.is_error(403, "security_exception", &reason);
    }
}

/// Case 111.
#[tokio::test]
async fn a_wrong_password_is_refused_with_the_target() {
    let world = world().await;
    let answer = world.call("GET", WHO).basic("jane", "not it").send().await;
    let reason = "unable to authenticate user [jane] for REST request [/_security/_authenticate]";
    answer.is_error(401, "security_exception", reason);
    answer.has_default_challenges();
}

/// Case 112.
#[tokio::test]
async fn the_target_is_shown_as_it_was_sent() {
    let world = world().await;
    let answer = world.call("GET", "/_security/_authenticate?pretty").send().await.expect(401);
    assert!(answer.text().contains(
        "\"reason\" : \"missing authentication credentials for REST request [/_security/_authenticate?pretty]\""
    ));
}

/// Case 113.
#[tokio::test]
async fn a_user_without_anything_is_shown_with_everything() {
    let world = world().await;
    let who = world.call("GET", WHO).basic("jane", PASSWORD).send().await.expect(200).json();
    assert_eq!(who["roles"], serde_json::json!([]));
    assert_eq!(who["full_name"], serde_json::Value::Null);
    assert_eq!(who["metadata"], serde_json::json!({}));
}

/// Case 114.
#[tokio::test]
async fn elastic_is_reserved() {
    let world = world().await;
    let who = world.root("GET", WHO).send().await.expect(200).json();
    assert_eq!(
        who["authentication_realm"],
        serde_json::json!({"name":"reserved","type":"reserved"})
    );
    assert_eq!(who["metadata"], serde_json::json!({"_reserved":true}));
    assert_eq!(who["roles"], serde_json::json!(["superuser"]));
}

/// Case 115.
#[tokio::test]
async fn a_caller_without_credentials_may_be_anonymous() {
    let ordinary = Ordinary { anonymous: Some(anonymous(&["viewer"])), ..Ordinary::default() };
    let world = World::with(ordinary).await;
    world.call("GET", WHO).send().await.is(
        200,
        r#"{"username":"_anonymous","roles":["viewer"],"full_name":null,"email":null,"metadata":{"_reserved":true},"enabled":true,"authentication_realm":{"name":"__anonymous","type":"__anonymous"},"lookup_realm":{"name":"__anonymous","type":"__anonymous"},"authentication_type":"anonymous"}"#,
    );
}

/// Case 117.
#[tokio::test]
async fn a_body_is_refused() {
    let world = world().await;
    let reason = "request [GET /_security/_authenticate] does not support having a body";
    let answer = world.root("GET", WHO).json("{}").send().await;
    answer.is_error(400, "illegal_argument_exception", reason);
    let token = world.pair("jane").await.access;
    let answer = world.call("GET", WHO).bearer(&token).json("{}").send().await;
    answer.is_error(400, "illegal_argument_exception", reason);
}

#[tokio::test]
async fn an_api_key_is_not_known_and_names_itself() {
    let world = world().await;
    let answer = world.call("GET", WHO).header("authorization", "ApiKey YTpi").send().await;
    let answer = answer.expect(401);
    answer.has_default_challenges();
    let rejected = &answer.json()["error"]["additional_unsuccessful_credentials"];
    assert!(rejected.as_str().unwrap().starts_with("API key: "));
}
