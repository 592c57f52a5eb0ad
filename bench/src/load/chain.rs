//! Chains of refreshes: what is presented next comes from the answer before.
//!
//! Owns the connections that follow chains, each its own, and the races in which several present
//! one token at once. As cheap as the generator: one thread, requests made beforehand, of which
//! only the token is written over.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::OwnedFd;

use rustix::event::epoll::{self, CreateFlags, Event};
use rustix::time::Timespec;

use super::Tally;
use super::line::{Heard, Line};
use crate::clock::Stopwatch;
use crate::error::{BenchError, Outcome, Trying};
use crate::http::request;

/// Connections each of which refreshes what its last refresh gave it.
#[derive(Debug)]
pub(crate) struct Chains {
    events: OwnedFd,
    links: Vec<Link>,
}

impl Chains {
    /// Opens a connection for each refresh token. `bearer` is the client that refreshes.
    pub(crate) fn connect(address: SocketAddr, bearer: &str, tokens: &[String]) -> Outcome<Self> {
        let events = epoll::create(CreateFlags::CLOEXEC).trying(|| "no event queue".to_owned())?;
        let mut links = Vec::with_capacity(tokens.len());
        for token in tokens {
            let mut link = Link::of(Line::open(address, &events, links.len())?, bearer);
            link.show(token.as_bytes())?;
            links.push(link);
        }
        Ok(Self { events, links })
    }

    /// Refreshes over all of them for so many seconds. An answer without a successor ends it.
    pub(crate) fn refresh(&mut self, seconds: f64) -> Outcome<Tally> {
        let watch = Stopwatch::start();
        self.links.iter_mut().try_for_each(Link::send)?;
        let (mut open, mut answers) = (self.links.len(), 0_u64);
        let mut ready = Vec::with_capacity(open.max(1));
        while open > 0 {
            wait(&self.events, &mut ready)?;
            for event in &ready {
                let Some(link) = self.links.get_mut(place_of(event)) else { continue };
                let Some(said) = link.receive()? else { continue };
                let Said::Yes(successor) = said else {
                    return Err(BenchError::Answer("a refresh was refused".to_owned()));
                };
                link.show(&successor.refresh)?;
                answers = answers.saturating_add(1);
                if watch.seconds() < seconds {
                    link.send()?;
                } else {
                    open = open.saturating_sub(1);
                }
            }
        }
        Ok(Tally { answers, seconds: watch.seconds() })
    }
}

/// What came of races for refresh tokens.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Races {
    /// Races that have ended.
    pub(crate) ended: u64,
    /// Tokens that were presented in them.
    pub(crate) presentations: u64,
    /// Pairs beyond the first one that came of a token.
    pub(crate) double_mints: u64,
    /// Presentations that were refused.
    pub(crate) refusals: u64,
}

/// Lanes, in each of which several connections present one token at once; its successor is the
/// next.
#[derive(Debug)]
pub(crate) struct Track {
    events: OwnedFd,
    lanes: Vec<Lane>,
}

impl Track {
    /// Opens a lane for each refresh token.
    pub(crate) fn connect(address: SocketAddr, bearer: &str, tokens: &[String]) -> Outcome<Self> {
        let events = epoll::create(CreateFlags::CLOEXEC).trying(|| "no event queue".to_owned())?;
        let mut lanes = Vec::with_capacity(tokens.len());
        for (lane, token) in tokens.iter().enumerate() {
            let mut links = Vec::with_capacity(RUNNERS_MAX);
            for runner in 0..RUNNERS_MAX {
                let place = lane.saturating_mul(RUNNERS_MAX).saturating_add(runner);
                links.push(Link::of(Line::open(address, &events, place)?, bearer));
            }
            let token = token.as_bytes().to_vec();
            lanes.push(Lane { links, token, open: 0, outcomes: BTreeSet::new() });
        }
        Ok(Self { events, lanes })
    }

    /// Runs so many races, of 2 to 16 presentations in turn, in all lanes at once.
    pub(crate) fn race(&mut self, races: u64) -> Outcome<Races> {
        let mut tally = Races::default();
        let (mut begun, mut open) = (0_u64, 0_usize);
        for lane in &mut self.lanes {
            if begun < races {
                lane.begin(begun)?;
                begun = begun.saturating_add(1);
                open = open.saturating_add(1);
            }
        }
        let room = self.lanes.len().saturating_mul(RUNNERS_MAX).max(1);
        let mut ready = Vec::with_capacity(room);
        while open > 0 {
            wait(&self.events, &mut ready)?;
            for event in &ready {
                let place = place_of(event);
                let lane = place.checked_div(RUNNERS_MAX).unwrap_or_default();
                let Some(lane) = self.lanes.get_mut(lane) else { continue };
                let runner = place.checked_rem(RUNNERS_MAX).unwrap_or_default();
                if !lane.hear(runner, &mut tally)? {
                    continue;
                }
                if begun < races {
                    lane.begin(begun)?;
                    begun = begun.saturating_add(1);
                } else {
                    open = open.saturating_sub(1);
                }
            }
        }
        Ok(tally)
    }

