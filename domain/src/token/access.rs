//! Whether an access token opens the door.

use thiserror::Error;

use crate::id::Tick;
use crate::time::{Second, Timestamp};

/// Why an access token that exists is refused. On the wire both look the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AccessRefusal {
    /// Its end has passed. Looked at first.
    #[error("the access token expired")]
    Expired,
    /// It was revoked, alone or by a cutoff.
    #[error("the access token was revoked")]
    Revoked,
}

/// What a check of an access token needs to know of its pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessFacts {
    /// Dead below any covering cutoff larger than this.
    pub born: Tick,
    /// Valid up to and including the beginning of this second.
    pub end: Second,
    /// Whether the half was revoked by a request of its own.
    pub is_revoked: bool,
}

/// Judges an access token at `now`, under the newest cutoff that covers it.
pub fn judge(facts: AccessFacts, now: Timestamp, dead_below: Tick) -> Result<(), AccessRefusal> {
    if now > facts.end.instant() {
        return Err(AccessRefusal::Expired);
    }
    if facts.is_revoked || facts.born < dead_below {
        return Err(AccessRefusal::Revoked);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: AccessFacts =
        AccessFacts { born: Tick::new(5), end: Second::new(100), is_revoked: false };

    #[test]
    fn a_token_is_valid_up_to_and_including_its_end() {
        assert_eq!(judge(FACTS, Timestamp::from_ms(100_000), Tick::ZERO), Ok(()));
        let late = Timestamp::from_ms(100_001);
        assert_eq!(judge(FACTS, late, Tick::ZERO), Err(AccessRefusal::Expired));
    }

    #[test]
    fn expiry_is_looked_at_before_revocation() {
        let revoked = AccessFacts { is_revoked: true, ..FACTS };
        let late = Timestamp::from_ms(100_001);
        assert_eq!(judge(revoked, late, Tick::ZERO), Err(AccessRefusal::Expired));
        assert_eq!(judge(revoked, Timestamp::from_ms(1), Tick::ZERO), Err(AccessRefusal::Revoked));
    }

    #[test]
    fn a_token_is_dead_below_a_cutoff_and_lives_at_it() {
        let now = Timestamp::from_ms(1);
        assert_eq!(judge(FACTS, now, Tick::new(5)), Ok(()));
        assert_eq!(judge(FACTS, now, Tick::new(6)), Err(AccessRefusal::Revoked));
    }
}
