//! Settings: what an operator may choose, parsed once and typed.
//!
//! Owns the names, their defaults and ranges (`table`), the file (`yaml`), precedence
//! (`effective`), and the typed result. Must not open a socket, a store or a key file. Start at
//! [`Settings::load`].

mod anonymous;
mod effective;
mod error;
mod listen;
mod print;
mod realms;
mod roles;
mod table;
mod throttle;
mod value;
mod yaml;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jeton_realms::throttle::ThrottleLimits;

pub use self::anonymous::AnonymousSettings;
pub use self::effective::{Effective, Origin};
pub use self::error::{SettingsError, SettingsErrors};
pub use self::listen::{ClientAuthentication, HttpBounds, HttpSettings, TlsSettings};
pub use self::print::{effective_text, sample, schema};
pub use self::realms::{CacheSettings, RealmKind, RealmSettings};
pub use self::roles::RoleSettings;
pub use self::value::Ports;

/// Where settings come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The settings file; `None` looks for `jeton.yml` in `./jeton-config`.
    pub file: Option<PathBuf>,
    /// The data directory, over `path.data`.
    pub data: Option<PathBuf>,
    /// `setting=value`, over the file.
    pub overrides: Vec<String>,
}

/// Everything an operator chose, checked.
#[derive(Debug)]
pub struct Settings {
    /// Directory of the settings file; paths in settings start here.
    pub directory: PathBuf,
    /// Directory of the store.
    pub data: PathBuf,
    /// Name of the cluster.
    pub cluster_name: String,
    /// Name of this node.
    pub node_name: String,
    /// How the server listens.
    pub http: HttpSettings,
    /// The token service.
    pub token: TokenSettings,
    /// Whether the built-in users may log in.
    pub reserved_realm: bool,
    /// Whether those who are asked to authenticate may do so by an API key.
    pub api_keys: bool,
    /// The realms behind the reserved one, in the order of the chain.
    pub realms: Vec<RealmSettings>,
    /// The name of the native realm, whether it takes part or not.
    pub native_realm: String,
    /// The roles that need no store.
    pub roles: RoleSettings,
    /// Remembering which realm answered for a name; `None` if off.
    pub success_cache: Option<SuccessCacheSettings>,
    /// Requests without credentials; `None` if they are refused.
    pub anonymous: Option<AnonymousSettings>,
    /// How failed logins are slowed down.
    pub throttle: ThrottleLimits,
    /// How new passwords are hashed, and by how many threads.
    pub hashing: HashingSettings,
    /// How often files are looked at for changes.
    pub reload_interval: Duration,
    /// The file of token keys.
    pub keys_file: PathBuf,
    /// Memory for the cache of tokens and users, in bytes.
    pub cache_bytes: u64,
    /// Free space below which no token is granted, in bytes.
    pub disk_reserve_bytes: u64,
    /// What the operator should know, one sentence each.
    pub notices: Vec<String>,
    /// The values in force, by name.
    pub effective: Effective,
}

/// The token service.
#[derive(Clone, Copy, Debug)]
pub struct TokenSettings {
    /// Whether it is on.
    pub enabled: bool,
    /// Lifetime of an access token.
    pub lifetime: Duration,
    /// Time between two clean-ups.
    pub delete_interval: Duration,
    /// Limit of one clean-up, if any.
    pub delete_timeout: Option<Duration>,
    /// Whether tokens end with changes of their user.
    pub follows_user_changes: bool,
}

/// Remembering which realm answered for a name.
#[derive(Clone, Copy, Debug)]
pub struct SuccessCacheSettings {
    /// Names remembered.
    pub names_max: usize,
    /// How long an unused name is remembered.
    pub lifetime: Duration,
}

/// How new passwords are hashed.
#[derive(Clone, Debug)]
pub struct HashingSettings {
    /// Algorithm, by the name it has in the settings.
    pub algorithm: String,
    /// Hashes computed at once.
    pub threads: usize,
    /// Hashes that may wait.
    pub queue_max: usize,
}

impl Settings {
    /// Reads and checks everything; reports every mistake found.
    ///
    /// A missing default file is no mistake; a missing file that was named is.
    pub fn load(
        sources: &Sources,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsErrors> {
        let path = sources.file.clone().unwrap_or_else(|| PathBuf::from(FILE_DEFAULT));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && sources.file.is_none() =>
            {
                String::new()
            }
            Err(error) => {
                return Err(SettingsError::Unreadable { path, reason: error.to_string() }.into());
            }
        };
        // What is relative is so to the directory of this moment, and is shown in full from here
        // on.
        let path = absolute(&path)?;
        let directory = path.parent().unwrap_or(&path);
        let mut settings = Self::parse(&text, directory, sources, environment)
            .map_err(|errors| errors.in_file(&path))?;
        settings.data = absolute(&settings.data)?;
        settings.effective.resolve(effective::DATA, settings.data.display().to_string());
        Ok(settings)
    }

