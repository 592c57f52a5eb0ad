//! Users as an outside realm would describe them, for the targets about role mappings.
//!
//! Owns the few users that every rule and template is tried on. Must not know any target.

use jeton_domain::mapping::model::MappedUser;
use jeton_domain::name::{RealmName, Username};
use jeton_domain::value::{Map, Value};

/// Users of whom much, little and odd things are known.
pub fn users() -> Vec<MappedUser> {
    let full = [
        ("terminated", Value::Bool(false)),
        ("level", Value::Integer(3)),
        ("ratio", Value::Float(2.5)),
        ("none", Value::Null),
        ("tags", Value::List(vec![Value::Text("a".into()), Value::Integer(1), Value::Null])),
        ("a.b", Value::Text("A b".into())),
        ("deep", Value::Map(map([("x", Value::Text("<\"&'>".into()))]))),
    ];
    let groups = ["cn=admins,dc=example,dc=com", "CN=Ops\\, night, OU=x, DC=E", "no name"];
    let groups: Vec<String> = groups.map(str::to_owned).into();
    let realm = RealmName::new("ldap1");
    let bob = Username::new("bob");
    vec![
        MappedUser::new(&bob, Some("CN=Bob,OU=people,DC=e"), &groups, &realm, map(full)),
        MappedUser::new(&Username::new(""), None, &[], &realm, Map::new()),
        MappedUser::new(&Username::new("*"), Some("+,=\\"), &[String::new()], &realm, Map::new()),
    ]
}

fn map<const N: usize>(members: [(&str, Value); N]) -> Map {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
