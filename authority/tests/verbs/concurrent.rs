//! What is promised to writers of one user or one role at once: no update is lost, and what was
//! answered last is what is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jeton_authority::users::put::UserPut;
use jeton_domain::limits::{BULK_ROLES_BYTES_MAX, RECORD_BYTES_MAX};
use jeton_domain::name::RoleName;
use jeton_domain::role::descriptor::RoleDescriptor;
use jeton_domain::value::{Map, Value};
use jeton_store::engine::Engine;
use jeton_store::engine::embedded::{Embedded, EmbeddedOptions};
use tempfile::TempDir;

use crate::world::World;

const WRITERS: i64 = 8;
const ROUNDS: i64 = 25;

/// A write by one of the writers: when it began, when it was answered, and what it wrote.
#[derive(Debug)]
struct Written {
    began: u64,
    answered: u64,
    value: String,
}

/// Runs `write` by every writer in every round, all writers at once.
async fn by_all_writers<F, W>(world: &Arc<World>, write: W) -> Vec<Written>
where
    W: Fn(Arc<World>, i64, i64) -> F + Clone + Send + 'static,
    F: Future<Output = String> + Send,
{
    let clock = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (world, write, clock) = (Arc::clone(world), write.clone(), Arc::clone(&clock));
            tokio::spawn(async move {
                let mut written = Vec::new();
                for round in 0..ROUNDS {
                    let began = clock.fetch_add(1, Ordering::SeqCst);
                    let value = write(Arc::clone(&world), writer, round).await;
                    let answered = clock.fetch_add(1, Ordering::SeqCst);
                    written.push(Written { began, answered, value });
                }
                written
            })
        })
        .collect();
    let mut all = Vec::new();
    for writer in writers {
        all.extend(writer.await.unwrap());
    }
    all
}

/// What is read in the end was written, and by none that was answered before another began.
#[track_caller]
fn check_last(all: &[Written], read: &str) {
    let last = all.iter().find(|written| written.value == read).expect("it was written");
    let later = all.iter().find(|other| other.began > last.answered);
    assert!(later.is_none(), "{last:?} is read after {later:?}");
}

/// A world on the engine in memory and one on the embedded engine, which lives in the directory.
async fn both_worlds() -> [(Arc<World>, TempDir); 2] {
    let directory = || tempfile::tempdir().unwrap();
    let (none, store) = (directory(), directory());
    let options = EmbeddedOptions::new(store.path().join("store"));
    let engine: Arc<dyn Engine> = Arc::new(Embedded::open(&options).unwrap());
    [(Arc::new(World::new().await), none), (Arc::new(World::on(engine).await), store)]
}

fn put(metadata: Option<Map>, full_name: Option<String>) -> UserPut {
    UserPut {
        username: "bob".to_owned(),
        password: None,
        roles: Some(vec![RoleName::new("tokens")]),
        full_name,
        email: None,
        metadata,
        enabled: true,
    }
}

fn map(name: String, value: Value) -> Map {
    [(name, value)].into_iter().collect()
}

async fn bob(world: &World) -> jeton_domain::user::User {
    let root = world.caller("root").await;
    world.authority.users(&root, Some(&["bob".to_owned()])).await.unwrap().remove(0)
}

