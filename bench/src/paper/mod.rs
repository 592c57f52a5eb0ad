//! The tables of `docs/performance.md`, written from results: no figure there is typed by hand.
//!
//! Owns the places in the document that are written. Must not measure.

use std::path::Path;

use crate::error::{BenchError, Outcome, Trying};
use crate::report::{markdown, number, series, table};
use crate::results::{Measured, Results};

mod bounds;

/// Writes the tables into the document, in the order of `names`.
pub(crate) fn write(
    document: &Path,
    results: &Results,
    engine: &Results,
    names: &[&str],
) -> Outcome<()> {
    let what = || format!("cannot read {}", document.display());
    let text = std::fs::read_to_string(document).trying(what)?;
    let measured: Vec<&Measured> = names.iter().filter_map(|name| results.of(name)).collect();
    let of_engine = engine.workloads.iter().flat_map(|measured| &measured.findings);
    let text = replaced(&text, "bounds", &bounds::table(results))?;
    let text = replaced(&text, "findings", &all(&measured))?;
    let text = replaced(&text, "engine", &table(of_engine, false))?;
    std::fs::write(document, text).trying(|| format!("cannot write {}", document.display()))
}

/// Every finding with the workload and the run that it comes from.
fn all(measured: &[&Measured]) -> String {
    let mut rows = Vec::new();
    for Measured { name, run, findings, .. } in measured {
        for finding in findings {
            let against = match (&finding.against, &finding.baseline) {
                (Some(against), Some(baseline)) => format!("{against}: {}", series(baseline)),
                _ => String::new(),
            };
            rows.push(vec![
                format!("{name} ({run})"),
                finding.what.clone(),
                series(&finding.measured),
                against,
                number(finding.figure),
                finding.bound_text(false),
            ]);
        }
    }
    let machines: Vec<&str> = measured.iter().map(|measured| measured.machine.as_str()).collect();
    let mut different = machines.clone();
    different.dedup();
    let rows =
        markdown(&["workload (run)", "what", "measured", "against", "figure", "bound"], rows);
    format!("{}\n\n{rows}", different.join("; "))
}

/// The text with what stands between two marks replaced.
fn replaced(text: &str, mark: &str, content: &str) -> Outcome<String> {
    let (begin, end) = (format!("<!-- {mark}: begin -->"), format!("<!-- {mark}: end -->"));
    let parts = text.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    let missing = || BenchError::Setup(format!("the document has no place for {mark}"));
    let (before, after) = parts.ok_or_else(missing)?;
    Ok(format!("{before}{begin}\n{}\n{end}{after}", content.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_marks_is_replaced() {
        let text = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n";
        let new = replaced(text, "x", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- x: begin -->\nnew\n<!-- x: end -->\nb\n");
        assert_eq!(replaced(&new, "x", "new").unwrap(), new);
        assert!(replaced(text, "y", "new").is_err());
    }
}
