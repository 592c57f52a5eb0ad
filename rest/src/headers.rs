//! Headers: what is taken from a request in one pass, and the fixed texts of answers.
//!
//! Owns the names that matter and the framing of a body. Must not know what credentials mean
//! ([`crate::caller`]) or which media types are spoken ([`crate::media`]).

use http::Version;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use jeton_domain::authentication::Authentication;
use jeton_domain::subject::AuthenticationType;
use jeton_domain::user::reserved_user;

use crate::error::ApiError;
use crate::media::{Lines, MediaHeaders};

/// What this service looks at of a request's headers.
#[derive(Debug, Default)]
pub(crate) struct RequestHeaders<'r> {
    /// `Authorization`, and whether a line with another value followed.
    pub authorization: Option<&'r HeaderValue>,
    /// Whether there were several `Authorization` lines with different values.
    pub has_rival_authorization: bool,
    /// `Accept` and `Content-Type`.
    pub media: MediaHeaders<'r>,
    /// `Accept-Encoding`.
    pub accept_encoding: Option<&'r HeaderValue>,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'r HeaderValue>,
    /// Whether a body follows.
    pub body: Framing,
    /// `X-Opaque-Id`.
    pub opaque_id: Option<&'r HeaderValue>,
    /// `es-security-runas-user`.
    pub run_as: Option<&'r HeaderValue>,
    /// Whether there were several `es-security-runas-user` lines with different values.
    pub has_rival_run_as: bool,
    host: Lines<'r>,
    transfer_encoding: Lines<'r>,
}

/// What the headers say about a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Framing {
    /// None follows.
    #[default]
    None,
    /// So many bytes follow, at least one.
    Length(u64),
    /// Bytes follow until the coding ends; there may be none.
    Open,
}

impl<'r> RequestHeaders<'r> {
    /// Looks at every header once.
    pub(crate) fn read(map: &'r HeaderMap) -> Self {
        let mut found = Self::default();
        for (name, value) in map {
            found.take(name, value);
        }
        found
    }

    fn take(&mut self, name: &HeaderName, value: &'r HeaderValue) {
        match *name {
            header::AUTHORIZATION => match self.authorization {
                None => self.authorization = Some(value),
                Some(first) if first != value => self.has_rival_authorization = true,
                Some(_) => {}
            },
            header::ACCEPT => self.media.accept.push(value),
            header::CONTENT_TYPE => self.media.content_type.push(value),
            header::ACCEPT_ENCODING => self.accept_encoding = Some(value),
            header::CONTENT_ENCODING => self.content_encoding = Some(value),
            header::CONTENT_LENGTH if self.body == Framing::None => {
                self.body = match value.to_str().ok().and_then(|digits| digits.parse().ok()) {
                    Some(0) => Framing::None,
                    Some(length) => Framing::Length(length),
                    None => Framing::Open,
                };
            }
            header::TRANSFER_ENCODING => {
                self.body = Framing::Open;
                self.transfer_encoding.push(value);
            }
            header::HOST => self.host.push(value),
            _ if *name == OPAQUE_ID => self.opaque_id = self.opaque_id.or(Some(value)),
            _ if *name == RUN_AS => match self.run_as {
                None => self.run_as = Some(value),
                Some(first) if first != value => self.has_rival_run_as = true,
                Some(_) => {}
            },
            _ => {}
        }
    }

