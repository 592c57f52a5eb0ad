//! Roles and role mappings that change while they are being read: what was read before the change
//! is forgotten, and what is answered afterwards is what counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use jeton_authority::caches::Scope;
use jeton_domain::mapping::json::JsonText;
use jeton_domain::mapping::model::MappedUser;
use jeton_domain::name::{RealmName, RoleName, Username};
use jeton_domain::privilege::action;
use jeton_domain::role::descriptor::RoleDescriptor;
use jeton_domain::value::Map;
use jeton_realms::mapping::RoleMapper;
use jeton_realms::mapping::stored::StoredMappings;
use jeton_store::engine::memory::Memory;
use jeton_store::engine::{Batch, Committed, Engine, Key, KeyRange, Pending, Row};
use jeton_store::tables::{role_mappings, roles};
use tokio::sync::Semaphore;

use crate::role_mappings::mapping;
use crate::world::World;

/// Nothing here has a template.
const JSON: JsonText = JsonText { read: |_| None, print: |_| String::new() };

/// An engine that can hold the next read of a table back once it has read.
#[derive(Debug)]
struct Holding {
    inner: Memory,
    /// The table byte; zero when nothing is held.
    table: AtomicU8,
    held: Semaphore,
    released: Semaphore,
}

impl Holding {
    fn new() -> Arc<Self> {
        let (held, released) = (Semaphore::new(0), Semaphore::new(0));
        Arc::new(Self { inner: Memory::new(), table: AtomicU8::new(0), held, released })
    }

    /// Holds the next read of the table in which this key is.
    fn arm(&self, key: &Key) {
        self.table.store(key.bytes[0], Ordering::SeqCst);
    }

    async fn until_held(&self) {
        self.held.acquire().await.unwrap().forget();
    }

    fn release(&self) {
        self.released.add_permits(1);
    }

    async fn pass(&self, key: &[u8]) {
        let take = self.table.compare_exchange(key[0], 0, Ordering::SeqCst, Ordering::SeqCst);
        if take.is_ok() {
            self.held.add_permits(1);
            self.released.acquire().await.unwrap().forget();
        }
    }
}

impl Engine for Holding {
    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Row>> {
        Box::pin(async move {
            let row = self.inner.get(key).await;
            self.pass(&key.bytes).await;
            row
        })
    }

    fn scan<'a>(&'a self, range: &'a KeyRange, limit: usize) -> Pending<'a, Vec<(Key, Row)>> {
        Box::pin(async move {
            let rows = self.inner.scan(range, limit).await;
            self.pass(&range.start).await;
            rows
        })
    }

    fn commit(&self, batch: Batch) -> Pending<'_, Committed> {
        self.inner.commit(batch)
    }

    passed_on!(inner);
}

fn role(name: &str, cluster: &[&str]) -> RoleDescriptor {
    let mut role = RoleDescriptor::new(RoleName::new(name));
    role.cluster = cluster.iter().map(|&privilege| privilege.to_owned()).collect();
    role
}

/// What happens to a role.
enum Change {
    Put(&'static [&'static str]),
    Delete,
}

#[tokio::test]
async fn a_role_that_changes_while_it_is_looked_up_counts_as_it_is_then() {
    let engine = Holding::new();
    let world = Arc::new(World::on(Arc::clone(&engine) as Arc<dyn Engine>).await);
    world.put_user("ann", &["changing"], true).await;
    let may = async |world: &World| {
        let ann = world.caller("ann").await;
        world.authority.authorize(&ann, action::READ_ROLE_MAPPING).await.is_ok()
    };
    // The first reads that there is no such role.
    let steps =
        [Change::Put(&["all"]), Change::Put(&[]), Change::Put(&["read_security"]), Change::Delete];
    let mut allowed = false;
    for change in steps {
        let (ann, root) = (world.caller("ann").await, world.caller("root").await);
        engine.arm(&roles::key("changing"));
        let reader = tokio::spawn({
            let world = Arc::clone(&world);
            async move { world.authority.authorize(&ann, action::READ_ROLE_MAPPING).await.is_ok() }
        });
        engine.until_held().await;
        let is_allowed = matches!(change, Change::Put([_]));
        match change {
            Change::Put(cluster) => {
                world.authority.put_role(root, role("changing", cluster)).await.unwrap();
            }
            Change::Delete => {
                world.authority.delete_role(root, "changing").await.unwrap();
            }
        }
        engine.release();
        assert_eq!(reader.await.unwrap(), allowed);
        assert_eq!(may(&world).await, is_allowed);
        allowed = is_allowed;
        // Looked up anew by the next reader.
        let root = world.caller("root").await;
        world.authority.clear_role_cache(&root, Scope::All).await.unwrap();
    }
}

#[tokio::test]
async fn a_mapping_that_changes_while_all_are_read_gives_what_it_says_then() {
    let engine = Holding::new();
    let world = World::on(Arc::clone(&engine) as Arc<dyn Engine>).await;
    let stored = StoredMappings::new(Arc::clone(world.authority.store()), JSON);
    let mapper = RoleMapper::new(stored, None);
    let (ann, realm) = (Username::new("ann"), RealmName::new("ldap1"));
    let ann = Arc::new(MappedUser::new(&ann, None, &[], &realm, Map::new()));
    let put = async |role: &str| {
        let root = world.caller("root").await;
        world.authority.put_role_mapping(root, mapping("m", role)).await.unwrap();
    };
    for (before, after) in [("one", "two"), ("three", "four")] {
        put(before).await;
        engine.arm(&role_mappings::all_key());
        let reader = tokio::spawn({
            let (mapper, ann) = (mapper.clone(), Arc::clone(&ann));
            async move { mapper.roles_of(&ann).await.unwrap().roles }
        });
        engine.until_held().await;
        put(after).await;
        engine.release();
        assert_eq!(reader.await.unwrap(), [RoleName::new(before)]);
        assert_eq!(mapper.roles_of(&ann).await.unwrap().roles, [RoleName::new(after)]);
    }
}
