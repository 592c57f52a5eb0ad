//! Privileges that callers hold: those that they ask about, and all.

use serde_json::json;

use crate::world::{Answer, Ordinary, PASSWORD, World, anonymous};

const CHECK: &str = "/_security/user/_has_privileges";
const HELD: &str = "/_security/user/_privileges";
const VALIDATION: &str = "action_request_validation_exception";

/// A world in which `jane` has one role.
async fn world_with(role: &str) -> World {
    let world = World::new().await;
    world.root("PUT", "/_security/role/ops").json(role).send().await.expect(200);
    world.user("jane", &["ops"]).await;
    world
}

async fn ask(world: &World, body: &str) -> Answer {
    world.call("POST", CHECK).basic("jane", PASSWORD).json(body).send().await
}

#[tokio::test]
async fn each_privilege_that_is_asked_about_is_answered_with_yes_or_no() {
    let world = world_with(
        r#"{"cluster":["manage_token"],"indices":[{"names":["index-*"],"privileges":["read"]}],"applications":[{"application":"app","privileges":["read","data:*"],"resources":["space:*"]}]}"#,
    )
    .await;
    let body = r#"{"cluster":["monitor","manage_token"],"index":[{"names":["index-1","*"],"privileges":["read"]},{"names":"index-1","privileges":["read","write"]}],"application":[{"application":"app","privileges":["read","data:x"],"resources":["space:1","*"]},{"application":"other","privileges":["read"],"resources":["*"]}]}"#;
    let wanted = r#"{"username":"jane","has_all_requested":false,"cluster":{"manage_token":true,"monitor":false},"index":{"*":{"read":false},"index-1":{"read":true,"write":false}},"application":{"app":{"*":{"data:x":false,"read":false},"space:1":{"data:x":true,"read":true}},"other":{"*":{"read":false}}}}"#;
    ask(&world, body).await.is(200, wanted);
    for target in [CHECK, "/_security/user/jane/_has_privileges"] {
        let call = world.call("GET", target).basic("jane", PASSWORD);
        call.json(body).send().await.is(200, wanted);
    }
    ask(&world, r#"{"cluster":["manage_token"]}"#).await.is(
        200,
        r#"{"username":"jane","has_all_requested":true,"cluster":{"manage_token":true},"index":{},"application":{}}"#,
    );
}

