//! Validation against what would be picked instead: a static server that looks tokens up in Redis
//! or `PostgreSQL`, introspection, and all of them behind a proxy that asks first.

use std::net::SocketAddr;

use super::side::{self, Pace, Side};
use super::{Bench, fixed};
use crate::baseline::book::{Lookup, hash};
use crate::error::{BenchError, Outcome};
use crate::filling::{self, Ending, Fill};
use crate::http::request;
use crate::load::Shot;
use crate::process::Core;
use crate::report::{Bound, Finding};
use crate::rival::tool::Tool;
use crate::rival::{Rival, nginx, oidc, postgres, redis};
use crate::rows::username;
use crate::server::Server;
use crate::site::Site;

/// Redis.
pub(super) fn against_redis(bench: &Bench) -> Outcome<Vec<Finding>> {
    let hot = Hot::prepare(bench, "validate-redis")?;
    let store = hot.redis(bench)?;
    let lookups = [Lookup::Redis, Lookup::RedisEpoch, Lookup::RedisPool];
    let version = Tool::Redis.version()?;
    let paces = hot.against_store(bench, "validate-redis", &store, lookups)?;
    store.end()?;
    let findings = hot.compared(
        paces,
        [
            (format!("Redis {version}: GET behind a static server"), Bound::AtLeast(1.5)),
            (format!("Redis {version}: MGET with the realm's epoch"), Bound::None),
            (format!("Redis {version}: GET over a pool of connections"), Bound::None),
        ],
    );
    hot.leave()?;
    Ok(findings)
}

/// PostgreSQL.
pub(super) fn against_postgres(bench: &Bench) -> Outcome<Vec<Finding>> {
    let hot = Hot::prepare(bench, "validate-postgres")?;
    let store = hot.postgres(bench)?;
    let lookups = [Lookup::Postgres, Lookup::PostgresEpoch, Lookup::PostgresPool];
    let version = Tool::Postgres.version()?;
    let paces = hot.against_store(bench, "validate-postgres", &store, lookups)?;
    store.end()?;
    let findings = hot.compared(
        paces,
        [
            (format!("PostgreSQL {version}: select behind a static server"), Bound::AtLeast(4.0)),
            (format!("PostgreSQL {version}: select with the realm's epoch"), Bound::None),
            (format!("PostgreSQL {version}: select over a pool of connections"), Bound::None),
        ],
    );
    hot.leave()?;
    Ok(findings)
}

/// Introspection by oidc-provider.
pub(super) fn against_oidc(bench: &Bench) -> Outcome<Vec<Finding>> {
    let hot = Hot::prepare(bench, "validate-oidc")?;
    let peer = oidc::start(&bench.scratch, &bench.results, Core::Server)?;
    let tokens = oidc::grant(peer.address(), OIDC_TOKENS)?;
    let contains = || b"\"active\":true".as_slice().into();
    let shot = |token: &String| Shot { request: oidc::introspect(token), contains: contains() };
    let shots: Vec<Shot> = tokens.iter().map(shot).collect();
    let sides = [hot.side()?, Side::new(peer.address(), vec![peer.pid()], &shots, 200)?];
    let [jeton, introspection] = side::take_turns(bench, "validate-oidc", sides)?;
    peer.end()?;
    let version = Tool::OidcProvider.version()?;
    let what = format!("oidc-provider {version}: introspection in memory, {OIDC_TOKENS} tokens");
    let findings = hot.findings(jeton, what, introspection, Bound::AtLeast(10.0)).to_vec();
    hot.leave()?;
    Ok(findings)
}

