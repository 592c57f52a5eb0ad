//! The tables of wire cases: every numbered case names the test that shows it.
//!
//! Reads `docs/wire.md`. A row is `| number | ... | tests |`: the last cell names tests that exist,
//! or says `later:` with a reason. Rows of the identity cases have an `i` before the number, and a
//! test that is named there says in its own doc which of them it shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::report::Finding;
use crate::source::{self, is_word};
use crate::tree::TextFile;

/// Checks that every case has a row and every named test exists.
pub(super) fn check(files: &[TextFile]) -> Vec<Finding> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else {
        return vec![Finding::about(PAGE, "does not exist; it holds the tables of cases")];
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
    for case in [Family::Token, Family::Identity].into_iter().flat_map(Family::cases) {
        match rows.get(&case).map_or(0, Vec::len) {
            0 => findings.push(Finding::about(PAGE, format!("case {case} has no row"))),
            1 => {}
            many => findings.push(Finding::about(PAGE, format!("case {case} has {many} rows"))),
        }
    }
    findings
}

/// Which of the specifications numbers a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    /// That of the token service.
    Token,
    /// That of users, roles, role mappings and privileges.
    Identity,
}

impl Family {
    /// What stands before the number in a row.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Token => "",
            Self::Identity => "i",
        }
    }

    /// How many cases there are.
    const fn count(self) -> u32 {
        match self {
            Self::Token => 129,
            Self::Identity => 90,
        }
    }

    fn cases(self) -> impl Iterator<Item = Case> {
        (1..=self.count()).map(move |number| Case { family: self, number })
    }
}

/// A numbered case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Case {
    family: Family,
    number: u32,
}

impl Case {
    /// Reads the first cell of a row.
    fn parse(cell: &str) -> Option<Self> {
        let (family, digits) = match cell.strip_prefix(Family::Identity.prefix()) {
            Some(digits) => (Family::Identity, digits),
            None => (Family::Token, cell),
        };
        Some(Self { family, number: digits.parse().ok()? })
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.family.prefix(), self.number)
    }
}

/// A row of a table.
#[derive(Debug)]
struct Row<'a> {
    line: usize,
    case: Case,
    shown_by: &'a str,
}

/// The rows by their case.
fn rows(page: &str) -> BTreeMap<Case, Vec<Row<'_>>> {
    let mut rows: BTreeMap<Case, Vec<Row<'_>>> = BTreeMap::new();
    for (line, text) in (1_usize..).zip(page.lines()) {
        if let Some((case, shown_by)) = cells(text) {
            rows.entry(case).or_default().push(Row { line, case, shown_by });
        }
    }
    rows
}

/// The case in the first cell and the text of the last one.
fn cells(line: &str) -> Option<(Case, &str)> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let (first, rest) = inner.split_once('|')?;
    let last = rest.rsplit('|').next()?;
    Some((Case::parse(first.trim())?, last.trim()))
}

