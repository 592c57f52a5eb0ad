//! Subjects that cached pairs belong to, by number: a pair names its subject in four bytes.
//!
//! Owns how long a number stands for a subject: as long as a pair has it. Must not know pairs.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use jeton_domain::id::Tick;

use super::known::{HeldSubject, KnownSubject};
use super::slots::PLACES_MAX;

/// Places of subjects.
///
/// Who looks at one must have seen a pair that holds it, under a lock that keeps the pair.
pub(super) struct Holders {
    /// Each twice as long as the one before it: places never move.
    rows: [OnceLock<Box<[Place]>>; ROWS],
    book: Mutex<Book>,
    raises: Arc<AtomicU64>,
}

/// Whole lines of a processor's cache: nothing of it lies behind a pointer.
#[repr(align(64))]
#[derive(Default)]
struct Place(RwLock<Option<HeldSubject>>);

const _: () = assert!(size_of::<Place>() == 512, "it would waste a line, or need another");

#[derive(Debug, Default)]
struct Book {
    /// How many pairs hold each place.
    pairs: Vec<u32>,
    free: Vec<u32>,
}

impl Holders {
    /// No subjects yet. `raises` counts how often any cutoff was raised.
    pub(super) fn new(raises: Arc<AtomicU64>) -> Self {
        Self { rows: [const { OnceLock::new() }; ROWS], book: Mutex::default(), raises }
    }

    /// What `look` makes of the subject at a place that is held, and of the newest cutoff over it.
    pub(super) fn with<R>(
        &self,
        place: u32,
        look: impl FnOnce(Tick, &HeldSubject) -> R,
    ) -> Option<R> {
        let held = self.place(place)?.0.read().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().map(|held| look(held.dead_below(&self.raises), held))
    }

    /// Holds the place of a subject for one more pair; none if there are too many.
    pub(super) fn hold(&self, subject: &Arc<KnownSubject>) -> Option<u32> {
        let mut book = self.book();
        let known = subject.place.load(Ordering::Relaxed);
        if self.with(known, |_, held| Arc::ptr_eq(held.known(), subject)) == Some(true) {
            let pairs = at(&mut book.pairs, known)?;
            *pairs = pairs.checked_add(1)?;
            return Some(known);
        }
        let place = match book.free.pop() {
            Some(place) => place,
            None => book.add()?,
        };
        *at(&mut book.pairs, place)? = 1;
        let mut held = self.make(place)?.0.write().unwrap_or_else(PoisonError::into_inner);
        *held = Some(HeldSubject::new(Arc::clone(subject)));
        subject.place.store(place, Ordering::Relaxed);
        Some(place)
    }

    /// Lets go of places, each for one pair.
    pub(super) fn release(&self, places: impl IntoIterator<Item = u32>) {
        // Freed when the book is free again: others wait for it.
        let mut gone = Vec::new();
        let mut book = self.book();
        for place in places {
            let Some(pairs) = at(&mut book.pairs, place) else { continue };
            *pairs = pairs.saturating_sub(1);
            if *pairs > 0 {
                continue;
            }
            book.free.push(place);
            if let Some(lock) = self.place(place) {
                let mut held = lock.0.write().unwrap_or_else(PoisonError::into_inner);
                if let Some(subject) = held.take() {
                    subject.known().place.store(NOWHERE, Ordering::Relaxed);
                    gone.push(Arc::clone(subject.known()));
                }
            }
        }
        drop(book);
        drop(gone);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, place: u32) -> Option<&Place> {
        let (row, column) = row_and_column(place)?;
        self.rows.get(row)?.get()?.get(column)
    }

    fn make(&self, place: u32) -> Option<&Place> {
        let (row, column) = row_and_column(place)?;
        let length = FIRST_ROW.checked_shl(u32::try_from(row).ok()?)?;
        let places = || (0..length).map(|_| Place::default()).collect();
        self.rows.get(row)?.get_or_init(places).get(column)
    }
}

impl Book {
    fn add(&mut self) -> Option<u32> {
        let place = u32::try_from(self.pairs.len()).ok().filter(|place| *place < PLACES_MAX)?;
        self.pairs.push(0);
        Some(place)
    }
}

impl fmt::Debug for Holders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holders").finish_non_exhaustive()
    }
}

fn at(pairs: &mut [u32], place: u32) -> Option<&mut u32> {
    pairs.get_mut(usize::try_from(place).ok()?)
}

/// In which row a place is, and where in it.
fn row_and_column(place: u32) -> Option<(usize, usize)> {
    let place = usize::try_from(place).ok()?.checked_add(FIRST_ROW)?;
    let exponent = place.checked_ilog2()?;
    let row = exponent.checked_sub(FIRST_ROW.ilog2())?;
    let first = 1_usize.checked_shl(exponent)?;
    Some((usize::try_from(row).ok()?, place.checked_sub(first)?))
}

/// The place of a subject that no pair holds: there is none with this number.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Places of the first row.
const FIRST_ROW: usize = 256;

/// Rows until there are more places than [`PLACES_MAX`].
const ROWS: usize = 24;

#[cfg(test)]
mod tests {
    use super::super::cells::Cells;
    use super::super::known::tests::known;
    use super::*;

    fn is(holders: &Holders, place: u32, subject: &Arc<KnownSubject>) -> bool {
        holders.with(place, |_, held| Arc::ptr_eq(held.known(), subject)) == Some(true)
    }

    #[test]
    fn a_subject_has_one_place_for_as_long_as_a_pair_has_it() {
        let (holders, cells) = (Holders::new(Arc::default()), Cells::default());
        let [ann, bob] = ["ann", "bob"].map(|name| Arc::new(known(name, &cells)));
        let place = holders.hold(&ann).unwrap();
        assert_eq!(holders.hold(&ann), Some(place));
        let other = holders.hold(&bob).unwrap();
        assert_ne!(other, place);
        holders.release([place]);
        assert!(is(&holders, place, &ann) && is(&holders, other, &bob));
        holders.release([place]);
        assert!(holders.with(place, |_, _| ()).is_none());
        assert_eq!(Arc::strong_count(&ann), 1, "nothing keeps her");
        // Her place may be another's now; she is not taken for them.
        let carl = Arc::new(known("carl", &cells));
        assert_eq!(holders.hold(&carl), Some(place));
        let new = holders.hold(&ann).unwrap();
        assert!(is(&holders, new, &ann) && is(&holders, place, &carl) && new != place);
    }

    #[test]
    fn places_never_move() {
        let (holders, cells) = (Holders::new(Arc::default()), Cells::default());
        let all: Vec<_> = (0..2_000).map(|n| Arc::new(known(&n.to_string(), &cells))).collect();
        let places: Vec<_> = all.iter().map(|one| holders.hold(one).unwrap()).collect();
        assert!(places.iter().zip(&all).all(|(place, one)| is(&holders, *place, one)));
        holders.release(places);
        assert!(all.iter().all(|one| Arc::strong_count(one) == 1));
    }

    #[test]
    fn rows_hold_every_place_that_an_entry_can_name() {
        assert_eq!(row_and_column(0), Some((0, 0)));
        assert_eq!(row_and_column(255), Some((0, 255)));
        assert_eq!(row_and_column(256), Some((1, 0)));
        assert_eq!(row_and_column(256 + 512), Some((2, 0)));
        let (row, _) = row_and_column(PLACES_MAX - 1).unwrap();
        assert!(row < ROWS);
        assert!(Holders::new(Arc::default()).with(NOWHERE, |_, _| ()).is_none());
    }
}
