//! JSON as the service reads and writes it, for targets that test what stands behind it.
//!
//! Owns nothing but the way there. Must not know any target.

use jeton_domain::mapping::json::JsonText;
use jeton_domain::value::Value;
use jeton_rest::json::scan::Scanner;
use jeton_rest::json::tree::read_value;
use jeton_rest::json::write::{JsonWriter, Layout};

/// What the domain is lent.
pub const JSON: JsonText = JsonText { read: read_text, print };

/// The first value of an input; nothing if there is none.
pub fn read(input: &[u8]) -> Option<Value> {
    let mut scanner = Scanner::new(input);
    let first = scanner.next_token().ok()??;
    read_value(&mut scanner, first).ok()
}

/// A value as text without blanks.
pub fn print(value: &Value) -> String {
    let mut json = JsonWriter::new(Layout::Compact);
    json.value(value);
    String::from_utf8(json.finish()).expect("JSON is UTF-8")
}

fn read_text(text: &str) -> Option<Value> {
    let mut scanner = Scanner::new(text.as_bytes());
    let first = scanner.next_token().ok()??;
    let value = read_value(&mut scanner, first).ok()?;
    matches!(scanner.next_token(), Ok(None)).then_some(value)
}
