//! Validation: a hot set of live tokens, and forged ones, against a static server.

use super::side::{self, Side};
use super::{Bench, fixed};
use crate::error::Outcome;
use crate::filling::{self, Ending, Fill};
use crate::load::Shot;
use crate::process::Core;
use crate::report::{Bound, Finding};

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let site = bench.site("validate")?;
    let fill = Fill { realm: "hot", pairs: bench.scale.hot_tokens, users: USERS };
    filling::fill(&site, &bench.programs, &[fill], Ending::Closed)?;
    let valid = filling::shots(&site, &fill)?;
    let forged = forged(&filling::texts(&site, fill.realm)?);
    let jeton = site.start(Core::Server, &[])?;
    let baseline = fixed::start(bench, &site, &jeton, &valid, None)?;
    let any = fixed::shots(&valid);
    let sides = [
        Side::new(jeton.address(), vec![jeton.pid()], &valid, 200)?,
        Side::new(baseline.address(), vec![baseline.pid()], &any, 200)?,
        Side::new(jeton.address(), vec![jeton.pid()], &forged, 401)?,
    ];
    let [valid, fixed, forged] = side::take_turns(bench, "validate", sides)?;
    baseline.kill()?;
    jeton.stop()?;
    site.remove()?;
    let (tokens, bound) = (bench.scale.hot_tokens, Bound::AtLeast(0.75));
    Ok(vec![
        Finding::ratio(
            format!("authenticate, {tokens} live tokens"),
            valid.per_cpu.clone(),
            "static hyper server",
            fixed.per_cpu,
            bound,
        ),
        Finding::ratio(
            "the same on the clock",
            valid.rate.clone(),
            "static hyper server",
            fixed.rate,
            Bound::None,
        ),
        Finding::ratio(
            "100 % forged tokens",
            forged.per_cpu,
            "valid tokens",
            valid.per_cpu,
            Bound::AtLeast(0.95),
        ),
        Finding::ratio(
            "the same on the clock",
            forged.rate,
            "valid tokens",
            valid.rate,
            Bound::None,
        ),
    ])
}

/// Well-formed tokens of no pair: the end of each tag is changed.
fn forged(texts: &[String]) -> Vec<Shot> {
    let shots = texts.iter().map(|text| {
        let (start, end) =
            text.split_at_checked(text.len().saturating_sub(8)).unwrap_or((text, ""));
        let end: String = end.chars().map(|char| if char == 'A' { 'B' } else { 'A' }).collect();
        let contains = b"security_exception".as_slice().into();
        Shot { request: filling::show(&format!("{start}{end}")), contains }
    });
    shots.collect()
}

const USERS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_token_is_as_long_and_differs() {
        let text = format!("jta_{}", "A".repeat(44));
        let [shot] = forged(std::slice::from_ref(&text)).try_into().unwrap();
        let request = String::from_utf8(shot.request.into_vec()).unwrap();
        assert!(request.contains(&format!("jta_{}BBBBBBBB\r\n", "A".repeat(36))));
    }
}
