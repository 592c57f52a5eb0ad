//! Roles: put, show, delete.

use crate::world::{PASSWORD, World};

const ROLE: &str = "/_security/role/ops";

/// Identity cases 36, 39.
#[tokio::test]
async fn a_role_is_kept_whole_and_shown_in_the_order_of_the_wire() {
    let world = World::new().await;
    let body = r#"{"cluster":["manage_token"],"index":[{"names":"*","privileges":["read"],"query":{"match_all":{}}}],"run_as":["jane"],"metadata":{"k":[1.5]},"transient_metadata":{"x":1},"global":{"application":{"manage":{"applications":["k-*"]}}}}"#;
    world.root("PUT", ROLE).json(body).send().await.is(200, r#"{"role":{"created":true}}"#);
    world.root("POST", ROLE).json(body).send().await.is(200, r#"{"role":{"created":false}}"#);
    world.root("GET", ROLE).send().await.is(
        200,
        r#"{"ops":{"cluster":["manage_token"],"global":{"application":{"manage":{"applications":["k-*"]}},"profile":{},"role":{}},"indices":[{"names":["*"],"privileges":["read"],"query":"{\"match_all\":{}}","allow_restricted_indices":false}],"applications":[],"run_as":["jane"],"metadata":{"k":[1.5]},"transient_metadata":{"enabled":true}}}"#,
    );
}

/// Sends a role that must be refused, and makes sure that nothing of it is stored.
async fn check_refusal(world: &World, target: &str, body: &str, kind: &str, reason: &str) {
    let call = world.root("PUT", target);
    let call = if body.is_empty() { call } else { call.json(body) };
    call.send().await.is_error(400, kind, reason);
    let all = world.root("GET", "/_security/role").send().await.expect(200).json();
    let mut roles = all.as_object().unwrap().values();
    assert!(roles.all(|role| role["metadata"]["_reserved"] == true), "{target} {body}");
}

/// Identity cases 37, 41.
#[tokio::test]
async fn a_role_that_is_not_legal_is_refused_and_not_stored() {
    let world = World::new().await;
    let name = "Role names must be at least 1 and no more than 507 characters. They can contain \
                alphanumeric characters (a-z, A-Z, 0-9), spaces, punctuation, and printable \
                symbols in the Basic Latin (ASCII) block. Leading or trailing whitespace is not \
                allowed.";
    let long_name = "r".repeat(508);
    let long_text = format!(r#"{{"description":"{}"}}"#, "d".repeat(1001));
    for (role, body, message) in [
        ("superuser", "{}", "Role [superuser] is reserved and may not be used."),
        ("%20x", "{}", name),
        (&long_name, "{}", name),
        ("ops", r#"{"metadata":{"_x":1}}"#, "role descriptor metadata keys may not start with [_]"),
        ("ops", &long_text, "Role description must be less than 1000 characters."),
    ] {
        let target = format!("/_security/role/{role}");
        let reason = format!("Validation Failed: 1: {message};");
        let kind = "action_request_validation_exception";
        check_refusal(&world, &target, body, kind, &reason).await;
    }
}

/// Identity case 40.
#[tokio::test]
async fn a_role_that_cannot_be_read_is_refused_and_not_stored() {
    let world = World::new().await;
    let indices = "failed to parse indices privileges for role [ops].";
    let top = "failed to parse role [ops].";
    for (body, reason) in [
        (
            r#"{"restriction":{"workflows":["search_application_query"]}}"#,
            format!("{top} unexpected field [restriction]"),
        ),
        (r#"{"transient_metadata":1}"#, format!("{top} unexpected field [transient_metadata]")),
        (r#"{"clusters":[]}"#, format!("{top} unexpected field [clusters]")),
        ("[]", format!("{top} expected an object but found [START_ARRAY] instead")),
        (
            r#"{"indices":[{"privileges":["read"]}]}"#,
            format!("{indices} missing required [names] field"),
        ),
        (
            r#"{"indices":[{"names":"*"}]}"#,
            format!("{indices} missing required [privileges] field"),
        ),
        (
            r#"{"indices":[{"names":"*","privileges":[],"x":1}]}"#,
            format!("{indices} unexpected field [x]"),
        ),
        (
            r#"{"global":{"applications":{}}}"#,
            "failed to parse privilege. expected one of [application,profile,role] but found \
             [applications] instead"
                .to_owned(),
        ),
        ("", "request body is required".to_owned()),
    ] {
        check_refusal(&world, ROLE, body, "parse_exception", &reason).await;
    }
}

/// Identity case 38.
#[tokio::test]
async fn an_unknown_privilege_is_refused_with_all_that_are_known() {
    let world = World::new().await;
    let body =
        r#"{"cluster":["bogus","MANAGE_token"],"indices":[{"names":"*","privileges":["odd"]}]}"#;
    let answer = world.root("PUT", ROLE).json(body).send().await.expect(400).json();
    let reason = answer["error"]["reason"].as_str().unwrap();
    let start = "Validation Failed: 1: unknown cluster privilege [bogus]. a privilege must be \
                 either one of the predefined cluster privilege names [manage_own_api_key,\
                 manage_data_stream_global_retention,";
    assert!(reason.starts_with(start), "{reason}");
    let middle = ",monitor,manage,all] or a pattern over one of the available cluster actions;2: \
                  unknown index privilege [odd]. a privilege must be either one of the predefined";
    assert!(reason.contains(middle), "{reason}");
    let answer = world.root("PUT", ROLE).json(r#"{"cluster":["bogus"]}"#).send().await.expect(400);
    let ends =
        answer.json()["error"]["reason"].as_str().unwrap().ends_with("available cluster actions;");
    assert!(ends);
}

#[tokio::test]
async fn roles_are_shown_by_name_and_all() {
    let world = World::new().await;
    world.role("ops", &[]).await;
    world.root("GET", "/_security/role/nothing").send().await.is(404, "{}");
    let some = world.root("GET", "/_security/role/ops,nothing,superuser,ops").send().await;
    assert_eq!(some.expect(200).json().as_object().unwrap().len(), 2);
    let all = world.root("GET", "/_security/role").send().await.expect(200).json();
    assert!(all.get("ops").is_some() && all.get("superuser").is_some());
}

/// Identity case 44.
#[tokio::test]
async fn a_role_is_deleted_once() {
    let world = World::new().await;
    world.role("ops", &[]).await;
    world.root("DELETE", ROLE).send().await.is(200, r#"{"found":true}"#);
    world.root("DELETE", ROLE).send().await.is(404, r#"{"found":false}"#);
    world.root("DELETE", "/_security/role/superuser").send().await.is_error(
        400,
        "illegal_argument_exception",
        "role [superuser] is reserved and cannot be deleted",
    );
}

#[tokio::test]
async fn a_changed_role_counts_at_the_next_request_and_unknown_ones_are_named() {
    let world = World::new().await;
    world.user("jane", &["ops", "zz"]).await;
    let root = async || world.call("GET", "/").basic("jane", PASSWORD).send().await;
    root().await.is_error(
        403,
        "security_exception",
        "action [cluster:monitor/main] is unauthorized for user [jane] with effective roles [] (assigned roles [ops,zz] were not found), this action is granted by the cluster privileges [monitor,manage,all]",
    );
    world.role("ops", &["monitor"]).await;
    root().await.expect(200);
    world.role("ops", &[]).await;
    let answer = root().await.expect(403);
    assert!(
        answer.text().contains("with effective roles [ops] (assigned roles [zz] were not found)")
    );
}

/// Identity case 35.
#[tokio::test]
async fn a_token_has_what_its_users_roles_grant_now() {
    let world = World::new().await;
    world.role("ops", &["monitor"]).await;
    world.user("jane", &["ops"]).await;
    let token = world.pair("jane").await.access;
    let root = async || world.call("GET", "/").bearer(&token).send().await.status;
    assert_eq!(root().await, 200);
    world.role("ops", &["manage_token"]).await;
    assert_eq!(root().await, 403);
    world.role("ops", &["monitor"]).await;
    assert_eq!(root().await, 200);
    world.root("DELETE", ROLE).send().await.expect(200);
    assert_eq!(root().await, 403);
}

#[tokio::test]
async fn roles_are_named_as_they_are() {
    let world = World::new().await;
    let long = "r".repeat(507);
    for (encoded, name) in [("a%2Fb", "a/b"), ("a%20b", "a b"), ("op*", "op*"), (&long, &long)] {
        let target = format!("/_security/role/{encoded}");
        let put = world.root("PUT", &target).json("{}").send().await;
        put.is(200, r#"{"role":{"created":true}}"#);
        // A name that is asked for twice is answered once.
        let twice = world.root("GET", &format!("{target},{encoded}")).send().await;
        let empty = r#"{"cluster":[],"indices":[],"applications":[],"run_as":[],"metadata":{},"transient_metadata":{"enabled":true}}"#;
        twice.is(200, &format!(r#"{{"{name}":{empty}}}"#));
        world.root("DELETE", &target).send().await.is(200, r#"{"found":true}"#);
    }
    world.role("ops", &[]).await;
    for names in ["*", "o*", "%20ops", "ops%20"] {
        world.root("GET", &format!("/_security/role/{names}")).send().await.is(404, "{}");
        world.root("DELETE", &format!("/_security/role/{names}")).send().await.expect(404);
    }
    world.root("HEAD", ROLE).send().await.expect(405);
}

/// The forms that a member may have; what is null or empty is as if it were not there.
#[tokio::test]
async fn a_role_is_shown_as_it_is_understood() {
    let world = World::new().await;
    let shown = async |body: &str, member: &str| {
        world.root("PUT", ROLE).json(body).send().await.expect(200);
        let mut shown = world.root("GET", ROLE).send().await.expect(200).json();
        shown["ops"][member].take()
    };
    let grant = serde_json::json!([{"names": ["a"], "privileges": ["read"], "allow_restricted_indices": false}]);
    for query in ["null", r#""""#] {
        let body =
            format!(r#"{{"indices":[{{"names":"a","privileges":["read"],"query":{query}}}]}}"#);
        assert_eq!(shown(&body, "indices").await, grant, "{query}");
    }
    let body = r#"{"index":[{"names":["a"],"privileges":["read"],"field_security":null}]}"#;
    assert_eq!(shown(body, "indices").await, grant);
    let body = r#"{"indices":[{"names":["a"],"privileges":["read"],"field_security":{"grant":["*"],"except":["x"]}}]}"#;
    let fields = serde_json::json!({"grant": ["*"], "except": ["x"]});
    assert_eq!(shown(body, "indices").await[0]["field_security"], fields);
    assert_eq!(shown(r#"{"cluster":null}"#, "cluster").await, serde_json::json!([]));
    assert_eq!(shown(r#"{"type":"any"}"#, "type").await, serde_json::Value::Null);
    let body = r#"{"application":[{"application":"app","privileges":["p"],"resources":["*"]}]}"#;
    let grant =
        serde_json::json!([{"application": "app", "privileges": ["p"], "resources": ["*"]}]);
    assert_eq!(shown(body, "applications").await, grant);
    let body = r#"{"global":{"profile":{"write":{"applications":["k*"]}}}}"#;
    let global = serde_json::json!(
        {"application": {}, "profile": {"write": {"applications": ["k*"]}}, "role": {}}
    );
    assert_eq!(shown(body, "global").await, global);
    let thousand = "d".repeat(1_000);
    let body = format!(r#"{{"description":"{thousand}"}}"#);
    assert_eq!(shown(&body, "description").await, thousand.as_str());
}
