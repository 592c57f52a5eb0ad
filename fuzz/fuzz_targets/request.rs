//! Whole requests: method, target, headers and body, through every route, without a socket.
//!
//! An input is a request as it stands on the wire, with plain newlines. Lines that no HTTP library
//! would let through are left out.
#![no_main]

use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use jeton_fuzz::service::{Service, with_service};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    with_service(|service| send(service, input));
});

fn send(service: &mut Service, input: &[u8]) -> Option<()> {
    let end = input.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((input, &b""[..]), |at| (&input[..at], &input[at + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut words = lines.next()?.splitn(2, |byte| *byte == b' ');
    let method = Method::from_bytes(words.next()?).ok()?;
    let target = service.fill(words.next()?);
    let uri: Uri = str::from_utf8(&target).ok()?.parse().ok()?;
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    for line in lines {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        let value = service.fill(value.trim_ascii());
        let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(&value))
        else {
            continue;
        };
        // The length is that of the body: anything else ends in the HTTP library.
        if name != header::CONTENT_LENGTH {
            request.headers_mut().append(name, value);
        }
    }
    let body = service.fill(body);
    service.send(request.into_parts().0, &body);
    Some(())
}
