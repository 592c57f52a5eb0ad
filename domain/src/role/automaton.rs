//! Automata that names fit or do not fit: made of a wildcard or of a regular expression.
//!
//! Owns the program and the matcher: all possible positions move on together, character by
//! character, so no pattern makes a match slow. [`parse`] makes the tree that an expression is
//! compiled from; [`coverage`](super::coverage) asks whether several automata cover another.

use alloc::vec::Vec;

use super::regex_parse::{Class, Node, parse};
use crate::privilege::wildcard::{self, Token};

/// A pattern, ready to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Automaton {
    steps: Vec<Step>,
}

/// Why an expression is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RegexRefusal {
    /// It ends or continues where it must not.
    Malformed,
    /// It uses an operator that is not supported: `~`, `&` or `<`.
    Unsupported(char),
    /// Its program would be too long.
    TooLarge,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Takes one character of the class and goes on with the next step.
    Take(Class),
    /// Goes on with both steps.
    Split(usize, usize),
    /// Goes on with that step.
    Jump(usize),
}

impl Automaton {
    /// Compiles the text of a regular expression.
    pub(super) fn of_regex(text: &str) -> Result<Self, RegexRefusal> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(RegexRefusal::TooLarge);
        }
        let node = parse(text)?;
        let mut compiler = Compiler { steps: Vec::new(), budget: STEPS_MAX };
        compiler.emit(&node)?;
        Ok(Self { steps: compiler.steps })
    }

    /// Compiles a pattern with wildcards. It has at most three steps for each character.
    pub(super) fn of_wildcard(text: &str) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        let mut previous = None;
        for token in wildcard::tokens(text) {
            let at = steps.len();
            match token {
                Token::AnyText if previous == Some(token) => {}
                Token::AnyText => {
                    let (take, behind) = (at.saturating_add(1), at.saturating_add(3));
                    let any = Step::Take(Class::any());
                    steps.extend([Step::Split(take, behind), any, Step::Jump(at)]);
                }
                Token::AnyChar => steps.push(Step::Take(Class::any())),
                Token::Literal(literal) => steps.push(Step::Take(Class::one(literal))),
            }
            previous = Some(token);
        }
        Self { steps }
    }

    /// Whether all of `text` fits.
    pub(super) fn matches(&self, text: &str) -> bool {
        let mut unbounded = usize::MAX;
        self.matches_within(text, &mut unbounded).unwrap_or(false)
    }

    /// Whether all of `text` fits, unless that takes more than `steps`; counts them down.
    pub(super) fn matches_within(&self, text: &str, steps: &mut usize) -> Option<bool> {
        let mut current = self.start();
        for found in text.chars() {
            *steps = steps.checked_sub(self.len().saturating_add(1))?;
            current = self.behind(&current.takes, found);
            if current.is_dead() {
                return Some(false);
            }
        }
        Some(current.is_at_end)
    }

    /// Where it stands before the first character.
    pub(super) fn start(&self) -> Positions {
        let mut reached = Reached::new(self);
        reached.enter(0);
        reached.positions
    }

    /// Where it stands when one of the steps at `takes` has taken the character.
    pub(super) fn behind(&self, takes: &[usize], found: char) -> Positions {
        let mut reached = Reached::new(self);
        for &at in takes {
            if self.class(at).is_some_and(|class| class.contains(found)) {
                reached.enter(at.saturating_add(1));
            }
        }
        reached.positions
    }

    /// The characters that the step at `at` takes.
    pub(super) fn class(&self, at: usize) -> Option<&Class> {
        match self.steps.get(at)? {
            Step::Take(class) => Some(class),
            Step::Split(..) | Step::Jump(_) => None,
        }
    }

    /// How long the program is.
    pub(super) const fn len(&self) -> usize {
        self.steps.len()
    }

    /// The sets of characters that it takes.
    pub(super) fn classes(&self) -> impl Iterator<Item = &Class> {
        (0..self.len()).filter_map(|at| self.class(at))
    }
}

/// Where a program may stand between two characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Positions {
    /// The steps of which one takes the next character.
    pub(super) takes: Vec<usize>,
    /// Whether the text may end here.
    pub(super) is_at_end: bool,
}

