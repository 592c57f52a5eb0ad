//! The plain model of the simulation: every pair of the last day, and what the product must say of
//! it.
//!
//! Owns what is expected. It knows no cutoffs, no census and no rows; it takes the same memory from
//! the beginning, so that it can be told apart from the product's.

use jeton_domain::id::PairId;
use jeton_domain::limits::REFRESH_LIFETIME_MS;
use jeton_domain::time::{Second, Timestamp};
use jeton_domain::token::text::Half;

use super::world::{ACCESS_LIFETIME_MS, Person};
use crate::chance::Chance;

/// Pairs in the order in which they were made; the oldest give way.
#[derive(Debug)]
pub(super) struct Ledger {
    ring: Vec<Entry>,
    /// Pairs that there ever were.
    made: usize,
}

/// A pair, by its place in the order of all that were ever made.
pub(super) type Place = usize;

/// What is known of a pair.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Its id, which says when it was made.
    pub(super) id: PairId,
    /// For whom it is.
    pub(super) person: Person,
    access: State,
    refresh: State,
    /// Whether a bulk revocation covered it.
    is_dead: bool,
}

/// What became of a half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Untouched,
    /// A refresh half that was exchanged.
    Spent,
    Revoked,
}

/// Whom a bulk revocation covers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Covered {
    /// A user of a realm.
    User(Person),
    /// A realm.
    Realm(u8),
}

/// What a bulk revocation must count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Toll {
    /// Halves that it revokes.
    pub(super) invalidated: u64,
    /// Halves of the same pairs that were revoked before.
    pub(super) previously: u64,
}

impl Ledger {
    /// Room for so many pairs.
    pub(super) fn new(room: usize) -> Self {
        let nobody = Person { realm: u8::MAX, number: u16::MAX };
        let none = Entry {
            // Not zero, so that the memory is really taken now.
            id: PairId::from_bytes([0xff; 16]),
            person: nobody,
            access: State::Revoked,
            refresh: State::Revoked,
            is_dead: true,
        };
        Self { ring: vec![none; room], made: 0 }
    }

    /// Bytes that it takes.
    pub(super) const fn bytes(&self) -> usize {
        self.ring.len().saturating_mul(size_of::<Entry>())
    }

    /// Pairs that there ever were.
    pub(super) const fn made(&self) -> usize {
        self.made
    }

    /// A pair was made.
    pub(super) fn add(&mut self, id: PairId, person: Person) {
        let place = self.slot(self.made);
        let (access, refresh) = (State::Untouched, State::Untouched);
        let entry = Entry { id, person, access, refresh, is_dead: false };
        if let Some(slot) = self.ring.get_mut(place) {
            *slot = entry;
            self.made = self.made.saturating_add(1);
        }
    }

    /// A pair, unless it has given way.
    pub(super) fn entry(&self, place: Place) -> Option<&Entry> {
        let is_held = place < self.made && self.made.saturating_sub(place) <= self.ring.len();
        self.ring.get(self.slot(place)).filter(|_| is_held)
    }

    /// The places of all pairs that have not given way.
    pub(super) fn places(&self) -> core::ops::Range<Place> {
        self.made.saturating_sub(self.ring.len())..self.made
    }

    /// Any pair of the last `count`; none when there is none.
    pub(super) fn any(&self, count: usize, chance: &mut Chance) -> Option<Place> {
        let count = count.min(self.ring.len()).min(self.made);
        let drawn = usize::try_from(chance.next() >> 1).unwrap_or_default();
        let back = drawn.checked_rem(count)?;
        self.made.checked_sub(back)?.checked_sub(1)
    }

    /// Whether the access half opens doors at `now`.
    pub(super) fn is_valid(&self, place: Place, now: Timestamp) -> bool {
        self.entry(place).is_some_and(|entry| {
            let end = entry.id.minted().plus_ms(ACCESS_LIFETIME_MS).second_up();
            entry.access == State::Untouched && !entry.is_dead && now <= end.instant()
        })
    }

    /// Whether the refresh half is exchanged for a new pair at `now`.
    pub(super) fn is_fresh(&self, place: Place, now: Timestamp) -> bool {
        self.entry(place).is_some_and(|entry| {
            let is_free = entry.refresh == State::Untouched && !entry.is_dead;
            is_free && now <= refresh_end(entry).instant()
        })
    }

