//! The start: how long a server with many pairs takes to its first right answer, after an orderly
//! stop and after a kill.

use super::{Bench, SMALL_REALM, USERS};
use crate::error::Outcome;
use crate::filling::{self, Ending, Fill};
use crate::http::Client;
use crate::process::Core;
use crate::report::{Bound, Finding, progress};
use crate::site::Site;
use crate::stats::Series;
use crate::tokens::Tokens;

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let empty = bench.site("start-empty")?;
    let one = Fill { realm: SMALL_REALM, pairs: 1, users: USERS };
    filling::fill(&empty, &bench.programs, &[one], Ending::Closed)?;
    let closed = bench.vast(Ending::Closed)?;
    let killed = bench.vast(Ending::Killed)?;
    let vast = bench.vast_fill(0);
    let mut series = [(); 3].map(|()| Series::new("s"));
    let shown = [
        show_one(&empty, &one)?,
        show_one(closed, &vast)?,
        // The last pair that was acknowledged before the kill.
        show_last(killed, &Bench::BRIM)?,
    ];
    for run in 1..=bench.scale.runs {
        progress(&format!("start: run {run} of {}", bench.scale.runs));
        let sites = [&empty, closed, killed].into_iter().zip(&shown);
        for ((site, show), series) in sites.zip(&mut series) {
            // A start may tidy up: each has the directory as it was.
            let copy = site.copy(bench.scratch.join("start-run"))?;
            series.push(first_answer_s(&copy, show)?);
            copy.remove()?;
        }
    }
    let [of_empty, of_closed, of_killed] = series;
    empty.remove()?;
    let pairs = bench.vast_stored();
    let findings = |what: &str, series: Series| {
        let what = format!("first answer with {pairs} live pairs, {what}");
        let (one, by_empty) = ("with one pair", of_empty.clone());
        [
            Finding::beside(&*what, series.clone(), one, by_empty.clone(), Bound::AtMost(1.0)),
            Finding::ratio(what, series, one, by_empty, Bound::AtMost(3.0)),
        ]
    };
    let closed = findings("after a stop", of_closed);
    Ok(closed.into_iter().chain(findings("after SIGKILL", of_killed)).collect())
}

/// The request that shows a token of a realm, from the middle of its day.
fn show_one(site: &Site, fill: &Fill<'_>) -> Outcome<Box<[u8]>> {
    let tokens = Tokens::load(site, fill.realm, fill.users)?;
    Ok(filling::show(&tokens.string(tokens.len() / 2)))
}

/// The request that shows the newest token of a realm.
fn show_last(site: &Site, fill: &Fill<'_>) -> Outcome<Box<[u8]>> {
    let tokens = Tokens::load(site, fill.realm, fill.users)?;
    Ok(filling::show(&tokens.string(tokens.len().saturating_sub(1))))
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
