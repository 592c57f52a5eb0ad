//! The directories of one server: its settings, its key file, its data, its log.
//!
//! Owns how a directory is made, copied and measured. Must not know what a workload does with it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jeton_domain::id::KeyId;
use jeton_domain::token::key::KEY_BYTES;
use zeroize::Zeroizing;

use crate::error::{BenchError, Outcome, Trying};
use crate::http::{Client, request};
use crate::process::Core;
use crate::server::{Programs, Server};

/// The directories of one server.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    root: PathBuf,
    programs: Programs,
}

impl Site {
    /// New directories, which a server has made ready by its first start.
    pub(crate) fn create(root: PathBuf, programs: &Programs) -> Outcome<Self> {
        let site = Self { root, programs: programs.clone() };
        let settings = site.settings();
        let what = || format!("cannot make {}", settings.display());
        fs::create_dir_all(site.root.join(CONFIG)).trying(what)?;
        fs::write(&settings, "").trying(what)?;
        site.start(Core::Any, &[])?.stop()?;
        Ok(site)
    }

    /// Directories that exist, of a server that is not started.
    pub(crate) fn at(root: PathBuf, programs: &Programs) -> Self {
        Self { root, programs: programs.clone() }
    }

    /// The same under another root, as it is now. Files that are never written to again are shared.
    pub(crate) fn copy(&self, root: PathBuf) -> Outcome<Self> {
        let what = || format!("cannot copy to {}", root.display());
        if root.exists() {
            fs::remove_dir_all(&root).trying(what)?;
        }
        copy_folder(&self.root, &root).trying(what)?;
        // What is copied must be on disk, or the first sync of the server pays for it.
        rustix::fs::sync();
        Ok(Self { root, programs: self.programs.clone() })
    }

    /// Removes everything.
    pub(crate) fn remove(self) -> Outcome<()> {
        fs::remove_dir_all(&self.root).trying(|| format!("cannot remove {}", self.root.display()))
    }

    /// Starts the server on it.
    pub(crate) fn start(&self, core: Core, settings: &[&str]) -> Outcome<Server> {
        let mut command = Command::new(&self.programs.jeton);
        command.arg("serve").arg("--config").arg(self.settings());
        command.arg("--data").arg(self.root.join(DATA)).args(["-E", "http.port=0"]);
        for setting in settings {
            command.args(["-E", setting]);
        }
        command.env("ELASTIC_PASSWORD", PASSWORD);
        Server::start(command, core, &self.root.join("log.txt"))
    }

    /// Where the store's files are.
    pub(crate) fn store(&self) -> PathBuf {
        self.root.join(DATA).join("store")
    }

    /// Where the texts of a realm's tokens can be put.
    pub(crate) fn tokens(&self, realm: &str) -> PathBuf {
        self.root.join(TOKENS).join(realm)
    }

    /// The journal file that was written to last.
    pub(crate) fn newest_journal(&self) -> Outcome<Option<OsString>> {
        let store = self.store();
        let what = || format!("cannot look into {}", store.display());
        let mut newest = None;
        for entry in fs::read_dir(&store).trying(what)? {
            let entry = entry.trying(what)?;
            if !entry.file_name().to_string_lossy().starts_with(JOURNAL) {
                continue;
            }
            let metadata = entry.metadata().trying(what)?;
            let written = (metadata.mtime(), metadata.mtime_nsec());
            newest = newest.max(Some((written, entry.file_name())));
        }
        Ok(newest.map(|(_, name)| name))
    }

    /// The root of all.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The halves of the keys that the key file holds.
    pub(crate) fn keys(&self) -> Outcome<Vec<(KeyId, Zeroizing<[u8; KEY_BYTES]>)>> {
        let path = self.root.join(CONFIG).join("token.keys");
        let text = fs::read_to_string(&path).trying(|| format!("no {}", path.display()))?;
        let odd = || BenchError::Setup(format!("{} is not understood", path.display()));
        let is_key = |line: &&str| line.starts_with(|first: char| first.is_ascii_digit());
        let lines = text.lines().filter(is_key);
        lines
            .map(|line| {
                let (id, key) = line.split_once(' ').ok_or_else(odd)?;
                let id = id.parse::<KeyId>().map_err(|_| odd())?;
                let key = STANDARD.decode(key.trim()).ok();
                let key = key.and_then(|key| <[u8; KEY_BYTES]>::try_from(key).ok());
                Ok((id, Zeroizing::new(key.ok_or_else(odd)?)))
            })
            .collect()
    }

    /// Bytes of the store's files, journals apart: those have a size of their own from the start.
    pub(crate) fn row_bytes(&self) -> Outcome<u64> {
        self.bytes(|name| !name.starts_with(JOURNAL))
    }

    /// Bytes of all of the store's files.
    pub(crate) fn all_bytes(&self) -> Outcome<u64> {
        self.bytes(|_| true)
    }

    fn bytes(&self, counts: impl Fn(&str) -> bool) -> Outcome<u64> {
        let store = self.store();
        let what = || format!("cannot look into {}", store.display());
        let mut bytes = 0_u64;
        for entry in fs::read_dir(&store).trying(what)? {
            let entry = entry.trying(what)?;
            // A file may be removed while it is looked at.
            let Ok(metadata) = entry.metadata() else { continue };
            if counts(&entry.file_name().to_string_lossy()) {
                bytes = bytes.saturating_add(metadata.blocks().saturating_mul(512));
            }
        }
        Ok(bytes)
    }

    fn settings(&self) -> PathBuf {
        self.root.join(CONFIG).join("jeton.yml")
    }
}

/// An access token of the superuser: its checks hash no password.
pub(crate) fn superuser_token(client: &mut Client) -> Outcome<String> {
    let basic = format!("Basic {}", STANDARD.encode(format!("elastic:{PASSWORD}")));
    let body = r#"{"grant_type":"client_credentials"}"#;
    let answer = client.call(&request("POST", "/_security/oauth2/token", &basic, body))?;
    answer.expect(200)?.text("/access_token")
}

/// A refresh token of the superuser, whom `bearer` stands for.
pub(crate) fn superuser_refresh_token(client: &mut Client, bearer: &str) -> Outcome<String> {
    let body =
        format!(r#"{{"grant_type":"password","username":"elastic","password":"{PASSWORD}"}}"#);
    let answer = client.call(&request("POST", "/_security/oauth2/token", bearer, &body))?;
    answer.expect(200)?.text("/refresh_token")
}

fn copy_folder(source: &Path, target: &Path) -> std::io::Result<()> {
    fs::create_dir_all(target)?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let (from, to) = (entry.path(), target.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_folder(&from, &to)?;
        } else if kind.is_file() && is_immutable(&from) {
            fs::hard_link(&from, &to)?;
        } else if kind.is_file() {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

/// Whether a file is only ever made whole, read and removed: a run of the store, or a list of
/// tokens.
fn is_immutable(path: &Path) -> bool {
    let is_run = path.extension().is_some_and(|end| end == "run");
    is_run || path.parent().and_then(Path::file_name).is_some_and(|folder| folder == TOKENS)
}

const JOURNAL: &str = "journal";
const TOKENS: &str = "tokens";
const CONFIG: &str = "config";
const DATA: &str = "data";
/// The superuser's password in every benchmark.
const PASSWORD: &str = "benchmark-password";