/// What is wrong with a row.
fn wrong(row: &Row<'_>, tests: &Tests) -> Vec<String> {
    let case = row.case;
    let count = case.family.count();
    if !(1..=count).contains(&case.number) {
        return vec![format!("case {case} is none of the {count} cases")];
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
    named.into_iter().filter_map(|name| wrong_test(case, name, tests)).collect()
}

/// What is wrong with a test that a row names.
fn wrong_test(case: Case, name: &str, tests: &Tests) -> Option<String> {
    let Some(marks) = tests.get(name) else {
        return Some(format!("case {case} names the test {name}, which does not exist"));
    };
    let is_said = case.family == Family::Token || marks.contains(&case.number);
    (!is_said).then(|| {
        format!("case {case} names the test {name}, whose doc does not say `Identity case`")
    })
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

/// Tests by their name, each with the identity cases that its doc claims.
type Tests = BTreeMap<String, BTreeSet<u32>>;

/// All functions behind a `#[test]` of some kind.
fn tests(files: &[TextFile]) -> Tests {
    let mut tests = Tests::new();
    for (name, marks) in files.iter().filter(|file| file.is_rust()).flat_map(tests_in) {
        tests.entry(name).or_default().extend(marks);
    }
    tests
}

fn tests_in(file: &TextFile) -> Vec<(String, BTreeSet<u32>)> {
    let mut tests = Vec::new();
    let mut is_test = false;
    let mut marks = BTreeSet::new();
    for line in source::lines(file) {
        let code = line.code.trim();
        if let Some(doc) = line.comment.strip_prefix("///") {
            marks.extend(claimed(doc));
        }
        if code.starts_with("#[") {
            is_test |= code.contains("test]") || code.contains("test(");
        } else if let Some(name) = function_name(code) {
            if is_test || line.for_tests {
                tests.push((name, std::mem::take(&mut marks)));
            }
            is_test = false;
            marks.clear();
        } else if !code.is_empty() {
            is_test = false;
            marks.clear();
        }
    }
    tests
}

/// The numbers behind `Identity case` or `Identity cases` in a line of a doc.
fn claimed(doc: &str) -> impl Iterator<Item = u32> {
    let list = doc.split_once("Identity case").map_or("", |(_, list)| list);
    list.trim_start_matches('s')
        .split([' ', ','])
        .filter(|word| !word.is_empty() && *word != "and")
        .map(|word| word.trim_end_matches(['.', ':', ';']).parse())
        .map_while(Result::ok)
}

/// The name in a line that begins a function.
fn function_name(code: &str) -> Option<String> {
    let (before, after) = code.split_once("fn ")?;
    let is_item = before.is_empty() || before.ends_with(' ');
    let name: String = after.chars().take_while(|letter| is_word(*letter)).collect();
    (is_item && !name.is_empty()).then_some(name)
}

const PAGE: &str = "docs/wire.md";

#[cfg(test)]
mod tests {
    use super::*;

    const TESTS: &str = "#[test]\nfn a_pair_is_issued() {}\n\
        #[tokio::test]\nasync fn b_is_dead() {}\n\
        /// Identity cases 3, 4.\n#[test]\nfn d_is_merged() {}\n";

    /// A page whose rows are right but for those of some cases.
    fn found(cases: &[&str], rows: &[&str]) -> Vec<String> {
        let right = |case: Case| match case.family {
            Family::Token => format!("| {case} | `a_pair_is_issued` |"),
            Family::Identity => format!("| {case} | later: directories |"),
        };
        let all = [Family::Token, Family::Identity].into_iter().flat_map(Family::cases);
        let others = all.filter(|case| !cases.contains(&case.to_string().as_str())).map(right);
        let head = ["| case | shown by |".to_owned(), "| --- | --- |".to_owned()];
        let given = rows.iter().map(|row| (*row).to_owned());
        let page: Vec<String> = head.into_iter().chain(others).chain(given).collect();
        let page = page.join("\n");
        let file = |path: &str, text: &str| TextFile::new(path, text);
        let files = [file(PAGE, &page), file("testkit/tests/token.rs", TESTS)];
        check(&files).into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn a_case_with_tests_or_a_reason_is_right() {
        let row = "| 7 | issue | `token::a_pair_is_issued`, b_is_dead |";
        assert!(found(&["7"], &[row]).is_empty());
        assert!(found(&["7"], &["| 7 | later: API keys |"]).is_empty());
        let row = "| 7 | `testkit/tests/the_wire.rs`: `b_is_dead` |";
        assert!(found(&["7"], &[row]).is_empty());
        let rows = ["| i3 | `d_is_merged` |", "| i4 | merge | `d_is_merged` |"];
        assert!(found(&["i3", "i4"], &rows).is_empty());
    }

    #[test]
    fn a_case_without_a_row_is_untidy() {
        assert_eq!(found(&["7"], &[]), ["case 7 has no row"]);
        assert_eq!(found(&["i7"], &["| j7 | later: keys |"]), ["case i7 has no row"]);
    }

    #[test]
    fn a_case_with_two_rows_is_untidy() {
        let rows = ["| 7 | later: keys |", "| 7 | later: keys |"];
        assert_eq!(found(&["7"], &rows), ["case 7 has 2 rows"]);
    }

    #[test]
    fn a_test_that_does_not_exist_is_untidy() {
        let found = found(&["7"], &["| 7 | `a_pair_is_issued`, `c_is_lost` |"]);
        assert_eq!(found, ["case 7 names the test c_is_lost, which does not exist"]);
    }

    #[test]
    fn a_test_that_does_not_say_its_identity_case_is_untidy() {
        let wanted = "case i7 names the test d_is_merged, whose doc does not say `Identity case`";
        assert_eq!(found(&["i7"], &["| i7 | `d_is_merged` |"]), [wanted]);
    }

    #[test]
    fn the_cases_of_a_doc_are_read() {
        let claimed = |doc| claimed(doc).collect::<Vec<_>>();
        assert_eq!(claimed(" Identity case 74: the others load."), [74]);
        assert_eq!(claimed(" Merged. Identity cases 3, 4 and 5. Two users."), [3, 4, 5]);
        assert!(claimed(" Case 120 of the wire.").is_empty());
    }

    #[test]
    fn a_case_without_test_or_reason_is_untidy() {
        assert_eq!(found(&["7"], &["| 7 | later: |"]).len(), 1);
        assert_eq!(found(&["7"], &["| 7 | yes |"]).len(), 1);
    }

    #[test]
    fn a_number_beyond_the_cases_is_untidy() {
        let last = "case 130 is none of the 129 cases";
        assert_eq!(found(&[], &["| 130 | later: keys |"]), [last]);
        assert_eq!(found(&[], &["| i0 | later: keys |"]), ["case i0 is none of the 90 cases"]);
    }

    #[test]
    fn a_missing_page_is_untidy() {
        assert_eq!(check(&[]).len(), 1);
    }
}