/// All of them behind nginx, which asks them before it answers.
pub(super) fn behind_nginx(bench: &Bench) -> Outcome<Vec<Finding>> {
    let hot = Hot::prepare(bench, "validate-nginx")?;
    let (redis, postgres) = (hot.redis(bench)?, hot.postgres(bench)?);
    let front = |lookup, store: &Rival| hot.front(bench, lookup, store);
    let fronts = [
        (front(Lookup::Redis, &redis)?, &redis),
        (front(Lookup::RedisEpoch, &redis)?, &redis),
        (front(Lookup::Postgres, &postgres)?, &postgres),
        (front(Lookup::PostgresEpoch, &postgres)?, &postgres),
    ];
    let proxy = |name: &str, judge: SocketAddr| {
        nginx::start(&bench.scratch, name, judge, AUTHENTICATE, Core::Server)
    };
    let shots = hot.proxied();
    let side = |proxy: &Rival, behind: &[u32]| {
        let processes = [&[proxy.pid()], behind].concat();
        Side::new(proxy.address(), processes, &shots, 200)
    };
    let of_jeton = proxy("nginx-jeton", hot.jeton.address())?;
    let mut proxies = Vec::new();
    for (number, (front, _)) in fronts.iter().enumerate() {
        proxies.push(proxy(&format!("nginx-{number}"), front.address())?);
    }
    let mut sides = vec![side(&of_jeton, &[hot.jeton.pid()])?];
    for (proxy, (front, store)) in proxies.iter().zip(&fronts) {
        sides.push(side(proxy, &[front.pid(), store.pid()])?);
    }
    let odd = |_| BenchError::Setup("a side is missing".to_owned());
    let sides = <[Side<'_>; 5]>::try_from(sides).map_err(odd)?;
    let [jeton, others @ ..] = side::take_turns(bench, "validate-nginx", sides)?;
    proxies.into_iter().chain([of_jeton]).try_for_each(Rival::end)?;
    fronts.into_iter().try_for_each(|(front, _)| front.kill())?;
    redis.end()?;
    postgres.end()?;
    hot.leave()?;
    let what = format!("nginx {} auth_request, Jeton behind it", Tool::Nginx.version()?);
    let stores = ["Redis", "Redis, with epoch", "PostgreSQL", "PostgreSQL, with epoch"];
    let compared = stores.iter().zip(others).map(|(store, pace)| {
        Finding::ratio(
            what.clone(),
            jeton.per_cpu.clone(),
            format!("static server and {store} behind it"),
            pace.per_cpu,
            Bound::None,
        )
    });
    Ok(compared.collect())
}

/// A server with live tokens that are shown in turn, and the same tokens for others to store.
struct Hot {
    site: Site,
    jeton: Server,
    shots: Vec<Shot>,
    /// What the tokens are called elsewhere, and whose they are.
    hashes: Vec<[u8; 32]>,
    names: Vec<String>,
    texts: Vec<String>,
    /// The requests for servers that answer every token alike.
    alike: Vec<Shot>,
}

impl Hot {
    fn prepare(bench: &Bench, name: &str) -> Outcome<Self> {
        let site = bench.site(name)?;
        let fill = Fill { realm: "hot", pairs: bench.scale.hot_tokens, users: USERS };
        filling::fill(&site, &bench.programs, &[fill], Ending::Closed)?;
        let shots = filling::shots(&site, &fill)?;
        let texts = filling::texts(&site, fill.realm)?;
        let hashes = texts.iter().map(|text| hash(text.as_bytes())).collect();
        let user = |place: usize| username(place.checked_rem(USERS).unwrap_or_default());
        let names = (0..texts.len()).map(user).collect();
        let alike = fixed::shots(&shots);
        let jeton = site.start(Core::Server, &[])?;
        Ok(Self { site, jeton, shots, hashes, names, texts, alike })
    }

    /// Redis with the tokens.
    fn redis(&self, bench: &Bench) -> Outcome<Rival> {
        let store = redis::start(&bench.scratch, Core::Server)?;
        redis::store(store.address(), &self.names, &self.hashes)?;
        Ok(store)
    }

    /// PostgreSQL with the tokens.
    fn postgres(&self, bench: &Bench) -> Outcome<Rival> {
        let store = postgres::start(&bench.scratch, Core::Server)?;
        let hashes: Vec<&[u8]> = self.hashes.iter().map(<[u8; 32]>::as_slice).collect();
        let session = postgres::Session::open(store.address())?;
        session.store(postgres::SMALL_REALM, &self.names, &hashes)?;
        Ok(store)
    }

    /// A static server that looks tokens up in a store.
    fn front(&self, bench: &Bench, lookup: Lookup, store: &Rival) -> Outcome<Server> {
        let behind = Some((lookup, store.address()));
        fixed::start(bench, &self.site, &self.jeton, &self.shots, behind)
    }

    fn side(&self) -> Outcome<Side<'_>> {
        Side::new(self.jeton.address(), vec![self.jeton.pid()], &self.shots, 200)
    }

    /// Takes turns with static servers that look tokens up in some ways in one store.
    fn against_store(
        &self,
        bench: &Bench,
        name: &str,
        store: &Rival,
        lookups: [Lookup; 3],
    ) -> Outcome<[Pace; 4]> {
        let fronts = lookups.map(|lookup| self.front(bench, lookup, store));
        let [one, other, third] = fronts;
        let fronts = [one?, other?, third?];
        let side = |front: &Server| {
            Side::new(front.address(), vec![front.pid(), store.pid()], &self.alike, 200)
        };
        let [one, other, third] = &fronts;
        let sides = [self.side()?, side(one)?, side(other)?, side(third)?];
        let paces = side::take_turns(bench, name, sides)?;
        fronts.into_iter().try_for_each(Server::kill)?;
        Ok(paces)
    }

    fn compared(
        &self,
        [jeton, one, other, third]: [Pace; 4],
        whats: [(String, Bound); 3],
    ) -> Vec<Finding> {
        let others = [one, other, third].into_iter().zip(whats);
        others
            .flat_map(|(pace, (what, bound))| self.findings(jeton.clone(), what, pace, bound))
            .collect()
    }

    /// By processor time, which is judged, and on the clock.
    fn findings(&self, jeton: Pace, what: String, other: Pace, bound: Bound) -> [Finding; 2] {
        let by_cpu = format!("authenticate, {} live tokens", self.texts.len());
        [
            Finding::ratio(by_cpu, jeton.per_cpu, what.clone(), other.per_cpu, bound),
            Finding::ratio("the same on the clock", jeton.rate, what, other.rate, Bound::None),
        ]
    }

    /// Requests that show the tokens to a proxy.
    fn proxied(&self) -> Vec<Shot> {
        let contains = || nginx::ANSWER.as_bytes().into();
        let ask = |token| request("GET", nginx::PATH, &format!("Bearer {token}"), "").into();
        let shot = |token| Shot { request: ask(token), contains: contains() };
        self.texts.iter().map(shot).collect()
    }

    fn leave(self) -> Outcome<()> {
        self.jeton.stop()?;
        self.site.remove()
    }
}

/// What decides for the proxy.
const AUTHENTICATE: &str = "/_security/_authenticate";
const USERS: usize = 100;
/// Tokens of a peer whose memory holds no more than a thousand.
const OIDC_TOKENS: usize = 500;
