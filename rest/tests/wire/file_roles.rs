//! Roles that come from a file: they count, and are neither shown nor changed. Reserved roles that
//! the operator left out.

use std::sync::Arc;

use jeton_domain::name::RoleName;
use jeton_domain::role::descriptor::RoleDescriptor;
use jeton_domain::role::reserved::ReservedRoles;
use jeton_store::engine::memory::Memory;

use crate::world::{Ordinary, PASSWORD, World};

/// A role with these cluster privileges.
fn role(name: &str, cluster: &[&str]) -> RoleDescriptor {
    let mut role = RoleDescriptor::new(RoleName::new(name));
    role.cluster = cluster.iter().map(|&privilege| privilege.to_owned()).collect();
    role
}

/// Whether `jane` may see the banner.
async fn may_monitor(world: &World) -> bool {
    world.call("GET", "/").basic("jane", PASSWORD).send().await.status == 200
}

#[tokio::test]
async fn a_role_of_the_file_counts_until_the_file_says_otherwise() {
    let world = World::new().await;
    world.user("jane", &["ops"]).await;
    assert!(!may_monitor(&world).await);
    world.authority.set_file_roles(vec![role("ops", &["monitor"]), role("other", &[])]);
    assert!(may_monitor(&world).await);
    world.authority.set_file_roles(vec![role("other", &["monitor"])]);
    let answer = world.call("GET", "/").basic("jane", PASSWORD).send().await.expect(403);
    assert!(
        answer.text().contains("with effective roles [] (assigned roles [ops] were not found)")
    );
}

#[tokio::test]
async fn a_role_of_the_file_comes_before_a_stored_one_and_after_a_reserved_one() {
    let world = World::new().await;
    world.user("jane", &["ops"]).await;
    world.role("ops", &["monitor"]).await;
    assert!(may_monitor(&world).await);
    world.authority.set_file_roles(vec![role("ops", &[]), role("superuser", &[])]);
    assert!(!may_monitor(&world).await);
    world.role("ops", &["all"]).await;
    assert!(!may_monitor(&world).await);
    world.authority.set_file_roles(Vec::new());
    assert!(may_monitor(&world).await);
}

#[tokio::test]
async fn roles_of_the_file_are_neither_shown_nor_deleted() {
    let world = World::new().await;
    world.role("both", &["monitor"]).await;
    world.authority.set_file_roles(vec![role("ops", &["all"]), role("both", &["all"])]);
    world.root("GET", "/_security/role/ops").send().await.is(404, "{}");
    let all = world.root("GET", "/_security/role").send().await.expect(200).json();
    assert!(all.get("ops").is_none() && all.get("superuser").is_some());
    let both = world.root("GET", "/_security/role/both,ops").send().await.expect(200).json();
    assert_eq!(both["both"]["cluster"], serde_json::json!(["monitor"]));
    world.root("DELETE", "/_security/role/ops").send().await.is(404, r#"{"found":false}"#);
}

/// Identity case 35.
#[tokio::test]
async fn a_token_has_what_its_role_permits_at_the_moment() {
    let world = World::new().await;
    world.role("ops", &["monitor"]).await;
    world.user("jane", &["ops"]).await;
    let access = world.pair("jane").await.access;
    let root = async || world.call("GET", "/").bearer(&access).send().await.status;
    assert_eq!(root().await, 200);
    world.role("ops", &[]).await;
    assert_eq!(root().await, 403);
    world.role("ops", &["monitor"]).await;
    assert_eq!(root().await, 200);
    world.authority.set_file_roles(vec![role("ops", &[])]);
    assert_eq!(root().await, 403);
    world.authority.set_file_roles(Vec::new());
    world.root("DELETE", "/_security/role/ops").send().await.expect(200);
    assert_eq!(root().await, 403);
}

#[tokio::test]
async fn the_name_of_a_reserved_role_that_is_left_out_is_free() {
    let reserved_roles = ReservedRoles::only(["superuser", "viewer"]).unwrap();
    let world = World::with(Ordinary { reserved_roles, ..Ordinary::default() }).await;
    world.user("jane", &["monitoring_user"]).await;
    assert!(!may_monitor(&world).await);
    world.role("monitoring_user", &["monitor"]).await;
    assert!(may_monitor(&world).await);
    let all = world.root("GET", "/_security/role").send().await.expect(200).json();
    let names: Vec<_> = all.as_object().unwrap().keys().collect();
    assert_eq!(names, ["monitoring_user", "superuser", "viewer"]);
    let target = "/_security/role/monitoring_user";
    world.root("DELETE", target).send().await.is(200, r#"{"found":true}"#);
    let answer = world.root("PUT", "/_security/role/viewer").json("{}").send().await.expect(400);
    assert!(answer.text().contains("Role [viewer] is reserved and may not be used."));
}

#[tokio::test]
async fn a_stored_role_does_not_count_while_its_name_is_reserved() {
    let engine = Arc::new(Memory::new());
    let start = async |reserved_roles| {
        World::on(Arc::<Memory>::clone(&engine), Ordinary { reserved_roles, ..Ordinary::default() })
            .await
    };
    let narrowed = || ReservedRoles::only(["superuser"]).unwrap();
    let target = "/_security/role/viewer";
    let world = start(narrowed()).await;
    world.role("viewer", &["monitor"]).await;
    world.user("jane", &["viewer"]).await;
    assert!(may_monitor(&world).await);
    let world = start(ReservedRoles::default()).await;
    assert!(!may_monitor(&world).await);
    let all = world.root("GET", "/_security/role").send().await.expect(200);
    assert_eq!(all.text().matches("\"viewer\":{").count(), 1);
    assert_eq!(all.json()["viewer"]["metadata"]["_reserved"], true);
    world.root("DELETE", target).send().await.expect(400);
    let world = start(narrowed()).await;
    assert!(may_monitor(&world).await);
    world.root("DELETE", target).send().await.expect(200);
}
