//! The start: how long a server with many pairs takes to its first right answer, after an orderly stop
//! and after a kill.

use super::{Bench, LARGE_REALM, SMALL_REALM, USERS};
use crate::error::{BenchError, Outcome};
use crate::filling::{self, Ending, Fill};
use crate::http::Client;
use crate::process::Core;
use crate::report::{Bound, Finding, progress};
use crate::site::Site;
use crate::stats::Series;

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let empty = bench.site("start-empty")?;
    let one = Fill { realm: SMALL_REALM, pairs: 1, users: USERS };
    filling::fill(&empty, &bench.programs, &[one], Ending::Closed)?;
    let closed = bench.large_site("start-closed", Ending::Closed)?;
    let killed = bench.large_site("start-killed", Ending::Killed)?;
    let mut series = [(); 3].map(|()| Series::new("s"));
    let shown = [
        show_one(&empty, SMALL_REALM)?,
        show_one(&closed, LARGE_REALM)?,
        show_one(&killed, LARGE_REALM)?,
    ];
    for run in 1..=bench.scale.runs {
        progress(&format!("start: run {run} of {}", bench.scale.runs));
        let sites = [&empty, &closed, &killed].into_iter().zip(&shown);
        for ((site, show), series) in sites.zip(&mut series) {
            // A start may tidy up: each has the directory as it was.
            let copy = site.copy(bench.scratch.join("start-run"))?;
            series.push(first_answer_s(&copy, show)?);
            copy.remove()?;
        }
    }
    let [of_empty, of_closed, of_killed] = series;
    for site in [empty, closed, killed] {
        site.remove()?;
    }
    let bound = Bound::AtMost(2.0f64.mul_add(of_empty.median(), 0.5));
    let pairs = bench.scale.large_pairs;
    let finding = |what: &str, series| {
        Finding::beside(
            format!("first answer with {pairs} live pairs, {what}"),
            series,
            "with one pair",
            of_empty.clone(),
            bound,
        )
    };
    Ok(vec![finding("after a stop", of_closed), finding("after SIGKILL", of_killed)])
}

/// The request that shows a token of a realm, from the middle of its day.
fn show_one(site: &Site, realm: &str) -> Outcome<Box<[u8]>> {
    let texts = filling::texts(site, realm)?;
    let token = texts.get(texts.len() / 2);
    let token = token.ok_or_else(|| BenchError::Setup(format!("no tokens of {realm}")))?;
    Ok(filling::show(token))
}

/// Seconds from the start of the process to the first right answer for a stored token.
fn first_answer_s(site: &Site, show: &[u8]) -> Outcome<f64> {
    let server = site.start(Core::Any, &[])?;
    let answer = Client::connect(server.address())?.call(show)?;
    let seconds = server.age_s();
    answer.expect(200)?;
    server.stop()?;
    Ok(seconds)
}
