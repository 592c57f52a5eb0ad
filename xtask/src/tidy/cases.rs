//! The table of wire cases: every numbered case names the test that shows it.
//!
//! Reads `docs/wire.md`. A row is `| number | ... | tests |`: the last cell names tests that exist,
//! or says `later:` with a reason.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::Finding;
use crate::source::{self, is_word};
use crate::tree::TextFile;

/// Checks that every case has a row and every named test exists.
pub(super) fn check(files: &[TextFile]) -> Vec<Finding> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else {
        return vec![Finding::about(PAGE, "does not exist; it holds the table of cases")];
    };
    let tests = tests(files);
    let rows = rows(&page.text);
    let mut findings: Vec<Finding> = rows
        .values()
        .flatten()
        .flat_map(|row| {
            wrong(row, &tests).into_iter().map(|text| Finding::at(PAGE, row.line, text))
        })
        .collect();
    for case in 1..=CASES {
        match rows.get(&case).map_or(0, Vec::len) {
            0 => findings.push(Finding::about(PAGE, format!("case {case} has no row"))),
            1 => {}
            many => findings.push(Finding::about(PAGE, format!("case {case} has {many} rows"))),
        }
    }
    findings
}

/// A row of the table.
#[derive(Debug)]
struct Row<'a> {
    line: usize,
    case: u32,
    shown_by: &'a str,
}

/// The rows by their case.
fn rows(page: &str) -> BTreeMap<u32, Vec<Row<'_>>> {
    let mut rows: BTreeMap<u32, Vec<Row<'_>>> = BTreeMap::new();
    for (line, text) in (1_usize..).zip(page.lines()) {
        if let Some((case, shown_by)) = cells(text) {
            rows.entry(case).or_default().push(Row { line, case, shown_by });
        }
    }
    rows
}

/// The number in the first cell and the text of the last one.
fn cells(line: &str) -> Option<(u32, &str)> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let (first, rest) = inner.split_once('|')?;
    let last = rest.rsplit('|').next()?;
    Some((first.trim().parse().ok()?, last.trim()))
}

/// What is wrong with a row.
fn wrong(row: &Row<'_>, tests: &BTreeSet<String>) -> Vec<String> {
    let case = row.case;
    if !(1..=CASES).contains(&case) {
        return vec![format!("case {case} is none of the {CASES} cases")];
    }
    if let Some(reason) = row.shown_by.strip_prefix("later:") {
        return match reason.trim() {
            "" => vec![format!("case {case} is left for later without a reason")],
            _ => Vec::new(),
        };
    }
    let named: Vec<&str> = test_names(row.shown_by).collect();
    if named.is_empty() {
        return vec![format!("case {case} names no test; write a name or `later: reason`")];
    }
    named
        .into_iter()
        .filter(|name| !tests.contains(*name))
        .map(|name| format!("case {case} names the test {name}, which does not exist"))
        .collect()
}

/// The last parts of paths in a cell that are written like functions.
fn test_names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(|letter: char| !is_word(letter))
        .filter(|word| {
            word.contains('_') && word.starts_with(|letter: char| letter.is_ascii_lowercase())
        })
        .filter(move |word| {
            !cell.contains(&format!("{word}::")) && !cell.contains(&format!("{word}."))
        })
}

/// The names of all functions behind a `#[test]` of some kind.
fn tests(files: &[TextFile]) -> BTreeSet<String> {
    files.iter().filter(|file| file.is_rust()).flat_map(tests_in).collect()
}

fn tests_in(file: &TextFile) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in source::lines(file) {
        let code = line.code.trim();
        if code.starts_with("#[") {
            is_test |= code.contains("test]") || code.contains("test(");
        } else if let Some(name) = function_name(code) {
            if is_test || line.for_tests {
                names.push(name);
            }
            is_test = false;
        } else if !code.is_empty() {
            is_test = false;
        }
    }
    names
}

/// The name in a line that begins a function.
fn function_name(code: &str) -> Option<String> {
    let (before, after) = code.split_once("fn ")?;
    let is_item = before.is_empty() || before.ends_with(' ');
    let name: String = after.chars().take_while(|letter| is_word(*letter)).collect();
    (is_item && !name.is_empty()).then_some(name)
}

const PAGE: &str = "docs/wire.md";

/// How many cases the behaviour specification of the token service numbers.
const CASES: u32 = 129;

#[cfg(test)]
mod tests {
    use super::*;

    const TESTS: &str =
        "#[test]\nfn a_pair_is_issued() {}\n#[tokio::test]\nasync fn b_is_dead() {}\n";

    /// A page whose rows are right but for those of one case.
    fn found(case: u32, rows: &[&str]) -> Vec<String> {
        let right = (1..=CASES)
            .filter(|number| *number != case)
            .map(|number| format!("| {number} | `a_pair_is_issued` |"));
        let head = ["| case | shown by |".to_owned(), "| --- | --- |".to_owned()];
        let given = rows.iter().map(|row| (*row).to_owned());
        let page: Vec<String> = head.into_iter().chain(right).chain(given).collect();
        let page = page.join("\n");
        let file = |path: &str, text: &str| TextFile::new(path, text);
        let files = [file(PAGE, &page), file("testkit/tests/token.rs", TESTS)];
        check(&files).into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn a_case_with_tests_or_a_reason_is_right() {
        assert!(found(7, &["| 7 | issue | `token::a_pair_is_issued`, b_is_dead |"]).is_empty());
        assert!(found(7, &["| 7 | later: API keys |"]).is_empty());
        assert!(found(7, &["| 7 | `testkit/tests/the_wire.rs`: `b_is_dead` |"]).is_empty());
    }

    #[test]
    fn a_case_without_a_row_is_untidy() {
        assert_eq!(found(7, &[]), ["case 7 has no row"]);
    }

    #[test]
    fn a_case_with_two_rows_is_untidy() {
        let rows = ["| 7 | later: keys |", "| 7 | later: keys |"];
        assert_eq!(found(7, &rows), ["case 7 has 2 rows"]);
    }

    #[test]
    fn a_test_that_does_not_exist_is_untidy() {
        let found = found(7, &["| 7 | `a_pair_is_issued`, `c_is_lost` |"]);
        assert_eq!(found, ["case 7 names the test c_is_lost, which does not exist"]);
    }

    #[test]
    fn a_case_without_test_or_reason_is_untidy() {
        assert_eq!(found(7, &["| 7 | later: |"]).len(), 1);
        assert_eq!(found(7, &["| 7 | yes |"]).len(), 1);
    }

    #[test]
    fn a_number_beyond_the_cases_is_untidy() {
        assert_eq!(found(0, &["| 130 | later: keys |"]), ["case 130 is none of the 129 cases"]);
    }

    #[test]
    fn a_missing_page_is_untidy() {
        assert_eq!(check(&[]).len(), 1);
    }
}
