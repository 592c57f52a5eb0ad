//! Whether cluster privileges together imply another one.
//!
//! Owns that decision: every action that the one allows, of whomever it concerns and on what
//! belongs to the caller, is allowed by one of the others.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::automaton::Automaton;
use super::coverage::{Effort, TooComplex, is_covered};
use crate::privilege::cluster::{ClusterPrivilege, Patterns};
use crate::privilege::wildcard;

/// Whether those who hold these privileges hold the wanted one.
pub(super) fn is_implied<'a>(
    wanted: &ClusterPrivilege,
    held: impl IntoIterator<Item = &'a ClusterPrivilege>,
    effort: &mut Effort,
) -> Result<bool, TooComplex> {
    let held: Vec<&ClusterPrivilege> = held.into_iter().collect();
    effort.spend(work(held.iter().map(|privilege| privilege.name())))?;
    if held.contains(&wanted) {
        return Ok(true);
    }
    let Patterns { grants, raw, excludes, grants_own } = wanted.patterns();
    let held: Vec<Patterns<'_>> = held.iter().map(|privilege| privilege.patterns()).collect();
    let pieces = Pieces::new(&held);
    for grant in grants.iter().copied().chain(raw) {
        if !pieces.is_covered(grant, excludes, Concern::Anybody, effort)? {
            return Ok(false);
        }
    }
    for grant in grants_own {
        if !pieces.is_covered(grant, &[], Concern::Own, effort)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How much work it is to look at the texts once.
fn work<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.len().wrapping_div(BYTES_AT_ONCE).saturating_add(1)).sum()
}

/// Bytes of a text that are looked at in one step.
const BYTES_AT_ONCE: usize = 64;

/// Whom an action concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Concern {
    Anybody,
    Own,
}

/// What a pattern over actions does for the privilege of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duty {
    Grant(usize),
    Exclude(usize),
    GrantOwn,
    /// What the wanted privilege itself leaves out.
    Unwanted,
}

struct Pieces<'a>(Vec<(Duty, &'a str)>);

