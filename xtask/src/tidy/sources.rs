//! Habits of Rust sources: module docs, leftovers, length, plain letters.

use crate::report::Finding;
use crate::source::{self, Line, has_word, numbered};
use crate::tree::TextFile;

/// Every module begins with a doc that says what it owns.
pub(super) fn module_doc(file: &TextFile) -> Option<Finding> {
    let mut lines = file.text.lines();
    let first = lines.find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
    let text = first.and_then(|line| line.strip_prefix("//!")).unwrap_or_default();
    text.trim().is_empty().then(|| {
        Finding::at(&file.path, 1, "no module doc: begin with `//!`, what it owns, must not know")
    })
}

/// Nothing is left over: no reminders, no debugging, no code in comments.
pub(super) fn leftovers(file: &TextFile) -> Vec<Finding> {
    let lines = source::lines(file);
    numbered(&lines)
        .filter_map(|(number, line)| {
            leftover(line).map(|text| Finding::at(&file.path, number, text))
        })
        .collect()
}

/// A line that is all comment keeps to the columns that code keeps to; a row of a table and a word
/// that is longer than a line are as they are.
pub(super) fn comment_width(file: &TextFile) -> Vec<Finding> {
    let lines = source::lines(file);
    let texts = file.text.lines();
    numbered(&lines)
        .zip(texts)
        .filter(|((_, line), text)| is_wide_comment(line, text))
        .map(|((number, _), _)| {
            let text = format!("a comment of more than {COLUMNS_MAX} columns: wrap it");
            Finding::at(&file.path, number, text)
        })
        .collect()
}

/// A long file is listed; it needs a reason that a reader would accept.
pub(super) fn length(file: &TextFile) -> Option<Finding> {
    let lines = file.text.lines().count();
    (lines > FILE_LINES_NOTED)
        .then(|| Finding::about(&file.path, format!("{lines} lines; about 400 are usual")))
}

/// Letters beyond ASCII in product code are listed.
pub(super) fn ascii(file: &TextFile) -> Option<Finding> {
    let lines = source::lines(file);
    let mut found = numbered(&lines)
        .filter(|(_, line)| !line.for_tests)
        .filter(|(_, line)| !(line.code.is_ascii() && line.comment.is_ascii()));
    let (number, _) = found.next()?;
    Some(Finding::at(&file.path, number, "letters beyond ASCII outside a test's string"))
}

/// What is left over in a line, if anything.
fn leftover(line: &Line) -> Option<String> {
    if let Some(word) = REMINDERS.iter().find(|word| has_word(&line.comment, word)) {
        return Some(format!("`{word}` in a comment: do it, or write an issue"));
    }
    if let Some(call) = DEBUGGING.iter().find(|call| line.code.contains(**call)) {
        return Some(format!("`{call}..)` is left over"));
    }
    let is_all_comment = line.code.trim().is_empty() && line.string.is_empty();
    (is_all_comment && is_code(&line.comment))
        .then(|| "a comment that looks like code: delete it".to_owned())
}

/// True for a plain comment whose text reads like a statement.
fn is_code(comment: &str) -> bool {
    let Some(text) = comment.strip_prefix("//") else { return false };
    if text.starts_with(['/', '!']) {
        return false;
    }
    let text = text.trim();
    let ends_a_statement = text.ends_with([';', '{']);
    let begins_one = STATEMENTS.iter().any(|word| text.starts_with(word));
    let has_call = text.contains("::") || text.contains("()") || text.contains(" = ");
    matches!(text, "}" | "})" | "});" | "};") || ends_a_statement && (begins_one || has_call)
}

/// True for a line of nothing but a comment that is too wide and could be wrapped.
fn is_wide_comment(line: &Line, text: &str) -> bool {
    let is_all_comment = line.code.trim().is_empty() && line.string.is_empty();
    let said = line.comment.trim_start_matches(['/', '!']).trim();
    let is_table = said.starts_with('|');
    is_all_comment && !is_table && said.contains(' ') && text.chars().count() > COLUMNS_MAX
}

