//! The shortest way in front of the HTTP library: from a head to the bytes of its answer.
//!
//! Owns which heads may take it, and prints what the long way would, byte for byte. A head is fit
//! if nothing in it could matter to the library, and all that matters to the long way is understood
//! here. Must not know sockets: who calls owns where a head begins and ends.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use jeton_authority::AuthorityError;
use jeton_domain::time::Timestamp;

use crate::caller;
use crate::coding::Coding;
use crate::fast;
use crate::headers::{is_host_byte, lists_gzip};
use crate::media::{self, Media};
use crate::rest::Rest;
use crate::router::AUTHENTICATE_PATH;

/// The instant at which requests are answered, and its text.
#[derive(Debug)]
pub struct Moment {
    now: Timestamp,
    second: i64,
    date: [u8; DATE_CHARS],
}

impl Moment {
    /// Long ago.
    pub const fn new() -> Self {
        Self { now: Timestamp::from_ms(0), second: i64::MIN, date: [b' '; DATE_CHARS] }
    }

    fn pass(&mut self, now: Timestamp) {
        self.now = now;
        let second = now.ms().div_euclid(1_000);
        if second == self.second {
            return;
        }
        self.second = second;
        let since = Duration::from_secs(u64::try_from(second).unwrap_or(0).min(YEAR_9999_S));
        let text = httpdate::fmt_http_date(UNIX_EPOCH + since);
        if let Ok(date) = text.as_bytes().try_into() {
            self.date = date;
        }
    }
}

impl Default for Moment {
    fn default() -> Self {
        Self::new()
    }
}

impl Rest {
    /// Moves on to the present. What is answered with `moment` must have arrived before this.
    pub fn observe(&self, moment: &mut Moment) {
        moment.pass(self.authority.now());
    }

    /// Appends the answer to a complete head, if the head is fit and nothing need be waited for.
    ///
    /// Returns whether it did; if not, `out` is as it was. Blocks as long as the engine takes to
    /// read the rows of a token that is not in the cache, if it reads them at once.
    pub fn answer_at_once(
        &self,
        head: &httparse::Request<'_, '_>,
        moment: &Moment,
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(wish) = Wish::read(head) else { return false };
        let is_packed = self.settings.compression && wish.takes_gzip;
        let coding = if is_packed { Coding::Gzip } else { Coding::Identity };
        let form = Form { media: wish.media, opaque_id: wish.opaque_id, date: &moment.date };
        let line = self.fast.done_line();
        // What was printed before is copied in place: holding the subject would cost more.
        let shown = self.authority.show_at_once(wish.token, moment.now, |held| {
            let face = match coding {
                Coding::Identity => held.face(),
                Coding::Gzip => held.packed_face(),
            };
            let Some(face) = face else { return Some(Arc::clone(held.known())) };
            form.write(line, parts(face, coding), out);
            None
        });
        let read = || at_once(self.authority.validate(wish.token, moment.now));
        let validated = shown.or_else(|| Some(read()?.map(|(_, known)| Some(known))));
        match validated {
            Some(Ok(None)) => {}
            Some(Ok(Some(known))) => {
                let face = known.face(|subject| fast::render(self, subject));
                let face = match coding {
                    Coding::Identity => face,
                    Coding::Gzip => known.packed_face(|| fast::pack(face)),
                };
                form.write(line, parts(face, coding), out);
            }
            Some(Err(AuthorityError::Unauthenticated(reason))) => {
                let Some(refusal) = self.fast.refusal(&reason, is_packed) else { return false };
                form.write(&refusal.line, refusal.parts.each_ref().map(Bytes::as_ref), out);
            }
            Some(Err(_)) | None => return false,
        }
        true
    }
}

/// What stands before an echo, before the date and after it.
const fn parts(face: [&[u8]; 4], coding: Coding) -> [&[u8]; 3] {
    match (coding, face) {
        (Coding::Identity, [labels, end, _, _]) => [PLAIN_LEAD, labels, end],
        (Coding::Gzip, [lead, labels, end, _]) => [lead, labels, end],
    }
}

/// Polls once. A look-up that has to wait is dropped, which leaves nothing behind: the long way
/// starts it anew.
fn at_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// What a fit head asks for.
struct Wish<'h> {
    token: &'h [u8],
    media: Media,
    takes_gzip: bool,
    opaque_id: Option<&'h [u8]>,
}

