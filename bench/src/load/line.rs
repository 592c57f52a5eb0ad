//! A connection with one request under way, whose answer its user looks into.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;

use rustix::event::epoll::{self, EventData, EventFlags};

use crate::error::{BenchError, Outcome, Trying};
use crate::http::{self, Answer};

/// A connection in the clear.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    buffer: Box<[u8]>,
    filled: usize,
}

/// A whole answer, where it was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard<'a> {
    /// The status code.
    pub(super) status: u16,
    /// The body.
    pub(super) body: &'a [u8],
    /// Everything that came, head included.
    whole: &'a [u8],
}

impl Heard<'_> {
    /// A copy that stays.
    pub(super) fn kept(self) -> Answer {
        let Self { status, body, whole } = self;
        Answer { status, whole: whole.to_vec(), body: body.to_vec() }
    }
}

impl Line {
    /// Connects. Answers are announced in `events` with the number of the line.
    pub(super) fn open(address: SocketAddr, events: &OwnedFd, number: usize) -> Outcome<Self> {
        let stream = http::connected(address)?;
        stream.set_nonblocking(true).trying(|| "cannot read without waiting".to_owned())?;
        let number = EventData::new_u64(u64::try_from(number).unwrap_or(u64::MAX));
        epoll::add(events, &stream, number, EventFlags::IN)
            .trying(|| "cannot wait for a connection".to_owned())?;
        Ok(Self { stream, buffer: vec![0; BUFFER_BYTES].into_boxed_slice(), filled: 0 })
    }

    /// Sends a request. It is far shorter than what the system takes without waiting.
    pub(super) fn send(&mut self, request: &[u8]) -> Outcome<()> {
        self.stream.write_all(request).trying(|| "cannot send a request".to_owned())
    }

    /// Reads what has come; the answer once it is whole.
    pub(super) fn receive(&mut self) -> Outcome<Option<Heard<'_>>> {
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        match self.stream.read(room) {
            Ok(0) => return Err(BenchError::Answer("the connection was closed".to_owned())),
            Ok(read) => self.filled = self.filled.saturating_add(read),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error).trying(|| "cannot read an answer".to_owned()),
        }
        let whole = self.buffer.get(..self.filled).unwrap_or_default();
        let Some(framed) = http::frame(whole)? else { return Ok(None) };
        // There is one answer for each request: nothing comes behind it.
        self.filled = 0;
        let body = whole.get(framed.body).unwrap_or_default();
        Ok(Some(Heard { status: framed.status, body, whole }))
    }
}

/// Room for an answer, in bytes.
const BUFFER_BYTES: usize = 16 * 1024;
