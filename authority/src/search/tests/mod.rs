//! What an index finds, compared with a plain look at every user.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Waker};

use jeton_domain::limits::SEARCH_CHANGES_MAX;
use jeton_domain::query::SearchRequest;
use jeton_domain::query::collections::USERS;
use jeton_store::engine::BatchId;
use jeton_store::engine::memory::Memory;
use jeton_store::tables::users::{self as table, UserKind};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

mod model;

use super::*;
use model::{Ask, Ordering, Person, asks, name, orders, people, text};

/// A store with users, and their collection.
struct World {
    store: Arc<Store>,
    users: Collection,
    batches: u64,
}

impl World {
    async fn new() -> Self {
        let store = Store::open(Arc::new(Memory::new()), 1 << 20).await.unwrap();
        let users = Collection::new(Arc::clone(&store), crate::users::query::source());
        Self { store, users, batches: 0 }
    }

    /// Stores people and removes names, in one commit.
    async fn change(&mut self, people: &[Person], gone: &[&str]) {
        self.batches += 1;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.batches.to_be_bytes());
        let mut transaction = self.store.begin(self.store.tick(), BatchId(id));
        for person in people {
            let key = table::key(UserKind::Native, &person.name);
            transaction.put(key.clone(), table::encode(&person.record()));
            transaction.change(key);
        }
        for name in gone {
            let key = table::key(UserKind::Native, name);
            transaction.delete(key.clone());
            transaction.change(key);
        }
        transaction.commit().await.unwrap();
    }

    async fn search(&self, request: &SearchRequest) -> Found<String> {
        let search = Search::parse(&USERS, request).unwrap();
        let read = |row: &Row| Ok(table::decode(row)?.username.to_string());
        self.users.find(&search, read).await.unwrap()
    }

    async fn total(&self) -> usize {
        self.search(&SearchRequest::default()).await.total
    }
}

/// People by name: the later of two with one name holds.
fn by_name(people: impl IntoIterator<Item = Person>) -> BTreeMap<String, Person> {
    people.into_iter().map(|person| (person.name.clone(), person)).collect()
}

async fn check(world: &World, people: &BTreeMap<String, Person>, ask: &Ask, orders: &[Ordering]) {
    let mut wanted: Vec<&Person> = people.values().filter(|person| ask.holds(person)).collect();
    wanted.sort_by(|left, right| {
        let mut found = orders.iter().map(|order| order.compare(left, right));
        found.find(|order| order.is_ne()).unwrap_or_else(|| left.name.cmp(&right.name))
    });
    let wanted: Vec<&str> = wanted.iter().map(|person| person.name.as_str()).collect();
    let sort = Value::List(orders.iter().map(Ordering::to_value).collect());
    let all = SearchRequest {
        query: Some(ask.to_value()),
        size: 100,
        sort: Some(sort),
        ..SearchRequest::default()
    };
    let found = world.search(&all).await;
    let names: Vec<&str> = found.hits.iter().map(|hit| hit.item.as_str()).collect();
    assert_eq!((found.total, names), (wanted.len(), wanted.clone()), "{ask:?} {orders:?}");

    let page = SearchRequest { from: 1, size: 2, ..all.clone() };
    let found = world.search(&page).await;
    let names: Vec<&str> = found.hits.iter().map(|hit| hit.item.as_str()).collect();
    let shown: Vec<&str> = wanted.iter().skip(1).take(2).copied().collect();
    assert_eq!((found.total, names), (wanted.len(), shown));

    // Behind one another, pages of an order that tells everybody apart hold everybody.
    let unique = Ordering { field: "username", descends: false, missing_first: false };
    let sort = orders.iter().chain([&unique]).map(Ordering::to_value).collect();
    let mut next = SearchRequest { size: 2, sort: Some(Value::List(sort)), ..all };
    let mut walked: Vec<String> = Vec::new();
    loop {
        let found = world.search(&next).await;
        let Some(last) = found.hits.last() else { break };
        next.search_after = Some(Value::List(last.sort.clone().unwrap()));
        assert_eq!(found.total, wanted.len());
        walked.extend(found.hits.into_iter().map(|hit| hit.item));
    }
    assert_eq!(walked, wanted, "{ask:?} {orders:?}");
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn an_index_finds_what_a_look_at_everybody_finds(
        first in people(),
        then in people(),
        gone in btree_set(name(), 0..6),
        asked in vec((asks(), orders()), 1..6),
    ) {
        run(async {
            let mut world = World::new().await;
            let mut known = by_name(first);
            world.change(&known.values().cloned().collect::<Vec<_>>(), &[]).await;
            for (ask, orders) in &asked {
                check(&world, &known, ask, orders).await;
            }
            let changed = by_name(then);
            let gone: Vec<&str> =
                gone.iter().map(String::as_str).filter(|name| !changed.contains_key(*name)).collect();
            world.change(&changed.values().cloned().collect::<Vec<_>>(), &gone).await;
            known.extend(changed);
            known.retain(|name, _| !gone.contains(&name.as_str()));
            for (ask, orders) in &asked {
                check(&world, &known, ask, orders).await;
            }
        });
    }
}

#[test]
fn more_changes_than_are_noted_are_all_seen() {
    run(async {
        let mut world = World::new().await;
        world.change(&[Person::plain("a")], &[]).await;
        assert_eq!(world.total().await, 1);
        let many: Vec<Person> =
            (0..=SEARCH_CHANGES_MAX).map(|number| Person::plain(&format!("u{number}"))).collect();
        world.change(&many, &["a"]).await;
        assert_eq!(world.total().await, SEARCH_CHANGES_MAX + 1);
        // So many are the same to this order that it is not worth to walk them by their term.
        let sort = Some(text("enabled"));
        let page = SearchRequest { sort, size: 2, ..SearchRequest::default() };
        let found = world.search(&page).await;
        let names: Vec<&str> = found.hits.iter().map(|hit| hit.item.as_str()).collect();
        assert_eq!((found.total, names), (SEARCH_CHANGES_MAX + 1, vec!["u0", "u1"]));
        world.change(&[], &["u0"]).await;
        assert_eq!(world.total().await, SEARCH_CHANGES_MAX);
    });
}

#[test]
fn a_search_that_is_given_up_leaves_the_rest_to_the_next() {
    run(async {
        let mut world = World::new().await;
        let many: Vec<Person> =
            (0..2_500).map(|number| Person::plain(&format!("u{number:04}"))).collect();
        world.change(&many, &[]).await;
        let request = SearchRequest::default();
        for _ in 0..3 {
            let mut context = Context::from_waker(Waker::noop());
            assert!(pin!(world.search(&request)).poll(&mut context).is_pending());
            world.change(&[Person::plain("u0000x")], &["u0001", "u2499"]).await;
        }
        assert_eq!(world.total().await, 2_499);
        let last = SearchRequest { from: 2_498, ..SearchRequest::default() };
        assert_eq!(world.search(&last).await.hits[0].item, "u2498");
    });
}

#[test]
fn nothing_is_held_before_the_first_search() {
    run(async {
        let mut world = World::new().await;
        world.change(&[Person::plain("a"), Person::plain("b")], &[]).await;
        assert_eq!((world.users.read().len(), world.users.marks().noted().len()), (0, 0));
        assert_eq!(world.total().await, 2);
        world.change(&[Person::plain("c")], &["a"]).await;
        assert_eq!((world.users.read().len(), world.users.marks().noted().len()), (2, 2));
        assert_eq!(world.total().await, 2);
        assert!(world.users.marks().noted().is_empty());
    });
}
