//! Whether what one pattern fits is covered by others together.
//!
//! Owns the search: the wanted pattern is walked along with the positions of all others, over the
//! fewest characters that tell them apart. Sets of positions are made on demand and counted against
//! an `Effort`, so the answer is exact or [`TooComplex`]. Must not know what is covered.

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use thiserror::Error;

use super::automaton::{Automaton, Positions};
use super::regex_parse::Class;
use crate::limits::COVERAGE_STEPS_MAX;

/// Patterns are too complex to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the patterns are too complex to tell whether one is covered by others")]
pub struct TooComplex;

/// How much work may still be done to compare patterns.
#[derive(Debug)]
pub(super) struct Effort(usize);

impl Effort {
    /// All the work that one request may cause.
    pub(super) const fn of_request() -> Self {
        Self(COVERAGE_STEPS_MAX)
    }

    /// Takes what it costs to make an automaton of so many steps.
    pub(super) fn spend_on_automaton(&mut self, size: usize) -> Result<(), TooComplex> {
        self.spend(size.saturating_mul(ENTRY_STEPS))
    }

    /// Takes what it costs to remember so many small things.
    pub(super) fn spend_on_entries(&mut self, entries: usize) -> Result<(), TooComplex> {
        self.spend(entries.saturating_mul(ENTRY_STEPS))
    }

    /// Takes some of it.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), TooComplex> {
        self.0 = self.0.checked_sub(steps).ok_or(TooComplex)?;
        Ok(())
    }
}

