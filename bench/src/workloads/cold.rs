//! Ten million live tokens, each as likely: all of them in the cache, and the cache as large as it
//! is unless somebody says otherwise. With them, the memory that either takes.

use super::side::{self, ONE_BY_ONE, Pace, Side};
use super::{Bench, HOT_USERS};
use crate::error::Outcome;
use crate::filling::{self, Ending, Fill};
use crate::load::{Generator, Manner, Order, Requests, Showing, Until, Waiting};
use crate::process::Core;
use crate::report::{Bound, Finding, progress};
use crate::server::Server;
use crate::site::Site;
use crate::stats::{Series, real};
use crate::tokens::Tokens;

pub(super) fn run(bench: &Bench) -> Outcome<Vec<Finding>> {
    let template = bench.vast(Ending::Closed)?;
    let vast = bench.vast_fill(0);
    let tokens = Tokens::load(template, vast.realm, vast.users)?;
    let hot = Hot::prepare(bench)?;
    let mut paces = [(); 3].map(|()| Pace::new());
    let (mut at_start, mut usual_memory) = (Series::new("MB"), Series::new("MB"));
    let mut a_pair = Series::new("bytes a pair");
    for run in 1..=bench.scale.vast_runs {
        progress(&format!("cold: run {run} of {}: showing every token", bench.scale.vast_runs));
        let usual = Shown::open(bench, template, "cold-usual", &[], &tokens)?;
        let lifted = Shown::open(bench, template, "cold-lifted", &[LIFTED], &tokens)?;
        let of_hot = hot.site.start(Core::Server, &[])?;
        let at_random = Requests::Tokens(&tokens, Order::AtRandom);
        let in_turn = Requests::Tokens(&hot.tokens, Order::InTurn);
        let side = |server: &Server, requests| {
            Side::connect(server.address(), vec![server.pid()], (requests, 200), ONE_BY_ONE)
        };
        let mut sides = [
            side(&of_hot, in_turn)?,
            side(&lifted.server, at_random)?,
            side(&usual.server, at_random)?,
        ];
        sides.iter_mut().try_for_each(Side::warm)?;
        progress(&format!("cold: run {run} of {}", bench.scale.vast_runs));
        side::one_run(bench, &mut sides, &mut paces)?;
        at_start.push(real(usual.before) / 1e6);
        usual_memory.push(real(usual.after) / 1e6);
        let pairs = real(u64::try_from(tokens.len()).unwrap_or_default());
        a_pair.push(real(lifted.after.saturating_sub(lifted.before)) / pairs);
        of_hot.stop()?;
        usual.leave()?;
        lifted.leave()?;
    }
    hot.site.remove()?;
    let against = format!("{} live pairs, shown in turn", bench.scale.hot_tokens);
    let [of_hot, lifted, usual] = paces;
    let pace = |what: &str, pace: Pace, least: f64| {
        Finding::ratio(
            format!("authenticate at random, {} live pairs, {what}", tokens.len()),
            pace.per_cpu,
            &*against,
            of_hot.per_cpu.clone(),
            Bound::AtLeast(least),
        )
    };
    let stored = bench.vast_stored();
    Ok(vec![
        lifted.is_busy("all in the cache"),
        usual.is_busy("default cache limit"),
        pace("all in the cache", lifted, 0.90),
        pace("default cache limit", usual, 0.40),
        Finding::beside(
            "memory, cache limit lifted",
            a_pair,
            "pairs in the cache",
            Series::of("", real(u64::try_from(tokens.len()).unwrap_or_default())),
            Bound::AtMost(128.0),
        ),
        Finding::beside(
            format!("memory of the process, {stored} pairs stored, every token of a realm seen"),
            usual_memory,
            "at its start",
            at_start,
            Bound::AtMost(700.0),
        ),
    ])
}

/// A server to which every token was shown once, and its memory before and after that, in bytes.
struct Shown {
    site: Site,
    server: Server,
    before: u64,
    after: u64,
}

impl Shown {
    fn open(
        bench: &Bench,
        template: &Site,
        name: &str,
        settings: &[&str],
        tokens: &Tokens,
    ) -> Outcome<Self> {
        let site = template.copy(bench.scratch.join(name))?;
        let server = site.start(Core::Server, settings)?;
        // Connections and code take memory too: not for the pairs.
        let mut generator = Generator::connect_as(server.address(), MANY_AT_ONCE)?;
        let mut show = |tokens: &Tokens| {
            generator.show(&Showing {
                tokens,
                order: Order::InTurn,
                status: 200,
                until: Until::EachOnce,
                waiting: Waiting::Sleeping,
            })
        };
        show(&tokens.first(tokens.len() / 1_000))?;
        let before = server.memory_bytes()?;
        show(tokens)?;
        let after = server.memory_bytes()?;
        Ok(Self { site, server, before, after })
    }

    fn leave(self) -> Outcome<()> {
        self.server.stop()?;
        self.site.remove()
    }
}

/// A store with a hot set alone.
struct Hot {
    site: Site,
    tokens: Tokens,
}

impl Hot {
    fn prepare(bench: &Bench) -> Outcome<Self> {
        let site = bench.site("cold-hot")?;
        let fill = Fill { realm: "hot", pairs: bench.scale.hot_tokens, users: HOT_USERS };
        filling::fill(&site, &bench.programs, &[fill], Ending::Closed)?;
        let tokens = Tokens::load(&site, fill.realm, fill.users)?;
        Ok(Self { site, tokens })
    }
}

/// Every token is shown sooner so.
const MANY_AT_ONCE: Manner<'static> = Manner { batch: 16, ..ONE_BY_ONE };
/// Lets the cache grow as far as it likes.
const LIFTED: &str = "jeton.cache.size=16gb";
