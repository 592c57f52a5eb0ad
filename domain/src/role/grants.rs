//! What some grants allow on names: the rule behind every check of privileges on indices and in
//! applications.
//!
//! A privilege is held on a pattern when each of its actions is allowed, by whichever grants, on
//! every name that fits the pattern. Owns that decision. Must not know privileges' names. Start at
//! [`Question`].

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::automaton::Automaton;
use super::coverage::{Effort, TooComplex, is_covered};
use super::pattern::NamePattern;
use crate::privilege::restricted::{RESTRICTED_BEGINNING, RESTRICTED_INDICES, is_restricted};
use crate::privilege::wildcard;

/// What several grants allow, each on some names.
#[derive(Debug, Default)]
pub(super) struct Grants<'a> {
    reaches: Vec<Reach<'a>>,
    /// By action, the grants that allow it.
    literals: BTreeMap<&'a str, BTreeSet<usize>>,
    /// By pattern over actions, the grants that allow it.
    wildcards: BTreeMap<&'a str, BTreeSet<usize>>,
    /// By name of a privilege, the grants that hold it.
    names: BTreeMap<&'a str, BTreeSet<usize>>,
    /// The grants that allow whatever action, and so hold every privilege, known or not.
    total: BTreeSet<usize>,
}

/// The names that a grant reaches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach<'a> {
    pub(super) patterns: &'a [NamePattern],
    pub(super) span: Span,
}

/// Of the names that fit a pattern, those that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// All of them.
    Whole,
    /// Those of no restricted index.
    Unrestricted,
}

/// A privilege of which it is asked whether it is held.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    /// Its name: whoever holds a privilege of this name holds it.
    pub(super) name: &'a str,
    /// Patterns over the actions that it allows; none if nobody knows.
    pub(super) actions: Option<Vec<&'a str>>,
}

/// A privilege of which it is asked whether it is held, and which grants have to do with it.
#[derive(Clone, Debug)]
pub(super) struct Prepared<'a> {
    /// The grants that hold a privilege of this name, or every one.
    holding: BTreeSet<usize>,
    /// The actions that it allows; none if nobody knows.
    actions: Option<Vec<Action<'a>>>,
}

/// Actions that a pattern fits, and which grants have to do with them.
#[derive(Clone, Debug)]
struct Action<'a> {
    pattern: &'a str,
    /// The grants of which one pattern allows them all.
    covering: BTreeSet<usize>,
    /// The grants that allow some of them, if they allow all of them together.
    together: Option<BTreeSet<usize>>,
}

impl<'a> Grants<'a> {
    /// Adds a grant of nothing yet.
    pub(super) fn add(&mut self, reach: Reach<'a>) -> usize {
        self.reaches.push(reach);
        self.reaches.len().saturating_sub(1)
    }

    /// Lets a grant hold a privilege.
    pub(super) fn allow(
        &mut self,
        grant: usize,
        name: &'a str,
        actions: impl IntoIterator<Item = &'a str>,
    ) {
        self.names.entry(name).or_default().insert(grant);
        for action in actions {
            if !action.is_empty() && action.bytes().all(|byte| byte == b'*') {
                self.total.insert(grant);
            }
            let is_literal = wildcard::is_literal(action);
            let actions = if is_literal { &mut self.literals } else { &mut self.wildcards };
            actions.entry(action).or_default().insert(grant);
        }
    }

