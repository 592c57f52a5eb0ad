//! What is allowed on names, shown by small grants and by trying every name.

use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::coverage::{Effort, TooComplex};
use super::grants::{Grants, Question, Reach, Span, Wanted};
use super::pattern::NamePattern;
use crate::privilege::wildcard;

#[derive(Debug)]
struct Grant {
    names: Vec<NamePattern>,
    span: Span,
    actions: Vec<String>,
}

fn grant(names: &[&str], span: Span, actions: &[&str]) -> Grant {
    let names = names.iter().map(|name| NamePattern::parse(name).unwrap()).collect();
    Grant { names, span, actions: actions.iter().map(|&action| action.into()).collect() }
}

fn is_held(held: &[Grant], name: &str, action: &str) -> Result<bool, TooComplex> {
    let mut grants = Grants::default();
    for grant in held {
        let number = grants.add(Reach { patterns: &grant.names, span: grant.span });
        for action in &grant.actions {
            grants.allow(number, action, [action.as_str()]);
        }
    }
    let asked = NamePattern::parse(name).unwrap();
    let mut effort = Effort::of_request();
    let mut question = Question::about_indices(&grants, &asked, &mut effort)?;
    let wanted = Wanted { name: action, actions: Some([action].into()) };
    question.is_held(&grants.prepare(wanted, &mut effort)?, &mut effort)
}

fn check(held: &[Grant], name: &str, action: &str, wanted: bool) {
    assert_eq!(is_held(held, name, action), Ok(wanted), "{name} {action}");
}

#[test]
fn names_and_actions_are_covered_by_several_grants_together() {
    let held = [
        grant(&["a*"], Span::Whole, &["x:a*"]),
        grant(&["b*"], Span::Whole, &["x:*"]),
        grant(&["/[ab].+/"], Span::Whole, &["x:?*"]),
    ];
    check(&held, "/[ab]x/", "x:a*", true);
    check(&held, "a*", "x:a*", true);
    check(&held, "b", "x:*", true);
    check(&held, "a", "x:*", false);
    check(&held, "a?", "x:?", true);
    check(&held, "/[abc]x/", "x:a*", false);
}

#[test]
fn restricted_indices_are_reached_only_where_a_grant_says_so() {
    let open = [grant(&["*"], Span::Unrestricted, &["r*"])];
    check(&open, "*", "r*", true);
    check(&open, ".*", "r*", true);
    check(&open, ".security", "r*", false);
    check(&open, ".security-*", "r*", false);
    check(&open, ".securit?", "r*", true);
    let whole = [grant(&["*"], Span::Whole, &["r*"])];
    check(&whole, ".security-*", "r*", false);
    check(&whole, "/\\.security/", "r*", false);
    check(&whole, ".securit*", "r*", true);
    check(&whole, ".security", "r*", true);
    let both =
        [grant(&["*"], Span::Unrestricted, &["r*"]), grant(&[".security*"], Span::Whole, &["r*"])];
    check(&both, "/\\.(security-.|securities)/", "r*", true);
    check(&both, "/\\.security-.|\\.kibana/", "r*", false);
}

#[test]
fn nothing_is_held_without_grants() {
    check(&[], "*", "x", false);
    check(&[], "a", "x", false);
    check(&[], "/#/", "x", false);
}

fn any_grant() -> impl Strategy<Value = Grant> {
    let some = |of: &'static str| proptest::collection::vec(of, 1..3);
    (some("[ab*?]{1,3}"), some("[xy*?]{1,3}")).prop_map(|(names, actions)| Grant {
        names: names.iter().map(|name| NamePattern::parse(name).unwrap()).collect(),
        span: Span::Whole,
        actions,
    })
}

fn texts(letters: &str) -> Vec<String> {
    let mut texts = alloc::vec![String::new()];
    let mut newest = texts.clone();
    for _ in 0..4 {
        let longer = |text: &String| {
            let text = text.clone();
            letters.chars().map(move |letter| text.chars().chain([letter]).collect())
        };
        newest = newest.iter().flat_map(longer).collect();
        texts.extend(newest.iter().cloned());
    }
    texts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_held_agrees_with_trying_every_name_and_action(
        held in proptest::collection::vec(any_grant(), 0..4),
        name in "[ab*?]{1,3}",
        action in "[xy*?]{1,3}",
    ) {
        let asked = NamePattern::parse(&name).unwrap();
        let is_tried = texts("abz").iter().filter(|name| asked.matches(name)).all(|name| {
            let reaching: Vec<&Grant> = held
                .iter()
                .filter(|grant| grant.names.iter().any(|pattern| pattern.matches(name)))
                .collect();
            texts("xyz").iter().filter(|text| wildcard::matches(&action, text)).all(|text| {
                reaching
                    .iter()
                    .any(|grant| grant.actions.iter().any(|known| wildcard::matches(known, text)))
            })
        });
        prop_assert_eq!(is_held(&held, &name, &action), Ok(is_tried));
    }
}
