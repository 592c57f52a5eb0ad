//! The server without its sockets: the authority, its keys, its first password, its orders.
//!
//! Owns what an administrator can have done, whether a server runs or not. Must not know how an
//! order arrives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jeton_authority::Authority;
use jeton_authority::tokens::expire::Marks;
use jeton_authority::users::put::NewPassword;
use jeton_domain::id::KeyId;
use jeton_domain::limits::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};
use jeton_domain::secret::Secret;
use jeton_realms::file::FileRealm;
use jeton_realms::reserved::{ELASTIC, generate_password};
use jeton_realms::roles_file::RolesFile;
use jeton_rest::json::text::JSON;
use jeton_store::tables::users::{self, UserKind};
use zeroize::Zeroizing;

use crate::admin::{Order, Reply};
use crate::assembly::{self, Assembled, ClockTrust, World};
use crate::error::{StartError, cause_of};
use crate::keyfile::{KeyFile, Seen};
use crate::keys::{Keys, OrderError};
use crate::settings::{RealmKind, Settings};

/// The server without its sockets.
#[derive(Debug)]
pub(crate) struct Core {
    world: World,
    authority: Arc<Authority>,
    cluster_uuid: String,
    file_realms: Vec<Arc<FileRealm>>,
    roles_file: RolesFile,
    keys: Keys,
    marks: Marks,
    /// What was wrong when health was looked at last, by its text without numbers.
    troubles: Mutex<BTreeMap<String, String>>,
}

impl Core {
    /// Opens the store and checks the keys; makes the first key where there is none.
    pub(crate) async fn open(
        settings: &Settings,
        world: World,
        trust: ClockTrust,
    ) -> Result<Self, StartError> {
        let core = Self::assemble(settings, world).await?;
        if trust == ClockTrust::Accepted {
            core.authority.accept_clock().await?;
        }
        core.keys.settle().await?;
        core.reload_files();
        core.warn_of_no_account(settings).await?;
        Ok(core)
    }

    /// Carries one order out on a directory that no server holds. Makes no store and no key, and
    /// does not mind the clock.
    pub(crate) async fn once(settings: &Settings, order: Order) -> Result<Reply, StartError> {
        if !assembly::holds_store(&settings.data) {
            return Err(StartError::NoStore { path: settings.data.clone() });
        }
        let world = World::of_the_machine(settings, ClockTrust::Accepted).await?;
        let core = Self::assemble(settings, world).await?;
        let reply = core.carry_out(order).await;
        core.close().await?;
        Ok(reply)
    }

    async fn assemble(settings: &Settings, world: World) -> Result<Self, StartError> {
        let path = settings.keys_file.clone();
        let seen = Seen::of(&path);
        let file = KeyFile::read(&path)?.unwrap_or_default();
        let Assembled { authority, file_realms } =
            assembly::assemble(settings, &world, file.material()).await?;
        let cluster_uuid = authority.cluster_uuid().await?;
        let entropy = Arc::clone(&world.entropy);
        let keys = Keys::new(Arc::clone(&authority), entropy, path, cluster_uuid.clone(), seen);
        let roles = &settings.roles;
        let roles_file = RolesFile::new(roles.file.clone(), roles.reserved.clone(), JSON);
        let (marks, troubles) = (Marks::default(), Mutex::default());
        Ok(Self { world, authority, cluster_uuid, file_realms, roles_file, keys, marks, troubles })
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
        let source = if shown.is_some() { "generated" } else { "given" };
        tracing::info!(user = ELASTIC, source, "the first password is set");
        Ok(shown)
    }

    pub(crate) const fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// The id of the store, drawn at its first start.
    pub(crate) fn cluster_uuid(&self) -> &str {
        &self.cluster_uuid
    }

    /// Makes everything durable and lets the directory go.
    pub(crate) async fn close(&self) -> Result<(), StartError> {
        Ok(self.authority.store().close().await?)
    }

