//! "Did you mean": which known names resemble an unknown one.
//!
//! Owns the measure and the order. Must not know where the names come from; the caller phrases.

use jeton_domain::limits::SUGGESTED_FOR_BYTES_MAX;

/// The known names similar to `given`, best first, ties in alphabetical order.
pub(crate) fn similar<'k>(given: &str, known: &[&'k str]) -> Vec<&'k str> {
    if given.len() > SUGGESTED_FOR_BYTES_MAX {
        return Vec::new();
    }
    let mut scored: Vec<_> = known
        .iter()
        .map(|name| (similarity(given, name), *name))
        .filter(|(score, _)| *score > SIMILAR)
        .collect();
    scored.sort_by(|(left, left_name), (right, right_name)| {
        right.total_cmp(left).then_with(|| left_name.cmp(right_name))
    });
    scored.dedup();
    scored.into_iter().map(|(_, name)| name).collect()
}

/// ` did you mean [a]?`, or the form for several; empty when nothing resembles.
pub(crate) fn did_you_mean(given: &str, known: &[&str]) -> String {
    let names = similar(given, known);
    match names.as_slice() {
        [] => String::new(),
        [one] => format!(" did you mean [{one}]?"),
        several => format!(" did you mean any of [{}]?", several.join(", ")),
    }
}

/// 1 for equal names, 0 for names without anything in common.
fn similarity(left: &str, right: &str) -> f32 {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let longest = left.len().max(right.len());
    if longest == 0 {
        return 1.0;
    }
    1.0 - ratio(distance(&left, &right), longest)
}

/// Names are short, so both counts fit.
fn ratio(part: usize, whole: usize) -> f32 {
    let part = u16::try_from(part).unwrap_or(u16::MAX);
    let whole = u16::try_from(whole).unwrap_or(u16::MAX);
    f32::from(part) / f32::from(whole)
}

/// Levenshtein distance: insertions, deletions and replacements.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, left_char) in (1..).zip(left) {
        let mut diagonal = std::mem::replace(&mut row, vec![above]).into_iter();
        let mut corner = diagonal.next().unwrap_or_default();
        let mut newest = above;
        for (right_char, upper) in right.iter().zip(diagonal) {
            let replaced = corner + usize::from(left_char != right_char);
            newest = replaced.min(upper + 1).min(newest + 1);
            row.push(newest);
            corner = upper;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Names are similar above this, as on the wire.
const SIMILAR: f32 = 0.5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits() {
        for (left, right, edits) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
        ] {
            let left: Vec<char> = left.chars().collect();
            let right: Vec<char> = right.chars().collect();
            assert_eq!(distance(&left, &right), edits);
        }
    }

    #[test]
    fn the_best_name_comes_first_and_ties_are_alphabetical() {
        assert_eq!(similar("grant_typ", &["scope", "grant_type"]), ["grant_type"]);
        assert_eq!(similar("tokem", &["tokes", "token", "tok"]), ["token", "tokes", "tok"]);
        assert!(similar("x", &["grant_type"]).is_empty());
        assert!(similar("ab", &["ax"]).is_empty(), "one half is not enough");
    }

    #[test]
    fn one_and_several_are_phrased_differently() {
        assert_eq!(did_you_mean("prety", &["pretty", "human"]), " did you mean [pretty]?");
        assert_eq!(
            did_you_mean("tokem", &["token", "tokes"]),
            " did you mean any of [token, tokes]?"
        );
        assert_eq!(did_you_mean("zzz", &["token"]), "");
    }
}
