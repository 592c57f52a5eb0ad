//! The slots of a table: what one says, and the memory that they are.
//!
//! Owns their bytes, and where the memory comes from: from the system, in large pages if it has
//! them, since a look-up at random in small ones waits for the page before it waits for the line.
//! Must not know in which slot an entry stands.

use core::fmt;

use jeton_domain::id::{PairId, Tick};
use jeton_domain::time::Second;
use jeton_domain::token::access::AccessFacts;
use memmap2::MmapMut;

use super::held::SubjectNumber;

/// What a table keeps of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its own facts.
    pub(super) facts: AccessFacts,
    /// The number of its subject, below [`NUMBERS_MAX`].
    pub(super) subject: SubjectNumber,
}

/// A slot: id, born, end, and a word that is zero if the slot is free. Two fill a line.
pub(super) type Slot = [u8; 32];

/// A slot without an entry.
pub(super) const FREE: Slot = [0; 32];

/// Numbers of subjects that an entry can name.
pub(super) const NUMBERS_MAX: u32 = (1 << 31) - 1;

/// The slot that says so of a pair.
pub(super) fn slot(id: PairId, entry: Entry) -> Slot {
    let mut slot = FREE;
    let subject = entry.subject.number().saturating_add(1);
    let word = (subject << 1) | u32::from(entry.facts.is_revoked);
    let born = entry.facts.born.number().to_ne_bytes();
    let end = entry.facts.end.number().to_ne_bytes();
    let parts = [id.bytes().as_slice(), &born, &end, &word.to_ne_bytes()];
    for (to, from) in slot.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
    slot
}

/// Whether it has no entry.
pub(super) fn is_free(slot: &Slot) -> bool {
    word(slot) == 0
}

/// The id of its entry.
pub(super) fn id(slot: &Slot) -> PairId {
    PairId::from_bytes(part(slot, 0))
}

/// Its entry.
pub(super) fn entry(slot: &Slot) -> Option<Entry> {
    let word = word(slot);
    let facts = AccessFacts {
        born: Tick::new(u64::from_ne_bytes(part(slot, 16))),
        end: Second::new(u32::from_ne_bytes(part(slot, 24))),
        is_revoked: word & 1 == 1,
    };
    Some(Entry { facts, subject: SubjectNumber::new((word >> 1).checked_sub(1)?) })
}

fn word(slot: &Slot) -> u32 {
    u32::from_ne_bytes(part(slot, 28))
}

/// As many bytes as are wanted from `from` on, which a slot has.
fn part<const N: usize>(slot: &Slot, from: usize) -> [u8; N] {
    slot.get(from..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}

/// Slots, all free at first.
pub(super) struct Memory {
    map: MmapMut,
    /// Where the first slot stands: where a page begins, a large one if they are so many.
    start: usize,
    bytes: usize,
}

impl Memory {
    /// So many slots, if the system has memory for them.
    pub(super) fn of(slots: usize) -> Option<Self> {
        let bytes = slots.checked_mul(size_of::<Slot>())?;
        if bytes < LARGE_PAGE_BYTES {
            return Some(Self { map: MmapMut::map_anon(bytes).ok()?, start: 0, bytes });
        }
        // What lies before the first large page is never used, and so takes no memory.
        let map = MmapMut::map_anon(bytes.checked_add(LARGE_PAGE_BYTES)?).ok()?;
        let start = map.as_ptr().align_offset(LARGE_PAGE_BYTES);
        if start > LARGE_PAGE_BYTES {
            return None;
        }
        #[cfg(target_os = "linux")]
        {
            // A wish: without large pages all is the same, but slower.
            drop(map.advise_range(memmap2::Advice::HugePage, start, bytes));
        }
        Some(Self { map, start, bytes })
    }

    /// The slots.
    pub(super) fn slots(&self) -> &[Slot] {
        let end = self.start.saturating_add(self.bytes);
        self.map.get(self.start..end).unwrap_or_default().as_chunks().0
    }

    /// The slots.
    pub(super) fn slots_mut(&mut self) -> &mut [Slot] {
        let end = self.start.saturating_add(self.bytes);
        self.map.get_mut(self.start..end).unwrap_or_default().as_chunks_mut().0
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// Bytes of a large page.
const LARGE_PAGE_BYTES: usize = 2 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_slot_says_what_was_written(
            bytes: [u8; 16],
            born: u64,
            end: u32,
            is_revoked: bool,
            subject in 0..NUMBERS_MAX,
        ) {
            let facts = AccessFacts { born: Tick::new(born), end: Second::new(end), is_revoked };
            let subject = SubjectNumber::new(subject);
            let written = slot(PairId::from_bytes(bytes), Entry { facts, subject });
            prop_assert!(!is_free(&written));
            prop_assert_eq!(id(&written), PairId::from_bytes(bytes));
            prop_assert_eq!(entry(&written), Some(Entry { facts, subject }));
        }
    }

    #[test]
    fn all_slots_are_free_at_first_and_begin_a_page() {
        assert!(is_free(&FREE));
        assert_eq!(entry(&FREE), None);
        for slots in [128, 1 << 16, 1 << 17] {
            let mut memory = Memory::of(slots).unwrap();
            assert_eq!(memory.slots().len(), slots);
            assert!(memory.slots().iter().all(is_free));
            let page = if slots < 1 << 16 { 4_096 } else { LARGE_PAGE_BYTES };
            assert_eq!(memory.slots().as_ptr().align_offset(page), 0);
            memory.slots_mut().fill([1; 32]);
            assert!(!memory.slots().iter().any(is_free));
        }
    }

    #[test]
    fn more_than_there_can_be_is_refused() {
        assert!(Memory::of(usize::MAX).is_none());
        assert!(Memory::of(1 << 56).is_none());
    }
}
