//! Bodies of users and of changes of passwords: what was put is what is shown.
#![no_main]

use jeton_fuzz::service::{texts, with_service};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((verb, body)) = input.split_first() else { return };
    with_service(|service| {
        let target = if verb & 1 == 0 { USER } else { PASSWORD };
        let put = service.elastic("PUT", target, body);
        assert!(matches!(put.status, 200 | 400 | 429), "{put:?}");
        let shown = service.elastic("GET", USER, b"");
        if put.status == 200 && target == USER {
            let shown = shown.json();
            let sent: serde_json::Value = serde_json::Deserializer::from_slice(body)
                .into_iter()
                .next()
                .expect("an accepted body holds a value")
                .expect("an accepted body is JSON");
            for name in ["full_name", "email"] {
                assert_eq!(
                    sent.get(name).and_then(|text| text.as_str()),
                    shown["ann"][name].as_str()
                );
            }
            if sent["roles"].is_array() {
                assert_eq!(texts(&shown["ann"]["roles"]), texts(&sent["roles"]));
            }
            assert_eq!(shown["ann"]["enabled"], *sent.get("enabled").unwrap_or(&true.into()));
        }
        if shown.status == 200 {
            assert_eq!(service.elastic("DELETE", USER, b"").text("/found"), "");
            assert_eq!(service.elastic("GET", USER, b"").status, 404);
        }
    });
});

const USER: &str = "/_security/user/ann";
const PASSWORD: &str = "/_security/user/ann/_password";
