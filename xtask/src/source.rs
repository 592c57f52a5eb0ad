//! A Rust source as the rules see it: code, comments and string texts apart, line by line.
//!
//! Owns just enough of Rust's lexical rules to tell these three and to find code that exists for
//! tests only. Must not know any rule of the project.

use crate::tree::TextFile;

/// One line, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// Code without comments and without the text inside string and character literals.
    pub(crate) code: String,
    /// Comments, with their slashes.
    pub(crate) comment: String,
    /// What stands inside string literals.
    pub(crate) string: String,
    /// True for code that is compiled for tests only.
    pub(crate) for_tests: bool,
}

/// Takes a file apart; a file that is a test as a whole has only lines for tests.
pub(crate) fn lines(file: &TextFile) -> Vec<Line> {
    let mut lines = Lexer::new(&file.text).run();
    if file.is_test() {
        for line in &mut lines {
            line.for_tests = true;
        }
    } else {
        mark_tests(&mut lines);
    }
    lines
}

/// Numbers lines from 1, as editors do.
pub(crate) fn numbered(lines: &[Line]) -> impl Iterator<Item = (usize, &Line)> {
    (1_usize..).zip(lines)
}

/// True when `word` stands in `text` with no letter, digit or `_` beside it.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|tail| tail.chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// True for what identifiers are made of.
pub(crate) fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Where the lexer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Code,
    LineComment,
    BlockComment { depth: usize },
    Text,
    RawText { hashes: usize },
}

/// Reads characters and files them under code, comment or string.
#[derive(Debug)]
struct Lexer {
    letters: Vec<char>,
    at: usize,
    place: Place,
    line: Line,
    lines: Vec<Line>,
}

impl Lexer {
    fn new(text: &str) -> Self {
        Self {
            letters: text.chars().collect(),
            at: 0,
            place: Place::Code,
            line: Line::default(),
            lines: Vec::new(),
        }
    }

    fn run(mut self) -> Vec<Line> {
        while let Some(letter) = self.next() {
            if letter == '\n' {
                self.end_line();
                continue;
            }
            match self.place {
                Place::Code => self.code(letter),
                Place::LineComment => self.line.comment.push(letter),
                Place::BlockComment { depth } => self.block_comment(letter, depth),
                Place::Text => self.text(letter),
                Place::RawText { hashes } => self.raw_text(letter, hashes),
            }
        }
        if self.line != Line::default() {
            self.end_line();
        }
        self.lines
    }

    fn code(&mut self, letter: char) {
        match (letter, self.peek(0)) {
            ('/', Some('/')) => {
                self.line.comment.push('/');
                self.place = Place::LineComment;
            }
            ('/', Some('*')) => {
                self.skip(1);
                self.place = Place::BlockComment { depth: 1 };
            }
            ('"', _) => {
                self.place = self.text_kind();
                self.line.code.push('"');
            }
            ('\'', Some('\\')) => self.escaped_letter(),
            ('\'', Some(_)) if self.peek(1) == Some('\'') => {
                self.skip(2);
                self.line.code.push_str("''");
            }
            _ => self.line.code.push(letter),
        }
    }

    fn block_comment(&mut self, letter: char, depth: usize) {
        match (letter, self.peek(0)) {
            ('/', Some('*')) => {
                self.skip(1);
                self.place = Place::BlockComment { depth: depth + 1 };
            }
            ('*', Some('/')) => {
                self.skip(1);
                self.place = match depth {
                    1 => Place::Code,
                    _ => Place::BlockComment { depth: depth - 1 },
                };
            }
            _ => self.line.comment.push(letter),
        }
    }

    fn text(&mut self, letter: char) {
        match letter {
            '"' => {
                self.line.code.push('"');
                self.line.string.push(' ');
                self.place = Place::Code;
            }
            '\\' if self.peek(0) != Some('\n') => {
                self.line.string.push(letter);
                let escaped = self.next();
                self.line.string.extend(escaped);
            }
            _ => self.line.string.push(letter),
        }
    }

    fn raw_text(&mut self, letter: char, hashes: usize) {
        let closes = letter == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#'));
        if closes {
            self.skip(hashes);
            self.line.code.push('"');
            self.line.string.push(' ');
            self.place = Place::Code;
        } else {
            self.line.string.push(letter);
        }
    }

    /// Skips a character literal that begins with a backslash.
    fn escaped_letter(&mut self) {
        self.skip(2);
        while let Some(letter) = self.peek(0) {
            self.skip(1);
            if letter == '\'' {
                break;
            }
        }
        self.line.code.push_str("''");
    }

