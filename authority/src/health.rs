//! How the service fares, and what it is called.

use jeton_domain::privilege::action;
use jeton_store::tables::meta::{self, Fact};
use jeton_store::transaction::Attempts;

use crate::caller::Caller;
use crate::{Authority, AuthorityError};

/// How the service fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Nothing can be committed: requests that must be are refused.
    Red,
    /// Something is wrong; requests are served as far as possible.
    Yellow,
    /// All is well.
    Green,
}

/// How the service fares, with what an operator wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthReport {
    /// In one word.
    pub health: Health,
    /// What is wrong; empty when nothing is.
    pub trouble: Vec<String>,
}

impl Authority {
    /// How the service fares, for a caller who may know.
    pub async fn read_health(&self, caller: &Caller) -> Result<HealthReport, AuthorityError> {
        self.authorize(caller, action::READ_HEALTH).await?;
        Ok(self.health())
    }

    /// How the service fares.
    pub fn health(&self) -> HealthReport {
        let engine = self.store.health();
        let mut trouble = engine.trouble;
        let mut health = if trouble.is_empty() { Health::Green } else { Health::Yellow };
        if !engine.has_room {
            trouble.push("free disk space is below the reserve: no tokens are granted".to_owned());
            health = Health::Yellow;
        }
        if self.policy.tokens.is_some() && self.ring().active().is_none() {
            trouble.push("no key is active: no tokens are granted".to_owned());
            health = Health::Yellow;
        }
        trouble.extend(self.clock.trouble().inspect(|_| health = health.min(Health::Yellow)));
        if !engine.writable {
            trouble.push("the store takes no commits".to_owned());
            health = Health::Red;
        }
        HealthReport { health, trouble }
    }

    /// How often rows were asked of the engine since the start.
    pub fn engine_reads(&self) -> u64 {
        self.store.engine_reads()
    }

    /// Whether the caller may read the answer of `GET /`.
    pub async fn authorize_main(&self, caller: &Caller) -> Result<(), AuthorityError> {
        self.authorize(caller, action::READ_MAIN).await
    }

    /// The id of this store, drawn at its first start: 22 characters of base64url.
    pub async fn cluster_uuid(&self) -> Result<String, AuthorityError> {
        let key = meta::key(Fact::ClusterUuid);
        let mut attempts = Attempts::default();
        loop {
            if let Some(row) = self.store.row(&key).await? {
                return Ok(meta::decode_text(&row)?);
            }
            let uuid = jeton_domain::id::PairId::mint(self.now(), self.random());
            let mut transaction = self.store.begin(self.tick(), self.batch_id());
            let text: String = uuid.to_string().replace('-', "").chars().take(22).collect();
            transaction.create(key.clone(), meta::encode_text(&text));
            attempts.weigh(transaction.commit().await)?;
        }
    }
}