/// Each writer merges keys of its own: all are there in the end, each as it was written last.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn metadata_merged_by_many_writers_are_all_there() {
    for (world, _directory) in both_worlds().await {
        by_all_writers(&world, |world, writer, round| async move {
            let root = world.caller("root").await;
            let inner = Value::Map(map(format!("r{round}"), Value::Integer(round)));
            let metadata = map(format!("w{writer}"), inner);
            world.authority.put_user(root, put(Some(metadata), None)).await.unwrap();
            // A writer sees what it has written, whatever others do.
            let held = bob(&world).await.metadata;
            let Some(Value::Map(own)) = held.value(&format!("w{writer}")) else {
                panic!("{held:?}")
            };
            assert_eq!(own.value(&format!("r{round}")), Some(&Value::Integer(round)));
            String::new()
        })
        .await;
        let metadata = bob(&world).await.metadata;
        for writer in 0..WRITERS {
            let Some(Value::Map(own)) = metadata.value(&format!("w{writer}")) else {
                panic!("writer {writer} is lost")
            };
            for round in 0..ROUNDS {
                let held = own.value(&format!("r{round}"));
                assert_eq!(held, Some(&Value::Integer(round)), "writer {writer}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_user_that_was_answered_last_is_the_one_that_is_read() {
    for (world, _directory) in both_worlds().await {
        let all = by_all_writers(&world, |world, writer, round| async move {
            let root = world.caller("root").await;
            let name = format!("{writer}/{round}");
            world.authority.put_user(root, put(None, Some(name.clone()))).await.unwrap();
            name
        })
        .await;
        check_last(&all, &bob(&world).await.full_name.unwrap());
    }
}

/// Enabling, disabling and changes of password keep what others write beside them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_of_other_members_do_not_undo_a_put() {
    for (world, _directory) in both_worlds().await {
        by_all_writers(&world, |world, writer, round| async move {
            let root = world.caller("root").await;
            if writer == 0 {
                let metadata = map(format!("r{round}"), Value::Integer(round));
                world.authority.put_user(root, put(Some(metadata), None)).await.unwrap();
            } else if round % 2 == 0 {
                world.authority.disable_user(root, "bob").await.unwrap();
            } else {
                world.authority.enable_user(root, "bob").await.unwrap();
            }
            String::new()
        })
        .await;
        let held = bob(&world).await;
        let rounds = i64::try_from(held.metadata.len()).unwrap();
        assert_eq!(rounds, ROUNDS, "{:?}", held.metadata);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_role_that_was_answered_last_is_the_one_that_is_read() {
    for (world, _directory) in both_worlds().await {
        let all = by_all_writers(&world, |world, writer, round| async move {
            let root = world.caller("root").await;
            let mut role = RoleDescriptor::new(RoleName::new("shared"));
            role.description = Some(format!("{writer}/{round}"));
            let text = role.description.clone().unwrap();
            if writer % 2 == 0 {
                world.authority.put_role(root, role).await.unwrap();
            } else {
                let other = RoleDescriptor::new(RoleName::new("other"));
                let done = world.authority.put_roles(root, vec![other, role]).await.unwrap();
                assert!(done.errors.is_empty());
            }
            text
        })
        .await;
        let root = world.caller("root").await;
        let role = world.authority.roles(&root, Some(&["shared".to_owned()])).await.unwrap();
        check_last(&all, role.first().unwrap().description.as_deref().unwrap());
    }
}

/// However many make one user or role at once, one of them has made it, and one has removed it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_creates_and_one_of_many_deletes() {
    use jeton_authority::users::Existence;
    for (world, _directory) in both_worlds().await {
        for round in 0..ROUNDS {
            let name = format!("role-{round}");
            let puts: Vec<_> = (0..WRITERS)
                .map(|_| {
                    let (world, name) = (Arc::clone(&world), RoleName::new(&name));
                    tokio::spawn(async move {
                        let root = world.caller("root").await;
                        let role = RoleDescriptor::new(name);
                        world.authority.put_role(root, role).await.unwrap()
                    })
                })
                .collect();
            let mut made = 0;
            for put in puts {
                made += i32::from(put.await.unwrap() == Existence::New);
            }
            let deletes: Vec<_> = (0..WRITERS)
                .map(|_| {
                    let (world, name) = (Arc::clone(&world), name.clone());
                    tokio::spawn(async move {
                        let root = world.caller("root").await;
                        world.authority.delete_role(root, &name).await.unwrap()
                    })
                })
                .collect();
            let mut removed = 0;
            for delete in deletes {
                removed += i32::from(delete.await.unwrap() == Existence::Known);
            }
            assert_eq!((made, removed), (1, 1), "round {round}");
        }
    }
}

/// Roles that come together are one batch, which must fit into a journal.
#[tokio::test]
async fn roles_that_are_put_together_have_a_largest_size() {
    let large = |number: usize| {
        let mut role = RoleDescriptor::new(RoleName::new(&format!("role-{number}")));
        let text = "x".repeat(RECORD_BYTES_MAX - 1_000);
        role.metadata = map("k".to_owned(), Value::Text(text));
        role
    };
    let most = BULK_ROLES_BYTES_MAX / RECORD_BYTES_MAX;
    for (world, _directory) in both_worlds().await {
        let root = world.caller("root").await;
        let error = world.authority.put_roles(root, (0..=most).map(large).collect()).await;
        let text = "the roles of a request may have at most [16777216] bytes";
        assert_eq!(error.unwrap_err().to_string(), text);
        let root = world.caller("root").await;
        let done = world.authority.put_roles(root, (0..most).map(large).collect()).await.unwrap();
        assert_eq!((done.created.len(), done.errors.len()), (most, 0));
    }
}
