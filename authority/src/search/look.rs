//! Looking at documents one by one, in turns.
//!
//! Owns the count of steps that a search takes. Must not know where documents come from.

use std::sync::Arc;

use jeton_domain::limits::{SEARCH_DOCUMENT_STEPS_MAX, SEARCH_STEPS_MAX, SEARCH_TURN_STEPS};
use jeton_domain::query::{QueryRefusal, Search};

use super::index::Entry;
use super::pace::{Pace, STEPS_OF_A_TERM};
use super::page::{Keeper, Page};
use crate::AuthorityError;

/// A search that looks at documents.
pub(super) struct Look<'s> {
    search: &'s Search,
    keeper: Keeper<'s>,
    pace: Pace,
    /// Steps that are left to compare documents with the query.
    left: usize,
    /// Steps that are left to find candidates at a glance.
    pub(super) gathering: usize,
}

impl<'s> Look<'s> {
    /// Before the first document.
    pub(super) const fn new(search: &'s Search) -> Self {
        Self::with(search, SEARCH_STEPS_MAX)
    }

    /// The same, with so many steps to compare documents with the query.
    pub(super) const fn with(search: &'s Search, left: usize) -> Self {
        let keeper = Keeper::new(search);
        Self { search, keeper, pace: Pace::new(), left, gathering: SEARCH_TURN_STEPS }
    }

    /// Looks at a document.
    pub(super) async fn at(&mut self, entry: &Arc<Entry>) -> Result<(), AuthorityError> {
        // Candidates were found within this turn.
        let gathered = SEARCH_TURN_STEPS.saturating_sub(self.gathering);
        self.gathering = SEARCH_TURN_STEPS;
        let most = SEARCH_DOCUMENT_STEPS_MAX.min(self.left);
        let mut left = most;
        let Some(matches) = self.search.query.matches_within(&entry.document, &mut left) else {
            return Err(self.refusal());
        };
        let taken = most.saturating_sub(left);
        self.left = self.left.saturating_sub(taken);
        let keys = self.search.sort.as_ref().map_or(0, |sort| sort.keys().len());
        if matches {
            self.keeper.keep(entry);
        }
        let ordered = entry.effort(if matches { keys } else { 0 });
        self.pace.spend(taken.saturating_add(ordered).saturating_add(gathered)).await;
        Ok(())
    }

    fn refusal(&self) -> AuthorityError {
        let (most, what) = if self.left < SEARCH_DOCUMENT_STEPS_MAX {
            (SEARCH_STEPS_MAX, "all documents")
        } else {
            (SEARCH_DOCUMENT_STEPS_MAX, "one document")
        };
        let text = format!("The query takes more than [{most}] steps to compare with {what}");
        QueryRefusal::NotAllowed(text).into()
    }

    /// Looks at a document that was made for this search only.
    pub(super) async fn beyond(&mut self, entry: Entry) -> Result<(), AuthorityError> {
        self.pace.spend(entry.effort(STEPS_OF_A_TERM / 2)).await;
        self.at(&Arc::new(entry)).await
    }

    /// The page, which takes a turn of its own if it is long.
    pub(super) async fn into_page(mut self) -> Page {
        self.pace.spend(self.keeper.effort()).await;
        self.keeper.into_page()
    }
}
