//! The keys of tokens: the file's halves and the store's listing, kept together.
//!
//! Owns what stands where after each step: the file is durable before the store lists a key, and
//! the store refuses a key before the file loses it. Must not know how an order arrives. A file
//! that does not fit the store changes nothing.

use std::path::PathBuf;
use std::sync::Arc;

use jeton_authority::Authority;
use jeton_authority::tokens::keys::{KeyMaterial, KeyRefusal};
use jeton_domain::id::KeyId;
use jeton_domain::time::Entropy;
use jeton_domain::token::key::{KeyState, fingerprint};
use jeton_store::tables::keys::KeyRecord;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::admin::KeyLine;
use crate::error::{StartError, cause_of};
use crate::keyfile::{KeyFile, KeyFileError, Seen};

/// The keys of one store and its file.
#[derive(Debug)]
pub(crate) struct Keys {
    authority: Arc<Authority>,
    entropy: Arc<dyn Entropy>,
    path: PathBuf,
    /// The id of the store, by which the file knows it.
    store: String,
    /// The file as it was seen last. Held while keys are changed, one change at a time.
    seen: Mutex<Seen>,
}

/// Why an order is not carried out, in words for the administrator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrderError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The authority refuses.
    #[error(transparent)]
    Keys(#[from] KeyRefusal),
    /// A verb failed.
    #[error("{0}")]
    Verb(String),
    /// The file lacks nothing.
    #[error("the key file [{path}] holds every key of the store: nothing is lost", path = .0.display())]
    NothingLost(PathBuf),
}

impl From<OrderError> for StartError {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::File(error) => Self::KeyFile(error),
            OrderError::Keys(error) => Self::Keys(error),
            other => Self::Keys(KeyRefusal::Store(other.to_string())),
        }
    }
}

impl Keys {
    /// The keys of the authority's store, with the file at `path` as it was `seen` when its keys
    /// were given to the authority.
    pub(crate) fn new(
        authority: Arc<Authority>,
        entropy: Arc<dyn Entropy>,
        path: PathBuf,
        store: String,
        seen: Seen,
    ) -> Self {
        Self { authority, entropy, path, store, seen: Mutex::new(seen) }
    }

    /// Makes the first key where there is none, and ends a first start that was cut short. Refuses
    /// a file that does not fit the store.
    pub(crate) async fn settle(&self) -> Result<(), OrderError> {
        let mut seen = self.seen.lock().await;
        let (mut file, listed) = self.read_fitting().await?;
        if listed.iter().any(|key| key.state == KeyState::Active) {
            return Ok(());
        }
        let id = match listed.iter().rfind(|key| key.state.verifies()) {
            Some(added) => added.id,
            None => self.new_key(&mut file, &mut seen).await?,
        };
        self.authority.activate_key(id).await?;
        tracing::info!(key = %id, file = %self.path.display(), "the first key is made");
        Ok(())
    }

    /// Every key that the store lists, and whether the file holds it. Changes nothing.
    pub(crate) async fn list(&self) -> Result<Vec<KeyLine>, OrderError> {
        let file = self.read()?;
        let listed = self.authority.keys().await?;
        Ok(listed.iter().map(|key| line(key, &file)).collect())
    }

    /// A new key that verifies.
    pub(crate) async fn add(&self) -> Result<KeyId, OrderError> {
        let mut seen = self.seen.lock().await;
        let (mut file, _) = self.read_fitting().await?;
        let id = self.new_key(&mut file, &mut seen).await?;
        tracing::info!(key = %id, "a key is added by order");
        Ok(id)
    }

    /// Makes a key the one that signs.
    pub(crate) async fn activate(&self, id: KeyId) -> Result<(), OrderError> {
        let _one_at_a_time = self.seen.lock().await;
        self.read_fitting().await?;
        self.authority.activate_key(id).await?;
        tracing::info!(key = %id, "a key is activated by order");
        Ok(())
    }

    /// Refuses the tokens of a key, and takes it out of the file.
    pub(crate) async fn retire(&self, id: KeyId) -> Result<(), OrderError> {
        let mut seen = self.seen.lock().await;
        let (mut file, _) = self.read_fitting().await?;
        self.authority.retire_key(id).await?;
        self.take_out(&mut file, id, &mut seen).await?;
        tracing::info!(key = %id, "a key is retired by order");
        Ok(())
    }

    /// Refuses the key at once, replaces it if it signs, and revokes everything.
    pub(crate) async fn retire_compromised(&self, id: KeyId) -> Result<(), OrderError> {
        let mut seen = self.seen.lock().await;
        let (mut file, listed) = self.read_fitting().await?;
        let is_active = listed.iter().any(|key| key.id == id && key.state == KeyState::Active);
        if is_active {
            let fresh = self.new_key(&mut file, &mut seen).await?;
            self.authority.activate_key(fresh).await?;
        }
        self.authority.retire_key(id).await?;
        self.revoke_everything().await?;
        self.take_out(&mut file, id, &mut seen).await?;
        tracing::warn!(key = %id, "a compromised key is retired by order: every token is revoked");
        Ok(())
    }

