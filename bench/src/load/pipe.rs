//! One connection of the load generator, in clear or under TLS, with a batch of requests under way.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use rustls::ClientConnection;

use super::tls::Trust;
use crate::error::{BenchError, Outcome, Trying};
use crate::http::{self, Framed};

/// A connection with a few requests under way.
#[derive(Debug)]
pub(super) struct Pipe {
    stream: TcpStream,
    session: Option<Box<ClientConnection>>,
    /// Requests to be sent.
    outgoing: Vec<u8>,
    buffer: Box<[u8]>,
    /// Bytes read, and how many of them belong to answers that were taken.
    filled: usize,
    taken: usize,
    /// The head of the last answer, which the next one most often repeats, and where its body lies.
    head: Vec<u8>,
    framed: Framed,
    /// Answers that are missing, and which requests they are to: `batch` in order.
    batch: Vec<usize>,
    heard: usize,
}

impl Pipe {
    /// Connects, and shakes hands when there is whom to trust.
    pub(super) fn open(address: SocketAddr, trust: Option<&Trust>) -> Outcome<Self> {
        let mut stream = http::connected(address)?;
        let session = trust.map(|trust| trust.shake_hands(&mut stream)).transpose()?;
        stream.set_nonblocking(true).trying(|| "cannot read without waiting".to_owned())?;
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Ok(Self {
            stream,
            session: session.map(Box::new),
            outgoing: Vec::new(),
            buffer,
            filled: 0,
            taken: 0,
            head: Vec::new(),
            framed: Framed { status: 0, body: 0..0 },
            batch: Vec::new(),
            heard: 0,
        })
    }

    pub(super) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Where a request is put, to be sent with the next ones.
    pub(super) fn add(&mut self, place: usize) -> &mut Vec<u8> {
        self.batch.push(place);
        &mut self.outgoing
    }

    /// Sends what was put. It is far shorter than what the system takes without waiting.
    pub(super) fn send(&mut self) -> Outcome<()> {
        let what = || "cannot send a request".to_owned();
        match &mut self.session {
            None => self.stream.write_all(&self.outgoing).trying(what)?,
            Some(session) => {
                session.writer().write_all(&self.outgoing).trying(what)?;
                while session.wants_write() {
                    session.write_tls(&mut self.stream).trying(what)?;
                }
            }
        }
        self.outgoing.clear();
        Ok(())
    }

    /// Reads what has come; false when nothing has.
    pub(super) fn receive(&mut self) -> Outcome<bool> {
        if self.taken == self.filled {
            (self.taken, self.filled) = (0, 0);
        } else if self.taken > 0 {
            self.buffer.copy_within(self.taken..self.filled, 0);
            (self.taken, self.filled) = (0, self.filled.saturating_sub(self.taken));
        }
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let read = match &mut self.session {
            None => self.stream.read(room),
            Some(session) => read_tls(session, &mut self.stream, room),
        };
        match read {
            Ok(0) => Err(BenchError::Answer("the connection was closed".to_owned())),
            Ok(read) => {
                self.filled = self.filled.saturating_add(read);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error).trying(|| "cannot read an answer".to_owned()),
        }
    }

    /// Takes the next whole answer of those read: its status, its body, and which request it is to.
    pub(super) fn take(&mut self) -> Outcome<Option<(u16, &[u8], usize)>> {
        let bytes = self.buffer.get(self.taken..self.filled).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(None);
        }
        // An answer with the very head of the last one is framed as that was.
        if self.head.is_empty() || !bytes.starts_with(&self.head) {
            let Some(framed) = http::frame(bytes)? else { return Ok(None) };
            self.head.clear();
            self.head.extend(bytes.iter().take(framed.body.start));
            self.framed = framed;
        }
        let Some(body) = bytes.get(self.framed.body.clone()) else { return Ok(None) };
        let unasked = || BenchError::Answer("an answer that nobody asked for".to_owned());
        let place = self.batch.get(self.heard).copied().ok_or_else(unasked)?;
        self.taken = self.taken.saturating_add(self.framed.body.end);
        self.heard = self.heard.saturating_add(1);
        Ok(Some((self.framed.status, body, place)))
    }

    /// Whether every request was answered; then the next ones can be put.
    pub(super) fn is_done(&mut self) -> bool {
        let is_done = self.heard == self.batch.len();
        if is_done {
            self.batch.clear();
            self.heard = 0;
        }
        is_done
    }
}

/// Reads what has come, and takes all of it out of the session: nobody is told again of what stays.
fn read_tls(
    session: &mut ClientConnection,
    stream: &mut TcpStream,
    room: &mut [u8],
) -> io::Result<usize> {
    if session.read_tls(stream)? == 0 {
        return Ok(0);
    }
    session.process_new_packets().map_err(io::Error::other)?;
    let mut filled = 0_usize;
    loop {
        let room = room.get_mut(filled..).unwrap_or_default();
        if room.is_empty() {
            return Err(io::Error::other("the answers are too long"));
        }
        match session.reader().read(room) {
            Ok(read @ 1..) => filled = filled.saturating_add(read),
            // Some of a record, or a message of the protocol.
            Err(error) if error.kind() == ErrorKind::WouldBlock && filled > 0 => return Ok(filled),
            other => return other,
        }
    }
}

/// Room for the answers to one batch, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;
