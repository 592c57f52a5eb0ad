//! Bodies of application privileges: what was put is what is shown, and goes in again.
#![no_main]

use jeton_fuzz::service::with_service;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|body: &[u8]| {
    with_service(|service| {
        let put = service.elastic("PUT", PRIVILEGES, body);
        assert!(matches!(put.status, 200 | 400), "{put:?}");
        let shown = service.elastic("GET", PRIVILEGES, b"").json();
        if put.status == 400 {
            return assert_eq!(shown, Value::Object(Map::default()), "nothing is stored");
        }
        let put = put.json();
        let names = |value: &Value| {
            let applications = value.as_object().expect("applications are named").clone();
            applications.into_iter().map(|(name, held)| (name, keys(&held))).collect::<Vec<_>>()
        };
        let (mut told, mut found) = (names(&put), names(&shown));
        told.sort();
        found.sort();
        assert_eq!(told, found, "all that was put is shown");
        let again = service.elastic("PUT", PRIVILEGES, shown.to_string().as_bytes());
        assert_eq!(again.status, 200, "what is shown goes in again");
        assert_eq!(service.elastic("GET", PRIVILEGES, b"").json(), shown);
        for (application, names) in found {
            for name in names {
                let path = format!("{PRIVILEGES}/{}/{}", encoded(&application), encoded(&name));
                assert_eq!(service.elastic("DELETE", &path, b"").status, 200, "{path}");
            }
        }
    });
});

/// A segment of a path.
fn encoded(name: &str) -> String {
    name.bytes().fold(String::new(), |path, byte| format!("{path}%{byte:02x}"))
}

fn keys(privileges: &Value) -> Vec<String> {
    let mut keys: Vec<String> =
        privileges.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    keys.sort();
    keys
}

const PRIVILEGES: &str = "/_security/privilege";
