//! JSON for those who must not know it: lent as two functions.

use jeton_domain::mapping::json::JsonText;
use jeton_domain::value::Value;

use super::scan::Scanner;
use super::tree::read_value;
use super::write::{JsonWriter, Layout};

/// JSON as this crate reads and writes it.
pub const JSON: JsonText = JsonText { read, print };

fn read(text: &str) -> Option<Value> {
    let mut scanner = Scanner::new(text.as_bytes());
    let first = scanner.next_token().ok()??;
    let value = read_value(&mut scanner, first).ok()?;
    scanner.is_at_end().then_some(value)
}

fn print(value: &Value) -> String {
    let mut json = JsonWriter::new(Layout::Compact);
    json.value(value);
    String::from_utf8_lossy(&json.finish()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_text_is_one_value_or_none() {
        for text in [r#"{"a":[1,null,"x"]}"#, "[]", "null", r#""a""#] {
            assert_eq!(print(&read(text).unwrap()), text);
            assert_eq!(read(&format!(" \n{text} \t\n")), read(text));
            assert_eq!(read(&format!("{text} {text}")), None);
            assert_eq!(read(&format!("{text}x")), None);
        }
        for text in ["", "  ", "{", "nul", "[1"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
