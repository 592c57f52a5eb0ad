//! The habits that a program can check.
//!
//! Owns no rule itself: `sources` looks at Rust text, `papers` at documents and what they promise,
//! `cases` at the table of wire cases. Rules see files as text and say what they find.

mod cases;
mod papers;
mod sources;

use anyhow::bail;

use crate::process::Workshop;
use crate::report::{Finding, say};
use crate::tree::{self, TextFile};
use crate::walls;

/// Checks every habit; the note says how much was looked at.
pub(crate) fn run(workshop: &Workshop) -> anyhow::Result<String> {
    let files = tree::read(workshop.root())?;
    let packages = walls::package_names(workshop)?;
    for finding in hints(&files) {
        say(&format!("note: {finding}"));
    }
    let findings = findings(&files, &packages);
    for finding in &findings {
        say(&finding.to_string());
    }
    if !findings.is_empty() {
        bail!("{} things are untidy", findings.len());
    }
    Ok(format!("tidy: {} files", files.len()))
}

/// What must be mended.
fn findings(files: &[TextFile], packages: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        findings.extend(papers::machine_paths(file));
        if file.is_rust() {
            findings.extend(sources::module_doc(file));
            findings.extend(sources::leftovers(file));
            findings.extend(sources::comment_width(file));
        }
    }
    findings.extend(papers::limits(files));
    findings.extend(papers::decisions(files));
    findings.extend(papers::crates(files, packages));
    findings.extend(cases::check(files));
    findings
}

/// What a reader should know but what does not fail.
fn hints(files: &[TextFile]) -> Vec<Finding> {
    let rust = || files.iter().filter(|file| file.is_rust());
    rust().filter_map(sources::length).chain(rust().filter_map(sources::ascii)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        run(&Workshop::find().unwrap()).unwrap();
    }
}
