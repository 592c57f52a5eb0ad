//! Revoking one token: what it takes with nothing else going on, against one sync of the disk and
//! against others.

use super::{Bench, SMALL_REALM, USERS};
use crate::baseline::book::hash;
use crate::clock::Stopwatch;
use crate::disk::Disk;
use crate::error::{BenchError, Outcome};
use crate::filling::{self, Ending, Fill};
use crate::http::{Client, request};
use crate::process::Core;
use crate::report::{Bound, Finding, progress};
use crate::rival::postgres::REVOKE_ONE;
use crate::rival::tool::Tool;
use crate::rival::{Rival, oidc, postgres, redis};
use crate::rows::username;
use crate::server::Server;
use crate::site::{Site, superuser_token};
use crate::stats::{Series, real};

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let (runs, a_run) = (bench.scale.runs, bench.scale.revocations);
    let (mut victims, mut revoking) = Victims::prepare(bench, "revoke-one")?;
    let mut disk = Disk::prepare(&bench.scratch)?;
    let (mut revocations, mut syncs) = (Series::new("ms"), Series::new("ms"));
    for run in 1..=runs {
        progress(&format!("revoke-one: run {run} of {runs}"));
        let (mut of_one, mut of_disk) = (Series::new("ms"), Series::new("ms"));
        for some in victims.next(a_run).chunks(IN_TURN) {
            for token in some {
                of_one.push(revoking.revoke(token)?);
            }
            for _ in some {
                of_disk.push(disk.sync_s()? * real(1_000));
            }
        }
        revocations.push(of_one.median());
        syncs.push(of_disk.median());
    }
    disk.remove()?;
    victims.leave()?;
    Ok(vec![Finding::ratio(
        format!("invalidate one token, p50 of {a_run}, one client"),
        revocations,
        "write 4 KiB over and fdatasync, p50",
        syncs,
        Bound::AtMost(2.5),
    )])
}

/// The same for others, which are told of as many tokens.
pub(super) fn against_peers(bench: &Bench) -> Outcome<Vec<Finding>> {
    let (runs, a_run) = (bench.scale.runs, bench.scale.revocations);
    let (mut victims, mut revoking) = Victims::prepare(bench, "revoke-one-peers")?;
    let mut peers = Peers::start(bench, &victims.texts)?;
    let mut series = [(); 4].map(|()| Series::new("ms"));
    for run in 1..=runs {
        progress(&format!("revoke-one-peers: run {run} of {runs}"));
        let mut in_run = [(); 4].map(|()| Series::new("ms"));
        let [of_jeton, of_postgres, of_redis, of_oidc] = &mut in_run;
        for some in victims.next(a_run).chunks(IN_TURN) {
            for token in some {
                of_jeton.push(revoking.revoke(token)?);
            }
            let hashes = some.iter().map(|token| hash(token.as_bytes()));
            for hash in hashes.clone() {
                of_postgres.push(peers.by_postgres(&hash)?);
            }
            for hash in hashes {
                of_redis.push(peers.by_redis(&hash)?);
            }
            for token in peers.opaque(some.len())? {
                of_oidc.push(peers.by_oidc(&token)?);
            }
        }
        for (series, in_run) in series.iter_mut().zip(in_run) {
            series.push(in_run.median());
        }
    }
    peers.end()?;
    victims.leave()?;
    let [jeton, postgres, redis, oidc] = series;
    let against = |tool: Tool, what: &str, other| {
        let what = format!("{} {}: {what}", tool.name(), tool.version()?);
        let of_jeton = format!("invalidate one token, p50 of {a_run}, one client");
        Outcome::Ok(Finding::ratio(of_jeton, jeton.clone(), what, other, Bound::None))
    };
    Ok(vec![
        against(Tool::Postgres, "UPDATE of a row", postgres)?,
        against(Tool::Redis, "DEL, synced", redis)?,
        against(Tool::OidcProvider, "revocation in memory", oidc)?,
    ])
}

/// A server and tokens that it knows.
struct Victims {
    site: Site,
    server: Server,
    texts: Vec<String>,
    taken: usize,
}

