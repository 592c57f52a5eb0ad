//! The settings file as text: YAML to dotted names.
//!
//! Owns the shape of the file: nested, dotted or mixed, one document, scalars and lists of
//! scalars. Must not know any setting. The parser's events are read one at a time, without
//! recursion; anchors, aliases and tags are refused, so nothing can be expanded beyond its size.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::error::SettingsError;

/// A value as written: not yet known to be of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Raw {
    /// One scalar, without quotes.
    Scalar(String),
    /// A list of scalars.
    List(Vec<String>),
}

/// Reads a settings file into names and values, in the order of the file.
pub(super) fn read(text: &str) -> Result<Vec<(String, Raw)>, SettingsError> {
    if text.len() > BYTES_MAX {
        return Err(SettingsError::TooLarge { bytes_max: BYTES_MAX });
    }
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let marker = error.marker();
            syntax_at(marker.line(), marker.col(), error.info())
        })?;
        reader.take(event, span)?;
    }
    Ok(reader.entries)
}

#[derive(Default)]
struct Reader {
    open: Vec<Frame>,
    entries: Vec<(String, Raw)>,
    documents: usize,
}

enum Frame {
    Map { prefix: String, key: Option<String> },
    List { name: String, items: Vec<String> },
}

impl Reader {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), SettingsError> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents = self.documents.saturating_add(1);
                if self.documents > 1 {
                    return Err(syntax(span, "more than one document"));
                }
                Ok(())
            }
            Event::Alias(_) => Err(syntax(span, "aliases are not allowed")),
            Event::Scalar(_, _, anchor, ref tag)
            | Event::SequenceStart(anchor, ref tag)
            | Event::MappingStart(anchor, ref tag)
                if anchor != 0 || tag.is_some() =>
            {
                Err(syntax(span, "anchors and tags are not allowed"))
            }
            Event::Scalar(text, style, _, _) => {
                let null = style == ScalarStyle::Plain
                    && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                self.scalar(text.into_owned(), null, span)
            }
            Event::SequenceStart(_, _) => {
                let name = self.name_of_value(span, "a list needs a name")?;
                self.push(Frame::List { name, items: Vec::new() }, span)
            }
            Event::MappingStart(_, _) => {
                let prefix = if self.open.is_empty() {
                    String::new()
                } else {
                    self.name_of_value(span, "a list may hold only plain values")?
                };
                self.push(Frame::Map { prefix, key: None }, span)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Frame::List { name, items }) = self.open.pop() {
                    self.entry(name, Raw::List(items), span)?;
                }
                Ok(())
            }
        }
    }

    fn scalar(&mut self, text: String, null: bool, span: Span) -> Result<(), SettingsError> {
        match self.open.last_mut() {
            None if null => Ok(()),
            None => Err(syntax(span, "expected names with values")),
            Some(Frame::List { name, .. }) if null => {
                Err(SettingsError::Null { name: name.clone() })
            }
            Some(Frame::List { items, .. }) => {
                items.push(text);
                Ok(())
            }
            Some(Frame::Map { prefix, key }) => match key.take() {
                None if text.is_empty() => Err(syntax(span, "a name is empty")),
                None => {
                    *key = Some(text);
                    Ok(())
                }
                Some(last) => {
                    let name = joined(prefix, &last);
                    if null {
                        return Err(SettingsError::Null { name });
                    }
                    self.entry(name, Raw::Scalar(text), span)
                }
            },
        }
    }

    /// The dotted name of the value that begins, taken from the mapping around it.
    fn name_of_value(&mut self, span: Span, misplaced: &str) -> Result<String, SettingsError> {
        match self.open.last_mut() {
            Some(Frame::Map { prefix, key }) => key
                .take()
                .map(|last| joined(prefix, &last))
                .ok_or_else(|| syntax(span, "a name must be a plain value")),
            Some(Frame::List { .. }) | None => Err(syntax(span, misplaced)),
        }
    }

    fn push(&mut self, frame: Frame, span: Span) -> Result<(), SettingsError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(syntax(span, "nested too deeply"));
        }
        self.open.push(frame);
        Ok(())
    }

    fn entry(&mut self, name: String, raw: Raw, span: Span) -> Result<(), SettingsError> {
        if self.entries.len() >= ENTRIES_MAX {
            return Err(syntax(span, "too many settings"));
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(syntax(span, "a name is too long"));
        }
        self.entries.push((name, raw));
        Ok(())
    }
}

