//! Tokens that are refused: rubbish, forged ones, expired ones and revoked ones, against live ones;
//! and what is read from the store for them.

use super::side::{self, ONE_BY_ONE, Pace, Side};
use super::{Bench, HOT_USERS};
use crate::chance::Chance;
use crate::error::{BenchError, Outcome};
use crate::filling::{self, EXPIRED_REALM, Ending, Fill};
use crate::http::{Client, request};
use crate::load::{Generator, Load, Requests, Shot, Until, Waiting};
use crate::process::Core;
use crate::report::{Bound, Finding, progress};
use crate::server::Server;
use crate::site::{Site, superuser_token};
use crate::stats::{Series, real};

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let tokens = bench.scale.hot_tokens;
    let site = bench.site("rubbish")?;
    let fills = [LIVE_REALM, REVOKED_REALM, EXPIRED_REALM].map(|realm| Fill {
        realm,
        pairs: tokens,
        users: HOT_USERS,
    });
    filling::fill(&site, &bench.programs, &fills, Ending::Closed)?;
    let jeton = site.start(Core::Server, &[])?;
    let shown = Shown::prepare(&site, &jeton, fills)?;
    let reads = shown.count_reads(&jeton)?;
    let asked = |requests, status| {
        Side::connect(jeton.address(), vec![jeton.pid()], (requests, status), ONE_BY_ONE)
    };
    let refused = |shots| asked(Requests::Shots(shots), 401);
    let sides = [
        asked(Requests::Shots(&shown.live), 200)?,
        refused(&shown.rubbish)?,
        refused(&shown.forged)?,
        refused(&shown.expired)?,
        refused(&shown.revoked)?,
        asked(Requests::Halves { right: &shown.live, refused: &shown.revoked }, 200)?,
    ];
    let [live, rubbish, forged, expired, revoked, half] =
        side::take_turns(bench, "validate-refused", sides)?;
    jeton.stop()?;
    site.remove()?;
    let pace = |what: &str, pace: Pace, bound| {
        let against = format!("{tokens} live tokens");
        Finding::ratio(what, pace.per_cpu, against, live.per_cpu.clone(), bound)
    };
    let busy = rubbish.is_busy("100 % rubbish");
    let mut findings = vec![
        pace("100 % rubbish", rubbish, Bound::AtLeast(0.95)),
        pace("100 % forged tokens", forged, Bound::AtLeast(0.95)),
        pace("100 % expired tokens", expired, Bound::None),
        pace("100 % revoked tokens", revoked, Bound::None),
        pace("50 % revoked tokens", half, Bound::None),
        busy,
    ];
    findings.extend(reads);
    Ok(findings)
}

/// Requests of each kind.
struct Shown {
    live: Vec<Shot>,
    rubbish: Vec<Shot>,
    forged: Vec<Shot>,
    expired: Vec<Shot>,
    revoked: Vec<Shot>,
}

impl Shown {
    /// Revokes the realm of which it says so.
    fn prepare(
        site: &Site,
        jeton: &Server,
        [live, revoked, expired]: [Fill<'_>; 3],
    ) -> Outcome<Self> {
        revoke(jeton, revoked)?;
        let texts = filling::texts(site, live.realm)?;
        let refused = |fill: Fill<'_>| {
            let texts = filling::texts(site, fill.realm)?;
            Ok::<_, BenchError>(texts.iter().map(|text| refused(text)).collect())
        };
        Ok(Self {
            live: filling::shots(site, &live)?,
            rubbish: rubbish(live.pairs),
            forged: texts.iter().map(|text| self::refused(&forged(text))).collect(),
            expired: refused(expired)?,
            revoked: refused(revoked)?,
        })
    }

