//! Answers: from a verdict and a body, or an error, to status, headers and bytes.
//!
//! Owns the headers that every answer has. Must not know any endpoint.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use jeton_domain::subject::Subject;

use crate::coding::gzip;
use crate::error::{ApiError, Verdict};
use crate::headers::{OPAQUE_ID, PRODUCT, PRODUCT_NAME, REALM, USER};
use crate::json::write::JsonWriter;
use crate::media::Media;
use crate::query::View;

/// What an endpoint answers when nothing went wrong.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Whether it was there.
    pub verdict: Verdict,
    /// The printed body.
    pub body: Bytes,
    /// The name of the user whom the answer is about, for gateways that cannot read bodies.
    pub user: Option<HeaderValue>,
    /// The realm of that user.
    pub realm: Option<HeaderValue>,
    /// What the caller should know of whom the request names.
    pub warning: Option<HeaderValue>,
}

impl Reply {
    /// What was asked for.
    pub(crate) fn done(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self { verdict: Verdict::Done, body, user: None, realm: None, warning: None }
    }

    /// The same, naming its user and their realm in headers.
    pub(crate) fn about(self, subject: &Subject) -> Self {
        let user = header_text(subject.username.as_str());
        Self { user, realm: header_text(subject.effective_realm().name.as_str()), ..self }
    }
}

/// What the request asked of the form of its answer.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    /// Layout, filter, trace.
    pub view: View,
    /// The label.
    pub media: Media,
    /// Echoed.
    pub opaque_id: Option<HeaderValue>,
    /// Whether the body goes out in gzip.
    pub gzip: bool,
    /// Whether only the headers go out.
    pub is_head: bool,
    /// What the caller should know.
    pub warnings: Vec<HeaderValue>,
}

