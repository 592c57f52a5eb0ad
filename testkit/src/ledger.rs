//! What clients of a life know for sure: which tokens must be good, and which must never be again.
//!
//! Owns the bookkeeping of requests that overlap. Of what was answered it is sure; of what was not,
//! it knows only that it may have been done between its beginning and its end. Must not look at the
//! store.

use crate::ask::Answer;
use crate::model::{Named, Person};

/// A moment in the order in which requests begin and end.
pub type Moment = u64;

/// The number of a pair, in the order in which clients got to know them.
pub type PairNumber = usize;

/// A pair that a client was given.
#[derive(Clone, Debug)]
pub struct KnownPair {
    /// The access token.
    pub access: String,
    /// The refresh token, where there is one.
    pub refresh: Option<String>,
    subject: Person,
    /// When the grant of its session began and was answered.
    session: (Moment, Moment),
    /// The first and the last instant at which the access token can end.
    access_end_ms: (i64, i64),
    refresh_end_ms: i64,
    access_half: HalfKnown,
    refresh_half: HalfKnown,
    successor: Option<(String, Option<String>)>,
    refreshes_begun: usize,
}

/// What is known of the end of one half.
#[derive(Clone, Copy, Debug, Default)]
struct HalfKnown {
    is_end_begun: bool,
    end_answered: Option<Moment>,
}

#[derive(Clone, Debug)]
struct Bulk {
    named: Named,
    begun: Moment,
    ended: Option<Moment>,
    is_answered: bool,
}

/// A request that has begun.
#[derive(Clone, Debug)]
pub struct Begun {
    moment: Moment,
    now_ms: i64,
    deed: Deed,
}

/// What is asked for, by what it is about.
#[derive(Clone, Debug)]
pub enum Deed {
    /// A pair for this person.
    Grant(Person),
    /// A new pair for a refresh token.
    Refresh(PairNumber),
    /// The end of an access token.
    EndAccess(PairNumber),
    /// The end of a refresh token.
    EndRefresh(PairNumber),
    /// The end of everything that is named.
    EndAll(Named),
    /// The use of an access token.
    Use(PairNumber),
}

/// Everything that is known.
#[derive(Debug, Default)]
pub struct Ledger {
    moment: Moment,
    pairs: Vec<KnownPair>,
    bulks: Vec<Bulk>,
    access_lifetime_ms: i64,
}

impl Ledger {
    /// Nothing is known yet.
    pub fn new(access_lifetime_ms: i64) -> Self {
        Self { access_lifetime_ms, ..Self::default() }
    }

    /// The pairs, in the order in which they became known.
    pub fn pairs(&self) -> &[KnownPair] {
        &self.pairs
    }

    /// Notes that a request begins.
    pub fn begin(&mut self, deed: Deed, now_ms: i64) -> Begun {
        self.moment += 1;
        let moment = self.moment;
        match &deed {
            Deed::EndAll(named) => self.bulks.push(Bulk {
                named: named.clone(),
                begun: moment,
                ended: None,
                is_answered: false,
            }),
            Deed::EndAccess(number) => self.change(*number, |pair| {
                pair.access_half.is_end_begun = true;
            }),
            Deed::EndRefresh(number) => self.change(*number, |pair| {
                pair.refresh_half.is_end_begun = true;
            }),
            Deed::Refresh(number) => self.change(*number, |pair| pair.refreshes_begun += 1),
            Deed::Grant(_) | Deed::Use(_) => {}
        }
        Begun { moment, now_ms, deed }
    }

    /// Takes the answer of a request; says what about it cannot be.
    pub fn end(&mut self, begun: &Begun, answer: &Answer, now_ms: i64) -> Result<(), String> {
        self.moment += 1;
        let is_answered = matches!(answer, Answer::Counted { .. });
        let ended = is_answered.then_some(self.moment);
        match &begun.deed {
            Deed::Grant(subject) => {
                if let Answer::Granted { access, refresh } = answer {
                    let session = (begun.moment, self.moment);
                    let strings = (access.clone(), refresh.clone());
                    self.learn(strings, subject.clone(), session, (begun.now_ms, now_ms));
                }
                Ok(())
            }
            Deed::EndAll(_) => {
                let moment = self.moment;
                let open = self.bulks.iter_mut().find(|bulk| bulk.begun == begun.moment);
                if let Some(bulk) = open {
                    bulk.ended = Some(moment);
                    bulk.is_answered = is_answered;
                }
                Ok(())
            }
            Deed::EndAccess(number) => {
                self.change(*number, |pair| note(&mut pair.access_half, ended));
                Ok(())
            }
            Deed::EndRefresh(number) => {
                self.change(*number, |pair| note(&mut pair.refresh_half, ended));
                Ok(())
            }
            Deed::Use(number) => self.judge_use(*number, begun, answer, now_ms),
            Deed::Refresh(number) => self.judge_refresh(*number, begun, answer, now_ms),
        }
    }

