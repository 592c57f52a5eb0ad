//! Habits of documents: limits are explained, decisions linked, crates named, paths portable.

use std::collections::BTreeSet;

use crate::report::Finding;
use crate::source::{self, numbered};
use crate::tree::TextFile;

/// No path of one machine stands in a file.
pub(super) fn machine_paths(file: &TextFile) -> Vec<Finding> {
    (1_usize..)
        .zip(file.text.lines())
        .filter_map(|(number, line)| {
            let path = MACHINE_PATHS.iter().find(|path| has_path(line, path))?;
            Some(Finding::at(&file.path, number, format!("`{path}` is a path of one machine")))
        })
        .collect()
}

/// Every constant of `domain/src/limits.rs` says its unit and reason.
pub(super) fn limits(files: &[TextFile]) -> Vec<Finding> {
    let Some(file) = files.iter().find(|file| file.path == LIMITS) else {
        return vec![Finding::about(LIMITS, "does not exist; every limit has its place there")];
    };
    let mut findings = Vec::new();
    let mut is_documented = false;
    for (number, line) in numbered(&source::lines(file)) {
        let code = line.code.trim();
        if line.comment.starts_with("///") {
            is_documented = true;
        } else if code.starts_with("pub const ") || code.starts_with("pub(crate) const ") {
            if !is_documented && !line.for_tests {
                findings.push(Finding::at(LIMITS, number, "a limit without its unit and reason"));
            }
            is_documented = false;
        } else if !code.starts_with("#[") {
            is_documented = false;
        }
    }
    findings
}

/// Every decision record is linked from the map or from the list of decisions.
pub(super) fn decisions(files: &[TextFile]) -> Vec<Finding> {
    let links = [MAP, DECISION_LIST].map(|path| text(files, path));
    files
        .iter()
        .filter_map(|file| file.path.strip_prefix(DECISIONS).map(|name| (file, name)))
        .filter(|(file, _)| file.has_extension("md") && file.path != DECISION_LIST)
        .filter_map(|(file, name)| {
            let is_named_well = name.split_once('-').is_some_and(|(number, _)| {
                number.len() == DECISION_DIGITS && number.bytes().all(|b| b.is_ascii_digit())
            });
            if !is_named_well {
                return Some(Finding::about(&file.path, "a decision is named NNNN-title.md"));
            }
            let is_linked = links.iter().any(|text| text.contains(name));
            (!is_linked).then(|| {
                Finding::about(&file.path, format!("not linked from {MAP} or {DECISION_LIST}"))
            })
        })
        .collect()
}

/// The map names exactly the crates that exist.
pub(super) fn crates(files: &[TextFile], packages: &[String]) -> Vec<Finding> {
    let map = text(files, MAP);
    if map.is_empty() {
        return vec![Finding::about(MAP, "does not exist; it is the map of the crates")];
    }
    let named = code_words(map);
    let missing = packages
        .iter()
        .filter(|package| !named.contains(package.as_str()))
        .map(|package| Finding::about(MAP, format!("does not name the crate `{package}`")));
    let invented = named
        .iter()
        .filter(|word| is_crate_name(word) && !packages.iter().any(|package| package == *word))
        .map(|word| Finding::about(MAP, format!("names `{word}`, which is no crate")));
    missing.chain(invented).collect()
}

/// What stands between backticks.
fn code_words(markdown: &str) -> BTreeSet<&str> {
    markdown.split('`').skip(1).step_by(2).collect()
}

/// True for what is written like the name of one of the project's crates.
fn is_crate_name(word: &str) -> bool {
    let rest = word.strip_prefix("jeton-");
    rest.is_some_and(|rest| rest.chars().all(|letter| letter.is_ascii_lowercase()))
        && !FOLDERS.contains(&word)
}

/// The text of a file, empty when it does not exist.
fn text<'a>(files: &'a [TextFile], path: &str) -> &'a str {
    files.iter().find(|file| file.path == path).map_or("", |file| file.text.as_str())
}

/// True when the path stands in the line as a path of its own, not as a part of another one.
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        !before.is_some_and(|letter| letter.is_alphanumeric() || "_-.})$>".contains(letter))
    })
}

const LIMITS: &str = "domain/src/limits.rs";
const MAP: &str = "ARCHITECTURE.md";
const DECISIONS: &str = "docs/decisions/";
const DECISION_LIST: &str = "docs/decisions/README.md";

/// Digits in front of a decision's title.
const DECISION_DIGITS: usize = 4;

/// Folders that a running server makes; written like crates, but none.
const FOLDERS: [&str; 2] = ["jeton-data", "jeton-config"];

/// Paths that exist on one machine only. Written in two parts, so that this file is clean.
const MACHINE_PATHS: [&str; 3] =
    [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/tmp/", "bash_jobs")];

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile::new(path, text)
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_path_of_one_machine_is_untidy() {
        let text = concat!("see /ro", "ot/notes\n");
        assert_eq!(machine_paths(&file("README.md", text)).len(), 1);
        let text = concat!("(/wo", "rk/main)\n");
        assert_eq!(machine_paths(&file("README.md", text)).len(), 1);
    }

    #[test]
    fn a_part_of_another_path_is_no_path_of_a_machine() {
        let text = concat!("https://example.org/frame/wo", "rk/a ./wo", "rk/b $X/ro", "ot/c\n");
        assert_eq!(machine_paths(&file("README.md", text)), []);
    }

    #[test]
    fn a_limit_without_a_doc_is_untidy() {
        let text = "/// Seconds.\npub const A: u64 = 1;\npub const B: u64 = 2;\n";
        let found = limits(&[file(LIMITS, text)]);
        assert_eq!(found, [Finding::at(LIMITS, 3, "a limit without its unit and reason")]);
    }

    #[test]
    fn an_attribute_may_stand_between_a_limit_and_its_doc() {
        let text = "/// Seconds.\n#[doc(alias = \"a\")]\npub const A: u64 = 1;\n";
        assert_eq!(limits(&[file(LIMITS, text)]), []);
    }

    #[test]
    fn a_missing_file_of_limits_is_untidy() {
        assert_eq!(limits(&[]).len(), 1);
    }

    #[test]
    fn a_decision_that_nothing_links_is_untidy() {
        let record = file("docs/decisions/0001-line.md", "");
        assert_eq!(decisions(std::slice::from_ref(&record)).len(), 1);
        let list = file(DECISION_LIST, "- [line](0001-line.md)");
        assert_eq!(decisions(&[record, list]), []);
    }

    #[test]
    fn a_decision_without_a_number_is_untidy() {
        assert_eq!(decisions(&[file("docs/decisions/line.md", "")]).len(), 1);
    }

    #[test]
    fn the_map_names_exactly_the_crates() {
        let map = file(MAP, "`jeton-domain`, `jeton-gone`, `jeton-data`");
        let found = crates(&[map], &names(&["jeton-domain", "jeton"]));
        let texts: Vec<&str> = found.iter().map(|finding| finding.text.as_str()).collect();
        assert_eq!(
            texts,
            ["does not name the crate `jeton`", "names `jeton-gone`, which is no crate"]
        );
    }

    #[test]
    fn a_missing_map_is_untidy() {
        assert_eq!(crates(&[], &names(&["jeton"])).len(), 1);
    }
}