impl Frame {
    /// The answer of an endpoint.
    pub(crate) fn reply(&self, reply: Reply) -> Response<Bytes> {
        let mut response = self.labelled(reply.verdict.status(), reply.body);
        let headers = response.headers_mut();
        for (name, value) in [(USER, reply.user), (REALM, reply.realm), (WARNING, reply.warning)] {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        self.introduce(&mut response);
        response
    }

    /// The refusal of a request.
    pub(crate) fn refuse(&self, error: &ApiError) -> Response<Bytes> {
        let mut response = if error.is_empty() {
            self.bare(error.status())
        } else {
            let mut json = JsonWriter::new(self.view.layout);
            error.print(&mut json, self.view.trace);
            self.labelled(error.status(), json.finish().into())
        };
        if !error.hides_product() {
            self.introduce(&mut response);
        }
        let headers = response.headers_mut();
        for challenge in error.challenges() {
            if let Ok(value) = HeaderValue::from_str(challenge) {
                headers.append(header::WWW_AUTHENTICATE, value);
            }
        }
        if let Some(Ok(allowed)) = error.allowed().map(HeaderValue::from_str) {
            headers.insert(header::ALLOW, allowed);
        }
        if let Some(seconds) = error.retry_after_s() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// The answer to `OPTIONS`: the methods of the path, none if it has no route.
    pub(crate) fn options(&self, methods: &[&str]) -> Response<Bytes> {
        let mut response = self.bare(Verdict::Done.status());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        if let (false, Ok(allowed)) =
            (methods.is_empty(), HeaderValue::from_str(&methods.join(",")))
        {
            headers.insert(header::ALLOW, allowed);
        }
        self.introduce(&mut response);
        response
    }

    /// A body with its label and coding. Its length is told by whoever sends it, unless it is left
    /// out.
    fn labelled(&self, status: StatusCode, body: Bytes) -> Response<Bytes> {
        let packed = if self.gzip { gzip(&body) } else { None };
        let is_packed = packed.is_some();
        let body = packed.map_or(body, Bytes::from);
        let length = body.len();
        let body = if self.is_head { Bytes::new() } else { body };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.media.header());
        if self.is_head {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        if is_packed {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        self.echo(&mut response);
        response
    }

    fn bare(&self, status: StatusCode) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        self.echo(&mut response);
        response
    }

    fn echo(&self, response: &mut Response<Bytes>) {
        if let Some(id) = &self.opaque_id {
            response.headers_mut().insert(OPAQUE_ID, id.clone());
        }
    }

    /// What only those see who got past the door.
    fn introduce(&self, response: &mut Response<Bytes>) {
        let headers = response.headers_mut();
        headers.insert(PRODUCT, PRODUCT_NAME);
        for warning in &self.warnings {
            headers.append(WARNING, warning.clone());
        }
    }
}

/// An answer as the HTTP library prints it, in the parts between which a request has its say: the
/// media type between line and parts, an echo after the first part, the date after the second.
#[derive(Debug)]
pub(crate) struct Printed {
    /// The status line, up to the media type.
    pub line: Bytes,
    /// What comes before an echo, before the date, and after it.
    pub parts: [Bytes; 3],
}

impl Printed {
    /// Prints an answer that has a body and echoes nothing.
    pub(crate) fn of(response: &Response<Bytes>) -> Self {
        let status = response.status();
        let reason = status.canonical_reason().unwrap_or_default();
        let line = format!("HTTP/1.1 {} {reason}\r\ncontent-type: ", status.as_str());
        let (mut lead, mut labels) = (Vec::from(*b"\r\n"), Vec::new());
        for (name, value) in response.headers() {
            let part = match *name {
                header::CONTENT_TYPE => continue,
                header::CONTENT_ENCODING => &mut lead,
                _ => &mut labels,
            };
            for bytes in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                part.extend_from_slice(bytes);
            }
        }
        let body = response.body();
        labels.extend_from_slice(format!("content-length: {}\r\ndate: ", body.len()).as_bytes());
        let end = [HEAD_END, body.as_ref()].concat();
        Self { line: line.into(), parts: [lead, labels, end].map(kept) }
    }
}

/// Bytes for long: without room to grow.
fn kept(bytes: Vec<u8>) -> Bytes {
    bytes.into_boxed_slice().into()
}

/// The body that stands in the last of the printed parts.
pub(crate) fn body_of(end: &[u8]) -> &[u8] {
    end.get(HEAD_END.len()..).unwrap_or_default()
}

/// What stands between the date, which is the last header, and the body.
const HEAD_END: &[u8] = b"\r\n\r\n";

const WARNING: HeaderName = HeaderName::from_static("warning");

/// A name as a header can carry it: what is not printable ASCII, and `%`, is percent-encoded, and
/// so is a blank at either end, which would be lost.
fn header_text(name: &str) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(header_bytes(name)).ok()
}

/// The bytes of [`header_text`], to be kept.
pub(crate) fn header_bytes(name: &str) -> Bytes {
    let is_plain = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'%';
    let has_blank_end = name.starts_with(' ') || name.ends_with(' ');
    if name.bytes().all(is_plain) && !has_blank_end {
        return Bytes::copy_from_slice(name.as_bytes());
    }
    let last = name.len().saturating_sub(1);
    let mut text = String::with_capacity(name.len() * 3);
    for (place, byte) in name.bytes().enumerate() {
        let is_lost = byte == b' ' && (place == 0 || place == last);
        if is_plain(byte) && !is_lost {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.extend([byte >> 4, byte & 0x0f].map(hex_digit));
        }
    }
    text.into()
}