impl Positions {
    /// Whether no text fits from here on, not even the empty one.
    pub(super) const fn is_dead(&self) -> bool {
        self.takes.is_empty() && !self.is_at_end
    }
}

/// Collects positions, each once.
struct Reached<'a> {
    automaton: &'a Automaton,
    is_seen: Vec<bool>,
    positions: Positions,
}

impl<'a> Reached<'a> {
    fn new(automaton: &'a Automaton) -> Self {
        let is_seen = alloc::vec![false; automaton.len()];
        Self { automaton, is_seen, positions: Positions::default() }
    }

    /// Adds the step and everything that is reached from it without taking a character.
    fn enter(&mut self, step: usize) {
        let mut waiting = alloc::vec![step];
        while let Some(at) = waiting.pop() {
            let found = (self.automaton.steps.get(at), self.is_seen.get_mut(at));
            let (Some(step), Some(is_seen)) = found else {
                self.positions.is_at_end = true;
                continue;
            };
            if core::mem::replace(is_seen, true) {
                continue;
            }
            match step {
                Step::Take(_) => self.positions.takes.push(at),
                Step::Split(one, other) => waiting.extend([*one, *other]),
                Step::Jump(target) => waiting.push(*target),
            }
        }
    }
}

struct Compiler {
    steps: Vec<Step>,
    /// How many more nodes may be visited: bounds the program and the work of compiling it.
    budget: usize,
}

impl Compiler {
    fn emit(&mut self, node: &Node) -> Result<(), RegexRefusal> {
        // Each repetition has its own copy of a class.
        let size = match node {
            Node::Take(class) => class.weight().saturating_sub(1).max(1),
            Node::Concat(_) | Node::Union(_) | Node::Repeat { .. } => 1,
        };
        self.budget = self.budget.checked_sub(size).ok_or(RegexRefusal::TooLarge)?;
        match node {
            Node::Take(class) => {
                self.steps.push(Step::Take(class.clone()));
                Ok(())
            }
            Node::Concat(nodes) => nodes.iter().try_for_each(|node| self.emit(node)),
            Node::Union(nodes) => self.emit_union(nodes),
            Node::Repeat { node, min, max } => self.emit_repeat(node, *min, *max),
        }
    }

    fn emit_union(&mut self, nodes: &[Node]) -> Result<(), RegexRefusal> {
        let Some((last, others)) = nodes.split_last() else {
            return Ok(());
        };
        let mut ends = Vec::new();
        for node in others {
            let split = self.reserve();
            self.emit(node)?;
            ends.push(self.reserve());
            self.place(split, Step::Split(split.saturating_add(1), self.steps.len()));
        }
        self.emit(last)?;
        for end in ends {
            self.place(end, Step::Jump(self.steps.len()));
        }
        Ok(())
    }

    fn emit_repeat(
        &mut self,
        node: &Node,
        min: usize,
        max: Option<usize>,
    ) -> Result<(), RegexRefusal> {
        for _ in 0..min {
            self.emit(node)?;
        }
        let Some(max) = max else {
            let split = self.reserve();
            self.emit(node)?;
            self.steps.push(Step::Jump(split));
            self.place(split, Step::Split(split.saturating_add(1), self.steps.len()));
            return Ok(());
        };
        let mut splits = Vec::new();
        for _ in min..max {
            splits.push(self.reserve());
            self.emit(node)?;
        }
        for split in splits {
            self.place(split, Step::Split(split.saturating_add(1), self.steps.len()));
        }
        Ok(())
    }

    /// Leaves room for a step whose target is not known yet.
    fn reserve(&mut self) -> usize {
        let at = self.steps.len();
        self.steps.push(Step::Jump(at.saturating_add(1)));
        at
    }

    fn place(&mut self, at: usize, step: Step) {
        if let Some(reserved) = self.steps.get_mut(at) {
            *reserved = step;
        }
    }
}

/// Most nodes that compiling visits, and members of the classes among them: a program has at most
/// three times as many steps.
const STEPS_MAX: usize = 1_000;

