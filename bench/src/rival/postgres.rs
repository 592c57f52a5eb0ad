//! PostgreSQL with a well-indexed table of opaque tokens.
//!
//! Owns the settings, the tables and every statement. A token is found by the SHA-256 of its text.
//! It can be invalidated row by row, by a flag, or with all of its realm, by the realm's epoch.

use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};

use super::tool::need;
use super::{Rival, folder, free_address};
use crate::baseline::book::hash;
use crate::chance::Chance;
use crate::clock::{self, Stopwatch};
use crate::error::{BenchError, Outcome, Trying};
use crate::process::Core;
use crate::rows::username;
use crate::stats::real;

/// Starts one with an empty table of tokens.
pub(crate) fn start(scratch: &Path, core: Core) -> Outcome<Rival> {
    Database::create(scratch)?.start(core)
}

/// The files of a database, which can be kept as they are and restored.
#[derive(Debug)]
pub(crate) struct Database {
    folder: PathBuf,
    account: Account,
}

impl Database {
    /// One with an empty table of tokens.
    pub(crate) fn create(scratch: &Path) -> Outcome<Self> {
        let database =
            Self { folder: folder(scratch, "postgres")?, account: Account::to_run_as()? };
        let files = database.files();
        let what = || format!("cannot make {}", files.display());
        std::fs::create_dir(&files).trying(what)?;
        database.account.give(&files).trying(what)?;
        initialize(&files, &database.account)?;
        let server = database.start(Core::Any)?;
        Session::open(server.address())?.batch(TABLES)?;
        server.end()?;
        Ok(database)
    }

    /// Starts a server on the files.
    pub(crate) fn start(&self, core: Core) -> Outcome<Rival> {
        let (files, address) = (self.files(), free_address()?);
        let mut command = Command::new(need("postgres")?);
        command.arg("-D").arg(&files).args(["-p", &address.port().to_string()]);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        self.account.take(command.current_dir(&files));
        Rival::start(command, core, address, "ready to accept connections", &self.folder)
    }

    /// Puts the files aside; no server runs on them.
    pub(crate) fn keep(&self) -> Outcome<()> {
        let what = || "cannot put the files of a database aside".to_owned();
        std::fs::rename(self.files(), self.kept()).trying(what)
    }

    /// Takes a copy of what was put aside; no server runs on the files there are.
    pub(crate) fn restore(&self) -> Outcome<()> {
        let (files, what) = (self.files(), || "cannot restore the files of a database".to_owned());
        if files.exists() {
            std::fs::remove_dir_all(&files).trying(what)?;
        }
        // Owners and modes stay as they are.
        let copied = Command::new("cp").arg("-a").arg(self.kept()).arg(&files).status();
        if !copied.trying(what)?.success() {
            return Err(BenchError::Setup(what()));
        }
        // What is copied must be on disk, or the first sync of the server pays for it.
        rustix::fs::sync();
        Ok(())
    }

    /// Removes everything.
    pub(crate) fn remove(self) -> Outcome<()> {
        let what = || format!("cannot remove {}", self.folder.display());
        std::fs::remove_dir_all(&self.folder).trying(what)
    }

    fn files(&self) -> PathBuf {
        self.folder.join("files")
    }

    fn kept(&self) -> PathBuf {
        self.folder.join("kept")
    }
}

/// Makes the files of an empty database.
fn initialize(files: &Path, account: &Account) -> Outcome<()> {
    let mut command = Command::new(need("initdb")?);
    command.arg("-D").arg(files).args(["-U", USER, "--auth=trust", "--no-sync"]);
    command.args(["--encoding=UTF8", "--locale=C"]).stdin(Stdio::null());
    account.take(command.current_dir(files));
    let output = command.output().trying(|| "cannot run initdb".to_owned())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let reach = "its user must be able to reach the directory of the benchmarks";
    Err(BenchError::Setup(format!("initdb failed ({reach}): {said}")))
}

/// Who it runs as: it refuses root.
#[derive(Debug)]
struct Account(Option<(u32, u32)>);

impl Account {
    fn to_run_as() -> Outcome<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self(None));
        }
        let accounts = std::fs::read_to_string("/etc/passwd");
        let accounts = accounts.trying(|| "cannot read /etc/passwd".to_owned())?;
        let ids = ["postgres", "nobody"].into_iter().find_map(|name| ids_of(name, &accounts));
        let missing = || BenchError::Setup("PostgreSQL needs a user that is not root".to_owned());
        ids.map(|ids| Self(Some(ids))).ok_or_else(missing)
    }

    /// Makes a directory its own, which it alone may read, and reach.
    fn give(&self, files: &Path) -> std::io::Result<()> {
        std::fs::set_permissions(files, PermissionsExt::from_mode(0o700))?;
        let Some((user, group)) = self.0 else { return Ok(()) };
        chown(files, Some(user), Some(group))?;
        // The directory of a run is closed to others.
        let run: Option<PathBuf> = files.ancestors().nth(2).map(Path::to_owned);
        run.map_or(Ok(()), |run| std::fs::set_permissions(run, PermissionsExt::from_mode(0o711)))
    }

    /// Lets a command run as it.
    fn take(&self, command: &mut Command) {
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
    }
}

