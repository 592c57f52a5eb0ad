//! How much a grant commits: a transaction has room for it from the start.

use std::sync::{Arc, Mutex};

use jeton_authority::tokens::issue::Grant;
use jeton_domain::name::Username;
use jeton_domain::secret::Secret;
use jeton_store::engine::memory::Memory;
use jeton_store::engine::{Batch, Committed, Engine, Key, KeyRange, Pending, Row};

use crate::world::{PASSWORD, World};

/// An engine that notes how much the last batch expected and wrote.
#[derive(Debug)]
struct Noting {
    inner: Memory,
    last: Mutex<Size>,
}

/// Lengths of a batch's lists, and for how much they have room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Size {
    expects: usize,
    writes: usize,
    room: (usize, usize),
}

impl Engine for Noting {
    fn get<'a>(&'a self, key: &'a Key) -> Pending<'a, Option<Row>> {
        self.inner.get(key)
    }

    fn scan<'a>(&'a self, range: &'a KeyRange, limit: usize) -> Pending<'a, Vec<(Key, Row)>> {
        self.inner.scan(range, limit)
    }

    fn commit(&self, batch: Batch) -> Pending<'_, Committed> {
        *self.last.lock().unwrap() = Size {
            expects: batch.expects.len(),
            writes: batch.writes.len(),
            room: (batch.expects.capacity(), batch.writes.capacity()),
        };
        self.inner.commit(batch)
    }

    passed_on!(inner);
}

#[tokio::test]
async fn a_grant_has_room_for_all_that_it_expects_and_writes() {
    let engine = Arc::new(Noting { inner: Memory::new(), last: Mutex::default() });
    let world = World::on(Arc::clone(&engine) as Arc<dyn Engine>).await;
    world.put_user("carl", &["tokens", "viewer", "editor", "other"], true).await;
    let last = || *engine.last.lock().unwrap();
    // The first one of a store: who vouched, the roles, the key, the cutoffs over the caller.
    let first = world.client_credentials(world.caller("carl").await).await;
    let room = last().room;
    assert_eq!(last(), Size { expects: 1 + 4 + 1 + 4, writes: 7, room });
    // A token in place of who vouched, and an end user of another realm.
    let caller = world.authority.admit(World::by_token(&first.access)).await.unwrap();
    let grant = Grant::Password {
        username: Username::new("elastic"),
        password: Arc::new(Secret::from(PASSWORD)),
    };
    world.authority.issue(caller, grant).await.unwrap();
    assert_eq!(last(), Size { expects: 5 + 4 + 1 + 1 + 3, writes: 6, room });
    assert_eq!(room, (14, 7));
}