impl Victims {
    /// Enough of them for all runs, and a client that has revoked some.
    fn prepare(bench: &Bench, name: &str) -> Outcome<(Self, Revoking)> {
        let site = bench.site(name)?;
        let a_run = bench.scale.revocations;
        let pairs = bench.scale.runs.saturating_add(1).saturating_mul(a_run);
        let fill = Fill { realm: SMALL_REALM, pairs, users: USERS };
        filling::fill(&site, &bench.programs, &[fill], Ending::Closed)?;
        let texts = filling::texts(&site, SMALL_REALM)?;
        let server = site.start(Core::Any, &[])?;
        let mut client = Client::connect(server.address())?;
        let bearer = format!("Bearer {}", superuser_token(&mut client)?);
        let mut revoking = Revoking { client, bearer };
        let mut victims = Self { site, server, texts, taken: 0 };
        for token in &victims.next(a_run) {
            revoking.revoke(token)?;
        }
        Ok((victims, revoking))
    }

    /// The next ones.
    fn next(&mut self, count: usize) -> Vec<String> {
        let next = self.texts.iter().skip(self.taken).take(count).cloned().collect();
        self.taken = self.taken.saturating_add(count);
        next
    }

    fn leave(self) -> Outcome<()> {
        self.server.stop()?;
        self.site.remove()
    }
}

/// Others with the same tokens, or with as many of their own.
struct Peers {
    rivals: [Rival; 3],
    table: postgres::Session,
    dictionary: redis::Session,
    provider: Client,
}

impl Peers {
    fn start(bench: &Bench, texts: &[String]) -> Outcome<Self> {
        let (scratch, results) = (&bench.scratch, &bench.results);
        let rivals = [
            postgres::start(scratch, Core::Any)?,
            redis::start(scratch, Core::Any)?,
            oidc::start(scratch, results, Core::Any)?,
        ];
        let [database, store, provider] = &rivals;
        let hashes: Vec<[u8; 32]> = texts.iter().map(|text| hash(text.as_bytes())).collect();
        let names: Vec<String> = (0..texts.len()).map(username).collect();
        redis::store(store.address(), &names, &hashes)?;
        let table = postgres::Session::open(database.address())?;
        let keys: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
        table.store(postgres::SMALL_REALM, &names, &keys)?;
        let dictionary = redis::Session::open(store.address())?;
        let provider = Client::connect(provider.address())?;
        Ok(Self { rivals, table, dictionary, provider })
    }

    /// New tokens of the provider: its memory holds few.
    fn opaque(&self, count: usize) -> Outcome<Vec<String>> {
        let [_, _, provider] = &self.rivals;
        oidc::grant(provider.address(), count)
    }

    fn by_postgres(&self, hash: &[u8; 32]) -> Outcome<f64> {
        let (rows, seconds) = self.table.timed(REVOKE_ONE, &[&hash.as_slice()])?;
        if rows == 1 {
            return Ok(seconds * real(1_000));
        }
        Err(BenchError::Answer(format!("{rows} rows were updated instead of one")))
    }

    fn by_redis(&mut self, hash: &[u8; 32]) -> Outcome<f64> {
        let watch = Stopwatch::start();
        let keys = self.dictionary.revoke(hash)?;
        let seconds = watch.seconds();
        if keys == 1 {
            return Ok(seconds * real(1_000));
        }
        Err(BenchError::Answer(format!("{keys} keys were deleted instead of one")))
    }

    fn by_oidc(&mut self, token: &str) -> Outcome<f64> {
        let request = oidc::revoke(token);
        let watch = Stopwatch::start();
        self.provider.call(&request)?.expect(200)?;
        Ok(watch.seconds() * real(1_000))
    }

    fn end(self) -> Outcome<()> {
        drop(self.table);
        self.rivals.into_iter().try_for_each(Rival::end)
    }
}

struct Revoking {
    client: Client,
    bearer: String,
}

impl Revoking {
    /// Revokes a token; the milliseconds that it took. The counts and the token are checked.
    fn revoke(&mut self, token: &str) -> Outcome<f64> {
        let body = format!(r#"{{"token":"{token}"}}"#);
        let request = request("DELETE", "/_security/oauth2/token", &self.bearer, &body);
        let watch = Stopwatch::start();
        let answer = self.client.call(&request)?.expect(200)?;
        let seconds = watch.seconds();
        let counts = (answer.number("/invalidated_tokens")?, answer.number("/error_count")?);
        if counts != (1, 0) {
            return Err(BenchError::Answer(format!("{counts:?} instead of 1 and 0")));
        }
        self.client.call(&filling::show(token))?.expect(401)?;
        Ok(seconds * real(1_000))
    }
}

/// Each side acts so often before the next one does: what else the machine does falls on all alike,
/// and what one leaves behind on few of the others.
const IN_TURN: usize = 20;
