//! What validation knows of a pair and of its subject.
//!
//! Owns what is kept with a subject, and when the cutoffs must be looked at again.

use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use jeton_domain::id::Tick;
use jeton_domain::subject::Subject;
use jeton_domain::token::access::AccessFacts;

use super::cells::Cell;
use super::face::{Face, ShortFace};
use super::held::SubjectNumber;

/// A subject that tokens in use belong to, with the cutoffs that cover it.
pub struct KnownSubject {
    subject: Arc<Subject>,
    cells: [Cell; 4],
    face: OnceLock<Face>,
    packed_face: OnceLock<Face>,
    /// What cached pairs name it by.
    number: AtomicU32,
    _weight: Weight,
}

impl KnownSubject {
    pub(crate) const fn new(subject: Arc<Subject>, cells: [Cell; 4], weight: Weight) -> Self {
        Self {
            subject,
            cells,
            face: OnceLock::new(),
            packed_face: OnceLock::new(),
            number: AtomicU32::new(SubjectNumber::NONE.number()),
            _weight: weight,
        }
    }

    /// The subject.
    pub const fn subject(&self) -> &Arc<Subject> {
        &self.subject
    }

    /// Pairs of the subject born below this tick are dead.
    pub fn dead_below(&self) -> Tick {
        self.cells.iter().map(Cell::tick).max().unwrap_or_default()
    }

    /// What cached pairs name it by, if there are any.
    pub(super) fn number(&self) -> SubjectNumber {
        SubjectNumber::new(self.number.load(Ordering::Relaxed))
    }

    /// Notes what they name it by from now on. Whoever does must hold the book of numbers.
    pub(super) fn note_number(&self, number: SubjectNumber) {
        self.number.store(number.number(), Ordering::Relaxed);
    }

    /// A rendering of the subject in parts, made once by whoever shows it and kept with it.
    pub fn face(&self, render: impl FnOnce(&Subject) -> [Bytes; 4]) -> [&[u8]; 4] {
        self.face.get_or_init(|| Face::of(render(&self.subject).each_ref())).parts()
    }

    /// The same, packed. Kept apart: most subjects are shown in one form only.
    pub fn packed_face(&self, render: impl FnOnce() -> [Bytes; 4]) -> [&[u8]; 4] {
        self.packed_face.get_or_init(|| Face::of(render().each_ref())).parts()
    }
}

/// A subject that cached pairs have: what a look-up reads of it, in one piece.
#[derive(Debug)]
pub struct HeldSubject {
    known: Arc<KnownSubject>,
    /// How often any cutoff had been raised when `dead_below` was found.
    found_at: AtomicU64,
    /// The newest of its cutoffs then. Never falls.
    dead_below: AtomicU64,
    /// The same as that of the subject, if that is short.
    face: OnceLock<ShortFace>,
}

impl HeldSubject {
    pub(super) const fn new(known: Arc<KnownSubject>) -> Self {
        Self {
            known,
            found_at: AtomicU64::new(NEVER),
            dead_below: AtomicU64::new(0),
            face: OnceLock::new(),
        }
    }

    /// The subject.
    pub const fn known(&self) -> &Arc<KnownSubject> {
        &self.known
    }

    /// What [`KnownSubject::dead_below`] says. Raises are counted after they are done: as long as
    /// none is counted, none can be missed.
    pub(super) fn dead_below(&self, raises: &AtomicU64) -> Tick {
        let raises = raises.load(Ordering::Acquire);
        if self.found_at.load(Ordering::Acquire) == raises {
            return Tick::new(self.dead_below.load(Ordering::Relaxed));
        }
        self.find(raises)
    }

    #[cold]
    fn find(&self, raises: u64) -> Tick {
        let newest = self.known.dead_below().number();
        // Whoever counted fewer raises may come later: then the newer cutoff stays.
        let before = self.dead_below.fetch_max(newest, Ordering::AcqRel);
        self.found_at.store(raises, Ordering::Release);
        Tick::new(newest.max(before))
    }

