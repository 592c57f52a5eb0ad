//! The plots of `docs/performance.md`, drawn from results.
//!
//! Owns which plots there are and which findings they show. Must not measure; `chart` knows how a
//! plot looks, `svg` how it is written.

use std::path::Path;

use self::chart::{Bar, Chart, Lines, Panel, Scale};
use crate::error::{Outcome, Trying};
use crate::report::{Finding, number, progress};
use crate::results::Results;
use crate::stats::Series;

mod chart;
mod svg;

/// Draws every plot into `folder`. A plot of what was not measured is left as it is, and told.
pub(crate) fn draw(folder: &Path, results: &Results) -> Outcome<()> {
    let what = || format!("cannot make {}", folder.display());
    std::fs::create_dir_all(folder).trying(what)?;
    for plot in PLOTS {
        let Some(chart) = plot.chart(results) else {
            progress(&format!("{}: not measured", plot.file));
            continue;
        };
        let path = folder.join(plot.file);
        std::fs::write(&path, chart.svg()).trying(|| format!("cannot write {}", path.display()))?;
        progress(&format!("drawn: {}", path.display()));
    }
    Ok(())
}

/// A plot.
struct Plot {
    file: &'static str,
    title: &'static str,
    panels: &'static [PanelOf],
}

/// Where a part of a plot comes from.
enum PanelOf {
    Bars(&'static [BarOf]),
    /// The curves of this name, whatever workload they come from.
    Curves {
        name: &'static str,
        across: &'static str,
        up: &'static str,
        scale: Scale,
    },
}

/// Where a bar comes from: one side of a finding.
struct BarOf {
    name: &'static str,
    workload: &'static str,
    what: &'static str,
    against: &'static str,
    side: Side,
}

/// One side of a ratio.
#[derive(Clone, Copy)]
enum Side {
    Measured,
    Baseline,
}

impl Plot {
    fn chart(&self, results: &Results) -> Option<Chart> {
        let panels: Vec<Panel> =
            self.panels.iter().filter_map(|panel| panel.draw(results)).collect();
        let chart = Chart { title: self.title.to_owned(), panels };
        (!chart.panels.is_empty()).then_some(chart)
    }
}

impl PanelOf {
    fn draw(&self, results: &Results) -> Option<Panel> {
        match self {
            Self::Bars(bars) => {
                let bars: Vec<Bar> = bars.iter().filter_map(|bar| bar.find(results)).collect();
                (!bars.is_empty()).then_some(Panel::Bars(bars))
            }
            Self::Curves { name, across, up, scale } => {
                let findings = results.workloads.iter().flat_map(|measured| &measured.findings);
                let curves = findings.flat_map(|finding| &finding.curves);
                let drawn: Vec<_> = curves
                    .filter(|curve| curve.plot == *name)
                    .map(|curve| (curve.name.clone(), curve.points.clone()))
                    .collect();
                let panel = Lines { across, up, scale: *scale, drawn };
                (!panel.drawn.is_empty()).then_some(Panel::Lines(panel))
            }
        }
    }
}

impl BarOf {
    fn find(&self, results: &Results) -> Option<Bar> {
        let finding = results.of(self.workload)?.findings.iter().find(|finding| {
            let against = finding.against.as_deref().unwrap_or_default();
            finding.what.contains(self.what) && against.contains(self.against)
        })?;
        let (series, note) = self.side_of(finding)?;
        Some(Bar { name: self.name.to_owned(), series, note })
    }

