//! Every schedule of a scene: depth first, each state once.
//!
//! Owns the choice of what is played. A future cannot be copied, so a play is begun anew for each
//! branch and led to it. Of two steps that do not disturb each other one order is enough.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::scene::{Outcome, Play, Scene, Stage};
use crate::stepped::Stops;

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Searched {
    /// States that differ.
    pub states: usize,
    /// Plays that were begun.
    pub plays: usize,
    /// Histories that were played to the end.
    pub histories: usize,
    /// Ends that differ.
    pub ends: usize,
}

/// A history that no order of its requests explains.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Who made each step.
    pub schedule: Vec<usize>,
    /// What is wrong.
    pub what: String,
}

/// Plays every schedule, and compares each history with the orders that explain it.
///
/// `check` may look at the end of each history before the store is changed by a longer look.
pub fn search(
    scene: &Scene,
    stage: &Stage,
    mut check: impl FnMut(&Play<'_>) -> Result<(), String>,
) -> Result<Searched, Box<Violation>> {
    let mut serial = Serial::default();
    let mut seen = Seen::default();
    let mut ends = BTreeSet::new();
    let mut searched = Searched::default();
    let mut branches = vec![Branch::default()];
    while let Some(Branch { mut schedule, mut asleep }) = branches.pop() {
        searched.plays += 1;
        let mut play = Play::begin(scene, stage);
        let mut course = Course::Free;
        for requester in &schedule {
            course = course.step(&mut play, *requester);
        }
        let is_ended = loop {
            let choices = course.choices(scene, &play);
            let awake = match course {
                Course::Bound(_) => Some(choices.clone()),
                Course::Free | Course::Quiet(_) => {
                    seen.awake(course.state(&play), &choices, &asleep)
                }
            };
            let Some(awake) = awake else { break false };
            let Some((first, others)) = awake.split_first() else { break choices.is_empty() };
            let mut tried = asleep.clone();
            tried.insert(*first);
            for other in others {
                let schedule = schedule.iter().copied().chain([*other]).collect();
                branches
                    .push(Branch { schedule, asleep: stay_asleep(scene, &play, &tried, *other) });
                tried.insert(*other);
            }
            asleep = stay_asleep(scene, &play, &asleep, *first);
            course = course.step(&mut play, *first);
            schedule.push(*first);
        };
        if is_ended {
            searched.histories += 1;
            let mut judged = check(&play);
            if ends.insert(play.end()) {
                judged = judged.and_then(|()| serial.explain(scene, stage, &play));
            }
            judged.map_err(|what| Box::new(Violation { schedule, what }))?;
        }
    }
    searched.states = seen.0.len();
    searched.ends = ends.len();
    Ok(searched)
}

/// A beginning of a history that is still to be played on.
#[derive(Default)]
struct Branch {
    schedule: Vec<usize>,
    /// Who need not go next: what came of it is or will be reached by another branch.
    asleep: BTreeSet<usize>,
}

/// Which schedules are played call by call: of those that differ only in the order of calls between
/// two commits, the one in which whoever commits next calls last.
///
/// Calls between two commits are answered alike in every order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Course {
    /// Anybody may go next.
    Free,
    /// This one has made calls since the last commit.
    Quiet(usize),
    /// This one goes on until it has committed or ended.
    Bound(usize),
}

impl Course {
    fn choices(self, scene: &Scene, play: &Play<'_>) -> Vec<usize> {
        match (scene.stops, self) {
            (Stops::Calls, Self::Bound(requester)) => vec![requester],
            _ => play.under_way(),
        }
    }

    fn step(self, play: &mut Play<'_>, requester: usize) -> Self {
        let is_commit = play.is_about_to_commit(requester);
        play.step(requester);
        if is_commit || play.stops() == Stops::Decisions || !play.is_under_way(requester) {
            return Self::Free;
        }
        match self {
            Self::Free => Self::Quiet(requester),
            Self::Quiet(before) if before == requester => self,
            Self::Quiet(_) | Self::Bound(_) => Self::Bound(requester),
        }
    }

    fn state(self, play: &Play<'_>) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self, play.fingerprint()).hash(&mut hasher);
        hasher.finish()
    }
}

/// The states that were reached, and who has not made the next step there.
#[derive(Default)]
struct Seen(HashMap<u64, BTreeSet<usize>>);

impl Seen {
    /// Who is to make the next step in this state; none when all of it was seen before.
    fn awake(
        &mut self,
        state: u64,
        choices: &[usize],
        asleep: &BTreeSet<usize>,
    ) -> Option<Vec<usize>> {
        let Some(left) = self.0.get_mut(&state) else {
            self.0.insert(state, asleep.clone());
            return Some(choices.iter().copied().filter(|one| !asleep.contains(one)).collect());
        };
        let awake: Vec<usize> = left.difference(asleep).copied().collect();
        left.retain(|one| asleep.contains(one));
        (!awake.is_empty()).then_some(awake)
    }
}

/// Those of `others` whose step may come before that of `next` or after it with the same effect.
///
/// Decision by decision, steps that commit nothing do not disturb each other. Call by call, the
/// course sees to that.
fn stay_asleep(
    scene: &Scene,
    play: &Play<'_>,
    others: &BTreeSet<usize>,
    next: usize,
) -> BTreeSet<usize> {
    if scene.stops == Stops::Calls || play.is_about_to_commit(next) {
        return BTreeSet::new();
    }
    let quiet = |one: &usize| *one != next && !play.is_about_to_commit(*one);
    others.iter().copied().filter(quiet).collect()
}

/// The outcomes of the orders that were asked for.
#[derive(Default)]
struct Serial {
    outcomes: BTreeMap<Vec<usize>, Outcome>,
    last: Option<Vec<usize>>,
}

impl Serial {
    fn explain(&mut self, scene: &Scene, stage: &Stage, play: &Play<'_>) -> Result<(), String> {
        let orders = scene.orders();
        let allowed: Vec<&Vec<usize>> =
            orders.iter().filter(|order| play.allows(&scene.numbers(order))).collect();
        let outcome = play.outcome();
        // The order that explained the history before explains this one more often than not.
        let last = self.last.take();
        let first = allowed.iter().filter(|order| last.as_ref() == Some(**order));
        for order in first.chain(&allowed) {
            if *self.of(scene, stage, order) == outcome {
                self.last = Some((*order).clone());
                return Ok(());
            }
        }
        Err(self.differences(&allowed, &outcome))
    }

    fn of(&mut self, scene: &Scene, stage: &Stage, order: &[usize]) -> &Outcome {
        self.outcomes.entry(order.to_vec()).or_insert_with(|| scene.serial(stage, order))
    }

    /// What differs from the order that comes closest.
    fn differences(&self, allowed: &[&Vec<usize>], outcome: &Outcome) -> String {
        let unlike = |order: &[usize]| {
            let serial = self.outcomes.get(order)?;
            let pairs = outcome.0.iter().zip(&serial.0).filter(|(one, other)| one != other);
            Some(pairs.map(|(one, other)| format!("{one} | {other}")).collect::<Vec<_>>())
        };
        let all = allowed.iter().filter_map(|order| Some((unlike(order)?, *order)));
        let closest = all.min_by_key(|(differences, _)| differences.len());
        closest.map_or_else(
            || "no order is possible".to_owned(),
            |(differences, order)| format!("against order {order:?}: {}", differences.join("; ")),
        )
    }
}
