//! How text becomes the words that find it.
//!
//! Owns what a word is, in prose and in an address. Must not know fields or queries. What comes out
//! is bounded, however long the text: see [`INDEXED_WORDS_MAX`].

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::limits::{INDEXED_WORD_CHARS_MAX, INDEXED_WORDS_MAX};

/// Words in order; at each place, those that stand for the same piece of text.
pub(super) type Words = Vec<Vec<String>>;

/// The words of prose, in lower case.
pub(super) fn prose(text: &str) -> Words {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut length = 0_usize;
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        let joins = joins(before, char, rest.peek().copied());
        if !joins || is_alone(char) || length >= INDEXED_WORD_CHARS_MAX {
            push(&mut words, &mut word);
            length = 0;
        }
        if joins {
            let lower = char.to_lowercase();
            length = length.saturating_add(lower.len());
            word.extend(lower);
        }
        if is_alone(char) {
            push(&mut words, &mut word);
            length = 0;
        }
        if words.len() >= INDEXED_WORDS_MAX {
            return words;
        }
        before = Some(char);
    }
    push(&mut words, &mut word);
    words
}

/// The words of addresses, in lower case: each whole, its local part, its domain, runs of letters,
/// runs of digits.
pub(super) fn addresses(text: &str) -> Words {
    let is_border = |char: char| char.is_whitespace() || "<>()[],;\"".contains(char);
    let mut words = Words::new();
    let mut left = INDEXED_WORDS_MAX;
    for piece in text.split(is_border).filter(|piece| !piece.is_empty()) {
        let whole: String = piece.chars().take(INDEXED_WORD_CHARS_MAX).collect();
        let parts = parts_of_address(&whole.to_lowercase());
        left = left.saturating_sub(parts.len());
        if left == 0 {
            break;
        }
        words.push(parts);
    }
    words
}

fn parts_of_address(whole: &str) -> Vec<String> {
    let mut parts = vec![whole.to_owned()];
    let domain = whole.split_once('@').map(|(_, domain)| domain);
    let sides = whole.split('@').chain(domain);
    let letters = whole.split(|char: char| !char.is_alphabetic());
    let digits = whole.split(|char: char| !char.is_numeric());
    for part in sides.chain(letters).chain(digits) {
        if !part.is_empty() && !parts.iter().any(|known| known == part) {
            parts.push(part.to_owned());
        }
    }
    parts
}

fn push(words: &mut Words, word: &mut String) {
    if !word.is_empty() {
        words.push(vec![core::mem::take(word)]);
    }
}

/// Whether a character goes on with the word before it: it is part of words itself, or it stands
/// between two letters (`o'neil`, `j.doe`) or between two digits (`3.14`, `1,000`).
fn joins(before: Option<char>, char: char, after: Option<char>) -> bool {
    if is_word(char) {
        return true;
    }
    let (Some(before), Some(after)) = (before, after) else { return false };
    let between_letters = before.is_alphabetic() && after.is_alphabetic();
    let between_digits = before.is_numeric() && after.is_numeric();
    match char {
        '.' | '\'' | '\u{2019}' => between_letters || between_digits,
        ':' => between_letters,
        ',' | ';' => between_digits,
        _ => false,
    }
}

/// Letters, digits, low lines, and the marks that are written above letters.
fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || ('\u{300}'..='\u{36f}').contains(&char)
}

/// Characters that are words by themselves: Han and Hiragana.
fn is_alone(char: char) -> bool {
    matches!(char, '\u{3041}'..='\u{3096}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_found_by_its_words_in_lower_case() {
        let check = |text: &str, wanted: &[&str]| {
            assert_eq!(prose(text).concat(), wanted, "{text}");
        };
        check("Jane van der DOE", &["jane", "van", "der", "doe"]);
        check("Mary-Ann O'Neil, J.R. (3.14)", &["mary", "ann", "o'neil", "j.r", "3.14"]);
        check("\u{c9}va 'q' a_b", &["\u{e9}va", "q", "a_b"]);
        check("\u{4e2d}\u{6587}ab", &["\u{4e2d}", "\u{6587}", "ab"]);
        check(" -- ", &[]);
        let long = "a".repeat(300);
        assert_eq!(prose(&long).len(), 2);
        assert_eq!(prose(&"a ".repeat(5_000)).len(), INDEXED_WORDS_MAX);
    }

    #[test]
    fn an_address_is_found_whole_and_by_its_parts() {
        assert_eq!(
            addresses("Jane.Doe7@Example.ORG"),
            [[
                "jane.doe7@example.org",
                "jane.doe7",
                "example.org",
                "jane",
                "doe",
                "example",
                "org",
                "7"
            ]]
        );
        assert_eq!(addresses("Jane <j@x>")[1], ["j@x", "j", "x"]);
        assert!(addresses("  ").is_empty());
        assert!(addresses(&"a@b ".repeat(5_000)).concat().len() <= INDEXED_WORDS_MAX);
    }
}
