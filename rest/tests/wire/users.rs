//! Users: put, show, delete, change of password.

use crate::world::{Ordinary, PASSWORD, Pair, TOKEN, World, anonymous, password_grant};

const JANE: &str = "/_security/user/jane";
const WHO: &str = "/_security/_authenticate";

#[tokio::test]
async fn a_user_is_created_then_updated() {
    let world = World::new().await;
    let body = r#"{"password":"s3cret-word","roles":"a,b","full_name":"Jane","metadata":{"k":1}}"#;
    world.root("PUT", JANE).json(body).send().await.is(200, r#"{"created":true}"#);
    world.root("POST", JANE).json(body).send().await.is(200, r#"{"created":false}"#);
    let body = r#"{"roles":[],"metadata":{"l":2}}"#;
    let target = format!("{JANE}?refresh=wait_for");
    world.root("PUT", &target).json(body).send().await.is(200, r#"{"created":false}"#);
    world.root("GET", JANE).send().await.is(
        200,
        r#"{"jane":{"username":"jane","roles":[],"full_name":null,"email":null,"metadata":{"k":1,"l":2},"enabled":true}}"#,
    );
}

#[tokio::test]
async fn a_put_that_makes_no_sense_is_refused() {
    let world = World::new().await;
    let put = async |target: &str, body: &str| world.root("PUT", target).json(body).send().await;
    put(JANE, r#"{"roles":[]}"#).await.is_error(
        400,
        "validation_exception",
        "Validation Failed: 1: password must be specified unless you are updating an existing user;",
    );
    put(JANE, "{}").await.is_error(
        400,
        "action_request_validation_exception",
        "Validation Failed: 1: roles are missing;",
    );
    put("/_security/user/elastic", r#"{"roles":[]}"#).await.is_error(
        400,
        "action_request_validation_exception",
        "Validation Failed: 1: user [elastic] is reserved and only the password can be changed;",
    );
    let answer = put(&format!("/_security/user/{}", "a".repeat(508)), r#"{"roles":[]}"#).await;
    assert!(answer.expect(400).text().contains("no more than 507 characters"));
    let answer = put("/_security/user/%C3%A9", r#"{"roles":[]}"#).await;
    assert!(answer.expect(400).text().contains("User names must be"));
    put(&format!("{JANE}?refresh=soon"), r#"{"roles":[]}"#).await.expect(400);
}

#[tokio::test]
async fn users_are_shown_by_name_and_all() {
    let world = World::new().await;
    world.user("jane", &[]).await;
    world.root("GET", "/_security/user/nobody").send().await.is(404, "{}");
    let answer = world.root("GET", "/_security/user/jane,nobody,jane").send().await.expect(200);
    assert_eq!(answer.json().as_object().unwrap().len(), 1);
    let all = world.root("GET", "/_security/user").send().await.expect(200).json();
    assert_eq!(all.as_object().unwrap().len(), 8);
    assert_eq!(all["elastic"]["metadata"]["_reserved"], true);
}

#[tokio::test]
async fn a_user_is_deleted_once() {
    let world = World::new().await;
    world.user("jane", &[]).await;
    world.root("DELETE", JANE).send().await.is(200, r#"{"found":true}"#);
    world.root("DELETE", JANE).send().await.is(404, r#"{"found":false}"#);
    world.root("DELETE", "/_security/user/kibana_system").send().await.is_error(
        400,
        "illegal_argument_exception",
        "user [kibana_system] is reserved and cannot be deleted",
    );
}

#[tokio::test]
async fn anyone_may_change_their_own_password_with_their_password() {
    let world = World::new().await;
    world.user("jane", &[]).await;
    let token = world.pair("jane").await.access;
    let body = r#"{"password":"another-word"}"#;
    let own = "/_security/user/_password";
    world.call("POST", own).bearer(&token).json(body).send().await.expect(403);
    world.call("POST", own).basic("jane", PASSWORD).json(body).send().await.is(200, "{}");
    world.call("GET", WHO).basic("jane", PASSWORD).send().await.expect(401);
    world.call("GET", WHO).basic("jane", "another-word").send().await.expect(200);
}

#[tokio::test]
async fn changing_anothers_password_needs_the_privilege() {
    let world = World::new().await;
    world.user("jane", &[]).await;
    let body = r#"{"password":"another-word"}"#;
    for name in ["vera", "nobody"] {
        let target = format!("/_security/user/{name}/_password");
        world.call("PUT", &target).basic("jane", PASSWORD).json(body).send().await.expect(403);
    }
    world.root("PUT", "/_security/user/nobody/_password").json(body).send().await.is_error(
        400,
        "validation_exception",
        "Validation Failed: 1: user must exist in order to change password;",
    );
    world.root("PUT", "/_security/user/jane/_password").json("{}").send().await.is_error(
        400,
        "action_request_validation_exception",
        "Validation Failed: 1: password is missing;",
    );
    let target = "/_security/user/logstash_system/_password";
    world.root("PUT", target).json(body).send().await.is(200, "{}");
    let call = world.call("GET", WHO).basic("logstash_system", "another-word");
    let who = call.send().await.expect(200).json();
    assert_eq!(who["authentication_realm"]["name"], "reserved");
}

/// The paths of these words are not those of users.
#[tokio::test]
async fn no_user_is_named_like_a_call() {
    let world = World::new().await;
    let body = r#"{"password":"s3cret-word","roles":[]}"#;
    for path in [
        "/_security/user/_privileges",
        "/_security/user/_has_privileges",
        "/_security/user/%5Fhas_privileges",
        "/_security/user/jane/_has_privileges",
    ] {
        for method in ["GET", "PUT", "POST", "DELETE"] {
            let body = if method == "GET" { "" } else { body };
            let answer = world.root(method, path).json(body).send().await;
            answer.is(
                400,
                &format!(
                    r#"{{"error":"no handler found for uri [{path}] and method [{method}]"}}"#
                ),
            );
        }
    }
    world.root("PUT", "/_security/user/%5Fpassword").json(body).send().await.expect(400);
    world.root("GET", "/_security/user/_password").send().await.expect(405);
    let all = world.root("GET", "/_security/user").send().await.expect(200).json();
    assert!(all.as_object().unwrap().keys().all(|name| !name.starts_with('_')), "{all}");
}

#[tokio::test]
async fn the_anonymous_user_is_listed() {
    let ordinary = Ordinary { anonymous: Some(anonymous(&["viewer"])), ..Ordinary::default() };
    let world = World::with(ordinary).await;
    let shown = r#"{"username":"_anonymous","roles":["viewer"],"full_name":null,"email":null,"metadata":{"_reserved":true},"enabled":true}"#;
    let body = format!(r#"{{"_anonymous":{shown}}}"#);
    world.root("GET", "/_security/user/_anonymous").send().await.is(200, &body);
    let all = world.root("GET", "/_security/user").send().await.expect(200);
    assert!(all.text().contains(shown), "{}", all.text());
    let world = World::new().await;
    world.root("GET", "/_security/user/_anonymous").send().await.is(404, "{}");
}

/// With a password, for oneself and for an end user; not with the token that comes of it.
#[tokio::test]
async fn whoever_logs_in_as_a_user_that_will_go_is_warned() {
    let world = World::new().await;
    let body = format!(r#"{{"password":"{PASSWORD}"}}"#);
    for name in ["kibana", "kibana_system"] {
        let target = format!("/_security/user/{name}/_password");
        world.root("PUT", &target).json(&body).send().await.expect(200);
    }
    let answer = world.call("GET", WHO).basic("kibana", PASSWORD).send().await.expect(200);
    let warning = answer.header("warning").unwrap();
    let text = "\"The user [kibana] is deprecated. Please use the [kibana_system] user instead.\"";
    assert!(warning.starts_with("299 Elasticsearch-8.19.0-") && warning.ends_with(text));
    let other = world.call("GET", WHO).basic("kibana_system", PASSWORD).send().await.expect(200);
    assert_eq!(other.header("warning"), None);

    let granted = world.root("POST", TOKEN).json(&password_grant("kibana")).send().await;
    assert!(granted.header("warning").unwrap().ends_with(text));
    let token = Pair::of(&granted.expect(200)).access;
    assert_eq!(world.whoami(&token).await.expect(200).header("warning"), None);
    let own = r#"{"grant_type":"client_credentials"}"#;
    let granted = world.root("POST", TOKEN).json(own).send().await.expect(200);
    assert_eq!(granted.header("warning"), None);
}