    /// What breaks the rules of HTTP itself, as far as the HTTP library leaves them to us.
    ///
    /// A request names its host once (RFC 9112, 3.2), and is framed by the one coding that the
    /// library takes off (RFC 9112, 6.1): with another one below it, the body would not be what it
    /// seems.
    pub(crate) fn check_framing(&self, version: Version) -> Result<(), ApiError> {
        match self.host {
            Lines::None if version == Version::HTTP_11 => {
                return Err(ApiError::malformed("Host header is missing"));
            }
            Lines::Many(_) => return Err(ApiError::repeated_header("Host")),
            Lines::One(host) if !host.as_bytes().iter().copied().all(is_host_byte) => {
                return Err(ApiError::malformed("Host header is not valid"));
            }
            Lines::None | Lines::One(_) => {}
        }
        match self.transfer_encoding {
            Lines::None => Ok(()),
            Lines::Many(_) => Err(ApiError::repeated_header("Transfer-Encoding")),
            Lines::One(coding) => match coding.to_str().map(str::trim) {
                Ok(coding) if coding.eq_ignore_ascii_case("chunked") => Ok(()),
                Ok(coding) => Err(ApiError::malformed(format!(
                    "Transfer-Encoding header [{coding}] is not supported"
                ))),
                Err(_) => Err(ApiError::malformed("Transfer-Encoding header is not valid")),
            },
        }
    }

    /// Whether the client takes an answer in gzip.
    pub(crate) fn takes_gzip(&self) -> bool {
        self.accept_encoding.is_some_and(|list| lists_gzip(list.to_str().unwrap_or_default()))
    }
}

/// Whether an `Accept-Encoding` takes gzip.
pub(crate) fn lists_gzip(list: &str) -> bool {
    let mut any = false;
    for item in list.split(',') {
        let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
        let weight = parameters.split(';').find_map(|text| text.trim().strip_prefix("q="));
        let is_refused =
            weight.is_some_and(|text| text.trim().bytes().all(|byte| byte == b'0' || byte == b'.'));
        match coding.trim() {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                return !is_refused;
            }
            "*" => any = !is_refused,
            _ => {}
        }
    }
    any
}

/// Whether the byte may stand in a host and port (RFC 3986, 3.2.2): names, addresses, brackets.
pub(crate) const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%' | b':' | b'[' | b']')
        || matches!(
            byte,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
        )
}

/// A `Warning` for a way of calling that will go.
pub(crate) fn deprecation(text: &str) -> Option<HeaderValue> {
    let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
    HeaderValue::from_str(&format!("299 Elasticsearch-{VERSION}-{BUILD_HASH} \"{quoted}\"")).ok()
}

/// A `Warning` for whoever logged in as a built-in user that will go.
pub(crate) fn deprecated_login(authentication: &Authentication) -> Option<HeaderValue> {
    let subject = &authentication.subject;
    let is_login = authentication.kind == AuthenticationType::Realm;
    let is_built_in = subject.authentication_realm.kind == RESERVED_REALM;
    let name = subject.run_by.as_ref().map_or(&subject.username, |by| &by.username);
    let user = reserved_user(name.as_str()).filter(|_| is_login && is_built_in)?;
    let reason = user.deprecated?;
    deprecation(&format!("The user [{name}] is deprecated. {reason}"))
}

/// The version that clients check.
pub(crate) const VERSION: &str = "8.19.0";

/// Stands where a build of the product that clients expect has its commit.
pub(crate) const BUILD_HASH: &str = "0000000000000000000000000000000000000000";

/// Tells clients that they may trust the shape of an answer.
pub(crate) const PRODUCT: HeaderName = HeaderName::from_static("x-elastic-product");

/// The value of [`PRODUCT`].
pub(crate) const PRODUCT_NAME: HeaderValue = HeaderValue::from_static("Elasticsearch");

/// Echoed, so that a client can match answers and audit events with its own logs.
pub(crate) const OPAQUE_ID: HeaderName = HeaderName::from_static("x-opaque-id");

/// The name of the user whom an answer is about.
pub(crate) const USER: HeaderName = HeaderName::from_static("x-jeton-user");

/// The realm of that user: names are only unique within one.
pub(crate) const REALM: HeaderName = HeaderName::from_static("x-jeton-realm");

/// The kind of the realm of built-in users.
const RESERVED_REALM: &str = "reserved";

