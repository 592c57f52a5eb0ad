//! Values and users for the tests of mappings.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::json::JsonText;
use super::model::MappedUser;
use crate::name::{RealmName, Username};
use crate::value::{Map, Value};

/// JSON as the tests know it.
pub(super) const JSON: JsonText = JsonText { read, print };

/// The value of a JSON text.
pub(super) fn value(text: &str) -> Value {
    read(text).unwrap()
}

/// A map with one member.
pub(super) fn named(name: &str, value: Value) -> Value {
    Value::Map(Map::from_iter([(name.to_owned(), value)]))
}

/// A user of the realm `ldap1` without a distinguished name.
pub(super) fn user(username: &str, groups: &[&str], metadata: &str) -> MappedUser {
    user_of(username, None, groups, metadata)
}

/// A user of the realm `ldap1`.
pub(super) fn user_of(
    username: &str,
    dn: Option<&str>,
    groups: &[&str],
    metadata: &str,
) -> MappedUser {
    let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
    let Value::Map(metadata) = value(metadata) else {
        panic!("metadata is an object");
    };
    MappedUser::new(&Username::new(username), dn, &groups, &RealmName::new("ldap1"), metadata)
}

fn read(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().map(|value: serde_json::Value| of_json(&value))
}

fn of_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => Value::Float(number.as_f64().unwrap()),
        },
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(of_json).collect()),
        serde_json::Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), of_json(value)));
            Value::Map(members.collect::<Map>())
        }
    }
}

fn print(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Integer(integer) => integer.to_string(),
        Value::Float(float) => serde_json::json!(float).to_string(),
        Value::Text(text) => serde_json::json!(text).to_string(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(print).collect();
            alloc::format!("[{}]", items.join(","))
        }
        Value::Map(map) => {
            let member = |(name, value): (&str, &Value)| {
                alloc::format!("{}:{}", serde_json::json!(name), print(value))
            };
            let members: Vec<String> = map.members().map(member).collect();
            alloc::format!("{{{}}}", members.join(","))
        }
    }
}
