//! What a query asks of a single term.
//!
//! Owns the tests and what they tell an index about where fitting terms can stand. Must not know
//! fields.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use core::ops::Bound;
use core::str::Chars;

use crate::privilege::wildcard;

/// What a query asks of a term.
#[derive(Clone, Debug, PartialEq)]
pub enum TermTest {
    /// It is one of these.
    OneOf(BTreeSet<Box<str>>),
    /// It is this, upper and lower case of ASCII letters being alike.
    Alike(Box<str>),
    /// It begins so.
    Beginning(Box<str>, Case),
    /// It fits a pattern with wildcards.
    Pattern(Box<str>, Case),
    /// It stands between two texts.
    Between(Bound<Box<str>>, Bound<Box<str>>),
    /// Few edits make it of another.
    Near(Near),
    /// It is there.
    Any,
}

/// Whether upper and lower case of ASCII letters differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// They do.
    Kept,
    /// They do not. The text of the test is in lower case.
    Ignored,
}

/// A text that a term may differ from by a few characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// The text.
    pub text: Box<str>,
    /// How many insertions, deletions, replacements or swaps of neighbours: two at most.
    pub edits: u8,
    /// How many characters at the beginning must be the same.
    pub same: usize,
}

/// Where terms that pass a test can stand among ordered ones.
#[derive(Clone, Debug, PartialEq)]
pub enum Reach<'q> {
    /// These, no others.
    Texts(&'q BTreeSet<Box<str>>),
    /// Among those that begin so.
    Beginning(String),
    /// Between these.
    Between(Bound<&'q str>, Bound<&'q str>),
    /// Anywhere.
    Everywhere,
}

impl TermTest {
    /// That it is this text.
    pub(super) fn is(text: &str) -> Self {
        Self::OneOf([text.into()].into_iter().collect())
    }

    /// That it is this text, with or without regard to case.
    pub(super) fn same(text: &str, case: Case) -> Self {
        match case {
            Case::Kept => Self::is(text),
            Case::Ignored => Self::Alike(text.into()),
        }
    }

    /// That it begins so.
    pub(super) fn beginning(text: &str, case: Case) -> Self {
        Self::Beginning(cased(text, case), case)
    }

    /// That it fits a pattern.
    pub(super) fn pattern(text: &str, case: Case) -> Self {
        Self::Pattern(cased(text, case), case)
    }

    /// Whether a term passes, unless that takes more than `steps`; counts them down.
    pub fn passes_within(&self, term: &str, steps: &mut usize) -> Option<bool> {
        spend(steps, term.len().wrapping_div(BYTES_A_STEP).saturating_add(1))?;
        Some(match self {
            Self::OneOf(texts) => texts.contains(term),
            Self::Alike(text) => text.eq_ignore_ascii_case(term),
            Self::Beginning(text, Case::Kept) => term.starts_with(text.as_ref()),
            Self::Beginning(text, Case::Ignored) => {
                let head = term.as_bytes().get(..text.len());
                head.is_some_and(|head| head.eq_ignore_ascii_case(text.as_bytes()))
            }
            Self::Pattern(pattern, Case::Kept) => wildcard::matches_within(pattern, term, steps)?,
            Self::Pattern(pattern, Case::Ignored) => {
                wildcard::matches_within(pattern, &term.to_ascii_lowercase(), steps)?
            }
            Self::Between(lower, upper) => {
                let is_above = match lower {
                    Bound::Included(lower) => lower.as_ref() <= term,
                    Bound::Excluded(lower) => lower.as_ref() < term,
                    Bound::Unbounded => true,
                };
                is_above
                    && match upper {
                        Bound::Included(upper) => term <= upper.as_ref(),
                        Bound::Excluded(upper) => term < upper.as_ref(),
                        Bound::Unbounded => true,
                    }
            }
            Self::Near(near) => near.passes_within(term, steps)?,
            Self::Any => true,
        })
    }

    /// Where terms that pass can stand.
    pub fn reach(&self) -> Reach<'_> {
        match self {
            Self::OneOf(texts) => Reach::Texts(texts),
            Self::Beginning(text, Case::Kept) => Reach::Beginning(String::from(text.as_ref())),
            Self::Pattern(pattern, Case::Kept) => Reach::Beginning(literal_start(pattern)),
            Self::Between(lower, upper) => {
                Reach::Between(lower.as_ref().map(AsRef::as_ref), upper.as_ref().map(AsRef::as_ref))
            }
            Self::Near(near) => Reach::Beginning(near.text.chars().take(near.same).collect()),
            Self::Alike(_)
            | Self::Beginning(_, Case::Ignored)
            | Self::Pattern(_, Case::Ignored)
            | Self::Any => Reach::Everywhere,
        }
    }
}

