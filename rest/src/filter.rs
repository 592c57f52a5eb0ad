//! `filter_path`: which members of a success body are shown.
//!
//! Owns the grammar of the patterns (`a.b`, `*`, `**`, a leading `-` to leave out) and their
//! application, one pass over the printed body. Must not know any endpoint. Arrays are
//! transparent: a pattern names members only. Containers that end up empty are not printed, the
//! outermost one excepted.

use jeton_domain::limits::FILTER_PATTERNS_MAX;

use crate::json::JsonError;
use crate::json::scan::{Scanner, Token};
use crate::json::write::JsonWriter;

/// The patterns of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    shown: Vec<Pattern>,
    hidden: Vec<Pattern>,
}

impl Filter {
    /// Reads a comma list; nothing if it holds no pattern.
    pub fn parse(list: &str) -> Option<Self> {
        let (mut shown, mut hidden) = (Vec::new(), Vec::new());
        for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            if shown.len() + hidden.len() >= FILTER_PATTERNS_MAX {
                break;
            }
            match item.strip_prefix('-') {
                Some(left_out) => hidden.push(Pattern::parse(left_out)),
                None => shown.push(Pattern::parse(item)),
            }
        }
        (!shown.is_empty() || !hidden.is_empty()).then_some(Self { shown, hidden })
    }

    /// Writes what the patterns leave of the JSON document `body`.
    pub fn apply(&self, body: &[u8], json: &mut JsonWriter) -> Result<(), JsonError> {
        let mut scanner = Scanner::of_answer(body);
        let Some(first) = scanner.next_token()? else {
            return Ok(());
        };
        let root = View {
            shown: self.shown.iter().map(|pattern| pattern.0.as_slice()).collect(),
            hidden: self.hidden.iter().map(|pattern| pattern.0.as_slice()).collect(),
            is_shown: self.shown.is_empty(),
        };
        let is_object = first == Token::StartObject;
        let mut walk = Walk { scanner, json, pending: Vec::new() };
        if !walk.value(first, &root)? {
            if is_object {
                walk.json.begin_object();
                walk.json.end_object();
            } else {
                walk.json.begin_array();
                walk.json.end_array();
            }
        }
        Ok(())
    }
}

/// One pattern, split at its dots.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern(Vec<Step>);

impl Pattern {
    fn parse(text: &str) -> Self {
        Self(text.split('.').map(Step::parse).collect())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// `**`: any number of members.
    AnyDepth,
    /// A name in which `*` stands for any run of characters.
    Name(String),
}

impl Step {
    fn parse(text: &str) -> Self {
        if text == "**" { Self::AnyDepth } else { Self::Name(text.into()) }
    }
}

/// What the patterns still ask for below one place of the document.
struct View<'f> {
    shown: Vec<&'f [Step]>,
    hidden: Vec<&'f [Step]>,
    /// A pattern has ended above, or there is none: all below is shown unless hidden.
    is_shown: bool,
}

impl View<'_> {
    /// The view on the member `name`; nothing if the member is hidden or cannot hold a match.
    fn member(&self, name: &str) -> Option<Self> {
        let (hidden, is_hidden) = advance(&self.hidden, name);
        let (shown, is_matched) = advance(&self.shown, name);
        let is_shown = self.is_shown || is_matched;
        (!is_hidden && (is_shown || !shown.is_empty())).then_some(Self { shown, hidden, is_shown })
    }
}

/// The rests of `patterns` behind the member `name`, and whether one of them ended with it.
fn advance<'f>(patterns: &[&'f [Step]], name: &str) -> (Vec<&'f [Step]>, bool) {
    let mut rests: Vec<&'f [Step]> = Vec::new();
    let mut is_ended = false;
    for pattern in patterns {
        let mut rest = *pattern;
        while let Some((step, after)) = rest.split_first() {
            let Step::Name(wanted) = step else {
                if after.is_empty() {
                    is_ended = true;
                } else if !rests.contains(&rest) {
                    rests.push(rest);
                }
                rest = after;
                continue;
            };
            if matches_name(wanted.as_bytes(), name.as_bytes()) {
                if after.is_empty() {
                    is_ended = true;
                } else if !rests.contains(&after) {
                    rests.push(after);
                }
            }
            break;
        }
    }
    (rests, is_ended)
}

