//! Keys: which there are, which one signs, and how they come and go.
//!
//! Half of each key stands in a file that is no part of the store, half in the store.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::PoisonError;

use jeton_domain::id::KeyId;
use jeton_domain::token::key::{KEY_BYTES, KeyRing, KeyState, MacKey, fingerprint};
use jeton_store::tables::keys::{self, KeyRecord};
use jeton_store::transaction::Attempts;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{Authority, AuthorityError};

/// The halves of keys that the file holds.
#[derive(Default)]
pub struct KeyMaterial(BTreeMap<KeyId, Zeroizing<[u8; KEY_BYTES]>>);

impl KeyMaterial {
    /// The half of one key.
    pub fn half(&self, id: KeyId) -> Option<&[u8; KEY_BYTES]> {
        self.0.get(&id).map(|half| &**half)
    }
}

impl FromIterator<(KeyId, Zeroizing<[u8; KEY_BYTES]>)> for KeyMaterial {
    fn from_iter<I: IntoIterator<Item = (KeyId, Zeroizing<[u8; KEY_BYTES]>)>>(halves: I) -> Self {
        Self(halves.into_iter().collect())
    }
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Why keys cannot be used or changed as asked.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KeyRefusal {
    /// The store lists keys that the file lacks: their tokens could not be checked.
    #[error("the store lists key {}, which the key file does not hold", joined(.0))]
    NotInFile(Vec<KeyId>),
    /// The file holds another key under this id than the one that the store was used with.
    #[error("the key file holds another key {0} than the one that this store was used with")]
    OtherKey(KeyId),
    /// There is no such key.
    #[error("there is no key {0}")]
    Unknown(KeyId),
    /// The id was used before and is not used again.
    #[error("key {0} exists already")]
    Exists(KeyId),
    /// A retired key stays retired.
    #[error("key {0} is retired")]
    Retired(KeyId),
    /// The key signs: activate another one first.
    #[error("key {0} signs new tokens; activate another key first")]
    Active(KeyId),
    /// Every id was used.
    #[error("no key id is left")]
    NoneLeft,
    /// The store could not say or do.
    #[error("{0}")]
    Store(String),
}

impl From<AuthorityError> for KeyRefusal {
    fn from(error: AuthorityError) -> Self {
        match error {
            AuthorityError::Unavailable { cause, .. } => Self::Store(cause),
            AuthorityError::Unauthenticated(_)
            | AuthorityError::Forbidden(_)
            | AuthorityError::LogInFirst(_)
            | AuthorityError::TokensDisabled
            | AuthorityError::Refresh(_)
            | AuthorityError::NeverGranted
            | AuthorityError::Invalid(_)
            | AuthorityError::Unfit(_)
            | AuthorityError::Argument(_)
            | AuthorityError::Unreadable(_)
            | AuthorityError::Query(_)
            | AuthorityError::Throttled { .. }
            | AuthorityError::Busy(_) => Self::Store(error.to_string()),
        }
    }
}

impl From<jeton_store::error::StoreError> for KeyRefusal {
    fn from(error: jeton_store::error::StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

impl Authority {
    /// Every key that the store lists, in order of ids.
    pub async fn keys(&self) -> Result<Vec<KeyRecord>, KeyRefusal> {
        let rows = self.store.rows(&keys::all(), KEYS_MAX).await?;
        rows.iter().map(|(_, row)| keys::decode(row).map_err(KeyRefusal::from)).collect()
    }

    /// An id that was never used.
    pub async fn unused_key_id(&self) -> Result<KeyId, KeyRefusal> {
        let newest = self.keys().await?.last().map_or(0, |record| record.id.number());
        newest.checked_add(1).map(KeyId::new).ok_or(KeyRefusal::NoneLeft)
    }

    /// Compares the file with the listing: every listed key must be there, and be the same.
    pub async fn check_keys(&self) -> Result<(), KeyRefusal> {
        let mut missing = Vec::new();
        for record in self.keys().await? {
            if !record.state.verifies() {
                continue;
            }
            match self.fingerprint_of(record.id) {
                None => missing.push(record.id),
                Some(held) if held != record.fingerprint => {
                    return Err(KeyRefusal::OtherKey(record.id));
                }
                Some(_) => {}
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(KeyRefusal::NotInFile(missing)) }
    }

    /// Takes over what the file holds now.
    pub fn take_key_material(&self, material: KeyMaterial) {
        *self.key_material.write().unwrap_or_else(PoisonError::into_inner) = material;
    }

    /// Lists a key whose half stands in the file; from now on every node can verify with it.
    pub async fn add_key(&self, id: KeyId) -> Result<KeyRecord, KeyRefusal> {
        let fingerprint = self.fingerprint_of(id).ok_or_else(|| KeyRefusal::NotInFile(vec![id]))?;
        let record = KeyRecord {
            id,
            state: KeyState::Added,
            salt: self.random(),
            fingerprint,
            added: self.now(),
        };
        let mut transaction = self.store.begin(self.tick(), self.batch_id());
        transaction.create(keys::key(id), keys::encode(&record));
        transaction.change(keys::key(id));
        match transaction.commit().await {
            Ok(_) => {}
            Err(jeton_store::error::StoreError::Conflict) => return Err(KeyRefusal::Exists(id)),
            Err(other) => return Err(other.into()),
        }
        self.load_keys().await?;
        Ok(record)
    }

    /// Makes a key the one that signs; the one before goes on to verify.
    pub async fn activate_key(&self, id: KeyId) -> Result<(), KeyRefusal> {
        self.change_keys(|records| {
            let record = find(records, id)?;
            if !record.state.verifies() {
                return Err(KeyRefusal::Retired(id));
            }
            if self.fingerprint_of(id).is_none() {
                return Err(KeyRefusal::NotInFile(vec![id]));
            }
            for record in records.iter_mut().filter(|record| record.state == KeyState::Active) {
                record.state = KeyState::Passive;
            }
            find(records, id)?.state = KeyState::Active;
            Ok(())
        })
        .await
    }

    /// Refuses a key from now on: its tokens are unknown.
    pub async fn retire_key(&self, id: KeyId) -> Result<(), KeyRefusal> {
        self.change_keys(|records| {
            let record = find(records, id)?;
            if record.state == KeyState::Active {
                return Err(KeyRefusal::Active(id));
            }
            record.state = KeyState::Retired;
            Ok(())
        })
        .await
    }

    /// Reads the listing and puts the keys to use.
    pub async fn load_keys(&self) -> Result<(), AuthorityError> {
        let rows = self.store.rows(&keys::all(), KEYS_MAX).await?;
        let material = self.key_material.read().unwrap_or_else(PoisonError::into_inner);
        let mut held = Vec::new();
        let mut missing = Vec::new();
        for (_, row) in rows {
            let record = keys::decode(&row)?;
            match material.half(record.id) {
                Some(half) => {
                    held.push((MacKey::derive(record.id, half, &record.salt), record.state));
                }
                None if record.state.verifies() => missing.push(record.id),
                None => {}
            }
        }
        self.set_ring(KeyRing::new(held, missing));
        Ok(())
    }

    async fn change_keys(
        &self,
        change: impl Fn(&mut Vec<KeyRecord>) -> Result<(), KeyRefusal>,
    ) -> Result<(), KeyRefusal> {
        let mut attempts = Attempts::default();
        loop {
            let mut transaction = self.store.begin(self.tick(), self.batch_id());
            let mut records = Vec::new();
            for known in self.keys().await? {
                let row = transaction.read(&keys::key(known.id)).await?;
                records.extend(row.as_ref().map(keys::decode).transpose()?);
            }
            let before = records.clone();
            change(&mut records)?;
            for (is, was) in records.iter().zip(&before) {
                if is != was {
                    transaction.put(keys::key(is.id), keys::encode(is));
                    transaction.change(keys::key(is.id));
                }
            }
            if attempts.weigh(transaction.commit().await)?.is_some() {
                break;
            }
        }
        Ok(self.load_keys().await?)
    }

    fn fingerprint_of(&self, id: KeyId) -> Option<[u8; 8]> {
        let material = self.key_material.read().unwrap_or_else(PoisonError::into_inner);
        material.half(id).map(fingerprint)
    }
}

fn joined(ids: &[KeyId]) -> String {
    ids.iter().map(KeyId::to_string).collect::<Vec<_>>().join(", ")
}

fn find(records: &mut [KeyRecord], id: KeyId) -> Result<&mut KeyRecord, KeyRefusal> {
    records.iter_mut().find(|record| record.id == id).ok_or(KeyRefusal::Unknown(id))
}

/// A key id is one byte.
const KEYS_MAX: usize = 256;
