//! Whether a refresh token is exchanged for a new pair.

use thiserror::Error;

use crate::id::Tick;
use crate::limits::REFRESH_WINDOW_MS;
use crate::subject::Client;
use crate::time::Timestamp;
use crate::token::pair::{Pair, Spent};

/// Why a refresh is refused, in the order in which it is judged. The texts are the wire's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RefreshRefusal {
    /// No such pair, or not a refresh token.
    #[error("could not refresh the requested token")]
    Unknown,
    /// Older than the refresh lifetime.
    #[error("token document has expired")]
    Expired,
    /// Revoked, alone or by a cutoff.
    #[error("token has been invalidated")]
    Revoked,
    /// Another client made it.
    #[error("tokens must be refreshed by the creating client")]
    OtherClient,
    /// Used before, and the window for a repeat is over.
    #[error("token has already been refreshed more than 30 seconds in the past")]
    SpentLongAgo,
    /// Used before, at a time that lies too far ahead.
    #[error("token has been refreshed more than 30 seconds in the future, clock skew too great")]
    SpentAhead,
}

/// What a refresh comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// First use: a successor is made.
    Mint,
    /// A repeat within the window: the same strings again.
    Replay(Spent),
}

/// Judges a refresh at `now` by `client`, under the newest cutoff that covers the pair.
pub fn judge(
    pair: &Pair,
    now: Timestamp,
    dead_below: Tick,
    client: &Client,
) -> Result<Verdict, RefreshRefusal> {
    let refresh = pair.refresh.as_ref().ok_or(RefreshRefusal::Unknown)?;
    if now > refresh.end.instant() {
        return Err(RefreshRefusal::Expired);
    }
    if refresh.revoked.is_some() || pair.is_dead(dead_below) {
        return Err(RefreshRefusal::Revoked);
    }
    if !pair.owner.is_same(client) {
        return Err(RefreshRefusal::OtherClient);
    }
    let Some(spent) = refresh.spent else {
        return Ok(Verdict::Mint);
    };
    let since_ms = now.since_ms(spent.at);
    if since_ms > REFRESH_WINDOW_MS {
        return Err(RefreshRefusal::SpentLongAgo);
    }
    if since_ms < REFRESH_WINDOW_MS.saturating_neg() {
        return Err(RefreshRefusal::SpentAhead);
    }
    Ok(Verdict::Replay(spent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{KeyId, PairId};
    use crate::token::pair::RequestId;
    use crate::token::pair::tests::{minting, owner};
    use crate::token::text::Half;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    fn spent(ms: i64) -> Pair {
        let spent =
            Spent { at: at(ms), successor: PairId::from_bytes([8; 16]), key: KeyId::new(1) };
        Pair::mint(minting(0, true)).spend(spent).unwrap()
    }

    #[track_caller]
    fn check(pair: &Pair, now_ms: i64, wanted: Result<(), RefreshRefusal>) {
        let verdict = judge(pair, at(now_ms), Tick::ZERO, &owner("ann")).map(|_| ());
        assert_eq!(verdict, wanted);
    }

    #[test]
    fn the_window_is_thirty_seconds_both_ways_and_closed() {
        check(&spent(50_000), 80_000, Ok(()));
        check(&spent(50_000), 80_001, Err(RefreshRefusal::SpentLongAgo));
        check(&spent(50_000), 20_000, Ok(()));
        check(&spent(50_000), 19_999, Err(RefreshRefusal::SpentAhead));
    }

    #[test]
    fn a_pair_older_than_a_day_is_expired_even_if_revoked() {
        let pair = Pair::mint(minting(0, true));
        check(&pair, 86_400_000, Ok(()));
        let revoked = pair.revoke(Half::Refresh, Tick::ZERO, RequestId([0; 16])).unwrap();
        check(&revoked, 86_401_000, Err(RefreshRefusal::Expired));
        check(&revoked, 1, Err(RefreshRefusal::Revoked));
    }

    #[test]
    fn the_wrong_client_is_told_so_before_the_window_is_looked_at() {
        let verdict = judge(&spent(0), at(60_000), Tick::ZERO, &owner("bob"));
        assert_eq!(verdict, Err(RefreshRefusal::OtherClient));
    }

    #[test]
    fn a_pair_without_refresh_half_is_unknown() {
        check(&Pair::mint(minting(0, false)), 1, Err(RefreshRefusal::Unknown));
    }
}
