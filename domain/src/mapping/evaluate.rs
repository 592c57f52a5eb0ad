//! Asks rules about users.
//!
//! Owns what matches what. The steps to an answer are bounded, and whoever needs more has none.

use super::model::{DirectoryText, MappedUser};
use super::refusal::MappingFailure;
use super::rule::{Field, Node, TextKind, Wanted, WantedText};
use crate::role::pattern::NamePattern;
use crate::value::Value;

/// Whether the user fits the rule, unless it takes more steps to tell.
pub(super) fn fits(rule: &Node, user: &MappedUser, steps: usize) -> Result<bool, MappingFailure> {
    Asking { user, steps }.fits(rule)
}

struct Asking<'a> {
    user: &'a MappedUser,
    /// How many more steps may be taken.
    steps: usize,
}

impl Asking<'_> {
    fn fits(&mut self, rule: &Node) -> Result<bool, MappingFailure> {
        self.take(1)?;
        match rule {
            Node::Any(rules) => any(rules, |rule| self.fits(rule)),
            Node::All(rules) => any(rules, |rule| Ok(!self.fits(rule)?)).map(|differs| !differs),
            Node::Except(rule) => Ok(!self.fits(rule)?),
            Node::Field { field, wanted } => any(wanted, |wanted| self.has_value(field, wanted)),
        }
    }

    fn has_value(&mut self, field: &Field, wanted: &Wanted) -> Result<bool, MappingFailure> {
        let user = self.user;
        match field {
            Field::Username => self.is_text(user.username.as_str(), wanted),
            Field::RealmName => self.is_text(user.realm.as_str(), wanted),
            Field::Dn => match (&user.dn, text_of(wanted)) {
                (Some(dn), Some(wanted)) => self.is_name(dn, wanted),
                (Some(_), None) => Ok(false),
                (None, _) => Ok(is_null(wanted)),
            },
            Field::Groups => text_of(wanted).map_or(Ok(false), |wanted| self.has_group(wanted)),
            Field::Metadata(key) => {
                self.take(user.metadata.len())?;
                match user.metadata.value(key) {
                    Some(value) => self.is_value(value, wanted),
                    None => Ok(is_null(wanted)),
                }
            }
            Field::Other(_) => Ok(is_null(wanted)),
        }
    }

    fn is_value(&mut self, value: &Value, wanted: &Wanted) -> Result<bool, MappingFailure> {
        self.take(1)?;
        match (value, wanted) {
            (Value::Null, _) => Ok(is_null(wanted)),
            (Value::Bool(held), Wanted::Bool(wanted)) => Ok(held == wanted),
            (Value::Integer(held), Wanted::Number { integer, .. }) => Ok(held == integer),
            (Value::Float(held), Wanted::Number { float, .. }) => Ok(held.total_cmp(float).is_eq()),
            (Value::Text(held), _) => self.is_text(held, wanted),
            (Value::List(held), _) => any(held, |held| self.is_value(held, wanted)),
            (Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Map(_), _) => Ok(false),
        }
    }

    fn is_text(&mut self, held: &str, wanted: &Wanted) -> Result<bool, MappingFailure> {
        text_of(wanted).map_or(Ok(false), |wanted| match &wanted.kind {
            TextKind::Plain { .. } => Ok(wanted.text == held),
            TextKind::Pattern { pattern, .. } => self.is_like(held, pattern),
        })
    }

    fn has_group(&mut self, wanted: &WantedText) -> Result<bool, MappingFailure> {
        let user = self.user;
        match &wanted.kind {
            TextKind::Plain { lower, normal } => {
                let mut forms = [Some(lower), normal.as_ref()].into_iter().flatten();
                Ok(forms.any(|form| user.group_forms.contains(form)))
            }
            TextKind::Pattern { .. } => any(&user.groups, |group| self.is_name(group, wanted)),
        }
    }

    /// Whether a name of a directory is meant: such names are compared without regard to case, and
    /// as what they name.
    fn is_name(
        &mut self,
        held: &DirectoryText,
        wanted: &WantedText,
    ) -> Result<bool, MappingFailure> {
        self.take(1)?;
        let (pattern, above) = match &wanted.kind {
            TextKind::Plain { lower, normal } => {
                return Ok(held.forms().any(|form| form == lower || Some(form) == normal.as_ref()));
            }
            TextKind::Pattern { pattern, above } => (pattern, above),
        };
        if let (Some((dn, _)), Some(above)) = (&held.dn, above) {
            let is_below = dn.is_below(&above.root);
            // A comma within a value must not pass for one between levels.
            if is_below || above.is_literal {
                return Ok(is_below);
            }
        }
        let normal = held.dn.as_ref().map(|(_, normal)| normal);
        let forms = [Some(&held.text), normal, Some(&held.lower), Some(&held.upper)];
        any(forms.into_iter().flatten(), |form| self.is_like(form, pattern))
    }

    fn is_like(&mut self, held: &str, pattern: &NamePattern) -> Result<bool, MappingFailure> {
        pattern.matches_within(held, &mut self.steps).ok_or(MappingFailure::TooManySteps)
    }

    fn take(&mut self, steps: usize) -> Result<(), MappingFailure> {
        self.steps = self.steps.checked_sub(steps).ok_or(MappingFailure::TooManySteps)?;
        Ok(())
    }
}

/// Whether the answer about one of the items is yes; the first error before it is the answer.
fn any<T>(
    items: impl IntoIterator<Item = T>,
    mut is_it: impl FnMut(T) -> Result<bool, MappingFailure>,
) -> Result<bool, MappingFailure> {
    for item in items {
        if is_it(item)? {
            return Ok(true);
        }
    }
    Ok(false)
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
