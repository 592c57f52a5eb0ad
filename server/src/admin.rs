//! The administrator's door of a running server: a socket in the data directory.
//!
//! Owns the socket's protection and the protocol: one line of JSON each way, then the end. Must
//! not know what an order does. Only processes of the same user are heard.

use std::io::{self, BufRead as _, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use zeroize::Zeroizing;

/// What an administrator asks for.
#[derive(Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Order {
    /// The keys of tokens and their states.
    ListKeys,
    /// A new key that verifies.
    AddKey,
    /// Makes a key the one that signs.
    ActivateKey {
        /// The key.
        id: u8,
    },
    /// Refuses the tokens of a key from now on.
    RetireKey {
        /// The key.
        id: u8,
        /// Whether others may hold it: everything is revoked then.
        is_compromised: bool,
    },
    /// Replaces the keys that the key file lacks: everything is revoked.
    ReplaceLostKeys,
    /// Gives a built-in or stored user a new password.
    ResetPassword {
        /// The user.
        username: String,
        /// The password.
        password: Zeroizing<String>,
    },
}

/// What an order comes to.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub(crate) enum Reply {
    /// The keys of tokens.
    Keys {
        /// One line a key.
        keys: Vec<KeyLine>,
    },
    /// It is done and durable.
    Done {
        /// What was done, in one sentence.
        message: String,
    },
    /// It is not done.
    Refused {
        /// Why, in one sentence.
        reason: String,
    },
}

/// What is shown of a key.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeyLine {
    /// Its id.
    pub(crate) id: u8,
    /// How far it has come.
    pub(crate) state: String,
    /// What tells two key files apart.
    pub(crate) fingerprint: String,
    /// When it was added, as RFC 3339.
    pub(crate) added: String,
    /// Whether the key file holds it.
    pub(crate) is_held: bool,
}

/// A bound door. Removed from the directory when it is dropped.
#[derive(Debug)]
pub(crate) struct Door {
    socket: UnixListener,
    path: PathBuf,
}

impl Door {
    /// Binds the door of a data directory that this process holds.
    pub(crate) fn bind(data: &Path) -> io::Result<Self> {
        let path = data.join(NAME);
        // Left behind by a process that was killed: the directory's lock says that it is gone.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let short = Short::of(data)?;
        let socket = UnixListener::bind(short.path())?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, path })
    }

    /// Hears one order after the other, for ever.
    pub(crate) async fn hear<A>(&self, answer: impl Fn(Order) -> A + Sync) -> io::Result<()>
    where
        A: Future<Output = Reply> + Send,
    {
        let socket = tokio::net::UnixListener::from_std(self.socket.try_clone()?)?;
        loop {
            let (stream, _) = socket.accept().await?;
            if !stream.peer_cred().is_ok_and(|peer| is_trusted(peer.uid())) {
                tracing::warn!("a process of another user knocked at the administrator's door");
                continue;
            }
            match tokio::time::timeout(ORDER_TIMEOUT, attend(stream, &answer)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "an administrator's order broke off"),
                Err(_) => tracing::warn!("an administrator's order took too long"),
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the administrator's door was gone already");
        }
    }
}

async fn attend<A>(
    mut stream: tokio::net::UnixStream,
    answer: &(impl Fn(Order) -> A + Sync),
) -> io::Result<()>
where
    A: Future<Output = Reply> + Send,
{
    let (reader, mut writer) = stream.split();
    let mut line = Zeroizing::new(String::new());
    BufReader::new(reader.take(LINE_BYTES_MAX)).read_line(&mut line).await?;
    let reply = match serde_json::from_str(&line) {
        Ok(order) => answer(order).await,
        // The line may hold a password: the reason must not repeat it.
        Err(_) => Reply::Refused { reason: "the order is not understood".to_owned() },
    };
    let mut text = serde_json::to_string(&reply)?;
    text.push('\n');
    writer.write_all(text.as_bytes()).await?;
    writer.shutdown().await
}