impl<'a> Pieces<'a> {
    fn new(held: &[Patterns<'a>]) -> Self {
        let mut pieces = Vec::new();
        for (number, patterns) in held.iter().enumerate() {
            let mut add = |duty: Duty, patterns: &[&'a str]| {
                pieces.extend(patterns.iter().map(|pattern| (duty, *pattern)));
            };
            add(Duty::Grant(number), patterns.grants);
            add(Duty::Grant(number), patterns.raw.as_slice());
            add(Duty::Exclude(number), patterns.excludes);
            add(Duty::GrantOwn, patterns.grants_own);
        }
        Self(pieces)
    }

    fn is_covered(
        &self,
        grant: &str,
        unwanted: &[&str],
        concern: Concern,
        effort: &mut Effort,
    ) -> Result<bool, TooComplex> {
        let unwanted = unwanted.iter().map(|pattern| (Duty::Unwanted, *pattern));
        let all = self.0.iter().copied().chain(unwanted);
        let pieces: Vec<(Duty, &str)> =
            all.filter(|(_, pattern)| wildcard::may_meet(pattern, grant)).collect();
        effort.spend(work(self.0.iter().map(|(_, pattern)| *pattern)))?;
        effort.spend_on_automaton(grant.len())?;
        effort.spend(pieces.iter().map(|(_, pattern)| pattern.len()).sum())?;
        let automata: Vec<Cow<'_, Automaton>> =
            pieces.iter().map(|(_, pattern)| Cow::Owned(Automaton::of_wildcard(pattern))).collect();
        is_covered(&Automaton::of_wildcard(grant), &automata, effort, |fitting, _| {
            let duties: Vec<Duty> = fitting
                .iter()
                .filter_map(|piece| pieces.get(*piece))
                .map(|(duty, _)| *duty)
                .collect();
            Ok(duties.iter().any(|duty| match duty {
                Duty::Grant(number) => !duties.contains(&Duty::Exclude(*number)),
                Duty::Exclude(_) => false,
                Duty::GrantOwn => concern == Concern::Own,
                Duty::Unwanted => true,
            }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privilege::cluster;
    use alloc::collections::BTreeMap;
    use alloc::string::String;
    use proptest::prelude::*;

    fn is_held(wanted: &str, held: &[&str]) -> bool {
        let resolve = |name: &&str| ClusterPrivilege::resolve(name).unwrap();
        let held: Vec<ClusterPrivilege> = held.iter().map(resolve).collect();
        is_implied(&resolve(&wanted), &held, &mut Effort::of_request()).unwrap()
    }

    #[test]
    fn privileges_imply_what_they_cover_alone_or_together() {
        assert!(is_held("manage_token", &["manage_security"]));
        assert!(is_held("monitor", &["manage"]));
        assert!(!is_held("manage_security", &["manage"]));
        assert!(!is_held("all", &["manage", "manage_security"]));
        assert!(is_held("all", &["manage", "manage_security", "delegate_pki"]));
        assert!(is_held("manage", &["all"]) && is_held("manage_security", &["all"]));
        assert!(is_held("cluster:monitor/main", &["monitor"]));
        assert!(!is_held("cluster:monitor", &["monitor"]));
        assert!(is_held("manage_own_api_key", &["manage_api_key"]));
        assert!(!is_held("manage_api_key", &["manage_own_api_key"]));
        assert!(is_held("cluster:admin/xpack/security/api_key/create", &["manage_api_key"]));
        assert!(!is_held("cluster:admin/xpack/security/api_key/get", &["manage_own_api_key"]));
        assert!(is_held("none", &[]) && !is_held("monitor", &[]));
    }

    #[test]
    fn implication_is_a_partial_order_over_the_named_privileges() {
        let names: Vec<&str> = cluster::names().collect();
        let implied = |one: &str| -> Vec<&str> {
            names.iter().copied().filter(|other| is_held(other, &[one])).collect()
        };
        let below: BTreeMap<&str, Vec<&str>> =
            names.iter().map(|name| (*name, implied(name))).collect();
        for (name, lower) in &below {
            assert!(lower.contains(name) && lower.contains(&"none"), "{name}");
            for lowest in lower.iter().flat_map(|lower| &below[lower]) {
                assert!(lower.contains(lowest), "{name} {lowest}");
            }
        }
        assert_eq!(below["all"], names);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_implied_allows_no_action_that_is_not_held(
            wanted in 0..62_usize,
            held in proptest::collection::vec(0..62_usize, 0..3),
            raw in "cluster:(admin/x|monitor)[/*a]{0,3}",
        ) {
            let named: Vec<ClusterPrivilege> = ClusterPrivilege::named().collect();
            let mut held: Vec<ClusterPrivilege> = held.iter().map(|at| named[*at].clone()).collect();
            held.push(ClusterPrivilege::resolve(&raw).unwrap());
            let wanted = &named[wanted];
            let verdict = is_implied(wanted, &held, &mut Effort::of_request()).unwrap();
            let all = named.iter().map(ClusterPrivilege::patterns);
            let samples = all.flat_map(|it| it.grants.iter().chain(it.excludes).chain(it.grants_own));
            let samples: Vec<String> = samples
                .flat_map(|pattern| [pattern.replace('*', ""), pattern.replace('*', "/x")])
                .chain([raw.replace('*', "q")])
                .collect();
            let is_sampled = samples.iter().all(|action| {
                (!wanted.implies(action) || held.iter().any(|it| it.implies(action)))
                    && (!wanted.implies_own(action) || held.iter().any(|it| it.implies_own(action)))
            });
            prop_assert!(!verdict || is_sampled, "{} {:?}", wanted.name(), held);
            if is_sampled && !verdict {
                let only_beyond_samples = wanted.patterns().grants.iter().any(|it| it.contains('*'));
                prop_assert!(only_beyond_samples);
            }
        }
    }
}
