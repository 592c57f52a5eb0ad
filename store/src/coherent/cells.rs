//! Cutoffs in use: one number a selector, shared by every subject that it covers.
//!
//! A revocation of a realm therefore changes one number, however many subjects are cached.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use hashbrown::HashMap;
use jeton_domain::id::Tick;
use jeton_domain::selector::Selector;

/// The newest cutoff of one selector.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell(Arc<AtomicU64>);

impl Cell {
    /// The tick of the cutoff; zero when there is none.
    pub(crate) fn tick(&self) -> Tick {
        Tick::new(self.0.load(Ordering::Acquire))
    }

    /// Raises it to `tick`; it never falls. Whether it was lower.
    fn raise(&self, tick: Tick) -> bool {
        self.0.fetch_max(tick.number(), Ordering::AcqRel) < tick.number()
    }
}

/// The cells of every selector in use.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    known: Mutex<Known>,
    raises: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Known {
    cells: HashMap<Selector, Weak<AtomicU64>>,
    swept_at: usize,
}

impl Cells {
    /// The cell of `selector`. The log raises it from now on; who asks must still raise it to what
    /// the engine holds, read after this call.
    pub(crate) fn cell(&self, selector: &Selector) -> Cell {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = known.cells.get(selector).and_then(Weak::upgrade) {
            return Cell(held);
        }
        let cell = Cell::default();
        known.cells.insert(selector.clone(), Arc::downgrade(&cell.0));
        if known.cells.len() > known.swept_at.saturating_mul(2).max(SWEEP_AT_LEAST) {
            known.cells.retain(|_, cell| cell.strong_count() > 0);
            known.swept_at = known.cells.len();
        }
        cell
    }

    /// Raises the cell of `selector`, if it is in use: the log says that it must be.
    ///
    /// It is counted when this returns, whoever was first to raise the cell: one who read the row
    /// may have raised it and not yet counted, and the revocation is answered after this.
    pub(crate) fn raise(&self, selector: &Selector, tick: Tick) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = known.cells.get(selector).and_then(Weak::upgrade) {
            Cell(cell).raise(tick);
            self.count();
        }
    }

    /// Raises a cell to what was read of its row.
    pub(crate) fn raise_cell(&self, cell: &Cell, tick: Tick) {
        if cell.raise(tick) {
            self.count();
        }
    }

    /// Comes after a raise: who sees the count sees the cell.
    fn count(&self) {
        self.raises.fetch_add(1, Ordering::AcqRel);
    }

    /// How often any cell was raised.
    pub(crate) const fn raises(&self) -> &Arc<AtomicU64> {
        &self.raises
    }
}

/// Selectors known before unused ones are first looked for.
const SWEEP_AT_LEAST: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use jeton_domain::name::{RealmName, Username};

    #[test]
    fn a_selector_in_use_has_one_cell() {
        let cells = Cells::default();
        let ann = Selector::User(Username::new("ann"));
        let (one, other) = (cells.cell(&ann), cells.cell(&ann));
        cells.raise(&ann, Tick::new(5));
        cells.raise(&ann, Tick::new(4));
        assert_eq!((one.tick(), other.tick()), (Tick::new(5), Tick::new(5)));
        cells.raise(&Selector::Everything, Tick::new(9));
        assert_eq!(one.tick(), Tick::new(5));
    }

    #[test]
    fn selectors_out_of_use_are_forgotten() {
        let cells = Cells::default();
        for n in 0..5_000 {
            cells.cell(&Selector::User(Username::new(&n.to_string())));
        }
        assert!(cells.known.lock().unwrap().cells.len() <= SWEEP_AT_LEAST + 1);
    }

    #[test]
    fn a_cutoff_of_the_log_is_counted_though_a_reader_of_the_row_was_faster() {
        let cells = Cells::default();
        let raises = || cells.raises().load(Ordering::Acquire);
        let realm = Selector::Realm(RealmName::new("r"));
        let cell = cells.cell(&realm);
        // A reader of the row has raised the cell and not come to count.
        assert!(cell.raise(Tick::new(5)));
        let before = raises();
        cells.raise(&realm, Tick::new(5));
        assert_eq!(raises(), before + 1);
        cells.raise_cell(&cell, Tick::new(5));
        assert_eq!(raises(), before + 1);
    }
}
