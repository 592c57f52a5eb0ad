//! One shot and what comes back: raw bytes out, answers in, each wait bounded.
//!
//! Must not judge an answer, only whether the connection behaved.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

use jeton_testkit::answers::Asked;
use jeton_testkit::wire::Answer;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

use crate::draw::{Ending, Shot};

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) answers: Vec<Answer>,
    /// What is wrong with the connection itself.
    pub(crate) fault: Option<String>,
}

/// Sends a shot and reads what comes back.
pub(crate) fn exchange(address: SocketAddr, shot: &Shot) -> Outcome {
    let mut outcome = Outcome::default();
    let stream = match dial(address, shot.source) {
        Ok(stream) => stream,
        Err(error) => {
            outcome.fault = Some(format!("cannot connect: {error}"));
            return outcome;
        }
    };
    let sent = send(&stream, shot);
    if shot.ending == Ending::Leave {
        return outcome;
    }
    let wanted = if shot.is_sound { shot.requests.len() } else { 1 };
    let mut reader = BufReader::new(stream);
    let mut broken = None;
    for asked in shot.asked().take(wanted) {
        match receive(&mut reader, asked) {
            Ok(Some(answer)) => {
                let is_last = answer.header("connection") == Some("close");
                outcome.answers.push(answer);
                if is_last {
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => {
                broken = Some(error);
                break;
            }
        }
    }
    outcome.fault = judge(shot, outcome.answers.len(), &sent, broken);
    outcome
}

/// A server may end a connection whenever it has answered; it may not be silent, nor end it
/// without an answer to a request that was whole.
fn judge(
    shot: &Shot,
    answers: usize,
    sent: &io::Result<()>,
    broken: Option<io::Error>,
) -> Option<String> {
    match broken {
        Some(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Some("silence".into())
        }
        Some(error) if error.kind() == ErrorKind::InvalidData => Some(error.to_string()),
        Some(error) if shot.is_sound && answers == 0 && sent.is_ok() => {
            Some(format!("the connection broke: {error}"))
        }
        None if shot.is_sound && answers == 0 => Some("no answer to a whole request".into()),
        Some(_) | None => None,
    }
}

/// Connects from a loopback address of the shot's choice: failed logins slow down an address.
fn dial(address: SocketAddr, source: Ipv4Addr) -> io::Result<TcpStream> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    bind(&socket, &SocketAddrV4::new(source, 0))?;
    connect(&socket, &address)?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn send(mut stream: &TcpStream, shot: &Shot) -> io::Result<()> {
    for piece in shot.bytes.chunks(shot.piece_bytes.max(1)) {
        stream.write_all(piece)?;
    }
    if shot.ending == Ending::HalfClose {
        stream.shutdown(Shutdown::Write)?;
    }
    Ok(())
}

/// The next final answer; nothing where the connection has ended in order.
fn receive(reader: &mut BufReader<TcpStream>, asked: Asked) -> io::Result<Option<Answer>> {
    loop {
        let Some(first) = line(reader)? else { return Ok(None) };
        let status = first.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1));
        let status = status.and_then(|digits| digits.parse().ok());
        let status: u16 = status.ok_or_else(|| invalid(&format!("no status in {first:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = line(reader)?.ok_or_else(|| invalid("a head that breaks off"))?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| invalid("a bad header"))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if status < 200 {
            continue;
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if asked == Asked::Whole {
            let length = answer.header("content-length").unwrap_or("0").parse();
            let length = length.map_err(|_| invalid("a bad length"))?;
            answer.body = vec![0; length];
            reader.read_exact(&mut answer.body)?;
        }
        return Ok(Some(answer));
    }
}

/// A line without its end; bytes that are no UTF-8 are replaced.
fn line(reader: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if reader.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// How long the server may be silent: more than all of its own deadlines.
const PATIENCE: Duration = Duration::from_secs(20);
