//! What a caller presents: the `Authorization` header taken apart.
//!
//! Owns the grammar of the header and the answers to a broken one. Must not know whether
//! credentials are right.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use jeton_authority::Credentials;
use jeton_domain::name::Username;
use jeton_domain::secret::Secret;

use crate::error::ApiError;
use crate::fault::ErrorObject;

/// Takes the header apart. The scheme is read without regard to case; exactly one blank follows it.
pub fn read(
    header: Option<&HeaderValue>,
    challenges: &Challenges,
) -> Result<Credentials, ApiError> {
    let Some((scheme, text)) = header.map(HeaderValue::as_bytes).and_then(split) else {
        return Ok(Credentials::Nothing);
    };
    let secret = || Arc::new(Secret::from_bytes(text.to_vec()));
    if scheme.eq_ignore_ascii_case(b"basic") {
        basic(text, challenges)
    } else if text.is_empty() {
        Ok(Credentials::Nothing)
    } else if scheme.eq_ignore_ascii_case(BEARER_SCHEME) {
        Ok(Credentials::Bearer(secret()))
    } else if scheme.eq_ignore_ascii_case(b"apikey") {
        Ok(Credentials::ApiKey(secret()))
    } else {
        Ok(Credentials::Nothing)
    }
}

/// The token, if the value of the header holds one; it is not copied.
pub(crate) fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, text) = split(value)?;
    (scheme.eq_ignore_ascii_case(BEARER_SCHEME) && !text.is_empty()).then_some(text)
}

fn split(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = value.split_at(blank);
    rest.split_first().map(|(_, text)| (scheme, text))
}

fn basic(text: &[u8], challenges: &Challenges) -> Result<Credentials, ApiError> {
    let refusal = |reason| ApiError::unauthenticated(reason, challenges.all(), &[]);
    let decoded = STANDARD.decode(text).map(Secret::from_bytes).map_err(|_| {
        let cause = ErrorObject::new("illegal_argument_exception", "the value is not base64");
        refusal("invalid basic authentication header encoding").caused_by(cause)
    })?;
    let bytes = decoded.expose();
    let Some(colon) = bytes.iter().position(|byte| *byte == b':') else {
        return Err(refusal("invalid basic authentication header value"));
    };
    let (username, password) = bytes.split_at(colon);
    let password = password.split_first().map_or(&[][..], |(_, password)| password);
    Ok(Credentials::Password {
        username: Username::new(&String::from_utf8_lossy(username)),
        password: Arc::new(Secret::from_bytes(password.to_vec())),
    })
}

/// Ways to authenticate that a 401 offers.
#[derive(Clone, Debug)]
pub struct Challenges {
    /// Whether access tokens are served.
    pub bearer: bool,
    /// Whether API keys are served.
    pub api_key: bool,
}

impl Challenges {
    /// The default values of `WWW-Authenticate`, in order.
    pub(crate) fn all(&self) -> Vec<Cow<'static, str>> {
        let mut values = vec![Cow::Borrowed(BASIC)];
        if self.bearer {
            values.push(Cow::Borrowed(BEARER));
        }
        if self.api_key {
            values.push(Cow::Borrowed(API_KEY));
        }
        values
    }

    /// The one value for a token that was good once.
    pub(crate) fn expired() -> Vec<Cow<'static, str>> {
        vec![Cow::Borrowed(EXPIRED)]
    }
}

const BEARER_SCHEME: &[u8] = b"bearer";

const BASIC: &str = "Basic realm=\"security\", charset=\"UTF-8\"";
const BEARER: &str = "Bearer realm=\"security\"";
const API_KEY: &str = "ApiKey";
const EXPIRED: &str = "Bearer realm=\"security\", error=\"invalid_token\", \
                       error_description=\"The access token expired\"";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Trace;
    use crate::json::write::{JsonWriter, Layout};

    const ALL: Challenges = Challenges { bearer: true, api_key: true };

    fn presented(header: &str) -> String {
        let header = HeaderValue::from_bytes(header.as_bytes()).unwrap();
        match read(Some(&header), &ALL) {
            Ok(Credentials::Nothing) => "nothing".into(),
            Ok(Credentials::Password { username, password }) => {
                format!("basic {username}/{}", String::from_utf8_lossy(password.expose()))
            }
            Ok(Credentials::Bearer(token)) => {
                format!("bearer {}", String::from_utf8_lossy(token.expose()))
            }
            Ok(Credentials::ApiKey(key)) => {
                format!("key {}", String::from_utf8_lossy(key.expose()))
            }
            Err(error) => {
                let mut json = JsonWriter::new(Layout::Compact);
                error.print(&mut json, Trace::Hidden);
                String::from_utf8(json.finish()).unwrap()
            }
        }
    }

    /// Case 107 of the wire, the header.
    #[test]
    fn schemes_are_read_without_regard_to_case() {
        assert_eq!(presented("bearer abc"), "bearer abc");
        assert_eq!(presented("BEARER abc"), "bearer abc");
        assert_eq!(presented("basic dTpw"), "basic u/p");
        assert_eq!(presented("APIKEY abc"), "key abc");
    }

    #[test]
    fn one_blank_is_stripped_and_nothing_else() {
        assert_eq!(presented("Bearer  a b "), "bearer  a b ");
    }

    #[test]
    fn what_is_not_understood_presents_nothing() {
        for header in ["", "Bearer", "Bearer ", "Digest abc", "abc", "ApiKey ", " Bearer abc"] {
            assert_eq!(presented(header), "nothing", "{header}");
        }
        assert!(matches!(read(None, &ALL), Ok(Credentials::Nothing)));
    }

    #[test]
    fn a_password_may_hold_colons_and_be_empty() {
        assert_eq!(presented("Basic dTpwOnE="), "basic u/p:q");
        assert_eq!(presented("Basic dTo="), "basic u/");
        assert_eq!(presented("Basic Og=="), "basic /");
    }

    #[test]
    fn a_basic_header_without_a_colon_or_base64_is_refused() {
        assert!(presented("Basic dQ==").contains("\"invalid basic authentication header value\""));
        assert!(presented("Basic ").contains("\"invalid basic authentication header value\""));
        let broken = presented("Basic !!");
        assert!(broken.contains("\"invalid basic authentication header encoding\""));
        assert!(broken.contains("caused_by"));
        assert!(!broken.contains("!!"));
    }

    #[test]
    fn credentials_do_not_print() {
        let header = HeaderValue::from_static("Bearer geheim");
        assert!(!format!("{:?}", read(Some(&header), &ALL)).contains("geheim"));
        let header = HeaderValue::from_static("Basic dTpnZWhlaW0=");
        assert!(!format!("{:?}", read(Some(&header), &ALL)).contains("geheim"));
    }

    #[test]
    fn challenges_come_in_a_fixed_order() {
        assert_eq!(ALL.all(), [BASIC, BEARER, API_KEY]);
        assert_eq!(Challenges { bearer: false, api_key: true }.all(), [BASIC, API_KEY]);
    }
}