    /// Notes that nobody waits for an answer any more.
    pub fn crash(&mut self) {
        self.moment += 1;
        for bulk in self.bulks.iter_mut().filter(|bulk| bulk.ended.is_none()) {
            bulk.ended = Some(self.moment);
        }
    }

    fn judge_use(
        &self,
        number: PairNumber,
        begun: &Begun,
        answer: &Answer,
        now_ms: i64,
    ) -> Result<(), String> {
        let Some(pair) = self.pairs.get(number) else { return Ok(()) };
        let (first_ms, last_ms) = pair.access_end_ms;
        let is_dead = self.is_dead(pair, pair.access_half, begun.moment) || begun.now_ms > last_ms;
        let is_alive = self.is_alive(pair, pair.access_half) && now_ms <= first_ms;
        match answer {
            Answer::Known(_) if is_dead => Err(format!("pair {number} is accepted after its end")),
            Answer::Known(name) if *name != pair.subject.username => {
                Err(format!("pair {number} is taken for {name}"))
            }
            Answer::Known(_) | Answer::Undecided(_) => Ok(()),
            _ if is_alive => Err(format!("pair {number} is lost: {answer:?}")),
            _ => Ok(()),
        }
    }

    fn judge_refresh(
        &mut self,
        number: PairNumber,
        begun: &Begun,
        answer: &Answer,
        now_ms: i64,
    ) -> Result<(), String> {
        let Some(pair) = self.pairs.get(number).cloned() else { return Ok(()) };
        let is_dead = self.is_dead(&pair, pair.refresh_half, begun.moment)
            || begun.now_ms > pair.refresh_end_ms + SECOND_MS;
        let is_fresh = pair.refreshes_begun == 1
            && self.is_alive(&pair, pair.refresh_half)
            && now_ms <= pair.refresh_end_ms;
        let Answer::Granted { access, refresh } = answer else {
            let is_refused = !matches!(answer, Answer::Undecided(_));
            return if is_refused && is_fresh {
                Err(format!("the refresh token of pair {number} is lost: {answer:?}"))
            } else {
                Ok(())
            };
        };
        if is_dead {
            return Err(format!("the refresh token of pair {number} is accepted after its end"));
        }
        let strings = (access.clone(), refresh.clone());
        match &pair.successor {
            Some(before) if *before != strings => {
                Err(format!("the refresh token of pair {number} has two successors"))
            }
            Some(_) => Ok(()),
            None => {
                self.change(number, |pair| pair.successor = Some(strings.clone()));
                // It may have been made by an earlier request whose answer was lost.
                let made_ms = (begun.now_ms - WINDOW_MS, now_ms);
                self.learn(strings, pair.subject, pair.session, made_ms);
                Ok(())
            }
        }
    }

    fn learn(
        &mut self,
        (access, refresh): (String, Option<String>),
        subject: Person,
        session: (Moment, Moment),
        (first_ms, last_ms): (i64, i64),
    ) {
        let lifetime_ms = self.access_lifetime_ms;
        self.pairs.push(KnownPair {
            access,
            refresh,
            subject,
            session,
            access_end_ms: (first_ms + lifetime_ms, last_ms + lifetime_ms + SECOND_MS),
            refresh_end_ms: first_ms + DAY_MS,
            access_half: HalfKnown::default(),
            refresh_half: HalfKnown::default(),
            successor: None,
            refreshes_begun: 0,
        });
    }

    /// Whether the half had surely ended when something began.
    fn is_dead(&self, pair: &KnownPair, half: HalfKnown, begun: Moment) -> bool {
        let covers = |bulk: &&Bulk| bulk.named.names(&pair.subject);
        let is_over = |bulk: &Bulk| {
            bulk.is_answered
                && bulk.ended.is_some_and(|ended| ended < begun)
                && pair.session.1 < bulk.begun
        };
        half.end_answered.is_some_and(|ended| ended < begun)
            || self.bulks.iter().filter(covers).any(is_over)
    }

    /// Whether nothing that was ever begun can have ended the half.
    fn is_alive(&self, pair: &KnownPair, half: HalfKnown) -> bool {
        let may_cover = |bulk: &Bulk| {
            bulk.named.names(&pair.subject) && bulk.ended.is_none_or(|ended| ended > pair.session.0)
        };
        !half.is_end_begun && !self.bulks.iter().any(may_cover)
    }

    fn change(&mut self, number: PairNumber, act: impl FnOnce(&mut KnownPair)) {
        if let Some(pair) = self.pairs.get_mut(number) {
            act(pair);
        }
    }
}

/// The first answer counts.
fn note(half: &mut HalfKnown, ended: Option<Moment>) {
    half.end_answered = half.end_answered.or(ended);
}

const SECOND_MS: i64 = 1000;
const WINDOW_MS: i64 = 30_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
