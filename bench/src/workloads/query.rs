//! Searching users: among many against among few, for the same number of hits; and putting one.

use super::Bench;
use crate::clock::Stopwatch;
use crate::error::{BenchError, Outcome};
use crate::http::{Client, request};
use crate::load::{Generator, Load, Shot, Until, Waiting};
use crate::process::Core;
use crate::report::{Bound, Finding, progress};
use crate::rows::username;
use crate::server::Server;
use crate::site::{Site, superuser_token};
use crate::stats::{Series, real};

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let (many, few) = (bench.scale.many_users, bench.scale.few_users);
    let mut large = Crowd::gather(bench, "query-large", many)?;
    let mut small = Crowd::gather(bench, "query-small", few)?;
    let filling = large.first()?;
    small.first()?;
    let runs = bench.scale.runs.saturating_mul(TURNS);
    let mut queries = [(); 2].map(|()| Series::new("ms"));
    let mut puts = [(); 2].map(|()| Series::new("ms"));
    for run in 1..=runs {
        progress(&format!("query: run {run} of {runs}"));
        let sides = queries.iter_mut().zip(&mut puts);
        for (crowd, (queries, puts)) in [&mut large, &mut small].into_iter().zip(sides) {
            puts.push(crowd.put()?);
            // What was put is indexed by the first search, which is not one of those measured.
            crowd.query()?;
            queries.push(crowd.query()?);
        }
    }
    large.leave()?;
    small.leave()?;
    let [many_queries, few_queries] = queries;
    let [many_puts, few_puts] = puts;
    let a_user = real(filling.bytes) / real(u64::try_from(many).unwrap_or_default());
    Ok(vec![
        Finding::ratio(
            format!("search {many} users by role, sorted, {TEAM} hits"),
            many_queries,
            format!("{few} users"),
            few_queries,
            Bound::AtMost(5.0),
        ),
        Finding::ratio(
            format!("put one of {many} users, searched before"),
            many_puts,
            format!("{few} users"),
            few_puts,
            Bound::AtMost(1.5),
        ),
        Finding::shown(format!("first search of {many} users"), Series::of("ms", filling.ms)),
        Finding::shown("memory of the index", Series::of("bytes a user", a_user)),
    ])
}

/// A server with users who can be searched.
struct Crowd {
    site: Site,
    server: Server,
    client: Client,
    bearer: String,
    users: usize,
    asked: usize,
}

/// What the first search took.
struct Filling {
    ms: f64,
    bytes: u64,
}

impl Crowd {
    fn gather(bench: &Bench, name: &str, users: usize) -> Outcome<Self> {
        progress(&format!("query: putting {users} users"));
        let site = bench.site(name)?;
        let server = site.start(Core::Any, &[])?;
        let bearer = bearer(&mut Client::connect(server.address())?)?;
        let shot = |number| Shot {
            request: put_request(&bearer, number, users).into(),
            contains: b"\"created\":true".as_slice().into(),
        };
        let shots: Vec<Shot> = (0..users).map(shot).collect();
        Generator::connect(server.address(), CONNECTIONS)?.send(&Load {
            shots: &shots,
            status: 200,
            until: Until::EachOnce,
            waiting: Waiting::Sleeping,
        })?;
        // A new process, so that what the puts have left behind is not billed to the index.
        server.stop()?;
        let server = site.start(Core::Any, &[])?;
        let mut client = Client::connect(server.address())?;
        let bearer = self::bearer(&mut client)?;
        Ok(Self { site, server, client, bearer, users, asked: 0 })
    }

    /// The first search, which fills the index.
    fn first(&mut self) -> Outcome<Filling> {
        let before = self.server.memory_bytes()?;
        let watch = Stopwatch::start();
        self.ask()?;
        let ms = watch.seconds() * real(1_000);
        Ok(Filling { ms, bytes: self.server.memory_bytes()?.saturating_sub(before) })
    }

    /// Milliseconds of a search, over some.
    fn query(&mut self) -> Outcome<f64> {
        self.timed(SEARCHES, Self::ask)
    }

    /// Milliseconds of a put, over some. Each is durable.
    fn put(&mut self) -> Outcome<f64> {
        self.timed(PUTS, |crowd| {
            crowd.asked = crowd.asked.saturating_add(1);
            let number = crowd.asked.checked_rem(crowd.users).unwrap_or_default();
            let request = put_request(&crowd.bearer, number, crowd.users);
            crowd.client.call(&request)?.expect(200)?;
            Ok(())
        })
    }

    fn timed(&mut self, times: u32, act: impl Fn(&mut Self) -> Outcome<()>) -> Outcome<f64> {
        let watch = Stopwatch::start();
        for _ in 0..times {
            act(self)?;
        }
        Ok(watch.seconds() * real(1_000) / f64::from(times))
    }

    /// Searches the members of a team, another one each time. The count is checked.
    fn ask(&mut self) -> Outcome<()> {
        self.asked = self.asked.saturating_add(1);
        let teams = self.users.checked_div(TEAM).unwrap_or(1).max(1);
        let team = team(self.asked.checked_rem(teams).unwrap_or_default());
        let body = format!(
            r#"{{"query":{{"bool":{{"filter":[{{"term":{{"roles":"{team}"}}}},{{"exists":{{"field":"email"}}}}]}}}},"sort":[{{"username":"desc"}}]}}"#
        );
        let request = request("POST", "/_security/_query/user", &self.bearer, &body);
        let answer = self.client.call(&request)?.expect(200)?;
        let (total, count) = (answer.number("/total")?, answer.number("/count")?);
        let wanted = u64::try_from(TEAM).unwrap_or_default();
        if (total, count) == (wanted, 10) {
            return Ok(());
        }
        Err(BenchError::Answer(format!(
            "{total} hits and {count} shown instead of {wanted} and 10"
        )))
    }

    fn leave(self) -> Outcome<()> {
        self.server.stop()?;
        self.site.remove()
    }
}

fn bearer(client: &mut Client) -> Outcome<String> {
    Ok(format!("Bearer {}", superuser_token(client)?))
}

/// The request that puts a user, who is in the team of their number.
fn put_request(bearer: &str, number: usize, users: usize) -> Vec<u8> {
    let name = username(number);
    let teams = users.checked_div(TEAM).unwrap_or(1).max(1);
    let team = team(number.checked_rem(teams).unwrap_or_default());
    let body = format!(
        r#"{{"password_hash":"{HASH}","roles":["reader","{team}"],"full_name":"Test {name}","email":"{name}@example.org"}}"#
    );
    request("PUT", &format!("/_security/user/{name}"), bearer, &body)
}

fn team(number: usize) -> String {
    format!("team-{number:05}")
}

/// Users of one team: the hits of a search, whatever the number of users.
const TEAM: usize = 100;
/// A hash costs nothing to store.
const HASH: &str = "$2a$10$abcdefghijklmnopqrstuuqFJI0yc6dnzyYl4dBhFmwm3etsmUfsm";
const CONNECTIONS: usize = 64;
/// The servers take many short turns: what else the machine does falls on both alike.
const TURNS: usize = 5;
const SEARCHES: u32 = 50;
const PUTS: u32 = 20;
