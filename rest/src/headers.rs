//! Headers: what is taken from a request in one pass, and the fixed texts of answers.
//!
//! Owns the names that matter and the framing of a body. Must not know what credentials mean
//! ([`crate::caller`]) or which media types are spoken ([`crate::media`]).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::media::MediaHeaders;

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
            header::TRANSFER_ENCODING => self.body = Framing::Open,
            _ if *name == OPAQUE_ID => self.opaque_id = self.opaque_id.or(Some(value)),
            _ if *name == RUN_AS => self.run_as = self.run_as.or(Some(value)),
            _ => {}
        }
    }

    /// Whether the client takes an answer in gzip.
    pub(crate) fn takes_gzip(&self) -> bool {
        let list = self.accept_encoding.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut any = false;
        for item in list.split(',') {
            let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
            let weight = parameters.split(';').find_map(|text| text.trim().strip_prefix("q="));
            let is_refused = weight
                .is_some_and(|text| text.trim().bytes().all(|byte| byte == b'0' || byte == b'.'));
            match coding.trim() {
                name if name.eq_ignore_ascii_case("gzip")
                    || name.eq_ignore_ascii_case("x-gzip") =>
                {
                    return !is_refused;
                }
                "*" => any = !is_refused,
                _ => {}
            }
        }
        any
    }
}

/// A `Warning` for a way of calling that will go.
pub(crate) fn deprecation(text: &str) -> Option<HeaderValue> {
    let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
    HeaderValue::from_str(&format!("299 Elasticsearch-{VERSION}-{BUILD_HASH} \"{quoted}\"")).ok()
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

const RUN_AS: HeaderName = HeaderName::from_static("es-security-runas-user");

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        lines.iter().map(pair).collect()
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
