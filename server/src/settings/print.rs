//! The table of settings in print: effective values, a sample file, a schema.
//!
//! Owns the three texts. Must not read a file or hold a value that the table does not describe.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::effective::{Effective, Origin};
use super::error::SettingsError;
use super::table::{Default, Definition, Kind, TABLE};

/// Names and values in force, one a line, with their origin.
pub fn effective_text(effective: &Effective) -> Result<String, SettingsError> {
    let mut output = String::new();
    for definition in TABLE {
        let given: Vec<&str> = effective
            .names()
            .filter(|name| super::table::find(name).is_some_and(|of| of.name == definition.name))
            .collect();
        let names = if given.is_empty() && !definition.name.contains('*') {
            vec![definition.name]
        } else {
            given
        };
        for name in names {
            let line = match (effective.shown(name)?, definition.default) {
                (Some((text, origin)), _) => format!("{name}: {}{}", quoted(&text), from(origin)),
                (None, Default::Derived(what)) => format!("# {name}: {what}"),
                (None, Default::None | Default::Value(_)) => format!("# {name}: not set"),
            };
            output.push_str(&line);
            output.push('\n');
        }
    }
    Ok(output)
}

/// A settings file that changes nothing and explains everything.
pub fn sample() -> String {
    let mut output = String::from(
        "# Settings of Jeton. Names may be nested or dotted. Every line below shows its default;\n\
         # remove the `# ` in front of a name to change it. `jeton check` shows what is in force.\n",
    );
    for definition in TABLE {
        output.push('\n');
        for line in wrapped(definition.doc) {
            line_of(&mut output, &line);
        }
        line_of(&mut output, &format!("Value: {}.", kind(definition.kind)));
        let name = definition.name.replace(".*.*.", ".file.my_realm.");
        let line = match definition.default {
            Default::Value(text) => format!("{name}: {}", quoted(text)),
            Default::Derived(what) => format!("{name}: ...   (default: {what})"),
            Default::None => format!("{name}: ...   (not set)"),
        };
        line_of(&mut output, &line);
    }
    output
}

/// A JSON schema of the settings file in its dotted form.
pub fn schema() -> Value {
    let mut properties = Map::new();
    let mut patterns = Map::new();
    for definition in TABLE {
        let described = described(definition);
        if definition.name.contains('*') {
            let pattern = definition.name.replace('.', "\\.").replace('*', "[^.]+");
            patterns.insert(format!("^{pattern}$"), described);
        } else {
            properties.insert(definition.name.to_owned(), described);
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of Jeton, in dotted form",
        "type": "object",
        "properties": properties,
        "patternProperties": patterns,
    })
}

fn described(definition: &Definition) -> Value {
    let mut described = Map::new();
    described.insert("description".to_owned(), json!(definition.doc));
    described.insert("x-range".to_owned(), json!(kind(definition.kind)));
    match definition.default {
        Default::Value(text) => described.insert("default".to_owned(), json!(text)),
        Default::Derived(what) => described.insert("x-default".to_owned(), json!(what)),
        Default::None => None,
    };
    let shape = match definition.kind {
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Integer { min, max } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        Kind::Ports => json!({ "type": ["integer", "string"] }),
        Kind::List => json!({ "type": ["array", "string"], "items": { "type": "string" } }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Time { .. } | Kind::Size { .. } | Kind::Text | Kind::Path => {
            json!({ "type": "string" })
        }
    };
    if let Value::Object(shape) = shape {
        described.extend(shape);
    }
    Value::Object(described)
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Flag => "true or false".to_owned(),
        Kind::Time { min, max } => {
            let range = match (min, max) {
                (Some(min), Some(max)) => format!(", {min} to {max}"),
                (Some(min), None) => format!(", at least {min}"),
                (None, Some(max)) => format!(", at most {max}, or -1"),
                (None, None) => ", or -1".to_owned(),
            };
            format!("a time with its unit (ms, s, m, h, d){range}")
        }
        Kind::Size { min, max } => {
            format!("a size with its unit (b, kb, mb, gb, tb), {min} to {max}")
        }
        Kind::Integer { min, max } => format!("a whole number, {min} to {max}"),
        Kind::Ports => "a port, or a range of ports such as 9200-9300".to_owned(),
        Kind::Text => "a text".to_owned(),
        Kind::Path => "a path".to_owned(),
        Kind::List => "a list of texts".to_owned(),
        Kind::Choice(words) => format!("one of {}", words.join(", ")),
    }
}

fn from(origin: Origin) -> &'static str {
    match origin {
        Origin::Default => "",
        Origin::File => "   # from the file",
        Origin::CommandLine => "   # from -E",
        Origin::DataOption => "   # from --data",
    }
}

/// Texts that YAML would read as something else stand in quotes.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty()
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./".contains(letter))
        && !text.starts_with('-');
    if plain { text.to_owned() } else { Value::String(text.to_owned()).to_string() }
}

fn line_of(output: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(output, "# {line}");
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + word.len() < LINE_MAX => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Width of a comment in the sample file, in bytes.
const LINE_MAX: usize = 90;
