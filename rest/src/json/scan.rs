//! The pull parser: bytes to tokens, one at a time, with the position of each.
//!
//! Owns the grammar, the refusal of repeated member names and the depth limit. Must not know what
//! a document means. Bytes after the first complete value are never looked at.

use std::borrow::Cow;
use std::collections::HashSet;

use jeton_domain::limits::{ANSWER_LEVELS, JSON_NUMBER_CHARS_MAX, VALUE_DEPTH_MAX};

use super::{JsonError, Position};

/// One piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// `{`
    StartObject,
    /// `}`
    EndObject,
    /// `[`
    StartArray,
    /// `]`
    EndArray,
    /// The name of a member; its value follows.
    Name(Cow<'a, str>),
    /// A string.
    Text(Cow<'a, str>),
    /// A number as it was written, checked against the grammar.
    Number(&'a str),
    /// True or false.
    Bool(bool),
    /// Null.
    Null,
}

impl Token<'_> {
    /// The name that the wire has for this kind of token.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::StartObject => "START_OBJECT",
            Self::EndObject => "END_OBJECT",
            Self::StartArray => "START_ARRAY",
            Self::EndArray => "END_ARRAY",
            Self::Name(_) => "FIELD_NAME",
            Self::Text(_) => "VALUE_STRING",
            Self::Number(_) => "VALUE_NUMBER",
            Self::Bool(_) => "VALUE_BOOLEAN",
            Self::Null => "VALUE_NULL",
        }
    }
}

/// Reads tokens from bytes.
#[derive(Debug)]
pub struct Scanner<'a> {
    input: &'a [u8],
    at: usize,
    line: usize,
    line_start: usize,
    token_start: Position,
    open: Vec<Frame<'a>>,
    next: Next,
    depth_max: usize,
}

impl<'a> Scanner<'a> {
    /// A scanner at the start of `input`. A byte order mark is skipped.
    pub fn new(input: &'a [u8]) -> Self {
        Self::with_depth(input, VALUE_DEPTH_MAX)
    }

    /// A scanner of an answer of ours, in which values from outside stand a few levels deeper.
    pub(crate) fn of_answer(input: &'a [u8]) -> Self {
        Self::with_depth(input, VALUE_DEPTH_MAX + ANSWER_LEVELS)
    }

    fn with_depth(input: &'a [u8], depth_max: usize) -> Self {
        let input = input.strip_prefix(BYTE_ORDER_MARK).unwrap_or(input);
        Self {
            input,
            at: 0,
            line: 1,
            line_start: 0,
            token_start: Position { line: 1, column: 1 },
            open: Vec::new(),
            next: Next::Value,
            depth_max,
        }
    }

    /// Where the newest token starts; after an error or the end, where the scanner stands.
    pub const fn position(&self) -> Position {
        self.token_start
    }

