//! What patterns fit, shown by small ones.

use alloc::string::String;

use proptest::prelude::*;

use super::automaton::{Automaton, RegexRefusal};
use crate::privilege::wildcard;

fn check(regex: &str, text: &str, wanted: bool) {
    let compiled = Automaton::of_regex(regex).unwrap();
    assert_eq!(compiled.matches(text), wanted, "/{regex}/ {text}");
}

proptest! {
    #[test]
    fn a_wildcard_fits_the_same_names_in_both_forms(
        pattern in "[ab*?\\\\]{0,8}",
        text in "[ab*\\\\]{0,8}",
    ) {
        let automaton = Automaton::of_wildcard(&pattern);
        prop_assert_eq!(automaton.matches(&text), wildcard::matches(&pattern, &text));
    }
}

#[test]
fn the_whole_text_must_fit() {
    check("ab", "ab", true);
    check("ab", "abc", false);
    check("ab", "a", false);
    check("", "", true);
    check("", "a", false);
    check("()", "", true);
}

#[test]
fn operators_mean_what_lucene_says() {
    check("a|bc|d", "bc", true);
    check("a|bc|d", "ad", false);
    check("(a|b)*c", "ababc", true);
    check("a+", "", false);
    check("a?b", "b", true);
    check("a{2}", "aa", true);
    check("a{2}", "a", false);
    check("a{2,}", "aaaa", true);
    check("a{1,2}", "aaa", false);
    check(".", "\u{4e2d}", true);
    check("a@", "a anything", true);
    check("#", "", false);
    check("a|#", "a", true);
    check("\"a.*\"", "a.*", true);
    check("\"a.*\"", "axx", false);
    check("a\\.b", "a.b", true);
    check("a\\.b", "axb", false);
}

#[test]
fn classes_hold_characters_ranges_and_shorthands() {
    check("[a-c_]+", "ab_c", true);
    check("[a-c]", "d", false);
    check("[^a-c]", "d", true);
    check("[^a-c]", "b", false);
    check("[\\]]", "]", true);
    check("\\d{3}", "123", true);
    check("\\w+\\s\\W", "a_1 -", true);
    check("[\\da]+", "1a2", true);
    check("\\D", "1", false);
}

#[test]
fn complements_and_intersections_mean_what_lucene_says() {
    check("~(ab)", "ab", false);
    check("~(ab)", "", true);
    check("~(ab)", "abc", true);
    check("~a*", "aa", true);
    check("~~a", "a", true);
    check("~@", "", false);
    check("~#", "\u{4e2d}", true);
    check("x~(a*)y", "xaay", false);
    check("x~(a*)y", "xabay", true);
    check("(~a){2}", "aa", true);
    check("(~a){2}", "a", false);
    check(".*a&.{3}", "xxa", true);
    check(".*a&.{3}", "xa", false);
    check("a&b|c", "c", true);
    check("(a|b)&(b|c)&b", "b", true);
    check("a&b", "a", false);
    for (index, wanted) in
        [("logs-1", true), (".logs", false), ("ilm-history-1", false), ("ilm-histor", true)]
    {
        check("~(([.]|ilm-history-).*)", index, wanted);
    }
}

#[test]
fn complements_that_grow_beyond_measure_are_refused_in_time() {
    for large in ["~(.*a.{20})", "(.*a.{9}&.*b.{9}){3}", "~(~(~(.*a.{15})))"] {
        assert_eq!(Automaton::of_regex(large), Err(RegexRefusal::TooLarge), "{large}");
    }
    let deep = ["~(".repeat(31), "a".into(), ")".repeat(31)].concat();
    check(&deep, "a", false);
    let chained = ["(".repeat(31), "a".into(), [")", &"?".repeat(32)].concat().repeat(31)];
    assert_eq!(Automaton::of_regex(&chained.concat()), Err(RegexRefusal::TooLarge));
}

#[test]
fn what_cannot_be_matched_is_refused() {
    let refused = |regex: &str| Automaton::of_regex(regex).unwrap_err();
    for malformed in [
        "(", "a)", "[a", "[]", "\"a", "a\\", "*a", "a||b", "a{", "a{2", "a{2,1}", "[b-a]", "a&",
        "&a", "a&&b", "~", "a~", "(~)", "~*",
    ] {
        assert_eq!(refused(malformed), RegexRefusal::Malformed, "{malformed}");
    }
    assert_eq!(refused("<1-5>"), RegexRefusal::Unsupported('<'));
    for large in ["a{1001}", "(a{40}){40}", "((){900}){900}", "a{99999999999999999999}"] {
        assert_eq!(refused(large), RegexRefusal::TooLarge, "{large}");
    }
    assert_eq!(refused(&"(".repeat(10_000)), RegexRefusal::TooLarge);
    let class = ["[", &"ab".repeat(50), "]"].concat();
    assert!(Automaton::of_regex(&[&class, "{9}"].concat()).is_ok());
    assert_eq!(refused(&[&class, "{10}"].concat()), RegexRefusal::TooLarge);
    assert_eq!(refused(&"[".repeat(16_001)), RegexRefusal::TooLarge);
}

#[test]
fn nested_repetition_stays_cheap() {
    check("((a*)*)*b", &"a".repeat(1000), false);
    check("(a|a)*", &"a".repeat(1000), true);
    check("(a?){30}a{30}", &"a".repeat(30), true);
}

proptest! {
    #[test]
    fn what_fits_a_complement_or_an_intersection_is_told_by_their_parts(
        one in "([ab.][*+?]?){1,4}",
        other in "([ab.][*+?]?){1,4}",
        text in "[abc]{0,6}",
    ) {
        let fits = |regex: &str| Automaton::of_regex(regex).unwrap().matches(&text);
        prop_assert_eq!(fits(&["~(", &one, ")"].concat()), !fits(&one));
        prop_assert_eq!(fits(&[one.as_str(), "&", &other].concat()), fits(&one) && fits(&other));
        let negated = ["~(~(", &one, ")|~(", &other, "))"].concat();
        prop_assert_eq!(fits(&negated), fits(&one) && fits(&other));
    }

    #[test]
    fn no_text_makes_the_compiler_fail(regex in any::<String>(), text in "[a-c]{0,9}") {
        if let Ok(regex) = Automaton::of_regex(&regex) {
            let _: bool = regex.matches(&text);
        }
    }

    #[test]
    fn operators_in_any_order_are_safe(
        regex in "[ab|&~()*+?{}1,\\[\\]^.-]{0,12}",
        text in "[ab]{0,9}",
    ) {
        if let Ok(regex) = Automaton::of_regex(&regex) {
            let _: bool = regex.matches(&text);
        }
    }
}
