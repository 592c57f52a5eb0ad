//! A dictionary of tokens in Redis, over one connection that many requests share, or over one for
//! each.
//!
//! Over a shared one, whatever is asked while a write is under way goes out with the next one, and
//! answers are read as they come. A token's value is its realm's epoch when it was made, a blank,
//! and its user's name.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

use crate::error::{BenchError, Outcome, Trying};
use crate::resp::{Reply, parse};

pub(in crate::baseline) struct Dictionary {
    asks: mpsc::UnboundedSender<Ask>,
    /// Whether the realm's epoch counts too.
    has_epoch: bool,
}

struct Ask {
    command: Command,
    answer: oneshot::Sender<Reply>,
}

enum Command {
    Get([u8; 32]),
    GetWithEpoch([u8; 32]),
}

impl Command {
    /// As it goes over the wire. The realm's epoch has one key: with more realms than one, a token
    /// would have to name its own.
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Get(key) => {
                out.extend_from_slice(b"*2\r\n$3\r\nGET\r\n$32\r\n");
                out.extend_from_slice(key);
                out.extend_from_slice(b"\r\n");
            }
            Self::GetWithEpoch(key) => {
                out.extend_from_slice(b"*3\r\n$4\r\nMGET\r\n$32\r\n");
                out.extend_from_slice(key);
                out.extend_from_slice(b"\r\n$5\r\nepoch\r\n");
            }
        }
    }
}

impl Dictionary {
    /// Connects.
    pub(super) async fn open(store: SocketAddr, has_epoch: bool) -> Outcome<Self> {
        let (reader, writer) = connect(store).await?.into_split();
        let (asks, asked) = mpsc::unbounded_channel();
        let waiting = Arc::new(Mutex::new(VecDeque::new()));
        // When one of them ends, nothing is answered any more, and who asks is told.
        tokio::spawn(send(writer, asked, Arc::clone(&waiting)));
        tokio::spawn(receive(reader, waiting));
        Ok(Self { asks, has_epoch })
    }

    /// Whether a token is live. One that has expired is gone.
    pub(super) async fn knows(&self, hash: &[u8; 32]) -> Outcome<bool> {
        let gone = || BenchError::Setup("Redis does not answer".to_owned());
        let command =
            if self.has_epoch { Command::GetWithEpoch(*hash) } else { Command::Get(*hash) };
        let (answer, reply) = oneshot::channel();
        self.asks.send(Ask { command, answer }).map_err(|_| gone())?;
        match reply.await.map_err(|_| gone())? {
            Reply::Text(text) => Ok(text.is_some()),
            Reply::Texts([Some(token), Some(epoch)]) => {
                let made = token.split(|byte| *byte == b' ').next();
                Ok(made == Some(&*epoch))
            }
            Reply::Texts([None, _]) => Ok(false),
            Reply::Texts([_, None]) | Reply::Other(_) => {
                Err(BenchError::Setup("Redis answers otherwise than it is asked".to_owned()))
            }
        }
    }
}

/// A connection that asks and waits.
pub(in crate::baseline) struct Line {
    stream: TcpStream,
    out: Vec<u8>,
    unread: BytesMut,
}

impl Line {
    /// Connects.
    pub(super) async fn open(store: SocketAddr) -> Outcome<Self> {
        let stream = connect(store).await?;
        Ok(Self { stream, out: Vec::new(), unread: BytesMut::with_capacity(LINE_BYTES) })
    }

    /// Whether a token is live.
    pub(super) async fn knows(&mut self, hash: &[u8; 32]) -> Outcome<bool> {
        let Self { stream, out, unread } = self;
        out.clear();
        unread.clear();
        Command::Get(*hash).write(out);
        stream.write_all(out).await.trying(|| "cannot write to Redis".to_owned())?;
        loop {
            let read = stream.read_buf(unread).await.trying(|| "Redis is silent".to_owned())?;
            if let Some((reply, _)) = parse(unread) {
                return Ok(matches!(reply, Reply::Text(Some(_))));
            }
            if read == 0 {
                return Err(BenchError::Setup("Redis does not answer".to_owned()));
            }
        }
    }
}

async fn connect(store: SocketAddr) -> Outcome<TcpStream> {
    let stream = TcpStream::connect(store).await.trying(|| format!("no Redis at {store}"))?;
    stream.set_nodelay(true).trying(|| "cannot send at once".to_owned())?;
    Ok(stream)
}

type Waiting = Arc<Mutex<VecDeque<oneshot::Sender<Reply>>>>;

async fn send(
    mut writer: OwnedWriteHalf,
    mut asked: mpsc::UnboundedReceiver<Ask>,
    waiting: Waiting,
) {
    let (mut asks, mut out) = (Vec::new(), Vec::new());
    while asked.recv_many(&mut asks, ASKS_A_WRITE).await > 0 {
        out.clear();
        {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            for Ask { command, answer } in asks.drain(..) {
                command.write(&mut out);
                waiting.push_back(answer);
            }
        }
        if writer.write_all(&out).await.is_err() {
            return;
        }
    }
}

async fn receive(mut reader: OwnedReadHalf, waiting: Waiting) {
    let mut bytes = BytesMut::with_capacity(READ_BYTES);
    while matches!(reader.read_buf(&mut bytes).await, Ok(1..)) {
        while let Some((reply, length)) = parse(&bytes) {
            drop(bytes.split_to(length));
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            // Who asked may have gone.
            next.map(|answer| answer.send(reply));
        }
        bytes.reserve(READ_BYTES);
    }
    waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

const ASKS_A_WRITE: usize = 256;
const READ_BYTES: usize = 16 * 1024;
const LINE_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::command;

    #[test]
    fn commands_are_what_the_protocol_makes_of_their_words() {
        let key = [7; 32];
        let written = |command: Command| {
            let mut out = Vec::new();
            command.write(&mut out);
            out
        };
        let printed = |words: &[&[u8]]| {
            let mut out = Vec::new();
            command(&mut out, words);
            out
        };
        assert_eq!(written(Command::Get(key)), printed(&[b"GET", &key]));
        assert_eq!(written(Command::GetWithEpoch(key)), printed(&[b"MGET", &key, b"epoch"]));
    }
}
