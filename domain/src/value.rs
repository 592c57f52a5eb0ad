//! A tree of plain values: metadata of users and roles, as they came and as they go out again.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

/// A value without a schema. Members of a map keep the order in which they came.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, said explicitly.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number, finite.
    Float(f64),
    /// Text.
    Text(String),
    /// Values in order.
    List(Vec<Self>),
    /// Named values.
    Map(Map),
}

/// Named values in order; a name occurs once.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Map(Vec<(String, Value)>);

impl Map {
    /// A map without members.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether it has no members.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many members it has.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of the member `name`.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Sets the member `name`; a new one comes last.
    pub fn set(&mut self, name: String, value: Value) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, held)) => *held = value,
            None => self.0.push((name, value)),
        }
    }

    /// The members in order.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Lays `other` over this map: maps merge member by member, anything else is replaced.
    pub fn merge(&mut self, other: Self) {
        let known = Places::of(self, other.len());
        for (name, value) in other.0 {
            // No name occurs twice in `other`, so those that come new are not looked for again.
            let place = known.place(self, &name);
            match (place.and_then(|place| self.0.get_mut(place)), value) {
                (Some((_, Value::Map(held))), Value::Map(given)) => held.merge(given),
                (Some((_, held)), given) => *held = given,
                (None, given) => self.0.push((name, given)),
            }
        }
    }
}

/// Where the members of a map stand. They are noted only if many are looked for: a search for each
/// takes time that grows with the square of their number.
enum Places {
    Searched,
    Noted(BTreeMap<String, usize>),
}

impl Places {
    fn of(map: &Map, looked_for: usize) -> Self {
        if looked_for.min(map.len()) <= SEARCHED_MAX {
            return Self::Searched;
        }
        let names = map.0.iter().enumerate();
        Self::Noted(names.map(|(place, (name, _))| (name.clone(), place)).collect())
    }

    fn place(&self, map: &Map, name: &str) -> Option<usize> {
        match self {
            Self::Searched => map.0.iter().position(|(known, _)| known == name),
            Self::Noted(places) => places.get(name).copied(),
        }
    }
}

impl FromIterator<(String, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(members: I) -> Self {
        let members: Vec<_> = members.into_iter().collect();
        if members.len() > SEARCHED_MAX && are_different(&members) {
            return Self(members);
        }
        let mut map = Self::new();
        for (name, value) in members {
            map.set(name, value);
        }
        map
    }
}

/// Whether no name occurs twice: looked at once, for a search before each of many members takes
/// time that grows with the square of their number.
fn are_different(members: &[(String, Value)]) -> bool {
    let names: BTreeSet<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    names.len() == members.len()
}

/// Members up to which a search before each is the shorter way.
const SEARCHED_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;
    use alloc::vec;

    fn map(members: Vec<(&str, Value)>) -> Map {
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn the_last_value_of_a_name_counts_however_many_members_there_are() {
        for count in [2, SEARCHED_MAX, 10 * SEARCHED_MAX] {
            let name = |place: usize| alloc::format!("{place}");
            let once = (0..count).map(|place| (name(place), Value::Null));
            let map: Map = once.clone().collect();
            assert_eq!(map.len(), count);
            let twice: Map = once.chain([(name(1), Value::Bool(true))]).collect();
            assert_eq!((twice.len(), twice.value("1")), (count, Some(&Value::Bool(true))));
            assert!(twice.members().map(|(name, _)| name).eq(map.members().map(|(name, _)| name)));
        }
    }

    #[test]
    fn merging_goes_into_maps_and_replaces_the_rest() {
        let mut held = map(vec![
            ("a", Value::Integer(1)),
            ("m", Value::Map(map(vec![("x", Value::Integer(1)), ("y", Value::Integer(2))]))),
        ]);
        held.merge(map(vec![
            ("m", Value::Map(map(vec![("y", Value::Null)]))),
            ("b", Value::Bool(true)),
        ]));
        let wanted = map(vec![
            ("a", Value::Integer(1)),
            ("m", Value::Map(map(vec![("x", Value::Integer(1)), ("y", Value::Null)]))),
            ("b", Value::Bool(true)),
        ]);
        assert_eq!(held, wanted);
    }

    #[test]
    fn many_members_merge_like_few() {
        let numbered = |range: core::ops::Range<i64>, value: i64| -> Map {
            range.map(|name| (alloc::format!("{name}"), Value::Integer(value))).collect()
        };
        let count = 10 * i64::try_from(SEARCHED_MAX).unwrap();
        for (held, given) in [(0..count, 5..count + 5), (0..3, 0..count), (0..count, 2..4)] {
            let (mut merged, mut plain) = (numbered(held.clone(), 1), numbered(held, 1));
            merged.merge(numbered(given.clone(), 2));
            for (name, value) in numbered(given, 2).members() {
                plain.set(name.to_owned(), value.clone());
            }
            assert_eq!(merged, plain);
        }
    }
}