    fn side_of(&self, finding: &Finding) -> Option<(Series, String)> {
        match self.side {
            Side::Measured => Some((finding.measured.clone(), String::new())),
            Side::Baseline => {
                let note = format!("Jeton in the same run: {} times", number(finding.figure));
                Some((finding.baseline.clone()?, note))
            }
        }
    }
}

const fn other(
    name: &'static str,
    workload: &'static str,
    what: &'static str,
    against: &'static str,
) -> BarOf {
    BarOf { name, workload, what, against, side: Side::Baseline }
}

const HOT: &str = "live tokens";
const GRANTS: &str = "durable grants, 64";

const PLOTS: &[Plot] = &[
    Plot {
        file: "validate.svg",
        title: "Validations per CPU-second, 10,000 live tokens",
        panels: &[PanelOf::Bars(&[
            BarOf {
                name: "Jeton",
                workload: "validate",
                what: HOT,
                against: "static hyper",
                side: Side::Measured,
            },
            other("static hyper server", "validate", HOT, "static hyper"),
            other("static server and Redis", "validate-redis", HOT, "GET behind"),
            other("static server and PostgreSQL", "validate-postgres", HOT, "select behind"),
            other("oidc-provider, introspection", "validate-oidc", HOT, "oidc-provider"),
        ])],
    },
    Plot {
        file: "validate-nginx.svg",
        title: "Requests per CPU-second through auth_request of nginx",
        panels: &[PanelOf::Bars(&[
            BarOf {
                name: "Jeton decides",
                workload: "validate-nginx",
                what: "auth_request",
                against: "Redis",
                side: Side::Measured,
            },
            other("static server and Redis", "validate-nginx", "auth_request", "Redis"),
            other("static server and PostgreSQL", "validate-nginx", "auth_request", "PostgreSQL"),
        ])],
    },
    Plot {
        file: "issue.svg",
        title: "Durable grants a second",
        panels: &[PanelOf::Bars(&[
            BarOf {
                name: "Jeton, 64 connections",
                workload: "issue",
                what: GRANTS,
                against: "",
                side: Side::Measured,
            },
            other("Jeton, one connection", "issue", GRANTS, "one connection"),
            other("fdatasync of the disk", "issue", GRANTS, "fdatasync"),
            other("PostgreSQL INSERT, 64", "issue-postgres", GRANTS, "PostgreSQL"),
        ])],
    },
    Plot {
        file: "revoke.svg",
        title: "Time to revoke a realm",
        panels: &[PanelOf::Curves {
            name: "revoke",
            across: "live pairs of the realm",
            up: "milliseconds",
            scale: Scale::Powers,
        }],
    },
    Plot {
        file: "latency.svg",
        title: "Latency of validation around the revocation of a realm",
        panels: &[PanelOf::Curves {
            name: "latency",
            across: "milliseconds since the revocation began",
            up: "milliseconds",
            scale: Scale::Even,
        }],
    },
    Plot {
        file: "hours.svg",
        title: "48 simulated hours of steady issue and expiry",
        panels: &[
            PanelOf::Curves {
                name: "hours-disk",
                across: HOUR,
                up: "disk, MB",
                scale: Scale::Even,
            },
            PanelOf::Curves {
                name: "hours-memory",
                across: HOUR,
                up: "memory of the process, MB",
                scale: Scale::Even,
            },
            PanelOf::Curves {
                name: "hours-issue",
                across: HOUR,
                up: "durable grant, ms",
                scale: Scale::Even,
            },
            PanelOf::Curves {
                name: "hours-hot",
                across: HOUR,
                up: "validation of a token shown a moment before, microseconds",
                scale: Scale::Even,
            },
            PanelOf::Curves {
                name: "hours-cold",
                across: HOUR,
                up: "validation of any token of the day, microseconds",
                scale: Scale::Even,
            },
        ],
    },
];

const HOUR: &str = "simulated hour";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Bound, Curve};
    use crate::results::Run;

    #[test]
    fn what_was_measured_is_drawn_and_the_rest_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        let series = |value| Series::of("/s", value);
        let finding = Finding::ratio(
            "1 live tokens",
            series(9.0),
            "static hyper server",
            series(10.0),
            Bound::None,
        );
        let curve = Curve::new("hours-disk", "disk <1>", vec![(1.0, 5.0), (2.0, 6.0)]);
        let finding = finding.with_curves(vec![curve]);
        Run::begin(&path, false).unwrap().keep("validate", vec![finding]).unwrap();
        let plots = folder.path().join("plots");
        draw(&plots, &Results::read(&path).unwrap()).unwrap();
        let read = |name: &str| std::fs::read_to_string(plots.join(name)).unwrap_or_default();
        assert!(
            read("validate.svg").contains("9.00 /s") && read("hours.svg").contains("&lt;1&gt;")
        );
        assert!(!plots.join("issue.svg").exists());
    }
}
