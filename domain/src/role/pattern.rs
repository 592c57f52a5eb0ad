//! Patterns of names: with wildcards, or between slashes a regular expression.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;

use thiserror::Error;

use super::automaton::{Automaton, RegexRefusal};
use super::coverage::{Effort, TooComplex};
use crate::privilege::wildcard;

/// A pattern that names fit or do not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Wildcard(String),
    Regex(Automaton),
}

/// Why a pattern is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternRefusal {
    /// It begins with a slash and does not end with one.
    #[error("invalid pattern [{0}]: a regular expression begins and ends with a slash")]
    Unclosed(String),
    /// Its regular expression cannot be read.
    #[error("invalid pattern [{0}]: the regular expression is malformed")]
    Malformed(String),
    /// Its regular expression uses an operator that is not supported.
    #[error("invalid pattern [{pattern}]: the operator [{operator}] is not supported")]
    Unsupported {
        /// The pattern.
        pattern: String,
        /// The operator.
        operator: char,
    },
    /// Its regular expression is too large.
    #[error("invalid pattern [{0}]: the regular expression is too large")]
    TooLarge(String),
}

impl NamePattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, PatternRefusal> {
        let Some(open) = text.strip_prefix('/') else {
            return Ok(Self(Kind::Wildcard(text.to_owned())));
        };
        let regex = open.strip_suffix('/').ok_or_else(|| PatternRefusal::Unclosed(text.into()))?;
        let compiled = Automaton::of_regex(regex).map_err(|refusal| match refusal {
            RegexRefusal::Malformed => PatternRefusal::Malformed(text.into()),
            RegexRefusal::Unsupported(operator) => {
                PatternRefusal::Unsupported { pattern: text.into(), operator }
            }
            RegexRefusal::TooLarge => PatternRefusal::TooLarge(text.into()),
        })?;
        Ok(Self(Kind::Regex(compiled)))
    }

    /// How large it is: bounds the work to read it and that for one character of a name, and the
    /// memory it takes.
    pub fn size(&self) -> usize {
        match &self.0 {
            Kind::Wildcard(pattern) => pattern.len(),
            Kind::Regex(regex) => regex.size(),
        }
    }

    /// As [`Self::size`] of a regular expression; a wildcard costs nothing beyond its text.
    pub(super) fn regex_size(&self) -> usize {
        match &self.0 {
            Kind::Wildcard(_) => 0,
            Kind::Regex(regex) => regex.size(),
        }
    }

    /// Whether all of `name` fits.
    pub fn matches(&self, name: &str) -> bool {
        match &self.0 {
            Kind::Wildcard(pattern) => wildcard::matches(pattern, name),
            Kind::Regex(regex) => regex.matches(name),
        }
    }

    /// Whether all of `name` fits, unless that takes more than `steps`; counts them down.
    pub(crate) fn matches_within(&self, name: &str, steps: &mut usize) -> Option<bool> {
        match &self.0 {
            Kind::Wildcard(pattern) => wildcard::matches_within(pattern, name, steps),
            Kind::Regex(regex) => regex.matches_within(name, steps),
        }
    }

    /// The only name that fits, if it can be told from the form of the pattern.
    pub(super) fn literal(&self) -> Option<&str> {
        match &self.0 {
            Kind::Wildcard(pattern) => wildcard::is_literal(pattern).then_some(pattern),
            Kind::Regex(_) => None,
        }
    }

    /// How much work it is at most to tell whether `name` fits, beyond reading it once.
    pub(super) fn work(&self, name: &str) -> usize {
        match &self.0 {
            Kind::Wildcard(pattern) => wildcard::work(pattern, name),
            Kind::Regex(regex) => regex.len().saturating_mul(name.len()).saturating_add(1),
        }
    }

    /// How much work [`Self::plainly_covers`] is at most.
    pub(super) fn work_of_covering(&self, other: &Self) -> usize {
        match (&self.0, &other.0) {
            (Kind::Wildcard(general), Kind::Wildcard(special)) => wildcard::work(general, special),
            (Kind::Wildcard(_) | Kind::Regex(_), Kind::Wildcard(_) | Kind::Regex(_)) => 1,
        }
    }

    /// Whether it covers all that `other` fits, as far as that can be told from their texts.
    pub(super) fn plainly_covers(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Wildcard(general), Kind::Wildcard(special)) => {
                wildcard::plainly_covers(general, special)
            }
            (Kind::Wildcard(general), Kind::Regex(_)) => general == "*",
            (Kind::Regex(general), Kind::Regex(special)) => general == special,
            (Kind::Regex(_), Kind::Wildcard(_)) => false,
        }
    }

    /// Whether some name may fit this pattern and that wildcard, as far as their beginnings tell.
    pub(super) fn may_meet_wildcard(&self, other: &str) -> bool {
        match &self.0 {
            Kind::Wildcard(pattern) => wildcard::may_meet(pattern, other),
            Kind::Regex(_) => true,
        }
    }

    /// Whether some name may fit both patterns, as far as their beginnings tell.
    pub(super) fn may_meet(&self, other: &Self) -> bool {
        match &other.0 {
            Kind::Wildcard(pattern) => self.may_meet_wildcard(pattern),
            Kind::Regex(_) => true,
        }
    }

    /// Whether it may be that all names that fit begin so, as far as the pattern's beginning tells.
    pub(super) fn may_all_begin_with(&self, beginning: &str) -> bool {
        match &self.0 {
            Kind::Wildcard(pattern) => {
                !pattern.starts_with(['*', '?']) && wildcard::may_meet(pattern, beginning)
            }
            Kind::Regex(_) => true,
        }
    }

    /// Whether some name surely fits.
    pub(super) const fn is_fitted(&self) -> bool {
        matches!(self.0, Kind::Wildcard(_))
    }

    /// Takes what it costs to ask about the pattern.
    pub(super) fn spend(&self, effort: &mut Effort) -> Result<(), TooComplex> {
        match self.literal() {
            Some(_) => effort.spend(1),
            None => effort.spend_on_automaton(self.size()),
        }
    }

    /// The pattern as an automaton.
    pub(super) fn automaton(&self) -> Cow<'_, Automaton> {
        match &self.0 {
            Kind::Wildcard(pattern) => Cow::Owned(Automaton::of_wildcard(pattern)),
            Kind::Regex(regex) => Cow::Borrowed(regex),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn check(pattern: &str, name: &str, wanted: bool) {
        assert_eq!(NamePattern::parse(pattern).unwrap().matches(name), wanted, "{pattern} {name}");
    }

    #[test]
    fn a_pattern_is_a_wildcard_or_between_slashes_a_regular_expression() {
        check("ann", "ann", true);
        check("a*", "bob", false);
        check("/a.*/", "ann", true);
        check("/a.*/", "/a.*/", false);
        check("a/b*/", "a/bc/", true);
        check("//", "", true);
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_refused() {
        let refused = |text: &str| NamePattern::parse(text).unwrap_err().to_string();
        assert_eq!(
            refused("/a"),
            "invalid pattern [/a]: a regular expression begins and ends with a slash"
        );
        assert_eq!(refused("/"), refused("/a").replace("/a", "/"));
        assert_eq!(
            refused("/a<1-9>/"),
            "invalid pattern [/a<1-9>/]: the operator [<] is not supported"
        );
        assert_eq!(refused("/(/"), "invalid pattern [/(/]: the regular expression is malformed");
    }
}