    /// Which kind of string literal the quotation mark at hand begins.
    fn text_kind(&self) -> Place {
        let prefix = self.line.code.trim_end_matches('#');
        let hashes = self.line.code.len() - prefix.len();
        let stem = prefix.strip_suffix('r').map(|rest| rest.trim_end_matches(['b', 'c']));
        match stem {
            Some(rest) if !rest.ends_with(is_word) => Place::RawText { hashes },
            _ => Place::Text,
        }
    }

    fn end_line(&mut self) {
        if self.place == Place::LineComment {
            self.place = Place::Code;
        }
        self.lines.push(std::mem::take(&mut self.line));
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek(0);
        self.skip(1);
        letter
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    fn skip(&mut self, letters: usize) {
        self.at += letters;
    }
}

/// Marks the items behind `#[cfg(test)]`, to their closing brace or semicolon.
fn mark_tests(lines: &mut [Line]) {
    let mut item: Option<Item> = None;
    for line in lines {
        if item.is_none() && begins_tests(&line.code) {
            item = Some(Item::default());
        }
        if let Some(open) = &mut item {
            line.for_tests = true;
            let code = line.code.trim_start();
            if !(code.starts_with("#[") && code.trim_end().ends_with(']')) && open.ends_in(code) {
                item = None;
            }
        }
    }
}

/// True for an attribute that keeps an item for tests.
fn begins_tests(code: &str) -> bool {
    let code = code.trim_start();
    code.starts_with("#[cfg(") && has_word(code, "test") && !code.contains("not(test")
}

/// How far the item behind `#[cfg(test)]` has been read.
#[derive(Debug, Default)]
struct Item {
    depth: usize,
    is_open: bool,
}

impl Item {
    /// Reads one line of code; true when the item ends in it.
    fn ends_in(&mut self, code: &str) -> bool {
        for letter in code.chars() {
            match letter {
                '{' => {
                    self.depth += 1;
                    self.is_open = true;
                }
                '}' => self.depth = self.depth.saturating_sub(1),
                ';' if !self.is_open => return true,
                _ => {}
            }
            if self.is_open && self.depth == 0 {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Line> {
        lines(&TextFile::new("a/src/b.rs", text))
    }

    fn codes(text: &str) -> Vec<String> {
        read(text).into_iter().map(|line| line.code).collect()
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        let found = read("let a = \"x // y\"; // z\n");
        assert_eq!(found[0].code, "let a = \"\"; ");
        assert_eq!(found[0].string.trim(), "x // y");
        assert_eq!(found[0].comment, "// z");
    }

    #[test]
    fn a_quotation_mark_in_a_literal_does_not_open_a_string() {
        assert_eq!(codes("let q = '\"'; let e = '\\''; f(b)"), ["let q = ''; let e = ''; f(b)"]);
        assert_eq!(codes(r#"let s = "a\"b"; f()"#), [r#"let s = ""; f()"#]);
    }

    #[test]
    fn raw_strings_end_at_their_hashes() {
        assert_eq!(codes("let s = r#\"a\"b\"#; f()"), ["let s = r#\"\"; f()"]);
        assert_eq!(codes("let s = br\"a\\\"; f()"), ["let s = br\"\"; f()"]);
    }

    #[test]
    fn block_comments_nest() {
        assert_eq!(codes("a /* b /* c */ d */ e"), ["a  e"]);
    }

    #[test]
    fn lifetimes_are_no_characters() {
        assert_eq!(codes("fn f<'a>(x: &'a str) {}"), ["fn f<'a>(x: &'a str) {}"]);
    }

    #[test]
    fn a_test_module_is_marked_to_its_end() {
        let found = read("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n");
        let marks: Vec<bool> = found.iter().map(|line| line.for_tests).collect();
        assert_eq!(marks, [false, true, true, true, true, false]);
    }

    #[test]
    fn a_test_module_in_another_file_is_one_line() {
        let found = read("#[cfg(test)]\nmod tests;\nfn c() {}\n");
        let marks: Vec<bool> = found.iter().map(|line| line.for_tests).collect();
        assert_eq!(marks, [true, true, false]);
    }

    #[test]
    fn a_word_is_found_only_whole() {
        assert!(has_word("use tokio::net", "tokio"));
        assert!(!has_word("use tokio_rustls", "tokio"));
    }
}