impl Near {
    fn passes_within(&self, term: &str, steps: &mut usize) -> Option<bool> {
        let same = |text: &str| text.chars().take(self.same).eq(term.chars().take(self.same));
        Some(same(&self.text) && is_within(self.text.chars(), term.chars(), self.edits, steps)?)
    }
}

/// Takes so many steps, if they are left.
pub(super) fn spend(steps: &mut usize, wanted: usize) -> Option<()> {
    *steps = steps.checked_sub(wanted)?;
    Some(())
}

fn cased(text: &str, case: Case) -> Box<str> {
    match case {
        Case::Kept => text.into(),
        Case::Ignored => text.to_ascii_lowercase().into(),
    }
}

/// What every text that fits a pattern begins with.
fn literal_start(pattern: &str) -> String {
    let mut start = String::new();
    let mut rest = pattern.chars();
    while let Some(char) = rest.next() {
        match char {
            '*' | '?' => break,
            '\\' => start.push(rest.next().unwrap_or(char)),
            literal => start.push(literal),
        }
    }
    start
}

/// Whether so many edits at most make one text of the other, unless that takes more steps. The work
/// grows fourfold by each edit, and edits are few.
fn is_within(
    mut left: Chars<'_>,
    mut right: Chars<'_>,
    edits: u8,
    steps: &mut usize,
) -> Option<bool> {
    loop {
        spend(steps, 1)?;
        let (mut left_rest, mut right_rest) = (left.clone(), right.clone());
        let (left_char, right_char) = (left_rest.next(), right_rest.next());
        if left_char != right_char {
            let Some(fewer) = edits.checked_sub(1) else { return Some(false) };
            let (mut left_third, mut right_third) = (left_rest.clone(), right_rest.clone());
            let is_swap = left_char.is_some()
                && left_char == right_third.next()
                && right_char == left_third.next();
            return Some(
                is_within(left_rest.clone(), right_rest.clone(), fewer, steps)?
                    || is_within(left_rest, right, fewer, steps)?
                    || is_within(left, right_rest, fewer, steps)?
                    || is_swap && is_within(left_third, right_third, fewer, steps)?,
            );
        }
        if left_char.is_none() {
            return Some(true);
        }
        (left, right) = (left_rest, right_rest);
    }
}

/// Bytes of a term that are looked at in one step.
const BYTES_A_STEP: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted_and_neighbours_may_swap() {
        let near = |text: &str, term: &str| {
            let mut steps = 1_000;
            (0..=2).find(|edits| is_within(text.chars(), term.chars(), *edits, &mut steps).unwrap())
        };
        assert_eq!(near("jane", "jane"), Some(0));
        assert_eq!(near("jane", "jnae"), Some(1));
        assert_eq!(near("jane", "jan"), Some(1));
        assert_eq!(near("jane", "ajane"), Some(1));
        assert_eq!(near("jane", "june"), Some(1));
        assert_eq!(near("jane", "juno"), Some(2));
        assert_eq!(near("jane", "bob"), None);
        assert_eq!(near("", "ab"), Some(2));
    }

    #[test]
    fn a_beginning_that_must_be_the_same_is() {
        let near = |same| Near { text: "jane".into(), edits: 1, same };
        let passes = |same, term| near(same).passes_within(term, &mut 1_000).unwrap();
        assert!(passes(0, "bane") && passes(2, "jake") && !passes(2, "june"));
    }

    #[test]
    fn case_is_that_of_ascii() {
        let passes = |test: TermTest, term| test.passes_within(term, &mut 1_000).unwrap();
        assert!(passes(TermTest::beginning("JA", Case::Ignored), "jane"));
        assert!(!passes(TermTest::beginning("JA", Case::Kept), "jane"));
        assert!(passes(TermTest::pattern("J*E", Case::Ignored), "jane"));
        assert!(passes(TermTest::same("\u{c9}", Case::Ignored), "\u{c9}"));
        assert!(!passes(TermTest::same("\u{c9}", Case::Ignored), "\u{e9}"));
    }

    #[test]
    fn a_pattern_reaches_what_begins_as_it_does() {
        let reach = |pattern: &str| TermTest::pattern(pattern, Case::Kept).reach().clone_text();
        assert_eq!(reach("ja*"), "ja");
        assert_eq!(reach("j\\*a?"), "j*a");
        assert_eq!(reach("*a"), "");
    }

    impl Reach<'_> {
        fn clone_text(&self) -> String {
            let Self::Beginning(text) = self else { panic!("{self:?}") };
            text.clone()
        }
    }
}
