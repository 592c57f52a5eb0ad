//! Roles: many at once.

use crate::world::{PASSWORD, World};

const ROLES: &str = "/_security/role";

async fn names(world: &World) -> Vec<String> {
    let all = world.root("GET", ROLES).send().await.expect(200).json();
    let native = all.as_object().unwrap().iter();
    native
        .filter(|(_, role)| role["metadata"]["_reserved"] != true)
        .map(|(name, _)| name.clone())
        .collect()
}

/// Identity case 42.
#[tokio::test]
async fn each_role_that_is_put_with_others_fails_alone() {
    let world = World::new().await;
    let body =
        r#"{"roles":{"bad":{"cluster":["bogus"]},"good":{"cluster":["monitor"]},"superuser":{}}}"#;
    let answer = world.root("POST", ROLES).json(body).send().await.expect(200).json();
    assert_eq!(answer["created"], serde_json::json!(["good"]));
    assert_eq!(answer["errors"]["count"], 2);
    let details = &answer["errors"]["details"];
    let kind = "action_request_validation_exception";
    assert_eq!(details["bad"]["type"], kind);
    let reason = details["bad"]["reason"].as_str().unwrap();
    let start = "Validation Failed: 1: unknown cluster privilege [bogus]. a privilege must be \
                 either one of the predefined cluster privilege names [manage_own_api_key,";
    assert!(reason.starts_with(start), "{reason}");
    assert!(reason.ends_with(",all] or a pattern over one of the available cluster actions;"));
    let reserved = "Validation Failed: 1: Role [superuser] is reserved and may not be used.;";
    assert_eq!(details["superuser"], serde_json::json!({"type": kind, "reason": reserved}));
    assert_eq!(names(&world).await, ["good"]);
}

