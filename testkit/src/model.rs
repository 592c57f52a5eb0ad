//! The plain model: a list of records, walked from end to end for every answer.
//!
//! Owns what `spec/tokens.md` says in sections 0 to 3, with the product's deliberate differences:
//! ends are rounded up to the second, and what a bulk invalidation covers counts as invalidated
//! whether it had expired or not. It knows no cutoffs, no census and no rows.

use std::collections::BTreeMap;

use crate::ask::Answer;

/// A user of a realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub username: String,
    /// The realm.
    pub realm: String,
}

/// The number of a record, in the order of grants.
pub type RecordNumber = usize;

/// What an access token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It opens the door.
    Valid,
    /// It expired or was invalidated.
    Ended,
    /// There is no such token any more.
    Unknown,
}

/// Which records a bulk invalidation names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Only those of this name.
    pub username: Option<String>,
    /// Only those of this realm.
    pub realm: Option<String>,
}

/// Which half of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichHalf {
    /// The access half.
    Access,
    /// The refresh half.
    Refresh,
}

/// What a refresh comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// A new record.
    Anew(RecordNumber),
    /// The strings of this record again.
    Again(RecordNumber),
    /// The text of a refusal.
    Refused(&'static str),
}

/// Every record that ever was, and how long access tokens live.
#[derive(Clone, Debug)]
pub struct Model {
    records: Vec<Record>,
    access_lifetime_ms: i64,
    marks: BTreeMap<i64, i64>,
}

#[derive(Clone, Debug)]
struct Record {
    created_ms: i64,
    subject: Person,
    owner: Person,
    access: Half,
    refresh: Option<Half>,
    refreshed: Option<(i64, RecordNumber)>,
    is_removed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Half {
    end_ms: i64,
    is_invalidated: bool,
}

impl Half {
    const fn is_live(self, now_ms: i64) -> bool {
        !self.is_invalidated && now_ms <= self.end_ms
    }
}

impl Model {
    /// Nothing was granted yet.
    pub const fn new(access_lifetime_ms: i64) -> Self {
        Self { records: Vec::new(), access_lifetime_ms, marks: BTreeMap::new() }
    }

    /// How many records there ever were.
    pub const fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether nothing was granted yet.
    pub const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Access tokens made from now on live this long. What is marked for removal is forgotten.
    pub fn restart(&mut self, access_lifetime_ms: i64) {
        self.access_lifetime_ms = access_lifetime_ms;
        self.marks.clear();
    }

    /// A grant makes a record.
    pub fn issue(
        &mut self,
        now_ms: i64,
        owner: Person,
        subject: Person,
        with_refresh: bool,
    ) -> RecordNumber {
        let half =
            |lifetime_ms| Half { end_ms: second_up(now_ms + lifetime_ms), is_invalidated: false };
        self.records.push(Record {
            created_ms: now_ms,
            subject,
            owner,
            access: half(self.access_lifetime_ms),
            refresh: with_refresh.then(|| half(DAY_MS)),
            refreshed: None,
            is_removed: false,
        });
        self.records.len() - 1
    }

    /// For whom a record is.
    pub fn subject(&self, number: RecordNumber) -> Option<&Person> {
        self.records.get(number).map(|record| &record.subject)
    }

    /// Whether an access token opens the door (3.2).
    pub fn verdict(&self, number: RecordNumber, now_ms: i64) -> Verdict {
        match self.stored(number, now_ms) {
            None => Verdict::Unknown,
            Some(record) if record.access.is_live(now_ms) => Verdict::Valid,
            Some(_) => Verdict::Ended,
        }
    }

