//! The JSON writer: members in the order of the calls, compact or pretty.
//!
//! Owns escaping and blanks. Must not know any endpoint. The caller opens and closes containers in
//! pairs; the writer puts commas and indentation.

use jeton_domain::value::{Map, Value};

/// How a body is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Layout {
    /// Without blanks.
    #[default]
    Compact,
    /// Indented by two blanks, with a newline at the end.
    Pretty,
}

/// Writes one JSON document.
#[derive(Debug)]
pub struct JsonWriter {
    out: Vec<u8>,
    layout: Layout,
    depth: usize,
    place: Place,
}

impl Default for JsonWriter {
    fn default() -> Self {
        Self::new(Layout::Compact)
    }
}

impl JsonWriter {
    /// A writer of an empty document.
    pub fn new(layout: Layout) -> Self {
        Self { out: Vec::with_capacity(512), layout, depth: 0, place: Place::First }
    }

    /// Opens an object.
    pub fn begin_object(&mut self) {
        self.begin(b'{');
    }

    /// Closes the object opened last.
    pub fn end_object(&mut self) {
        self.end(b'}');
    }

    /// Opens an array.
    pub fn begin_array(&mut self) {
        self.begin(b'[');
    }

    /// Closes the array opened last.
    pub fn end_array(&mut self) {
        self.end(b']');
    }

    /// The name of a member; its value must follow.
    pub fn name(&mut self, name: &str) {
        self.separate();
        self.quoted(name);
        match self.layout {
            Layout::Compact => self.out.push(b':'),
            Layout::Pretty => self.out.extend_from_slice(b" : "),
        }
        self.place = Place::AfterName;
    }

    /// A string.
    pub fn text(&mut self, text: &str) {
        self.separate();
        self.quoted(text);
    }

    /// A string, or null.
    pub fn text_or_null(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    /// A whole number.
    pub fn integer(&mut self, number: i64) {
        self.literal(&number.to_string());
    }

    /// A count.
    pub fn count(&mut self, number: u64) {
        self.literal(&number.to_string());
    }

    /// True or false.
    pub fn bool(&mut self, flag: bool) {
        self.literal(if flag { "true" } else { "false" });
    }

    /// Null.
    pub fn null(&mut self) {
        self.literal("null");
    }

    /// Text that is a complete JSON scalar already: a number, a word.
    pub fn literal(&mut self, literal: &str) {
        self.separate();
        self.out.extend_from_slice(literal.as_bytes());
    }

    /// An array of strings.
    pub fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) {
        self.begin_array();
        for text in texts {
            self.text(text);
        }
        self.end_array();
    }

    /// A whole value.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.null(),
            Value::Bool(flag) => self.bool(*flag),
            Value::Integer(number) => self.integer(*number),
            Value::Float(number) => self.literal(&format!("{number:?}")),
            Value::Text(text) => self.text(text),
            Value::List(items) => {
                self.begin_array();
                for item in items {
                    self.value(item);
                }
                self.end_array();
            }
            Value::Map(map) => self.map(map),
        }
    }

    /// An object with the members of `map`.
    pub fn map(&mut self, map: &Map) {
        self.begin_object();
        for (name, value) in map.members() {
            self.name(name);
            self.value(value);
        }
        self.end_object();
    }

    /// The document.
    pub fn finish(mut self) -> Vec<u8> {
        if self.layout == Layout::Pretty {
            self.out.push(b'\n');
        }
        self.out
    }

    fn begin(&mut self, bracket: u8) {
        self.separate();
        self.out.push(bracket);
        self.depth += 1;
        self.place = Place::First;
    }

    fn end(&mut self, bracket: u8) {
        self.depth = self.depth.saturating_sub(1);
        match (self.layout, self.place) {
            (Layout::Pretty, Place::First) => self.out.push(b' '),
            (Layout::Pretty, _) => self.new_line(),
            (Layout::Compact, _) => {}
        }
        self.out.push(bracket);
        self.place = Place::Later;
    }

    /// What stands between the previous piece and the next one.
    fn separate(&mut self) {
        let place = std::mem::replace(&mut self.place, Place::Later);
        if place == Place::AfterName {
            return;
        }
        if place == Place::Later {
            self.out.push(b',');
        }
        if self.layout == Layout::Pretty && self.depth > 0 {
            self.new_line();
        }
    }

    fn new_line(&mut self) {
        self.out.push(b'\n');
        for _ in 0..self.depth {
            self.out.extend_from_slice(b"  ");
        }
    }

    fn quoted(&mut self, text: &str) {
        self.out.push(b'"');
        let mut rest = text.as_bytes();
        while let Some(length) = rest.iter().position(|b| *b < 0x20 || *b == b'"' || *b == b'\\') {
            let (plain, special) = rest.split_at(length);
            self.out.extend_from_slice(plain);
            let Some((byte, after)) = special.split_first() else { break };
            self.escape(*byte);
            rest = after;
        }
        self.out.extend_from_slice(rest);
        self.out.push(b'"');
    }

    fn escape(&mut self, byte: u8) {
        let short = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            other => {
                self.out.extend_from_slice(format!("\\u{other:04X}").as_bytes());
                return;
            }
        };
        self.out.extend_from_slice(&[b'\\', short]);
    }
}

/// Where the writer stands in its container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    First,
    Later,
    AfterName,
}

#[cfg(test)]
mod tests {
    use super::super::scan::Scanner;
    use super::super::tree::read_value;
    use super::*;

    fn written(value: &Value, layout: Layout) -> String {
        let mut json = JsonWriter::new(layout);
        json.value(value);
        String::from_utf8(json.finish()).unwrap()
    }

    fn read(text: &str) -> Value {
        let mut scanner = Scanner::new(text.as_bytes());
        let first = scanner.next_token().unwrap().unwrap();
        read_value(&mut scanner, first).unwrap()
    }

    #[test]
    fn pretty_indents_by_two_blanks_and_ends_with_a_newline() {
        let value = read(r#"{"a":{"b":[1,"x"],"c":{},"d":[]},"e":null}"#);
        let wanted = "{\n  \"a\" : {\n    \"b\" : [\n      1,\n      \"x\"\n    ],\n    \"c\" : { },\n    \"d\" : [ ]\n  },\n  \"e\" : null\n}\n";
        assert_eq!(written(&value, Layout::Pretty), wanted);
    }

    #[test]
    fn special_characters_are_escaped() {
        let text = Value::Text("a\"\\\n\r\t\u{8}\u{c}\u{1}\u{e9}".into());
        assert_eq!(written(&text, Layout::Compact), "\"a\\\"\\\\\\n\\r\\t\\b\\f\\u0001\u{e9}\"");
    }

    fn values() -> impl proptest::strategy::Strategy<Value = Value> {
        use proptest::prelude::*;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Integer),
            any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Value::Float),
            ".*".prop_map(Value::Text),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                proptest::collection::vec((".*", inner), 0..6)
                    .prop_map(|members| Value::Map(members.into_iter().collect())),
            ]
        })
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(value in values()) {
            proptest::prop_assert_eq!(&read(&written(&value, Layout::Compact)), &value);
            proptest::prop_assert_eq!(&read(&written(&value, Layout::Pretty)), &value);
        }
    }
}