    /// Finds the grants that have to do with a privilege.
    pub(super) fn prepare<'w>(
        &self,
        wanted: Wanted<'w>,
        effort: &mut Effort,
    ) -> Result<Prepared<'w>, TooComplex> {
        let mut holding = self.names.get(wanted.name).cloned().unwrap_or_default();
        holding.extend(&self.total);
        effort.spend_on_entries(holding.len().saturating_add(1))?;
        let Some(actions) = wanted.actions else {
            return Ok(Prepared { holding, actions: None });
        };
        let mut prepared = Vec::with_capacity(actions.len());
        for pattern in actions {
            let covering = self.covering(pattern, effort)?;
            let together = self.together(pattern, &covering, effort)?;
            prepared.push(Action { pattern, covering, together });
        }
        Ok(Prepared { holding, actions: Some(prepared) })
    }

    /// The grants that have to do with an action, where it takes several patterns to allow it.
    fn together(
        &self,
        action: &str,
        covering: &BTreeSet<usize>,
        effort: &mut Effort,
    ) -> Result<Option<BTreeSet<usize>>, TooComplex> {
        if wildcard::is_literal(action) {
            return Ok(None);
        }
        let related = self.related(action, effort)?;
        let together: BTreeSet<usize> =
            related.iter().flat_map(|(_, holding)| *holding).copied().collect();
        effort.spend_on_entries(together.len())?;
        if together == *covering {
            return Ok(None);
        }
        let any = |fitting: &[usize], _: &mut Effort| Ok(!fitting.is_empty());
        let is_possible = !covering.is_empty() || is_action_covered(action, &related, effort, any)?;
        Ok(is_possible.then_some(together))
    }

    /// The patterns that allow some of the actions that fit, each with its grants.
    fn related(
        &self,
        action: &str,
        effort: &mut Effort,
    ) -> Result<Vec<(&'a str, &BTreeSet<usize>)>, TooComplex> {
        let mut related = Vec::new();
        for (known, holding) in self.wildcards.iter().chain(&self.literals) {
            effort.spend(wildcard::work(action, known))?;
            let is_related = if wildcard::is_literal(known) {
                wildcard::matches(action, known)
            } else {
                wildcard::may_meet(known, action)
            };
            if is_related {
                effort.spend(holding.len())?;
                related.push((*known, holding));
            }
        }
        Ok(related)
    }

    /// The grants of which one pattern allows every action that fits this one.
    fn covering(&self, action: &str, effort: &mut Effort) -> Result<BTreeSet<usize>, TooComplex> {
        let is_literal = wildcard::is_literal(action);
        let mut covering: BTreeSet<usize> =
            self.literals.get(action).into_iter().flatten().copied().collect();
        effort.spend_on_entries(covering.len().saturating_add(1))?;
        for (known, holding) in &self.wildcards {
            effort.spend(wildcard::work(known, action))?;
            let is_covering = if is_literal {
                wildcard::matches(known, action)
            } else {
                wildcard::plainly_covers(known, action)
            };
            if is_covering {
                effort.spend_on_entries(holding.len())?;
                covering.extend(holding);
            }
        }
        Ok(covering)
    }
}

/// What is asked about one name or pattern of names.
pub(super) struct Question<'a> {
    grants: &'a Grants<'a>,
    asked: &'a NamePattern,
    span: Span,
    /// Whether no name counts that fits.
    is_void: bool,
    /// Patterns of restricted indices of which some name may fit.
    restricted: Vec<&'static str>,
    /// Whether all grants together reach all that is asked about, once that was found out.
    is_within_all: Option<bool>,
    /// What was found out: whether these grants reach all that is asked about.
    known: BTreeMap<BTreeSet<usize>, bool>,
}

impl<'a> Question<'a> {
    /// A question about names.
    pub(super) fn new(grants: &'a Grants<'a>, asked: &'a NamePattern) -> Self {
        let restricted = RESTRICTED_INDICES.into_iter();
        Self {
            grants,
            asked,
            span: Span::Whole,
            is_void: false,
            restricted: restricted.filter(|known| asked.may_meet_wildcard(known)).collect(),
            is_within_all: None,
            known: BTreeMap::new(),
        }
    }

    /// A question about indices, of which a pattern leaves the restricted ones out. About a pattern
    /// that names nothing else the answer is no.
    pub(super) fn about_indices(
        grants: &'a Grants<'a>,
        asked: &'a NamePattern,
        effort: &mut Effort,
    ) -> Result<Self, TooComplex> {
        let mut question = Self::new(grants, asked);
        if asked.literal().is_none() {
            question.span = Span::Unrestricted;
            if asked.may_all_begin_with(RESTRICTED_BEGINNING) {
                let any = |fitting: &[usize], _: &mut Effort| Ok(!fitting.is_empty());
                let pieces = question.restricted_pieces();
                question.is_void = is_covered(&asked.automaton(), &pieces, effort, any)?;
            }
        }
        Ok(question)
    }