    /// A refresh by `client` (3.3 to 3.5).
    pub fn refresh(&mut self, number: RecordNumber, now_ms: i64, client: &Person) -> Refreshed {
        let Some((record, half)) =
            self.stored(number, now_ms).and_then(|record| Some((record, record.refresh?)))
        else {
            return Refreshed::Refused("could not refresh the requested token");
        };
        if now_ms > half.end_ms {
            return Refreshed::Refused("token document has expired");
        }
        if half.is_invalidated {
            return Refreshed::Refused("token has been invalidated");
        }
        if record.owner != *client {
            return Refreshed::Refused("tokens must be refreshed by the creating client");
        }
        match record.refreshed {
            Some((at_ms, _)) if now_ms - at_ms > WINDOW_MS => Refreshed::Refused(
                "token has already been refreshed more than 30 seconds in the past",
            ),
            Some((_, successor)) => Refreshed::Again(successor),
            None => {
                let subject = record.subject.clone();
                let successor = self.issue(now_ms, client.clone(), subject, true);
                if let Some(record) = self.records.get_mut(number) {
                    record.refreshed = Some((now_ms, successor));
                }
                Refreshed::Anew(successor)
            }
        }
    }

    /// An invalidation by a token's string (2.3).
    pub fn invalidate(&mut self, number: RecordNumber, half: WhichHalf, now_ms: i64) -> Answer {
        if self.stored(number, now_ms).is_none() {
            return Answer::NoSuchToken;
        }
        let record = self.records.get_mut(number);
        let half = record.and_then(|record| match half {
            WhichHalf::Access => Some(&mut record.access),
            WhichHalf::Refresh => record.refresh.as_mut(),
        });
        let Some(half) = half else { return Answer::NoSuchToken };
        let was_invalidated = std::mem::replace(&mut half.is_invalidated, true);
        if was_invalidated { Answer::counted(0, 1) } else { Answer::counted(1, 0) }
    }

    /// An invalidation by user name and realm (2.4).
    pub fn invalidate_all(&mut self, named: &Named, now_ms: i64) -> Answer {
        let (mut invalidated, mut previously) = (0, 0);
        for record in &mut self.records {
            if record.is_removed || !named.names(&record.subject) {
                continue;
            }
            let halves = || [Some(record.access), record.refresh].into_iter().flatten();
            if halves().any(|half| half.is_live(now_ms)) {
                invalidated += halves().map(|half| u64::from(!half.is_invalidated)).sum::<u64>();
                previously += halves().map(|half| u64::from(half.is_invalidated)).sum::<u64>();
            }
            record.access.is_invalidated = true;
            if let Some(refresh) = &mut record.refresh {
                refresh.is_invalidated = true;
            }
        }
        Answer::Counted { invalidated, previously }
    }

    /// A round of clean-up: the hours whose records are now gone (3.6, an hour at a time).
    ///
    /// An hour is marked once the youngest record that it can hold is a day old, and its records
    /// are removed in a round at least an hour after that.
    pub fn clean_up(&mut self, now_ms: i64, boot_ms: i64) -> Vec<i64> {
        let mut removed = Vec::new();
        for record in &mut self.records {
            let hour = record.created_ms / HOUR_MS;
            if record.is_removed || now_ms < (hour + 1) * HOUR_MS + DAY_MS {
                continue;
            }
            let marked_ms = *self.marks.entry(hour).or_insert(boot_ms);
            if boot_ms - marked_ms >= HOUR_MS {
                record.is_removed = true;
                removed.push(hour);
            }
        }
        removed.dedup();
        self.marks.retain(|hour, _| !removed.contains(hour));
        removed
    }

    /// The record, unless it is removed or so old that nobody looks for it any more.
    fn stored(&self, number: RecordNumber, now_ms: i64) -> Option<&Record> {
        let record = self.records.get(number)?;
        let is_sought = now_ms - record.created_ms <= SOUGHT_MS;
        (is_sought && !record.is_removed).then_some(record)
    }
}

impl Person {
    /// The user of this realm.
    pub fn new(username: &str, realm: &str) -> Self {
        Self { username: username.to_owned(), realm: realm.to_owned() }
    }
}

impl Named {
    /// Whether it names the records of this person.
    pub fn names(&self, person: &Person) -> bool {
        self.username.as_ref().is_none_or(|name| *name == person.username)
            && self.realm.as_ref().is_none_or(|realm| *realm == person.realm)
    }
}

const fn second_up(ms: i64) -> i64 {
    (ms + 999) / 1000 * 1000
}

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;
const WINDOW_MS: i64 = 30_000;

/// A token older than this is unknown, cleaned up or not: two days, an hour and a minute.
const SOUGHT_MS: i64 = 2 * DAY_MS + HOUR_MS + 60_000;
