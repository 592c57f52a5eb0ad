//! Validate: from the text of an access token to who it is for.
//!
//! Form, tag and age are looked at before anything is read. No write, no scan.

use std::sync::Arc;

use jeton_domain::id::{PairId, Tick};
use jeton_domain::limits::{CLOCK_JUMP_MS, PAIR_KEPT_MS, SEGMENT_DROP_DELAY_MS, SEGMENT_MS};
use jeton_domain::time::Timestamp;
use jeton_domain::token::access::{self, AccessFacts};
use jeton_domain::token::text::{self, Half, TextRefusal};
use jeton_store::coherent::{HeldSubject, KnownSubject};

use crate::error::Unauthenticated;
use crate::{Authority, AuthorityError};

impl Authority {
    /// The pair and the subject of an access token that is good at `now`.
    pub async fn validate(
        &self,
        token: &[u8],
        now: Timestamp,
    ) -> Result<(PairId, Arc<KnownSubject>), AuthorityError> {
        let id = self.named_pair(Half::Access, token, now)?.ok_or(Unauthenticated::UnknownToken)?;
        let known = self.store.known_pair(id).await?.ok_or(Unauthenticated::UnknownToken)?;
        judge(known.facts, known.subject.dead_below(), now)?;
        Ok((id, known.subject))
    }

    /// What [`Authority::validate`] would say, if that can be told without reading a row.
    pub fn validate_at_once(
        &self,
        token: &[u8],
        now: Timestamp,
    ) -> Option<Result<Arc<KnownSubject>, AuthorityError>> {
        self.show_at_once(token, now, |held| Arc::clone(held.known()))
    }

    /// The same, with what `show` makes of the subject. It is called under a lock of the cache: it
    /// must be quick and must not use the authority.
    pub fn show_at_once<R>(
        &self,
        token: &[u8],
        now: Timestamp,
        show: impl FnOnce(&HeldSubject) -> R,
    ) -> Option<Result<R, AuthorityError>> {
        let id = match self.named_pair(Half::Access, token, now) {
            Ok(Some(id)) => id,
            Ok(None) => return Some(Err(Unauthenticated::UnknownToken.into())),
            Err(error) => return Some(Err(error)),
        };
        let shown = self.store.with_cached_pair(id, |facts, dead_below, held| {
            judge(facts, dead_below, now).map(|()| show(held))
        })?;
        Some(shown.map_err(AuthorityError::from))
    }

    /// The pair that a text names, if it names one that can still be stored.
    pub(crate) fn named_pair(
        &self,
        half: Half,
        token: &[u8],
        now: Timestamp,
    ) -> Result<Option<PairId>, AuthorityError> {
        if self.policy.tokens.is_none() {
            return Ok(None);
        }
        let ring = self.ring.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        match text::parse(half, token, &ring) {
            Ok((id, _)) => Ok(Some(id).filter(|id| now.since_ms(id.minted()) <= STORED_MS_MAX)),
            Err(TextRefusal::NotAToken) => Ok(None),
            Err(TextRefusal::KeyMissing(key)) => Err(AuthorityError::Unavailable {
                what: "unable to perform requested action",
                cause: format!(
                    "a token is signed with key {key}, which this process does not hold"
                ),
            }),
        }
    }
}

fn judge(facts: AccessFacts, dead_below: Tick, now: Timestamp) -> Result<(), Unauthenticated> {
    access::judge(facts, now, dead_below).map_err(|_| Unauthenticated::ExpiredToken)
}

/// No pair older than this is stored: kept, to the end of its segment, marked, and then some.
const STORED_MS_MAX: i64 = PAIR_KEPT_MS + SEGMENT_MS + 24 * SEGMENT_DROP_DELAY_MS + CLOCK_JUMP_MS;
