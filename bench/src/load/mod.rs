//! The load generator: many keep-alive connections, each with one request under way.
//!
//! Requests are bytes made beforehand, and one thread waits for all connections at once, so that it
//! takes far less than the server that it drives. Every answer's status is checked, and the body of
//! one in some.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::time::Timespec;

use crate::clock::Stopwatch;
use crate::error::{BenchError, Outcome, Trying};
use crate::stats::real;
use connection::Connection;

pub(crate) mod chain;
mod connection;
pub(crate) mod latency;
mod line;

/// A request, ready to be sent, and what its answer must contain.
#[derive(Clone, Debug)]
pub(crate) struct Shot {
    /// The bytes.
    pub(crate) request: Box<[u8]>,
    /// What stands in the body of a right answer.
    pub(crate) contains: Box<[u8]>,
}

/// What is sent, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'a> {
    /// The requests, sent in turn.
    pub(crate) shots: &'a [Shot],
    /// The status of a right answer.
    pub(crate) status: u16,
    /// When to end.
    pub(crate) until: Until,
    /// How answers are waited for.
    pub(crate) waiting: Waiting,
}

/// How the generator waits for answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// It looks again and again, on a core of its own. The server is then not billed for waking it,
    /// which costs the more the quicker the generator is, and which a client elsewhere never costs.
    Looking,
    /// It sleeps until one comes, and leaves its core to the server.
    Sleeping,
}

/// When a load ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// After so many seconds.
    Seconds(f64),
    /// After every request was answered once.
    EachOnce,
}

/// What came of a load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    /// Right answers.
    pub(crate) answers: u64,
    /// Seconds from the first request to the last answer.
    pub(crate) seconds: f64,
}

impl Tally {
    /// Answers a second.
    pub(crate) fn rate(self) -> f64 {
        real(self.answers) / self.seconds
    }
}

/// Connections to one server, which stay open between loads.
#[derive(Debug)]
pub(crate) struct Generator {
    events: OwnedFd,
    connections: Vec<Connection>,
}

impl Generator {
    /// Opens so many connections.
    pub(crate) fn connect(address: SocketAddr, connections: usize) -> Outcome<Self> {
        let events = epoll::create(CreateFlags::CLOEXEC).trying(|| "no event queue".to_owned())?;
        let mut generator = Self { events, connections: Vec::with_capacity(connections) };
        for number in 0_u64..u64::try_from(connections).unwrap_or(u64::MAX) {
            let connection = Connection::open(address)?;
            let (stream, number) = (connection.stream(), EventData::new_u64(number));
            epoll::add(&generator.events, stream, number, EventFlags::IN)
                .trying(|| "cannot wait for a connection".to_owned())?;
            generator.connections.push(connection);
        }
        Ok(generator)
    }

    /// Sends a load and hears every answer to it. A wrong answer ends it with an error.
    pub(crate) fn send(&mut self, load: &Load<'_>) -> Outcome<Tally> {
        let mut volley = Volley { load, sent: 0, answers: 0, watch: Stopwatch::start() };
        let mut open = 0_usize;
        for connection in &mut self.connections {
            open = open.saturating_add(usize::from(volley.fire(connection)?));
        }
        let patience = match load.waiting {
            Waiting::Looking => Timespec { tv_sec: 0, tv_nsec: 0 },
            Waiting::Sleeping => Timespec { tv_sec: 1, tv_nsec: 0 },
        };
        let mut ready = Vec::with_capacity(self.connections.len().max(1));
        let mut heard = Stopwatch::start();
        while open > 0 {
            ready.clear();
            let spare = rustix::buffer::spare_capacity(&mut ready);
            let found = epoll::wait(&self.events, spare, Some(&patience));
            if found.trying(|| "cannot wait for answers".to_owned())? > 0 {
                heard = Stopwatch::start();
            } else if heard.seconds() > SILENCE_S {
                return Err(BenchError::Answer("none came for a while".to_owned()));
            }
            for event in &ready {
                let place = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
                let Some(connection) = self.connections.get_mut(place) else { continue };
                if volley.hear(connection)? && !volley.fire(connection)? {
                    open = open.saturating_sub(1);
                }
            }
        }
        Ok(Tally { answers: volley.answers, seconds: volley.watch.seconds() })
    }
}