    /// As [`Settings::load`], from text that is already read.
    pub fn parse(
        text: &str,
        directory: &Path,
        sources: &Sources,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsErrors> {
        let entries = yaml::read(text)?;
        let mut effective = Effective::check(entries, &sources.overrides, environment)?;
        if let Some(data) = &sources.data {
            effective.put_data(data.display().to_string());
        }
        Ok(Self::typed(effective, directory, sources)?)
    }

    fn typed(
        effective: Effective,
        directory: &Path,
        sources: &Sources,
    ) -> Result<Self, SettingsError> {
        let text = |name: &str| -> Result<String, SettingsError> {
            Ok(effective.text(name)?.map_or_else(String::new, |(text, _)| text))
        };
        let (realms, warnings) = realms::realms(&effective, directory)?;
        let native_realm = realms::native_realm(&effective);
        let mut notices: Vec<String> = effective
            .without_effect()
            .iter()
            .map(|name| format!("setting [{name}] has no effect here"))
            .collect();
        notices.extend(warnings);
        let data = match &sources.data {
            Some(data) => data.clone(),
            None => PathBuf::from(text("path.data")?),
        };
        let node_name = match effective.text("node.name")? {
            Some((name, _)) => name,
            None => machine_name(),
        };
        let mut settings = Self {
            data,
            node_name,
            cluster_name: text("cluster.name")?,
            http: listen::http(&effective, directory)?,
            token: token(&effective)?,
            reserved_realm: effective.flag("xpack.security.authc.reserved_realm.enabled", true)?,
            api_keys: effective.flag("xpack.security.authc.api_key.enabled", true)?,
            realms,
            native_realm,
            roles: roles::roles(&effective, directory)?,
            success_cache: success_cache(&effective)?,
            anonymous: anonymous::anonymous(&effective)?,
            throttle: throttle::throttle(&effective)?,
            hashing: HashingSettings {
                algorithm: text("xpack.security.authc.password_hashing.algorithm")?,
                threads: effective.count("jeton.hashing.threads", processors())?,
                queue_max: effective.count("jeton.hashing.queue", 0)?,
            },
            reload_interval: effective.span("resource.reload.interval.high")?,
            keys_file: directory.join(text("jeton.keys.file")?),
            cache_bytes: effective.size("jeton.cache.size")?,
            disk_reserve_bytes: effective.size("jeton.disk.reserve")?,
            directory: directory.to_owned(),
            notices,
            effective,
        };
        settings.resolve();
        Ok(settings)
    }

    /// Notes what the defaults come to that depend on the machine or on other settings.
    fn resolve(&mut self) {
        let Self { http, effective, .. } = self;
        for (name, text) in [
            ("node.name", self.node_name.clone()),
            ("http.host", http.hosts.join(",")),
            ("http.compression", http.compression.to_string()),
            ("jeton.http.threads", http.bounds.threads.to_string()),
            ("jeton.hashing.threads", self.hashing.threads.to_string()),
        ] {
            // What was given is shown as it was given.
            if !effective.is_given(name) {
                effective.resolve(name, text);
            }
        }
    }
}

fn absolute(path: &Path) -> Result<PathBuf, SettingsError> {
    std::path::absolute(path).map_err(|error| SettingsError::Directory {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

fn token(effective: &Effective) -> Result<TokenSettings, SettingsError> {
    Ok(TokenSettings {
        enabled: effective.flag("xpack.security.authc.token.enabled", true)?,
        lifetime: effective.span("xpack.security.authc.token.timeout")?,
        delete_interval: effective.span("xpack.security.authc.token.delete.interval")?,
        delete_timeout: effective.span_or_never("xpack.security.authc.token.delete.timeout")?,
        follows_user_changes: effective.flag("jeton.token.follow_user_changes", false)?,
    })
}

fn success_cache(effective: &Effective) -> Result<Option<SuccessCacheSettings>, SettingsError> {
    if !effective.flag("xpack.security.authc.success_cache.enabled", true)? {
        return Ok(None);
    }
    Ok(Some(SuccessCacheSettings {
        names_max: effective.count("xpack.security.authc.success_cache.size", 0)?,
        lifetime: effective.span("xpack.security.authc.success_cache.expire_after_access")?,
    }))
}

/// Processors that this process may use; one if the system does not say.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn machine_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

const FILE_DEFAULT: &str = "./jeton-config/jeton.yml";
