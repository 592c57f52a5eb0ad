//! The two base64 alphabets that password hashes are written in.
//!
//! Owns how tolerant their decoding is. Must not know which hash a text belongs to.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};

/// Encodes with the standard alphabet and padding.
pub(super) fn encode(bytes: &[u8]) -> String {
    general_purpose::STANDARD.encode(bytes)
}

/// Decodes the standard alphabet, with or without padding; `None` for anything else.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Decodes standard text that must stand for exactly `N` bytes.
pub(super) fn decode_exactly<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode(text)?.try_into().ok()
}

/// Decodes bcrypt's own alphabet into exactly `N` bytes.
///
/// Salts chosen by hand set bits that the last character does not need; every implementation
/// ignores them, and so does this one.
pub(super) fn decode_bcrypt<const N: usize>(text: &str) -> Option<[u8; N]> {
    BCRYPT.decode(text).ok()?.try_into().ok()
}

const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const BCRYPT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true),
);
