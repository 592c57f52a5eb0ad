//! Rules of role mappings: what is read prints and reads back, and is one of yes and no.
#![no_main]

use jeton_domain::mapping::rule::Rule;
use jeton_domain::value::{Map, Value};
use jeton_fuzz::json::{print, read};
use jeton_fuzz::mapped::users;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some(value) = read(input) else { return };
    match Rule::from_value("r", &value) {
        Ok(rule) => check(&rule),
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
});

fn check(rule: &Rule) {
    let printed = rule.to_value();
    let again = Rule::from_value("r", &printed).expect("what is printed reads back");
    assert_eq!(print(&again.to_value()), print(&printed), "the same rule");
    let opposite = Rule::from_value("r", &negated(printed.clone()));
    let both = Rule::from_value("r", &member("all", Value::List(vec![printed.clone(), printed])));
    for user in users() {
        let fits = rule.matches(&user);
        assert_eq!(again.matches(&user), fits);
        // A rule that is as deep as rules may be cannot stand inside another.
        if let Ok(opposite) = &opposite {
            assert_eq!(opposite.matches(&user), !fits, "the opposite");
        }
        if let Ok(both) = &both {
            assert_eq!(both.matches(&user), fits, "twice the same");
        }
    }
}

fn negated(rule: Value) -> Value {
    member("all", Value::List(vec![member("except", rule)]))
}

fn member(name: &str, value: Value) -> Value {
    Value::Map(Map::from_iter([(name.to_owned(), value)]))
}
