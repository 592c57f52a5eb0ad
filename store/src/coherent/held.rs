//! Subjects that cached pairs belong to, by number: a pair names its subject in four bytes.
//!
//! Owns how long a number stands for a subject: as long as a pair has it. Must not know pairs.

use core::fmt;
use core::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use jeton_domain::id::Tick;

use super::known::{HeldSubject, KnownSubject};
use super::slots::NUMBERS_MAX;

/// What a pair names its subject by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SubjectNumber(u32);

impl SubjectNumber {
    /// That of a subject that no pair has: it leads to no place.
    pub(super) const NONE: Self = Self(u32::MAX);

    /// The subject of this number.
    pub(super) const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number itself.
    pub(super) const fn number(self) -> u32 {
        self.0
    }

    fn index(self) -> Option<usize> {
        usize::try_from(self.0).ok()
    }
}

/// Subjects, each at the place that its number leads to.
///
/// Who looks at one must have seen a pair that has its number, under a lock that keeps the pair.
pub(super) struct HeldSubjects {
    /// Each twice as long as the one before it, so that places never move. They are not given back
    /// either: 512 bytes for each subject that was ever held at the same time.
    rows: [OnceLock<Box<[Place]>>; ROWS],
    book: Mutex<Book>,
    raises: Arc<AtomicU64>,
}

/// Where a subject stands, if its number is in use. Whole lines of a processor's cache: nothing of
/// what is there lies behind a pointer.
#[repr(align(64))]
#[derive(Default)]
struct Place(RwLock<Option<HeldSubject>>);

const _: () = assert!(size_of::<Place>() == 512, "it would waste a line, or need another");

#[derive(Debug, Default)]
struct Book {
    /// How many pairs have each number.
    pairs: Vec<u32>,
    /// Numbers that no pair has.
    free: Vec<SubjectNumber>,
}

impl HeldSubjects {
    /// No subjects yet. `raises` counts how often any cutoff was raised.
    pub(super) fn new(raises: Arc<AtomicU64>) -> Self {
        Self { rows: [const { OnceLock::new() }; ROWS], book: Mutex::default(), raises }
    }

    /// What `look` makes of the subject of a number in use, and of the newest cutoff over it.
    pub(super) fn with<R>(
        &self,
        number: SubjectNumber,
        look: impl FnOnce(Tick, &HeldSubject) -> R,
    ) -> Option<R> {
        let held = self.place(number)?.0.read().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().map(|held| look(held.dead_below(&self.raises), held))
    }

    /// The number of a subject, for one more pair; none if there are too many subjects.
    pub(super) fn hold(&self, subject: &Arc<KnownSubject>) -> Option<SubjectNumber> {
        let mut book = self.book();
        let known = subject.number();
        if self.is_at(known, subject) {
            let pairs = book.pairs_of(known)?;
            *pairs = pairs.checked_add(1)?;
            return Some(known);
        }
        let number = match book.free.pop() {
            Some(number) => number,
            None => book.add()?,
        };
        *book.pairs_of(number)? = 1;
        let mut held = self.make(number)?.0.write().unwrap_or_else(PoisonError::into_inner);
        *held = Some(HeldSubject::new(Arc::clone(subject)));
        subject.note_number(number);
        Some(number)
    }

    /// Lets go of numbers, each for one pair that had it from [`hold`](Self::hold).
    pub(super) fn release(&self, numbers: impl IntoIterator<Item = SubjectNumber>) {
        // Freed when the book is free again: others wait for it.
        let mut gone = Vec::new();
        let mut book = self.book();
        for number in numbers {
            let Some(pairs) = book.pairs_of(number) else { continue };
            assert!(*pairs > 0, "a pair lets go of a number once: else two subjects would get it");
            *pairs = pairs.saturating_sub(1);
            if *pairs > 0 {
                continue;
            }
            book.free.push(number);
            if let Some(place) = self.place(number) {
                let mut held = place.0.write().unwrap_or_else(PoisonError::into_inner);
                if let Some(subject) = held.take() {
                    subject.known().note_number(SubjectNumber::NONE);
                    gone.push(Arc::clone(subject.known()));
                }
            }
        }
        drop(book);
        drop(gone);
    }

    /// Whether the number is in use, and this is its subject.
    fn is_at(&self, number: SubjectNumber, subject: &Arc<KnownSubject>) -> bool {
        self.place(number).is_some_and(|place| {
            let held = place.0.read().unwrap_or_else(PoisonError::into_inner);
            held.as_ref().is_some_and(|held| Arc::ptr_eq(held.known(), subject))
        })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, number: SubjectNumber) -> Option<&Place> {
        let (row, column) = row_and_column(number)?;
        self.rows.get(row)?.get()?.get(column)
    }

