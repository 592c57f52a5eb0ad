//! Complements and intersections of automata.
//!
//! Owns the walk of several programs at once through all sets of positions that some text leads to,
//! and the program that is made of them. Sets are counted as they are met: an expression that has
//! too many is refused.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use super::automaton::{Automaton, Positions, RegexRefusal};
use super::regex_parse::Class;

/// What stands together for the names that fit: a state per set of positions, from which each
/// character leads to one state at most.
pub(super) struct Deterministic {
    pub(super) states: Vec<State>,
}

/// Where it may stand.
#[derive(Default)]
pub(super) struct State {
    /// Whether a text that ends here fits.
    pub(super) is_end: bool,
    /// By characters, the state behind them. Without one no text fits from there on.
    pub(super) moves: Vec<(Class, usize)>,
}

/// The texts that fit as `is_end` says, which is told of each part whether it fits. `effort` counts
/// down what is looked at.
pub(super) fn determinize(
    parts: &[Automaton],
    is_end: impl Fn(&[bool]) -> bool,
    effort: &mut usize,
) -> Result<Deterministic, RegexRefusal> {
    let classes = parts.iter().flat_map(Automaton::classes);
    let bounds: BTreeSet<char> = classes.flat_map(Class::bounds).chain(['\0']).collect();
    let bounds: Vec<char> = bounds.into_iter().collect();
    let start: Vec<Positions> = parts.iter().map(Automaton::start).collect();
    let mut numbers = BTreeMap::from([(start.clone(), 0)]);
    let mut waiting = VecDeque::from([start]);
    let mut states: Vec<State> = Vec::new();
    while let Some(standing) = waiting.pop_front() {
        let ends: Vec<bool> = standing.iter().map(|positions| positions.is_at_end).collect();
        let mut targets = Vec::with_capacity(bounds.len());
        for &found in &bounds {
            spend(parts, &standing, effort)?;
            let together = parts.iter().zip(&standing);
            let behind: Vec<Positions> =
                together.map(|(part, positions)| part.behind(&positions.takes, found)).collect();
            let next = numbers.len();
            let number = *numbers.entry(behind.clone()).or_insert(next);
            if number == next {
                waiting.push_back(behind);
            }
            targets.push(number);
        }
        states.push(State { is_end: is_end(&ends), moves: moves(&bounds, &targets) });
    }
    drop_dead_ends(&mut states);
    Ok(Deterministic { states })
}

/// Takes what it costs to look at one character in one state.
fn spend(
    parts: &[Automaton],
    standing: &[Positions],
    effort: &mut usize,
) -> Result<(), RegexRefusal> {
    for (part, positions) in parts.iter().zip(standing) {
        let classes = positions.takes.iter().filter_map(|at| part.class(*at));
        let looked_at = classes.map(Class::weight).fold(1, usize::saturating_add);
        let skipped = part.len().wrapping_div(STEPS_AT_ONCE);
        let left = effort.checked_sub(looked_at.saturating_add(skipped));
        *effort = left.ok_or(RegexRefusal::TooLarge)?;
    }
    Ok(())
}

/// The moves to each target, of the characters from each bound to the next.
fn moves(bounds: &[char], targets: &[usize]) -> Vec<(Class, usize)> {
    let mut ranges: BTreeMap<usize, Vec<(char, char)>> = BTreeMap::new();
    let ends = bounds.iter().skip(1).map(|next| ('\0'..*next).next_back().unwrap_or_default());
    for ((first, last), target) in bounds.iter().zip(ends.chain([char::MAX])).zip(targets) {
        ranges.entry(*target).or_default().push((*first, last));
    }
    let class = |(target, ranges): (usize, Vec<(char, char)>)| (Class::of_ranges(&ranges), target);
    ranges.into_iter().map(class).collect()
}

/// Removes the moves to states from which no text fits.
fn drop_dead_ends(states: &mut [State]) {
    let mut before: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (number, state) in states.iter().enumerate() {
        for (_, target) in &state.moves {
            before.entry(*target).or_default().push(number);
        }
    }
    let ends = states.iter().enumerate().filter(|(_, state)| state.is_end);
    let mut alive: BTreeSet<usize> = ends.map(|(number, _)| number).collect();
    let mut waiting: Vec<usize> = alive.iter().copied().collect();
    while let Some(number) = waiting.pop() {
        for earlier in before.get(&number).into_iter().flatten() {
            if alive.insert(*earlier) {
                waiting.push(*earlier);
            }
        }
    }
    for state in states {
        state.moves.retain(|(_, target)| alive.contains(target));
    }
}

/// Steps of a program that cost no more to skip than one costs to look at.
const STEPS_AT_ONCE: usize = 64;