/// Columns of a line, as `rustfmt.toml` has them.
const COLUMNS_MAX: usize = 100;

/// Lines from which a file is listed.
const FILE_LINES_NOTED: usize = 500;

/// Words that put off work. Written in two parts, so that this file is clean.
const REMINDERS: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX"), concat!("HA", "CK")];

/// Macros that are meant for the hour of writing.
const DEBUGGING: [&str; 3] = [concat!("db", "g!("), concat!("to", "do!("), "unimplemented!("];

/// How statements and items begin.
const STATEMENTS: [&str; 12] = [
    "let ", "fn ", "pub ", "use ", "impl ", "struct ", "enum ", "match ", "for ", "while ",
    "return ", "assert",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> TextFile {
        TextFile::new("a/src/b.rs", text)
    }

    fn left(text: &str) -> usize {
        leftovers(&file(text)).len()
    }

    #[test]
    fn a_module_without_a_doc_is_untidy() {
        assert!(module_doc(&file("use std::fmt;\n")).is_some());
        assert!(module_doc(&file("")).is_some());
        assert!(module_doc(&file("//!\nuse std::fmt;\n")).is_some());
        assert!(module_doc(&file("//! What it owns.\n")).is_none());
        assert!(module_doc(&file("#![no_std]\n//! What it owns.\n")).is_none());
    }

    #[test]
    fn reminders_are_untidy() {
        assert_eq!(left(concat!("// TO", "DO: more\n")), 1);
        assert_eq!(left(concat!("/* FIX", "ME */\n")), 1);
        assert_eq!(left("// Everything is done.\n"), 0);
    }

    #[test]
    fn debugging_is_untidy_but_not_in_a_string() {
        assert_eq!(left(concat!("db", "g!(x);\n")), 1);
        assert_eq!(left(concat!("fn f() { to", "do!() }\n")), 1);
        assert_eq!(left(concat!("let s = \"to", "do!()\";\n")), 0);
    }

    #[test]
    fn code_in_a_comment_is_untidy() {
        assert_eq!(left("// let x = 5;\n"), 1);
        assert_eq!(left("// store.commit(batch).await?; x::y();\n"), 1);
        assert_eq!(left("// }\n"), 1);
    }

    #[test]
    fn prose_and_docs_are_no_code() {
        assert_eq!(left("// The first half is dead;\n// the second half lives.\n"), 0);
        assert_eq!(left("/// let x = y();\n"), 0);
        assert_eq!(left("//! let x = y();\n"), 0);
    }

    #[test]
    fn a_wide_comment_is_untidy_but_not_a_wide_string_or_table() {
        let found = |text: &str| comment_width(&file(text)).len();
        let words = "a ".repeat(50);
        for wide in
            [format!("// {words}\n"), format!("    /// {words}b\n"), format!("//! {words}\n")]
        {
            assert_eq!(found(&wide), 1, "{wide}");
        }
        let wide = "x".repeat(101);
        for fine in [
            format!("// {}\n", words.trim_end().split_at(97).0),
            format!("/// | {words}|\n"),
            format!("// {wide}\n"),
            format!("let s = \"// {words}\";\n"),
            format!("let s = \"\n// {words}\n\";\n"),
        ] {
            assert_eq!(found(&fine), 0, "{fine}");
        }
    }

    #[test]
    fn a_long_file_is_listed() {
        assert!(length(&file(&"x\n".repeat(501))).is_some());
        assert!(length(&file(&"x\n".repeat(500))).is_none());
    }

    #[test]
    fn letters_beyond_ascii_are_listed_outside_tests() {
        assert!(ascii(&file("// caf\u{e9}\n")).is_some());
        assert!(ascii(&file("let s = \"caf\u{e9}\";\n")).is_none());
        assert!(ascii(&file("#[cfg(test)]\nmod tests {\n// caf\u{e9}\n}\n")).is_none());
    }
}