    /// The refresh half was exchanged.
    pub(super) fn spend(&mut self, place: Place) {
        if let Some(entry) = self.held(place) {
            entry.refresh = State::Spent;
        }
    }

    /// Revokes a half: whether it was not revoked before.
    pub(super) fn revoke(&mut self, place: Place, half: Half) -> bool {
        let Some(entry) = self.held(place) else { return false };
        let is_dead = entry.is_dead;
        let revoked = match half {
            Half::Access => &mut entry.access,
            Half::Refresh => &mut entry.refresh,
        };
        core::mem::replace(revoked, State::Revoked) != State::Revoked && !is_dead
    }

    /// Revokes all that is covered: what must be counted.
    pub(super) fn revoke_all(&mut self, covered: Covered, now: Timestamp) -> Toll {
        let mut toll = Toll::default();
        for place in self.places() {
            let Some(entry) = self.held(place) else { continue };
            let is_covered = match covered {
                Covered::User(person) => entry.person == person,
                Covered::Realm(realm) => entry.person.realm == realm,
            };
            if is_covered && !core::mem::replace(&mut entry.is_dead, true) {
                toll.add(entry, now);
            }
        }
        toll
    }

    fn held(&mut self, place: Place) -> Option<&mut Entry> {
        self.entry(place)?;
        let slot = self.slot(place);
        self.ring.get_mut(slot)
    }

    fn slot(&self, place: Place) -> usize {
        place.checked_rem(self.ring.len()).unwrap_or_default()
    }
}

impl Toll {
    /// Counts the halves of a pair, if one of them is neither revoked nor past its end.
    fn add(&mut self, entry: &Entry, now: Timestamp) {
        let access_end = entry.id.minted().plus_ms(ACCESS_LIFETIME_MS).second_up();
        let halves = [(entry.access, access_end), (entry.refresh, refresh_end(entry))]
            .map(|(state, end)| (state == State::Revoked, end));
        let is_live = |(is_revoked, end): &(bool, Second)| !is_revoked && *end >= now.second_up();
        if halves.iter().any(is_live) {
            for (is_revoked, _) in halves {
                let count = if is_revoked { &mut self.previously } else { &mut self.invalidated };
                *count = count.saturating_add(1);
            }
        }
    }
}

fn refresh_end(entry: &Entry) -> Second {
    entry.id.minted().plus_ms(REFRESH_LIFETIME_MS).second_up()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Person = Person { realm: 0, number: 1 };
    const BOB: Person = Person { realm: 0, number: 2 };

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(1_700_000_000_000 + ms)
    }

    fn id(ms: i64) -> PairId {
        PairId::mint(at(ms), [7; 10])
    }

    #[test]
    fn the_oldest_pairs_give_way() {
        let mut ledger = Ledger::new(2);
        (0..3).for_each(|ms| ledger.add(id(ms), ANN));
        assert_eq!((ledger.made(), ledger.places()), (3, 1..3));
        assert!(ledger.entry(0).is_none() && ledger.entry(2).is_some());
        assert!(!ledger.is_valid(0, at(3)) && ledger.is_valid(1, at(3)));
    }

    #[test]
    fn both_halves_count_while_one_of_them_lives() {
        let mut ledger = Ledger::new(8);
        ledger.add(id(0), ANN);
        ledger.add(id(0), BOB);
        assert!(ledger.revoke(0, Half::Access) && !ledger.revoke(0, Half::Access));
        let toll = ledger.revoke_all(Covered::User(ANN), at(10_000));
        assert_eq!(toll, Toll { invalidated: 1, previously: 1 });
        assert!(!ledger.revoke(0, Half::Refresh));
        let rest = ledger.revoke_all(Covered::Realm(0), at(REFRESH_LIFETIME_MS));
        assert_eq!(rest, Toll { invalidated: 2, previously: 0 });
    }

    #[test]
    fn a_pair_without_a_live_half_does_not_count() {
        let mut ledger = Ledger::new(8);
        ledger.add(id(0), ANN);
        assert!(ledger.revoke(0, Half::Refresh));
        let toll = ledger.revoke_all(Covered::Realm(0), at(ACCESS_LIFETIME_MS + 1_000));
        assert_eq!(toll, Toll::default());
    }
}