    /// Whether nothing but blanks is left.
    pub fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        self.peek().is_none()
    }

    /// The next token; nothing after the first complete value, or in a text of blanks only.
    pub fn next_token(&mut self) -> Result<Option<Token<'a>>, JsonError> {
        self.skip_blanks();
        self.token_start = self.here();
        match self.next {
            Next::Nothing => Ok(None),
            Next::Value if self.open.is_empty() && self.peek().is_none() => Ok(None),
            Next::ValueOrEnd if self.peek() == Some(b']') => Ok(Some(self.close())),
            Next::Value | Next::ValueOrEnd => self.value().map(Some),
            Next::NameOrEnd if self.peek() == Some(b'}') => Ok(Some(self.close())),
            Next::NameOrEnd => self.name().map(Some),
            Next::CommaOrEnd => self.after_comma().map(Some),
        }
    }

    /// Passes over the value that `first` begins, which this scanner has just returned.
    pub fn skip_value(&mut self, first: &Token<'_>) -> Result<(), JsonError> {
        if !matches!(first, Token::StartObject | Token::StartArray) {
            return Ok(());
        }
        let depth = self.open.len();
        while self.open.len() >= depth {
            self.next_token()?;
        }
        Ok(())
    }

    fn after_comma(&mut self) -> Result<Token<'a>, JsonError> {
        let is_object = matches!(self.open.last(), Some(Frame::Object { .. }));
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.skip_blanks();
                self.token_start = self.here();
                if is_object { self.name() } else { self.value() }
            }
            Some(b'}') if is_object => Ok(self.close()),
            Some(b']') if !is_object => Ok(self.close()),
            Some(_) if is_object => Err(self.syntax("Unexpected character: expected ',' or '}'")),
            Some(_) => Err(self.syntax("Unexpected character: expected ',' or ']'")),
            None => Err(self.truncated()),
        }
    }

    fn name(&mut self) -> Result<Token<'a>, JsonError> {
        match self.peek() {
            Some(b'"') => self.at += 1,
            Some(_) => return Err(self.syntax("Unexpected character: expected a member name")),
            None => return Err(self.truncated()),
        }
        let name = self.text()?;
        let is_new = match self.open.last_mut() {
            Some(Frame::Object { names, .. }) => names.insert(name.clone()),
            _ => true,
        };
        if !is_new {
            return Err(self.syntax(format!("Duplicate field '{name}'")));
        }
        self.skip_blanks();
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(_) => return Err(self.syntax("Unexpected character: expected ':' after a name")),
            None => return Err(self.truncated()),
        }
        self.next = Next::Value;
        Ok(Token::Name(name))
    }

    fn value(&mut self) -> Result<Token<'a>, JsonError> {
        let Some(first) = self.peek() else {
            return Err(self.truncated());
        };
        match first {
            b'{' => {
                self.enter(Frame::Object { at: self.token_start, names: HashSet::new() })?;
                self.next = Next::NameOrEnd;
                return Ok(Token::StartObject);
            }
            b'[' => {
                self.enter(Frame::Array { at: self.token_start })?;
                self.next = Next::ValueOrEnd;
                return Ok(Token::StartArray);
            }
            _ => {}
        }
        let token = match first {
            b'"' => {
                self.at += 1;
                Token::Text(self.text()?)
            }
            b'-' | b'0'..=b'9' => Token::Number(self.number()?),
            _ => self.word()?,
        };
        self.next = if self.open.is_empty() { Next::Nothing } else { Next::CommaOrEnd };
        Ok(token)
    }

    fn enter(&mut self, frame: Frame<'a>) -> Result<(), JsonError> {
        if self.open.len() >= self.depth_max {
            return Err(self.syntax(format!("Nested deeper than {} levels", self.depth_max)));
        }
        self.open.push(frame);
        self.at += 1;
        Ok(())
    }

    fn close(&mut self) -> Token<'a> {
        let frame = self.open.pop();
        self.at += 1;
        self.next = if self.open.is_empty() { Next::Nothing } else { Next::CommaOrEnd };
        match frame {
            Some(Frame::Array { .. }) => Token::EndArray,
            _ => Token::EndObject,
        }
    }

    /// A string whose opening quote has been read.
    fn text(&mut self) -> Result<Cow<'a, str>, JsonError> {
        let mut read = String::new();
        loop {
            let rest = self.rest();
            let Some(length) = rest.iter().position(|b| *b == b'"' || *b == b'\\' || *b < 0x20)
            else {
                self.at = self.input.len();
                return Err(self.truncated());
            };
            let (plain, rest) = rest.split_at(length);
            let plain = std::str::from_utf8(plain)
                .map_err(|_| self.syntax("Invalid UTF-8 inside a string"))?;
            self.at += length;
            match rest.first() {
                Some(b'"') => {
                    self.at += 1;
                    if read.is_empty() {
                        return Ok(Cow::Borrowed(plain));
                    }
                    read.push_str(plain);
                    return Ok(Cow::Owned(read));
                }
                Some(b'\\') => {
                    read.push_str(plain);
                    self.at += 1;
                    read.push(self.escape()?);
                }
                _ => return Err(self.syntax("Illegal unescaped control character in a string")),
            }
        }
    }

    /// The character behind a backslash that has been read.
    fn escape(&mut self) -> Result<char, JsonError> {
        let Some(byte) = self.peek() else {
            return Err(self.truncated());
        };
        self.at += 1;
        Ok(match byte {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(self.syntax("Unrecognized character escape in a string")),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let high = self.hex_unit()?;
        if !(0xD800..0xDC00).contains(&high) {
            return char::from_u32(high).ok_or_else(|| self.syntax(LONE_SURROGATE));
        }
        for wanted in *b"\\u" {
            match self.peek() {
                Some(byte) if byte == wanted => self.at += 1,
                Some(_) => return Err(self.syntax(LONE_SURROGATE)),
                None => return Err(self.truncated()),
            }
        }
        let low = self.hex_unit()?;
        if !(0xDC00..0xE000).contains(&low) {
            return Err(self.syntax(LONE_SURROGATE));
        }
        char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))
            .ok_or_else(|| self.syntax(LONE_SURROGATE))
    }

    fn hex_unit(&mut self) -> Result<u32, JsonError> {
        let mut unit = 0;
        for _ in 0..4 {
            let Some(byte) = self.peek() else {
                return Err(self.truncated());
            };
            let Some(digit) = char::from(byte).to_digit(16) else {
                return Err(self.syntax("Expected a hexadecimal digit in a character escape"));
            };
            unit = unit * 16 + digit;
            self.at += 1;
        }
        Ok(unit)
    }

    fn number(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.syntax("Leading zeros are not allowed in a number"));
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        self.end_of_word()?;
        let text = self.input.get(start..self.at).unwrap_or_default();
        if text.len() > JSON_NUMBER_CHARS_MAX {
            return Err(self.syntax("Number too long"));
        }
        std::str::from_utf8(text).map_err(|_| self.syntax("Invalid number"))
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let length = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += length;
        match (length, self.peek()) {
            (0, None) => Err(self.truncated()),
            (0, Some(_)) => Err(self.syntax("Unexpected character: expected a digit")),
            _ => Ok(()),
        }
    }

    fn word(&mut self) -> Result<Token<'a>, JsonError> {
        let words =
            [("true", Token::Bool(true)), ("false", Token::Bool(false)), ("null", Token::Null)];
        let rest = self.rest();
        for (word, token) in words {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                self.end_of_word()?;
                return Ok(token);
            }
            if word.as_bytes().starts_with(rest) {
                self.at = self.input.len();
                return Err(self.truncated());
            }
        }
        Err(self.syntax("Unrecognized token: expected a JSON value"))
    }

    /// Numbers and words end at a blank, at punctuation or with the text.
    fn end_of_word(&self) -> Result<(), JsonError> {
        match self.peek() {
            None | Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'}') => Ok(()),
            Some(_) if self.open.is_empty() => Ok(()),
            Some(_) => Err(self.syntax("Unexpected character: expected the end of the value")),
        }
    }

    fn skip_blanks(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    self.line_start = self.at;
                }
                _ => return,
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    const fn here(&self) -> Position {
        Position { line: self.line, column: self.at - self.line_start + 1 }
    }

    fn syntax(&self, problem: impl Into<String>) -> JsonError {
        JsonError::Syntax { at: self.token_start, problem: problem.into() }
    }

    fn truncated(&self) -> JsonError {
        let open = match self.open.last() {
            Some(Frame::Object { at, .. }) => format!("the object that starts at {at} is open"),
            Some(Frame::Array { at }) => format!("the array that starts at {at} is open"),
            None => String::from("expected a complete value"),
        };
        JsonError::Truncated { at: self.here(), open }
    }
}

