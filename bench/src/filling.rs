//! Filling a store with pairs, through the engine's own commits, in a process that can be killed.
//!
//! Owns which realms there are and when their pairs were made: spread over most of a day, so that a
//! start finds as many segments and a count as many rows as in real life.

use std::fs;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use jeton_domain::id::PairId;
use jeton_domain::time::Timestamp;
use jeton_domain::token::key::{KeyState, MacKey};
use jeton_domain::token::text::{self, Half};
use jeton_store::engine::Engine;
use jeton_store::engine::embedded::{Embedded, EmbeddedOptions};
use jeton_store::tables::keys;
use rustix::process::Signal;

use crate::chance::Chance;
use crate::clock;
use crate::error::{BenchError, Outcome, Trying};
use crate::load::Shot;
use crate::process;
use crate::report::say;
use crate::rows::{Grantees, Rows, username};
use crate::server::Programs;
use crate::site::Site;

/// Pairs of one realm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill<'a> {
    /// The realm.
    pub(crate) realm: &'a str,
    /// How many pairs.
    pub(crate) pairs: usize,
    /// How many users they belong to.
    pub(crate) users: usize,
}

/// How the process that fills a store ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It closes the store.
    Closed,
    /// It is killed with the store open.
    Killed,
}

/// Fills a store from another process.
pub(crate) fn fill(
    site: &Site,
    programs: &Programs,
    fills: &[Fill<'_>],
    ending: Ending,
) -> Outcome<()> {
    let mut command = Command::new(&programs.bench);
    command.arg("fill").arg(site.root()).stdin(Stdio::piped()).stdout(Stdio::piped());
    for Fill { realm, pairs, users } in fills {
        command.arg(format!("{realm}:{pairs}:{users}"));
    }
    let mut child = command.spawn().trying(|| "cannot start to fill a store".to_owned())?;
    let filled = wait_until_filled(&mut child);
    if filled.is_err() || ending == Ending::Killed {
        process::end(&mut child, Signal::KILL)?;
        return filled;
    }
    // Its input ends: it closes the store.
    drop(child.stdin.take());
    let status = child.wait().trying(|| "cannot wait for a child".to_owned())?;
    if status.success() {
        return Ok(());
    }
    Err(BenchError::Setup(format!("filling a store failed: {status}")))
}

fn wait_until_filled(child: &mut Child) -> Outcome<()> {
    let output = child.stdout.take().map(BufReader::new);
    let mut lines = output.into_iter().flat_map(BufReader::lines).map_while(Result::ok);
    if lines.any(|line| line == FILLED) {
        return Ok(());
    }
    Err(BenchError::Setup("the process that fills a store ended too soon".to_owned()))
}

/// Fills the store below `root`, says so, and closes it when the input ends.
pub(crate) fn fill_here(root: &Path, fills: &[String]) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.trying(|| "no runtime".to_owned())?;
    let engine = Embedded::open(&EmbeddedOptions::new(root.join("data").join("store")))?;
    runtime.block_on(async {
        let key = signing_key(&engine, root).await?;
        let path = root.join("tokens.txt");
        let file = fs::File::create(&path).trying(|| format!("no {}", path.display()))?;
        let mut texts = BufWriter::new(file);
        for fill in fills {
            let odd = || BenchError::Setup(format!("{fill} is not realm:pairs:users"));
            let mut parts = fill.split(':');
            let realm = parts.next().ok_or_else(odd)?;
            let mut number = || parts.next()?.parse::<usize>().ok();
            let (pairs, users) = number().zip(number()).ok_or_else(odd)?;
            for id in fill_realm(&engine, &Fill { realm, pairs, users }).await? {
                let access = text::print(Half::Access, id, &key);
                let line = [realm.as_bytes(), b" ", access.expose(), b"\n"].concat();
                texts.write_all(&line).trying(|| "cannot write tokens".to_owned())?;
            }
        }
        texts.flush().trying(|| "cannot write tokens".to_owned())?;
        say(FILLED);
        let ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        ended.trying(|| "no input".to_owned())?;
        Ok(engine.close().await?)
    })
}