    /// Does what an administrator asks for.
    pub(crate) async fn carry_out(&self, order: Order) -> Reply {
        let outcome = match order {
            Order::ListKeys => self.keys.list().await.map(|keys| Reply::Keys { keys }),
            Order::AddKey => self.add_key().await,
            Order::ActivateKey { id } => self.activate_key(KeyId::new(id)).await,
            Order::RetireKey { id, is_compromised: false } => self.retire_key(KeyId::new(id)).await,
            Order::RetireKey { id, is_compromised: true } => {
                self.retire_compromised_key(KeyId::new(id)).await
            }
            Order::ReplaceLostKeys => self.replace_lost_keys().await,
            Order::ResetPassword { username, password } => {
                self.reset_password(&username, &password).await
            }
        };
        outcome.unwrap_or_else(|error| {
            tracing::warn!(%error, "an order is refused");
            Reply::Refused { reason: error.to_string() }
        })
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

    /// Reads the files of realms and roles again where they have changed. Blocks on the file
    /// system.
    pub(crate) fn reload_files(&self) {
        let now = self.world.clock.now();
        for realm in &self.file_realms {
            realm.reload_if_changed(now);
        }
        if let Some(roles) = self.roles_file.reload_if_changed(now) {
            self.authority.set_file_roles(roles);
        }
    }

    /// Reads the key file again if it has changed. A file that cannot be used changes nothing.
    pub(crate) async fn reload_keys(&self) {
        self.keys.reload().await;
    }

    /// Tells the log what has gone wrong since the last look, and what is well again.
    pub(crate) fn watch_health(&self) {
        let trouble = self.authority.health().trouble;
        let present: BTreeMap<String, String> =
            trouble.into_iter().map(|text| (without_numbers(&text), text)).collect();
        let mut known = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, trouble) in present.iter().filter(|(kind, _)| !known.contains_key(*kind)) {
            tracing::warn!(trouble, "health: trouble");
        }
        for (_, trouble) in known.iter().filter(|(kind, _)| !present.contains_key(*kind)) {
            tracing::info!(trouble, "health: this is over");
        }
        *known = present;
    }

    /// A server that nobody can log in to is a mistake more often than not.
    async fn warn_of_no_account(&self, settings: &Settings) -> Result<(), StartError> {
        let has_lines = |path| std::fs::metadata(path).is_ok_and(|file| file.len() > 0);
        let is_in_a_file = settings.realms.iter().any(|realm| match &realm.kind {
            RealmKind::File { users, .. } => has_lines(users),
            RealmKind::Native => false,
        });
        if settings.reserved_realm || is_in_a_file {
            return Ok(());
        }
        if self.authority.store().rows(&users::all(UserKind::Native), 1).await?.is_empty() {
            tracing::warn!(
                "nobody can log in: the reserved realm is off, no user is stored and no users file \
                 names one"
            );
        }
        Ok(())
    }

    async fn add_key(&self) -> Result<Reply, OrderError> {
        let id = self.keys.add().await?;
        Ok(done(format!(
            "Key {id} is added: it verifies. When every node has it, run `jeton keys activate {id}`."
        )))
    }

    async fn activate_key(&self, id: KeyId) -> Result<Reply, OrderError> {
        self.keys.activate(id).await?;
        Ok(done(format!("Key {id} is active: new tokens are made with it.")))
    }

    async fn retire_key(&self, id: KeyId) -> Result<Reply, OrderError> {
        self.keys.retire(id).await?;
        Ok(done(format!("Key {id} is retired: its tokens are refused.")))
    }

    async fn retire_compromised_key(&self, id: KeyId) -> Result<Reply, OrderError> {
        self.keys.retire_compromised(id).await?;
        Ok(done(format!("Key {id} is retired and every token is revoked.")))
    }

    async fn replace_lost_keys(&self) -> Result<Reply, OrderError> {
        let (lost, fresh) = self.keys.replace_lost().await?;
        let lost: Vec<String> = lost.iter().map(KeyId::to_string).collect();
        Ok(done(format!(
            "Lost: key {}, retired now. Every token is revoked. Key {fresh} is new and active.",
            lost.join(", ")
        )))
    }

    async fn reset_password(&self, username: &str, password: &str) -> Result<Reply, OrderError> {
        acceptable(password.as_bytes()).map_err(OrderError::Verb)?;
        let password = NewPassword::Clear(Arc::new(Secret::from(password)));
        self.authority
            .reset_password(username, &password)
            .await
            .map_err(|error| OrderError::Verb(cause_of(&error)))?;
        tracing::info!(user = username, "a password is reset by order");
        Ok(done(format!("The password of the user [{username}] is reset.")))
    }
}

fn done(message: String) -> Reply {
    Reply::Done { message }
}

/// What stays the same of a trouble while it lasts.
fn without_numbers(trouble: &str) -> String {
    trouble.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

/// The rule of the API for passwords, where no API is in the way.
pub(crate) fn acceptable(password: &[u8]) -> Result<(), String> {
    let is_long_enough = str::from_utf8(password)
        .is_ok_and(|password| password.chars().count() >= PASSWORD_CHARS_MIN);
    if !is_long_enough {
        return Err(format!("passwords must be at least [{PASSWORD_CHARS_MIN}] characters long"));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(format!("passwords must be at most [{PASSWORD_BYTES_MAX}] bytes long"));
    }
    Ok(())
}