impl<'h> Wish<'h> {
    /// Nothing, if the head is not fit.
    fn read(head: &httparse::Request<'_, 'h>) -> Option<Self> {
        let is_fit = head.path == Some(AUTHENTICATE_PATH)
            && head.method == Some("GET")
            && head.version == Some(VERSION_1_1);
        if !is_fit {
            return None;
        }
        let mut lines = Lines::default();
        for header in head.headers.iter() {
            lines.take(header.name, header.value)?;
        }
        if !lines.host?.iter().copied().all(is_host_byte) {
            return None;
        }
        Some(Self {
            token: caller::bearer(lines.authorization?)?,
            media: lines.accept.map_or(Some(Media::Json), media::accepted)?,
            takes_gzip: lines.accept_encoding.is_some_and(lists_gzip),
            opaque_id: lines.opaque_id,
        })
    }
}

/// The headers that matter, each at most once.
#[derive(Default)]
struct Lines<'h> {
    host: Option<&'h [u8]>,
    authorization: Option<&'h [u8]>,
    accept: Option<&'h [u8]>,
    accept_encoding: Option<&'h str>,
    opaque_id: Option<&'h [u8]>,
    connection: Option<&'h [u8]>,
    content_type: Option<&'h [u8]>,
}

impl<'h> Lines<'h> {
    /// Nothing, if the header makes the head unfit: it comes twice, or frames a body, or speaks to
    /// the library, or changes the answer in a way that only the long way knows.
    fn take(&mut self, name: &str, value: &'h [u8]) -> Option<()> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let place = match name.len() {
            4 if is("host") => &mut self.host,
            6 if is("accept") => &mut self.accept,
            10 if is("connection") => {
                value.eq_ignore_ascii_case(b"keep-alive").then_some(())?;
                &mut self.connection
            }
            11 if is("x-opaque-id") => &mut self.opaque_id,
            12 if is("content-type") => {
                // Has no say without a body, if only it is well-formed.
                (value == b"application/json").then_some(())?;
                &mut self.content_type
            }
            13 if is("authorization") => &mut self.authorization,
            15 if is("accept-encoding") => {
                let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
                let list = Some(value).filter(|list| list.iter().all(is_plain))?;
                let list = str::from_utf8(list).ok()?;
                return self.accept_encoding.replace(list).is_none().then_some(());
            }
            _ => return (!UNFIT.iter().any(|unfit| is(unfit))).then_some(()),
        };
        place.replace(value).is_none().then_some(())
    }
}

/// What every answer takes from its request.
struct Form<'h> {
    media: Media,
    opaque_id: Option<&'h [u8]>,
    date: &'h [u8; DATE_CHARS],
}

impl Form<'_> {
    fn write(&self, line: &[u8], [lead, labels, end]: [&[u8]; 3], out: &mut Vec<u8>) {
        let media = self.media.header();
        let echo = self.opaque_id.map_or(0, |id| id.len().saturating_add(ROOM_FOR_ECHO));
        let parts = [line, media.as_bytes(), lead, labels, self.date, end];
        let length = parts.iter().fold(echo, |sum, part| sum.saturating_add(part.len()));
        out.reserve(length);
        out.extend_from_slice(line);
        out.extend_from_slice(media.as_bytes());
        out.extend_from_slice(lead);
        if let Some(id) = self.opaque_id {
            out.extend_from_slice(b"x-opaque-id: ");
            out.extend_from_slice(id);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(labels);
        out.extend_from_slice(self.date);
        out.extend_from_slice(end);
    }
}

/// What ends the content type of an answer that is not packed.
const PLAIN_LEAD: &[u8] = b"\r\n";

/// Names that frame a body, that the library or the long way looks at, or that speak of the
/// connection: a head that has one is not fit, whatever the value says.
const UNFIT: [&str; 11] = [
    "content-length",
    "transfer-encoding",
    "content-encoding",
    "expect",
    "upgrade",
    "te",
    "trailer",
    "keep-alive",
    "proxy-connection",
    "http2-settings",
    "es-security-runas-user",
];

