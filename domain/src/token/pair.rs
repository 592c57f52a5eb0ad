//! A pair of tokens as it is kept, and the changes of it that are legal.

use crate::id::{KeyId, PairId, Tick};
use crate::limits::REFRESH_LIFETIME_MS;
use crate::subject::Client;
use crate::time::{Second, Timestamp};
use crate::token::text::Half;

/// A request that revoked something, for the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub [u8; 16]);

/// The name of a subject: a hash over its canonical bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectHash(pub [u8; 32]);

/// The record of one grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Its id; both texts follow from it.
    pub id: PairId,
    /// The first pair of the session.
    pub chain: PairId,
    /// Dead below any covering cutoff larger than this. A successor inherits it.
    pub born: Tick,
    /// The tick at which the pair was admitted to the store.
    pub admitted: Tick,
    /// The newest cutoff of its realm at admission: the generation that the census counts it in.
    pub generation: Tick,
    /// The access half.
    pub access: AccessHalf,
    /// The refresh half, where there is one.
    pub refresh: Option<RefreshHalf>,
    /// Who may refresh.
    pub owner: Client,
    /// For whom the pair is.
    pub subject: SubjectHash,
}

/// The half that opens doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessHalf {
    /// Valid up to and including the beginning of this second.
    pub end: Second,
    /// The request that revoked it.
    pub revoked: Option<RequestId>,
}

/// The half that is exchanged for a new pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshHalf {
    /// Usable up to and including the beginning of this second.
    pub end: Second,
    /// The request that revoked it.
    pub revoked: Option<RequestId>,
    /// Its first use.
    pub spent: Option<Spent>,
}

/// The first use of a refresh token: enough to compute the successor's texts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// When.
    pub at: Timestamp,
    /// The pair that came of it.
    pub successor: PairId,
    /// The key that signed the successor's texts.
    pub key: KeyId,
}

/// How many halves of a pair live and are revoked: what a bulk revocation counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Two live.
    TwoLive,
    /// One lives, one is revoked.
    OneOfTwo,
    /// One lives, and there never was another.
    OneOfOne,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::TwoLive, Self::OneOfTwo, Self::OneOfOne];

    /// Halves that a bulk revocation revokes.
    pub const fn live(self) -> u64 {
        match self {
            Self::TwoLive => 2,
            Self::OneOfTwo | Self::OneOfOne => 1,
        }
    }

    /// Halves that a bulk revocation finds revoked before.
    pub const fn revoked(self) -> u64 {
        match self {
            Self::OneOfTwo => 1,
            Self::TwoLive | Self::OneOfOne => 0,
        }
    }
}

/// How the census counts a pair: in which class, and until which second it is selectable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Standing {
    /// A bulk revocation up to and including this second selects the pair.
    pub until: Second,
    /// What it counts then.
    pub class: Class,
}

impl Standing {
    /// Whether a bulk revocation at `now` selects the pair.
    pub fn is_selectable(self, now: Timestamp) -> bool {
        self.until >= now.second_up()
    }
}

/// What a grant decides of a new pair.
#[derive(Clone, Debug)]
pub struct Minting {
    /// The id, drawn for this pair.
    pub id: PairId,
    /// When the grant was received.
    pub now: Timestamp,
    /// Lifetime of the access half, in milliseconds.
    pub access_lifetime_ms: i64,
    /// Whether there is a refresh half.
    pub with_refresh: bool,
    /// Who may refresh.
    pub owner: Client,
    /// For whom.
    pub subject: SubjectHash,
    /// The newest cutoff of the realm.
    pub generation: Tick,
}

impl Pair {
    /// The pair of a first grant. `born` and `admitted` are set by the store at admission.
    pub fn mint(minting: Minting) -> Self {
        let Minting { id, now, access_lifetime_ms, with_refresh, owner, subject, generation } =
            minting;
        let end = |lifetime_ms| now.plus_ms(lifetime_ms).second_up();
        Self {
            id,
            chain: id,
            born: Tick::ZERO,
            admitted: Tick::ZERO,
            generation,
            access: AccessHalf { end: end(access_lifetime_ms), revoked: None },
            refresh: with_refresh.then(|| RefreshHalf {
                end: end(REFRESH_LIFETIME_MS),
                revoked: None,
                spent: None,
            }),
            owner,
            subject,
        }
    }

    /// The pair that a refresh of this one makes: same session, same subject, same `born`.
    ///
    /// A revocation that covers this pair therefore covers the new one, whichever comes first.
    #[must_use]
    pub fn successor(&self, minting: Minting) -> Self {
        Self { chain: self.chain, born: self.born, ..Self::mint(minting) }
    }

    /// This pair with its refresh half spent; `None` when there is no half to spend.
    #[must_use]
    pub fn spend(&self, spent: Spent) -> Option<Self> {
        let refresh = self.refresh?;
        Some(Self { refresh: Some(RefreshHalf { spent: Some(spent), ..refresh }), ..self.clone() })
    }

    /// Whether a cutoff at `dead_below` covers it in time.
    pub fn is_dead(&self, dead_below: Tick) -> bool {
        self.born < dead_below
    }