/// The ids of a user and of their group.
fn ids_of(name: &str, accounts: &str) -> Option<(u32, u32)> {
    let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut ids = line.split(':').skip(2).map(str::parse::<u32>);
    Some((ids.next()?.ok()?, ids.next()?.ok()?))
}

/// Connects; whoever calls lives in a runtime, which also runs the connection.
pub(crate) async fn connect(address: SocketAddr) -> Outcome<Client> {
    let mut config = tokio_postgres::Config::new();
    config.host(address.ip().to_string()).port(address.port()).user(USER).dbname("postgres");
    let (client, connection) = config.connect(NoTls).await?;
    // When it breaks, every request over it fails, and says so.
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

/// A connection for one request at a time, and the runtime that it lives in.
pub(crate) struct Session {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Session {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> Outcome<Self> {
        let runtime = runtime()?;
        let client = runtime.block_on(connect(address))?;
        Ok(Self { runtime, client })
    }

    /// Runs statements without parameters.
    pub(crate) fn batch(&self, statements: &str) -> Outcome<()> {
        Ok(self.runtime.block_on(self.client.batch_execute(statements))?)
    }

    /// Runs a statement that was prepared; the rows that it changed and the seconds that it took.
    pub(crate) fn timed(
        &self,
        statement: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Outcome<(u64, f64)> {
        self.runtime.block_on(async {
            let prepared = self.client.prepare(statement).await?;
            let watch = Stopwatch::start();
            let rows = self.client.execute(&prepared, parameters).await?;
            Ok((rows, watch.seconds()))
        })
    }

    /// Stores tokens of a realm, of whose names and hashes there are as many.
    pub(crate) fn store(&self, realm: i32, names: &[String], hashes: &[&[u8]]) -> Outcome<()> {
        self.runtime.block_on(async {
            self.client.execute(STORE_MANY, &[&hashes, &names, &realm]).await?;
            Ok::<_, BenchError>(())
        })?;
        self.settle()
    }

    /// As it would be after a while: statistics are there, and pages are clean.
    fn settle(&self) -> Outcome<()> {
        self.batch("VACUUM ANALYZE tokens")?;
        self.batch("CHECKPOINT")
    }

    /// Fills the table anew with so many tokens of a large realm, and with some of a small one.
    pub(crate) fn fill(&self, large: i64, small: i64) -> Outcome<()> {
        self.batch(&format!(
            "DROP TABLE tokens; {TOKENS}; {};
             INSERT INTO tokens {rows_of_small};
             INSERT INTO tokens {rows_of_large};
             ALTER TABLE tokens ADD PRIMARY KEY (hash);
             {INDEX}",
            "UPDATE realms SET epoch = 0",
            rows_of_small = generated(SMALL_REALM, small),
            rows_of_large = generated(LARGE_REALM, large),
        ))?;
        self.settle()
    }
}

/// Connections that store new tokens, each one after the other.
pub(crate) struct Issuers {
    runtime: tokio::runtime::Runtime,
    each: Vec<Arc<Issuer>>,
}

struct Issuer {
    client: Client,
    store: Statement,
}

impl Issuers {
    /// Opens so many connections.
    pub(crate) fn connect(address: SocketAddr, connections: usize) -> Outcome<Self> {
        let runtime = runtime()?;
        let each = runtime.block_on(async {
            let mut each = Vec::with_capacity(connections);
            for _ in 0..connections {
                let client = connect(address).await?;
                let store = client.prepare(STORE_ONE).await?;
                each.push(Arc::new(Issuer { client, store }));
            }
            Ok::<_, BenchError>(each)
        })?;
        Ok(Self { runtime, each })
    }

    /// Durable rows a second.
    pub(crate) fn rate(&self, seconds: f64) -> Outcome<f64> {
        let watch = Stopwatch::start();
        let stored = self.runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for (number, issuer) in (0_u64..).zip(&self.each) {
                let seed = u64::try_from(clock::now().ms()).unwrap_or_default();
                let chance = Chance::new(seed.wrapping_mul(CONNECTIONS_MAX).wrapping_add(number));
                tasks.spawn(Arc::clone(issuer).issue(chance, watch, seconds));
            }
            let mut stored = 0_u64;
            while let Some(ended) = tasks.join_next().await {
                let ended = ended.map_err(|error| BenchError::Setup(error.to_string()))?;
                stored = stored.saturating_add(ended?);
            }
            Ok::<_, BenchError>(stored)
        })?;
        Ok(real(stored) / watch.seconds())
    }
}

impl Issuer {
    /// Stores tokens until so many seconds have passed; how many.
    async fn issue(
        self: Arc<Self>,
        mut chance: Chance,
        watch: Stopwatch,
        seconds: f64,
    ) -> Outcome<u64> {
        let mut stored = 0_u64;
        while watch.seconds() < seconds {
            let hash = hash(&chance.bytes::<32>());
            let user = usize::try_from(chance.next() % 1_000).unwrap_or_default();
            let (hash, user) = (hash.as_slice(), username(user));
            self.client.execute(&self.store, &[&hash, &SMALL_REALM, &user]).await?;
            stored = stored.saturating_add(1);
        }
        Ok(stored)
    }
}

fn runtime() -> Outcome<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.trying(|| "no runtime".to_owned())
}