    /// What the server reads for rubbish and for forged tokens. That the counter counts is seen
    /// from tokens that it has not met: none of them is answered without a read.
    fn count_reads(&self, jeton: &Server) -> Outcome<Vec<Finding>> {
        progress("counting reads");
        let mut counter = Counter::connect(jeton)?;
        let mut count = |shots: &[Shot], status| {
            let before = counter.reads()?;
            Generator::connect(jeton.address(), 1)?.send(&Load {
                shots,
                status,
                until: Until::EachOnce,
                waiting: Waiting::Sleeping,
            })?;
            Ok::<_, BenchError>(counter.reads()?.saturating_sub(before))
        };
        let of_itself = count(&[], 200)?;
        let mut reads = |what: &str, shots: &[Shot], status| {
            let reads = count(shots, status)?.saturating_sub(of_itself);
            progress(&format!("{reads} reads for {} {what}", shots.len()));
            Ok::<_, BenchError>(Series::of("reads", real(reads)))
        };
        let rubbish = reads("pieces of rubbish", &self.rubbish, 401)?;
        let forged = reads("forged tokens", &self.forged, 401)?;
        let live = reads("live tokens", &self.live, 200)?;
        let expired = reads("expired tokens", &self.expired, 401)?;
        let tokens = real(u64::try_from(self.live.len()).unwrap_or_default());
        let count = |what: String, reads, bound| {
            let tokens = Series::of("tokens", tokens);
            Finding::beside(what, reads, "for as many", tokens, bound)
        };
        let none = Bound::AtMost(0.0);
        let each = Bound::AtLeast(tokens);
        Ok(vec![
            count("reads of the store for rubbish".to_owned(), rubbish, none),
            count("reads of the store for forged tokens".to_owned(), forged, none),
            count("reads of the store for live tokens, first seen".to_owned(), live, each),
            count("reads of the store for expired tokens, first seen".to_owned(), expired, each),
        ])
    }
}

/// Asks how often the store was read.
struct Counter {
    client: Client,
    ask: Vec<u8>,
}

impl Counter {
    fn connect(jeton: &Server) -> Outcome<Self> {
        let mut client = Client::connect(jeton.address())?;
        let bearer = format!("Bearer {}", superuser_token(&mut client)?);
        let mut counter = Self { client, ask: request("GET", "/_security/stats", &bearer, "") };
        // What the first one reads of its own, the next ones find in the cache.
        counter.reads()?;
        Ok(counter)
    }

    fn reads(&mut self) -> Outcome<u64> {
        self.client.call(&self.ask)?.expect(200)?.number_of_only("/nodes", "/jeton/engine_reads")
    }
}

/// Revokes a realm: both halves of each of its pairs.
fn revoke(jeton: &Server, fill: Fill<'_>) -> Outcome<()> {
    let mut client = Client::connect(jeton.address())?;
    let bearer = format!("Bearer {}", superuser_token(&mut client)?);
    let body = format!(r#"{{"realm_name":"{}"}}"#, fill.realm);
    let ask = request("DELETE", "/_security/oauth2/token", &bearer, &body);
    let revoked = client.call(&ask)?.expect(200)?.number("/invalidated_tokens")?;
    if usize::try_from(revoked / 2) == Ok(fill.pairs) {
        return Ok(());
    }
    Err(BenchError::Answer(format!("{revoked} tokens of {} pairs were revoked", fill.pairs)))
}

/// Texts that are no tokens, as long as tokens.
fn rubbish(count: usize) -> Vec<Shot> {
    let mut chance = Chance::new(1);
    let mut text = || {
        let letters = chance.bytes::<TOKEN_CHARS>();
        let letter = |byte: u8| {
            let place = usize::from(byte).checked_rem(LETTERS.len()).unwrap_or_default();
            LETTERS.get(place).copied().map(char::from).unwrap_or_default()
        };
        letters.map(letter).into_iter().collect::<String>()
    };
    (0..count).map(|_| refused(&text())).collect()
}

/// A well-formed token of no pair: the end of the tag is changed.
fn forged(text: &str) -> String {
    let (start, end) = text.split_at_checked(text.len().saturating_sub(8)).unwrap_or((text, ""));
    let end: String = end.chars().map(|char| if char == 'A' { 'B' } else { 'A' }).collect();
    format!("{start}{end}")
}

fn refused(text: &str) -> Shot {
    let contains = b"security_exception".as_slice().into();
    Shot { request: filling::show(text), contains }
}

const TOKEN_CHARS: usize = jeton_domain::limits::TOKEN_CHARS;
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const LIVE_REALM: &str = "hot";
const REVOKED_REALM: &str = "revoked";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_token_is_as_long_and_differs() {
        let text = format!("jta_{}", "A".repeat(44));
        assert_eq!(forged(&text), format!("jta_{}BBBBBBBB", "A".repeat(36)));
    }

    #[test]
    fn no_rubbish_is_like_another() {
        let [one, other] = rubbish(2).try_into().unwrap();
        assert_eq!(one.request.len(), other.request.len());
        assert_ne!(one.request, other.request);
    }
}
