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
use crate::privilege::restricted::{RESTRICTED_INDICES, is_restricted};
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
            let is_literal = wildcard::is_literal(action);
            let actions = if is_literal { &mut self.literals } else { &mut self.wildcards };
            actions.entry(action).or_default().insert(grant);
        }
    }
}

/// What is asked about one name or pattern of names.
pub(super) struct Question<'a> {
    grants: &'a Grants<'a>,
    asked: &'a NamePattern,
    span: Span,
    /// What was found out: whether these grants reach all that is asked about.
    known: BTreeMap<BTreeSet<usize>, bool>,
}

impl<'a> Question<'a> {
    /// A question about names.
    pub(super) const fn new(grants: &'a Grants<'a>, asked: &'a NamePattern) -> Self {
        Self { grants, asked, span: Span::Whole, known: BTreeMap::new() }
    }

    /// A question about indices, which leaves restricted ones out unless it names nothing else.
    pub(super) fn about_indices(
        grants: &'a Grants<'a>,
        asked: &'a NamePattern,
        effort: &mut Effort,
    ) -> Result<Self, TooComplex> {
        let mut question = Self::new(grants, asked);
        if asked.literal().is_none() {
            let any = |fitting: &[usize], _: &mut Effort| Ok(!fitting.is_empty());
            let is_restricted = is_covered(&asked.automaton(), &restricted_pieces(), effort, any)?;
            question.span = if is_restricted { Span::Whole } else { Span::Unrestricted };
        }
        Ok(question)
    }