/// A container whose end has not been read.
#[derive(Debug)]
enum Frame<'a> {
    Object { at: Position, names: HashSet<Cow<'a, str>> },
    Array { at: Position },
}

/// What the grammar allows next.
#[derive(Clone, Copy, Debug)]
enum Next {
    Value,
    ValueOrEnd,
    NameOrEnd,
    CommaOrEnd,
    Nothing,
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

const LONE_SURROGATE: &str = "Incomplete surrogate pair in a character escape";

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<Vec<(String, Token<'_>)>, JsonError> {
        let mut scanner = Scanner::new(text.as_bytes());
        let mut found = Vec::new();
        while let Some(token) = scanner.next_token()? {
            found.push((scanner.position().to_string(), token));
        }
        Ok(found)
    }

    fn error(text: &str) -> String {
        tokens(text).unwrap_err().to_string()
    }

    #[test]
    fn tokens_carry_line_and_column_of_their_start() {
        let found = tokens("{\n  \"a\" : [1, true],\n\"b\":null}").unwrap();
        let places: Vec<_> =
            found.iter().map(|(at, token)| format!("{at}{}", token.kind())).collect();
        assert_eq!(
            places,
            [
                "[1:1]START_OBJECT",
                "[2:3]FIELD_NAME",
                "[2:9]START_ARRAY",
                "[2:10]VALUE_NUMBER",
                "[2:13]VALUE_BOOLEAN",
                "[2:17]END_ARRAY",
                "[3:1]FIELD_NAME",
                "[3:5]VALUE_NULL",
                "[3:9]END_OBJECT",
            ]
        );
    }

