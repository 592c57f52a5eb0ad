//! Roles: put, show, delete.

use crate::world::{PASSWORD, World};

const ROLE: &str = "/_security/role/ops";

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

#[tokio::test]
async fn a_role_that_makes_no_sense_is_refused() {
    let world = World::new().await;
    let answer = world.root("PUT", "/_security/role/superuser").json("{}").send().await;
    answer.is_error(
        400,
        "action_request_validation_exception",
        "Validation Failed: 1: Role [superuser] is reserved and may not be used.;",
    );
    let answer = world.root("PUT", ROLE).json(r#"{"cluster":["bogus"]}"#).send().await.expect(400);
    assert!(answer.text().contains("unknown cluster privilege [bogus]"));
    let answer = world.root("PUT", ROLE).json(r#"{"restriction":{}}"#).send().await;
    let reason = "failed to parse role [ops]. unexpected field [restriction]";
    answer.is_error(400, "parse_exception", reason);
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