#[tokio::test]
async fn a_role_put_with_others_is_created_updated_or_the_same() {
    let world = World::new().await;
    let put = async |body: &str| world.root("POST", ROLES).json(body).send().await;
    let first = r#"{"roles":{"b":{"metadata":{"x":1,"y":{"p":1,"q":2}}},"a":{"cluster":["all"]}}}"#;
    put(first).await.is(200, r#"{"created":["b","a"]}"#);
    put(first).await.is(200, r#"{"noop":["b","a"]}"#);
    // Neither the order of members nor the other name of a member makes a difference.
    let same = r#"{"roles":{"a":{"index":[],"cluster":["all"]},"b":{"metadata":{"y":{"q":2,"p":1},"x":1}},"c":{}}}"#;
    put(same).await.is(200, r#"{"created":["c"],"noop":["a","b"]}"#);
    let other = r#"{"roles":{"a":{"cluster":["monitor"]},"b":{"metadata":{"x":2}},"c":{}}}"#;
    put(other).await.is(200, r#"{"updated":["a","b"],"noop":["c"]}"#);
    put(r#"{"roles":{}}"#).await.is(200, "{}");
    let shown = world.root("GET", "/_security/role/a").send().await.expect(200).json();
    assert_eq!(shown["a"]["cluster"], serde_json::json!(["monitor"]));
}

/// Identity case 43.
#[tokio::test]
async fn each_role_that_is_deleted_with_others_fails_alone() {
    let world = World::new().await;
    for name in ["test1", "test2"] {
        world.role(name, &[]).await;
    }
    let body = r#"{"names":["superuser","test1","gone","test1"]}"#;
    world.root("DELETE", ROLES).json(body).send().await.is(
        200,
        r#"{"deleted":["test1"],"not_found":["gone"],"errors":{"count":1,"details":{"superuser":{"type":"illegal_argument_exception","reason":"role [superuser] is reserved and cannot be deleted"}}}}"#,
    );
    assert_eq!(names(&world).await, ["test2"]);
    let again = r#"{"names":["test1"]}"#;
    world.root("DELETE", ROLES).json(again).send().await.is(200, r#"{"not_found":["test1"]}"#);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_changes_nothing() {
    let world = World::new().await;
    world.role("kept", &["monitor"]).await;
    for (method, body) in [
        ("POST", r#"{"roles":{"new":{},"kept":{"x":1}}}"#),
        ("POST", r#"{"roles":{"new":{},"kept":{"cluster":[1]}}}"#),
        ("POST", r#"{"roles":{"new":{}},"more":1}"#),
        ("POST", r#"{"roles":{"new":{}}"#),
        ("POST", r#"{"names":["kept"]}"#),
        ("DELETE", r#"{"names":["kept",1]}"#),
        ("DELETE", r#"{"names":["kept"],"more":1}"#),
        ("DELETE", r#"{"names":[]}"#),
        ("DELETE", "{}"),
    ] {
        world.root(method, ROLES).json(body).send().await.expect(400);
        assert_eq!(names(&world).await, ["kept"], "{method} {body}");
        let target = "/_security/role?refresh=soon";
        world.root(method, target).json(body).send().await.expect(400);
    }
    let reason = "request body is required";
    world.root("POST", ROLES).send().await.is_error(400, "parse_exception", reason);
    world.root("DELETE", ROLES).send().await.is_error(400, "parse_exception", reason);
    let target = "/_security/role?refresh=soon";
    let call = world.root("POST", target).json(r#"{"roles":{"new":{}}}"#);
    call.send().await.expect(400);
    assert_eq!(names(&world).await, ["kept"]);
}

#[tokio::test]
async fn a_request_names_a_bounded_number_of_roles() {
    let world = World::new().await;
    let list: Vec<String> = (0..1_001).map(|number| format!("\"{number}\"")).collect();
    let body = format!(r#"{{"names":[{}]}}"#, list.join(","));
    let reason = "a request may name at most [1000] roles";
    let answer = world.root("DELETE", ROLES).json(&body).send().await;
    answer.is_error(400, "illegal_argument_exception", reason);
}

#[tokio::test]
async fn whoever_may_not_put_roles_is_told_which_privileges_it_takes() {
    let world = World::new().await;
    world.user("jane", &[]).await;
    for (method, body, action) in [
        ("POST", r#"{"roles":{"a":{}}}"#, "bulk_put"),
        ("POST", r#"{"roles":{"a":{"cluster":["bogus"]}}}"#, "bulk_put"),
        ("POST", r#"{"roles":{}}"#, "bulk_put"),
        ("DELETE", r#"{"names":["a"]}"#, "bulk_delete"),
        ("DELETE", r#"{"names":["superuser"]}"#, "bulk_delete"),
    ] {
        let reason = format!(
            "action [cluster:admin/xpack/security/role/{action}] is unauthorized for user [jane] \
             with effective roles [], this action is granted by the cluster privileges \
             [manage_security,all]"
        );
        let answer = world.call(method, ROLES).basic("jane", PASSWORD).json(body).send().await;
        answer.is_error(403, "security_exception", &reason);
    }
    assert!(names(&world).await.is_empty());
}

/// Each unknown privilege is told with all known ones: an answer to many would be without end.
#[tokio::test]
async fn of_many_unknown_privileges_only_some_are_told() {
    let world = World::new().await;
    let many = vec![r#""x""#; 1000].join(",");
    let body = format!(r#"{{"roles":{{"a":{{"cluster":[{many}]}}}}}}"#);
    let text = world.root("POST", "/_security/role").json(&body).send().await.expect(200).text();
    assert!(text.contains(";100: unknown cluster privilege") && !text.contains(";101: "), "{text}");
    let body = format!(r#"{{"cluster":[{many}]}}"#);
    let text = world.root("PUT", "/_security/role/a").json(&body).send().await.expect(400).text();
    assert!(text.contains(";100: unknown cluster privilege") && !text.contains(";101: "));
}

/// A role whose content is the stored one is not written, whatever it says of what is not kept.
#[tokio::test]
async fn what_is_not_kept_makes_no_difference() {
    let world = World::new().await;
    let put = async |body: &str| world.root("POST", ROLES).json(body).send().await;
    put(r#"{"roles":{"a":{"cluster":["all"]}}}"#).await.is(200, r#"{"created":["a"]}"#);
    for same in [
        r#"{"cluster":["all"],"transient_metadata":{"enabled":false,"x":1}}"#,
        r#"{"type":"role","run_as":null,"cluster":["all"],"metadata":{}}"#,
    ] {
        put(&format!(r#"{{"roles":{{"a":{same}}}}}"#)).await.is(200, r#"{"noop":["a"]}"#);
    }
    for other in [
        r#"{"cluster":["all","monitor"]}"#,
        r#"{"cluster":["monitor","all"]}"#,
        r#"{"cluster":["monitor","all"],"description":""}"#,
        r#"{"cluster":["monitor","all"],"metadata":{"k":1}}"#,
        r#"{"cluster":["monitor","all"],"metadata":{"k":1.0}}"#,
    ] {
        put(&format!(r#"{{"roles":{{"a":{other}}}}}"#)).await.is(200, r#"{"updated":["a"]}"#);
    }
}

/// Names that cannot be are told beside their roles; the same name twice is no JSON of ours.
#[tokio::test]
async fn names_of_roles_put_together_are_judged_alone() {
    let world = World::new().await;
    let long = "r".repeat(508);
    let body = format!(r#"{{"roles":{{"":{{}}," a":{{}},"é":{{}},"{long}":{{}},"a/b":{{}}}}}}"#);
    let answer = world.root("POST", ROLES).json(&body).send().await.expect(200).json();
    assert_eq!(answer["created"], serde_json::json!(["a/b"]));
    assert_eq!(answer["errors"]["count"], 4);
    for name in ["", " a", "é", &long] {
        let error = &answer["errors"]["details"][name];
        assert_eq!(error["type"], "action_request_validation_exception", "{name}");
        let reason = error["reason"].as_str().unwrap();
        assert!(reason.contains("1: Role names must be at least 1 and no more than 507 char"));
    }
    for body in [r#"{"roles":{"b":{},"b":{}}}"#, r#"{"roles":{"b":{},"\u0062":{}}}"#] {
        let answer = world.root("POST", ROLES).json(body).send().await.expect(400);
        assert!(answer.text().contains("Duplicate field 'b'"), "{}", answer.text());
    }
    let none = world.root("DELETE", ROLES).json(r#"{"names":[""," a","*"]}"#).send().await;
    none.is(200, r#"{"not_found":[""," a","*"]}"#);
    assert_eq!(names(&world).await, ["a/b"]);
}