    /// Whether the privilege is held on all that is asked about.
    pub(super) fn is_held(
        &mut self,
        wanted: &Wanted<'_>,
        effort: &mut Effort,
    ) -> Result<bool, TooComplex> {
        let grants = self.grants;
        if let Some(holding) = grants.names.get(wanted.name)
            && self.is_reached_by(holding, effort)?
        {
            return Ok(true);
        }
        let Some(actions) = &wanted.actions else {
            return Ok(false);
        };
        // A privilege that allows nothing is held by whoever holds any.
        let all = (0..grants.reaches.len()).collect();
        if !self.is_reached_by(&all, effort)? {
            return Ok(false);
        }
        for action in actions {
            if !self.is_allowed(action, effort)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether every action that fits the pattern is allowed on all that is asked about.
    fn is_allowed(&mut self, action: &str, effort: &mut Effort) -> Result<bool, TooComplex> {
        let grants = self.grants;
        let is_literal = wildcard::is_literal(action);
        let mut covering: BTreeSet<usize> =
            grants.literals.get(action).into_iter().flatten().copied().collect();
        for (known, holding) in &grants.wildcards {
            effort.spend(wildcard::work(known, action))?;
            let is_covering = if is_literal {
                wildcard::matches(known, action)
            } else {
                wildcard::plainly_covers(known, action)
            };
            if is_covering {
                covering.extend(holding);
            }
        }
        if self.is_reached_by(&covering, effort)? {
            return Ok(true);
        }
        if is_literal {
            return Ok(false);
        }
        self.is_allowed_together(action, effort)
    }

    /// As [`Self::is_allowed`], where no single pattern allows all that fits the action.
    fn is_allowed_together(
        &mut self,
        action: &str,
        effort: &mut Effort,
    ) -> Result<bool, TooComplex> {
        let grants = self.grants;
        let mut related: Vec<(&str, &BTreeSet<usize>)> = Vec::new();
        for (known, holding) in grants.wildcards.iter().chain(&grants.literals) {
            effort.spend(1)?;
            if wildcard::may_meet(known, action) {
                related.push((known, holding));
            }
        }
        if related.is_empty() {
            return Ok(false);
        }
        effort.spend_on_automaton(action.len())?;
        let pieces: Vec<Cow<'_, Automaton>> =
            related.iter().map(|(known, _)| Cow::Owned(Automaton::of_wildcard(known))).collect();
        is_covered(&Automaton::of_wildcard(action), &pieces, effort, |fitting, effort| {
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
        let enough =
            |reach: &&Reach<'_>| reach.span == Span::Whole || self.span == Span::Unrestricted;
        for reach in reaches.iter().filter(enough) {
            for known in reach.patterns {
                effort.spend(known.work_of_covering(self.asked))?;
                if known.plainly_covers(self.asked) {
                    return Ok(true);
                }
            }
        }
        let patterns = |span: Span| {
            let reaches = reaches.iter().filter(move |reach| reach.span == span);
            reaches.flat_map(|reach| reach.patterns).map(NamePattern::automaton)
        };
        let mut pieces: Vec<Cow<'_, Automaton>> = patterns(Span::Whole).collect();
        let whole = pieces.len();
        pieces.extend(patterns(Span::Unrestricted));
        let unrestricted = pieces.len();
        if unrestricted > whole || self.span == Span::Unrestricted {
            pieces.extend(restricted_pieces());
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

fn restricted_pieces() -> Vec<Cow<'static, Automaton>> {
    let automaton = |pattern: &&str| Cow::Owned(Automaton::of_wildcard(pattern));
    RESTRICTED_INDICES.iter().map(automaton).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use proptest::prelude::*;

    #[derive(Debug)]
    struct Grant {
        names: Vec<NamePattern>,
        span: Span,
        actions: Vec<String>,
    }

    fn grant(names: &[&str], span: Span, actions: &[&str]) -> Grant {
        let names = names.iter().map(|name| NamePattern::parse(name).unwrap()).collect();
        Grant { names, span, actions: actions.iter().map(|&action| action.into()).collect() }
    }

    fn is_held(held: &[Grant], name: &str, action: &str) -> Result<bool, TooComplex> {
        let mut grants = Grants::default();
        for grant in held {
            let number = grants.add(Reach { patterns: &grant.names, span: grant.span });
            for action in &grant.actions {
                grants.allow(number, action, [action.as_str()]);
            }
        }
        let asked = NamePattern::parse(name).unwrap();
        let mut effort = Effort::of_request();
        let mut question = Question::about_indices(&grants, &asked, &mut effort)?;
        question.is_held(&Wanted { name: action, actions: Some([action].into()) }, &mut effort)
    }

    fn check(held: &[Grant], name: &str, action: &str, wanted: bool) {
        assert_eq!(is_held(held, name, action), Ok(wanted), "{name} {action}");
    }

    #[test]
    fn names_and_actions_are_covered_by_several_grants_together() {
        let held = [
            grant(&["a*"], Span::Whole, &["x:a*"]),
            grant(&["b*"], Span::Whole, &["x:*"]),
            grant(&["/[ab].+/"], Span::Whole, &["x:?*"]),
        ];
        check(&held, "/[ab]x/", "x:a*", true);
        check(&held, "a*", "x:a*", true);
        check(&held, "b", "x:*", true);
        check(&held, "a", "x:*", false);
        check(&held, "a?", "x:?", true);
        check(&held, "/[abc]x/", "x:a*", false);
    }

    #[test]
    fn restricted_indices_are_reached_only_where_a_grant_says_so() {
        let open = [grant(&["*"], Span::Unrestricted, &["r*"])];
        check(&open, "*", "r*", true);
        check(&open, ".*", "r*", true);
        check(&open, ".security", "r*", false);
        check(&open, ".security-*", "r*", false);
        check(&open, ".securit?", "r*", true);
        let whole = [grant(&["*"], Span::Whole, &["r*"])];
        check(&whole, ".security-*", "r*", true);
        check(&whole, ".security", "r*", true);
        let both = [
            grant(&["*"], Span::Unrestricted, &["r*"]),
            grant(&[".security*"], Span::Whole, &["r*"]),
        ];
        check(&both, "/\\.(security-.|securities)/", "r*", true);
        check(&both, "/\\.security-.|\\.kibana/", "r*", false);
    }

    #[test]
    fn nothing_is_held_without_grants() {
        check(&[], "*", "x", false);
        check(&[], "a", "x", false);
        check(&[], "/#/", "x", true);
    }

    fn any_grant() -> impl Strategy<Value = Grant> {
        let some = |of: &'static str| proptest::collection::vec(of, 1..3);
        (some("[ab*?]{1,3}"), some("[xy*?]{1,3}")).prop_map(|(names, actions)| Grant {
            names: names.iter().map(|name| NamePattern::parse(name).unwrap()).collect(),
            span: Span::Whole,
            actions,
        })
    }

    fn texts(letters: &str) -> Vec<String> {
        let mut texts = alloc::vec![String::new()];
        let mut newest = texts.clone();
        for _ in 0..4 {
            let longer = |text: &String| {
                let text = text.clone();
                letters.chars().map(move |letter| text.chars().chain([letter]).collect())
            };
            newest = newest.iter().flat_map(longer).collect();
            texts.extend(newest.iter().cloned());
        }
        texts
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_held_agrees_with_trying_every_name_and_action(
            held in proptest::collection::vec(any_grant(), 0..4),
            name in "[ab*?]{1,3}",
            action in "[xy*?]{1,3}",
        ) {
            let asked = NamePattern::parse(&name).unwrap();
            let is_tried = texts("abz").iter().filter(|name| asked.matches(name)).all(|name| {
                let reaching: Vec<&Grant> = held
                    .iter()
                    .filter(|grant| grant.names.iter().any(|pattern| pattern.matches(name)))
                    .collect();
                texts("xyz").iter().filter(|text| wildcard::matches(&action, text)).all(|text| {
                    reaching
                        .iter()
                        .any(|grant| grant.actions.iter().any(|known| wildcard::matches(known, text)))
                })
            });
            prop_assert_eq!(is_held(&held, &name, &action), Ok(is_tried));
        }
    }
}
