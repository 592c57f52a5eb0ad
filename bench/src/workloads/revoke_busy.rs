//! Bulk revocation while tokens are validated and granted: what those who validate notice of it.
//!
//! Their latency in the windows in which a realm is revoked is compared with that in windows as
//! long in which none is, under the same load.

use std::ops::Range;

use super::revoke::{Ranks, Revoking, Target};
use super::vast::{HOT_REALM, VAST_REALMS};
use super::{Bench, USERS};
use crate::error::Outcome;
use crate::filling::{self, Ending, Fill};
use crate::http::request;
use crate::load::Shot;
use crate::load::latency::{self, Stream, Strike, Trace};
use crate::process::{Core, on_core};
use crate::report::{Bound, Curve, Finding, progress};
use crate::site::Site;
use crate::stats::{Series, real};

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let template = bench.vast(Ending::Closed)?;
    let ranks = Ranks::of(bench, template)?;
    let fill = Fill { realm: HOT_REALM, pairs: bench.scale.hot_tokens, users: USERS };
    let hot = filling::shots(template, &fill)?;
    let mut noticed = Noticed::default();
    let runs = bench.scale.vast_runs.saturating_mul(TURNS);
    for run in 1..=runs {
        progress(&format!("revoke-busy: run {run} of {runs}"));
        let site = template.copy(bench.scratch.join("revoke-busy-run"))?;
        one_run(&site, &hot, &ranks, run, &mut noticed)?;
        site.remove()?;
    }
    Ok(noticed.findings(&ranks))
}

/// Revokes every realm once under load.
fn one_run(
    site: &Site,
    hot: &[Shot],
    ranks: &Ranks,
    run: usize,
    noticed: &mut Noticed,
) -> Outcome<()> {
    let server = site.start(Core::Server, &[])?;
    let mut revoking = Revoking::connect(server.address())?;
    let body = r#"{"grant_type":"client_credentials"}"#;
    let request = request("POST", "/_security/oauth2/token", revoking.bearer(), body);
    let contains = b"\"access_token\"".as_slice().into();
    let grants = [Shot { request: request.into(), contains }];
    // The small ones come first and make the server warm; the others take turns in being first.
    let mut sized: Vec<(usize, &Target)> = ranks.targets.iter().enumerate().collect();
    let first = run.checked_rem(sized.len()).unwrap_or_default();
    sized.rotate_left(first);
    let warm = ranks.warm.iter().map(|target| (NOT_SIZED, target));
    let targets: Vec<(usize, &Target)> = warm.chain(sized).collect();
    let moments = (1_u32..).map(|number| BEFORE_S + f64::from(number) * APART_S);
    let strikes: Vec<Strike> = targets
        .iter()
        .zip(moments)
        .map(|((_, target), at_s)| Strike { at_s, request: target.request(revoking.bearer()) })
        .collect();
    for (_, target) in &targets {
        target.show(revoking.client(), 200)?;
    }
    let streams = [
        Stream { shots: hot, connections: CONNECTIONS },
        Stream { shots: &grants, connections: CONNECTIONS },
    ];
    let seconds = strikes.last().map_or(0.0, |last| last.at_s + APART_S);
    let watch = || latency::watch(server.address(), streams, &strikes, seconds);
    let trace = on_core(Core::Generator, watch)?;
    for ((rank, target), struck) in targets.iter().zip(&trace.strikes) {
        target.check(&struck.answer.clone().expect(200)?)?;
        target.show(revoking.client(), 401)?;
        noticed.strike(&trace, *rank, &struck.during_s)?;
    }
    noticed.rates(&trace);
    server.stop()
}

/// Latencies of validation, and what else tells how busy the server was.
struct Noticed {
    /// While a realm was revoked, by rank.
    sized: [Series; 4],
    /// While none was.
    idle: Series,
    /// How long the revocations took, by rank.
    took: [Series; 4],
    validations: Series,
    grants: Series,
    around: [Around; 2],
}

/// Latencies around the revocation of the largest realm: that which so many in a hundred requests
/// of a short window kept to, window by window.
struct Around {
    name: &'static str,
    hundredths: usize,
    windows: Vec<Series>,
}

