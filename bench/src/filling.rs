//! Filling a store with pairs, through the engine's own commits, in a process that can be killed.
//!
//! Owns which realms there are and when their pairs were made: spread over most of a day, so that a
//! start finds as many segments and a count as many rows as in real life.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use jeton_domain::limits::ACCESS_LIFETIME_MS_MIN;
use jeton_domain::time::Timestamp;
use jeton_domain::token::key::{KeyState, MacKey};
use jeton_domain::token::text::{self, Half};
use jeton_store::engine::embedded::{Embedded, EmbeddedOptions};
use jeton_store::engine::{Batch, Engine};
use jeton_store::tables::keys;
use rustix::process::Signal;
use tokio::runtime::Runtime;

use crate::chance::Chance;
use crate::clock;
use crate::error::{BenchError, Outcome, Trying};
use crate::load::Shot;
use crate::process;
use crate::report::say;
use crate::rows::{Grantees, Rows};
use crate::server::Programs;
use crate::site::Site;
use crate::tokens::Tokens;

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
    let mut child = start(site, programs, fills, &[])?;
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

/// Adds pairs to a store until its layer in memory is all but full, then kills the process that
/// holds it: no start has more to replay, if layers were written out as fast as they filled.
pub(crate) fn brim(site: &Site, programs: &Programs, fill: &Fill<'_>) -> Outcome<()> {
    let mut child = start(site, programs, &[*fill], &["--brim"])?;
    let filled = wait_until_filled(&mut child);
    process::end(&mut child, Signal::KILL)?;
    filled
}

fn start(site: &Site, programs: &Programs, fills: &[Fill<'_>], options: &[&str]) -> Outcome<Child> {
    let mut command = Command::new(&programs.bench);
    command.arg("fill").args(options).arg(site.root());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    for Fill { realm, pairs, users } in fills {
        command.arg(format!("{realm}:{pairs}:{users}"));
    }
    command.spawn().trying(|| "cannot start to fill a store".to_owned())
}

fn wait_until_filled(child: &mut Child) -> Outcome<()> {
    let output = child.stdout.take().map(BufReader::new);
    let mut lines = output.into_iter().flat_map(BufReader::lines).map_while(Result::ok);
    if lines.any(|line| line == FILLED) {
        return Ok(());
    }
    Err(BenchError::Setup("the process that fills a store ended too soon".to_owned()))
}

/// Fills the store of a site, says so, and closes it when the input ends.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the path holds for one lifetime")]
pub(crate) fn fill_here(site: &Site, fills: &[String]) -> Outcome<()> {
    work_here(site, fills, |filling, fill| filling.fill(fill))
}

/// The same until a layer in memory is all but full, however many pairs that takes.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the path holds for one lifetime")]
pub(crate) fn brim_here(site: &Site, fills: &[String]) -> Outcome<()> {
    work_here(site, fills, |filling, fill| filling.brim(fill))
}

fn work_here(
    site: &Site,
    fills: &[String],
    work: impl Fn(&Filling<'_>, &Fill<'_>) -> Outcome<Tokens>,
) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.trying(|| "no runtime".to_owned())?;
    let engine = Embedded::open(&EmbeddedOptions::new(site.store()))?;
    let key = runtime.block_on(signing_key(&engine, site))?;
    for fill in fills {
        let odd = || BenchError::Setup(format!("{fill} is not realm:pairs:users"));
        let mut parts = fill.split(':');
        let realm = parts.next().ok_or_else(odd)?;
        let mut number = || parts.next()?.parse::<usize>().ok();
        let (pairs, users) = number().zip(number()).ok_or_else(odd)?;
        let fill = Fill { realm, pairs, users };
        let filling = Filling { site, engine: &engine, runtime: &runtime, key: &key };
        work(&filling, &fill)?.store(site, realm)?;
    }
    say(FILLED);
    let ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    ended.trying(|| "no input".to_owned())?;
    Ok(runtime.block_on(engine.close())?)
}

/// A store that is filled by this process.
struct Filling<'a> {
    site: &'a Site,
    engine: &'a Embedded,
    runtime: &'a Runtime,
    key: &'a MacKey,
}

