//! The table of bounds: what was promised, and which findings tell whether it is kept.
//!
//! Owns the order of the rows and where their figures come from. The bounds themselves stand with
//! the workloads that judge them.

use crate::report::{Bound, Finding, markdown, number};
use crate::results::Results;

/// One row: what is compared, and the findings that answer.
struct Row {
    what: &'static str,
    picks: &'static [Pick],
}

/// The first finding of a workload whose words contain these.
struct Pick {
    workload: &'static str,
    what: &'static str,
    against: &'static str,
    /// What is said beside the figure.
    label: &'static str,
    /// Whether only a ratio answers, and no value with a unit.
    is_ratio: bool,
    /// Whether only what is judged answers.
    is_judged: bool,
}

const fn pick(
    workload: &'static str,
    what: &'static str,
    against: &'static str,
    label: &'static str,
) -> Pick {
    Pick { workload, what, against, label, is_ratio: false, is_judged: true }
}

/// The same among what is shown only.
const fn shown(
    workload: &'static str,
    what: &'static str,
    against: &'static str,
    label: &'static str,
) -> Pick {
    Pick { is_judged: false, ..pick(workload, what, against, label) }
}

/// The same among ratios alone.
const fn ratio(
    workload: &'static str,
    what: &'static str,
    against: &'static str,
    label: &'static str,
) -> Pick {
    Pick { is_ratio: true, ..pick(workload, what, against, label) }
}

/// The table, in Markdown.
pub(super) fn table(results: &Results) -> String {
    let rows = ROWS.iter().map(|Row { what, picks }| {
        let mut cells = vec![(*what).to_owned()];
        let found: Vec<_> = picks.iter().map(|pick| (pick, pick.find(results))).collect();
        cells.push(joined(found.iter().map(|(pick, finding)| {
            finding.map_or_else(|| pick.with("not measured"), |finding| pick.figure(finding))
        })));
        cells.push(joined(found.iter().map(|(pick, finding)| {
            let bound = finding.map_or_else(String::new, |finding| finding.bound_text(true));
            if bound.is_empty() { bound } else { pick.with(&bound) }
        })));
        cells
    });
    markdown(&["what", "figure", "bound"], rows.collect())
}