fn joined(prefix: &str, last: &str) -> String {
    if prefix.is_empty() { last.to_owned() } else { format!("{prefix}.{last}") }
}

fn syntax(span: Span, reason: &str) -> SettingsError {
    syntax_at(span.start.line(), span.start.col(), reason)
}

fn syntax_at(line: usize, column: usize, reason: &str) -> SettingsError {
    let (column, reason) = (column.saturating_add(1), reason.to_owned());
    SettingsError::Syntax { file: None, line, column, reason }
}

/// Largest settings file, in bytes: bounds every later step.
const BYTES_MAX: usize = 1024 * 1024;
/// Deepest nesting of names. The longest known name has eight parts.
const DEPTH_MAX: usize = 32;
/// Most settings in one file.
const ENTRIES_MAX: usize = 10_000;
/// Longest dotted name, in bytes: keeps a deep file from growing quadratically.
const NAME_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::{Raw, read};

    fn scalar(text: &str) -> Raw {
        Raw::Scalar(text.to_owned())
    }

    #[test]
    fn nested_dotted_and_mixed_names_are_the_same_name() {
        for text in ["a:\n  b:\n    c: 1\n", "a.b.c: 1\n", "a.b:\n  c: '1'\n", "{a: {b.c: 1}}"] {
            assert_eq!(read(text).unwrap(), [("a.b.c".to_owned(), scalar("1"))], "{text}");
        }
    }

    #[test]
    fn lists_hold_plain_values_only() {
        let list = Raw::List(vec!["x".to_owned(), "y".to_owned()]);
        assert_eq!(read("a: [x, y]").unwrap(), [("a".to_owned(), list.clone())]);
        assert_eq!(read("a:\n- x\n- y\n").unwrap(), [("a".to_owned(), list)]);
        assert!(read("a: [x, {b: c}]").is_err());
        assert!(read("a: [x, [y]]").is_err());
    }

    #[test]
    fn an_empty_file_has_no_settings() {
        for text in ["", "# nothing\n", "---\n", "{}", "a: {}"] {
            assert!(read(text).unwrap().is_empty(), "{text}");
        }
    }

    #[test]
    fn what_is_not_settings_is_refused() {
        for text in [
            "hello",
            "- a",
            "a:\n",
            "a: ~",
            "a: [~]",
            "a: &x 1",
            "a: *x",
            "a: !!str 1",
            "? [a]\n: 1",
            "? {a: b}\n: 1",
            "a: 1\n---\nb: 2\n",
            "\t- x",
            "a: 'open",
            "'': 1",
            "a: b: c",
            "x: &a [1]\ny: [*a, *a]",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn hostile_shapes_end_in_an_error_and_not_in_a_crash() {
        let deep = 100_000;
        for text in [
            "[".repeat(deep),
            "{a: ".repeat(deep),
            "- ".repeat(deep),
            "a: [".repeat(deep),
            "? ".repeat(deep),
            "a:\n".repeat(deep),
            "x".repeat(2 * 1024 * 1024),
            "\u{feff}\0\u{1}".to_owned(),
        ] {
            assert!(read(&text).is_err());
        }
    }

    #[test]
    fn an_error_names_the_line_and_not_the_text() {
        let error = read("a: 1\nb: 'hunter2\n").unwrap_err().to_string();
        assert!(error.starts_with("line "), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