    /// Whether the half was revoked by its own request. A half that does not exist counts as
    /// revoked.
    pub const fn is_revoked(&self, half: Half) -> bool {
        match half {
            Half::Access => self.access.revoked.is_some(),
            Half::Refresh => match &self.refresh {
                Some(refresh) => refresh.revoked.is_some(),
                None => true,
            },
        }
    }

    /// This pair with one half revoked; `None` when it is revoked already, by itself or by a
    /// cutoff.
    #[must_use]
    pub fn revoke(&self, half: Half, dead_below: Tick, by: RequestId) -> Option<Self> {
        if self.is_dead(dead_below) || self.is_revoked(half) {
            return None;
        }
        let mut changed = self.clone();
        match half {
            Half::Access => changed.access.revoked = Some(by),
            Half::Refresh => changed.refresh.as_mut()?.revoked = Some(by),
        }
        Some(changed)
    }

    /// How the census counts the pair, cutoffs apart; `None` once no half lives.
    pub fn standing(&self) -> Option<Standing> {
        let access_lives = self.access.revoked.is_none();
        match &self.refresh {
            Some(refresh) if refresh.revoked.is_none() => Some(Standing {
                until: refresh.end,
                class: if access_lives { Class::TwoLive } else { Class::OneOfTwo },
            }),
            Some(_) if access_lives => {
                Some(Standing { until: self.access.end, class: Class::OneOfTwo })
            }
            None if access_lives => {
                Some(Standing { until: self.access.end, class: Class::OneOfOne })
            }
            Some(_) | None => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::name::{RealmName, Username};
    use crate::subject::RealmRef;
    use proptest::prelude::*;

    pub(crate) fn owner(name: &str) -> Client {
        let realm = RealmRef {
            name: RealmName::new("default_native"),
            kind: "native".into(),
            domain: None,
        };
        Client::User { username: Username::new(name), realm }
    }

    pub(crate) fn minting(ms: i64, with_refresh: bool) -> Minting {
        Minting {
            id: PairId::mint(Timestamp::from_ms(ms), [1; 10]),
            now: Timestamp::from_ms(ms),
            access_lifetime_ms: 1_200_000,
            with_refresh,
            owner: owner("ann"),
            subject: SubjectHash([0; 32]),
            generation: Tick::ZERO,
        }
    }

    const BY: RequestId = RequestId([3; 16]);

    #[test]
    fn a_password_pair_counts_two_until_its_refresh_end() {
        let pair = Pair::mint(minting(10_500, true));
        let standing = pair.standing().unwrap();
        assert_eq!(standing, Standing { until: Second::new(86_411), class: Class::TwoLive });
        assert!(standing.is_selectable(Timestamp::from_ms(86_411_000)));
        assert!(!standing.is_selectable(Timestamp::from_ms(86_411_001)));
    }

    #[test]
    fn a_pair_whose_access_half_is_revoked_counts_one_and_one() {
        let pair = Pair::mint(minting(0, true)).revoke(Half::Access, Tick::ZERO, BY).unwrap();
        let standing = pair.standing().unwrap();
        assert_eq!((standing.class.live(), standing.class.revoked()), (1, 1));
        let pair = pair.revoke(Half::Refresh, Tick::ZERO, BY).unwrap();
        assert_eq!(pair.standing(), None);
    }

    #[test]
    fn a_pair_under_a_cutoff_is_revoked_already() {
        let pair = Pair { born: Tick::new(4), ..Pair::mint(minting(0, true)) };
        assert!(pair.revoke(Half::Access, Tick::new(5), BY).is_none());
        assert!(pair.revoke(Half::Access, Tick::new(4), BY).is_some());
    }

    #[test]
    fn a_successor_inherits_the_session_and_its_birth() {
        let first = Pair { born: Tick::new(4), ..Pair::mint(minting(0, true)) };
        let second = first.successor(minting(5_000, true));
        assert_eq!((second.chain, second.born), (first.id, Tick::new(4)));
        assert_ne!(second.id, first.id);
    }

    proptest! {
        #[test]
        fn no_transition_revives_a_half(steps in proptest::collection::vec((any::<bool>(), 0_u64..6), 0..8), with_refresh: bool) {
            let mut pair = Pair { born: Tick::new(3), ..Pair::mint(minting(0, with_refresh)) };
            for (is_access, dead_below) in steps {
                let half = if is_access { Half::Access } else { Half::Refresh };
                let next = pair.revoke(half, Tick::new(dead_below), BY).unwrap_or_else(|| pair.clone());
                for half in [Half::Access, Half::Refresh] {
                    prop_assert!(!pair.is_revoked(half) || next.is_revoked(half));
                }
                let live = |pair: &Pair| pair.standing().map_or(0, |s| s.class.live());
                let until = |pair: &Pair| pair.standing().map(|s| s.until);
                prop_assert!(live(&next) <= live(&pair));
                prop_assert!(until(&next) <= until(&pair));
                pair = next;
            }
        }
    }
}
