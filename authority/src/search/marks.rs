//! Which rows have changed since an index read them.
//!
//! Owns how many are noted. Must not know rows: it is told of them from the thread that commits.

use std::collections::BTreeMap;

use jeton_domain::limits::SEARCH_CHANGES_MAX;
use jeton_store::engine::Key;

/// Keys of changed rows, each with the number of its newest note.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Whether changes are noted: not before an index asks, and not beyond the limit.
    follows: bool,
    newest: u64,
    changed: BTreeMap<Key, u64>,
}

impl Marks {
    /// Begins to note changes; false when it does so already. The index must then be filled anew.
    pub(super) fn begin(&mut self) -> bool {
        !core::mem::replace(&mut self.follows, true)
    }

    /// Notes a change. Costs the same however many rows there are.
    pub(super) fn note(&mut self, key: &Key) {
        if !self.follows {
            return;
        }
        self.newest = self.newest.saturating_add(1);
        self.changed.insert(key.clone(), self.newest);
        if self.changed.len() > SEARCH_CHANGES_MAX {
            *self = Self { newest: self.newest, ..Self::default() };
        }
    }

    /// What is noted.
    pub(super) fn noted(&self) -> Vec<(Key, u64)> {
        self.changed.iter().map(|(key, note)| (key.clone(), *note)).collect()
    }

    /// Forgets what was read again, unless it was noted anew since; false when notes were lost.
    pub(super) fn settle(&mut self, read: &[(Key, u64)]) -> bool {
        for (key, note) in read {
            if self.changed.get(key) == Some(note) {
                self.changed.remove(key);
            }
        }
        self.follows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jeton_store::tables::roles;

    #[test]
    fn what_is_noted_anew_stays() {
        let mut marks = Marks::default();
        marks.note(&roles::key("early"));
        assert!(marks.begin() && !marks.begin());
        assert!(marks.noted().is_empty());
        marks.note(&roles::key("a"));
        marks.note(&roles::key("b"));
        let noted = marks.noted();
        marks.note(&roles::key("b"));
        assert!(marks.settle(&noted));
        let left: Vec<_> = marks.noted().into_iter().map(|(key, _)| key).collect();
        assert_eq!(left, [roles::key("b")]);
    }

    #[test]
    fn beyond_the_limit_everything_is_to_be_read_anew() {
        let mut marks = Marks::default();
        assert!(marks.begin());
        let noted = marks.noted();
        (0..=SEARCH_CHANGES_MAX).for_each(|number| marks.note(&roles::key(&number.to_string())));
        assert!(!marks.settle(&noted));
        assert!(marks.noted().is_empty() && marks.begin());
    }
}