async fn fill_realm(engine: &Embedded, fill: &Fill<'_>) -> Outcome<Vec<PairId>> {
    let mut grantees = Grantees::new(fill.realm, fill.users)?;
    let now = clock::now();
    let mut chance = Chance::new(u64::try_from(now.ms()).unwrap_or_default());
    let mut ids = Vec::with_capacity(fill.pairs);
    while ids.len() < fill.pairs {
        let mut rows = Rows::default();
        rows.note_grants();
        for place in ids.len()..fill.pairs.min(ids.len().saturating_add(PAIRS_A_BATCH)) {
            ids.push(grantees.grant(&mut rows, minted(now, place, fill.pairs), &mut chance));
        }
        engine.commit(rows.into_batch(&mut chance)).await?;
    }
    Ok(ids)
}

/// When the pair at this place was made: in order, over most of the day before now.
fn minted(now: Timestamp, place: usize, pairs: usize) -> Timestamp {
    let (place, pairs) = (i64::try_from(place), i64::try_from(pairs.max(1)));
    let (place, pairs) = (place.unwrap_or_default(), pairs.unwrap_or(1));
    let age = SPREAD_MS.saturating_sub(SPREAD_MS.saturating_mul(place).div_euclid(pairs));
    now.plus_ms(age.saturating_neg())
}

async fn signing_key(engine: &Embedded, root: &Path) -> Outcome<MacKey> {
    let halves = Site::keys(root)?;
    for (_, row) in engine.scan(&keys::all(), KEYS_MAX).await? {
        let record = keys::decode(&row)?;
        let half = halves.iter().find(|(id, _)| *id == record.id);
        if let (KeyState::Active, Some((id, half))) = (record.state, half) {
            return Ok(MacKey::derive(*id, half, &record.salt));
        }
    }
    Err(BenchError::Setup("no key signs in this store".to_owned()))
}

/// Requests that show the tokens of a realm, each with what its answer must contain.
pub(crate) fn shots(site: &Site, fill: &Fill<'_>) -> Outcome<Vec<Shot>> {
    let texts = texts(site, fill.realm)?;
    let users = fill.users.max(1);
    let shots = texts.iter().enumerate().map(|(place, token)| {
        let name = username(place.checked_rem(users).unwrap_or_default());
        let contains = format!(r#""username":"{name}""#);
        Shot { request: show(token), contains: contains.into_bytes().into() }
    });
    Ok(shots.collect())
}

/// The texts of a realm's access tokens, oldest first.
pub(crate) fn texts(site: &Site, realm: &str) -> Outcome<Vec<String>> {
    let path = site.tokens();
    let file = fs::File::open(&path).trying(|| format!("no {}", path.display()))?;
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    let of_realm = lines.filter_map(|line| {
        let (name, token) = line.split_once(' ')?;
        (name == realm).then(|| token.to_owned())
    });
    Ok(of_realm.collect())
}

/// The request that asks who a token is for.
pub(crate) fn show(token: &str) -> Box<[u8]> {
    let bearer = format!("Bearer {token}");
    crate::http::request("GET", "/_security/_authenticate", &bearer, "").into()
}

/// Said when every pair is durable.
const FILLED: &str = "filled";

/// Pairs that one commit carries.
const PAIRS_A_BATCH: usize = 2_000;

/// A store lists as many keys at most.
const KEYS_MAX: usize = 256;

/// Over how long the pairs are spread, in milliseconds: less than their lifetime by more than a run.
const SPREAD_MS: i64 = 20 * 60 * 60 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_made_in_order_and_before_now() {
        let now = Timestamp::from_ms(1_700_000_000_000);
        let made: Vec<_> = (0..100).map(|place| minted(now, place, 100)).collect();
        assert!(made.is_sorted());
        assert_eq!(made.first().map(|first| now.since_ms(*first)), Some(SPREAD_MS));
        assert!(made.iter().all(|made| *made < now));
    }
}
