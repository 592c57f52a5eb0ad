//! The chain of realms, run-as and anonymous access, as clients see them.

use std::time::Duration;

use crate::world::{Ordinary, PASSWORD, TOKEN, World, anonymous, password_grant};

const WHO: &str = "/_security/_authenticate";

/// Identity case 31.
#[tokio::test]
async fn elastic_that_was_disabled_before_it_had_a_record_has_no_password_any_more() {
    let world = World::new().await;
    world.user("root", &["superuser"]).await;
    let root = |method, target| world.call(method, target).basic("root", PASSWORD);
    world.root("GET", WHO).send().await.expect(200);
    root("PUT", "/_security/user/elastic/_disable").send().await.is(200, "{}");
    world.root("GET", WHO).send().await.expect(401);
    root("PUT", "/_security/user/elastic/_enable").send().await.is(200, "{}");
    world.root("GET", WHO).send().await.expect(401);
    let body = format!(r#"{{"password":"{PASSWORD}"}}"#);
    let target = "/_security/user/elastic/_password";
    root("PUT", target).json(&body).send().await.is(200, "{}");
    world.root("GET", WHO).send().await.expect(200);
}

/// Identity case 68. The answer is the same for a name that exists and may not be taken on.
#[tokio::test]
async fn a_name_that_exists_nowhere_cannot_be_told_from_one_that_is_forbidden() {
    let world = World::new().await;
    let role = r#"{"run_as":["*"]}"#;
    world.root("PUT", "/_security/role/runner").json(role).send().await.expect(200);
    world.user("ann", &["runner"]).await;
    world.user("bob", &[]).await;
    let run_as = |caller, target| world.call("GET", WHO).basic(caller, PASSWORD).run_as(target);
    assert_eq!(run_as("ann", "bob").send().await.expect(200).json()["username"], "bob");
    for (caller, roles, target) in [("ann", "runner", "nobody"), ("bob", "", "ann")] {
        let reason = format!(
            "action [cluster:admin/xpack/security/user/authenticate] is unauthorized for user \
             [{caller}] with effective roles [{roles}], because user [{caller}] is unauthorized to \
             run as [{target}]"
        );
        run_as(caller, target).send().await.is_error(403, "security_exception", &reason);
    }
}

/// Identity case 79.
#[tokio::test]
async fn without_the_native_realm_users_are_kept_but_cannot_log_in() {
    let ordinary = Ordinary { has_native_realm: false, ..Ordinary::default() };
    let world = World::with(ordinary).await;
    world.user("ann", &["viewer"]).await;
    let ann = || world.call("GET", WHO).basic("ann", PASSWORD).send();
    let reason = format!("unable to authenticate user [ann] for REST request [{WHO}]");
    ann().await.is_error(401, "security_exception", &reason);
    world.root("POST", TOKEN).json(&password_grant("ann")).send().await.expect(401);
    world.root("GET", WHO).run_as("ann").send().await.expect(403);
    let shown = world.root("GET", "/_security/user/ann").send().await.expect(200).json();
    assert_eq!(shown["ann"]["roles"], serde_json::json!(["viewer"]));
    let body = r#"{"password":"other-password"}"#;
    let target = "/_security/user/ann/_password";
    world.root("PUT", target).json(body).send().await.is(200, "{}");
    world.root("PUT", "/_security/user/ann/_disable").send().await.is(200, "{}");
    let deleted = world.root("DELETE", "/_security/user/ann").send().await;
    deleted.is(200, r#"{"found":true}"#);
}

/// Identity case 80.
#[tokio::test]
async fn credentials_that_fail_are_never_taken_for_none() {
    let ordinary = Ordinary { anonymous: Some(anonymous(&["superuser"])), ..Ordinary::default() };
    let world = World::with(ordinary).await;
    world.user("ann", &[]).await;
    let pair = world.pair("ann").await;
    world.whoami(&pair.access).await.expect(200);
    world.pass(Duration::from_secs(1_201));
    let expired = world.whoami(&pair.access).await;
    expired.is_error(401, "security_exception", "token expired");
    for credentials in ["Bearer rubbish", "ApiKey cnViYmlzaDpydWJiaXNo", "Basic YW5uOndyb25n"] {
        let call = world.call("GET", WHO).header("authorization", credentials);
        call.send().await.expect(401);
    }
    let nobody = world.call("GET", WHO).send().await.expect(200);
    assert_eq!(nobody.json()["username"], "_anonymous");
}

/// Identity case 81.
#[tokio::test]
async fn anonymous_callers_without_the_right_may_be_asked_to_log_in() {
    let who = |is_told_of_denial| {
        let anonymous =
            Some(jeton_authority::Anonymous { is_told_of_denial, ..anonymous(&["viewer"]) });
        World::with(Ordinary { anonymous, ..Ordinary::default() })
    };
    let body = r#"{"cluster":[]}"#;
    let told = who(true).await;
    told.call("PUT", "/_security/role/r").json(body).send().await.expect(403);
    let asked = who(false).await;
    let answer = asked.call("PUT", "/_security/role/r").json(body).send().await;
    let reason = "action [cluster:admin/xpack/security/role/put] requires authentication";
    answer.is_error(401, "security_exception", reason);
    answer.has_default_challenges();
}

#[tokio::test]
async fn both_names_of_the_anonymous_user_are_taken() {
    let mut who = anonymous(&["viewer"]);
    who.username = "guest".into();
    let world = World::with(Ordinary { anonymous: Some(who), ..Ordinary::default() }).await;
    for name in ["guest", "_anonymous"] {
        let target = format!("/_security/user/{name}");
        let body = format!(r#"{{"password":"{PASSWORD}","roles":[]}}"#);
        let reason = format!(
            "Validation Failed: 1: user [{name}] is anonymous and cannot be modified via the API;"
        );
        let refused = world.root("PUT", &target).json(&body).send().await;
        refused.is_error(400, "action_request_validation_exception", &reason);
        world.root("PUT", &format!("{target}/_disable")).send().await.expect(400);
        world.root("DELETE", &target).send().await.expect(400);
        world.call("GET", WHO).basic(name, PASSWORD).send().await.expect(401);
    }
    world.root("GET", "/_security/user/_anonymous").send().await.is(404, "{}");
}
