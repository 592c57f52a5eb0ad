//! Rules over users, compared with a plain and slow reading of their values.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::collection::vec;
use proptest::prelude::*;

use super::model::MappedUser;
use super::rule::Rule;
use super::testing::named;
use crate::name::{RealmName, Username};
use crate::value::{Map, Value};

proptest! {
    #[test]
    fn rules_fit_whom_a_plain_reading_of_them_fits(
        given in any_rule(),
        username in "[aAbB*]{0,3}",
        dn in proptest::option::of(any_name()),
        groups in vec(any_name(), 0..3),
        metadata in vec(("[kl]", any_held()), 0..3),
    ) {
        let metadata: Map = metadata.into_iter().collect();
        let realm = RealmName::new("ldap1");
        let username = Username::new(&username);
        let user = MappedUser::new(&username, dn.as_deref(), &groups, &realm, metadata.clone());
        let plain = Plain { username: username.as_str(), dn, groups, metadata };
        let read = Rule::from_value("rules", &given).unwrap();
        prop_assert_eq!(read.matches(&user), plain.fits(&given));
    }

    #[test]
    fn what_a_rule_prints_is_the_rule(given in any_rule()) {
        let read = Rule::from_value("rules", &given).unwrap();
        let printed = read.to_value();
        let again = Rule::from_value("rules", &printed).unwrap();
        prop_assert_eq!(&again, &read);
        prop_assert_eq!(again.to_value(), printed);
    }

    #[test]
    fn no_value_is_too_odd_to_be_read(given in any_value()) {
        if let Ok(rule) = Rule::from_value("rules", &given) {
            prop_assert_eq!(Rule::from_value("rules", &rule.to_value()), Ok(rule));
        }
    }
}

/// A user as the plain reading sees one.
struct Plain<'a> {
    username: &'a str,
    dn: Option<String>,
    groups: Vec<String>,
    metadata: Map,
}

impl Plain<'_> {
    fn fits(&self, rule: &Value) -> bool {
        let (name, value) = first(rule);
        match name {
            "any" => items(value).iter().any(|rule| self.fits(rule)),
            "all" => items(value).iter().all(|rule| self.fits(rule)),
            "except" => !self.fits(value),
            _ => {
                let (field, wanted) = first(value);
                match wanted {
                    Value::List(several) => several.iter().any(|one| self.has(field, one)),
                    one => self.has(field, one),
                }
            }
        }
    }

    fn has(&self, field: &str, wanted: &Value) -> bool {
        match (field, wanted) {
            ("username", Value::Text(wanted)) => is_like(wanted, self.username),
            ("realm.name", Value::Text(wanted)) => is_like(wanted, "ldap1"),
            ("groups", Value::Text(wanted)) => {
                self.groups.iter().any(|group| is_named(wanted, group))
            }
            ("username" | "realm.name" | "groups", _) => false,
            ("dn", _) => match (&self.dn, wanted) {
                (Some(dn), Value::Text(wanted)) => is_named(wanted, dn),
                (Some(_), _) => false,
                (None, _) => *wanted == Value::Null,
            },
            _ => {
                let key = field.strip_prefix("metadata.");
                let held = key.and_then(|key| self.metadata.value(key));
                held_has(held.unwrap_or(&Value::Null), wanted)
            }
        }
    }
}

fn held_has(held: &Value, wanted: &Value) -> bool {
    match (held, wanted) {
        (Value::List(several), _) => several.iter().any(|held| held_has(held, wanted)),
        (Value::Text(held), Value::Text(wanted)) => is_like(wanted, held),
        (Value::Map(_), _) => false,
        _ => match (number(held), number(wanted)) {
            (Some(held), Some(wanted)) => held.total_cmp(&wanted.trunc()).is_eq(),
            _ => held == wanted,
        },
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(small) => i32::try_from(*small).ok().map(f64::from),
        Value::Float(float) => Some(*float),
        _ => None,
    }
}

fn is_like(wanted: &str, held: &str) -> bool {
    match wanted {
        "/a+/" => !held.is_empty() && held.chars().all(|found| found == 'a'),
        "/cn=.*/" => held.starts_with("cn="),
        _ => {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            is_wild(&chars(wanted), &chars(held))
        }
    }
}