/// Longest text of an expression, in bytes: bounds the memory of its tree. One that compiles needs
/// no more, unless it is full of zeros.
const TEXT_BYTES_MAX: usize = STEPS_MAX * 16;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use proptest::prelude::*;

    fn check(regex: &str, text: &str, wanted: bool) {
        let compiled = Automaton::of_regex(regex).unwrap();
        assert_eq!(compiled.matches(text), wanted, "/{regex}/ {text}");
    }

    proptest! {
        #[test]
        fn a_wildcard_fits_the_same_names_in_both_forms(
            pattern in "[ab*?\\\\]{0,8}",
            text in "[ab*\\\\]{0,8}",
        ) {
            let automaton = Automaton::of_wildcard(&pattern);
            prop_assert_eq!(automaton.matches(&text), wildcard::matches(&pattern, &text));
        }
    }

    #[test]
    fn the_whole_text_must_fit() {
        check("ab", "ab", true);
        check("ab", "abc", false);
        check("ab", "a", false);
        check("", "", true);
        check("", "a", false);
        check("()", "", true);
    }

    #[test]
    fn operators_mean_what_lucene_says() {
        check("a|bc|d", "bc", true);
        check("a|bc|d", "ad", false);
        check("(a|b)*c", "ababc", true);
        check("a+", "", false);
        check("a?b", "b", true);
        check("a{2}", "aa", true);
        check("a{2}", "a", false);
        check("a{2,}", "aaaa", true);
        check("a{1,2}", "aaa", false);
        check(".", "\u{4e2d}", true);
        check("a@", "a anything", true);
        check("#", "", false);
        check("a|#", "a", true);
        check("\"a.*\"", "a.*", true);
        check("\"a.*\"", "axx", false);
        check("a\\.b", "a.b", true);
        check("a\\.b", "axb", false);
    }

    #[test]
    fn classes_hold_characters_ranges_and_shorthands() {
        check("[a-c_]+", "ab_c", true);
        check("[a-c]", "d", false);
        check("[^a-c]", "d", true);
        check("[^a-c]", "b", false);
        check("[\\]]", "]", true);
        check("\\d{3}", "123", true);
        check("\\w+\\s\\W", "a_1 -", true);
        check("[\\da]+", "1a2", true);
        check("\\D", "1", false);
    }

    #[test]
    fn what_cannot_be_matched_is_refused() {
        let refused = |regex: &str| Automaton::of_regex(regex).unwrap_err();
        for malformed in
            ["(", "a)", "[a", "[]", "\"a", "a\\", "*a", "a||b", "a{", "a{2", "a{2,1}", "[b-a]"]
        {
            assert_eq!(refused(malformed), RegexRefusal::Malformed, "{malformed}");
        }
        assert_eq!(refused("a&b"), RegexRefusal::Unsupported('&'));
        assert_eq!(refused("~a"), RegexRefusal::Unsupported('~'));
        assert_eq!(refused("<1-5>"), RegexRefusal::Unsupported('<'));
        for large in ["a{1001}", "(a{40}){40}", "((){900}){900}", "a{99999999999999999999}"] {
            assert_eq!(refused(large), RegexRefusal::TooLarge, "{large}");
        }
        assert_eq!(refused(&"(".repeat(10_000)), RegexRefusal::TooLarge);
        let class = ["[", &"ab".repeat(50), "]"].concat();
        assert!(Automaton::of_regex(&[&class, "{9}"].concat()).is_ok());
        assert_eq!(refused(&[&class, "{10}"].concat()), RegexRefusal::TooLarge);
        assert_eq!(refused(&"[".repeat(16_001)), RegexRefusal::TooLarge);
    }

    #[test]
    fn nested_repetition_stays_cheap() {
        check("((a*)*)*b", &"a".repeat(1000), false);
        check("(a|a)*", &"a".repeat(1000), true);
        check("(a?){30}a{30}", &"a".repeat(30), true);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_compiler_fail(regex in any::<String>(), text in "[a-c]{0,9}") {
            if let Ok(regex) = Automaton::of_regex(&regex) {
                let _: bool = regex.matches(&text);
            }
        }

        #[test]
        fn operators_in_any_order_are_safe(
            regex in "[ab|()*+?{}1,\\[\\]^.-]{0,12}",
            text in "[ab]{0,9}",
        ) {
            if let Ok(regex) = Automaton::of_regex(&regex) {
                let _: bool = regex.matches(&text);
            }
        }
    }
}
