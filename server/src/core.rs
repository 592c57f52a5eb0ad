//! The server without its sockets: the authority, its keys, its first password, its orders.
//!
//! Owns what an administrator can have done, whether a server runs or not. Must not know how an
//! order arrives.

use std::path::PathBuf;
use std::sync::Arc;

use jeton_authority::Authority;
use jeton_authority::tokens::expire::Marks;
use jeton_authority::tokens::keys::{KeyMaterial, KeyRefusal};
use jeton_authority::users::put::NewPassword;
use jeton_domain::id::KeyId;
use jeton_domain::limits::PASSWORD_CHARS_MIN;
use jeton_domain::secret::Secret;
use jeton_domain::token::key::KeyState;
use jeton_realms::file::FileRealm;
use jeton_realms::reserved::{ELASTIC, generate_password};
use jeton_store::tables::keys::KeyRecord;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::admin::{KeyLine, Order, Reply};
use crate::assembly::{self, Assembled, ClockTrust, World};
use crate::error::{StartError, cause_of};
use crate::keyfile::{KeyFile, Seen};
use crate::settings::Settings;

/// The server without its sockets.
#[derive(Debug)]
pub(crate) struct Core {
    world: World,
    authority: Arc<Authority>,
    file_realms: Vec<Arc<FileRealm>>,
    keys_path: PathBuf,
    /// The key file as it was seen last. Held while keys are changed, one change at a time.
    keys_seen: Mutex<Seen>,
    marks: Marks,
}

impl Core {
    /// Opens the store and checks the keys; makes the first key where there is none.
    pub(crate) async fn open(settings: &Settings, world: World) -> Result<Self, StartError> {
        let keys_path = settings.keys_file.clone();
        let seen = Seen::of(&keys_path);
        let file = KeyFile::read(&keys_path)?.unwrap_or_default();
        let Assembled { authority, file_realms } =
            assembly::assemble(settings, &world, file.material()).await?;
        let keys_seen = Mutex::new(seen);
        let marks = Marks::default();
        let core = Self { world, authority, file_realms, keys_path, keys_seen, marks };
        core.settle_keys(file).await?;
        core.authority.check_keys().await?;
        core.reload_realms();
        Ok(core)
    }

    /// Carries one order out on a directory that no server holds.
    pub(crate) async fn once(settings: &Settings, order: Order) -> Result<Reply, StartError> {
        let world = World::of_the_machine(settings, ClockTrust::Checked).await?;
        let core = Self::open(settings, world).await?;
        let reply = core.carry_out(order).await;
        core.close().await?;
        Ok(reply)
    }

    /// Stores a password of `elastic` where there is none: the one given, else a generated one,
    /// which is returned.
    pub(crate) async fn first_password(
        &self,
        given: Option<Secret>,
    ) -> Result<Option<Zeroizing<String>>, StartError> {
        if self.authority.has_record(ELASTIC).await? {
            return Ok(None);
        }
        let (password, shown) = if let Some(given) = given {
            acceptable(given.expose()).map_err(StartError::FirstPassword)?;
            (given, None)
        } else {
            let generated = generate_password(&*self.world.entropy);
            let shown = String::from_utf8_lossy(generated.expose()).into_owned();
            (generated, Some(Zeroizing::new(shown)))
        };
        let password = NewPassword::Clear(Arc::new(password));
        self.authority.reset_password(ELASTIC, &password).await?;
        Ok(shown)
    }

    pub(crate) const fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// Makes everything durable and lets the directory go.
    pub(crate) async fn close(&self) -> Result<(), StartError> {
        Ok(self.authority.store().close().await?)
    }

    /// Does what an administrator asks for.
    pub(crate) async fn carry_out(&self, order: Order) -> Reply {
        let outcome = match order {
            Order::ListKeys => self.list_keys().await,
            Order::AddKey => self.add_key().await,
            Order::ActivateKey { id } => self.activate_key(KeyId::new(id)).await,
            Order::RetireKey { id, is_compromised: false } => self.retire_key(KeyId::new(id)).await,
            Order::RetireKey { id, is_compromised: true } => {
                self.retire_compromised_key(KeyId::new(id)).await
            }
            Order::ResetPassword { username, password } => {
                self.reset_password(&username, &password).await
            }
        };
        outcome.unwrap_or_else(|error| Reply::Refused { reason: error.to_string() })
    }