/// Whether every name that fits `wanted` is covered.
///
/// `is_enough` says whether a name is covered that exactly the pieces of these numbers fit.
pub(super) fn is_covered(
    wanted: &Automaton,
    pieces: &[Cow<'_, Automaton>],
    effort: &mut Effort,
    is_enough: impl FnMut(&[usize], &mut Effort) -> Result<bool, TooComplex>,
) -> Result<bool, TooComplex> {
    let mut starts = Vec::with_capacity(pieces.len());
    let mut size: usize = 0;
    for piece in pieces {
        starts.push(size);
        size = size.saturating_add(piece.len()).saturating_add(1);
    }
    effort.spend(size.saturating_add(wanted.len()))?;
    let search = Search {
        wanted,
        pieces,
        starts,
        alphabet: alphabet(wanted, pieces),
        effort,
        is_enough,
        sets: Sets::default(),
        moves: BTreeMap::new(),
        seen: BTreeSet::new(),
        waiting: VecDeque::new(),
    };
    search.run()
}

/// One character for each set of characters that no pattern tells apart.
fn alphabet(wanted: &Automaton, pieces: &[Cow<'_, Automaton>]) -> Vec<char> {
    let classes = pieces.iter().flat_map(|piece| piece.classes()).chain(wanted.classes());
    let bounds: BTreeSet<char> = classes.flat_map(Class::bounds).chain(['\0']).collect();
    bounds.into_iter().collect()
}

/// Steps of all pieces, numbered one piece after the other; behind the steps of each stands its
/// end.
type Places = Vec<usize>;

/// Sets of places, each once, known by number; and what was decided about names that end there.
#[derive(Default)]
struct Sets {
    numbers: BTreeMap<Places, usize>,
    places: Vec<Places>,
    verdicts: BTreeMap<usize, bool>,
}

impl Sets {
    fn number(&mut self, places: Places) -> usize {
        if let Some(known) = self.numbers.get(&places) {
            return *known;
        }
        let number = self.places.len();
        self.places.push(places.clone());
        self.numbers.insert(places, number);
        number
    }

    fn places(&self, set: usize) -> &[usize] {
        self.places.get(set).map_or(&[], Vec::as_slice)
    }
}

struct Search<'a, 'p, F> {
    wanted: &'a Automaton,
    pieces: &'a [Cow<'p, Automaton>],
    /// The place of the first step of each piece.
    starts: Vec<usize>,
    alphabet: Vec<char>,
    effort: &'a mut Effort,
    is_enough: F,
    sets: Sets,
    moves: BTreeMap<(usize, char), usize>,
    /// Steps of the wanted pattern that were reached with a set.
    seen: BTreeSet<(usize, usize)>,
    /// Those of them from which the search has still to go on: the shortest names come first.
    waiting: VecDeque<(usize, usize)>,
}

impl<F: FnMut(&[usize], &mut Effort) -> Result<bool, TooComplex>> Search<'_, '_, F> {
    fn run(mut self) -> Result<bool, TooComplex> {
        let mut places = Places::new();
        for (number, piece) in self.pieces.iter().enumerate() {
            self.add(&mut places, number, piece.start())?;
        }
        let start = self.sets.number(places);
        if !self.arrive(&self.wanted.start(), start)? {
            return Ok(false);
        }
        let alphabet = core::mem::take(&mut self.alphabet);
        while let Some((at, set)) = self.waiting.pop_front() {
            let Some(class) = self.wanted.class(at) else { continue };
            for &found in &alphabet {
                self.effort.spend(class.weight())?;
                if !class.contains(found) {
                    continue;
                }
                let next = self.advance(set, found)?;
                let positions = self.wanted.behind(&[at], found);
                if !self.arrive(&positions, next)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Notes that the wanted pattern and the pieces stand there. Says whether a name that ends
    /// there is covered, if one can.
    fn arrive(&mut self, wanted: &Positions, set: usize) -> Result<bool, TooComplex> {
        if wanted.is_at_end && !self.is_enough_in(set)? {
            return Ok(false);
        }
        for &at in &wanted.takes {
            self.effort.spend(1)?;
            if self.seen.insert((at, set)) {
                self.effort.spend(ENTRY_STEPS)?;
                self.waiting.push_back((at, set));
            }
        }
        Ok(true)
    }

    fn is_enough_in(&mut self, set: usize) -> Result<bool, TooComplex> {
        if let Some(verdict) = self.sets.verdicts.get(&set) {
            return Ok(*verdict);
        }
        let mut fitting = Vec::new();
        for place in self.sets.places(set) {
            let (piece, at) = self.step(*place);
            if self.pieces.get(piece).is_some_and(|piece| piece.len() == at) {
                fitting.push(piece);
            }
        }
        let verdict = (self.is_enough)(&fitting, self.effort)?;
        self.sets.verdicts.insert(set, verdict);
        Ok(verdict)
    }

    /// The set that is reached by a character.
    fn advance(&mut self, set: usize, found: char) -> Result<usize, TooComplex> {
        if let Some(known) = self.moves.get(&(set, found)) {
            return Ok(*known);
        }
        self.effort.spend(ENTRY_STEPS)?;
        let mut by_piece: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for place in self.sets.places(set) {
            let (piece, at) = self.step(*place);
            by_piece.entry(piece).or_default().push(at);
        }
        let mut places = Places::new();
        for (number, takes) in by_piece {
            let Some(piece) = self.pieces.get(number) else { continue };
            let classes = takes.iter().filter_map(|at| piece.class(*at));
            let work = classes.map(Class::weight).fold(1, usize::saturating_add);
            self.effort.spend(work.saturating_add(piece.len().wrapping_div(STEPS_AT_ONCE)))?;
            let positions = piece.behind(&takes, found);
            self.add(&mut places, number, positions)?;
        }
        let next = self.sets.number(places);
        self.moves.insert((set, found), next);
        Ok(next)
    }

    /// Adds where a piece stands, in order.
    fn add(
        &mut self,
        places: &mut Places,
        piece: usize,
        mut positions: Positions,
    ) -> Result<(), TooComplex> {
        self.effort.spend(positions.takes.len().saturating_add(1))?;
        let start = self.starts.get(piece).copied().unwrap_or_default();
        if positions.is_at_end {
            positions.takes.extend(self.pieces.get(piece).map(|piece| piece.len()));
        }
        positions.takes.sort_unstable();
        places.extend(positions.takes.iter().map(|at| start.saturating_add(*at)));
        Ok(())
    }

    /// The piece of a place, and the step in it.
    fn step(&self, place: usize) -> (usize, usize) {
        let piece = self.starts.partition_point(|start| *start <= place).saturating_sub(1);
        let start = self.starts.get(piece).copied().unwrap_or_default();
        (piece, place.saturating_sub(start))
    }
}

/// Steps of a program that cost no more to skip than one costs to look at.
const STEPS_AT_ONCE: usize = 64;

/// Steps that remembering one thing is counted as: bounds memory too.
const ENTRY_STEPS: usize = 8;

#[cfg(test)]
mod tests {
    use super::super::pattern::NamePattern;
    use super::*;
    use alloc::string::String;
    use proptest::prelude::*;

    fn is_union(wanted: &str, patterns: &[&str]) -> Result<bool, TooComplex> {
        let wanted = NamePattern::parse(wanted).unwrap();
        let patterns: Vec<NamePattern> =
            patterns.iter().map(|pattern| NamePattern::parse(pattern).unwrap()).collect();
        let pieces: Vec<_> = patterns.iter().map(NamePattern::automaton).collect();
        let mut effort = Effort::of_request();
        is_covered(&wanted.automaton(), &pieces, &mut effort, |fitting, _| Ok(!fitting.is_empty()))
    }

    fn check(wanted: &str, patterns: &[&str], is_wanted: bool) {
        assert_eq!(is_union(wanted, patterns), Ok(is_wanted), "{wanted} {patterns:?}");
    }

    #[test]
    fn a_pattern_is_covered_by_one_that_fits_more() {
        check("index-1*", &["index-*"], true);
        check("*", &["index-*"], false);
        check("index-?", &["index-*"], true);
        check("index-*", &["index-?*"], false);
        check("/logs-[0-9]+/", &["logs-*"], true);
        check("logs-*", &["/logs-[0-9]*/"], false);
        check("/[a-c]x?/", &["/\\w+/"], true);
        check("", &[], false);
        check("/#/", &[], true);
    }

    #[test]
    fn patterns_cover_together_what_none_of_them_covers_alone() {
        check("?", &["/[^a-c]/", "/[a-b]/", "c"], true);
        check("?", &["/[^a-c]/", "/[a-b]/"], false);
        check("*", &["/[^.].*/", ".*", ""], true);
        check("*", &["/[^.].*/", ".*"], false);
        check("/\\s|\\S/", &["/\\d|\\D/"], true);
        check("a*", &["/a(..)*/", "/a.(..)*/"], true);
    }

    #[test]
    fn characters_beyond_every_class_count_too() {
        check("/\\D/", &["/[\u{0}-/:-\u{10ffff}]/"], true);
        check("/\\D/", &["/[\u{0}-/:-\u{d7ff}]/", "/[\u{e000}-\u{10ffff}]/"], true);
        check("/\\D/", &["/[\u{0}-/:-\u{10fffe}]/"], false);
        check("\u{e9}*", &["\u{e9}a*", "\u{e9}b*"], false);
    }

    #[test]
    fn what_would_take_too_long_is_refused() {
        let wide: Vec<String> =
            ('a'..='z').map(|c| ["*", &String::from(c), "?????"].concat()).collect();
        let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
        assert_eq!(is_union("/[a-z]{6}.*|[a-z]{0,5}/", &wide), Ok(false));
        assert_eq!(is_union("/[a-z]{5}.*[a-z].{5}/", &wide), Err(TooComplex));
        let long = "a?".repeat(5_000);
        assert_eq!(is_union(&["/(", &"a?".repeat(400), ")*/"].concat(), &[&long]), Ok(false));
    }

    /// Every text over a small alphabet up to a length that tells small patterns apart.
    fn texts(letters: &str, chars_max: usize) -> Vec<String> {
        let mut texts = alloc::vec![String::new()];
        let mut newest = texts.clone();
        for _ in 0..chars_max {
            let longer = |text: &String| {
                let text = text.clone();
                letters.chars().map(move |letter| text.chars().chain([letter]).collect())
            };
            newest = newest.iter().flat_map(longer).collect();
            texts.extend(newest.iter().cloned());
        }
        texts
    }

    fn any_pattern() -> impl Strategy<Value = String> {
        let atom = prop_oneof!["[ab]", Just(String::from(".")), Just(String::from("[^a]"))];
        let regex = proptest::collection::vec((atom, "[*+?]?"), 1..4).prop_map(|parts| {
            let parts: Vec<String> =
                parts.iter().map(|(atom, repeat)| [atom.as_str(), repeat].concat()).collect();
            ["/", &parts.concat(), "/"].concat()
        });
        prop_oneof![
            "[ab*?]{0,4}",
            regex.clone(),
            (regex.clone(), regex).prop_map(|(one, other)| {
                [one.trim_end_matches('/'), "|", other.trim_start_matches('/')].concat()
            })
        ]
    }

    proptest! {
        #[test]
        fn coverage_agrees_with_trying_every_name(
            wanted in any_pattern(),
            patterns in proptest::collection::vec(any_pattern(), 0..4),
        ) {
            let names = texts("aby", 7);
            let parsed = NamePattern::parse(&wanted).unwrap();
            let others: Vec<NamePattern> =
                patterns.iter().map(|pattern| NamePattern::parse(pattern).unwrap()).collect();
            let is_tried = names.iter().all(|name| {
                !parsed.matches(name) || others.iter().any(|other| other.matches(name))
            });
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            prop_assert_eq!(is_union(&wanted, &patterns), Ok(is_tried));
        }
    }
}