    /// Replaces the keys that the file lacks by a new one, and revokes everything.
    pub(crate) async fn replace_lost(&self) -> Result<(Vec<KeyId>, KeyId), OrderError> {
        let mut seen = self.seen.lock().await;
        let mut file = self.read()?;
        let listed = self.authority.keys().await?;
        let lost: Vec<KeyId> = listed
            .iter()
            .filter(|key| key.state.verifies() && !is_held(key, &file))
            .map(|key| key.id)
            .collect();
        if lost.is_empty() {
            return Err(OrderError::NothingLost(self.path.clone()));
        }
        for id in &lost {
            file.remove(*id);
        }
        let fresh = self.new_key(&mut file, &mut seen).await?;
        self.authority.activate_key(fresh).await?;
        for id in &lost {
            self.authority.retire_key(*id).await?;
        }
        self.revoke_everything().await?;
        tracing::warn!(?lost, key = %fresh, "lost keys are replaced by order: every token is revoked");
        Ok((lost, fresh))
    }

    /// Reads the file again if it has changed. A file that does not fit changes nothing.
    pub(crate) async fn reload(&self) {
        let mut seen = self.seen.lock().await;
        let present = Seen::of(&self.path);
        if present == *seen {
            return;
        }
        *seen = present;
        match self.renew().await {
            Ok(()) => tracing::info!(file = %self.path.display(), "the key file was read again"),
            Err(error) => {
                tracing::error!(%error, "the key file is refused; the keys in memory stay");
            }
        }
    }

    async fn renew(&self) -> Result<(), OrderError> {
        if !matches!(self.path.try_exists(), Ok(true)) {
            return Err(KeyFileError::Missing { path: self.path.clone() }.into());
        }
        let (file, _) = self.read_fitting().await?;
        self.put_to_use(&file).await
    }

    /// The file as it is, if it belongs to this store; a missing one is empty.
    fn read(&self) -> Result<KeyFile, KeyFileError> {
        let file = KeyFile::read(&self.path)?.unwrap_or_default();
        file.check_store(&self.path, &self.store)?;
        Ok(file)
    }

    /// The file and the listing, if the file holds every listed key.
    async fn read_fitting(&self) -> Result<(KeyFile, Vec<KeyRecord>), OrderError> {
        let file = self.read()?;
        let listed = self.authority.keys().await?;
        let lacking = || listed.iter().filter(|key| key.state.verifies() && !is_held(key, &file));
        let path = self.path.clone();
        if let Some(differing) = lacking().find(|key| file.key(key.id).is_some()) {
            return Err(KeyFileError::Differs { path, id: differing.id }.into());
        }
        let ids: Vec<KeyId> = lacking().map(|key| key.id).collect();
        if ids.is_empty() {
            Ok((file, listed))
        } else {
            Err(KeyFileError::Lacks { path, ids }.into())
        }
    }

    /// A key in file and listing, under an id that was never used.
    ///
    /// The file is durable before the store lists the key: a crash in between leaves a key that
    /// nobody uses, and never a listed key without its half.
    async fn new_key(&self, file: &mut KeyFile, seen: &mut Seen) -> Result<KeyId, OrderError> {
        let id = self.authority.unused_key_id().await?;
        file.add(id, &*self.entropy);
        self.write(file, seen)?;
        self.authority.take_key_material(file.material());
        self.authority.add_key(id).await?;
        Ok(id)
    }

    async fn take_out(
        &self,
        file: &mut KeyFile,
        id: KeyId,
        seen: &mut Seen,
    ) -> Result<(), OrderError> {
        file.remove(id);
        self.write(file, seen)?;
        self.put_to_use(file).await
    }

    fn write(&self, file: &mut KeyFile, seen: &mut Seen) -> Result<(), KeyFileError> {
        file.bind(&self.store);
        file.write(&self.path)?;
        *seen = Seen::of(&self.path);
        Ok(())
    }

    async fn put_to_use(&self, file: &KeyFile) -> Result<(), OrderError> {
        self.authority.take_key_material(file.material());
        self.authority.load_keys().await.map_err(|error| OrderError::Verb(cause_of(&error)))
    }

    async fn revoke_everything(&self) -> Result<(), OrderError> {
        let revoked = self.authority.revoke_everything().await;
        revoked.map_err(|error| OrderError::Verb(cause_of(&error)))
    }
}

impl KeyFile {
    /// The halves of keys as the authority takes them.
    pub(crate) fn material(&self) -> KeyMaterial {
        self.ids().filter_map(|id| Some((id, Zeroizing::new(*self.key(id)?)))).collect()
    }
}

fn is_held(key: &KeyRecord, file: &KeyFile) -> bool {
    file.key(key.id).is_some_and(|half| fingerprint(half) == key.fingerprint)
}

fn line(key: &KeyRecord, file: &KeyFile) -> KeyLine {
    KeyLine {
        id: key.id.number(),
        state: key.state.as_str().to_owned(),
        fingerprint: format!("{:016x}", u64::from_be_bytes(key.fingerprint)),
        added: key.added.to_string(),
        is_held: is_held(key, file),
    }
}
