//! The `Authorization` header: taken apart into what it holds, or refused with 401.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode};
use jeton_authority::Credentials;
use jeton_rest::caller::{Challenges, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(header) = HeaderValue::from_bytes(input) else { return };
    let blank = input.iter().position(|byte| *byte == b' ');
    let (scheme, text) = blank.map_or((input, None), |at| (&input[..at], Some(&input[at + 1..])));
    let is = |wanted: &str| scheme.eq_ignore_ascii_case(wanted.as_bytes());
    match read(Some(&header), &Challenges { bearer: true, api_key: true }) {
        Ok(Credentials::Nothing) => {
            let is_known = is("basic") || is("bearer") || is("apikey");
            assert!(text.is_none_or(|text| !is_known || text.is_empty() && !is("basic")));
        }
        Ok(Credentials::Password { username, password }) => {
            let decoded = STANDARD.decode(text.unwrap()).unwrap();
            let colon = decoded.iter().position(|byte| *byte == b':').unwrap();
            assert!(is("basic"));
            assert_eq!(username.as_str(), String::from_utf8_lossy(&decoded[..colon]));
            assert_eq!(password.expose(), &decoded[colon + 1..]);
        }
        Ok(Credentials::Bearer(token)) => {
            assert!(is("bearer"));
            assert_eq!(Some(token.expose()), text);
        }
        Ok(Credentials::ApiKey(key)) => {
            assert!(is("apikey"));
            assert_eq!(Some(key.expose()), text);
        }
        Err(error) => {
            assert!(is("basic"), "only the basic scheme can be broken");
            assert_eq!(error.status(), StatusCode::UNAUTHORIZED);
            let decoded = STANDARD.decode(text.unwrap());
            assert!(
                decoded.is_ok_and(|text| !text.contains(&b':'))
                    || STANDARD.decode(text.unwrap()).is_err()
            );
        }
    }
});
