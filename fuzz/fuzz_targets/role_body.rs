//! Bodies of roles: a descriptor that is read prints to a tree that reads as the same descriptor.
#![no_main]

use jeton_domain::name::RoleName;
use jeton_domain::role::descriptor::RoleDescriptor;
use jeton_domain::role::permission::Permission;
use jeton_domain::role::validation::violations_of_put;
use jeton_rest::json::scan::Scanner;
use jeton_rest::json::tree::read_value;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let name = RoleName::new("r");
    let mut scanner = Scanner::new(input);
    let Ok(Some(first)) = scanner.next_token() else { return };
    let Ok(value) = read_value(&mut scanner, first) else { return };
    for parse in [
        RoleDescriptor::from_role_request,
        RoleDescriptor::from_api_key_request,
        RoleDescriptor::from_value,
    ] {
        match parse(&name, &value) {
            Ok(role) => check(&name, role),
            Err(refusal) => assert!(!refusal.to_string().is_empty()),
        }
    }
});

fn check(name: &RoleName, role: RoleDescriptor) {
    let role = role.settle_queries(|tree| format!("{:?}", tree.members().count()));
    let again = RoleDescriptor::from_value(name, &role.to_value());
    assert_eq!(again.as_ref(), Ok(&role), "what is printed reads back");
    if violations_of_put(&role).is_empty() {
        let permission = Permission::of([&role]);
        for action in ["cluster:monitor/main", "cluster:admin/xpack/security/token/create"] {
            let _ = (permission.allows(action), permission.allows_own(action));
        }
        let _ = permission.may_run_as("ann");
    }
}
