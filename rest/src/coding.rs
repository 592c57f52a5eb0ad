//! Compression of bodies: gzip, both ways.
//!
//! Owns the bound on what a small upload may unfold to. Must not know what a body holds.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use http::HeaderValue;

use crate::error::ApiError;

/// How a body is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Coding {
    /// As it is.
    #[default]
    Identity,
    /// In gzip.
    Gzip,
}

impl Coding {
    /// Reads `Content-Encoding`.
    pub(crate) fn read(header: Option<&HeaderValue>) -> Result<Self, ApiError> {
        let Some(header) = header else { return Ok(Self::Identity) };
        let text = header.to_str().unwrap_or_default().trim();
        if text.is_empty() || text.eq_ignore_ascii_case("identity") {
            Ok(Self::Identity)
        } else if text.eq_ignore_ascii_case("gzip") || text.eq_ignore_ascii_case("x-gzip") {
            Ok(Self::Gzip)
        } else {
            Err(ApiError::encoding_unsupported(text))
        }
    }

    /// The plain body, refused when it is longer than `bytes_max`.
    pub(crate) fn decode(self, body: Bytes, bytes_max: u64) -> Result<Bytes, ApiError> {
        if self == Self::Identity || body.is_empty() {
            return Ok(body);
        }
        let mut plain = Vec::new();
        MultiGzDecoder::new(body.as_ref())
            .take(bytes_max.saturating_add(1))
            .read_to_end(&mut plain)
            .map_err(|_| ApiError::illegal_argument("the body is not in the gzip format"))?;
        let length = u64::try_from(plain.len()).unwrap_or(u64::MAX);
        if length > bytes_max { Err(ApiError::too_large()) } else { Ok(plain.into()) }
    }
}

/// The body in gzip; nothing if it cannot be had.
pub(crate) fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut coder = GzEncoder::new(Vec::with_capacity(body.len()), Compression::fast());
    coder.write_all(body).ok()?;
    coder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    #[test]
    fn what_is_coded_can_be_decoded() {
        let body = b"{\"grant_type\":\"password\"}";
        let coded = gzip(body).unwrap();
        assert_eq!(Coding::Gzip.decode(coded.into(), 100).unwrap().as_ref(), body);
    }

    #[test]
    fn a_small_upload_does_not_unfold_beyond_the_limit() {
        let bomb = gzip(&vec![b' '; 1_000_000]).unwrap();
        assert!(bomb.len() < 10_000);
        let refusal = Coding::Gzip.decode(bomb.clone().into(), 999_999).unwrap_err();
        assert_eq!(refusal.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(Coding::Gzip.decode(bomb.into(), 1_000_000).unwrap().len(), 1_000_000);
    }

    #[test]
    fn what_is_not_gzip_is_a_bad_request() {
        let refusal = Coding::Gzip.decode(Bytes::from_static(b"{}"), 100).unwrap_err();
        assert_eq!(refusal.status(), StatusCode::BAD_REQUEST);
        let cut = gzip(b"{\"a\":1}").unwrap();
        let cut = Bytes::copy_from_slice(&cut[..cut.len() - 4]);
        assert!(Coding::Gzip.decode(cut, 100).is_err());
    }

    #[test]
    fn other_codings_are_refused() {
        let read = |text| Coding::read(Some(&HeaderValue::from_static(text)));
        assert_eq!(read("GZIP").unwrap(), Coding::Gzip);
        assert_eq!(read("identity").unwrap(), Coding::Identity);
        assert_eq!(read("br").unwrap_err().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
}
