//! Searches see every write that was answered before they began.

use std::sync::Arc;

use jeton_domain::name::RoleName;
use jeton_domain::query::SearchRequest;
use jeton_domain::role::descriptor::RoleDescriptor;
use jeton_domain::value::{Map, Value};

use crate::world::World;

fn with_role(role: &str) -> SearchRequest {
    let one = |name: &str, value: Value| -> Value {
        Value::Map([(name.to_owned(), value)].into_iter().collect::<Map>())
    };
    let query = one("term", one("roles", Value::Text(role.to_owned())));
    SearchRequest { query: Some(query), ..SearchRequest::default() }
}

async fn total(world: &World, request: &SearchRequest) -> usize {
    let caller = world.caller("elastic").await;
    world.authority.query_users(&caller, request).await.unwrap().total
}

#[tokio::test]
async fn a_search_sees_users_and_roles_at_once() {
    let world = World::new().await;
    assert_eq!(total(&world, &with_role("tokens")).await, 2);
    world.put_user("eve", &["tokens"], true).await;
    assert_eq!(total(&world, &with_role("tokens")).await, 3);
    world.put_user("eve", &[], true).await;
    assert_eq!(total(&world, &with_role("tokens")).await, 2);
    let elastic = world.caller("elastic").await;
    world.authority.delete_user(elastic, "ann").await.unwrap();
    assert_eq!(total(&world, &with_role("tokens")).await, 1);

    let roles = async || {
        let caller = world.caller("elastic").await;
        let found = world.authority.query_roles(&caller, &SearchRequest::default()).await;
        let hits = found.unwrap().hits.into_iter();
        hits.map(|hit| hit.item.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(roles().await, ["tokens"]);
    let role = RoleDescriptor::new(RoleName::new("ops"));
    world.authority.put_role(world.caller("elastic").await, role).await.unwrap();
    assert_eq!(roles().await, ["ops", "tokens"]);
    world.authority.delete_role(world.caller("elastic").await, "tokens").await.unwrap();
    assert_eq!(roles().await, ["ops"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_of_many_writers_finds_what_it_has_written() {
    let world = Arc::new(World::new().await);
    let writers = (0..4).map(|writer| {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let role = format!("role-{writer}");
            let mut wanted = 0;
            for round in 0..40 {
                let name = format!("user-{writer}-{}", round / 2);
                if round % 4 == 3 {
                    let elastic = world.caller("elastic").await;
                    world.authority.delete_user(elastic, &name).await.unwrap();
                    wanted -= 1;
                } else {
                    world.put_user(&name, &[&role], round % 2 == 0).await;
                    wanted += usize::from(round % 2 == 0);
                }
                assert_eq!(total(&world, &with_role(&role)).await, wanted, "{writer} {round}");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(total(&world, &SearchRequest::default()).await, 4 + 4 * 10);
}
