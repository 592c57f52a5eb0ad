//! Bodies of token requests, to get and to invalidate: what is granted works, and is counted.
#![no_main]

use jeton_fuzz::service::with_service;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((verb, body)) = input.split_first() else { return };
    with_service(|service| {
        let body = service.fill(body);
        if verb & 1 == 0 {
            let answer = service.elastic("POST", TOKEN, &body);
            assert!(matches!(answer.status, 200 | 400 | 401 | 429), "{answer:?}");
            if answer.status == 200 {
                let user = service.owner(&answer.text("/access_token"));
                assert_eq!(user, Some(answer.text("/authentication/username")));
                assert!(service.owner(&answer.text("/refresh_token")).is_none());
            }
        } else {
            let answer = service.elastic("DELETE", TOKEN, &body);
            assert!(matches!(answer.status, 200 | 400 | 404), "{answer:?}");
            if answer.status == 404 {
                let counts = answer.json();
                assert_eq!(counts["invalidated_tokens"], 0);
                assert_eq!(counts["previously_invalidated_tokens"], 0);
            }
        }
    });
});

const TOKEN: &str = "/_security/oauth2/token";