impl Around {
    fn new(name: &'static str, hundredths: usize) -> Self {
        let windows = (0..AROUND.len()).map(|_| Series::new("ms")).collect();
        Self { name, hundredths, windows }
    }

    fn strike(&mut self, trace: &Trace, struck_s: f64) -> Outcome<()> {
        for (number, series) in AROUND.zip(&mut self.windows) {
            let start = struck_s + f64::from(number) * WINDOW_S;
            let latency_s = trace.quantile_s(&(start..start + WINDOW_S), self.hundredths)?;
            series.push(latency_s * real(1_000));
        }
        Ok(())
    }

    /// The medians of each window, at its middle.
    fn curve(&self) -> Curve {
        let at_ms = |number: i32| (f64::from(number) + 0.5) * WINDOW_S * real(1_000);
        let medians = self.windows.iter().map(Series::median);
        Curve::new("latency", self.name, AROUND.map(at_ms).zip(medians).collect())
    }
}

impl Default for Noticed {
    fn default() -> Self {
        let ms = || VAST_REALMS.map(|_| Series::new("ms"));
        Self {
            sized: ms(),
            idle: Series::new("ms"),
            took: ms(),
            validations: Series::new("requests/s"),
            grants: Series::new("grants/s"),
            around: [Around::new("p50", 50), Around::new("p99", 99)],
        }
    }
}

impl Noticed {
    /// Looks at the window of a revocation, and at one as long in the middle of the pause before
    /// it.
    fn strike(&mut self, trace: &Trace, rank: usize, during_s: &Range<f64>) -> Outcome<()> {
        let p99_ms = |window: &Range<f64>| Outcome::Ok(trace.p99_s(window)? * real(1_000));
        let took_s = during_s.end - during_s.start;
        let length_s = took_s.max(WINDOW_S);
        let window = |start: f64| start..start + length_s;
        self.idle.push(p99_ms(&window(during_s.start - APART_S / 2.0))?);
        if let Some((sized, took)) = self.sized.get_mut(rank).zip(self.took.get_mut(rank)) {
            sized.push(p99_ms(&window(during_s.start))?);
            took.push(took_s * real(1_000));
        }
        if rank == 0 {
            self.around.iter_mut().try_for_each(|of| of.strike(trace, during_s.start))?;
        }
        Ok(())
    }

    fn rates(&mut self, trace: &Trace) {
        self.validations.push(real(trace.answers()) / trace.seconds);
        self.grants.push(real(trace.others) / trace.seconds);
    }

    fn findings(self, ranks: &Ranks) -> Vec<Finding> {
        let Self { sized, idle, took, validations, grants, around } = self;
        let names = ranks.names();
        let mut findings: Vec<Finding> = sized
            .into_iter()
            .zip(&names)
            .map(|(sized, name)| {
                Finding::ratio(
                    format!("validation's p99 while {name} is revoked, under load"),
                    sized,
                    "windows without",
                    idle.clone(),
                    Bound::AtMost(1.5),
                )
            })
            .collect();
        let [vast, .., thousandth] = took;
        let [of_vast, .., of_thousandth] = names;
        let what = format!("invalidate {of_vast}, under that load");
        findings.push(Finding::ratio(what, vast, of_thousandth, thousandth, Bound::None));
        let what = "that load: validations";
        let load = Finding::beside(what, validations, "and grants", grants, Bound::None);
        findings.push(load.with_curves(around.iter().map(Around::curve).collect()));
        findings
    }
}

/// Each run has few windows of each size.
const TURNS: usize = 3;
/// Connections of either stream.
const CONNECTIONS: usize = 64;
/// Seconds of load before the first pause, and of each pause.
const BEFORE_S: f64 = 1.0;
const APART_S: f64 = 0.2;
/// Seconds of a window at least: a shorter one holds too few requests.
const WINDOW_S: f64 = 0.01;
/// Windows before and behind the revocation that the plot shows: half a pause on either side.
const AROUND: Range<i32> = -10..10;
/// Stands for the realms that only make a server warm.
const NOT_SIZED: usize = usize::MAX;
