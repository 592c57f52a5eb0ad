//! Latencies under a mixed load, while something rare is done at moments that were set before.
//!
//! Owns the loop that keeps several kinds of requests going over connections of their own, and what
//! is asked of the latencies afterwards. One thread does all of it, so that no client waits for
//! another.

use std::net::SocketAddr;
use std::ops::Range;

use rustix::event::epoll::{self, CreateFlags};
use rustix::time::Timespec;

use super::line::{Heard, Line};
use super::{BODY_SAMPLED_IN, Shot, is_within};
use crate::clock::Stopwatch;
use crate::error::{BenchError, Outcome, Trying};
use crate::http::Answer;

/// Requests of one kind, sent in turn over connections of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream<'a> {
    /// The requests, whose right answers have the status 200.
    pub(crate) shots: &'a [Shot],
    /// Over how many connections.
    pub(crate) connections: usize,
}

/// A request for one moment.
#[derive(Clone, Debug)]
pub(crate) struct Strike {
    /// When it is sent, in seconds since the beginning of the load.
    pub(crate) at_s: f64,
    /// The bytes.
    pub(crate) request: Vec<u8>,
}

/// A request for one moment that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Struck {
    /// From when to when, in seconds since the beginning of the load.
    pub(crate) during_s: Range<f64>,
    /// What was answered.
    pub(crate) answer: Answer,
}

/// What came of a mixed load.
#[derive(Debug)]
pub(crate) struct Trace {
    /// When each request of the stream that is watched was sent and answered.
    watched: Vec<Range<f64>>,
    /// Answers to the other stream.
    pub(crate) others: u64,
    /// The requests for single moments, in their order.
    pub(crate) strikes: Vec<Struck>,
    /// How long it took.
    pub(crate) seconds: f64,
}

impl Trace {
    /// Answers to the stream that is watched.
    pub(crate) fn answers(&self) -> u64 {
        u64::try_from(self.watched.len()).unwrap_or(u64::MAX)
    }

    /// The latency that one in a hundred of the requests that were under way in a window exceeded,
    /// in seconds.
    pub(crate) fn p99_s(&self, window: &Range<f64>) -> Outcome<f64> {
        self.quantile_s(window, 99)
    }

    /// The latency that so many in a hundred of the requests under way in a window kept to, in
    /// seconds.
    pub(crate) fn quantile_s(&self, window: &Range<f64>, hundredths: usize) -> Outcome<f64> {
        let is_within = |one: &&Range<f64>| one.start < window.end && one.end > window.start;
        let within = self.watched.iter().filter(is_within);
        let mut latencies: Vec<f64> = within.map(|one| one.end - one.start).collect();
        latencies.sort_by(f64::total_cmp);
        let place = latencies.len().saturating_mul(hundredths).div_ceil(100).saturating_sub(1);
        let nothing = || BenchError::Answer("nothing was answered in a window".to_owned());
        latencies.get(place).copied().ok_or_else(nothing)
    }
}

/// Keeps two streams going for so many seconds, the first of which is watched, and sends each
/// strike at its moment. Every answer is checked.
pub(crate) fn watch(
    address: SocketAddr,
    [watched, other]: [Stream<'_>; 2],
    strikes: &[Strike],
    seconds: f64,
) -> Outcome<Trace> {
    let events = epoll::create(CreateFlags::CLOEXEC).trying(|| "no event queue".to_owned())?;
    let kinds = std::iter::repeat_n(Some(watched), watched.connections)
        .chain(std::iter::repeat_n(Some(other), other.connections))
        .chain([None]);
    let mut lines = Vec::new();
    for (number, stream) in kinds.enumerate() {
        let line = Line::open(address, &events, number)?;
        lines.push(Lane { line, stream, place: 0, sent_s: f64::INFINITY });
    }
    let trace = Trace { watched: Vec::new(), others: 0, strikes: Vec::new(), seconds: 0.0 };
    let is_watched = |place: usize| place < watched.connections;
    let mut watching = Watching { trace, strikes, seconds, sent: 0, watch: Stopwatch::start() };
    for line in &mut lines {
        watching.fire(line)?;
    }
    let mut ready = Vec::with_capacity(lines.len().max(1));
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut heard_s = 0.0;
    while lines.iter().any(Lane::is_open) || watching.has_strikes() {
        let now_s = watching.watch.seconds();
        if now_s - heard_s > SILENCE_S {
            return Err(BenchError::Answer("none came for a while".to_owned()));
        }
        if let Some(striker) = lines.last_mut().filter(|line| !line.is_open()) {
            watching.fire(striker)?;
        }
        ready.clear();
        let spare = rustix::buffer::spare_capacity(&mut ready);
        let found = epoll::wait(&events, spare, Some(&at_once));
        if found.trying(|| "cannot wait for answers".to_owned())? > 0 {
            heard_s = now_s;
        }
        for event in &ready {
            let place = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            let Some(line) = lines.get_mut(place) else { continue };
            if watching.hear(line, is_watched(place))? {
                watching.fire(line)?;
            }
        }
    }
    let seconds = watching.watch.seconds();
    Ok(Trace { seconds, ..watching.trace })
}

/// A connection, and what goes over it: a stream, or strikes.
struct Lane<'a> {
    line: Line,
    stream: Option<Stream<'a>>,
    /// Which request of the stream is under way.
    place: usize,
    /// When the request that is under way was sent; infinity when none is.
    sent_s: f64,
}