/// Identity case 60.
#[tokio::test]
async fn all_indices_are_not_covered_by_some() {
    let world = world_with(r#"{"indices":[{"names":["index-*"],"privileges":["read"]}]}"#).await;
    let body = r#"{"index":[{"names":["*"],"privileges":["read"]}]}"#;
    ask(&world, body).await.is(
        200,
        r#"{"username":"jane","has_all_requested":false,"cluster":{},"index":{"*":{"read":false}},"application":{}}"#,
    );
}

#[tokio::test]
async fn stored_privileges_of_applications_stand_for_their_actions() {
    let world = world_with(
        r#"{"applications":[{"application":"app-*","privileges":["write","mine"],"resources":["*"]}]}"#,
    )
    .await;
    let stored = r#"{"app-1":{"read":{"actions":["data:read/*"]},"write":{"actions":["data:*"]}}}"#;
    world.root("PUT", "/_security/privilege").json(stored).send().await.expect(200);
    let body = r#"{"application":[{"application":"app-1","privileges":["read","mine","other","data:read/page"],"resources":["a"]}]}"#;
    let answer = ask(&world, body).await.expect(200).json();
    assert_eq!(
        answer["application"]["app-1"]["a"],
        json!({"data:read/page": true, "mine": true, "other": false, "read": true})
    );
}

/// Identity cases 59, 89.
#[tokio::test]
async fn a_check_of_the_wrong_form_is_refused() {
    let world = world_with("{}").await;
    let check = async |body: &str, kind: &str, reason: &str| {
        ask(&world, body).await.is_error(400, kind, reason);
    };
    let missing = "failed to parse privileges check [jane]. All privilege fields [cluster,index,applications] are missing";
    check("{}", "parse_exception", missing).await;
    check("", "parse_exception", "request body is required").await;
    let unknown = "failed to parse privileges check [jane]. unexpected field [roles]";
    check(r#"{"roles":[]}"#, "parse_exception", unknown).await;
    let nothing = "Validation Failed: 1: must specify at least one privilege;";
    check(r#"{"cluster":[],"index":[]}"#, VALIDATION, nothing).await;
    let query = "Field [query] is not supported in a has_privileges request";
    let body = r#"{"index":[{"names":"i","privileges":["read"],"query":{"match_all":{}}}]}"#;
    check(body, "parse_exception", query).await;
    let fields = "Field [field_security] is not supported in a has_privileges request";
    let body =
        r#"{"index":[{"names":"i","privileges":["read"],"field_security":{"grant":["a"]}}]}"#;
    check(body, "parse_exception", fields).await;
    let body = r#"{"application":[{"application":"a*","privileges":["x"],"resources":["*"]}]}"#;
    let pattern = "Validation Failed: 1: Application names may not contain '*' (found 'a*');";
    check(body, VALIDATION, pattern).await;
    let names =
        "failed to parse indices privileges for role [jane]. missing required [names] field";
    check(r#"{"index":[{"privileges":[]}]}"#, "parse_exception", names).await;
}

#[tokio::test]
async fn a_check_of_what_does_not_exist_or_cannot_be_compared_is_refused() {
    let world = world_with("{}").await;
    for (body, start) in [
        (r#"{"cluster":["bogus"]}"#, "unknown cluster privilege [bogus]"),
        (r#"{"index":[{"names":"i","privileges":["bogus"]}]}"#, "unknown index privilege [bogus]"),
        (r#"{"index":[{"names":"/a","privileges":["read"]}]}"#, "invalid pattern [/a]"),
    ] {
        let answer = ask(&world, body).await.expect(400).json();
        assert_eq!(answer["error"]["type"], "illegal_argument_exception");
        assert!(answer["error"]["reason"].as_str().unwrap().starts_with(start), "{answer}");
    }
    let names: Vec<String> = ('a'..='z').map(|letter| format!("*{letter}?????")).collect();
    let role = json!({"indices": [{"names": names, "privileges": ["read"]}]}).to_string();
    world.root("PUT", "/_security/role/ops").json(&role).send().await.expect(200);
    let body = r#"{"index":[{"names":"/[a-z]{5}.*[a-z].{5}/","privileges":["read"]}]}"#;
    ask(&world, body).await.is_error(
        400,
        "illegal_argument_exception",
        "the patterns are too complex to tell whether one is covered by others",
    );
}

#[tokio::test]
async fn viewers_hold_what_their_complement_of_hidden_indices_says() {
    let world = World::new().await;
    world.user("jane", &["viewer"]).await;
    let body =
        r#"{"index":[{"names":["logs-*",".hidden","ilm-history-1"],"privileges":["read"]}]}"#;
    let answer = ask(&world, body).await.expect(200).json();
    assert_eq!(
        answer["index"],
        json!({".hidden": {"read": false}, "ilm-history-1": {"read": false}, "logs-*": {"read": true}})
    );
}

#[tokio::test]
async fn a_small_request_for_a_huge_answer_is_refused() {
    let world = world_with("{}").await;
    let index = json!({"names": vec!["i"; 1_000], "privileges": vec!["read"; 51]});
    ask(&world, &json!({"index": [index]}).to_string()).await.is_error(
        400,
        "illegal_argument_exception",
        "more than 50000 privileges cannot be checked at once",
    );
}

#[tokio::test]
async fn a_role_with_patterns_that_would_grant_nothing_is_refused() {
    let world = World::new().await;
    for (body, reason) in [
        (
            r#"{"indices":[{"names":["logs-*","/logs-<1-9>/"],"privileges":["read"]}]}"#,
            "invalid pattern [/logs-<1-9>/]: the operator [<] is not supported",
        ),
        (
            r#"{"applications":[{"application":"app","privileges":["read"],"resources":["/(/"]}]}"#,
            "invalid pattern [/(/]: the regular expression is malformed",
        ),
        (
            r#"{"run_as":["/a"]}"#,
            "invalid pattern [/a]: a regular expression begins and ends with a slash",
        ),
        (
            r#"{"global":{"application":{"manage":{"applications":["/~(.*a.{30})/"]}}}}"#,
            "invalid pattern [/~(.*a.{30})/]: the regular expression is too large",
        ),
    ] {
        let answer = world.root("PUT", "/_security/role/r").json(body).send().await;
        answer.is_error(400, VALIDATION, &format!("Validation Failed: 1: {reason};"));
    }
    world.root("GET", "/_security/role/r").send().await.is(404, "{}");
}

#[tokio::test]
async fn nobody_checks_the_privileges_of_others() {
    let world = world_with("{}").await;
    let target = "/_security/user/elastic/_has_privileges";
    let body = r#"{"cluster":["monitor"]}"#;
    world.call("POST", target).basic("jane", PASSWORD).json(body).send().await.is_error(
        403,
        "security_exception",
        "action [cluster:admin/xpack/security/user/has_privileges] is unauthorized for user [jane] with effective roles [ops], this action is granted by the cluster privileges [read_ccr,read_security,manage_ccr,manage_security,all]",
    );
    world.role("ops", &["read_security"]).await;
    world.call("POST", target).basic("jane", PASSWORD).json(body).send().await.is_error(
        400,
        "illegal_argument_exception",
        "users may only check the privileges of their own account",
    );
}

#[tokio::test]
async fn everybody_asks_about_themselves_by_whatever_credentials() {
    let ordinary = Ordinary { anonymous: Some(anonymous(&["guest"])), ..Ordinary::default() };
    let world = World::with(ordinary).await;
    world.role("guest", &["monitor"]).await;
    world.user("jane", &[]).await;
    let token = world.pair("jane").await.access;
    let body = r#"{"cluster":["monitor"]}"#;
    let answer = world.call("POST", CHECK).bearer(&token).json(body).send().await.expect(200);
    assert_eq!(answer.json()["has_all_requested"], true);
    let answer = world.call("POST", CHECK).json(body).send().await.expect(200).json();
    assert_eq!(
        (&answer["username"], &answer["has_all_requested"]),
        (&json!("_anonymous"), &json!(true))
    );
    let answer = world.root("POST", CHECK).run_as("jane").json(body).send().await.expect(200);
    assert_eq!(answer.json()["username"], "jane");
    world.call("GET", HELD).bearer(&token).send().await.is(
        200,
        r#"{"cluster":["monitor"],"global":[],"indices":[],"applications":[],"run_as":[]}"#,
    );
    world.call("GET", HELD).send().await.expect(200);
}

/// Identity case 87.
#[tokio::test]
async fn held_privileges_are_merged_over_all_roles() {
    let world = World::new().await;
    let put = async |name: &str, body: &str| {
        let target = format!("/_security/role/{name}");
        world.root("PUT", &target).json(body).send().await.expect(200);
    };
    put("a", r#"{"cluster":["monitor","manage_token"],"indices":[{"names":["i","h"],"privileges":["read"],"query":{"term":{"x":1}},"field_security":{"grant":["a"]}}],"run_as":["z","b"],"global":{"application":{"manage":{"applications":["k-*"]}},"profile":{"write":{"applications":["k"]}}}}"#).await;
    put("b", r#"{"cluster":["monitor"],"indices":[{"names":["h","i"],"privileges":["read"],"query":"{\"match_all\":{}}","field_security":{"grant":["b"],"except":["c"]}}],"applications":[{"application":"app","privileges":["y","x"],"resources":["*"]}]}"#).await;
    world.user("jane", &["b", "a"]).await;
    world.call("GET", HELD).basic("jane", PASSWORD).send().await.is(
        200,
        r#"{"cluster":["manage_token","monitor"],"global":[{"application":{"manage":{"applications":["k-*"]}}},{"profile":{"write":{"applications":["k"]}}}],"indices":[{"names":["h","i"],"privileges":["read"],"field_security":[{"grant":["a"]},{"grant":["b"],"except":["c"]}],"query":["{\"term\":{\"x\":1}}","{\"match_all\":{}}"],"allow_restricted_indices":false}],"applications":[{"application":"app","privileges":["x","y"],"resources":["*"]}],"run_as":["b","z"]}"#,
    );
}

#[tokio::test]
async fn a_superuser_holds_everything() {
    let world = World::new().await;
    let held = world.root("GET", HELD).send().await.expect(200).text();
    insta::assert_snapshot!(held);
    let body = r#"{"cluster":["all"],"index":[{"names":"*","privileges":["all"]},{"names":[".security-7",".security-*"],"privileges":["read"]}],"application":[{"application":"app","privileges":["any","thing:*"],"resources":["*"]}]}"#;
    let answer = world.root("POST", CHECK).json(body).send().await.expect(200).json();
    assert_eq!(answer["has_all_requested"], false);
    assert_eq!(answer["application"]["app"]["*"], json!({"any": true, "thing:*": true}));
    assert_eq!(
        answer["index"],
        json!({"*": {"all": true}, ".security-*": {"read": false}, ".security-7": {"read": true}})
    );
}

#[tokio::test]
async fn the_paths_of_these_questions_are_no_users() {
    let world = World::new().await;
    let body = r#"{"password":"s3cret-word","roles":[]}"#;
    for target in [CHECK, HELD, "/_security/user/jane/_has_privileges"] {
        for method in ["PUT", "DELETE"] {
            world.root(method, target).json(body).send().await.expect(405);
        }
    }
    let users = world.root("GET", "/_security/user").send().await.expect(200).json();
    assert!(users.as_object().unwrap().keys().all(|name| !name.contains("privileges")));
}
