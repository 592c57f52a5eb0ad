//! The query string: decoded like the rules say, and what was encoded reads back.
#![no_main]

use std::fmt::Write as _;

use jeton_rest::query::Query;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    match Query::parse(Some(input)) {
        Ok(query) => {
            if let Err(error) = query.view() {
                assert_eq!(error.status(), 400);
            }
            let known = ["refresh", "timeout"];
            for refused in [query.check_refresh(), query.refuse_others("/p", &known)] {
                assert!(refused.is_ok_and(|()| true) || !input.is_empty());
            }
        }
        Err(error) => {
            assert_eq!(error.status(), 400);
            assert!(input.contains('%') || input.len() > 1024, "only decoding and length can fail");
        }
    }
    round_trip(input);
});

/// Each line is a name or a value, in turn.
fn round_trip(input: &str) {
    let lines: Vec<&str> = input.split('\n').take(64).collect();
    let pairs: Vec<(&str, &str)> = lines.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let encoded: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    let query = Query::parse(Some(&encoded.join("&"))).expect("what is encoded is decodable");
    for (name, _) in &pairs {
        let last = pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| *value);
        assert_eq!(query.value(name), last);
    }
}

fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02x}").unwrap();
        }
    }
    encoded
}
