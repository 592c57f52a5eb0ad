//! Where a request ends, told from its head.
//!
//! Owns the question whether that can be told at all. It can where the head leaves no room for
//! doubt; everything else is for the HTTP library alone. Must not know what a request asks for.

/// The bytes of a request, head and body, if its head of `head_bytes` says so beyond doubt.
///
/// The request then leaves the connection open, and what follows its bytes begins another one.
pub(crate) fn extent(head: &httparse::Request<'_, '_>, head_bytes: usize) -> Option<u64> {
    if head.version != Some(VERSION_1_1) || head.method == Some("CONNECT") {
        return None;
    }
    let mut body_bytes = None;
    for header in head.headers.iter() {
        let is = |known: &str| header.name.eq_ignore_ascii_case(known);
        if is("content-length") {
            if body_bytes.is_some() {
                return None;
            }
            body_bytes = Some(length(header.value)?);
        } else if is("connection") {
            if !header.value.eq_ignore_ascii_case(b"keep-alive") {
                return None;
            }
        } else if DOUBTFUL.iter().any(|doubtful| is(doubtful)) {
            return None;
        }
    }
    u64::try_from(head_bytes).ok()?.checked_add(body_bytes.unwrap_or(0))
}

/// Digits and nothing else; a length that no counter overflows.
fn length(value: &[u8]) -> Option<u64> {
    let is_plain = (1..=LENGTH_DIGITS_MAX).contains(&value.len());
    let digits = str::from_utf8(value).ok().filter(|_| is_plain)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Headers that may make a request end elsewhere, or that make the connection something else.
const DOUBTFUL: [&str; 5] = ["transfer-encoding", "upgrade", "expect", "te", "trailer"];

/// The last digit of HTTP/1.1, as the parser has it.
const VERSION_1_1: u8 = 1;

/// Digits of the longest body that is counted: far beyond what is accepted.
const LENGTH_DIGITS_MAX: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(head: &str) -> Option<u64> {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(head.as_bytes()) {
            Ok(httparse::Status::Complete(bytes)) => extent(&request, bytes),
            _ => None,
        }
    }

    #[test]
    fn a_plain_request_ends_with_its_head_or_its_counted_body() {
        for (head, body_bytes) in [
            ("GET / HTTP/1.1\r\n\r\n", 0),
            ("\r\nGET / HTTP/1.1\r\n\r\n", 0),
            ("GET / HTTP/1.1\r\nConnection: Keep-Alive\r\n\r\n", 0),
            ("POST / HTTP/1.1\r\nContent-LENGTH:  7 \r\n\r\n", 7),
            ("POST / HTTP/1.1\r\ncontent-length: 0017\r\n\r\n", 17),
        ] {
            assert_eq!(of(head), u64::try_from(head.len() + body_bytes).ok(), "{head}");
        }
    }

    #[test]
    fn whatever_leaves_room_for_doubt_has_no_end() {
        assert_eq!(of("GET / HTTP/1.0\r\n\r\n"), None);
        assert_eq!(of("CONNECT a:1 HTTP/1.1\r\n\r\n"), None);
        for line in [
            "content-length: 1\r\ncontent-length: 1",
            "content-length: 1, 1",
            "content-length: +1",
            "content-length: -1",
            "content-length: 1 1",
            "content-length: 0x1",
            "content-length:",
            "content-length: 18446744073709551617",
            "Transfer-Encoding: chunked",
            "transfer-encoding: identity",
            "Content-Length: 3\r\nTRANSFER-ENCODING: chunked",
            "connection: close",
            "connection: keep-alive, close",
            "connection: upgrade",
            "Upgrade: h2c",
            "expect: 100-continue",
            "te: trailers",
            "trailer: x",
        ] {
            assert_eq!(of(&format!("POST / HTTP/1.1\r\n{line}\r\n\r\n")), None, "{line}");
        }
    }

    #[test]
    fn what_the_parser_refuses_has_no_end() {
        for line in ["content-length : 1", " content-length: 1", "a: b\r\n c", "content\0length: 1"]
        {
            assert_eq!(of(&format!("POST / HTTP/1.1\r\n{line}\r\n\r\n")), None, "{line}");
        }
    }
}
