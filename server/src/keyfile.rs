//! The key file: the half of each token key that never lies beside the store.
//!
//! Owns its format and its protection on disk. Must not know which key signs: the store's listing
//! says so. One line `store ID` names the store that it belongs to, then one line a key,
//! `id base64`; lines that begin with `#` are comments.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jeton_domain::id::KeyId;
use jeton_domain::time::Entropy;
use jeton_domain::token::key::KEY_BYTES;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why the key file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The system refused.
    #[error("key file [{path}]: {reason}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Others than its owner may read it.
    #[error(
        "key file [{path}] may be read by others than its owner (mode {mode:o}); run \
         `chmod 600` on it, and consider its keys compromised if others have accounts here",
        path = path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A line is not a key.
    #[error("key file [{path}], line {line}: {reason}", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line, counted from one.
        line: usize,
        /// What is wrong; never the line itself.
        reason: &'static str,
    },
    /// There is no such file, and there must be.
    #[error("there is no key file [{path}]", path = path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It says that it belongs to another store.
    #[error(
        "key file [{path}] belongs to another store, [{named}] and not [{store}]; name the data \
         directory that it belongs to, or move it away",
        path = path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The store that it names.
        named: String,
        /// The store that is open.
        store: String,
    },
    /// The store lists keys that it lacks: their tokens could not be checked.
    #[error(
        "the store lists key {ids}, which the key file [{path}] does not hold; put the file back, \
         or, if it is lost for good, run `jeton keys lost`: every token dies, and a new key is made",
        path = path.display(), ids = joined(ids)
    )]
    Lacks {
        /// The file.
        path: PathBuf,
        /// The keys.
        ids: Vec<KeyId>,
    },
    /// It holds another key under this id than the one that the store was used with.
    #[error(
        "the key file [{path}] holds another key {id} than the one that this store was used with; \
         put the right file back, or, if it is lost for good, run `jeton keys lost`: every token \
         dies, and a new key is made",
        path = path.display()
    )]
    Differs {
        /// The file.
        path: PathBuf,
        /// The key.
        id: KeyId,
    },
}

/// The keys of the file, by id.
#[derive(Default)]
pub(crate) struct KeyFile {
    /// The store that it belongs to. A file that names none is taken for any store's.
    store: Option<String>,
    keys: BTreeMap<KeyId, Zeroizing<[u8; KEY_BYTES]>>,
}

/// What shows that the file has changed, without reading it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen(Option<(u64, i64, i64, u64)>);

impl Seen {
    /// The file as it is now.
    pub(crate) fn of(path: &Path) -> Self {
        let found = std::fs::metadata(path).ok();
        Self(found.map(|file| (file.ino(), file.mtime(), file.mtime_nsec(), file.size())))
    }
}

impl KeyFile {
    /// Reads the file; `None` if there is none. A file that others may read is refused.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, KeyFileError> {
        let failed = |error: &io::Error| io_error(path, error);
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&error)),
        };
        let mode = file.metadata().map_err(|error| failed(&error))?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(String::new());
        let bounded = io::Read::take(file, FILE_BYTES_MAX);
        io::Read::read_to_string(&mut { bounded }, &mut text).map_err(|error| failed(&error))?;
        Self::parse(&text).map(Some).map_err(|(line, reason)| KeyFileError::Line {
            path: path.to_owned(),
            line,
            reason,
        })
    }

    /// Refuses a file that names another store than this one.
    pub(crate) fn check_store(&self, path: &Path, store: &str) -> Result<(), KeyFileError> {
        match &self.store {
            Some(named) if named != store => Err(KeyFileError::Foreign {
                path: path.to_owned(),
                named: named.clone(),
                store: store.to_owned(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Names the store that it belongs to.
    pub(crate) fn bind(&mut self, store: &str) {
        self.store = Some(store.to_owned());
    }

    /// The key of this id.
    pub(crate) fn key(&self, id: KeyId) -> Option<&[u8; KEY_BYTES]> {
        self.keys.get(&id).map(|key| &**key)
    }

    /// The ids, in order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys.keys().copied()
    }

    /// Puts a new random key under an id that has none.
    pub(crate) fn add(&mut self, id: KeyId, entropy: &dyn Entropy) {
        let key = self.keys.entry(id).or_insert_with(|| {
            let mut key = Zeroizing::new([0; KEY_BYTES]);
            entropy.fill(key.as_mut_slice());
            key
        });
        debug_assert_ne!(**key, [0; KEY_BYTES], "a key is never blank");
    }

    /// Takes a key away, if it is there.
    pub(crate) fn remove(&mut self, id: KeyId) {
        self.keys.remove(&id);
    }

    /// Replaces the file whole and durably; readable by its owner only. A link stays a link: what
    /// it leads to is replaced.
    pub(crate) fn write(&self, path: &Path) -> Result<(), KeyFileError> {
        let failed = |error: &io::Error| io_error(path, error);
        let path = &resolved(path).map_err(|error| failed(&error))?;
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(directory).map_err(|error| failed(&error))?;
        let fresh = path.with_extension("keys.new");
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&error)),
            Ok(()) | Err(_) => {}
        }
        self.write_new(&fresh).map_err(|error| failed(&error))?;
        std::fs::rename(&fresh, path).map_err(|error| failed(&error))?;
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| failed(&error))
    }

    fn write_new(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        // The mode of `open` is cut by the mask of the process; say it again.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(self.print().as_bytes())?;
        file.sync_all()
    }

    fn parse(text: &str) -> Result<Self, (usize, &'static str)> {
        let mut file = Self::default();
        for (at, line) in text.lines().enumerate() {
            let number = at.saturating_add(1);
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (id, key) = line.split_once(' ').ok_or((number, "expected an id and a key"))?;
            if id == STORE {
                let named = key.trim();
                if named.len() > STORE_BYTES_MAX
                    || !named.bytes().all(|byte| byte.is_ascii_graphic())
                {
                    return Err((number, "expected the id of a store"));
                }
                if file.store.replace(named.to_owned()).is_some() {
                    return Err((number, "the store stands on an earlier line too"));
                }
                continue;
            }
            let id: KeyId = id.parse().map_err(|_| (number, "an id is a number below 256"))?;
            let decoded = STANDARD.decode(key.trim()).map(Zeroizing::new);
            let decoded = decoded.map_err(|_| (number, "a key is written in base64"))?;
            let key = <[u8; KEY_BYTES]>::try_from(decoded.as_slice())
                .map_err(|_| (number, "a key has 32 bytes"))?;
            if file.keys.insert(id, Zeroizing::new(key)).is_some() {
                return Err((number, "this id stands on an earlier line too"));
            }
        }
        Ok(file)
    }

    fn print(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::from(HEADER));
        if let Some(store) = &self.store {
            text.push_str(STORE);
            text.push(' ');
            text.push_str(store);
            text.push('\n');
        }
        for (id, key) in &self.keys {
            let coded = Zeroizing::new(STANDARD.encode(key.as_slice()));
            text.push_str(&id.to_string());
            text.push(' ');
            text.push_str(&coded);
            text.push('\n');
        }
        text
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.keys.keys()).finish()
    }
}

