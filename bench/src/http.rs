//! HTTP as a client sees it: building requests, reading answers.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use crate::error::{BenchError, Outcome, Trying};
use crate::load::tls::Trust;

/// Where the parts of a whole answer lie in the bytes read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Framed {
    /// The status code.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Range<usize>,
}

/// Finds the answer at the beginning of `bytes`; `None` while some of it is missing.
pub(crate) fn frame(bytes: &[u8]) -> Outcome<Option<Framed>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head.parse(bytes).map_err(|error| BenchError::Answer(error.to_string()))?;
    let httparse::Status::Complete(start) = parsed else { return Ok(None) };
    let length = head
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.parse::<usize>().ok())
        .ok_or_else(|| BenchError::Answer("it does not say its length".to_owned()))?;
    let end = start.saturating_add(length);
    let status = head.code.unwrap_or_default();
    Ok((bytes.len() >= end).then_some(Framed { status, body: start..end }))
}

/// A request with a body, which may be empty.
pub(crate) fn request(method: &str, path: &str, authorization: &str, body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
    text.push_str("authorization: ");
    text.push_str(authorization);
    if !body.is_empty() {
        text.push_str("\r\ncontent-type: application/json\r\ncontent-length: ");
        text.push_str(&body.len().to_string());
    }
    text.push_str("\r\n\r\n");
    text.push_str(body);
    text.into_bytes()
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// Everything that came, head included.
    pub(crate) whole: Vec<u8>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A whole number in a JSON body.
    pub(crate) fn number(&self, pointer: &str) -> Outcome<u64> {
        let value = self.json()?;
        let number = value.pointer(pointer).and_then(serde_json::Value::as_u64);
        number.ok_or_else(|| self.lacks(pointer))
    }

    /// A whole number in the only member of an object in a JSON body, whatever its name.
    pub(crate) fn number_of_only(&self, object: &str, pointer: &str) -> Outcome<u64> {
        let value = self.json()?;
        let members = value.pointer(object).and_then(serde_json::Value::as_object);
        let mut members = members.into_iter().flatten();
        let number = members.next().and_then(|(_, member)| member.pointer(pointer)?.as_u64());
        number.filter(|_| members.next().is_none()).ok_or_else(|| self.lacks(pointer))
    }

    /// A text in a JSON body.
    pub(crate) fn text(&self, pointer: &str) -> Outcome<String> {
        let value = self.json()?;
        let text = value.pointer(pointer).and_then(serde_json::Value::as_str);
        text.map(str::to_owned).ok_or_else(|| self.lacks(pointer))
    }

    /// Itself, if it has this status.
    pub(crate) fn expect(self, status: u16) -> Outcome<Self> {
        if self.status == status {
            return Ok(self);
        }
        let body = String::from_utf8_lossy(&self.body);
        Err(BenchError::Answer(format!("{} instead of {status}: {body}", self.status)))
    }

    fn json(&self) -> Outcome<serde_json::Value> {
        serde_json::from_slice(&self.body).map_err(|error| BenchError::Answer(error.to_string()))
    }

    fn lacks(&self, pointer: &str) -> BenchError {
        BenchError::Answer(format!("no {pointer} in {}", String::from_utf8_lossy(&self.body)))
    }
}

/// One connection that asks and waits.
#[derive(Debug)]
pub(crate) struct Client {
    stream: Stream,
}

#[derive(Debug)]
enum Stream {
    Clear(TcpStream),
    Secret(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.write_all(bytes),
            Self::Secret(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read(room),
            Self::Secret(stream) => stream.read(room),
        }
    }
}

impl Client {
    /// Connects.
    pub(crate) fn connect(address: SocketAddr) -> Outcome<Self> {
        Self::connect_as(address, None)
    }

    /// Connects, and shakes hands when there is whom to trust.
    pub(crate) fn connect_as(address: SocketAddr, trust: Option<&Trust>) -> Outcome<Self> {
        let mut stream = connected(address)?;
        let patience = stream.set_read_timeout(Some(PATIENCE));
        patience.trying(|| "cannot bound the wait for answers".to_owned())?;
        let stream = match trust {
            None => Stream::Clear(stream),
            Some(trust) => {
                let session = trust.shake_hands(&mut stream)?;
                Stream::Secret(Box::new(StreamOwned::new(session, stream)))
            }
        };
        Ok(Self { stream })
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn call(&mut self, request: &[u8]) -> Outcome<Answer> {
        self.stream.write_all(request).trying(|| "cannot send a request".to_owned())?;
        let mut whole = Vec::new();
        let mut piece = [0; 16 * 1024];
        loop {
            let read = self.stream.read(&mut piece).trying(|| "no answer came".to_owned())?;
            if read == 0 {
                return Err(BenchError::Answer("the connection was closed".to_owned()));
            }
            whole.extend(piece.iter().take(read));
            if let Some(Framed { status, body }) = frame(&whole)? {
                let body = whole.get(body).unwrap_or_default().to_vec();
                return Ok(Answer { status, whole, body });
            }
        }
    }
}

/// A connection that sends at once what it is given.
pub(crate) fn connected(address: SocketAddr) -> Outcome<TcpStream> {
    let stream = TcpStream::connect(address).trying(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true).trying(|| "cannot send at once".to_owned())?;
    Ok(stream)
}

const HEADERS_MAX: usize = 32;

/// How long an answer may take before the run is given up.
const PATIENCE: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_last_byte_is_there() {
        let whole = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\n\r\nabc";
        for end in 0..whole.len() {
            assert_eq!(frame(&whole[..end]).unwrap(), None);
        }
        let framed = frame(whole).unwrap().unwrap();
        assert_eq!((framed.status, &whole[framed.body]), (401, &b"abc"[..]));
    }

    #[test]
    fn an_answer_without_a_length_is_refused() {
        assert!(frame(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
