//! Bodies of searches for users and roles: the same answer each time, and no more than was asked.
//!
//! The first byte says what is searched.
#![no_main]

use jeton_fuzz::service::{Service, with_service};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let Some((kind, body)) = input.split_first() else { return };
    with_service(|service| {
        fill(service);
        let (path, list) = if kind & 1 == 0 { (USERS, "users") } else { (ROLES, "roles") };
        let found = service.elastic("POST", path, body);
        assert!(matches!(found.status, 200 | 400), "{found:?}");
        if found.status == 200 {
            check(&found.json(), list);
            assert_eq!(service.elastic("POST", path, body).body, found.body, "the same again");
        }
    });
});

fn check(found: &Value, list: &str) {
    let number = |name: &str| found[name].as_u64().expect("a count");
    let items = found[list].as_array().expect("a page");
    assert_eq!(number("count"), items.len() as u64);
    assert!(number("total") >= number("count"));
    let sorts = items.iter().filter(|item| item.get("_sort").is_some()).count();
    assert!(sorts == 0 || sorts == items.len(), "each has its sort values, or none");
}

/// Something to find, once for each service.
fn fill(service: &mut Service) {
    if service.elastic("GET", "/_security/role/reader", b"").status == 200 {
        return;
    }
    for number in 0..8 {
        let role = format!(
            r#"{{"description":"Role no. {number}","metadata":{{"rank":{number},"a":{{"b":"x"}}}},"applications":[{{"application":"shop-{number}","privileges":["buy"],"resources":["*"]}}]}}"#
        );
        let name = format!("/_security/role/role-{number}");
        assert_eq!(service.elastic("PUT", &name, role.as_bytes()).status, 200);
        let user = format!(
            r#"{{"password_hash":"{HASH}","roles":["role-{number}","viewer"],"full_name":"Ann {number} B","email":"ann{number}@example.org","enabled":{}}}"#,
            number % 3 > 0
        );
        let name = format!("/_security/user/ann{number}");
        assert_eq!(service.elastic("PUT", &name, user.as_bytes()).status, 200);
    }
    assert_eq!(service.elastic("PUT", "/_security/role/reader", b"{}").status, 200);
}

const USERS: &str = "/_security/_query/user";
const ROLES: &str = "/_security/_query/role";
const HASH: &str = "$2a$04$abcdefghijklmnopqrstuuqFJI0yc6dnzyYl4dBhFmwm3etsmUfsm";
