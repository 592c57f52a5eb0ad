//! Redis, which says that something is done once it is on disk.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use super::tool::need;
use super::{Rival, folder, free_address};
use crate::error::{BenchError, Outcome, Trying};
use crate::http::connected;
use crate::process::Core;
use crate::resp::{Reply, command, parse};

/// Starts an empty one.
pub(crate) fn start(scratch: &Path, core: Core) -> Outcome<Rival> {
    let folder = folder(scratch, "redis")?;
    let address = free_address()?;
    let mut command = Command::new(need("redis-server")?);
    command.current_dir(&folder);
    command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string()]);
    // No snapshots: the log is what makes it durable, and it is synced before an answer.
    command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
    Rival::start(command, core, address, "Ready to accept connections", &folder)
}

/// Stores tokens for a day under these keys, made in the first epoch of their realm.
pub(crate) fn store(address: SocketAddr, names: &[String], keys: &[[u8; 32]]) -> Outcome<()> {
    let mut session = Session::open(address)?;
    session.call(&[&[b"SET", b"epoch", b"0"]])?;
    let values: Vec<String> = names.iter().map(|name| format!("0 {name}")).collect();
    let sets: Vec<[&[u8]; 5]> = keys
        .iter()
        .zip(&values)
        .map(|(key, value)| [b"SET".as_slice(), key, value.as_bytes(), b"EX", b"86400"])
        .collect();
    for some in sets.chunks(COMMANDS_A_WRITE) {
        let some: Vec<&[&[u8]]> = some.iter().map(<[&[u8]; 5]>::as_slice).collect();
        session.call(&some)?;
    }
    Ok(())
}

/// A connection that asks and waits.
#[derive(Debug)]
pub(crate) struct Session {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Session {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> Outcome<Self> {
        Ok(Self { stream: connected(address)?, unread: Vec::new() })
    }

    /// Invalidates a token: without its key nothing is found.
    pub(crate) fn revoke(&mut self, key: &[u8; 32]) -> Outcome<u64> {
        self.count(&[b"DEL", key])
    }

    /// Empties the store and fills it with so many tokens of a realm, whose keys stand in a set.
    pub(crate) fn fill(&mut self, tokens: usize) -> Outcome<()> {
        self.call(&[&[b"FLUSHALL"], &[b"SET", b"epoch", b"0"]])?;
        let mut first = 0;
        while first < tokens {
            let end = tokens.min(first.saturating_add(TOKENS_A_SCRIPT));
            let bounds = [first.to_string(), end.saturating_sub(1).to_string()];
            let [from, to] = &bounds;
            self.count(&[b"EVAL", FILL, b"1", REALM, from.as_bytes(), to.as_bytes()])?;
            first = end;
        }
        Ok(())
    }

    /// Invalidates a realm key by key; how many they were.
    pub(crate) fn revoke_realm(&mut self) -> Outcome<u64> {
        self.count(&[b"EVAL", REVOKE, b"1", REALM])
    }

    /// Invalidates a realm by its epoch: nobody learns how many tokens that were.
    pub(crate) fn bump_epoch(&mut self) -> Outcome<u64> {
        self.count(&[b"INCR", b"epoch"])
    }

    /// Sends a command that is answered with a number.
    fn count(&mut self, words: &[&[u8]]) -> Outcome<u64> {
        let mut out = Vec::new();
        command(&mut out, words);
        self.stream.write_all(&out).trying(|| "cannot write to Redis".to_owned())?;
        let reply = self.reply()?;
        let number = match &reply {
            Reply::Other(line) => std::str::from_utf8(line).ok().and_then(|line| {
                let number = line.strip_prefix(':')?;
                number.parse().ok()
            }),
            Reply::Text(_) | Reply::Texts(_) => None,
        };
        number.ok_or_else(|| BenchError::Answer(format!("Redis says {reply:?}")))
    }

    /// Sends commands at once and waits for all their answers.
    fn call(&mut self, commands: &[&[&[u8]]]) -> Outcome<()> {
        let mut out = Vec::new();
        for words in commands {
            command(&mut out, words);
        }
        self.stream.write_all(&out).trying(|| "cannot write to Redis".to_owned())?;
        for _ in commands {
            let reply = self.reply()?;
            if let Reply::Other(line) = &reply
                && line.starts_with(b"-")
            {
                let line = String::from_utf8_lossy(line).into_owned();
                return Err(BenchError::Answer(format!("Redis says {line}")));
            }
        }
        Ok(())
    }

    fn reply(&mut self) -> Outcome<Reply> {
        let mut piece = [0; 4096];
        loop {
            if let Some((reply, length)) = parse(&self.unread) {
                self.unread.drain(..length);
                return Ok(reply);
            }
            let read = self.stream.read(&mut piece).trying(|| "Redis is silent".to_owned())?;
            if read == 0 {
                return Err(BenchError::Answer("Redis closed the connection".to_owned()));
            }
            self.unread.extend(piece.iter().take(read));
        }
    }
}

const COMMANDS_A_WRITE: usize = 500;
const TOKENS_A_SCRIPT: usize = 100_000;
/// The set of a realm's keys.
const REALM: &[u8] = b"realm";
/// Stores tokens with these numbers; how many.
const FILL: &[u8] = b"for number = ARGV[1], ARGV[2] do
    local key = redis.sha1hex(number)
    redis.call('SET', key, '0 user-' .. (number % 1000), 'EX', 86400)
    redis.call('SADD', KEYS[1], key)
end
return ARGV[2] - ARGV[1] + 1";
/// Takes keys out of a realm's set and removes them, some at a time; how many.
const REVOKE: &[u8] = b"local count = 0
while true do
    local keys = redis.call('SPOP', KEYS[1], 1000)
    if #keys == 0 then return count end
    count = count + redis.call('UNLINK', unpack(keys))
end";