/// Greedy match with one point of return, so the time is the product of both lengths at most.
fn matches_name(pattern: &[u8], name: &[u8]) -> bool {
    let (mut pattern_at, mut name_at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(name_at) {
        match pattern.get(pattern_at) {
            Some(b'*') => {
                star = Some((pattern_at, name_at));
                pattern_at += 1;
            }
            Some(wanted) if wanted == byte => {
                pattern_at += 1;
                name_at += 1;
            }
            _ => {
                let Some((star_at, covered)) = star else { return false };
                star = Some((star_at, covered + 1));
                pattern_at = star_at + 1;
                name_at = covered + 1;
            }
        }
    }
    pattern.get(pattern_at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

/// One pass over the document. Containers are opened when their first content is known.
struct Walk<'a, 'w> {
    scanner: Scanner<'a>,
    json: &'w mut JsonWriter,
    pending: Vec<Pending>,
}

enum Pending {
    Object,
    Array,
    Name(String),
}

impl Walk<'_, '_> {
    /// Writes what `view` leaves of the value that `first` begins; whether anything was written.
    fn value(&mut self, first: Token<'_>, view: &View<'_>) -> Result<bool, JsonError> {
        match first {
            Token::StartObject => self.object(view),
            Token::StartArray => self.array(view),
            scalar if view.is_shown => {
                self.flush();
                self.scalar(&scalar);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn object(&mut self, view: &View<'_>) -> Result<bool, JsonError> {
        let held = self.pending.len();
        self.pending.push(Pending::Object);
        let mut is_written = false;
        let mut is_empty = true;
        while let Some(Token::Name(name)) = self.scanner.next_token()? {
            is_empty = false;
            let Some(first) = self.scanner.next_token()? else { break };
            let Some(below) = view.member(&name) else {
                self.scanner.skip_value(&first)?;
                continue;
            };
            let before = self.pending.len();
            self.pending.push(Pending::Name(name.into_owned()));
            if self.value(first, &below)? {
                is_written = true;
            } else {
                self.pending.truncate(before);
            }
        }
        Ok(self.leave(held, is_written || (is_empty && view.is_shown), JsonWriter::end_object))
    }

    fn array(&mut self, view: &View<'_>) -> Result<bool, JsonError> {
        let held = self.pending.len();
        self.pending.push(Pending::Array);
        let mut is_written = false;
        let mut is_empty = true;
        while let Some(token) = self.scanner.next_token()? {
            if token == Token::EndArray {
                break;
            }
            is_empty = false;
            is_written |= self.value(token, view)?;
        }
        Ok(self.leave(held, is_written || (is_empty && view.is_shown), JsonWriter::end_array))
    }

    fn leave(&mut self, held: usize, is_written: bool, end: fn(&mut JsonWriter)) -> bool {
        if is_written {
            self.flush();
            end(self.json);
        } else {
            self.pending.truncate(held);
        }
        is_written
    }

    fn flush(&mut self) {
        for pending in self.pending.drain(..) {
            match pending {
                Pending::Object => self.json.begin_object(),
                Pending::Array => self.json.begin_array(),
                Pending::Name(name) => self.json.name(&name),
            }
        }
    }

    fn scalar(&mut self, token: &Token<'_>) {
        match token {
            Token::Text(text) => self.json.text(text),
            Token::Number(number) => self.json.literal(number),
            Token::Bool(flag) => self.json.bool(*flag),
            _ => self.json.null(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::write::Layout;

    const BODY: &str = r#"{"access_token":"a","authentication":{"username":"u","roles":["r1","r2"],"metadata":{},"realm":{"name":"n","type":"t"}},"list":[{"x":1,"y":2},{"y":3}]}"#;

    #[track_caller]
    fn check(filter: &str, wanted: &str) {
        let mut json = JsonWriter::new(Layout::Compact);
        Filter::parse(filter).unwrap().apply(BODY.as_bytes(), &mut json).unwrap();
        assert_eq!(String::from_utf8(json.finish()).unwrap(), wanted, "{filter}");
    }

    /// Case 124 of the wire: only the named member is left.
    #[test]
    fn a_name_shows_one_member() {
        check("access_token", r#"{"access_token":"a"}"#);
        check("list", r#"{"list":[{"x":1,"y":2},{"y":3}]}"#);
    }

    #[test]
    fn dots_go_down_and_arrays_are_transparent() {
        check("authentication.realm.name", r#"{"authentication":{"realm":{"name":"n"}}}"#);
        check("list.x", r#"{"list":[{"x":1}]}"#);
        check("list.x,access_token", r#"{"access_token":"a","list":[{"x":1}]}"#);
    }

    #[test]
    fn stars_stand_for_names_and_double_stars_for_any_depth() {
        check("a*.u*", r#"{"authentication":{"username":"u"}}"#);
        check("**.name", r#"{"authentication":{"realm":{"name":"n"}}}"#);
        check("*.*.t*e", r#"{"authentication":{"realm":{"type":"t"}}}"#);
        check("authentication.**.type", r#"{"authentication":{"realm":{"type":"t"}}}"#);
        check("**.y", r#"{"list":[{"y":2},{"y":3}]}"#);
    }

    #[test]
    fn a_dash_leaves_members_out() {
        check("-authentication,-list", r#"{"access_token":"a"}"#);
        check(
            "-authentication.r*,-list",
            r#"{"access_token":"a","authentication":{"username":"u","metadata":{}}}"#,
        );
        check("authentication.realm,-**.type", r#"{"authentication":{"realm":{"name":"n"}}}"#);
    }

    #[test]
    fn nothing_left_is_an_empty_object() {
        check("nope", "{}");
        check("access_token.below", "{}");
        check("-**", "{}");
    }

    #[test]
    fn a_list_without_patterns_is_no_filter() {
        assert_eq!(Filter::parse(""), None);
        assert_eq!(Filter::parse(" , "), None);
    }

    #[test]
    fn many_stars_do_not_explode() {
        let pattern = "*a".repeat(60);
        assert!(!matches_name(pattern.as_bytes(), "a".repeat(59).as_bytes()));
        assert!(matches_name(b"*a*b*", b"xxaxxbxx"));
        assert!(!matches_name(b"a*b", b"a"));
    }
}