/// A load under way.
struct Volley<'a> {
    load: &'a Load<'a>,
    sent: usize,
    answers: u64,
    watch: Stopwatch,
}

impl Volley<'_> {
    /// Sends the next request; false when there is none.
    fn fire(&mut self, connection: &mut Connection) -> Outcome<bool> {
        let shots = self.load.shots;
        let is_over = match self.load.until {
            Until::Seconds(seconds) => self.watch.seconds() >= seconds,
            Until::EachOnce => self.sent >= shots.len(),
        };
        let place = self.sent.checked_rem(shots.len()).unwrap_or_default();
        let Some(shot) = shots.get(place).filter(|_| !is_over) else { return Ok(false) };
        self.sent = self.sent.saturating_add(1);
        connection.send(&shot.request, place)?;
        Ok(true)
    }

    /// Reads what has come; true when an answer is whole.
    fn hear(&mut self, connection: &mut Connection) -> Outcome<bool> {
        let Some((answer, place)) = connection.receive()? else { return Ok(false) };
        if answer.status != self.load.status {
            let (found, wanted) = (answer.status, self.load.status);
            return Err(BenchError::Answer(format!("{found} instead of {wanted}")));
        }
        if self.answers.is_multiple_of(BODY_SAMPLED_IN) {
            let body = connection.received(answer.body);
            let wanted = self.load.shots.get(place).map(|shot| &*shot.contains);
            if !wanted.is_some_and(|wanted| is_within(wanted, body)) {
                let body = String::from_utf8_lossy(body);
                return Err(BenchError::Answer(format!("not expected: {body}")));
            }
        }
        connection.forget_answer();
        self.answers = self.answers.saturating_add(1);
        Ok(true)
    }
}

fn is_within(part: &[u8], whole: &[u8]) -> bool {
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}

/// The body of one answer in so many is looked at.
const BODY_SAMPLED_IN: u64 = 61;

/// Seconds without any answer after which the run is given up.
const SILENCE_S: f64 = 60.0;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    /// Answers every request of two connections with the byte that it ends with.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        for _ in 0..2 {
            let listener = listener.try_clone().unwrap();
            thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut piece = [0; 64];
                while let Ok(read @ 1..) = stream.read(&mut piece) {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n").unwrap();
                    stream.write_all(&piece[read - 1..read]).unwrap();
                }
            });
        }
        address
    }

    fn shot(request: &str, contains: &str) -> Shot {
        Shot { request: request.as_bytes().into(), contains: contains.as_bytes().into() }
    }

    fn fire(shots: &[Shot], status: u16) -> Outcome<Tally> {
        fire_and(Waiting::Sleeping, shots, status)
    }

    fn fire_and(waiting: Waiting, shots: &[Shot], status: u16) -> Outcome<Tally> {
        let load = Load { shots, status, until: Until::EachOnce, waiting };
        Generator::connect(echo(), 2)?.send(&load)
    }

    #[test]
    fn every_request_is_answered_once() {
        let shots = vec![shot("a", "a"); 100];
        for waiting in [Waiting::Looking, Waiting::Sleeping] {
            assert_eq!(fire_and(waiting, &shots, 200).unwrap().answers, 100);
        }
    }

    #[test]
    fn a_wrong_status_and_a_wrong_body_end_the_run() {
        assert!(matches!(fire(&[shot("a", "a")], 401), Err(BenchError::Answer(_))));
        assert!(matches!(fire(&[shot("a", "b")], 200), Err(BenchError::Answer(_))));
    }
}
