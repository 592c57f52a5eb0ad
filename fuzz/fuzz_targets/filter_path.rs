//! `filter_path`: what is left was there before, in its order, and filtering twice changes nothing.
#![no_main]

use jeton_rest::filter::Filter;
use jeton_rest::json::write::{JsonWriter, Layout};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &str| {
    let (list, body) = input.split_once('\n').unwrap_or((input, SAMPLE));
    let body = if is_body(body) { body } else { SAMPLE };
    let Some(filter) = Filter::parse(list) else {
        assert!(list.split(',').all(|item| item.trim().is_empty()));
        return;
    };
    let Some(once) = apply(&filter, body.as_bytes()) else { return };
    let whole: Value = serde_json::from_str(body).expect("a body is checked above");
    let left: Value = serde_json::from_slice(&once).expect("what is left is JSON");
    assert!(is_part(&left, &whole), "{left} is no part of {whole}");
    let twice = apply(&filter, &once).expect("what is left can be filtered");
    assert_eq!(String::from_utf8_lossy(&twice), String::from_utf8_lossy(&once));
});

/// Bodies are objects or arrays, and this service never prints a name twice.
fn is_body(body: &str) -> bool {
    let value = serde_json::from_str::<Value>(body);
    value.is_ok_and(|value| value.is_object() || value.is_array())
}

fn apply(filter: &Filter, body: &[u8]) -> Option<Vec<u8>> {
    let mut json = JsonWriter::new(Layout::Compact);
    filter.apply(body, &mut json).ok()?;
    Some(json.finish())
}

/// Members that are left had the same name, items the same order, and scalars are untouched.
fn is_part(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|of| is_part(value, of)))
        }
        (Value::Array(part), Value::Array(whole)) => {
            let mut rest = whole.iter();
            part.iter().all(|item| rest.any(|of| is_part(item, of)))
        }
        _ => part == whole,
    }
}

const SAMPLE: &str = r#"{"access_token":"a","authentication":{"username":"u","roles":["r1","r2"],"metadata":{},"realm":{"name":"n","type":"t"}},"list":[{"x":1,"y":2},{"y":3},[],[{"x":null}]]}"#;
