//! Rules over users: which of them a mapping is for.
//!
//! Owns the form of rules, ready to be asked about users. `rule_parse` reads them and `evaluate`
//! asks them.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::dn::DistinguishedName;
use super::evaluate;
use super::model::MappedUser;
use super::refusal::{MappingFailure, RuleRefusal};
use super::rule_parse;
use crate::limits::RULE_STEPS_MAX;
use crate::role::pattern::NamePattern;
use crate::value::{Map, Value};

/// A rule that users fit or do not fit.
///
/// Texts that hold patterns and names are prepared when the rule is read, so asking it takes time
/// that grows evenly with the texts of the user.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule(pub(super) Node);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// One of them fits.
    Any(Vec<Self>),
    /// Each of them fits.
    All(Vec<Self>),
    /// It does not fit.
    Except(Box<Self>),
    /// The field has one of the values.
    Field { field: Field, wanted: Vec<Wanted> },
}

/// What a rule asks about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Username,
    Dn,
    Groups,
    RealmName,
    /// A key of the metadata.
    Metadata(String),
    /// A name that stands for nothing, as if it were null.
    Other(String),
}

/// A value that a field should have.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    Null,
    Bool(bool),
    /// A whole number, also as a float to compare it with one.
    Number {
        integer: i64,
        float: f64,
    },
    Text(WantedText),
}

/// A text that a field should have or fit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WantedText {
    /// As it was written.
    pub(super) text: String,
    /// What it means.
    pub(super) kind: TextKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TextKind {
    /// It is meant as it stands. For names of a directory, also in lower case and, where it is such
    /// a name, in its normal form.
    Plain { lower: String, normal: Option<String> },
    /// It is a pattern. One that names a whole sub-tree of a directory also says of what.
    Pattern { pattern: NamePattern, above: Option<Above> },
}

/// Below what a whole sub-tree stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Above {
    pub(super) root: DistinguishedName,
    /// Whether nothing else is meant: no character stands for others.
    pub(super) is_literal: bool,
}

impl Rule {
    /// Reads a rule; `object` is what errors call the value.
    pub fn from_value(object: &str, value: &Value) -> Result<Self, RuleRefusal> {
        rule_parse::rule(object, value).map(Self)
    }

    /// The value that reads back as this rule.
    ///
    /// A field with one value has it alone, also if it came in a list.
    pub fn to_value(&self) -> Value {
        self.0.to_value()
    }

    /// Whether the user fits; nobody does if it would take too long to tell.
    pub fn matches(&self, user: &MappedUser) -> bool {
        self.fits(user).unwrap_or(false)
    }

    /// Whether the user fits, unless it takes too long to tell.
    pub(super) fn fits(&self, user: &MappedUser) -> Result<bool, MappingFailure> {
        evaluate::fits(&self.0, user, RULE_STEPS_MAX)
    }
}

impl Node {
    fn to_value(&self) -> Value {
        let list = |nodes: &[Self]| Value::List(nodes.iter().map(Self::to_value).collect());
        match self {
            Self::Any(nodes) => member("any", list(nodes)),
            Self::All(nodes) => member("all", list(nodes)),
            Self::Except(node) => member("except", node.to_value()),
            Self::Field { field, wanted } => {
                let value = match wanted.as_slice() {
                    [one] => one.to_value(),
                    several => Value::List(several.iter().map(Wanted::to_value).collect()),
                };
                member("field", member(&field.name(), value))
            }
        }
    }
}

impl Field {
    /// The field that is so called.
    pub(super) fn named(name: &str) -> Self {
        match (name, name.strip_prefix(METADATA)) {
            ("username", _) => Self::Username,
            ("dn", _) => Self::Dn,
            ("groups", _) => Self::Groups,
            ("realm.name", _) => Self::RealmName,
            (_, Some(key)) => Self::Metadata(key.to_owned()),
            (_, None) => Self::Other(name.to_owned()),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Username => "username".to_owned(),
            Self::Dn => "dn".to_owned(),
            Self::Groups => "groups".to_owned(),
            Self::RealmName => "realm.name".to_owned(),
            Self::Metadata(key) => alloc::format!("{METADATA}{key}"),
            Self::Other(name) => name.clone(),
        }
    }
}

impl Wanted {
    fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number { integer, .. } => Value::Integer(*integer),
            Self::Text(wanted) => Value::Text(wanted.text.clone()),
        }
    }
}

fn member(name: &str, value: Value) -> Value {
    Value::Map(Map::from_iter([(name.to_owned(), value)]))
}

const METADATA: &str = "metadata.";