    #[test]
    fn escapes_become_characters() {
        let found = tokens(r#""a\"\\\/\b\f\n\r\tA\u00e9\ud83d\ude00z""#).unwrap();
        assert_eq!(found[0].1, Token::Text("a\"\\/\u{8}\u{c}\n\r\tA\u{e9}\u{1F600}z".into()));
    }

    #[test]
    fn bytes_after_the_first_value_are_ignored() {
        assert_eq!(tokens("{} trailing {").unwrap().len(), 2);
        assert_eq!(tokens("{}}").unwrap().len(), 2);
    }

    #[test]
    fn a_text_of_blanks_has_no_token() {
        assert!(tokens(" \n\t ").unwrap().is_empty());
        assert!(tokens("").unwrap().is_empty());
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(tokens("\u{feff}{}").unwrap().len(), 2);
    }

    #[test]
    fn an_end_inside_a_value_is_told_from_bad_syntax() {
        for text in ["{", "[", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":1", "[1,", "\"a\\", "\"\\u00"] {
            assert!(matches!(tokens(text), Err(JsonError::Truncated { .. })), "{text}");
        }
        for text in ["[tru", "-", "1.", "1e", "[1", "[nul"] {
            assert!(matches!(tokens(text), Err(JsonError::Truncated { .. })), "{text}");
        }
        for text in [
            "{a:1}",
            "{\"a\" 1}",
            "{\"a\":1 \"b\":2}",
            "[1 2]",
            "{]",
            "[}",
            "{,}",
            "[1,]",
            "[01]",
            "[+1]",
            "[.5]",
            "[1.x]",
            "[truest]",
            "[1a]",
            "'a'",
            "nope",
            "[\"\\x\"]",
            "[\"\\ud800\"]",
            "[\"\\ud800\\u0041\"]",
            "[\"\\udc00\"]",
            "[\"a\nb\"]",
            "{\"a\":1,}",
        ] {
            assert!(matches!(tokens(text), Err(JsonError::Syntax { .. })), "{text}");
        }
    }

    #[test]
    fn a_repeated_name_is_refused_where_it_stands() {
        assert_eq!(error("{\"a\":1,\n \"a\":2}"), "[2:2] Duplicate field 'a'");
        assert_eq!(error("{\"a\":1,\"\\u0061\":2}"), "[1:8] Duplicate field 'a'");
        assert!(tokens("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]}").is_ok());
    }

    #[test]
    fn the_end_names_what_is_open() {
        assert_eq!(
            error("{\"grant_type\":\"pass"),
            "[1:20] Unexpected end of input: the object that starts at [1:1] is open"
        );
    }

    #[test]
    fn depth_is_limited() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(tokens(&deep(VALUE_DEPTH_MAX)).is_ok());
        assert!(error(&deep(VALUE_DEPTH_MAX + 1)).contains("Nested deeper"));
    }

    #[test]
    fn broken_utf8_is_refused() {
        let mut scanner = Scanner::new(b"\"\xff\"");
        assert!(matches!(scanner.next_token(), Err(JsonError::Syntax { .. })));
    }

    #[test]
    fn a_value_can_be_passed_over() {
        let mut scanner = Scanner::new(b"[{\"a\":[1,{}]},7]");
        scanner.next_token().unwrap();
        let first = scanner.next_token().unwrap().unwrap();
        scanner.skip_value(&first).unwrap();
        assert_eq!(scanner.next_token().unwrap(), Some(Token::Number("7")));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_end_in_tokens_or_an_error(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)
        ) {
            let mut scanner = Scanner::new(&bytes);
            while let Ok(Some(_)) = scanner.next_token() {}
        }

        #[test]
        fn bits_of_json_end_in_tokens_or_an_error(text in r#"[\[\]{}:,"\\u0-9truefalsn \n.-]{0,60}"#) {
            let mut scanner = Scanner::new(text.as_bytes());
            while let Ok(Some(_)) = scanner.next_token() {}
        }
    }
}
