//! What is read as a rule, and whom rules fit.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::evaluate;
use super::model::MappedUser;
use super::refusal::{MappingFailure, RuleRefusal};
use super::rule::Rule;
use super::testing::{named, user, user_of, value};
use crate::limits::RULE_STEPS_MAX;
use crate::value::Value;

fn rule(text: &str) -> Rule {
    Rule::from_value("rules", &value(text)).unwrap()
}

#[track_caller]
fn check_refused(text: &str, wanted: &str) {
    let refused = Rule::from_value("rules", &value(text)).unwrap_err();
    assert_eq!(refused.to_string(), ["failed to parse rules expression.", wanted].join(" "));
}

#[track_caller]
fn check(text: &str, user: &MappedUser, wanted: bool) {
    assert_eq!(rule(text).matches(user), wanted, "{text}");
}

/// Identity case 47.
#[test]
fn an_exception_within_any_is_refused() {
    check_refused(
        r#"{"any":[{"except":{"field":{"username":"a"}}}]}"#,
        "field [except] is not allowed within [any]",
    );
}

/// Identity case 48.
#[test]
fn an_exception_on_top_is_refused() {
    check_refused(
        r#"{"except":{"field":{"username":"a"}}}"#,
        "field [except] is not allowed within [rules]",
    );
    check_refused(
        r#"{"all":[{"except":{"except":{"any":[]}}}]}"#,
        "field [except] is not allowed within [except]",
    );
}