fn is_wild(wanted: &[char], held: &[char]) -> bool {
    match (wanted.split_first(), held.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => (0..=held.len()).any(|at| is_wild(rest, &held[at..])),
        (Some((one, rest)), Some((other, behind))) => {
            (*one == '?' || one == other) && is_wild(rest, behind)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// The levels of a name, as far as the names here go; nothing if it is none.
fn levels(text: &str) -> Option<Vec<String>> {
    let level = |level: &str| {
        let (kind, value) = level.split_once('=')?;
        let sound = !kind.trim().is_empty() && !kind.contains('*') && !kind.contains('?');
        sound.then(|| {
            let level = [kind.trim(), "=", value.trim()].concat();
            level.to_lowercase()
        })
    };
    text.split(',').map(level).collect()
}

fn is_named(wanted: &str, held: &str) -> bool {
    let levels_held = levels(held);
    if !(wanted.contains(['*', '?']) || wanted.starts_with('/')) {
        let is_same = levels(wanted).is_some_and(|wanted| levels_held == Some(wanted));
        return is_same || wanted.to_lowercase() == held.to_lowercase();
    }
    let below = wanted.strip_prefix("*,").filter(|rest| !rest.contains('*')).and_then(levels);
    let is_below = below.is_some_and(|root| {
        levels_held.as_ref().is_some_and(|held| held.len() > root.len() && held.ends_with(&root))
    });
    let normal = levels_held.map(|levels| levels.join(","));
    let forms = [held.to_owned(), held.to_lowercase(), held.to_uppercase()];
    is_below || forms.into_iter().chain(normal).any(|form| is_like(wanted, &form))
}

fn first(value: &Value) -> (&str, &Value) {
    match value {
        Value::Map(map) => map.members().next().unwrap(),
        other => panic!("{other:?} is no object"),
    }
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::List(items) => items,
        other => panic!("{other:?} is no list"),
    }
}

/// A name of a directory, or something like one.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => vec("(cn|CN|ou|Ou)", 1..4).prop_flat_map(|kinds| {
            let count = kinds.len();
            (Just(kinds), vec("[aAb]{1,2}", count), prop_oneof![Just(","), Just(", "), Just(" , ")])
        }).prop_map(|(kinds, values, comma)| {
            let levels = kinds.iter().zip(values).map(|(kind, value)| [kind, "=", &value].concat());
            levels.collect::<Vec<_>>().join(comma)
        }),
        1 => "[aAb]{0,3}",
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[aAb*?]{0,4}",
        Just("/a+/".to_owned()),
        Just("/cn=.*/".to_owned()),
        any_name(),
        any_name().prop_map(|name| ["*,", &name].concat()),
        any_name().prop_map(|name| name.replace('a', "*")),
    ]
}

fn any_scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => (0_i64..3).prop_map(Value::Integer),
        1 => (1_i8..12).prop_map(|quarters| Value::Float(f64::from(quarters) / 4.0)),
        6 => any_text().prop_map(Value::Text),
    ]
}

fn any_held() -> impl Strategy<Value = Value> {
    any_scalar().prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::List),
            inner.prop_map(|value| named("a", value)),
        ]
    })
}

/// A rule that may stand anywhere.
fn any_rule() -> impl Strategy<Value = Value> {
    let field = prop_oneof![
        Just("username".to_owned()),
        Just("dn".to_owned()),
        Just("groups".to_owned()),
        Just("realm.name".to_owned()),
        Just("other".to_owned()),
        "[kl]".prop_map(|key| ["metadata.", &key].concat()),
    ];
    let wanted = prop_oneof![any_scalar(), vec(any_scalar(), 1..3).prop_map(Value::List)];
    let leaf = (field, wanted).prop_map(|(name, wanted)| named("field", named(&name, wanted)));
    leaf.prop_recursive(4, 24, 3, |inner| {
        let except = inner.clone().prop_map(|rule| named("except", rule));
        let within_all = prop_oneof![inner.clone(), except];
        prop_oneof![
            vec(inner, 0..3).prop_map(|rules| named("any", Value::List(rules))),
            vec(within_all, 0..3).prop_map(|rules| named("all", Value::List(rules))),
        ]
    })
}

/// A value that is likely somewhat like a rule.
fn any_value() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        Just("any"),
        Just("all"),
        Just("except"),
        Just("field"),
        Just("username"),
        Just("dn"),
    ];
    any_scalar().prop_recursive(5, 32, 3, move |inner| {
        let members = vec((name.clone().prop_map(ToOwned::to_owned), inner.clone()), 0..3);
        prop_oneof![
            vec(inner, 0..3).prop_map(Value::List),
            members.prop_map(|members| Value::Map(members.into_iter().collect())),
        ]
    })
}
