//! JSON: agrees with another parser, knows where it stands, and reads what it writes.
#![no_main]

use jeton_domain::value::Value;
use jeton_rest::json::scan::Scanner;
use jeton_rest::json::tree::read_value;
use jeton_rest::json::write::{JsonWriter, Layout};
use jeton_rest::json::{JsonError, Position};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    walk(input);
    let ours = read(input);
    let input = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
    let mut theirs = serde_json::Deserializer::from_slice(input).into_iter::<serde_json::Value>();
    let theirs = theirs.next();
    match (&ours, &theirs) {
        (Ok(Some(ours)), Some(Ok(theirs))) => assert!(is_same(ours, theirs), "{ours:?} {theirs}"),
        (Ok(None), None) | (Err(_), Some(Err(_))) => {}
        // What follows a complete value is ignored, even right behind a word.
        (Ok(Some(ours)), Some(Err(_))) => assert!(is_word(ours), "{ours:?}"),
        (Err(error), Some(Ok(_))) => assert!(is_stricter(error), "{error}"),
        _ => panic!("{ours:?} but {theirs:?}"),
    }
    if let Ok(Some(value)) = ours {
        for layout in [Layout::Compact, Layout::Pretty] {
            let text = write(&value, layout);
            assert_eq!(read(&text).unwrap().as_ref(), Some(&value), "what is written is read");
            assert_eq!(write(&value, layout), text);
        }
    }
});

/// Every position is inside the input, and none is before the one that came first.
fn walk(input: &[u8]) {
    let mut scanner = Scanner::new(input);
    let mut last = Position { line: 1, column: 1 };
    loop {
        let token = scanner.next_token();
        let at = match &token {
            Ok(_) => scanner.position(),
            Err(JsonError::Truncated { at, .. } | JsonError::Syntax { at, .. }) => *at,
        };
        check_inside(input, at);
        assert!((at.line, at.column) >= (last.line, last.column), "{last} then {at}");
        last = at;
        if !matches!(token, Ok(Some(_))) {
            return;
        }
    }
}

fn check_inside(input: &[u8], at: Position) {
    let line = input.split(|byte| *byte == b'\n').nth(at.line - 1).expect("a line of the input");
    assert!((1..=line.len() + 1).contains(&at.column), "{at} in a line of {}", line.len());
}

fn read(input: &[u8]) -> Result<Option<Value>, JsonError> {
    let mut scanner = Scanner::new(input);
    match scanner.next_token()? {
        Some(first) => read_value(&mut scanner, first).map(Some),
        None => Ok(None),
    }
}

fn write(value: &Value, layout: Layout) -> Vec<u8> {
    let mut json = JsonWriter::new(layout);
    json.value(value);
    json.finish()
}

fn is_word(value: &Value) -> bool {
    !matches!(value, Value::Map(_) | Value::List(_) | Value::Text(_))
}

/// What only this parser refuses.
fn is_stricter(error: &JsonError) -> bool {
    let text = error.to_string();
    ["Duplicate field", "Nested deeper", "More than", "Number too long"]
        .iter()
        .any(|reason| text.contains(reason))
}

fn is_same(ours: &Value, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Bool(ours), serde_json::Value::Bool(theirs)) => ours == theirs,
        (Value::Text(ours), serde_json::Value::String(theirs)) => ours == theirs,
        (Value::Integer(ours), serde_json::Value::Number(theirs)) => {
            theirs.as_i64() == Some(*ours) || (*ours == 0 && theirs.as_f64() == Some(0.0))
        }
        (Value::Float(ours), serde_json::Value::Number(theirs)) => theirs.as_f64() == Some(*ours),
        (Value::List(ours), serde_json::Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| is_same(a, b))
        }
        (Value::Map(ours), serde_json::Value::Object(theirs)) => {
            let members = ours.members().collect::<Vec<_>>();
            members.len() == theirs.len()
                && members
                    .iter()
                    .all(|(name, value)| theirs.get(*name).is_some_and(|b| is_same(value, b)))
        }
        _ => false,
    }
}
