//! Validation of a hot set of live tokens against a static server: in clear, under TLS, pipelined.

use super::fixed::{self, Model};
use super::side::{self, ONE_BY_ONE, Pace, Side};
use super::{Bench, HOT_USERS};
use crate::error::Outcome;
use crate::filling::{self, Ending, Fill};
use crate::load::tls::Identity;
use crate::load::{Manner, Requests, Shot};
use crate::process::Core;
use crate::report::{Bound, Finding};
use crate::site::Site;

/// In clear, one request at a time on each connection.
pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let hot = Hot::prepare(bench, "validate")?;
    hot.compare(bench, &Comparison::CLEAR)
}

/// Under TLS 1.3, one request at a time on each connection.
pub(super) fn under_tls(bench: &Bench) -> Outcome<Vec<Finding>> {
    let hot = Hot::prepare(bench, "validate-tls")?;
    hot.compare(bench, &Comparison::SECRET)
}

/// In clear, sixteen requests at a time on each connection.
pub(super) fn pipelined(bench: &Bench) -> Outcome<Vec<Finding>> {
    let hot = Hot::prepare(bench, "validate-pipelined")?;
    hot.compare(bench, &Comparison::PIPELINED)
}

/// How the two servers are asked.
struct Comparison {
    name: &'static str,
    how: &'static str,
    batch: usize,
    is_secret: bool,
    /// What the static server does better with.
    options: &'static [&'static str],
    bound: f64,
}

impl Comparison {
    const CLEAR: Self =
        Self { name: "validate", how: "", batch: 1, is_secret: false, options: &[], bound: 0.90 };
    const SECRET: Self =
        Self { name: "validate-tls", how: ", TLS 1.3", is_secret: true, ..Self::CLEAR };
    const PIPELINED: Self = Self {
        name: "validate-pipelined",
        how: ", pipelined x16",
        batch: 16,
        options: &["--together"],
        bound: 0.60,
        ..Self::CLEAR
    };
}

/// A store with a hot set.
struct Hot {
    site: Site,
    shots: Vec<Shot>,
}

impl Hot {
    fn prepare(bench: &Bench, name: &str) -> Outcome<Self> {
        let site = bench.site(name)?;
        let fill = Fill { realm: "hot", pairs: bench.scale.hot_tokens, users: HOT_USERS };
        filling::fill(&site, &bench.programs, &[fill], Ending::Closed)?;
        let shots = filling::shots(&site, &fill)?;
        Ok(Self { site, shots })
    }

    fn compare(self, bench: &Bench, how: &Comparison) -> Outcome<Vec<Finding>> {
        let Self { site, shots } = self;
        let mut settings = Vec::new();
        let mut trust = None;
        if how.is_secret {
            let identity = Identity::make(site.root())?;
            trust = Some(identity.trust()?);
            settings = secret(&identity);
        }
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let jeton = site.start(Core::Server, &settings)?;
        let request = shots.first().map(|shot| &*shot.request).unwrap_or_default();
        let model = Model { server: &jeton, request, trust: trust.as_ref() };
        let options: Vec<String> = how.options.iter().map(|&option| option.to_owned()).collect();
        let baseline = model.imitate(bench, &site, &options)?;
        let any = fixed::shots(&shots);
        let manner = Manner { batch: how.batch, trust: trust.as_ref(), ..ONE_BY_ONE };
        let side = |server: &crate::server::Server, shots| {
            let requests = (Requests::Shots(shots), 200);
            Side::connect(server.address(), vec![server.pid()], requests, manner)
        };
        let sides = [side(&jeton, &shots)?, side(&baseline, &any)?];
        let [of_jeton, of_fixed] = side::take_turns(bench, how.name, sides)?;
        baseline.kill()?;
        jeton.stop()?;
        site.remove()?;
        Ok(how.findings(bench, &of_jeton, &of_fixed))
    }
}

impl Comparison {
    fn findings(&self, bench: &Bench, jeton: &Pace, fixed: &Pace) -> Vec<Finding> {
        let what = format!("authenticate, {} live tokens{}", bench.scale.hot_tokens, self.how);
        let by_cpu = (jeton.per_cpu.clone(), fixed.per_cpu.clone());
        let on_clock = (jeton.rate.clone(), fixed.rate.clone());
        let bound = Bound::AtLeast(self.bound);
        vec![
            Finding::ratio(what, by_cpu.0, FIXED, by_cpu.1, bound),
            Finding::ratio("the same on the clock", on_clock.0, FIXED, on_clock.1, Bound::None),
            jeton.is_busy("Jeton"),
            fixed.is_busy(FIXED),
        ]
    }
}

/// The settings of a server that speaks TLS.
fn secret(identity: &Identity) -> Vec<String> {
    let [certificate, key] = [&identity.certificate, &identity.key];
    vec![
        "xpack.security.http.ssl.enabled=true".to_owned(),
        format!("xpack.security.http.ssl.certificate={}", certificate.display()),
        format!("xpack.security.http.ssl.key={}", key.display()),
    ]
}

const FIXED: &str = "static hyper server";