impl Filling<'_> {
    /// Makes the rows of the next commit while one is under way.
    fn fill(&self, fill: &Fill<'_>) -> Outcome<Tokens> {
        let mut grants = Grants::new(fill)?;
        let (made, next) = mpsc::sync_channel(2);
        thread::scope(|scope| {
            let making = scope.spawn(move || {
                let mut tokens = Tokens::new(fill.users);
                while tokens.len() < fill.pairs {
                    let count = PAIRS_A_BATCH.min(fill.pairs.saturating_sub(tokens.len()));
                    let batch = grants.batch(count, self.key, &mut tokens)?;
                    if made.send(batch).is_err() {
                        break;
                    }
                }
                Ok(tokens)
            });
            for batch in next {
                self.runtime.block_on(self.engine.commit(batch))?;
            }
            making.join().map_err(|_| BenchError::Setup("making rows failed".to_owned()))?
        })
    }

    /// Commits until one layer was written out, then as much as that layer held but for a little.
    fn brim(&self, fill: &Fill<'_>) -> Outcome<Tokens> {
        let mut grants = Grants::new(fill)?;
        let mut tokens = Tokens::new(fill.users);
        let mut commit = || {
            let batch = grants.batch(PAIRS_A_GROUP, self.key, &mut tokens)?;
            self.runtime.block_on(self.engine.commit(batch))?;
            self.site.newest_journal()
        };
        let mut layers = [0_u32; 2];
        let mut journal = commit()?;
        for batches in &mut layers {
            let begun = std::mem::replace(&mut journal, commit()?);
            while begun == journal {
                *batches = batches.saturating_add(1);
                journal = commit()?;
            }
        }
        // The first one was begun by others.
        let [_, batches] = layers;
        for _ in 0..batches.saturating_sub(batches / BRIM_KEPT) {
            if commit()? != journal {
                return Err(BenchError::Setup("the layer was written out too soon".to_owned()));
            }
        }
        Ok(tokens)
    }
}

/// Grants of one realm, made in order.
struct Grants {
    grantees: Grantees,
    pairs: usize,
    now: Timestamp,
    chance: Chance,
}

impl Grants {
    fn new(fill: &Fill<'_>) -> Outcome<Self> {
        let now = clock::now();
        // Small realms are filled within the same millisecond and must not draw the same ids.
        let seed = u64::try_from(now.ms()).unwrap_or_default();
        let chance = Chance::new(
            fill.realm
                .bytes()
                .fold(seed, |seed, byte| Chance::new(seed.wrapping_add(u64::from(byte))).next()),
        );
        let mut grantees = Grantees::new(fill.realm, fill.users)?;
        if fill.realm == EXPIRED_REALM {
            grantees = grantees.with_access_lifetime(ACCESS_LIFETIME_MS_MIN);
        }
        Ok(Self { grantees, pairs: fill.pairs, now, chance })
    }

    /// The next grants as one batch; their tokens are added.
    fn batch(&mut self, count: usize, key: &MacKey, tokens: &mut Tokens) -> Outcome<Batch> {
        let Self { grantees, pairs, now, chance } = self;
        let mut rows = Rows::default();
        rows.note_grants();
        for _ in 0..count {
            // Grants without an end in number are made now.
            let minted = if *pairs == 0 { *now } else { minted(*now, tokens.len(), *pairs) };
            let id = grantees.grant(&mut rows, minted, chance);
            tokens.push(text::print(Half::Access, id, key).expose())?;
        }
        Ok(rows.into_batch(chance))
    }
}

/// When the pair at this place was made: in order, over most of the day before now.
fn minted(now: Timestamp, place: usize, pairs: usize) -> Timestamp {
    let (place, pairs) = (i64::try_from(place), i64::try_from(pairs.max(1)));
    let (place, pairs) = (place.unwrap_or_default(), pairs.unwrap_or(1));
    let age = SPREAD_MS.saturating_sub(SPREAD_MS.saturating_mul(place).div_euclid(pairs));
    now.plus_ms(age.saturating_neg())
}

async fn signing_key(engine: &Embedded, site: &Site) -> Outcome<MacKey> {
    let halves = site.keys()?;
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
    let tokens = Tokens::load(site, fill.realm, fill.users)?;
    let shots = (0..tokens.len()).map(|place| {
        let contains = tokens.contained(place).into_bytes().into();
        Shot { request: show(&tokens.string(place)), contains }
    });
    Ok(shots.collect())
}

/// The texts of a realm's access tokens, oldest first.
pub(crate) fn texts(site: &Site, realm: &str) -> Outcome<Vec<String>> {
    let tokens = Tokens::load(site, realm, 1)?;
    Ok((0..tokens.len()).map(|place| tokens.string(place)).collect())
}

/// The request that asks who a token is for.
pub(crate) fn show(token: &str) -> Box<[u8]> {
    let bearer = format!("Bearer {token}");
    crate::http::request("GET", "/_security/_authenticate", &bearer, "").into()
}

/// The realm whose access tokens are expired as soon as they are made.
pub(crate) const EXPIRED_REALM: &str = "expired";

/// Said when every pair is durable.
const FILLED: &str = "filled";

/// Pairs that one commit carries.
const PAIRS_A_BATCH: usize = 2_000;

/// Pairs of one commit of a store that is filled to the brim: as many as share a commit under load.
const PAIRS_A_GROUP: usize = 64;

/// One part in so many of a layer is left free.
const BRIM_KEPT: u32 = 20;

/// A store lists as many keys at most.
const KEYS_MAX: usize = 256;

/// Over how long the pairs are spread, in milliseconds: less than their lifetime by more than a
/// run.
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
