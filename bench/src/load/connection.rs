//! One connection of the load generator.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;

use crate::error::{BenchError, Outcome, Trying};
use crate::http::{self, Framed};

/// A connection with at most one request under way.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Box<[u8]>,
    filled: usize,
    /// Which request is under way.
    place: usize,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = http::connected(address)?;
        stream.set_nonblocking(true).trying(|| "cannot read without waiting".to_owned())?;
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Ok(Self { stream, buffer, filled: 0, place: 0 })
    }

    pub(super) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends a request. It is far shorter than what the system takes without waiting.
    pub(super) fn send(&mut self, request: &[u8], place: usize) -> Outcome<()> {
        self.place = place;
        self.stream.write_all(request).trying(|| "cannot send a request".to_owned())
    }

    /// Reads what has come; the answer once it is whole, and to which request.
    pub(super) fn receive(&mut self) -> Outcome<Option<(Framed, usize)>> {
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        match self.stream.read(room) {
            Ok(0) => return Err(BenchError::Answer("the connection was closed".to_owned())),
            Ok(read) => self.filled = self.filled.saturating_add(read),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error).trying(|| "cannot read an answer".to_owned()),
        }
        let framed = http::frame(self.received(0..self.filled))?;
        Ok(framed.map(|framed| (framed, self.place)))
    }

    /// Some of the bytes read.
    pub(super) fn received(&self, part: Range<usize>) -> &[u8] {
        self.buffer.get(part).unwrap_or_default()
    }

    /// Makes room for the next answer.
    pub(super) const fn forget_answer(&mut self) {
        self.filled = 0;
    }
}

/// Room for an answer, in bytes.
const BUFFER_BYTES: usize = 16 * 1024;