const RUN_AS: HeaderName = HeaderName::from_static("es-security-runas-user");

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        let mut map = HeaderMap::new();
        for (name, value) in lines.iter().map(pair) {
            map.append(name, value);
        }
        map
    }

    #[test]
    fn equal_authorization_lines_are_one_and_others_are_rivals() {
        let mut lines = map(&[("authorization", "a")]);
        lines.append("authorization", HeaderValue::from_static("a"));
        assert!(!RequestHeaders::read(&lines).has_rival_authorization);
        lines.append("authorization", HeaderValue::from_static("b"));
        assert!(RequestHeaders::read(&lines).has_rival_authorization);
    }

    #[test]
    fn equal_run_as_lines_are_one_and_others_are_rivals() {
        let mut lines = map(&[("es-security-runas-user", "a")]);
        lines.append("es-security-runas-user", HeaderValue::from_static("a"));
        assert!(!RequestHeaders::read(&lines).has_rival_run_as);
        lines.append("es-security-runas-user", HeaderValue::from_static("b"));
        assert!(RequestHeaders::read(&lines).has_rival_run_as);
    }

    fn status(lines: &[(&'static str, &'static str)], version: Version) -> u16 {
        let lines = map(lines);
        let checked = RequestHeaders::read(&lines).check_framing(version);
        checked.map_or_else(|error| error.status().as_u16(), |()| 200)
    }

    #[test]
    fn a_request_names_its_host_once() {
        assert_eq!(status(&[], Version::HTTP_11), 400);
        assert_eq!(status(&[], Version::HTTP_10), 200);
        for host in ["", "localhost:9200", "[::1]:9200", "a_b.example.org."] {
            assert_eq!(status(&[("host", host)], Version::HTTP_11), 200, "{host}");
        }
        for host in ["a b", "u@a", "a/b", "a\"", "a?b"] {
            assert_eq!(status(&[("host", host)], Version::HTTP_10), 400, "{host}");
        }
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert_eq!(status(&[("host", "a"), ("host", "a")], version), 400);
        }
    }

    #[test]
    fn the_only_transfer_coding_is_chunked() {
        let coded =
            |coding| status(&[("host", "a"), ("transfer-encoding", coding)], Version::HTTP_11);
        assert_eq!(coded("chunked"), 200);
        assert_eq!(coded(" Chunked "), 200);
        for coding in ["gzip, chunked", "identity, chunked", "chunked, chunked", "gzip", ""] {
            assert_eq!(coded(coding), 400, "{coding}");
        }
        assert_eq!(coded("\u{e9}"), 400);
        let lines =
            [("host", "a"), ("transfer-encoding", "gzip"), ("transfer-encoding", "chunked")];
        assert_eq!(status(&lines, Version::HTTP_11), 400);
    }

    #[test]
    fn framing_tells_whether_a_body_follows() {
        let framing = |name, value| RequestHeaders::read(&map(&[(name, value)])).body;
        assert_eq!(framing("accept", "x"), Framing::None);
        assert_eq!(framing("content-length", "0"), Framing::None);
        assert_eq!(framing("content-length", "7"), Framing::Length(7));
        assert_eq!(framing("transfer-encoding", "chunked"), Framing::Open);
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let takes = |value| RequestHeaders::read(&map(&[("accept-encoding", value)])).takes_gzip();
        for value in ["gzip", "deflate, gzip;q=0.5", "*", "GZIP", "br, x-gzip"] {
            assert!(takes(value), "{value}");
        }
        for value in ["", "br", "gzip;q=0", "gzip; q=0.000, *", "*;q=0", "identity"] {
            assert!(!takes(value), "{value}");
        }
    }

    #[test]
    fn a_warning_quotes_its_text() {
        let warning = deprecation("say \"x\"").unwrap();
        assert_eq!(
            warning.to_str().unwrap(),
            format!("299 Elasticsearch-8.19.0-{BUILD_HASH} \"say \\\"x\\\"\"")
        );
    }
}
