//! The walls between the crates.
//!
//! Owns the order of the crates and what each of them must not know, as far as a program can see
//! it. Must not know how the crates do their work. `line` looks at dependencies, `sources` at text.

mod line;
mod sources;

use anyhow::bail;

use crate::process::Workshop;
#[cfg(test)]
use crate::report::Finding;
use crate::report::say;
use crate::tree;

/// Checks every wall; the note says how much was looked at.
pub(crate) fn run(workshop: &Workshop) -> anyhow::Result<String> {
    let packages = line::packages(workshop)?;
    let files = tree::read(workshop.root())?;
    let mut findings = line::check(&packages);
    findings.extend(sources::check(&files));
    for finding in &findings {
        say(&finding.to_string());
    }
    if !findings.is_empty() {
        bail!("{} holes in the walls", findings.len());
    }
    Ok(format!("the walls stand: {} crates, {} files", packages.len(), files.len()))
}

/// The names of the project's packages.
pub(crate) fn package_names(workshop: &Workshop) -> anyhow::Result<Vec<String>> {
    Ok(line::packages(workshop)?.into_iter().map(|package| package.name).collect())
}

/// What the findings about one text file are, for tests of the rules.
#[cfg(test)]
fn texts(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| finding.text.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walls_stand() {
        run(&Workshop::find().unwrap()).unwrap();
    }
}
