//! The load generator: many keep-alive connections, each with one request under way, or with a
//! batch.
//!
//! Requests are bytes made beforehand, and one thread waits for all connections at once, so that it
//! takes far less than the server that it drives. Every answer's status is checked, and the body of
//! one in some.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::time::Timespec;

use crate::chance::Chance;
use crate::clock::Stopwatch;
use crate::error::{BenchError, Outcome, Trying};
use crate::stats::real;
use crate::tokens::Tokens;
use pipe::Pipe;
use tls::Trust;

pub(crate) mod chain;
pub(crate) mod latency;
mod line;
mod pipe;
pub(crate) mod tls;

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

/// Tokens that are shown, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Showing<'a> {
    /// The tokens.
    pub(crate) tokens: &'a Tokens,
    /// Which of them comes next.
    pub(crate) order: Order,
    /// The status of a right answer.
    pub(crate) status: u16,
    /// When to end.
    pub(crate) until: Until,
    /// How answers are waited for.
    pub(crate) waiting: Waiting,
}

/// Which token is shown next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The one after the last one.
    InTurn,
    /// Any, each as likely.
    AtRandom,
}

/// How a generator connects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner<'a> {
    /// How many connections.
    pub(crate) connections: usize,
    /// How many requests each sends before it waits for all their answers.
    pub(crate) batch: usize,
    /// Whom it trusts, under TLS.
    pub(crate) trust: Option<&'a Trust>,
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
    connections: Vec<Pipe>,
    batch: usize,
    chance: Chance,
}

impl Generator {
    /// Opens so many connections, each for one request at a time.
    pub(crate) fn connect(address: SocketAddr, connections: usize) -> Outcome<Self> {
        Self::connect_as(address, Manner { connections, batch: 1, trust: None })
    }

    /// Opens connections in some manner.
    pub(crate) fn connect_as(address: SocketAddr, manner: Manner<'_>) -> Outcome<Self> {
        let Manner { connections, batch, trust } = manner;
        let events = epoll::create(CreateFlags::CLOEXEC).trying(|| "no event queue".to_owned())?;
        let (held, chance) = (Vec::with_capacity(connections), Chance::new(SEED));
        let mut generator = Self { events, connections: held, batch, chance };
        for number in 0_u64..u64::try_from(connections).unwrap_or(u64::MAX) {
            let connection = Pipe::open(address, trust)?;
            let (stream, number) = (connection.stream(), EventData::new_u64(number));
            epoll::add(&generator.events, stream, number, EventFlags::IN)
                .trying(|| "cannot wait for a connection".to_owned())?;
            generator.connections.push(connection);
        }
        Ok(generator)
    }

    /// Sends a load and hears every answer to it. A wrong answer ends it with an error.
    pub(crate) fn send(&mut self, load: &Load<'_>) -> Outcome<Tally> {
        let Load { shots, status, until, waiting } = *load;
        self.fire(&Round { requests: Requests::Shots(shots), status, until, waiting })
    }

    /// Shows tokens in the same way.
    pub(crate) fn show(&mut self, showing: &Showing<'_>) -> Outcome<Tally> {
        let Showing { tokens, order, status, until, waiting } = *showing;
        self.fire(&Round { requests: Requests::Tokens(tokens, order), status, until, waiting })
    }

