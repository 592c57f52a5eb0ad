//! Bodies of role mappings: a mapping that is read prints to a tree that reads as the same mapping.
#![no_main]

use jeton_domain::mapping::role_mapping::RoleMapping;
use jeton_domain::name::MappingName;
use jeton_fuzz::json::{JSON, read};
use jeton_fuzz::mapped::users;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some(value) = read(input) else { return };
    let name = MappingName::new("m");
    match RoleMapping::from_request(&name, &value, &JSON) {
        Ok(mapping) => check(&name, &mapping),
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
});

fn check(name: &MappingName, mapping: &RoleMapping) {
    let again = RoleMapping::from_request(name, &mapping.to_value(), &JSON)
        .expect("what is printed reads back");
    assert_eq!(again.to_value(), mapping.to_value(), "the same mapping");
    for user in users() {
        let roles = mapping.roles_of(&user, &JSON);
        assert_eq!(again.roles_of(&user, &JSON), roles);
        if let Ok(roles) = roles
            && !(mapping.enabled && mapping.rules.matches(&user))
        {
            assert!(roles.is_empty(), "no roles without a match");
        }
    }
}
