//! Settings: what an operator may choose, parsed once and typed.
//!
//! Owns the names, their defaults and ranges (`table`), the file (`yaml`), precedence
//! (`effective`), and the typed result. Must not open a socket, a store or a key file. Start at
//! [`Settings::load`].

mod effective;
mod error;
mod listen;
mod print;
mod realms;
mod table;
mod value;
mod yaml;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::effective::{Effective, Origin};
pub use self::error::{SettingsError, SettingsErrors};
pub use self::listen::{ClientAuthentication, HttpBounds, HttpSettings, TlsSettings};
pub use self::print::{effective_text, sample, schema};
pub use self::realms::{CacheSettings, RealmKind, RealmSettings};
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
    /// The realms behind the reserved one, in the order of the chain.
    pub realms: Vec<RealmSettings>,
    /// Remembering which realm answered for a name; `None` if off.
    pub success_cache: Option<SuccessCacheSettings>,
    /// Requests without credentials; `None` if they are refused.
    pub anonymous: Option<AnonymousSettings>,
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
}

/// Remembering which realm answered for a name.
#[derive(Clone, Copy, Debug)]
pub struct SuccessCacheSettings {
    /// Names remembered.
    pub names_max: usize,
    /// How long an unused name is remembered.
    pub lifetime: Duration,
}

/// Requests without credentials.
#[derive(Clone, Debug)]
pub struct AnonymousSettings {
    /// Their user name.
    pub username: String,
    /// Their roles; never empty.
    pub roles: Vec<String>,
    /// Whether a missing privilege is 403 rather than 401.
    pub authz_exception: bool,
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
        let directory = match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
            Some(parent) => parent.to_owned(),
            None => PathBuf::from("."),
        };
        Self::parse(&text, &directory, sources, environment)
    }

    /// As [`Settings::load`], from text that is already read.
    pub fn parse(
        text: &str,
        directory: &Path,
        sources: &Sources,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsErrors> {
        let entries = yaml::read(text)?;
        let effective = Effective::check(entries, &sources.overrides, environment)?;
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
        Ok(Self {
            data,
            node_name,
            cluster_name: text("cluster.name")?,
            http: listen::http(&effective, directory)?,
            token: token(&effective)?,
            reserved_realm: effective.flag("xpack.security.authc.reserved_realm.enabled", true)?,
            realms,
            success_cache: success_cache(&effective)?,
            anonymous: anonymous(&effective)?,
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
        })
    }
}

fn token(effective: &Effective) -> Result<TokenSettings, SettingsError> {
    Ok(TokenSettings {
        enabled: effective.flag("xpack.security.authc.token.enabled", true)?,
        lifetime: effective.span("xpack.security.authc.token.timeout")?,
        delete_interval: effective.span("xpack.security.authc.token.delete.interval")?,
        delete_timeout: effective.span_or_never("xpack.security.authc.token.delete.timeout")?,
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

fn anonymous(effective: &Effective) -> Result<Option<AnonymousSettings>, SettingsError> {
    let username = effective.text("xpack.security.authc.anonymous.username")?;
    let settings = AnonymousSettings {
        username: username.map_or_else(String::new, |(text, _)| text),
        roles: effective.list("xpack.security.authc.anonymous.roles")?,
        authz_exception: effective.flag("xpack.security.authc.anonymous.authz_exception", true)?,
    };
    Ok((!settings.roles.is_empty()).then_some(settings))
}

/// Processors that this process may use; one if the system does not say.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn machine_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

const FILE_DEFAULT: &str = "./jeton-config/jeton.yml";
