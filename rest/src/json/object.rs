//! The declarative object parser: named fields of text, with the parser's name in every message.
//!
//! Owns the messages about unknown fields and wrong kinds of value. Must not know what the fields
//! mean; the caller pulls one member after the other and may stop at any.

use std::borrow::Cow;

use super::Position;
use super::scan::{Scanner, Token};
use crate::error::ApiError;
use crate::suggest::did_you_mean;

/// Reads one object whose members are all optional texts.
#[derive(Debug)]
pub struct TextObject<'a> {
    parser: &'static str,
    fields: &'static [&'static str],
    scanner: Scanner<'a>,
}

/// One member of the object.
#[derive(Debug, PartialEq, Eq)]
pub struct TextMember<'a> {
    /// Its name, one of the parser's fields.
    pub field: &'static str,
    /// Its text.
    pub text: Cow<'a, str>,
    /// Where the text starts.
    pub at: Position,
}

impl<'a> TextObject<'a> {
    /// Enters the object that is all of `body`. `parser` is the name in messages.
    pub fn open(
        body: &'a [u8],
        parser: &'static str,
        fields: &'static [&'static str],
    ) -> Result<Self, ApiError> {
        let mut scanner = Scanner::new(body);
        let first = scanner.next_token()?;
        if first != Some(Token::StartObject) {
            let found = first.map_or("null", |token| token.kind());
            let at = scanner.position();
            let reason = format!("{at} [{parser}] Expected START_OBJECT but was: {found}");
            return Err(ApiError::x_content(reason));
        }
        Ok(Self { parser, fields, scanner })
    }

    /// The next member; nothing at the end of the object.
    pub fn next_member(&mut self) -> Result<Option<TextMember<'a>>, ApiError> {
        let Some(Token::Name(name)) = self.scanner.next_token()? else {
            return Ok(None);
        };
        let name_at = self.scanner.position();
        let value = self.scanner.next_token()?.unwrap_or(Token::Null);
        let Some(field) = self.fields.iter().copied().find(|field| *field == name) else {
            return Err(self.unknown(name_at, &name));
        };
        let at = self.scanner.position();
        match value {
            Token::Text(text) => Ok(Some(TextMember { field, text, at })),
            other => Err(ApiError::x_content(format!(
                "{at} [{}] {field} doesn't support values of type: {}",
                self.parser,
                other.kind()
            ))),
        }
    }

    fn unknown(&self, at: Position, name: &str) -> ApiError {
        let hint = did_you_mean(name, self.fields);
        ApiError::x_content(format!("{at} [{}] unknown field [{name}]{hint}", self.parser))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Trace;
    use crate::json::write::{JsonWriter, Layout};

    fn refusal(body: &str) -> String {
        let read = || -> Result<(), ApiError> {
            let fields = &["grant_type", "scope", "token", "tokens"];
            let mut object = TextObject::open(body.as_bytes(), "token_request", fields)?;
            while object.next_member()?.is_some() {}
            Ok(())
        };
        let mut json = JsonWriter::new(Layout::Compact);
        read().unwrap_err().print(&mut json, Trace::Hidden);
        let body = String::from_utf8(json.finish()).unwrap();
        let (_, last) = body.rsplit_once("\"type\":\"").unwrap();
        last.replace("\",\"reason\":\"", " ").trim_end_matches("\"},\"status\":400}").into()
    }

    #[test]
    fn members_come_in_the_order_of_the_body() {
        let body = b"{\"scope\":\"s\",\n \"grant_type\":\"g\"} rest";
        let mut object = TextObject::open(body, "p", &["grant_type", "scope"]).unwrap();
        let first = object.next_member().unwrap().unwrap();
        assert_eq!((first.field, first.text.as_ref()), ("scope", "s"));
        let second = object.next_member().unwrap().unwrap();
        assert_eq!(second.at, Position { line: 2, column: 15 });
        assert_eq!(object.next_member().unwrap(), None);
    }

    /// Case 19 of the wire.
    #[test]
    fn an_unknown_field_is_named_with_its_place_and_a_suggestion() {
        assert_eq!(
            refusal("{\n  \"grant_typ\" : 1}"),
            "x_content_parse_exception [2:3] [token_request] unknown field [grant_typ] did you mean [grant_type]?"
        );
        assert_eq!(
            refusal(r#"{"tokenss":"x"}"#),
            "x_content_parse_exception [1:2] [token_request] unknown field [tokenss] did you mean any of [tokens, token]?"
        );
        assert_eq!(
            refusal(r#"{"zzz":{}}"#),
            "x_content_parse_exception [1:2] [token_request] unknown field [zzz]"
        );
    }

    /// Case 20 of the wire.
    #[test]
    fn only_text_is_a_value() {
        for (value, kind) in [
            ("5", "VALUE_NUMBER"),
            ("null", "VALUE_NULL"),
            ("true", "VALUE_BOOLEAN"),
            ("{}", "START_OBJECT"),
            ("[1]", "START_ARRAY"),
        ] {
            assert_eq!(
                refusal(&format!("{{\"grant_type\":{value}}}")),
                format!(
                    "x_content_parse_exception [1:15] [token_request] grant_type doesn't support values of type: {kind}"
                )
            );
        }
    }

    /// Case 23 of the wire.
    #[test]
    fn the_top_level_is_an_object() {
        assert_eq!(
            refusal("[]"),
            "x_content_parse_exception [1:1] [token_request] Expected START_OBJECT but was: START_ARRAY"
        );
        assert_eq!(
            refusal("  "),
            "x_content_parse_exception [1:3] [token_request] Expected START_OBJECT but was: null"
        );
        assert!(refusal("\"x\"").ends_with("but was: VALUE_STRING"));
    }

    /// Case 22 of the wire.
    #[test]
    fn a_truncated_body_has_a_type_of_its_own() {
        assert!(refusal(r#"{"grant_type":"pass"#).starts_with("x_content_e_o_f_exception [1:20] "));
        assert!(refusal(r#"{"grant_typ":"#).starts_with("x_content_e_o_f_exception"));
    }

    #[test]
    fn bad_json_and_repeated_fields_are_parse_errors() {
        assert!(refusal("{grant_type}").starts_with("x_content_parse_exception [1:2] "));
        assert_eq!(
            refusal(r#"{"scope":"a","scope":"b"}"#),
            "x_content_parse_exception [1:14] Duplicate field 'scope'"
        );
    }
}