impl Pick {
    fn find<'a>(&self, results: &'a Results) -> Option<&'a Finding> {
        results.of(self.workload)?.findings.iter().find(|finding| {
            let against = finding.against.as_deref().unwrap_or_default();
            (finding.bound != Bound::None) == self.is_judged
                && (finding.is_ratio() || !self.is_ratio)
                && finding.what.contains(self.what)
                && against.contains(self.against)
        })
    }

    fn figure(&self, finding: &Finding) -> String {
        let missed = if finding.holds { "" } else { ", **missed**" };
        let unit = if finding.is_ratio() { "" } else { &*finding.measured.unit };
        let figure = format!("{} {unit}", number(finding.figure));
        self.with(&format!("{}{missed}", figure.trim_end()))
    }

    fn with(&self, text: &str) -> String {
        if self.label.is_empty() { text.to_owned() } else { format!("{text} ({})", self.label) }
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

const ROWS: &[Row] = &[
    Row {
        what: "W1 hot (10,000 pairs) against a static hyper server that answers the same bytes, \
               requests per CPU-second",
        picks: &[
            pick("validate", "live tokens", "static hyper", "plain"),
            pick("validate-tls", "live tokens", "static hyper", "both with TLS"),
            pick("validate-pipelined", "live tokens", "static hyper", "pipelined x16"),
        ],
    },
    Row {
        what: "W1 with 10^7 live pairs, uniform, against W1 hot",
        picks: &[
            pick("validate-cold", "live pairs, all in the cache", "", "all in the cache"),
            pick("validate-cold", "live pairs, default", "", "default cache limit"),
        ],
    },
    Row {
        what: "W2 100 % garbage or forged, against W1 hot",
        picks: &[
            pick("validate-refused", "100 % rubbish", "live tokens", "garbage"),
            pick("validate-refused", "100 % forged", "live tokens", "forged"),
            pick("validate-refused", "reads of the store for rubbish", "", "garbage"),
            pick("validate-refused", "reads of the store for forged", "", "forged"),
        ],
    },
    Row {
        what: "W1 hot against Redis `GET` and a PostgreSQL select behind the same static server, and \
               oidc-provider introspection",
        picks: &[
            pick("validate-redis", "live tokens", "GET behind", "Redis, one pipelined connection"),
            shown("validate-redis", "live tokens", "GET over a pool", "Redis, a pool"),
            pick(
                "validate-postgres",
                "live tokens",
                "select behind",
                "PostgreSQL, one pipelined connection",
            ),
            shown("validate-postgres", "live tokens", "select over a pool", "PostgreSQL, a pool"),
            pick("validate-oidc", "live tokens", "oidc-provider", "oidc-provider"),
        ],
    },
    Row {
        what: "W3 durable issue, 64 connections, against single-row PostgreSQL `INSERT` with the same \
               durability and connections",
        picks: &[pick("issue-postgres", "durable grants", "PostgreSQL", "")],
    },
    Row {
        what: "W3 against `fdatasync` calls of the same disk in the same run",
        picks: &[pick("issue", "durable grants", "fdatasync", "")],
    },
    Row {
        what: "W4 refresh per second against W3; double mints and false refusals in 10^5 races",
        picks: &[
            pick("refresh", "refreshes", "durable grants", ""),
            pick("refresh", "successors beyond one", "", "double mints"),
            pick("refresh", "refusals", "", "false refusals"),
        ],
    },
    Row {
        what: "W5 revoke one, p50, one client, against one `fdatasync` of the same disk",
        picks: &[pick("revoke-one", "", "fdatasync", "")],
    },
    Row {
        what: "W7 revoke a realm, 10^7 against 10^4 pairs; W1's p99 meanwhile against undisturbed",
        picks: &[
            ratio("revoke", "invalidate a realm", "", "10^7 against 10^4"),
            pick("revoke", "in milliseconds", "", "10^7 pairs"),
            pick("revoke-busy", "p99", "", "W1's p99 meanwhile"),
        ],
    },
    Row {
        what: "W7 against PostgreSQL `UPDATE` of 10^7 rows; against its epoch column, which counts \
               nothing",
        picks: &[
            pick("revoke-postgres", "UPDATE", "invalidate", "`UPDATE`"),
            pick("revoke-postgres", "invalidate", "epoch", "epoch"),
        ],
    },
    Row {
        what: "W8 first correct answer with 10^7 pairs after SIGKILL; against an empty start",
        picks: &[
            pick("start", "after SIGKILL", "", "at all"),
            ratio("start", "after SIGKILL", "", "against an empty start"),
        ],
    },
    Row {
        what: "memory: process at 10^7 pairs with the default cache limit; per cached pair with the \
               limit lifted",
        picks: &[
            pick("validate-cold", "memory of the process", "", "process"),
            pick("validate-cold", "memory, cache limit lifted", "", "per cached pair"),
        ],
    },
    Row { what: "disk per stored pair, steady state", picks: &[pick("size", "disk", "", "")] },
    Row {
        what: "W9 disk, memory and p99 at the end against the 25th simulated hour",
        picks: &[
            pick("hours", "disk", "", "disk"),
            pick("hours", "memory", "", "memory"),
            pick("hours", "p99 of a durable grant", "", "p99 of issue, median of windows"),
            pick(
                "hours",
                "tokens shown before",
                "",
                "p99 of validation, cached, median of windows",
            ),
            pick("hours", "any token", "", "p99 of validation, any token, median of windows"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Series;
    use crate::workloads::ALL;

    #[test]
    fn every_row_is_answered_by_a_workload_that_there_is() {
        for pick in ROWS.iter().flat_map(|row| row.picks) {
            assert!(ALL.iter().any(|known| known.name == pick.workload), "{}", pick.workload);
        }
    }

    #[test]
    fn a_figure_that_misses_its_bound_is_told() {
        let series = |value| Series::of("ms", value);
        let ratio = |bound| Finding::ratio("a", series(3.0), "b", series(4.0), bound);
        let told = pick("w", "", "", "plain");
        assert_eq!(told.figure(&ratio(Bound::AtLeast(0.5))), "0.75 (plain)");
        assert_eq!(told.figure(&ratio(Bound::AtLeast(0.9))), "0.75, **missed** (plain)");
        let beside = Finding::beside("a", series(3.0), "b", series(4.0), Bound::AtMost(4.0));
        assert_eq!(pick("w", "", "", "").figure(&beside), "3.00 ms");
    }
}
