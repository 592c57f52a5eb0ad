//! `role_mapping.yml`: what is read prints and reads back, and one bad name never costs another.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use jeton_domain::name::RoleName;
use jeton_domain::value::{Map, Value};
use jeton_fuzz::json::print;
use jeton_realms::mapping::file::{FileMappings, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let found = match parse(input) {
        Ok(found) => found,
        Err(refusal) => return assert!(!refusal.to_string().is_empty()),
    };
    for problem in &found.problems {
        assert!(!problem.to_string().is_empty());
    }
    let again = parse(printed(&found).as_bytes()).expect("what is printed reads back");
    assert!(again.problems.is_empty(), "{:?}", again.problems);
    assert_eq!(sets(&again), sets(&found), "the same roles for the same names");
});

/// JSON is YAML: each role with its names.
fn printed(mappings: &FileMappings) -> String {
    let mut names: BTreeMap<&RoleName, Vec<Value>> = BTreeMap::new();
    for (name, roles) in &mappings.roles {
        for role in roles {
            names.entry(role).or_default().push(Value::Text(name.clone()));
        }
    }
    let members = names.into_iter().map(|(role, names)| (role.to_string(), Value::List(names)));
    print(&Value::Map(members.collect::<Map>()))
}

fn sets(mappings: &FileMappings) -> BTreeMap<&str, BTreeSet<&RoleName>> {
    let roles = mappings.roles.iter();
    roles.map(|(name, roles)| (name.as_str(), roles.iter().collect())).collect()
}
