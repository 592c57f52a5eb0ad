//! `roles.yml`: one bad role never costs another, and no reserved one is changed.
#![no_main]

use jeton_domain::name::RoleName;
use jeton_domain::role::reserved::ReservedRoles;
use jeton_fuzz::json::JSON;
use jeton_realms::roles_file::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let reserved = ReservedRoles::default();
    let found = parse(input, &reserved, &JSON);
    let lines = input.split('\n').count();
    for problem in &found.problems {
        assert!((1..=lines).contains(&problem.line), "{problem}");
        assert!(!problem.to_string().is_empty());
    }
    assert!(!found.roles.contains_key(&RoleName::new("superuser")), "a reserved name is nobody's");
    for (name, role) in &found.roles {
        assert_eq!(&role.name, name);
    }
    let more = format!("{input}\nlast role:\n  cluster: [ monitor ]\n");
    let more = parse(&more, &reserved, &JSON).roles;
    let last = RoleName::new("last role");
    assert_eq!(more.get(&last).expect("a good role is read").cluster, ["monitor"]);
    let others = more.iter().filter(|(name, _)| **name != last);
    assert!(others.eq(found.roles.iter().filter(|(name, _)| **name != last)));
});