    /// Whether the privilege is held on all that is asked about.
    pub(super) fn is_held(
        &mut self,
        wanted: &Prepared<'_>,
        effort: &mut Effort,
    ) -> Result<bool, TooComplex> {
        effort.spend(1)?;
        // A privilege that allows nothing is held by whoever holds any.
        if self.is_void || !self.is_within_all(effort)? {
            return Ok(false);
        }
        if !wanted.holding.is_empty() && self.is_reached_by(&wanted.holding, effort)? {
            return Ok(true);
        }
        let Some(actions) = &wanted.actions else {
            return Ok(false);
        };
        for action in actions {
            if !self.is_allowed(action, effort)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_within_all(&mut self, effort: &mut Effort) -> Result<bool, TooComplex> {
        if let Some(known) = self.is_within_all {
            return Ok(known);
        }
        let all = (0..self.grants.reaches.len()).collect();
        let is_within = self.is_reached_by(&all, effort)?;
        self.is_within_all = Some(is_within);
        Ok(is_within)
    }

    /// Whether every one of these actions is allowed on all that is asked about.
    fn is_allowed(&mut self, action: &Action<'_>, effort: &mut Effort) -> Result<bool, TooComplex> {
        if self.is_reached_by(&action.covering, effort)? {
            return Ok(true);
        }
        let Some(together) = &action.together else {
            return Ok(false);
        };
        if !self.is_reached_by(together, effort)? {
            return Ok(false);
        }
        let related = self.grants.related(action.pattern, effort)?;
        is_action_covered(action.pattern, &related, effort, |fitting, effort| {
            let holding = fitting.iter().filter_map(|piece| related.get(*piece));
            let holding = holding.flat_map(|(_, holding)| *holding).copied().collect();
            self.is_reached_by(&holding, effort)
        })
    }

    /// Whether these grants together reach all that is asked about.
    fn is_reached_by(
        &mut self,
        holding: &BTreeSet<usize>,
        effort: &mut Effort,
    ) -> Result<bool, TooComplex> {
        effort.spend(holding.len().saturating_mul(2).saturating_add(1))?;
        if let Some(known) = self.known.get(holding) {
            return Ok(*known);
        }
        let reaches = holding.iter().filter_map(|grant| self.grants.reaches.get(*grant));
        let reaches: Vec<Reach<'_>> = reaches.copied().collect();
        let is_reached = match self.asked.literal() {
            Some(name) => is_name_reached(name, &reaches, effort)?,
            None => self.is_pattern_reached(&reaches, effort)?,
        };
        self.known.insert(holding.clone(), is_reached);
        Ok(is_reached)
    }

    fn is_pattern_reached(
        &self,
        reaches: &[Reach<'_>],
        effort: &mut Effort,
    ) -> Result<bool, TooComplex> {
        let enough = |reach: &&Reach<'_>| {
            reach.span == Span::Whole
                || self.span == Span::Unrestricted
                || self.restricted.is_empty()
        };
        for reach in reaches.iter().filter(enough) {
            for known in reach.patterns {
                effort.spend(known.work_of_covering(self.asked))?;
                if known.plainly_covers(self.asked) {
                    return Ok(true);
                }
            }
        }
        let mut pieces = Vec::new();
        self.add_pieces(&mut pieces, Span::Whole, reaches, effort)?;
        let whole = pieces.len();
        self.add_pieces(&mut pieces, Span::Unrestricted, reaches, effort)?;
        let unrestricted = pieces.len();
        // Some name counts, unless it is not even known whether the expression fits any.
        if pieces.is_empty() && (self.asked.is_fitted() || self.span == Span::Unrestricted) {
            return Ok(false);
        }
        if unrestricted > whole || self.span == Span::Unrestricted {
            pieces.extend(self.restricted_pieces());
        }
        let span = self.span;
        is_covered(&self.asked.automaton(), &pieces, effort, |fitting, _| {
            let is_restricted = fitting.iter().any(|piece| *piece >= unrestricted);
            let is_in_whole = fitting.iter().any(|piece| *piece < whole);
            Ok(match span {
                Span::Unrestricted if is_restricted => true,
                Span::Whole if is_restricted => is_in_whole,
                Span::Unrestricted | Span::Whole => !fitting.is_empty(),
            })
        })
    }

    /// Adds the patterns of this span that some name may fit.
    fn add_pieces<'p>(
        &self,
        pieces: &mut Vec<Cow<'p, Automaton>>,
        span: Span,
        reaches: &[Reach<'p>],
        effort: &mut Effort,
    ) -> Result<(), TooComplex> {
        let reaches = reaches.iter().filter(|reach| reach.span == span);
        for known in reaches.flat_map(|reach| reach.patterns) {
            if known.may_meet(self.asked) {
                effort.spend(known.size())?;
                pieces.push(known.automaton());
            }
        }
        Ok(())
    }

    fn restricted_pieces(&self) -> Vec<Cow<'static, Automaton>> {
        let automaton = |pattern: &&str| Cow::Owned(Automaton::of_wildcard(pattern));
        self.restricted.iter().map(automaton).collect()
    }
}

/// Whether every action that fits the pattern is covered: one that exactly the patterns of these
/// numbers fit if `is_enough` says so.
fn is_action_covered(
    action: &str,
    patterns: &[(&str, &BTreeSet<usize>)],
    effort: &mut Effort,
    is_enough: impl FnMut(&[usize], &mut Effort) -> Result<bool, TooComplex>,
) -> Result<bool, TooComplex> {
    if patterns.is_empty() {
        return Ok(false);
    }
    effort.spend_on_automaton(action.len())?;
    effort.spend(patterns.iter().map(|(pattern, _)| pattern.len()).sum())?;
    let pieces: Vec<Cow<'_, Automaton>> =
        patterns.iter().map(|(pattern, _)| Cow::Owned(Automaton::of_wildcard(pattern))).collect();
    is_covered(&Automaton::of_wildcard(action), &pieces, effort, is_enough)
}

fn is_name_reached(
    name: &str,
    reaches: &[Reach<'_>],
    effort: &mut Effort,
) -> Result<bool, TooComplex> {
    let is_restricted = is_restricted(name);
    for reach in reaches.iter().filter(|reach| reach.span == Span::Whole || !is_restricted) {
        for pattern in reach.patterns {
            effort.spend(pattern.work(name))?;
            if pattern.matches(name) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
