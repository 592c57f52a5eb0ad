//! Role mappings: what their verbs promise, and that realms which map roles see it at once.

use std::sync::Arc;

use jeton_authority::AuthorityError;
use jeton_authority::users::Existence;
use jeton_domain::limits::RECORD_BYTES_MAX;
use jeton_domain::mapping::json::JsonText;
use jeton_domain::mapping::model::MappedUser;
use jeton_domain::mapping::role_mapping::RoleMapping;
use jeton_domain::name::{MappingName, RealmName, RoleName, Username};
use jeton_domain::value::{Map, Value};
use jeton_realms::mapping::RoleMapper;
use jeton_realms::mapping::stored::StoredMappings;

use crate::world::World;

/// Nothing here has a template.
const JSON: JsonText = JsonText { read: |_| None, print: |_| String::new() };

/// A mapping that gives everybody a role.
pub(crate) fn mapping(name: &str, role: &str) -> RoleMapping {
    let map = |members: [(&str, Value); 1]| {
        Value::Map(members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
    };
    let everybody = map([("all", Value::List(Vec::new()))]);
    let roles = Value::List(vec![Value::Text(role.to_owned())]);
    let members = [("enabled", Value::Bool(true)), ("roles", roles), ("rules", everybody)];
    let members = members.map(|(name, value)| (name.to_owned(), value));
    let value = Value::Map(members.into_iter().collect());
    RoleMapping::from_request(&MappingName::new(name), &value, &JSON).unwrap()
}

async fn put(world: &World, mapping: RoleMapping) -> Existence {
    let caller = world.caller("root").await;
    world.authority.put_role_mapping(caller, mapping).await.unwrap()
}

async fn names(world: &World) -> Vec<String> {
    let caller = world.caller("root").await;
    let all = world.authority.role_mappings(&caller, None).await.unwrap();
    all.iter().map(|mapping| mapping.name.to_string()).collect()
}

#[tokio::test]
async fn realms_that_map_roles_see_each_change_at_once() {
    let world = World::new().await;
    let stored = StoredMappings::new(Arc::clone(world.authority.store()), JSON);
    let mapper = RoleMapper::new(stored, None);
    let (ann, realm) = (Username::new("ann"), RealmName::new("ldap1"));
    let ann = MappedUser::new(&ann, None, &[], &realm, Map::new());
    let check = async |wanted: &[&str]| {
        let found = mapper.roles_of(&ann).await.unwrap().roles;
        let found: Vec<&str> = found.iter().map(RoleName::as_str).collect();
        assert_eq!(found, wanted);
    };
    check(&[]).await;
    assert_eq!(put(&world, mapping("b", "one")).await, Existence::New);
    check(&["one"]).await;
    assert_eq!(put(&world, mapping("b", "two")).await, Existence::Known);
    assert_eq!(put(&world, mapping("a", "three")).await, Existence::New);
    check(&["three", "two"]).await;
    for existence in [Existence::Known, Existence::New] {
        let caller = world.caller("root").await;
        let deleted = world.authority.delete_role_mapping(caller, "b").await;
        assert_eq!(deleted.unwrap(), existence);
        check(&["three"]).await;
    }
}

#[tokio::test]
async fn mappings_outlive_the_process() {
    let mut world = World::new().await;
    put(&world, mapping("b", "one")).await;
    put(&world, mapping("a", "one")).await;
    world.restart(None).await;
    assert_eq!(names(&world).await, ["a", "b"]);
    let caller = world.caller("root").await;
    let asked = ["b", "none", "b"].map(str::to_owned);
    let found = world.authority.role_mappings(&caller, Some(&asked)).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].value, mapping("b", "one").to_value());
}

#[tokio::test]
async fn who_is_disabled_in_the_meantime_changes_nothing() {
    let world = World::new().await;
    put(&world, mapping("kept", "one")).await;
    let (putting, deleting) = (world.caller("root").await, world.caller("root").await);
    world.put_user("root", &["superuser"], false).await;
    let outcome = world.authority.put_role_mapping(putting, mapping("new", "one")).await;
    assert!(matches!(outcome, Err(AuthorityError::Unauthenticated(_))), "{outcome:?}");
    let outcome = world.authority.delete_role_mapping(deleting, "kept").await;
    assert!(matches!(outcome, Err(AuthorityError::Unauthenticated(_))), "{outcome:?}");
    world.put_user("root", &["superuser"], true).await;
    assert_eq!(names(&world).await, ["kept"]);
}

#[tokio::test]
async fn of_writers_at_once_one_makes_a_mapping_and_one_removes_it() {
    let world = Arc::new(World::new().await);
    let puts: Vec<_> = (0..16)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { put(&world, mapping("m", "one")).await })
        })
        .collect();
    let mut made = 0;
    for put in puts {
        made += usize::from(put.await.unwrap() == Existence::New);
    }
    assert_eq!(made, 1);
    let deletes: Vec<_> = (0..16)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let caller = world.caller("root").await;
                world.authority.delete_role_mapping(caller, "m").await.unwrap()
            })
        })
        .collect();
    let mut removed = 0;
    for delete in deletes {
        removed += usize::from(delete.await.unwrap() == Existence::Known);
    }
    assert_eq!(removed, 1);
}

#[tokio::test]
async fn who_may_not_manage_security_may_neither_read_nor_change_mappings() {
    let world = World::new().await;
    let caller = async || world.caller("ann").await;
    let put = world.authority.put_role_mapping(caller().await, mapping("m", "one")).await;
    let delete = world.authority.delete_role_mapping(caller().await, "m").await;
    let read = world.authority.role_mappings(&caller().await, None).await;
    assert!(matches!(put, Err(AuthorityError::Forbidden(_))), "{put:?}");
    assert!(matches!(delete, Err(AuthorityError::Forbidden(_))), "{delete:?}");
    assert!(matches!(read, Err(AuthorityError::Forbidden(_))), "{read:?}");
}

#[tokio::test]
async fn a_mapping_has_a_largest_size() {
    let world = World::new().await;
    let filled = |bytes: usize| {
        let mut mapping = mapping("m", "one");
        mapping.metadata.set("filler".to_owned(), Value::Text("x".repeat(bytes)));
        mapping
    };
    assert_eq!(put(&world, filled(RECORD_BYTES_MAX - 1024)).await, Existence::New);
    let caller = world.caller("root").await;
    let outcome = world.authority.put_role_mapping(caller, filled(RECORD_BYTES_MAX)).await;
    let wanted = "a role mapping may have at most [1048576] bytes";
    assert!(matches!(outcome, Err(AuthorityError::Argument(text)) if text == wanted));
}