#[test]
fn every_object_has_one_member_of_a_known_name() {
    check_refused("{}", "object [rules] does not contain any fields");
    check_refused(r#"{"all":[{}]}"#, "object [all] does not contain any fields");
    check_refused(r#"{"field":{}}"#, "object [field] does not contain any fields");
    check_refused(r#"{"all":[],"any":[]}"#, "object [rules] contains multiple fields");
    check_refused(r#"{"field":{"a":1,"b":2}}"#, "object [field] contains multiple fields");
    check_refused(r#"{"some":[]}"#, "field [some] is not recognised in object [rules]");
    check_refused(r#"{"any":[{"All":[]}]}"#, "field [All] is not recognised in object [any]");
}

#[test]
fn every_member_has_its_kind() {
    check_refused("[]", "expected [rules] to be an object but found [START_ARRAY] instead");
    check_refused(
        r#"{"any":["a"]}"#,
        "expected [any] to be an object but found [VALUE_STRING] instead",
    );
    check_refused(
        r#"{"field":"a"}"#,
        "expected [field] to be an object but found [VALUE_STRING] instead",
    );
    check_refused(
        r#"{"all":[{"except":null}]}"#,
        "expected [except] to be an object but found [VALUE_NULL] instead",
    );
    check_refused(r#"{"any":{}}"#, "field [any] requires an array");
    check_refused(
        r#"{"field":{"username":{}}}"#,
        "expected a field value but found [START_OBJECT] instead",
    );
    check_refused(
        r#"{"field":{"username":["a",[]]}}"#,
        "expected a field value but found [START_ARRAY] instead",
    );
    check_refused(r#"{"field":{"groups":[]}}"#, "null or empty values for field [groups]");
    check_refused(r#"{"field":{"metadata.n":1e300}}"#, &{
        let digits = 1e300.to_string();
        alloc::format!("number [{digits}] is out of range")
    });
}

#[test]
fn a_pattern_that_cannot_be_read_is_refused() {
    check_refused(
        r#"{"field":{"username":"/a*"}}"#,
        "invalid pattern [/a*]: a regular expression begins and ends with a slash",
    );
    check_refused(
        r#"{"field":{"username":"/(/"}}"#,
        "invalid pattern [/(/]: the regular expression is malformed",
    );
    check(r#"{"field":{"username":"/a"}}"#, &user("/a", &[], "{}"), true);
    check(r#"{"field":{"username":"/"}}"#, &user("/", &[], "{}"), true);
}

#[test]
fn rules_are_bounded_in_depth_and_size() {
    let nested = |levels: usize| {
        let all = Value::List(Vec::new());
        (0..levels).fold(named("all", all), |rule, _| named("all", Value::List([rule].into())))
    };
    assert!(Rule::from_value("rules", &nested(31)).is_ok());
    assert_eq!(Rule::from_value("rules", &nested(32)), Err(RuleRefusal::TooDeep));
    let wide = |text: &str, count: usize| {
        let values = (0..count).map(|_| Value::Text(text.to_owned())).collect();
        named("field", named("username", Value::List(values)))
    };
    assert!(Rule::from_value("rules", &wide("a", 9_999)).is_ok());
    assert_eq!(Rule::from_value("rules", &wide("a", 10_000)), Err(RuleRefusal::TooLarge));
    assert!(Rule::from_value("rules", &wide("a*", 9_999)).is_ok());
    assert_eq!(Rule::from_value("rules", &wide("/a{900}/", 60)), Err(RuleRefusal::TooManyPatterns));
}

#[test]
fn a_rule_prints_as_it_was_read() {
    for text in [
        r#"{"any":[]}"#,
        r#"{"all":[{"any":[{"field":{"realm.name":"a"}}]},{"except":{"all":[]}}]}"#,
        r#"{"field":{"metadata.a.b":["a",1,true,null,"/b/"]}}"#,
        r#"{"field":{"other":-7}}"#,
    ] {
        assert_eq!(rule(text).to_value(), value(text));
    }
}

#[test]
fn numbers_lose_their_fraction_and_lists_of_one_their_brackets() {
    let printed = |text: &str| rule(text).to_value();
    let number = |number: i64| value(&alloc::format!(r#"{{"field":{{"metadata.n":{number}}}}}"#));
    assert_eq!(printed(r#"{"field":{"metadata.n":[1.9]}}"#), number(1));
    assert_eq!(printed(r#"{"field":{"metadata.n":-1.9}}"#), number(-1));
    assert_eq!(printed(r#"{"field":{"metadata.n":-0.5}}"#), number(0));
    assert_eq!(printed(r#"{"field":{"metadata.n":1e3}}"#), number(1000));
}

#[test]
fn any_needs_one_and_all_needs_each() {
    let ann = user("ann", &[], "{}");
    check(r#"{"any":[]}"#, &ann, false);
    check(r#"{"all":[]}"#, &ann, true);
    check(r#"{"any":[{"any":[]},{"field":{"username":"ann"}}]}"#, &ann, true);
    check(r#"{"all":[{"all":[]},{"field":{"username":"bob"}}]}"#, &ann, false);
    check(r#"{"all":[{"except":{"field":{"username":"bob"}}}]}"#, &ann, true);
    check(r#"{"field":{"username":["bob","ann"]}}"#, &ann, true);
}

/// Identity case 49.
#[test]
fn user_names_are_compared_with_regard_to_case() {
    let bob = user("bob", &[], "{}");
    check(r#"{"field":{"username":"Bob"}}"#, &bob, false);
    check(r#"{"field":{"username":"bob"}}"#, &bob, true);
    check(r#"{"field":{"username":"B*"}}"#, &bob, false);
    check(r#"{"field":{"username":"b?b"}}"#, &bob, true);
    check(r#"{"field":{"username":"/b[aeiou]b/"}}"#, &bob, true);
    check(r#"{"field":{"username":"/b/"}}"#, &bob, false);
    check(r#"{"field":{"realm.name":"ldap*"}}"#, &bob, true);
    check(r#"{"field":{"realm.name":"LDAP1"}}"#, &bob, false);
}

/// Identity case 50.
#[test]
fn a_sub_tree_holds_what_is_below_its_root() {
    let rule = r#"{"field":{"dn":"*,ou=x,dc=e"}}"#;
    let named = |dn: &str| user_of("u", Some(dn), &[], "{}");
    check(rule, &named("CN=A, OU=X, DC=E"), true);
    check(rule, &named("cn=b,cn=a, ou=x, dc=e"), true);
    check(rule, &named("ou=x,dc=e"), false);
    check(rule, &named("cn=a,ou=y,dc=e"), false);
    check(rule, &named("a,OU=X,DC=E"), true);
    check(rule, &named("a, OU=X, DC=E"), false);
    check(r#"{"field":{"dn":"*,ou=*,dc=e"}}"#, &named("CN=A, OU=X, DC=E"), true);
    check(r#"{"field":{"dn":"cn=a,*"}}"#, &named("CN=A, OU=X, DC=E"), true);
    check(r#"{"field":{"dn":"/cn=[ab],ou=x,dc=e/"}}"#, &named("CN=A, OU=X, DC=E"), true);
    check(r#"{"field":{"dn":"OU=?,*"}}"#, &named("ou=x"), false);
    check(r#"{"field":{"dn":"OU=?,*"}}"#, &named("ou=x,dc=e"), true);
}

/// Identity case 50.
#[test]
fn a_comma_within_a_value_does_not_lead_into_a_sub_tree() {
    let rule = r#"{"field":{"dn":"*,ou=x,dc=e"}}"#;
    let named = |dn: &str| user_of("u", Some(dn), &[], "{}");
    check(rule, &named(r"cn=a\,ou=x,dc=e"), false);
    check(rule, &named(r"cn=a\,ou\=x,dc=e"), false);
    check(rule, &named(r"cn=b\,a,ou=x,dc=e"), true);
    check(r#"{"field":{"groups":"*,ou=x,dc=e"}}"#, &user("u", &[r"cn=a\,ou=x,dc=e"], "{}"), false);
    check(r#"{"field":{"dn":"*,"}}"#, &named("cn=a"), true);
    check(r#"{"field":{"dn":"*,ou=?,dc=e"}}"#, &named("cn=a,ou=x,dc=e"), true);
    check(r#"{"field":{"dn":"*,OU=?,DC=E"}}"#, &named("cn=a, ou=?, dc=e"), true);
}

/// Identity case 51.
#[test]
fn groups_are_compared_as_distinguished_names() {
    let rule = r#"{"field":{"groups":"CN=Admins,DC=E"}}"#;
    check(rule, &user("u", &["other", "cn=admins, dc=e"], "{}"), true);
    check(rule, &user("u", &["cn=admins, dc=f"], "{}"), false);
    check(rule, &user("u", &[], "{}"), false);
    check(r#"{"field":{"groups":"ADMINS"}}"#, &user("u", &["admins"], "{}"), true);
    check(r#"{"field":{"groups":"AD*"}}"#, &user("u", &["admins"], "{}"), true);
    check(r#"{"field":{"groups":null}}"#, &user("u", &[], "{}"), false);
    check(r#"{"field":{"groups":null}}"#, &user("u", &["admins"], "{}"), false);
}

/// Identity case 52.
#[test]
fn an_absent_key_is_null() {
    let rule = r#"{"all":[{"except":{"field":{"metadata.terminated":null}}}]}"#;
    check(rule, &user("u", &[], "{}"), false);
    check(rule, &user("u", &[], r#"{"terminated":null}"#), false);
    check(rule, &user("u", &[], r#"{"terminated":true}"#), true);
    check(rule, &user("u", &[], r#"{"terminated":[]}"#), true);
    check(r#"{"field":{"dn":null}}"#, &user("u", &[], "{}"), true);
    check(r#"{"field":{"dn":null}}"#, &user_of("u", Some("cn=a"), &[], "{}"), false);
    check(r#"{"field":{"dn":"*"}}"#, &user("u", &[], "{}"), false);
    check(r#"{"field":{"other":null}}"#, &user("u", &[], "{}"), true);
    check(r#"{"field":{"other":"*"}}"#, &user("u", &[], "{}"), false);
}

#[test]
fn metadata_is_compared_by_kind() {
    let check = |wanted: &str, held: &str, fits: bool| {
        let rule = alloc::format!(r#"{{"field":{{"metadata.k.l":{wanted}}}}}"#);
        check(&rule, &user("u", &[], &alloc::format!(r#"{{"k.l":{held}}}"#)), fits);
    };
    check("true", "true", true);
    check("false", "true", false);
    check("\"true\"", "true", false);
    check("1", "1", true);
    check("1", "1.0", true);
    check("1", "1.5", false);
    check("1", "\"1\"", false);
    check("\"1\"", "1", false);
    check("\"*\"", "1", false);
    check("9007199254740993", "9007199254740992", false);
    check("\"A\"", "\"a\"", false);
    check("\"a*\"", "[1,\"ab\"]", true);
    check("1", "[\"a\",[2,1]]", true);
    check("null", "[1,null]", true);
    check("null", "[]", false);
    check("null", "{}", false);
    check("\"*\"", "{}", false);
}

#[test]
fn a_rule_about_many_groups_is_asked_of_a_user_with_many() {
    let names = |count: usize, what: &str| -> Vec<String> {
        let name = |number| alloc::format!("CN={what} {number}, OU=x, DC=e");
        (0..count).map(name).collect()
    };
    let held = names(10_000, "a");
    let held: Vec<&str> = held.iter().map(String::as_str).collect();
    let many = user("u", &held, "{}");
    let about = |names: Vec<String>| {
        let names = names.into_iter().map(Value::Text).collect();
        Rule::from_value("rules", &named("field", named("groups", Value::List(names)))).unwrap()
    };
    assert_eq!(about(names(9_000, "b")).fits(&many), Ok(false));
    let last = |name: &str| about(names(9_000, "b").into_iter().chain([name.to_owned()]).collect());
    assert_eq!(last("cn=A 9999,ou=X,dc=E").fits(&many), Ok(true));
    assert_eq!(about(["cn=c*,ou=x,dc=e".to_owned()].into()).fits(&many), Ok(false));
    assert_eq!(about(["/cn=a 9999,ou=.*/".to_owned()].into()).fits(&many), Ok(true));
}

#[test]
fn whoever_takes_too_long_to_tell_does_not_fit() {
    let groups = alloc::vec!["a".repeat(1_000); 100];
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let metadata = alloc::format!(r#"{{"k":[{}1]}}"#, "1,".repeat(9_000));
    let user = user("u", &groups, &metadata);
    let fits = |text: &str, steps: usize| evaluate::fits(&rule(text).0, &user, steps);
    for text in [
        r#"{"field":{"groups":"*a*b"}}"#,
        r#"{"field":{"groups":"/(a|b)*c/"}}"#,
        r#"{"all":[{"except":{"field":{"metadata.k":2}}}]}"#,
        r#"{"any":[{"field":{"metadata.k":"/a/"}},{"all":[]}]}"#,
    ] {
        assert_eq!(fits(text, 5_000), Err(MappingFailure::TooManySteps), "{text}");
        assert!(fits(text, RULE_STEPS_MAX).is_ok(), "{text}");
    }
    assert_eq!(fits(r#"{"any":[{"all":[]},{"field":{"groups":"*a*b"}}]}"#, 10), Ok(true));
}

#[test]
fn no_pattern_makes_a_rule_slow() {
    let evil = r#"{"field":{"groups":["/((a*)*)*b/","*a*a*a*a*a*a*b","/(a|a)*c/"]}}"#;
    let groups = alloc::vec!["a".repeat(2_000); 5];
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    check(evil, &user("u", &groups, "{}"), false);
}