    /// The access tokens that came of the last races.
    pub(crate) fn last(&self) -> impl Iterator<Item = String> {
        let outcomes = self.lanes.iter().filter_map(|lane| lane.outcomes.first());
        outcomes.map(|outcome| String::from_utf8_lossy(&outcome.access).into_owned())
    }
}

/// Connections that race for one token.
#[derive(Debug)]
struct Lane {
    links: Vec<Link>,
    /// What they race for.
    token: Vec<u8>,
    /// Presentations that are not answered yet.
    open: usize,
    /// Which pairs the answers named.
    outcomes: BTreeSet<Successor>,
}

impl Lane {
    /// Presents the token as often as the number of the race says.
    fn begin(&mut self, number: u64) -> Outcome<()> {
        let spread = u64::try_from(RUNNERS_MAX.saturating_sub(RUNNERS_MIN)).unwrap_or_default();
        let more = number.checked_rem(spread.saturating_add(1)).unwrap_or_default();
        let runners = RUNNERS_MIN.saturating_add(usize::try_from(more).unwrap_or_default());
        self.outcomes.clear();
        for link in self.links.iter_mut().take(runners) {
            link.show(&self.token)?;
        }
        for link in self.links.iter_mut().take(runners) {
            link.send()?;
        }
        self.open = runners;
        Ok(())
    }

    /// Reads what has come over one connection; true when the race is over.
    fn hear(&mut self, runner: usize, tally: &mut Races) -> Outcome<bool> {
        let Some(link) = self.links.get_mut(runner) else { return Ok(false) };
        let Some(said) = link.receive()? else { return Ok(false) };
        tally.presentations = tally.presentations.saturating_add(1);
        match said {
            Said::Yes(successor) => {
                self.outcomes.insert(successor);
            }
            Said::No => tally.refusals = tally.refusals.saturating_add(1),
        }
        self.open = self.open.saturating_sub(1);
        if self.open > 0 {
            return Ok(false);
        }
        let nobody = || BenchError::Answer("a token was refused to everybody".to_owned());
        let first = self.outcomes.first().ok_or_else(nobody)?;
        self.token.clone_from(&first.refresh);
        let beyond = u64::try_from(self.outcomes.len()).unwrap_or(u64::MAX).saturating_sub(1);
        tally.double_mints = tally.double_mints.saturating_add(beyond);
        tally.ended = tally.ended.saturating_add(1);
        Ok(true)
    }
}

/// What a refresh is answered.
enum Said {
    Yes(Successor),
    No,
}

/// The texts of a pair.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Successor {
    access: Vec<u8>,
    refresh: Vec<u8>,
}

/// A connection that refreshes.
#[derive(Debug)]
struct Link {
    line: Line,
    request: Vec<u8>,
    /// Where the token stands in the request.
    token: Range<usize>,
}

impl Link {
    fn of(line: Line, bearer: &str) -> Self {
        let blank = "-".repeat(TOKEN_CHARS);
        let body = format!(r#"{{"grant_type":"refresh_token","refresh_token":"{blank}"}}"#);
        let request = request("POST", "/_security/oauth2/token", bearer, &body);
        let end = request.len().saturating_sub(r#""}"#.len());
        let token = end.saturating_sub(TOKEN_CHARS)..end;
        Self { line, request, token }
    }

    /// Puts a token into the request.
    fn show(&mut self, token: &[u8]) -> Outcome<()> {
        let room = self.request.get_mut(self.token.clone()).unwrap_or_default();
        if room.len() != token.len() {
            let found = String::from_utf8_lossy(token).into_owned();
            return Err(BenchError::Answer(format!("no refresh token: {found}")));
        }
        room.copy_from_slice(token);
        Ok(())
    }

    fn send(&mut self) -> Outcome<()> {
        self.line.send(&self.request)
    }

    /// Reads what has come; once an answer is whole, what it says.
    fn receive(&mut self) -> Outcome<Option<Said>> {
        let Some(Heard { status, body, .. }) = self.line.receive()? else { return Ok(None) };
        if status != 200 {
            return Ok(Some(Said::No));
        }
        let text = |name: &[u8]| text_behind(name, body).map(<[u8]>::to_vec);
        let pair = text(br#""access_token":""#).zip(text(br#""refresh_token":""#));
        let presented = self.request.get(self.token.clone());
        match pair {
            Some((access, refresh)) if presented != Some(refresh.as_slice()) => {
                Ok(Some(Said::Yes(Successor { access, refresh })))
            }
            _ => {
                let body = String::from_utf8_lossy(body);
                Err(BenchError::Answer(format!("no successor: {body}")))
            }
        }
    }
}

/// The text that stands behind a name in a body.
fn text_behind<'a>(name: &[u8], body: &'a [u8]) -> Option<&'a [u8]> {
    let start = body.windows(name.len()).position(|window| window == name)?;
    let text = body.get(start.saturating_add(name.len())..)?;
    text.split(|byte| *byte == b'"').next()
}

/// Sleeps until some connections have something to read.
fn wait(events: &OwnedFd, ready: &mut Vec<Event>) -> Outcome<()> {
    ready.clear();
    let patience = Timespec { tv_sec: SILENCE_S, tv_nsec: 0 };
    let found = epoll::wait(events, rustix::buffer::spare_capacity(ready), Some(&patience));
    if found.trying(|| "cannot wait for answers".to_owned())? == 0 {
        return Err(BenchError::Answer("none came for a while".to_owned()));
    }
    Ok(())
}

fn place_of(event: &Event) -> usize {
    usize::try_from(event.data.u64()).unwrap_or(usize::MAX)
}

/// Length of a token's text.
const TOKEN_CHARS: usize = jeton_domain::limits::TOKEN_CHARS;
/// Fewest and most presentations of one token at once.
const RUNNERS_MIN: usize = 2;
const RUNNERS_MAX: usize = 16;
/// Seconds without any answer after which a run is given up.
const SILENCE_S: i64 = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    /// How a server of these tests answers the presentation with this number.
    type Answering = fn(u64, &str) -> String;

