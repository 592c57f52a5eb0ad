//! Asks rules about users.

use super::model::{DirectoryText, MappedUser};
use super::rule::{Field, Node, TextKind, Wanted, WantedText};
use crate::value::Value;

/// Whether the user fits the rule.
pub(super) fn matches(rule: &Node, user: &MappedUser) -> bool {
    match rule {
        Node::Any(rules) => rules.iter().any(|rule| matches(rule, user)),
        Node::All(rules) => rules.iter().all(|rule| matches(rule, user)),
        Node::Except(rule) => !matches(rule, user),
        Node::Field { field, wanted } => wanted.iter().any(|wanted| has_value(user, field, wanted)),
    }
}

fn has_value(user: &MappedUser, field: &Field, wanted: &Wanted) -> bool {
    match field {
        Field::Username => is_text(user.username.as_str(), wanted),
        Field::RealmName => is_text(user.realm.as_str(), wanted),
        Field::Dn => match &user.dn {
            Some(dn) => is_name(dn, wanted),
            None => is_null(wanted),
        },
        Field::Groups => user.groups.iter().any(|group| is_name(group, wanted)),
        Field::Metadata(key) => match user.metadata.value(key) {
            Some(value) => is_value(value, wanted),
            None => is_null(wanted),
        },
        Field::Other(_) => is_null(wanted),
    }
}

fn is_value(value: &Value, wanted: &Wanted) -> bool {
    match (value, wanted) {
        (Value::Null, _) => is_null(wanted),
        (Value::Bool(held), Wanted::Bool(wanted)) => held == wanted,
        (Value::Integer(held), Wanted::Number { integer, .. }) => held == integer,
        (Value::Float(held), Wanted::Number { float, .. }) => held.total_cmp(float).is_eq(),
        (Value::Text(held), _) => is_text(held, wanted),
        (Value::List(held), _) => held.iter().any(|held| is_value(held, wanted)),
        (Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Map(_), _) => false,
    }
}

const fn is_null(wanted: &Wanted) -> bool {
    matches!(wanted, Wanted::Null)
}

const fn text_of(wanted: &Wanted) -> Option<&WantedText> {
    match wanted {
        Wanted::Text(wanted) => Some(wanted),
        Wanted::Null | Wanted::Bool(_) | Wanted::Number { .. } => None,
    }
}

fn is_text(held: &str, wanted: &Wanted) -> bool {
    text_of(wanted).is_some_and(|wanted| match &wanted.kind {
        TextKind::Plain { .. } => wanted.text == held,
        TextKind::Pattern { pattern, .. } => pattern.matches(held),
    })
}

/// Whether a name of a directory is meant: such names are compared without regard to case, and as
/// what they name.
fn is_name(held: &DirectoryText, wanted: &Wanted) -> bool {
    let Some(wanted) = text_of(wanted) else {
        return false;
    };
    match &wanted.kind {
        TextKind::Plain { lower, dn } => {
            *lower == held.lower
                || held.dn.as_ref().is_some_and(|(held, normal)| match dn {
                    Some(dn) => dn == held,
                    None => lower == normal,
                })
        }
        TextKind::Pattern { pattern, above } => {
            let normal = held.dn.as_ref().map(|(_, normal)| normal);
            let mut forms = [&held.text, &held.lower, &held.upper].into_iter().chain(normal);
            let dn = held.dn.as_ref().map(|(dn, _)| dn);
            let is_below = dn.zip(above.as_ref()).is_some_and(|(dn, above)| dn.is_below(above));
            is_below || forms.any(|form| pattern.matches(form))
        }
    }
}
