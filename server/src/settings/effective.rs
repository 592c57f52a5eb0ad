//! The settings in force: what was given, checked against the table, over the defaults.
//!
//! Owns precedence (`-E` over the file over the default), `${NAME}` from the environment, and the
//! report of names without effect. Must not know what a setting is for.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::{SettingsError, SettingsErrors};
use super::table::{self, Default, Definition, Kind};
use super::value::{self, Ports, TimeValue};
use super::yaml::Raw;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The table.
    Default,
    /// The settings file.
    File,
    /// `-E` on the command line.
    CommandLine,
    /// `--data` on the command line.
    DataOption,
}

/// Names and values in force, each readable as its kind.
#[derive(Debug, Default)]
pub struct Effective {
    given: BTreeMap<String, (Raw, Origin)>,
    without_effect: Vec<String>,
    /// Values that the table does not know: what a default in words comes to, and resolved paths.
    resolved: BTreeMap<&'static str, String>,
}

impl Effective {
    /// Checks what was given, name by name; reports every mistake.
    pub(super) fn check(
        file: Vec<(String, Raw)>,
        overrides: &[String],
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsErrors> {
        let mut effective = Self::default();
        let mut errors = Vec::new();
        let given = merged(file, overrides, &mut errors);
        for (name, (raw, origin)) in given {
            let checked = substituted(&name, raw, environment)
                .and_then(|raw| accept(&name, &raw).map(|accepted| (raw, accepted)));
            match checked {
                Ok((raw, Accepted::InForce)) => {
                    effective.given.insert(name, (raw, origin));
                }
                Ok((_, Accepted::WithoutEffect)) => effective.without_effect.push(name),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(effective) } else { Err(SettingsErrors(errors)) }
    }

    /// Names that were given and mean nothing here.
    pub fn without_effect(&self) -> &[String] {
        &self.without_effect
    }

    /// Names that were given and mean something, in the order of the alphabet.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.given.keys().map(String::as_str)
    }

    /// Whether a value was given, rather than left to the default.
    pub fn is_given(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// A value as text with its origin; `None` if it has neither a value nor a fixed default.
    pub fn text(&self, name: &str) -> Result<Option<(String, Origin)>, SettingsError> {
        let definition = declared(name)?;
        Ok(match self.given.get(name) {
            Some((Raw::Scalar(text), origin)) => Some((text.clone(), *origin)),
            Some((Raw::List(items), origin)) => Some((items.join(","), *origin)),
            None => match definition.default {
                Default::Value(text) => Some((text.to_owned(), Origin::Default)),
                Default::None | Default::Derived(_) => None,
            },
        })
    }

    /// A value as it is in force, for print: what it comes to where the table has only words.
    pub fn shown(&self, name: &str) -> Result<Option<(String, Origin)>, SettingsError> {
        let text = self.text(name)?;
        Ok(match self.resolved.get(name) {
            Some(resolved) => {
                let origin = text.map_or(Origin::Default, |(_, origin)| origin);
                Some((resolved.clone(), origin))
            }
            None => text,
        })
    }

    /// Notes what a value comes to.
    pub(super) fn resolve(&mut self, name: &'static str, text: String) {
        if !text.is_empty() {
            self.resolved.insert(name, text);
        }
    }

    /// Puts the data directory of the command line over every other.
    pub(super) fn put_data(&mut self, text: String) {
        self.given.insert(DATA.to_owned(), (Raw::Scalar(text), Origin::DataOption));
    }

    /// A flag; `derived` holds where the table has no fixed default.
    pub fn flag(&self, name: &str, derived: bool) -> Result<bool, SettingsError> {
        Ok(self.parsed(name, value::flag)?.unwrap_or(derived))
    }

    /// A whole number, if it has a value.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, SettingsError> {
        self.parsed(name, value::integer)
    }

    /// A count, which the table keeps above zero; `derived` as in [`Effective::flag`].
    pub fn count(&self, name: &str, derived: usize) -> Result<usize, SettingsError> {
        let count = self.parsed(name, |text| {
            value::integer(text)?.try_into().map_err(|_| "expected a count".to_owned())
        })?;
        Ok(count.unwrap_or(derived))
    }

    /// A length of time that cannot be absent.
    pub fn span(&self, name: &str) -> Result<Duration, SettingsError> {
        Ok(self.span_or_never(name)?.unwrap_or(Duration::MAX))
    }

    /// A length of time, or `None` for `-1`.
    pub fn span_or_never(&self, name: &str) -> Result<Option<Duration>, SettingsError> {
        Ok(match self.parsed(name, value::time)? {
            Some(TimeValue::Span(span)) => Some(span),
            Some(TimeValue::Never) | None => None,
        })
    }

    /// A size in bytes.
    pub fn size(&self, name: &str) -> Result<u64, SettingsError> {
        Ok(self.parsed(name, value::size)?.unwrap_or(0))
    }

    /// Ports to try.
    pub fn ports(&self, name: &str) -> Result<Ports, SettingsError> {
        Ok(self.parsed(name, value::ports)?.unwrap_or(Ports { first: 0, last: 0 }))
    }

    /// A list; empty if it has no value.
    pub fn list(&self, name: &str) -> Result<Vec<String>, SettingsError> {
        if let Some((Raw::List(items), _)) = self.given.get(name) {
            declared(name)?;
            return Ok(items.clone());
        }
        Ok(self.text(name)?.map(|(text, _)| value::list(&text)).unwrap_or_default())
    }

    fn parsed<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, SettingsError> {
        let Some((text, _)) = self.text(name)? else { return Ok(None) };
        parse(&text).map(Some).map_err(|reason| SettingsError::Invalid {
            name: name.to_owned(),
            value: text.clone(),
            reason,
        })
    }
}

enum Accepted {
    InForce,
    WithoutEffect,
}

/// The file's names under those of the command line; duplicates within one source are mistakes.
fn merged(
    file: Vec<(String, Raw)>,
    overrides: &[String],
    errors: &mut Vec<SettingsError>,
) -> BTreeMap<String, (Raw, Origin)> {
    let mut merged = BTreeMap::new();
    for (name, raw) in file {
        if merged.insert(name.clone(), (raw, Origin::File)).is_some() {
            errors.push(SettingsError::Duplicate { name });
        }
    }
    for argument in overrides {
        match argument.split_once('=') {
            Some((name, text)) if !name.trim().is_empty() => {
                let raw = Raw::Scalar(text.to_owned());
                merged.insert(name.trim().to_owned(), (raw, Origin::CommandLine));
            }
            Some(_) => errors.push(SettingsError::Argument { argument: String::new() }),
            None => errors.push(SettingsError::Argument { argument: argument.clone() }),
        }
    }
    merged
}

fn accept(name: &str, raw: &Raw) -> Result<Accepted, SettingsError> {
    if let Some(definition) = table::find(name) {
        fits(definition, name, raw)?;
        return Ok(Accepted::InForce);
    }
    if let Some(reason) = table::refusal(name) {
        return Err(SettingsError::Refused { name: name.to_owned(), reason });
    }
    if name == SECURITY_ENABLED {
        return match raw {
            Raw::Scalar(text) if text == "true" => Ok(Accepted::WithoutEffect),
            Raw::Scalar(_) | Raw::List(_) => Err(SettingsError::Refused {
                name: name.to_owned(),
                reason: "security is what this server is for and cannot be switched off",
            }),
        };
    }
    if table::is_without_effect(name) || super::realms::is_of_unsupported_type(name) {
        return Ok(Accepted::WithoutEffect);
    }
    Err(SettingsError::Unknown { name: name.to_owned(), suggestion: table::suggestion(name) })
}

/// Whether a value is of its kind and in range.
fn fits(definition: &Definition, name: &str, raw: &Raw) -> Result<(), SettingsError> {
    let (text, problem) = match (raw, definition.kind) {
        (Raw::List(items), Kind::List) => {
            (items.join(","), items.iter().any(String::is_empty).then(|| NOT_EMPTY.to_owned()))
        }
        (Raw::List(items), _) => (items.join(","), Some("expected one value".to_owned())),
        (Raw::Scalar(text), kind) => (text.clone(), problem_of(kind, text)),
    };
    problem.map_or(Ok(()), |reason| {
        Err(SettingsError::Invalid { name: name.to_owned(), value: text, reason })
    })
}

fn problem_of(kind: Kind, text: &str) -> Option<String> {
    match kind {
        Kind::Flag => value::flag(text).err(),
        Kind::Ports => value::ports(text).err(),
        Kind::Time { min, max } => match value::time(text) {
            Err(reason) => Some(reason),
            Ok(time) => out_of_range(&time, min, max, |end| value::time(end).ok()),
        },
        Kind::Size { min, max } => match value::size(text) {
            Err(reason) => Some(reason),
            Ok(size) => out_of_range(&size, Some(min), Some(max), |end| value::size(end).ok()),
        },
        Kind::Integer { min, max } => match value::integer(text) {
            Err(reason) => Some(reason),
            Ok(number) if number < min => Some(format!("must be >= [{min}]")),
            Ok(number) if number > max => Some(format!("must be <= [{max}]")),
            Ok(_) => None,
        },
        Kind::Text | Kind::Path => text.trim().is_empty().then(|| NOT_EMPTY.to_owned()),
        Kind::List => None,
        Kind::Choice(words) => {
            (!words.contains(&text)).then(|| format!("expected one of [{}]", words.join(", ")))
        }
    }
}

fn out_of_range<T: PartialOrd>(
    given: &T,
    min: Option<&'static str>,
    max: Option<&'static str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<String> {
    if let Some(min) = min
        && parse(min).is_some_and(|least| *given < least)
    {
        return Some(format!("must be >= [{min}]"));
    }
    if let Some(max) = max
        && parse(max).is_some_and(|most| *given > most)
    {
        return Some(format!("must be <= [{max}]"));
    }
    None
}

/// Puts the environment's values in place of `${NAME}` and `${NAME:default}`.
fn substituted(
    name: &str,
    raw: Raw,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Raw, SettingsError> {
    let expand = |text: String| expanded(name, text, environment);
    Ok(match raw {
        Raw::Scalar(text) => Raw::Scalar(expand(text)?),
        Raw::List(items) => Raw::List(items.into_iter().map(expand).collect::<Result<_, _>>()?),
    })
}

fn expanded(
    name: &str,
    text: String,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<String, SettingsError> {
    let mut output = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("${")
        && let Some((reference, behind)) = after.split_once('}')
    {
        let (variable, fallback) = match reference.split_once(':') {
            Some((variable, fallback)) => (variable, Some(fallback.to_owned())),
            None => (reference, None),
        };
        let value = environment(variable).or(fallback).ok_or_else(|| SettingsError::Variable {
            name: name.to_owned(),
            variable: variable.to_owned(),
        })?;
        output.push_str(before);
        output.push_str(&value);
        rest = behind;
    }
    if output.is_empty() && rest.len() == text.len() {
        return Ok(text);
    }
    output.push_str(rest);
    Ok(output)
}

fn declared(name: &str) -> Result<&'static Definition, SettingsError> {
    table::find(name).ok_or_else(|| SettingsError::Undeclared { name: name.to_owned() })
}

const NOT_EMPTY: &str = "must not be empty";
/// The data directory.
pub(super) const DATA: &str = "path.data";
const SECURITY_ENABLED: &str = "xpack.security.enabled";
