//! Durable grants: many connections share one sync, so their rate is a multiple of one connection's.

use super::Bench;
use crate::error::Outcome;
use crate::http::{Client, request};
use crate::load::{Generator, Load, Shot, Until, Waiting};
use crate::process::Core;
use crate::report::{Bound, Finding, progress};
use crate::site::superuser_token;
use crate::stats::Series;

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let site = bench.site("issue")?;
    let server = site.start(Core::Any, &[])?;
    let bearer = format!("Bearer {}", superuser_token(&mut Client::connect(server.address())?)?);
    let body = r#"{"grant_type":"client_credentials"}"#;
    let request = request("POST", "/_security/oauth2/token", &bearer, body);
    let shots = [Shot { request: request.into(), contains: b"\"access_token\"".as_slice().into() }];
    let rate = |connections, seconds| {
        Generator::connect(server.address(), connections)?.send(&Load {
            shots: &shots,
            status: 200,
            until: Until::Seconds(seconds),
            waiting: Waiting::Sleeping,
        })
    };
    rate(MANY, WARM_S)?;
    let (mut many, mut one) = (Series::new("grants/s"), Series::new("grants/s"));
    for run in 1..=bench.scale.runs {
        progress(&format!("issue: run {run} of {}", bench.scale.runs));
        one.push(rate(1, bench.scale.run_s)?.rate());
        many.push(rate(MANY, bench.scale.run_s)?.rate());
    }
    server.stop()?;
    site.remove()?;
    Ok(vec![Finding::ratio(
        format!("durable grants, {MANY} connections"),
        many,
        "one connection",
        one,
        Bound::AtLeast(4.0),
    )])
}

const MANY: usize = 64;
/// Seconds of load before anything is measured.
const WARM_S: f64 = 0.5;