fn hex_digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0').to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::Challenges;
    use crate::routes::authenticate::tests::subject;
    use jeton_domain::name::{RealmName, Username};

    fn frame() -> Frame {
        Frame {
            opaque_id: Some(HeaderValue::from_static("a1")),
            warnings: vec![HeaderValue::from_static("299 - \"old\"")],
            ..Frame::default()
        }
    }

    fn value<'r>(response: &'r Response<Bytes>, name: &str) -> Option<&'r str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    /// Case 118 of the wire.
    #[test]
    fn the_product_is_named_unless_the_caller_is_refused() {
        let done = frame().reply(Reply::done("{}"));
        let wrong = frame().refuse(&ApiError::parse("no"));
        let missing = frame().reply(Reply { verdict: Verdict::Missing, ..Reply::done("{}") });
        let method = frame().refuse(&ApiError::method_not_allowed("/", "PUT", &["GET"]));
        for response in [&done, &wrong, &missing, &method] {
            assert_eq!(value(response, "x-elastic-product"), Some("Elasticsearch"));
            assert!(value(response, "warning").is_some());
        }
        let challenges = Challenges { bearer: true, api_key: true }.all();
        let stranger = frame().refuse(&ApiError::unauthenticated("no", challenges, &[]));
        let forbidden = frame().refuse(&ApiError::forbidden("no"));
        for response in [&stranger, &forbidden] {
            assert_eq!(value(response, "x-elastic-product"), None);
            assert_eq!(value(response, "warning"), None);
        }
        assert_eq!(stranger.headers().get_all("www-authenticate").iter().count(), 3);
        assert_eq!(forbidden.headers().get_all("www-authenticate").iter().count(), 0);
    }

    /// Case 119 of the wire.
    #[test]
    fn the_opaque_id_is_echoed_with_every_answer() {
        let stranger = ApiError::unauthenticated("no", Vec::new(), &[]);
        assert_eq!(value(&frame().refuse(&stranger), "x-opaque-id"), Some("a1"));
        assert_eq!(value(&frame().reply(Reply::done("{}")), "x-opaque-id"), Some("a1"));
        assert_eq!(value(&frame().refuse(&ApiError::too_large()), "x-opaque-id"), Some("a1"));
    }

    #[test]
    fn head_has_the_length_of_the_body_and_no_body() {
        let frame = Frame { is_head: true, ..Frame::default() };
        let response = frame.reply(Reply::done("{\"a\":1}"));
        assert_eq!(value(&response, "content-length"), Some("7"));
        assert!(response.body().is_empty());
    }

    #[test]
    fn a_packed_body_says_so() {
        let frame = Frame { gzip: true, ..Frame::default() };
        let response = frame.reply(Reply::done("x".repeat(1000)));
        assert_eq!(value(&response, "content-encoding"), Some("gzip"));
        assert!(response.body().len() < 100);
    }

    #[test]
    fn a_name_is_carried_by_a_header_whatever_it_is() {
        for (name, wanted) in [
            ("jane doe@x", "jane doe@x"),
            ("100%", "100%25"),
            ("\u{e9}\n", "%C3%A9%0A"),
            (" a b ", "%20a b%20"),
            ("", ""),
        ] {
            let mut about = subject();
            about.username = Username::new(name);
            about.lookup_realm.name = RealmName::new(name);
            let response = Frame::default().reply(Reply::done("{}").about(&about));
            assert_eq!(value(&response, "x-jeton-user"), Some(wanted), "{name:?}");
            assert_eq!(value(&response, "x-jeton-realm"), Some(wanted), "{name:?}");
        }
    }

    #[test]
    fn options_lists_methods_without_a_body() {
        let response = frame().options(&["POST", "DELETE"]);
        assert_eq!(value(&response, "allow"), Some("POST,DELETE"));
        assert_eq!(value(&response, "content-type"), Some("text/plain"));
        assert!(response.body().is_empty());
        assert_eq!(value(&frame().options(&[]), "allow"), None);
    }

    /// Case 120 of the wire, the header.
    #[test]
    fn a_wrong_method_is_answered_with_allow() {
        let error = ApiError::method_not_allowed("/p", "GET", &["POST", "DELETE"]);
        assert_eq!(value(&frame().refuse(&error), "allow"), Some("POST,DELETE"));
    }
}
