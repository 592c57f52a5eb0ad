//! Patterns with wildcards.
//!
//! `*` is any text, `?` any one character, and `\` takes the next character literally.
//! Matching allocates nothing and takes at most the product of both lengths.

use core::str::Chars;

/// Whether all of `text` fits `pattern`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut unbounded = usize::MAX;
    matches_within(pattern, text, &mut unbounded).unwrap_or(false)
}

/// Whether all of `text` fits `pattern`, unless that takes more than `steps`; counts them down.
pub(crate) fn matches_within(pattern: &str, text: &str, steps: &mut usize) -> Option<bool> {
    let mut pattern = pattern.chars();
    let mut text = text.chars();
    // Where to go on when a character does not fit: behind the last `*`, which takes one more.
    let mut resume: Option<(Chars<'_>, Chars<'_>)> = None;
    loop {
        *steps = steps.checked_sub(1)?;
        let mut rest = pattern.clone();
        let token = next_token(&mut rest);
        if token == Some(Token::AnyText) {
            resume = Some((rest.clone(), text.clone()));
            pattern = rest;
            continue;
        }
        let mut text_rest = text.clone();
        match (token, text_rest.next()) {
            (None, None) => return Some(true),
            (Some(_), None) => return Some(false),
            (Some(token), Some(found)) if token.fits(found) => {
                pattern = rest;
                text = text_rest;
            }
            (Some(_) | None, Some(_)) => {
                let Some((pattern_from, text_from)) = &mut resume else {
                    return Some(false);
                };
                text_from.next();
                pattern = pattern_from.clone();
                text = text_from.clone();
            }
        }
    }
}

/// Whether the pattern fits one text only, which is the pattern itself.
pub(crate) fn is_literal(pattern: &str) -> bool {
    !pattern.contains(['*', '?', '\\'])
}

/// Whether `general` covers all that `special` fits, as far as that can be told from their texts: a
/// `*` of the one takes what stands in the other, wildcards included.
pub(crate) fn plainly_covers(general: &str, special: &str) -> bool {
    !general.contains(['?', '\\']) && !special.contains('\\') && matches(general, special)
}

/// Whether some text may fit both patterns, as far as their beginnings tell.
pub(crate) fn may_meet(one: &str, other: &str) -> bool {
    let (one, other) = (beginning(one), beginning(other));
    one.starts_with(other) || other.starts_with(one)
}

/// How much work it is at most to match the text, in [`WORK_UNIT`] steps.
pub(crate) fn work(pattern: &str, text: &str) -> usize {
    let (pattern_bytes, text_bytes) = (pattern.len(), text.len());
    let stars = pattern.split('*').skip(1).filter(|behind| !behind.is_empty()).count();
    let steps = if stars == 0 {
        pattern_bytes.saturating_add(text_bytes)
    } else {
        pattern_bytes.saturating_mul(text_bytes)
    };
    steps.wrapping_div(WORK_UNIT).saturating_add(1)
}

/// What stands before the first wildcard.
fn beginning(pattern: &str) -> &str {
    pattern.split(['*', '?', '\\']).next().unwrap_or_default()
}

/// Steps of matching that are counted as one.
const WORK_UNIT: usize = 64;

/// The parts of a pattern, in order.
pub(crate) fn tokens(pattern: &str) -> impl Iterator<Item = Token> {
    let mut rest = pattern.chars();
    core::iter::from_fn(move || next_token(&mut rest))
}

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// Any text, also none.
    AnyText,
    /// Any one character.
    AnyChar,
    /// This character.
    Literal(char),
}

impl Token {
    fn fits(self, found: char) -> bool {
        match self {
            Self::AnyText | Self::AnyChar => true,
            Self::Literal(wanted) => wanted == found,
        }
    }
}

fn next_token(pattern: &mut Chars<'_>) -> Option<Token> {
    let token = match pattern.next()? {
        '*' => Token::AnyText,
        '?' => Token::AnyChar,
        '\\' => Token::Literal(pattern.next().unwrap_or('\\')),
        literal => Token::Literal(literal),
    };
    Some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn wildcards_fit_any_text_or_any_character() {
        let check = |pattern: &str, text: &str, wanted: bool| {
            assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
        };
        check("cluster:*", "cluster:monitor/main", true);
        check("cluster:*", "cluster", false);
        check("*/get", "a/get/get", true);
        check("*/get", "a/get/gets", false);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-b-b", false);
        check("?b", "ab", true);
        check("?b", "b", false);
        check("\\*", "*", true);
        check("\\*", "a", false);
        check("a\\", "a\\", true);
        check("", "", true);
        check("", "a", false);
        check("**", "", true);
        check("*", "\u{e9}\u{4e2d}", true);
        check("?", "\u{4e2d}", true);
    }

    #[test]
    fn steps_are_used_up_and_never_exceeded() {
        let (mut steps, text) = (1_000, "a".repeat(100));
        assert_eq!(matches_within("a*", &text, &mut steps), Some(true));
        assert!((1..900).contains(&steps), "{steps}");
        assert_eq!(matches_within("*a*a*a*b", &"a".repeat(5_000), &mut steps), None);
        assert_eq!(steps, 0);
    }

    #[test]
    fn a_pattern_plainly_covers_what_its_text_says() {
        for (general, special, wanted) in [
            ("*", "*", true),
            ("*", "a?", true),
            ("a*", "ab*", true),
            ("a*", "*", false),
            ("?", "?", false),
            ("a*", "a\\*", false),
            ("\\*", "*", false),
            ("a", "a", true),
        ] {
            assert_eq!(plainly_covers(general, special), wanted, "{general} {special}");
        }
    }

    #[test]
    fn patterns_that_begin_differently_never_meet() {
        assert!(may_meet("a*", "ab*") && may_meet("*", "x") && may_meet("a\\b", "ac"));
        assert!(!may_meet("ab*", "ac*") && !may_meet("a", "b?"));
    }

    #[test]
    fn the_work_of_a_match_is_counted_by_its_sizes() {
        assert_eq!(work("indices:data/*", "indices:data/read/search"), 1);
        assert_eq!(work("indices:data/**", "indices:data/read/search"), 1);
        assert_eq!(work(&"a*b".repeat(100), &"a".repeat(640)), 3_001);
    }

    #[test]
    fn many_stars_stay_cheap() {
        let pattern = "a*".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(2000)));
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_definition(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            prop_assert_eq!(matches(&pattern, &text), is_defined(&chars(&pattern), &chars(&text)));
        }
    }

    fn chars(text: &str) -> Vec<char> {
        String::from(text).chars().collect()
    }

    fn is_defined(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => (0..=text.len()).any(|at| is_defined(rest, &text[at..])),
            (None, Some(_)) | (Some(_), None) => false,
            (Some((wanted, rest)), Some((found, text))) => {
                (*wanted == '?' || wanted == found) && is_defined(rest, text)
            }
        }
    }
}