    /// Its rendering, if it was made before.
    pub fn face(&self) -> Option<[&[u8]; 4]> {
        if let Some(face) = self.face.get() {
            return Some(face.parts());
        }
        let face = self.known.face.get()?;
        let short = ShortFace::of(face);
        Some(short.map_or_else(|| face.parts(), |short| self.face.get_or_init(|| short).parts()))
    }

    /// The same, packed.
    pub fn packed_face(&self) -> Option<[&[u8]; 4]> {
        self.known.packed_face.get().map(Face::parts)
    }
}

impl fmt::Debug for KnownSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownSubject")
            .field("username", &self.subject.username)
            .finish_non_exhaustive()
    }
}

/// The memory that a subject takes, counted for as long as somebody holds it.
pub(crate) struct Weight {
    bytes: usize,
    held: Arc<AtomicUsize>,
}

impl Weight {
    /// Counts so many bytes in `held`.
    pub(super) fn add(bytes: usize, held: &Arc<AtomicUsize>) -> Self {
        held.fetch_add(bytes, Ordering::Relaxed);
        Self { bytes, held: Arc::clone(held) }
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What validation needs of a pair.
#[derive(Clone, Debug)]
pub struct KnownPair {
    /// Its own facts.
    pub facts: AccessFacts,
    /// Its subject, with the cutoffs that cover it.
    pub subject: Arc<KnownSubject>,
}

/// More raises than there can be.
const NEVER: u64 = u64::MAX;

#[cfg(test)]
pub(super) mod tests {
    use super::super::cells::Cells;
    use super::*;
    use jeton_domain::name::{RealmName, Username};
    use jeton_domain::selector::Selector;
    use jeton_domain::subject::{AuthenticationType, RealmRef};
    use jeton_domain::value::Map;

    /// A subject of this name in a realm.
    pub(in super::super) fn known(name: &str, cells: &Cells) -> KnownSubject {
        let realm = RealmRef { name: RealmName::new("r"), kind: "native".to_owned(), domain: None };
        let subject = Subject {
            username: Username::new(name),
            roles: Vec::new(),
            full_name: None,
            email: None,
            metadata: Map::default(),
            enabled: true,
            authentication_realm: realm.clone(),
            lookup_realm: realm.clone(),
            authentication_type: AuthenticationType::Realm,
            run_by: None,
            api_key: None,
        };
        let covering = Selector::covering(&subject.username, &realm.name);
        let held = Arc::default();
        KnownSubject::new(
            Arc::new(subject),
            covering.each_ref().map(|selector| cells.cell(selector)),
            Weight::add(1, &held),
        )
    }

    #[test]
    fn every_raise_is_seen_by_whoever_asks_after_it() {
        let cells = Cells::default();
        let ann = HeldSubject::new(Arc::new(known("ann", &cells)));
        let dead_below = || ann.dead_below(cells.raises());
        assert_eq!(dead_below(), Tick::ZERO);
        let selectors = Selector::covering(&Username::new("ann"), &RealmName::new("r"));
        for (ticks, selector) in (5_u64..).zip(&selectors) {
            let tick = Tick::new(ticks);
            cells.raise(selector, tick);
            assert_eq!(dead_below(), tick, "{selector:?}");
            assert_eq!(dead_below(), tick, "{selector:?}, again");
        }
        cells.raise(&selectors[0], Tick::new(2));
        cells.raise(&Selector::User(Username::new("bob")), Tick::new(99));
        assert_eq!(dead_below(), Tick::new(8));
    }

    #[test]
    fn a_cutoff_that_was_found_is_never_lost_to_one_found_earlier() {
        let cells = Cells::default();
        let ann = HeldSubject::new(Arc::new(known("ann", &cells)));
        let dead_below = || ann.dead_below(cells.raises());
        let everything = Selector::Everything;
        for round in 1..200_u64 {
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| assert!(dead_below() >= Tick::new(round - 1)));
                }
                cells.raise(&everything, Tick::new(round));
                assert_eq!(dead_below(), Tick::new(round));
            });
            assert_eq!(dead_below(), Tick::new(round));
        }
    }
}
