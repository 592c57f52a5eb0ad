//! The coherent cache stays within its bound, whatever it is filled with.

#[cfg(test)]
mod cache {
    use std::sync::Arc;

    use jeton_domain::id::PairId;
    use jeton_domain::name::{RealmName, RoleName, Username};
    use jeton_domain::subject::{AuthenticationType, RealmRef, Subject};
    use jeton_domain::time::Timestamp;
    use jeton_domain::token::pair::{Minting, Pair};
    use jeton_domain::value::Map;
    use jeton_store::engine::memory::Memory;
    use jeton_store::engine::{BatchId, Engine};
    use jeton_store::store::Store;
    use jeton_store::tables::subjects;

    const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);

    fn subject(number: u16, roles: usize) -> Subject {
        let realm = RealmRef { name: RealmName::new("r"), kind: "native".to_owned(), domain: None };
        Subject {
            username: Username::new(&format!("user{number}")),
            roles: (0..roles).map(|role| RoleName::new(&format!("role{role}"))).collect(),
            full_name: None,
            email: None,
            metadata: Map::new(),
            enabled: true,
            authentication_realm: realm.clone(),
            lookup_realm: realm,
            authentication_type: AuthenticationType::Realm,
            run_by: None,
            api_key: None,
        }
    }

    async fn grant(store: &Store, number: u16, roles: usize) -> PairId {
        let subject = subject(number, roles);
        let canonical = subjects::encode(&subject).unwrap();
        let [high, low] = number.to_be_bytes();
        let id = PairId::mint(NOW, [0, 0, 0, 0, 0, 0, 0, 0, high, low]);
        let pair = Pair::mint(Minting {
            id,
            now: NOW,
            access_lifetime_ms: 1_000,
            with_refresh: true,
            owner: subject.client(),
            subject: canonical.hash,
            generation: store.tick(),
        });
        let mut transaction = store.begin(store.tick(), BatchId(*id.bytes()));
        transaction.admit(&pair, &subject.username, &RealmName::new("r"), &canonical);
        transaction.commit().await.unwrap();
        id
    }

    async fn fill(users: u16, roles: usize, cache_bytes: u64) -> (Arc<Store>, PairId) {
        let engine: Arc<dyn Engine> = Arc::new(Memory::new());
        let store = Store::open(engine, cache_bytes).await.unwrap();
        let mut last = None;
        for number in 0..users {
            let id = grant(&store, number, roles).await;
            store.known_pair(id).await.unwrap().unwrap();
            last = Some(id);
        }
        (store, last.unwrap())
    }

    #[tokio::test]
    async fn many_users_with_few_tokens_stay_within_the_bound() {
        let (store, last) = fill(20_000, 2, 8 << 20).await;
        let size = store.cache_size();
        // Each pair has a subject of its own here, of more than a kilobyte.
        assert!(size.pairs < 6_000, "{size:?}");
        assert!(store.cached_pair(last).is_some(), "the newest is there");
    }

    #[tokio::test]
    async fn large_subjects_count_as_such() {
        let (small, _) = fill(3_000, 2, 4 << 20).await;
        let (large, last) = fill(3_000, 500, 4 << 20).await;
        let (small, size) = (small.cache_size(), large.cache_size());
        assert!(size.pairs * 3 < small.pairs, "{size:?} {small:?}");
        assert!(large.cached_pair(last).is_some());
    }
}