    /// Sends what a round says and hears every answer.
    pub(crate) fn fire(&mut self, round: &Round<'_>) -> Outcome<Tally> {
        let (batch, chance) = (self.batch, &mut self.chance);
        let mut volley =
            Volley { round, batch, chance, sent: 0, answers: 0, watch: Stopwatch::start() };
        let mut open = 0_usize;
        for connection in &mut self.connections {
            open = open.saturating_add(usize::from(volley.fire(connection)?));
        }
        let patience = match round.waiting {
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

/// What is sent, and until when, whatever it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round<'a> {
    /// The requests.
    pub(crate) requests: Requests<'a>,
    /// The status of a right answer.
    pub(crate) status: u16,
    /// When to end.
    pub(crate) until: Until,
    /// How answers are waited for.
    pub(crate) waiting: Waiting,
}

/// Requests, listed or made of tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Requests<'a> {
    /// Sent in turn.
    Shots(&'a [Shot]),
    /// Each shows a token.
    Tokens(&'a Tokens, Order),
    /// One of either in turn; the answer to the second is 401.
    Halves {
        /// What is answered with the status of the round.
        right: &'a [Shot],
        /// What is refused.
        refused: &'a [Shot],
    },
}

impl Requests<'_> {
    const fn len(&self) -> usize {
        match self {
            Self::Shots(shots) => shots.len(),
            Self::Tokens(tokens, _) => tokens.len(),
            Self::Halves { right, refused } => right.len().saturating_add(refused.len()),
        }
    }

    /// The request at a place, if it was made beforehand.
    fn shot(&self, place: usize) -> Option<&Shot> {
        match self {
            Self::Shots(shots) => shots.get(place),
            Self::Tokens(..) => None,
            Self::Halves { right, refused } => {
                let half = if place.is_multiple_of(2) { right } else { refused };
                half.get((place / 2).checked_rem(half.len())?)
            }
        }
    }

    /// The status of the answer to the request at a place, in a round with this status.
    const fn status(&self, place: usize, usual: u16) -> u16 {
        match self {
            Self::Halves { .. } if !place.is_multiple_of(2) => REFUSED,
            _ => usual,
        }
    }

    /// Puts the request at a place behind those in `out`.
    fn put(&self, place: usize, out: &mut Vec<u8>) {
        if let Self::Tokens(tokens, _) = self {
            return tokens.put_request(place, out);
        }
        let request = self.shot(place).map(|shot| &*shot.request);
        out.extend_from_slice(request.unwrap_or_default());
    }

    /// Whether the answer to the request at a place may have this body.
    fn is_right(&self, place: usize, body: &[u8]) -> bool {
        match self {
            Self::Tokens(tokens, _) => is_within(tokens.contained(place).as_bytes(), body),
            _ => self.shot(place).is_some_and(|shot| is_within(&shot.contains, body)),
        }
    }
}

/// A round under way.
struct Volley<'a> {
    round: &'a Round<'a>,
    batch: usize,
    chance: &'a mut Chance,
    sent: usize,
    answers: u64,
    watch: Stopwatch,
}

impl Volley<'_> {
    /// Sends the next requests; false when there are none.
    fn fire(&mut self, connection: &mut Pipe) -> Outcome<bool> {
        let Round { requests, until, .. } = self.round;
        let count = match until {
            Until::Seconds(seconds) if self.watch.seconds() >= *seconds => 0,
            Until::Seconds(_) => self.batch,
            Until::EachOnce => self.batch.min(requests.len().saturating_sub(self.sent)),
        };
        for _ in 0..count {
            let number = match (requests, until) {
                (Requests::Tokens(_, Order::AtRandom), Until::Seconds(_)) => {
                    usize::try_from(self.chance.next()).unwrap_or_default()
                }
                _ => self.sent,
            };
            let Some(place) = number.checked_rem(requests.len()) else { return Ok(false) };
            self.sent = self.sent.saturating_add(1);
            requests.put(place, connection.add(place));
        }
        if count > 0 {
            connection.send()?;
        }
        Ok(count > 0)
    }

    /// Reads what has come; true when all that was asked is answered.
    fn hear(&mut self, connection: &mut Pipe) -> Outcome<bool> {
        if !connection.receive()? {
            return Ok(false);
        }
        while let Some((status, body, place)) = connection.take()? {
            let wanted = self.round.requests.status(place, self.round.status);
            if status != wanted {
                return Err(BenchError::Answer(format!("{status} instead of {wanted}")));
            }
            let is_sampled = self.answers.is_multiple_of(BODY_SAMPLED_IN);
            if is_sampled && !self.round.requests.is_right(place, body) {
                let body = String::from_utf8_lossy(body);
                return Err(BenchError::Answer(format!("not expected: {body}")));
            }
            self.answers = self.answers.saturating_add(1);
        }
        Ok(connection.is_done())
    }
}

fn is_within(part: &[u8], whole: &[u8]) -> bool {
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}

/// The status of an answer that refuses.
const REFUSED: u16 = 401;

/// Where the choice of tokens begins.
const SEED: u64 = 20_240_229;

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