/// Where the file lies, behind links if there are any.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    match std::fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if std::fs::symlink_metadata(path).is_ok() {
                return Err(io::Error::new(error.kind(), "the link leads nowhere"));
            }
            Ok(path.to_owned())
        }
        found => found,
    }
}

fn joined(ids: &[KeyId]) -> String {
    ids.iter().map(KeyId::to_string).collect::<Vec<_>>().join(", ")
}

fn io_error(path: &Path, error: &io::Error) -> KeyFileError {
    KeyFileError::Io { path: path.to_owned(), reason: error.to_string() }
}

/// Largest key file, in bytes: 256 keys take less.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// What the line begins with that names the store.
const STORE: &str = "store";
/// Longest id of a store, in bytes.
const STORE_BYTES_MAX: usize = 64;

const HEADER: &str = "\
# Token keys of Jeton: with this file and the store, tokens can be made. Keep it secret, keep it\n\
# out of backups of the store, and change it with `jeton keys` only.\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemEntropy;

    fn filled() -> KeyFile {
        let mut file = KeyFile::default();
        for id in [1, 2, 255] {
            file.add(KeyId::new(id), &SystemEntropy);
        }
        file
    }

    #[test]
    fn a_file_reads_back_what_was_written_and_only_its_owner_may_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token.keys");
        assert!(KeyFile::read(&path).unwrap().is_none());
        let written = filled();
        written.write(&path).unwrap();
        written.write(&path).unwrap();
        let read = KeyFile::read(&path).unwrap().unwrap();
        assert!(read.ids().eq(written.ids()));
        assert_eq!(read.key(KeyId::new(2)), written.key(KeyId::new(2)));
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token.keys");
        filled().write(&path).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let refusal = KeyFile::read(&path).unwrap_err().to_string();
        assert!(refusal.contains("mode 640"), "{refusal}");
    }

    #[test]
    fn a_broken_line_is_named_and_not_shown() {
        let good = filled().print();
        let again = format!("{}{}", *good, good.lines().last().unwrap());
        for (text, line) in [
            ("hunter2", 1),
            ("# x\n\n1 hunter2", 3),
            ("256 AAAA", 1),
            ("1 AAAA", 1),
            (again.as_str(), 6),
        ] {
            let (found, reason) = KeyFile::parse(text).unwrap_err();
            assert_eq!(found, line, "{text}");
            assert!(!reason.contains("hunter2"));
        }
    }

    #[test]
    fn a_file_belongs_to_the_store_that_it_names() {
        let path = Path::new("token.keys");
        let mut file = filled();
        assert!(file.check_store(path, "a").is_ok(), "one that names none is any store's");
        file.bind("a");
        let file = KeyFile::parse(&file.print()).unwrap();
        assert!(file.check_store(path, "a").is_ok());
        let refusal = file.check_store(path, "b").unwrap_err().to_string();
        assert!(refusal.contains("another store, [a] and not [b]"), "{refusal}");
        for text in ["store", "store a\nstore a", "store a b", &format!("store {:065}", 0)] {
            assert!(KeyFile::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_link_stays_a_link_and_what_it_leads_to_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let (link, target) = (directory.path().join("link"), directory.path().join("held/t.keys"));
        std::fs::create_dir(directory.path().join("held")).unwrap();
        std::os::unix::fs::symlink("held/t.keys", &link).unwrap();
        assert!(filled().write(&link).unwrap_err().to_string().contains("leads nowhere"));
        KeyFile::default().write(&target).unwrap();
        filled().write(&link).unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(KeyFile::read(&target).unwrap().unwrap().ids().count(), 3);
        assert_eq!(std::fs::metadata(&target).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn keys_do_not_print() {
        let mut file = KeyFile::default();
        file.add(KeyId::new(7), &SystemEntropy);
        assert_eq!(format!("{file:?}"), "{KeyId(7)}");
    }
}