/// A query that makes tokens of a realm, each of which belongs to one of a thousand users.
fn generated(realm: i32, tokens: i64) -> String {
    format!(
        "SELECT sha256(int4send({realm}) || int8send(n)), {realm},
            'user-' || lpad((n % 1000)::text, 5, '0'), now() + interval '20 hours', false, 0
         FROM generate_series(1, {tokens}) AS n"
    )
}

/// Finds a live token, which is invalidated by a flag of its own.
pub(crate) const FIND: &str = "SELECT username FROM tokens
    WHERE hash = $1 AND NOT revoked AND expires > now()";

/// Finds a live token, which is invalidated by itself or with its realm.
pub(crate) const FIND_IN_EPOCH: &str =
    "SELECT username FROM tokens JOIN realms ON realms.id = realm
    WHERE hash = $1 AND NOT revoked AND expires > now() AND tokens.epoch = realms.epoch";

/// Stores a new token.
pub(crate) const STORE_ONE: &str = "INSERT INTO tokens VALUES
    ($1, $2, $3, now() + interval '20 minutes', false, 0)";

/// Invalidates a token.
pub(crate) const REVOKE_ONE: &str = "UPDATE tokens SET revoked = true WHERE hash = $1
    AND NOT revoked";

/// Invalidates a realm row by row.
pub(crate) const REVOKE_REALM: &str = "UPDATE tokens SET revoked = true WHERE realm = $1
    AND NOT revoked";

/// Invalidates a realm by its epoch: nobody learns how many tokens that were.
pub(crate) const BUMP_EPOCH: &str = "UPDATE realms SET epoch = epoch + 1 WHERE id = $1";

const STORE_MANY: &str = "INSERT INTO tokens SELECT hash, $3, username,
    now() + interval '20 hours', false, 0 FROM UNNEST($1::bytea[], $2::text[]) AS u (hash, username)";

/// The id of a realm with few tokens.
pub(crate) const SMALL_REALM: i32 = 1;
/// The id of a realm with many tokens.
pub(crate) const LARGE_REALM: i32 = 2;

/// One index by realm and user serves invalidation by either; the flag is in none, so that a row
/// whose page has room is invalidated without touching them.
const INDEX: &str = "CREATE INDEX tokens_owner ON tokens (realm, username)";
const TOKENS: &str = "CREATE TABLE tokens (hash bytea NOT NULL, realm int NOT NULL,
    username text NOT NULL, expires timestamptz NOT NULL, revoked boolean NOT NULL,
    epoch bigint NOT NULL)";
const TABLES: &str = "
    CREATE TABLE realms (id int PRIMARY KEY, name text NOT NULL UNIQUE, epoch bigint NOT NULL);
    INSERT INTO realms VALUES (1, 'small', 0), (2, 'large', 0);
    CREATE TABLE tokens (hash bytea PRIMARY KEY, realm int NOT NULL, username text NOT NULL,
        expires timestamptz NOT NULL, revoked boolean NOT NULL, epoch bigint NOT NULL);
    CREATE INDEX tokens_owner ON tokens (realm, username)";

/// Durable, with room, no replica, and no checkpoint in the middle of a run.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=8GB",
    "checkpoint_timeout=1h",
    "shared_buffers=512MB",
    "maintenance_work_mem=256MB",
    "max_connections=200",
    "max_parallel_maintenance_workers=0",
];

const USER: &str = "bench";
/// More than there are connections: their streams of random bits differ.
const CONNECTIONS_MAX: u64 = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_behind_the_name_of_an_account() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65533:n:/:/bin/false\n";
        assert_eq!(ids_of("nobody", accounts), Some((65_534, 65_533)));
        assert_eq!(ids_of("no", accounts), None);
    }
}