/// Gives an order to the server that holds this directory; `None` if no server does.
pub(crate) fn call(data: &Path, order: &Order) -> io::Result<Option<Reply>> {
    let short = match Short::of(data) {
        Ok(short) => short,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut stream = match UnixStream::connect(short.path()) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let peer = rustix::net::sockopt::socket_peercred(&stream)?;
    if !is_trusted(peer.uid.as_raw()) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the server runs as another user; run this command as that user",
        ));
    }
    stream.set_read_timeout(Some(ORDER_TIMEOUT))?;
    stream.set_write_timeout(Some(ORDER_TIMEOUT))?;
    let mut text = Zeroizing::new(serde_json::to_string(order)?);
    text.push('\n');
    stream.write_all(text.as_bytes())?;
    let mut line = String::new();
    io::BufReader::new(stream.take(LINE_BYTES_MAX)).read_line(&mut line)?;
    Ok(Some(serde_json::from_str(&line)?))
}

/// This process's own user, and the one who can do everything anyway.
fn is_trusted(user: u32) -> bool {
    user == 0 || user == rustix::process::geteuid().as_raw()
}

/// A short name for the door: the system's names of sockets end at 107 bytes.
struct Short(OwnedFd);

impl Short {
    fn of(data: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(data, flags, Mode::empty())?))
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{NAME}", self.0.as_raw_fd()))
    }
}

const NAME: &str = "admin.sock";
/// Longest order or reply, in bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// Time for one order, hashing and the commit included.
const ORDER_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn named(order: &Order) -> Reply {
        match order {
            Order::ResetPassword { username, password } => {
                Reply::Done { message: format!("{username} {}", password.len()) }
            }
            Order::ListKeys
            | Order::AddKey
            | Order::ActivateKey { .. }
            | Order::RetireKey { .. }
            | Order::ReplaceLostKeys => Reply::Refused { reason: "no".to_owned() },
        }
    }

    fn with_door(check: impl FnOnce(&Path) + Send) {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("d".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let door = Door::bind(&deep).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        std::thread::scope(|scope| {
            let (ended, end) = tokio::sync::oneshot::channel();
            let (door, deep) = (&door, &deep);
            scope.spawn(move || {
                check(deep);
                ended.send(()).unwrap();
            });
            runtime.block_on(async {
                tokio::select! {
                    _ = door.hear(async |order| named(&order)) => {}
                    _ = end => {}
                }
            });
        });
    }

    #[test]
    fn an_order_is_answered_however_deep_the_directory_lies() {
        with_door(|data| {
            let password = Zeroizing::new("secret".to_owned());
            let order = Order::ResetPassword { username: "elastic".to_owned(), password };
            let reply = call(data, &order).unwrap().unwrap();
            assert!(matches!(reply, Reply::Done { message } if message == "elastic 6"));
            let mode = std::fs::metadata(data.join(NAME)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        });
    }

    #[test]
    fn a_line_that_is_no_order_is_refused_and_not_repeated() {
        with_door(|data| {
            for line in ["hunter2\n", "{\"order\":\"hunter2\"}\n", "\n"] {
                let short = Short::of(data).unwrap();
                let mut stream = UnixStream::connect(short.path()).unwrap();
                stream.write_all(line.as_bytes()).unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                assert!(answer.contains("refused") && !answer.contains("hunter2"), "{answer}");
            }
        });
    }

    #[test]
    fn nobody_answers_where_no_server_runs() {
        let directory = tempfile::tempdir().unwrap();
        assert!(call(directory.path(), &Order::ListKeys).unwrap().is_none());
        assert!(call(&directory.path().join("none"), &Order::ListKeys).unwrap().is_none());
        // A server that was killed leaves its socket behind.
        drop(UnixListener::bind(directory.path().join(NAME)).unwrap());
        assert!(call(directory.path(), &Order::ListKeys).unwrap().is_none());
        drop(Door::bind(directory.path()).unwrap());
        assert!(!directory.path().join(NAME).exists());
    }
}