    /// Looks at the clock, so that a jump is seen when it happens and not at the next request.
    pub(crate) fn watch_clock(&self) {
        let _ = self.world.clock.now();
    }

    /// Stores the newest instant that was seen.
    pub(crate) async fn raise_mark(&self) {
        if let Err(error) = self.authority.raise_mark(self.world.clock.now()).await {
            tracing::warn!(error = cause_of(&error), "the newest instant cannot be stored");
        }
    }

    /// Drops what has expired.
    pub(crate) async fn expire(&self) {
        match self.authority.expire(&self.marks).await {
            Ok(expired) if expired.dropped.is_empty() => {}
            Ok(expired) => {
                tracing::info!(segments = expired.dropped.len(), "expired tokens dropped");
            }
            Err(error) => tracing::warn!(error = cause_of(&error), "expired tokens stay for now"),
        }
    }

    /// Reads the files of realms again where they have changed. Blocks on the file system.
    pub(crate) fn reload_realms(&self) {
        let now = self.world.clock.now();
        for realm in &self.file_realms {
            realm.reload_if_changed(now);
        }
    }

    /// Reads the key file again if it has changed. A file that cannot be used changes nothing.
    pub(crate) async fn reload_keys(&self) {
        let mut seen = self.keys_seen.lock().await;
        let present = Seen::of(&self.keys_path);
        if present == *seen {
            return;
        }
        *seen = present;
        let read = match KeyFile::read(&self.keys_path) {
            Ok(Some(file)) => self.use_file(&file).await.map_err(|error| error.to_string()),
            Ok(None) => Err("there is no such file".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        match read {
            Ok(()) => tracing::info!("the key file was read"),
            Err(error) => tracing::error!(error, "the key file cannot be used as it is now"),
        }
    }

    /// Makes the first key where there is none, and ends a first start that was cut short.
    async fn settle_keys(&self, mut file: KeyFile) -> Result<(), StartError> {
        let mut seen = self.keys_seen.lock().await;
        let listed = self.authority.keys().await?;
        let is_settled = listed.iter().any(|key| key.state == KeyState::Active);
        if is_settled {
            return Ok(());
        }
        let added = listed.iter().rfind(|key| key.state.verifies());
        let id = if let Some(added) = added {
            added.id
        } else {
            let id = self.authority.unused_key_id().await?;
            self.add_to_file(&mut file, id)?;
            *seen = Seen::of(&self.keys_path);
            self.authority.take_key_material(file.material());
            self.authority.add_key(id).await?;
            id
        };
        Ok(self.authority.activate_key(id).await?)
    }

    async fn list_keys(&self) -> Result<Reply, OrderError> {
        let file = KeyFile::read(&self.keys_path)?.unwrap_or_default();
        let keys = self.authority.keys().await?;
        let keys = keys.iter().map(|key| line(key, file.key(key.id).is_some())).collect();
        Ok(Reply::Keys { keys })
    }

    async fn add_key(&self) -> Result<Reply, OrderError> {
        let mut seen = self.keys_seen.lock().await;
        let id = self.new_key(&mut seen).await?;
        Ok(done(format!(
            "Key {id} is added: it verifies. When every node has it, run `jeton keys activate {id}`."
        )))
    }

    async fn activate_key(&self, id: KeyId) -> Result<Reply, OrderError> {
        let _one_at_a_time = self.keys_seen.lock().await;
        self.authority.activate_key(id).await?;
        Ok(done(format!("Key {id} is active: new tokens are made with it.")))
    }

    async fn retire_key(&self, id: KeyId) -> Result<Reply, OrderError> {
        let mut seen = self.keys_seen.lock().await;
        self.authority.retire_key(id).await?;
        self.take_out_of_file(id, &mut seen).await?;
        Ok(done(format!("Key {id} is retired: its tokens are refused.")))
    }

    /// Refuses the key at once, replaces it if it signs, and revokes everything.
    async fn retire_compromised_key(&self, id: KeyId) -> Result<Reply, OrderError> {
        let mut seen = self.keys_seen.lock().await;
        let listed = self.authority.keys().await?;
        let is_active = listed.iter().any(|key| key.id == id && key.state == KeyState::Active);
        if is_active {
            let fresh = self.new_key(&mut seen).await?;
            self.authority.activate_key(fresh).await?;
        }
        self.authority.retire_key(id).await?;
        self.authority
            .revoke_everything()
            .await
            .map_err(|error| OrderError::Verb(cause_of(&error)))?;
        self.take_out_of_file(id, &mut seen).await?;
        Ok(done(format!("Key {id} is retired and every token is revoked.")))
    }

    async fn reset_password(&self, username: &str, password: &str) -> Result<Reply, OrderError> {
        acceptable(password.as_bytes()).map_err(OrderError::Verb)?;
        let password = NewPassword::Clear(Arc::new(Secret::from(password)));
        self.authority
            .reset_password(username, &password)
            .await
            .map_err(|error| OrderError::Verb(cause_of(&error)))?;
        Ok(done(format!("The password of the user [{username}] is reset.")))
    }

    /// A key in file and listing, under an id that was never used.
    async fn new_key(&self, seen: &mut Seen) -> Result<KeyId, OrderError> {
        let id = self.authority.unused_key_id().await?;
        let mut file = KeyFile::read(&self.keys_path)?.unwrap_or_default();
        self.add_to_file(&mut file, id)?;
        *seen = Seen::of(&self.keys_path);
        self.authority.take_key_material(file.material());
        self.authority.add_key(id).await?;
        Ok(id)
    }

    /// The file is durable before the store lists the key: a crash in between leaves a key that
    /// nobody uses, and never a listed key without its half.
    fn add_to_file(
        &self,
        file: &mut KeyFile,
        id: KeyId,
    ) -> Result<(), crate::keyfile::KeyFileError> {
        file.add(id, &*self.world.entropy);
        file.write(&self.keys_path)
    }

    async fn take_out_of_file(&self, id: KeyId, seen: &mut Seen) -> Result<(), OrderError> {
        let Some(mut file) = KeyFile::read(&self.keys_path)? else { return Ok(()) };
        file.remove(id);
        file.write(&self.keys_path)?;
        *seen = Seen::of(&self.keys_path);
        self.use_file(&file).await
    }

    async fn use_file(&self, file: &KeyFile) -> Result<(), OrderError> {
        self.authority.take_key_material(file.material());
        self.authority.load_keys().await.map_err(|error| OrderError::Verb(cause_of(&error)))?;
        Ok(self.authority.check_keys().await?)
    }
}

/// Why an order is not carried out, in words for the administrator.
#[derive(Debug, thiserror::Error)]
enum OrderError {
    #[error(transparent)]
    File(#[from] crate::keyfile::KeyFileError),
    #[error(transparent)]
    Keys(#[from] KeyRefusal),
    #[error("{0}")]
    Verb(String),
}

fn line(key: &KeyRecord, is_held: bool) -> KeyLine {
    KeyLine {
        id: key.id.number(),
        state: key.state.as_str().to_owned(),
        fingerprint: format!("{:016x}", u64::from_be_bytes(key.fingerprint)),
        added: key.added.to_string(),
        is_held,
    }
}

fn done(message: String) -> Reply {
    Reply::Done { message }
}

/// The rule of the API for passwords, where no API is in the way.
fn acceptable(password: &[u8]) -> Result<(), String> {
    let is_long_enough = str::from_utf8(password)
        .is_ok_and(|password| password.chars().count() >= PASSWORD_CHARS_MIN);
    if is_long_enough {
        Ok(())
    } else {
        Err(format!("passwords must be at least [{PASSWORD_CHARS_MIN}] characters long"))
    }
}

impl KeyFile {
    /// The halves of keys as the authority takes them.
    fn material(&self) -> KeyMaterial {
        self.ids().filter_map(|id| Some((id, Zeroizing::new(*self.key(id)?)))).collect()
    }
}
