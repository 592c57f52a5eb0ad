//! Reading whole values: metadata and the bodies of users and roles.
//!
//! Owns how JSON numbers become values and how large a tree may be. Must not know any endpoint.

use jeton_domain::limits::JSON_NODES_MAX;
use jeton_domain::value::{Map, Value};

use super::JsonError;
use super::scan::{Scanner, Token};

/// Reads the value that `first` begins, which `scanner` has just returned.
pub fn read_value(scanner: &mut Scanner<'_>, first: Token<'_>) -> Result<Value, JsonError> {
    let mut budget = JSON_NODES_MAX;
    read_within(scanner, first, &mut budget)
}

/// Reads the members of an object whose start `scanner` has just returned.
pub fn read_members(scanner: &mut Scanner<'_>) -> Result<Map, JsonError> {
    let mut budget = JSON_NODES_MAX;
    members(scanner, &mut budget)
}

/// Depth is bounded by the scanner, so the recursion is too.
fn read_within(
    scanner: &mut Scanner<'_>,
    first: Token<'_>,
    budget: &mut usize,
) -> Result<Value, JsonError> {
    let Some(left) = budget.checked_sub(1) else {
        let problem = format!("More than {JSON_NODES_MAX} values");
        return Err(JsonError::Syntax { at: scanner.position(), problem });
    };
    *budget = left;
    Ok(match first {
        Token::StartObject => Value::Map(members(scanner, budget)?),
        Token::StartArray => {
            let mut items = Vec::new();
            while let Some(token) = scanner.next_token()? {
                if token == Token::EndArray {
                    break;
                }
                items.push(read_within(scanner, token, budget)?);
            }
            Value::List(items)
        }
        Token::Text(text) | Token::Name(text) => Value::Text(text.into_owned()),
        Token::Number(text) => number(scanner, text)?,
        Token::Bool(flag) => Value::Bool(flag),
        Token::Null | Token::EndObject | Token::EndArray => Value::Null,
    })
}

fn members(scanner: &mut Scanner<'_>, budget: &mut usize) -> Result<Map, JsonError> {
    let mut members = Vec::new();
    while let Some(Token::Name(name)) = scanner.next_token()? {
        if let Some(first) = scanner.next_token()? {
            members.push((name.into_owned(), read_within(scanner, first, budget)?));
        }
    }
    Ok(members.into_iter().collect())
}

fn number(scanner: &Scanner<'_>, text: &str) -> Result<Value, JsonError> {
    if let Ok(whole) = text.parse() {
        return Ok(Value::Integer(whole));
    }
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() => Ok(Value::Float(float)),
        _ => {
            let problem = String::from("Number out of range");
            Err(JsonError::Syntax { at: scanner.position(), problem })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, JsonError> {
        let mut scanner = Scanner::new(text.as_bytes());
        let first = scanner.next_token()?.expect("a token");
        read_value(&mut scanner, first)
    }

    #[test]
    fn members_keep_their_order() {
        let Value::Map(map) = read(r#"{"z":1,"a":{"y":[true,null,"t"]},"m":-2.5}"#).unwrap() else {
            panic!("not a map")
        };
        let names: Vec<_> = map.members().map(|(name, _)| name).collect();
        assert_eq!(names, ["z", "a", "m"]);
        assert_eq!(map.value("m"), Some(&Value::Float(-2.5)));
    }

    #[test]
    fn numbers_beyond_64_bits_become_floats_and_infinite_ones_are_refused() {
        assert_eq!(read("[9223372036854775807]"), Ok(Value::List(vec![Value::Integer(i64::MAX)])));
        assert_eq!(
            read("[9223372036854775808]"),
            Ok(Value::List(vec![Value::Float(9.223_372_036_854_776e18)]))
        );
        assert!(read("[1e999]").is_err());
    }

    #[test]
    fn a_tree_without_end_is_refused() {
        let text = format!("[{}0]", "0,".repeat(JSON_NODES_MAX));
        assert!(read(&text).unwrap_err().to_string().contains("More than"));
    }
}