/// The last digit of HTTP/1.1, as the parser has it.
const VERSION_1_1: u8 = 1;
/// Characters of a date in a header.
const DATE_CHARS: usize = 29;
/// The last second that such a date can name.
const YEAR_9999_S: u64 = 253_402_300_799;
/// Bytes around an echoed id.
const ROOM_FOR_ECHO: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET /_security/_authenticate HTTP/1.1";

    /// What a head of these lines is taken for.
    fn read(line: &str, lines: &[&str]) -> Option<(String, Media, bool, Option<Vec<u8>>)> {
        let head = [&[line], lines, &["", ""]].concat().join("\r\n");
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut request = httparse::Request::new(&mut headers);
        assert!(request.parse(head.as_bytes()).unwrap().is_complete());
        let wish = Wish::read(&request)?;
        let token = String::from_utf8(wish.token.to_vec()).unwrap();
        Some((token, wish.media, wish.takes_gzip, wish.opaque_id.map(<[u8]>::to_vec)))
    }

    fn with(lines: &[&str]) -> Option<(String, Media, bool, Option<Vec<u8>>)> {
        read(GET, &[&["Host: a", "Authorization: bearer t"], lines].concat())
    }

    #[test]
    fn a_plain_head_is_fit_whatever_else_clients_send() {
        let plain = Some(("t".to_owned(), Media::Json, false, None));
        assert_eq!(with(&[]), plain);
        assert_eq!(with(&["user-agent: x", "accept: */*", "Connection: Keep-Alive"]), plain);
        assert_eq!(with(&["content-type: application/json", "cookie: a=b"]), plain);
        let whole = with(&[
            "Accept: application/vnd.elasticsearch+json; compatible-with=8",
            "accept-encoding: br, gzip",
            "X-Opaque-ID: 7",
            "x-elastic-client-meta: es=8",
        ]);
        let echoed = Some(b"7".to_vec());
        assert_eq!(whole, Some(("t".to_owned(), Media::Vendor(Some(8)), true, echoed)));
    }

    #[test]
    fn a_head_that_says_more_is_not_fit() {
        for line in [
            "content-length: 0",
            "Transfer-Encoding: chunked",
            "content-encoding: identity",
            "connection: close",
            "connection: keep-alive, te",
            "keep-alive: 5",
            "expect: 100-continue",
            "upgrade: h2c",
            "te: trailers",
            "es-security-runas-user: u",
            "host: a",
            "authorization: bearer t",
            "accept: ?",
            "accept: application/yaml",
            "content-type: text/plain",
            "accept-encoding: \u{e9}",
        ] {
            assert_eq!(with(&[line]), None, "{line}");
        }
        for name in ["accept: */*", "accept-encoding: gzip", "x-opaque-id: 1"] {
            assert_eq!(with(&[name, name]), None, "{name}");
        }
    }

    #[test]
    fn another_request_is_not_fit() {
        let lines = ["host: a", "authorization: bearer t"];
        assert!(read(GET, &lines).is_some());
        for line in [
            "POST /_security/_authenticate HTTP/1.1",
            "get /_security/_authenticate HTTP/1.1",
            "GET /_security/_authenticate HTTP/1.0",
            "GET /_security/_authenticate?pretty HTTP/1.1",
            "GET /_security/_authenticate/ HTTP/1.1",
            "GET /_security/%5fauthenticate HTTP/1.1",
            "GET http://a/_security/_authenticate HTTP/1.1",
        ] {
            assert_eq!(read(line, &lines), None, "{line}");
        }
        for lines in [
            &["authorization: bearer t"][..],
            &["host: a"],
            &["host: a b", "authorization: bearer t"],
            &["host: a", "authorization: basic t"],
            &["host: a", "authorization: bearer "],
        ] {
            assert_eq!(read(GET, lines), None, "{lines:?}");
        }
    }

    #[test]
    fn a_moment_has_the_date_of_its_second() {
        let mut moment = Moment::new();
        moment.pass(Timestamp::from_ms(784_111_777_999));
        assert_eq!(&moment.date, b"Sun, 06 Nov 1994 08:49:37 GMT");
        moment.pass(Timestamp::from_ms(784_111_778_000));
        assert_eq!(&moment.date, b"Sun, 06 Nov 1994 08:49:38 GMT");
        moment.pass(Timestamp::from_ms(i64::MAX));
        assert_eq!(&moment.date, b"Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn what_waits_is_left_to_the_long_way() {
        assert_eq!(at_once(async { 1 }), Some(1));
        assert_eq!(at_once(std::future::pending::<()>()), None);
    }
}
