//! Reads rules.
//!
//! Owns their grammar and its bounds. A rule has one member. `except` stands only within `all`.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::dn::DistinguishedName;
use super::dn_parse::fold;
use super::refusal::RuleRefusal;
use super::rule::{Above, Field, Node, TextKind, Wanted, WantedText};
use crate::limits::{RULE_DEPTH_MAX, RULE_PARTS_MAX, RULE_PATTERNS_SIZE_MAX};
use crate::role::pattern::NamePattern;
use crate::role::refusal::Token;
use crate::value::Value;

/// Reads a rule that is called `object`.
pub(super) fn rule(object: &str, value: &Value) -> Result<Node, RuleRefusal> {
    let mut reader = Reader { parts: RULE_PARTS_MAX, patterns: RULE_PATTERNS_SIZE_MAX };
    reader.rule(object, value, Place::Elsewhere, RULE_DEPTH_MAX)
}

/// Where a rule stands, which says whether it may be an exception.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    WithinAll,
    Elsewhere,
}

struct Reader {
    /// How many more rules and values there may be.
    parts: usize,
    /// How large further patterns may be together.
    patterns: usize,
}

impl Reader {
    fn rule(
        &mut self,
        object: &str,
        value: &Value,
        place: Place,
        depth: usize,
    ) -> Result<Node, RuleRefusal> {
        let depth = depth.checked_sub(1).ok_or(RuleRefusal::TooDeep)?;
        self.count()?;
        let (field, value) = only_member(object, value)?;
        match field {
            "any" => self.rules(field, value, Place::Elsewhere, depth).map(Node::Any),
            "all" => self.rules(field, value, Place::WithinAll, depth).map(Node::All),
            "field" => self.field(field, value),
            "except" if place == Place::WithinAll => {
                let rule = self.rule(field, value, Place::Elsewhere, depth)?;
                Ok(Node::Except(Box::new(rule)))
            }
            "except" => {
                Err(RuleRefusal::NotAllowed { field: field.to_owned(), object: object.to_owned() })
            }
            _ => Err(RuleRefusal::Unknown { field: field.to_owned(), object: object.to_owned() }),
        }
    }

    fn rules(
        &mut self,
        field: &str,
        value: &Value,
        place: Place,
        depth: usize,
    ) -> Result<Vec<Node>, RuleRefusal> {
        let Value::List(items) = value else {
            return Err(RuleRefusal::NotAList { field: field.to_owned() });
        };
        items.iter().map(|item| self.rule(field, item, place, depth)).collect()
    }

    fn field(&mut self, object: &str, value: &Value) -> Result<Node, RuleRefusal> {
        let (name, value) = only_member(object, value)?;
        let field = Field::named(name);
        let wanted = match value {
            Value::List(items) if items.is_empty() => {
                return Err(RuleRefusal::NoValues { field: name.to_owned() });
            }
            Value::List(items) => {
                items.iter().map(|item| self.wanted(&field, item)).collect::<Result<_, _>>()?
            }
            Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::Map(_) => alloc::vec![self.wanted(&field, value)?],
        };
        Ok(Node::Field { field, wanted })
    }

    fn wanted(&mut self, field: &Field, value: &Value) -> Result<Wanted, RuleRefusal> {
        self.count()?;
        match value {
            Value::Null => Ok(Wanted::Null),
            Value::Bool(flag) => Ok(Wanted::Bool(*flag)),
            Value::Integer(integer) => number(&integer.to_string()),
            Value::Float(float) => number(&float.to_string()),
            Value::Text(text) => self.text(field, text).map(Wanted::Text),
            Value::List(_) | Value::Map(_) => {
                Err(RuleRefusal::NotAValue { found: Token::of(value) })
            }
        }
    }

    fn text(&mut self, field: &Field, text: &str) -> Result<WantedText, RuleRefusal> {
        let is_name = matches!(field, Field::Dn | Field::Groups);
        let dn = |text: &str| DistinguishedName::parse(text).ok().filter(|_| is_name);
        let kind = if is_pattern(text) {
            let pattern = NamePattern::parse(text)?;
            let left = self.patterns.checked_sub(pattern.size());
            self.patterns = left.ok_or(RuleRefusal::TooManyPatterns)?;
            let below = text.strip_prefix("*,").filter(|rest| !rest.contains('*'));
            let above = below.and_then(dn).map(|root| {
                let is_literal = !text.contains('?');
                Above { root, is_literal }
            });
            TextKind::Pattern { pattern, above }
        } else {
            TextKind::Plain { lower: fold(text), normal: dn(text).map(|dn| dn.normal()) }
        };
        Ok(WantedText { text: text.to_owned(), kind })
    }

    fn count(&mut self) -> Result<(), RuleRefusal> {
        self.parts = self.parts.checked_sub(1).ok_or(RuleRefusal::TooLarge)?;
        Ok(())
    }
}

fn only_member<'a>(object: &str, value: &'a Value) -> Result<(&'a str, &'a Value), RuleRefusal> {
    let Value::Map(map) = value else {
        return Err(RuleRefusal::NotAnObject {
            object: object.to_owned(),
            found: Token::of(value),
        });
    };
    let mut members = map.members();
    let first = members.next().ok_or_else(|| RuleRefusal::Empty { object: object.to_owned() })?;
    match members.next() {
        None => Ok(first),
        Some(_) => Err(RuleRefusal::Several { object: object.to_owned() }),
    }
}

/// Reads the digits of a number, of which those behind the point do not count.
fn number(digits: &str) -> Result<Wanted, RuleRefusal> {
    let whole = digits.split('.').next().unwrap_or_default();
    let refused = || RuleRefusal::NumberTooLarge(digits.to_owned());
    let integer: i64 = whole.parse().map_err(|_| refused())?;
    let float = whole.parse().map_err(|_| refused())?;
    // The sign of a zero went with its fraction.
    let float = if integer == 0 { 0.0 } else { float };
    Ok(Wanted::Number { integer, float })
}

/// Whether the text is a pattern: with wildcards, or an expression between slashes.
fn is_pattern(text: &str) -> bool {
    let is_regex = text.len() > 1 && text.starts_with('/') && text.ends_with('/');
    is_regex || text.contains(['*', '?'])
}