    fn make(&self, number: SubjectNumber) -> Option<&Place> {
        let (row, column) = row_and_column(number)?;
        let length = FIRST_ROW.checked_shl(u32::try_from(row).ok()?)?;
        let places = || (0..length).map(|_| Place::default()).collect();
        self.rows.get(row)?.get_or_init(places).get(column)
    }
}

impl Book {
    /// A number that was never in use.
    fn add(&mut self) -> Option<SubjectNumber> {
        let number = u32::try_from(self.pairs.len()).ok().filter(|number| *number < NUMBERS_MAX)?;
        self.pairs.push(0);
        Some(SubjectNumber::new(number))
    }

    fn pairs_of(&mut self, number: SubjectNumber) -> Option<&mut u32> {
        self.pairs.get_mut(number.index()?)
    }
}

impl fmt::Debug for HeldSubjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldSubjects").finish_non_exhaustive()
    }
}

/// In which row a place is, and where in it.
fn row_and_column(number: SubjectNumber) -> Option<(usize, usize)> {
    let index = number.index()?.checked_add(FIRST_ROW)?;
    let exponent = index.checked_ilog2()?;
    let row = exponent.checked_sub(FIRST_ROW.ilog2())?;
    let first = 1_usize.checked_shl(exponent)?;
    Some((usize::try_from(row).ok()?, index.checked_sub(first)?))
}

/// Places of the first row.
const FIRST_ROW: usize = 256;

/// Rows until there are more places than [`NUMBERS_MAX`].
const ROWS: usize = 24;

#[cfg(test)]
mod tests {
    use super::super::cells::Cells;
    use super::super::known::tests::known;
    use super::*;

    #[test]
    fn a_subject_has_one_number_for_as_long_as_a_pair_has_it() {
        let (subjects, cells) = (HeldSubjects::new(Arc::default()), Cells::default());
        let [ann, bob] = ["ann", "bob"].map(|name| Arc::new(known(name, &cells)));
        let number = subjects.hold(&ann).unwrap();
        assert_eq!(subjects.hold(&ann), Some(number));
        let other = subjects.hold(&bob).unwrap();
        assert_ne!(other, number);
        subjects.release([number]);
        assert!(subjects.is_at(number, &ann) && subjects.is_at(other, &bob));
        subjects.release([number]);
        assert!(subjects.with(number, |_, _| ()).is_none());
        assert_eq!(Arc::strong_count(&ann), 1, "nothing keeps her");
        // Her number may be another's now; she is not taken for them.
        let carl = Arc::new(known("carl", &cells));
        assert_eq!(subjects.hold(&carl), Some(number));
        let new = subjects.hold(&ann).unwrap();
        assert!(subjects.is_at(new, &ann) && subjects.is_at(number, &carl) && new != number);
    }

    #[test]
    #[should_panic(expected = "a pair lets go of a number once")]
    fn a_number_that_nobody_has_is_not_let_go_of() {
        let (subjects, cells) = (HeldSubjects::new(Arc::default()), Cells::default());
        let number = subjects.hold(&Arc::new(known("ann", &cells))).unwrap();
        subjects.release([number, number]);
    }

    #[test]
    fn places_never_move() {
        let (subjects, cells) = (HeldSubjects::new(Arc::default()), Cells::default());
        let all: Vec<_> = (0..2_000).map(|n| Arc::new(known(&n.to_string(), &cells))).collect();
        let numbers: Vec<_> = all.iter().map(|one| subjects.hold(one).unwrap()).collect();
        assert!(numbers.iter().zip(&all).all(|(number, one)| subjects.is_at(*number, one)));
        subjects.release(numbers);
        assert!(all.iter().all(|one| Arc::strong_count(one) == 1));
    }

    #[test]
    fn rows_have_a_place_for_every_number_that_an_entry_can_name() {
        let found = |number| row_and_column(SubjectNumber::new(number));
        assert_eq!(found(0), Some((0, 0)));
        assert_eq!(found(255), Some((0, 255)));
        assert_eq!(found(256), Some((1, 0)));
        assert_eq!(found(256 + 512), Some((2, 0)));
        let (row, _) = found(NUMBERS_MAX - 1).unwrap();
        assert!(row < ROWS);
        let subjects = HeldSubjects::new(Arc::default());
        assert!(subjects.with(SubjectNumber::NONE, |_, _| ()).is_none());
    }
}
