//! Questions for privileges: every answer is whole, and whoever may do everything holds all.
#![no_main]

use jeton_fuzz::service::with_service;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    with_service(|service| {
        let answer = service.elastic("POST", "/_security/user/_has_privileges", body);
        assert!(matches!(answer.status, 200 | 400), "{answer:?}");
        if answer.status == 200 {
            let answer = answer.json();
            assert_eq!(answer["username"], "elastic");
            let held = ["cluster", "index", "application"].into_iter().all(|kind| {
                assert!(answer[kind].is_object(), "every member is there");
                is_held(&answer[kind])
            });
            assert_eq!(answer["has_all_requested"], held);
        }
    });
});

/// Whether every leaf is true.
fn is_held(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Object(members) => members.values().all(is_held),
        other => other.as_bool().expect("a leaf is true or false"),
    }
}
