//! Automata that names fit or do not fit: made of a wildcard or of a regular expression.
//!
//! Owns the program and the matcher: all possible positions move on together, character by
//! character, so no pattern makes a match slow. [`parse`] makes the tree that an expression is
//! compiled from; [`coverage`](super::coverage) asks whether several automata cover another.

use alloc::vec::Vec;

use super::determinize::{Deterministic, State, determinize};
use super::regex_parse::{Class, Node, parse};
use crate::privilege::wildcard::{self, Token};

/// A pattern, ready to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Automaton {
    steps: Vec<Step>,
    /// What was looked at to compile complements and intersections.
    effort: usize,
}

/// Why an expression is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RegexRefusal {
    /// It ends or continues where it must not.
    Malformed,
    /// It uses an operator that is not supported: `<`.
    Unsupported(char),
    /// Its program would be too long, or too much work to compile.
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
        let mut compiler = Compiler { steps: Vec::new(), budget: STEPS_MAX, effort: EFFORT_MAX };
        compiler.emit(&node)?;
        let effort = EFFORT_MAX.saturating_sub(compiler.effort);
        Ok(Self { steps: compiler.steps, effort })
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
        Self { steps, effort: 0 }
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

    /// What it costs to compile and to keep, in steps.
    pub(super) fn size(&self) -> usize {
        self.len().max(self.effort.wrapping_div(EFFORT_OF_STEP))
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
    /// How much more may be looked at to compile complements and intersections.
    effort: usize,
}

impl Compiler {
    fn emit(&mut self, node: &Node) -> Result<(), RegexRefusal> {
        // Each repetition has its own copy of a class.
        let size = match node {
            Node::Take(class) => class.weight().saturating_sub(1).max(1),
            Node::Concat(_)
            | Node::Union(_)
            | Node::Intersection(_)
            | Node::Complement(_)
            | Node::Repeat { .. } => 1,
        };
        self.spend(size)?;
        match node {
            Node::Take(class) => {
                self.steps.push(Step::Take(class.clone()));
                Ok(())
            }
            Node::Concat(nodes) => nodes.iter().try_for_each(|node| self.emit(node)),
            Node::Union(nodes) => self.emit_union(nodes),
            Node::Intersection(nodes) => {
                self.emit_together(nodes, |fits| fits.iter().all(|fits| *fits))
            }
            Node::Complement(node) => {
                self.emit_together(core::slice::from_ref(node), |fits| !fits.contains(&true))
            }
            Node::Repeat { node, min, max } => self.emit_repeat(node, *min, *max),
        }
    }

    fn spend(&mut self, size: usize) -> Result<(), RegexRefusal> {
        self.budget = self.budget.checked_sub(size).ok_or(RegexRefusal::TooLarge)?;
        Ok(())
    }

    /// Emits what fits as `is_end` says, which is told of each node whether it fits.
    fn emit_together(
        &mut self,
        nodes: &[Node],
        is_end: impl Fn(&[bool]) -> bool,
    ) -> Result<(), RegexRefusal> {
        let mut parts = Vec::with_capacity(nodes.len());
        for node in nodes {
            let (steps, budget, effort) = (Vec::new(), self.budget, self.effort);
            let mut part = Self { steps, budget, effort };
            part.emit(node)?;
            (self.budget, self.effort) = (part.budget, part.effort);
            parts.push(Automaton { steps: part.steps, effort: 0 });
        }
        let Deterministic { states } = determinize(&parts, is_end, &mut self.effort)?;
        self.emit_states(&states)
    }

    /// Emits a program that begins in the first state and goes on behind all of them at its ends.
    fn emit_states(&mut self, states: &[State]) -> Result<(), RegexRefusal> {
        let (mut labels, mut jumps, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for state in states {
            labels.push(self.steps.len());
            self.spend(1)?;
            let mut moves = state.moves.iter().peekable();
            if moves.peek().is_none() && !state.is_end {
                self.steps.push(Step::Take(Class::nothing()));
            }
            while let Some((class, target)) = moves.next() {
                self.spend(class.weight())?;
                let is_last = moves.peek().is_none() && !state.is_end;
                let split = (!is_last).then(|| self.reserve());
                self.steps.push(Step::Take(class.clone()));
                jumps.push((self.reserve(), *target));
                if let Some(split) = split {
                    self.place(split, Step::Split(split.saturating_add(1), self.steps.len()));
                }
            }
            if state.is_end {
                ends.push(self.reserve());
            }
        }
        for (at, target) in jumps {
            self.place(at, Step::Jump(labels.get(target).copied().unwrap_or_default()));
        }
        for end in ends {
            self.place(end, Step::Jump(self.steps.len()));
        }
        Ok(())
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

/// Most that is looked at to compile the complements and intersections of one expression: some
/// dozen times what those of people need, and a few milliseconds.
const EFFORT_MAX: usize = 20_000;

/// What is looked at in the time that one step takes to be made.
const EFFORT_OF_STEP: usize = 4;

/// Longest text of an expression, in bytes: bounds the memory of its tree. One that compiles needs
/// no more, unless it is full of zeros.
const TEXT_BYTES_MAX: usize = STEPS_MAX * 16;
