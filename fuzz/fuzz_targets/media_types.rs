//! Media types: two headers, each absent, given or repeated; the label of an answer is understood.
#![no_main]

use http::HeaderValue;
use jeton_rest::media::{Lines, MediaHeaders, check_body, check_format, negotiate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((shape, text)) = input.split_first() else { return };
    let mut lines = text.split(|byte| *byte == b'\n').map(HeaderValue::from_bytes);
    let (Some(Ok(accept)), content_type) = (lines.next(), lines.next()) else { return };
    let Ok(content_type) = content_type.unwrap_or_else(|| Ok(accept.clone())) else { return };
    let headers = MediaHeaders {
        accept: shaped(shape & 3, &accept),
        content_type: shaped(shape >> 2 & 3, &content_type),
    };
    for has_body in [false, true] {
        match negotiate(headers, has_body) {
            Ok(media) => {
                let label = media.header();
                let again =
                    MediaHeaders { accept: Lines::One(&label), content_type: Lines::One(&label) };
                assert_eq!(negotiate(again, true).unwrap(), media, "an answer's label is spoken");
                assert!(check_body(Lines::One(&label)).is_ok());
            }
            Err(error) => assert!(matches!(error.status().as_u16(), 400 | 406)),
        }
    }
    if let Err(error) = check_body(headers.content_type) {
        assert!(matches!(error.status().as_u16(), 400 | 406));
    }
    let _ = check_format(content_type.to_str().ok());
});

fn shaped(shape: u8, line: &HeaderValue) -> Lines<'_> {
    match shape {
        0 => Lines::None,
        1 | 2 => Lines::One(line),
        _ => Lines::Many(line),
    }
}