    /// Answers as told, over any number of connections.
    fn server(answering: Answering) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let count = Arc::new(AtomicU64::new(0));
        thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let count = Arc::clone(&count);
                thread::spawn(move || {
                    let mut piece = [0; 1024];
                    while let Ok(read @ 1..) = stream.read(&mut piece) {
                        let request = String::from_utf8(piece[..read].to_vec()).unwrap();
                        let (_, token) = request.rsplit_once(r#":""#).unwrap();
                        let number = count.fetch_add(1, Ordering::Relaxed);
                        let answer = answering(number, token.trim_end_matches(r#""}"#));
                        stream.write_all(answer.as_bytes()).unwrap();
                    }
                });
            }
        });
        address
    }

    fn ok(number: u64) -> String {
        let body = format!(r#"{{"access_token":"a{number}","refresh_token":"{number:048}"}}"#);
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    /// The number of a token, plus one.
    fn next(token: &str) -> u64 {
        token.parse::<u64>().unwrap() + 1
    }

    fn roots(count: u64) -> Vec<String> {
        (0..count).map(|root| format!("{:048}", root * 1_000)).collect()
    }

    fn race(answering: Answering, races: u64) -> Outcome<Races> {
        Track::connect(server(answering), "Bearer x", &roots(2))?.race(races)
    }

    #[test]
    fn every_connection_follows_its_own_chain() {
        let address = server(|_, token| ok(next(token)));
        let mut chains = Chains::connect(address, "Bearer x", &roots(3)).unwrap();
        let tally = chains.refresh(0.05).unwrap();
        let ends = chains.links.iter().zip(0..).map(|(link, root)| {
            let token = &link.request[link.token.clone()];
            std::str::from_utf8(token).unwrap().parse::<u64>().unwrap() - root * 1_000
        });
        assert_eq!(ends.sum::<u64>(), tally.answers);
    }

    #[test]
    fn a_chain_that_does_not_move_ends_the_run() {
        let address = server(|_, token| ok(next(token) - 1));
        let mut chains = Chains::connect(address, "Bearer x", &roots(1)).unwrap();
        assert!(matches!(chains.refresh(0.05), Err(BenchError::Answer(_))));
    }

    #[test]
    fn races_with_one_successor_each_are_fair() {
        let tally = race(|_, token| ok(next(token)), 30).unwrap();
        assert_eq!((tally.ended, tally.double_mints, tally.refusals), (30, 0, 0));
        // Every number from 2 to 16 twice.
        assert_eq!(tally.presentations, 2 * (2..=16).sum::<u64>());
    }

    #[test]
    fn another_successor_in_a_race_is_a_double_mint() {
        let tally = race(|number, _| ok(1_000_000 + number), 1).unwrap();
        assert_eq!((tally.double_mints, tally.refusals), (1, 0));
    }

    #[test]
    fn a_refusal_is_counted_and_one_of_everybody_ends_the_run() {
        const REFUSAL: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        let some = |number: u64, token: &str| {
            if number == 0 { REFUSAL.to_owned() } else { ok(next(token)) }
        };
        let tally = race(some, 1).unwrap();
        assert_eq!((tally.double_mints, tally.refusals), (0, 1));
        assert!(race(|_, _| REFUSAL.to_owned(), 1).is_err());
    }
}
