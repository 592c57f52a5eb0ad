//! What an index finds, compared with a plain look at every user.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use jeton_domain::limits::{SEARCH_CHANGES_MAX, SEARCH_INDEX_BYTES_MAX};
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
        room in prop_oneof![Just(SEARCH_INDEX_BYTES_MAX), 0_usize..40_000],
    ) {
        run(async {
            let mut world = World::new().await;
            world.users.write().set_room(room);
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
            (0..9_000).map(|number| Person::plain(&format!("u{number:04}"))).collect();
        world.change(&many, &[]).await;
        let request = SearchRequest::default();
        for _ in 0..3 {
            let mut context = Context::from_waker(Waker::noop());
            assert!(pin!(world.search(&request)).poll(&mut context).is_pending());
            world.change(&[Person::plain("u0000x")], &["u0001", "u8999"]).await;
        }
        assert_eq!(world.total().await, 8_999);
        let last = SearchRequest { from: 8_998, ..SearchRequest::default() };
        assert_eq!(world.search(&last).await.hits[0].item, "u8998");
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

fn map<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn crowd(people: usize) -> Vec<Person> {
    (0..people).map(|number| Person::plain(&format!("u{number:06}"))).collect()
}

/// Polls a search until it is done; how often it gave way, and what `seen` says between its turns.
fn turns<T>(search: impl Future<Output = T>, mut seen: impl FnMut()) -> (usize, T) {
    let mut search = pin!(search);
    let mut context = Context::from_waker(Waker::noop());
    let mut turns = 0;
    loop {
        turns += 1;
        if let Poll::Ready(done) = search.as_mut().poll(&mut context) {
            return (turns, done);
        }
        seen();
    }
}

#[test]
fn a_search_gives_way_while_it_fills_the_index_and_while_it_looks() {
    run(async {
        let mut world = World::new().await;
        world.change(&crowd(30_000), &[]).await;
        let mut lengths = vec![0];
        let everybody = SearchRequest::default();
        turns(world.search(&everybody), || lengths.push(world.users.read().len()));
        let steps = lengths.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(lengths.len() > 4 && steps.max().unwrap() < 1_000, "{lengths:?}");

        // Neither many candidates nor a pattern that no order helps with keep the thread.
        let pattern =
            |text: &str| map([("wildcard", map([("username", Value::Text(text.to_owned()))]))]);
        let long = format!("*{}*x", "u*0*".repeat(20));
        for query in [
            map([("bool", map([("must_not", pattern("*7*"))]))]),
            map([("range", map([("username", map([("gte", text("a"))]))]))]),
            pattern("*0*9*"),
            pattern(&long),
        ] {
            let sort = Some(text("enabled"));
            let request = SearchRequest { query: Some(query), sort, ..SearchRequest::default() };
            let (turns, _) = turns(world.search(&request), || {});
            assert!(turns > 1, "{request:?}");
        }
    });
}

#[test]
fn an_index_that_is_compared_with_all_rows_stays_whole_meanwhile() {
    run(async {
        let mut world = World::new().await;
        world.change(&crowd(SEARCH_CHANGES_MAX + 500), &[]).await;
        assert_eq!(world.total().await, SEARCH_CHANGES_MAX + 500);
        // More changes than are noted: everybody is put again, some are gone.
        let again = crowd(SEARCH_CHANGES_MAX + 500);
        world.change(&again[100..], &[]).await;
        let gone: Vec<&str> = again[..100].iter().map(|person| person.name.as_str()).collect();
        world.change(&[], &gone).await;
        let plain = Search::parse(&USERS, &SearchRequest::default()).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let everybody = SearchRequest::default();
        let mut search = Box::pin(world.search(&everybody));
        let mut turns = 0;
        let found = loop {
            if let Poll::Ready(found) = search.as_mut().poll(&mut context) {
                break found;
            }
            turns += 1;
            // What another search sees, which began before the changes.
            let seen = world.users.page(&plain).await.unwrap().total;
            assert!((SEARCH_CHANGES_MAX + 400..=SEARCH_CHANGES_MAX + 500).contains(&seen));
        };
        assert_eq!((found.total, turns > 4), (SEARCH_CHANGES_MAX + 400, true));
    });
}

#[test]
fn an_index_keeps_to_its_room_and_everybody_is_found() {
    run(async {
        let mut world = World::new().await;
        world.users.write().set_room(300_000);
        world.change(&crowd(2_000), &[]).await;
        let last = SearchRequest {
            sort: Some(map([("username", text("desc"))])),
            size: 1,
            ..SearchRequest::default()
        };
        let check = async |world: &World, total: usize, name: &str| {
            let found = world.search(&last).await;
            assert_eq!((found.total, found.hits[0].item.as_str()), (total, name));
            let index = world.users.read();
            assert!(!index.is_too_large() && index.len() > 100, "{}", index.len());
            index.len()
        };
        let held = check(&world, 2_000, "u001999").await;
        assert!(held < 1_000);
        // Those who come in front push others out; where there is room again, they come back.
        let early: Vec<Person> = (0..500).map(|n| Person::plain(&format!("a{n:03}"))).collect();
        world.change(&early, &["u001999"]).await;
        check(&world, 2_499, "u001998").await;
        let early: Vec<&str> = early.iter().map(|person| person.name.as_str()).collect();
        world.change(&[], &early).await;
        assert!(check(&world, 1_999, "u001998").await < 1_000);
        world.users.write().set_room(SEARCH_INDEX_BYTES_MAX);
        assert_eq!(check(&world, 1_999, "u001998").await, 1_999);
        assert_eq!(world.users.read().end(), None);
    });
}

#[test]
fn a_page_of_many_is_the_same_as_if_all_were_ordered() {
    run(async {
        let mut world = World::new().await;
        let mut people = crowd(6_000);
        for (number, person) in people.iter_mut().enumerate() {
            person.join(&format!("r{:03}", number * 7_919 % 613));
        }
        world.change(&people, &[]).await;
        people.sort_by_key(|person| (person.role().to_owned(), person.name.clone()));
        let query = Some(map([("prefix", map([("username", text("u"))]))]));
        for (from, size) in [(0, 1), (0, 10), (700, 900), (5_990, 100), (9_000, 10), (0, 0)] {
            let sort = Some(text("roles"));
            let request =
                SearchRequest { query: query.clone(), sort, from, size, search_after: None };
            let found = world.search(&request).await;
            let names: Vec<&str> = found.hits.iter().map(|hit| hit.item.as_str()).collect();
            let wanted: Vec<&str> =
                people.iter().skip(from).take(size).map(|person| person.name.as_str()).collect();
            assert_eq!((found.total, names), (6_000, wanted));
        }
    });
}

#[test]
fn hits_that_change_before_they_are_read_are_hits_still_or_not() {
    run(async {
        let mut world = World::new().await;
        let mut ann = Person::plain("ann");
        ann.join("ops");
        world.change(&[ann.clone(), Person::plain("bob")], &[]).await;
        let ops = Some(map([("term", map([("roles", text("ops"))]))]));
        let request = SearchRequest { query: ops, ..SearchRequest::default() };
        let search = Search::parse(&USERS, &request).unwrap();
        assert_eq!(world.search(&request).await.total, 1);
        let page = world.users.page(&search).await.unwrap();
        let read = |row: &Row| Ok(table::decode(row)?.username.to_string());
        // Put again as before, or with another role beside.
        world.change(&[ann.clone()], &[]).await;
        ann.join("dev");
        world.change(&[ann], &[]).await;
        let hits = world.users.hits(&page, &search, &read, false).await.unwrap().unwrap();
        assert_eq!(hits[0].item, "ann");
        for gone in [true, false] {
            if gone {
                world.change(&[], &["ann"]).await;
            } else {
                world.change(&[Person::plain("ann")], &[]).await;
            }
            assert!(world.users.hits(&page, &search, &read, false).await.unwrap().is_none());
            let hits = world.users.hits(&page, &search, &read, true).await.unwrap();
            assert_eq!(hits, Some(Vec::new()));
        }
        assert_eq!(world.search(&request).await.total, 0);
    });
}

#[test]
fn a_query_that_takes_too_many_steps_is_refused() {
    run(async {
        let mut world = World::new().await;
        let mut long = Person::plain("a");
        let words = (0..900).map(|word| format!("{}{word} ", "a".repeat(100)));
        long.name_fully(&words.collect::<String>());
        world.change(&[long], &[]).await;
        let pattern = format!("*{}b", "a".repeat(60));
        let query = Some(map([("wildcard", map([("full_name", text(&pattern))]))]));
        let request = SearchRequest { query, ..SearchRequest::default() };
        let search = Search::parse(&USERS, &request).unwrap();
        let refused = world.users.find(&search, |_| Ok(())).await.unwrap_err();
        assert!(refused.to_string().contains("steps to compare with one document"), "{refused}");

        // So many steps for one are nothing, for all of very many they are too much.
        let pattern = format!("*{}b", "a".repeat(20));
        let query = Some(map([("wildcard", map([("full_name", text(&pattern))]))]));
        let request = SearchRequest { query, ..SearchRequest::default() };
        let search = Search::parse(&USERS, &request).unwrap();
        world.users.find(&search, |_| Ok(())).await.unwrap();
        let entry = Arc::clone(world.users.read().entries().next().unwrap());
        let mut look = Look::with(&search, 2_900_000);
        look.at(&entry).await.unwrap();
        let refused = look.at(&entry).await.unwrap_err();
        assert!(refused.to_string().contains("steps to compare with all documents"), "{refused}");
    });
}
