//! What validation knows of a pair and of its subject.
//!
//! Owns what a look-up reads of a subject, and when it must look at the cutoffs again.

use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use jeton_domain::id::Tick;
use jeton_domain::subject::Subject;
use jeton_domain::token::access::AccessFacts;

use super::cells::Cell;
use super::face::Face;
use super::holders::NOWHERE;

/// A subject that tokens in use belong to, with the cutoffs that cover it.
///
/// What each look-up reads stands in front, in one line of a processor's cache.
#[repr(C, align(64))]
pub struct KnownSubject {
    /// How often any cutoff had been raised when `dead_below` was found.
    found_at: AtomicU64,
    /// The newest of the cutoffs then. Never falls.
    dead_below: AtomicU64,
    raises: Arc<AtomicU64>,
    face: OnceLock<Face>,
    packed_face: OnceLock<Box<Face>>,
    /// Where cached pairs find it.
    pub(super) place: AtomicU32,
    cells: [Cell; 4],
    subject: Arc<Subject>,
    _weight: Weight,
}

impl KnownSubject {
    pub(crate) const fn new(
        subject: Arc<Subject>,
        cells: [Cell; 4],
        raises: Arc<AtomicU64>,
        weight: Weight,
    ) -> Self {
        Self {
            found_at: AtomicU64::new(NEVER),
            dead_below: AtomicU64::new(0),
            raises,
            face: OnceLock::new(),
            packed_face: OnceLock::new(),
            place: AtomicU32::new(NOWHERE),
            cells,
            subject,
            _weight: weight,
        }
    }

    /// The subject.
    pub const fn subject(&self) -> &Arc<Subject> {
        &self.subject
    }

    /// Pairs of the subject born below this tick are dead.
    pub fn dead_below(&self) -> Tick {
        // Raises are counted after they are done: as long as none is counted, none can be missed.
        let raises = self.raises.load(Ordering::Acquire);
        if self.found_at.load(Ordering::Acquire) == raises {
            return Tick::new(self.dead_below.load(Ordering::Relaxed));
        }
        self.find(raises)
    }

    #[cold]
    fn find(&self, raises: u64) -> Tick {
        let newest = self.cells.iter().map(Cell::tick).max().unwrap_or_default().number();
        // Whoever counted fewer raises may come later: then the newer cutoff stays.
        let before = self.dead_below.fetch_max(newest, Ordering::AcqRel);
        self.found_at.store(raises, Ordering::Release);
        Tick::new(newest.max(before))
    }

    /// A rendering of the subject in parts, made once by whoever shows it and kept with it.
    pub fn face(&self, render: impl FnOnce(&Subject) -> [Bytes; 4]) -> [&[u8]; 4] {
        self.face.get_or_init(|| Face::of(render(&self.subject).each_ref())).parts()
    }

    /// The same, packed. Kept apart: most subjects are shown in one form only.
    pub fn packed_face(&self, render: impl FnOnce() -> [Bytes; 4]) -> [&[u8]; 4] {
        let make = || Box::new(Face::of(render().each_ref()));
        self.packed_face.get_or_init(make).parts()
    }

    /// The one or the other, if it was made before.
    pub fn made_face(&self, is_packed: bool) -> Option<[&[u8]; 4]> {
        let packed = || self.packed_face.get().map(Box::as_ref);
        let face = if is_packed { packed() } else { self.face.get() };
        face.map(Face::parts)
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

/// What a look-up reads of a subject, in bytes: a line of the cache.
const READ_BYTES: usize = 64;
const _: () = assert!(core::mem::offset_of!(KnownSubject, packed_face) <= READ_BYTES);

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
            Arc::clone(cells.raises()),
            Weight::add(1, &held),
        )
    }

    #[test]
    fn every_raise_is_seen_by_whoever_asks_after_it() {
        let cells = Cells::default();
        let ann = known("ann", &cells);
        assert_eq!(ann.dead_below(), Tick::ZERO);
        let selectors = Selector::covering(&Username::new("ann"), &RealmName::new("r"));
        for (place, selector) in selectors.iter().enumerate() {
            let tick = Tick::new(5 + u64::try_from(place).unwrap());
            cells.raise(selector, tick);
            assert_eq!(ann.dead_below(), tick, "{selector:?}");
            assert_eq!(ann.dead_below(), tick, "{selector:?}, again");
        }
        cells.raise(&selectors[0], Tick::new(2));
        cells.raise(&Selector::User(Username::new("bob")), Tick::new(99));
        assert_eq!(ann.dead_below(), Tick::new(8));
    }

    #[test]
    fn a_cutoff_that_was_found_is_never_lost_to_one_found_earlier() {
        let cells = Cells::default();
        let ann = known("ann", &cells);
        let everything = Selector::Everything;
        for round in 1..200_u64 {
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| assert!(ann.dead_below() >= Tick::new(round - 1)));
                }
                cells.raise(&everything, Tick::new(round));
                assert_eq!(ann.dead_below(), Tick::new(round));
            });
            assert_eq!(ann.dead_below(), Tick::new(round));
        }
    }
}
