//! The rows of a grant, as the store's tables lay them, for pairs that are made here by the
//! million.

use std::collections::BTreeMap;

use jeton_domain::id::{PairId, Tick};
use jeton_domain::name::{RealmName, RoleName, Username};
use jeton_domain::subject::{AuthenticationType, RealmRef, Subject};
use jeton_domain::time::Timestamp;
use jeton_domain::token::pair::{Minting, Pair};
use jeton_domain::value::Map;
use jeton_store::engine::{Batch, BatchId, Key, Write};
use jeton_store::tables::subjects::{self, Canonical};
use jeton_store::tables::{census, index, meta, pairs};

use crate::chance::Chance;
use crate::error::Outcome;

/// A realm and its users, who are granted pairs in turn.
#[derive(Debug)]
pub(crate) struct Grantees {
    realm: RealmRef,
    users: Vec<(Subject, Canonical)>,
    access_lifetime_ms: i64,
    granted: usize,
}

impl Grantees {
    /// So many users of a realm of this name.
    pub(crate) fn new(realm: &str, users: usize) -> Outcome<Self> {
        let realm =
            RealmRef { name: RealmName::new(realm), kind: "native".to_owned(), domain: None };
        let users = (0..users).map(|number| {
            let subject = subject(&realm, &username(number));
            let canonical = subjects::encode(&subject)?;
            Ok((subject, canonical))
        });
        let users = users.collect::<Outcome<_>>()?;
        Ok(Self { users, realm, access_lifetime_ms: LIFETIME_MS, granted: 0 })
    }

    /// The same, with access tokens of another lifetime.
    pub(crate) fn with_access_lifetime(self, access_lifetime_ms: i64) -> Self {
        Self { access_lifetime_ms, ..self }
    }

    /// The rows of the next grant, made at `minted`; the pair's id.
    pub(crate) fn grant(
        &mut self,
        batch: &mut Rows,
        minted: Timestamp,
        chance: &mut Chance,
    ) -> PairId {
        let id = PairId::mint(minted, chance.bytes());
        let place = self.granted.checked_rem(self.users.len()).unwrap_or_default();
        self.granted = self.granted.saturating_add(1);
        let Some((subject, canonical)) = self.users.get(place) else { return id };
        let pair = Pair::mint(Minting {
            id,
            now: minted,
            access_lifetime_ms: self.access_lifetime_ms,
            with_refresh: true,
            owner: subject.client(),
            subject: canonical.hash,
            generation: Tick::ZERO,
        });
        batch.put(pairs::admit(&pair));
        if let Some(entry) = index::admit(subject.username.as_str(), &self.realm.name, &pair) {
            batch.put(entry);
        }
        for counter in pair
            .standing()
            .into_iter()
            .flat_map(|s| census::count(&self.realm.name, Tick::ZERO, s, 1))
        {
            batch.put(counter);
        }
        let value = canonical.bytes.clone();
        batch.put(Write::Put {
            key: subjects::key(id.hour(), canonical.hash),
            value,
            tick_at: None,
        });
        id
    }
}

/// The name of a user: as long for every number.
pub(crate) fn username(number: usize) -> String {
    format!("user-{number:05}")
}

/// What one batch writes; a key at most once.
#[derive(Debug, Default)]
pub(crate) struct Rows(BTreeMap<Key, Write>);

impl Rows {
    /// Notes for the store that tokens were granted.
    pub(crate) fn note_grants(&mut self) {
        let key = meta::key(meta::Fact::EverGranted);
        self.put(Write::Put { key, value: meta::encode_number(1), tick_at: None });
    }

    /// As a batch.
    pub(crate) fn into_batch(self, chance: &mut Chance) -> Batch {
        Batch {
            id: BatchId(chance.bytes()),
            expects: Vec::new(),
            writes: self.0.into_values().collect(),
            changes: Vec::new(),
            drops: Vec::new(),
        }
    }

    fn put(&mut self, write: Write) {
        if let Write::Add { key, amount } = &write
            && let Some(Write::Add { amount: held, .. }) = self.0.get_mut(key)
        {
            *held = held.saturating_add(*amount);
            return;
        }
        self.0.insert(write.key().clone(), write);
    }
}

fn subject(realm: &RealmRef, name: &str) -> Subject {
    Subject {
        username: Username::new(name),
        roles: vec![RoleName::new("monitoring_user"), RoleName::new("reader")],
        full_name: Some(format!("Test {name}")),
        email: Some(format!("{name}@example.org")),
        metadata: Map::new(),
        enabled: true,
        authentication_realm: realm.clone(),
        lookup_realm: realm.clone(),
        authentication_type: AuthenticationType::Realm,
        run_by: None,
        api_key: None,
    }
}

/// Lifetime of both halves, in milliseconds: as long as a refresh token's, so that every access
/// token can be shown however its pair is spread over the day.
const LIFETIME_MS: i64 = jeton_domain::limits::REFRESH_LIFETIME_MS;