impl Lane<'_> {
    const fn is_open(&self) -> bool {
        self.sent_s.is_finite()
    }
}

struct Watching<'a> {
    trace: Trace,
    strikes: &'a [Strike],
    seconds: f64,
    sent: usize,
    watch: Stopwatch,
}

impl Watching<'_> {
    fn has_strikes(&self) -> bool {
        self.trace.strikes.len() < self.strikes.len()
    }

    /// Sends what is next over a connection, if something is.
    fn fire(&mut self, lane: &mut Lane<'_>) -> Outcome<()> {
        let now_s = self.watch.seconds();
        let request = match &lane.stream {
            None => match self.strikes.get(self.trace.strikes.len()) {
                Some(strike) if strike.at_s <= now_s => strike.request.as_slice(),
                Some(_) | None => return Ok(()),
            },
            // Strikes that come late find the load that they are meant for.
            Some(_) if now_s >= self.seconds && !self.has_strikes() => return Ok(()),
            Some(stream) => {
                lane.place = self.sent.checked_rem(stream.shots.len()).unwrap_or_default();
                self.sent = self.sent.saturating_add(1);
                let Some(shot) = stream.shots.get(lane.place) else { return Ok(()) };
                &*shot.request
            }
        };
        lane.sent_s = now_s;
        lane.line.send(request)
    }

    /// Reads what has come; true when an answer is whole.
    fn hear(&mut self, lane: &mut Lane<'_>, is_watched: bool) -> Outcome<bool> {
        let Some(heard) = lane.line.receive()? else { return Ok(false) };
        let during_s = lane.sent_s..self.watch.seconds();
        lane.sent_s = f64::INFINITY;
        match &lane.stream {
            None => self.trace.strikes.push(Struck { during_s, answer: heard.kept() }),
            Some(stream) => {
                self.check(heard, stream.shots.get(lane.place))?;
                if is_watched {
                    self.trace.watched.push(during_s);
                } else {
                    self.trace.others = self.trace.others.saturating_add(1);
                }
            }
        }
        Ok(true)
    }

    fn check(&self, heard: Heard<'_>, shot: Option<&Shot>) -> Outcome<()> {
        let Heard { status, body, .. } = heard;
        let count = self.trace.answers().saturating_add(self.trace.others);
        let is_sampled = count.is_multiple_of(BODY_SAMPLED_IN);
        let is_right = || shot.is_some_and(|shot| is_within(&shot.contains, body));
        if status == 200 && (!is_sampled || is_right()) {
            return Ok(());
        }
        let body = String::from_utf8_lossy(body);
        Err(BenchError::Answer(format!("{status} and not expected: {body}")))
    }
}

/// Seconds without any answer after which the run is given up.
const SILENCE_S: f64 = 60.0;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    /// Answers every request with the byte that it ends with; an `s` a little later.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                thread::spawn(move || {
                    let mut piece = [0; 64];
                    while let Ok(read @ 1..) = stream.read(&mut piece) {
                        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n").unwrap();
                        stream.write_all(&piece[read - 1..read]).unwrap();
                    }
                });
            }
        });
        address
    }

    fn shots(letter: &str) -> [Shot; 1] {
        [Shot { request: letter.as_bytes().into(), contains: letter.as_bytes().into() }]
    }

    #[test]
    fn strikes_are_sent_at_their_moments_under_load() {
        let (shown, other) = (shots("a"), shots("b"));
        let streams = [&shown, &other].map(|shots| Stream { shots, connections: 2 });
        let strikes = [0.02, 0.03].map(|at_s| Strike { at_s, request: b"s".to_vec() });
        let trace = watch(echo(), streams, &strikes, 0.05).unwrap();
        assert!(trace.answers() > 0 && trace.others > 0 && trace.seconds >= 0.05);
        assert_eq!(trace.strikes.len(), 2);
        for (strike, struck) in strikes.iter().zip(&trace.strikes) {
            assert!(struck.during_s.start >= strike.at_s);
            assert_eq!(struck.answer.body, b"s");
            assert!(trace.p99_s(&struck.during_s).unwrap() > 0.0);
        }
    }

    #[test]
    fn a_wrong_answer_ends_the_load() {
        let odd = [Shot { contains: b"b".as_slice().into(), ..shots("a")[0].clone() }];
        let streams = [&odd, &odd].map(|shots| Stream { shots, connections: 1 });
        assert!(matches!(watch(echo(), streams, &[], 0.05), Err(BenchError::Answer(_))));
    }

    #[test]
    fn the_latency_of_a_window_is_that_of_the_requests_under_way_in_it() {
        // A hundred that take a second each, of which two take longer.
        let length = |number: u32| if number >= 98 { 5.0 } else { 1.0 };
        let request = |number: u32| f64::from(number)..f64::from(number) + length(number);
        let watched = (0..100).map(request).collect();
        let trace = Trace { watched, others: 0, strikes: Vec::new(), seconds: 0.0 };
        assert!((trace.p99_s(&(0.5..99.5)).unwrap() - 5.0).abs() < 1e-9);
        assert!((trace.p99_s(&(0.5..90.5)).unwrap() - 1.0).abs() < 1e-9);
        assert!(trace.p99_s(&(200.0..201.0)).is_err());
    }
}
