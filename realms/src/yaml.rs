//! YAML as a tree of plain values, for files that an operator edits.
//!
//! Owns which value a scalar is, and how large a tree may be. Must not know any file. The parser's
//! events are read one at a time, without recursion; anchors, aliases and tags are refused, so
//! nothing can be expanded beyond its size.

use jeton_domain::limits::VALUE_DEPTH_MAX;
use jeton_domain::value::{Map, Value};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// Why a text is not one document of plain values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct YamlError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
}

impl YamlError {
    /// The same in a text that began so many lines earlier.
    #[must_use]
    pub(crate) fn below(mut self, lines: usize) -> Self {
        self.line = self.line.saturating_add(lines);
        self
    }
}

/// Reads one document; null where there is nothing but blanks and comments.
pub(crate) fn read(text: &str) -> Result<Value, YamlError> {
    if text.len() > BYTES_MAX {
        let reason = format!("more than {BYTES_MAX} bytes");
        return Err(YamlError { line: 1, column: 1, reason });
    }
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let marker = error.marker();
            refusal(marker.line(), marker.col(), error.info())
        })?;
        reader.take(event, span)?;
    }
    Ok(reader.root.unwrap_or(Value::Null))
}

#[derive(Default)]
struct Reader {
    open: Vec<Frame>,
    root: Option<Value>,
    documents: usize,
    nodes: usize,
}

enum Frame {
    Map { members: Map, name: Option<String> },
    List(Vec<Value>),
}

impl Reader {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents = self.documents.saturating_add(1);
                if self.documents > 1 {
                    return Err(at(span, "more than one document"));
                }
                Ok(())
            }
            Event::Alias(_) => Err(at(span, "aliases are not allowed")),
            Event::Scalar(_, _, anchor, ref tag)
            | Event::SequenceStart(anchor, ref tag)
            | Event::MappingStart(anchor, ref tag)
                if anchor != 0 || tag.is_some() =>
            {
                Err(at(span, "anchors and tags are not allowed"))
            }
            Event::Scalar(text, style, _, _) => self.scalar(&text, style, span),
            Event::SequenceStart(_, _) => self.begin(Frame::List(Vec::new()), span),
            Event::MappingStart(_, _) => {
                self.begin(Frame::Map { members: Map::new(), name: None }, span)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Frame::List(items)) => self.value(Value::List(items), span),
                Some(Frame::Map { members, .. }) => self.value(Value::Map(members), span),
                None => Ok(()),
            },
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Result<(), YamlError> {
        self.count(span)?;
        if let Some(Frame::Map { members, name }) = self.open.last_mut()
            && name.is_none()
        {
            if members.value(text).is_some() {
                return Err(at(span, "a name is repeated"));
            }
            *name = Some(text.to_owned());
            return Ok(());
        }
        let is_plain = style == ScalarStyle::Plain;
        let value = if is_plain { plain(text) } else { Value::Text(text.to_owned()) };
        self.value(value, span)
    }

    fn begin(&mut self, frame: Frame, span: Span) -> Result<(), YamlError> {
        self.count(span)?;
        if matches!(self.open.last(), Some(Frame::Map { name: None, .. })) {
            return Err(at(span, "a name must be a plain value"));
        }
        if self.open.len() >= VALUE_DEPTH_MAX {
            return Err(at(span, "nested too deeply"));
        }
        self.open.push(frame);
        Ok(())
    }

    fn value(&mut self, value: Value, span: Span) -> Result<(), YamlError> {
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(Frame::List(items)) => items.push(value),
            Some(Frame::Map { members, name }) => {
                let name = name.take().ok_or_else(|| at(span, "a name must be a plain value"))?;
                members.set(name, value);
            }
        }
        Ok(())
    }

    fn count(&mut self, span: Span) -> Result<(), YamlError> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes > NODES_MAX {
            return Err(at(span, &format!("more than {NODES_MAX} values")));
        }
        Ok(())
    }
}

/// What a scalar without quotes means.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if let Ok(whole) = text.parse() {
        return Value::Integer(whole);
    }
    // Without this, words such as `inf` and `nan` would be numbers.
    let looks_like_one = text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match text.parse::<f64>() {
        Ok(float) if looks_like_one && float.is_finite() => Value::Float(float),
        Ok(_) | Err(_) => Value::Text(text.to_owned()),
    }
}

fn at(span: Span, reason: &str) -> YamlError {
    refusal(span.start.line(), span.start.col(), reason)
}

fn refusal(line: usize, column: usize, reason: &str) -> YamlError {
    YamlError { line: line.max(1), column: column.saturating_add(1), reason: reason.to_owned() }
}

/// Longest document, in bytes: bounds every later step.
const BYTES_MAX: usize = 1024 * 1024;

/// Most names and values of one document: looking for a repeated name is linear.
const NODES_MAX: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn map<const N: usize>(members: [(&str, Value); N]) -> Value {
        Value::Map(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn scalars_are_what_they_look_like_unless_they_are_quoted() {
        let document = "a: 1\nb: 1.5\nc: true\nd: ~\ne: x y\nf: '1'\ng: \"true\"\nh: |\n  two\n  lines\ni: .inf\nj: nan\nk: [-3, 1e2, yes]\nl:\n";
        let wanted = map([
            ("a", Value::Integer(1)),
            ("b", Value::Float(1.5)),
            ("c", Value::Bool(true)),
            ("d", Value::Null),
            ("e", text("x y")),
            ("f", text("1")),
            ("g", text("true")),
            ("h", text("two\nlines\n")),
            ("i", text(".inf")),
            ("j", text("nan")),
            ("k", Value::List(vec![Value::Integer(-3), Value::Float(100.0), text("yes")])),
            ("l", Value::Null),
        ]);
        assert_eq!(read(document).unwrap(), wanted);
    }

    #[test]
    fn names_are_texts_whatever_they_look_like() {
        let wanted = map([("1", map([("true", Value::Null), ("~", Value::Integer(2))]))]);
        assert_eq!(read("1: {true: ~, ~: 2}").unwrap(), wanted);
        assert_eq!(read("  # nothing\n").unwrap(), Value::Null);
        assert_eq!(read("- {}\n- []\n").unwrap(), Value::List(vec![map([]), Value::List(vec![])]));
    }

    #[test]
    fn what_cannot_be_a_tree_of_plain_values_is_refused_with_its_line() {
        for (document, line) in [
            ("a: &x 1", 1),
            ("a: 1\nb: *x", 2),
            ("a: !!str 1", 1),
            ("? [a]\n: 1", 1),
            ("? {a: b}\n: 1", 1),
            ("a: 1\na: 2", 2),
            ("a: 1\n---\nb: 2\n", 2),
            ("x: &a [1]\ny: [*a, *a]", 1),
        ] {
            let error = read(document).unwrap_err();
            assert_eq!(error.line, line, "{document:?}: {error}");
            assert_eq!(error.clone().below(3).line, line + 3);
        }
    }

    #[test]
    fn hostile_shapes_end_in_an_error_and_not_in_a_crash() {
        let many = 100_000;
        for document in [
            "[".repeat(many),
            "{a: ".repeat(many),
            "- ".repeat(many),
            "? ".repeat(many),
            "- 1\n".repeat(many),
            "a: [".repeat(many),
            "x".repeat(2 * 1024 * 1024),
            "\u{feff}\0\u{1}".to_owned(),
        ] {
            read(&document).unwrap_err();
        }
    }
}
