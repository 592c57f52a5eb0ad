//! The text of a token: `prefix base64url( key id | pair id | tag )`.
//!
//! Both texts of a pair are computed from its id, so neither is ever stored. The tag is checked
//! before anything else is done: a forgery or a typing error costs one hash.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use constant_time_eq::constant_time_eq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::id::{KeyId, PairId};
use crate::limits::TOKEN_CHARS;
use crate::secret::Secret;
use crate::token::key::{KeyLookup, KeyRing, MacKey, TAG_BYTES};

const PREFIX_CHARS: usize = 4;
const BODY_BYTES: usize = 33;

/// The two halves of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Half {
    /// Opens doors until it expires.
    Access,
    /// Is exchanged for a new pair.
    Refresh,
}

impl Half {
    /// What the text begins with; secret scanners look for it.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "jta_",
            Self::Refresh => "jtr_",
        }
    }

    /// The byte that stands for it under the tag, so that the halves cannot be swapped.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Access => b'a',
            Self::Refresh => b'r',
        }
    }
}

/// Why a text names no pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TextRefusal {
    /// It is not a token of this kind, or its tag is wrong, or its key is refused.
    #[error("not a token of this service")]
    NotAToken,
    /// Its key is listed, but not held here: nothing can be said about it.
    #[error("signed with key {0}, which this process does not hold")]
    KeyMissing(KeyId),
}

/// The text of one half of a pair.
pub fn print(half: Half, pair: PairId, key: &MacKey) -> Secret {
    let mut body = Zeroizing::new(Vec::with_capacity(BODY_BYTES));
    body.push(key.id().number());
    body.extend_from_slice(pair.bytes());
    body.extend_from_slice(&key.tag(half, pair));
    let mut text = String::with_capacity(TOKEN_CHARS);
    text.push_str(half.prefix());
    URL_SAFE_NO_PAD.encode_string(&*body, &mut text);
    Secret::from_text(text)
}

/// The pair that `text` names as its `half`, and the key that says so.
///
/// Takes the same time for every well-formed text, right or wrong.
pub fn parse(half: Half, text: &[u8], ring: &KeyRing) -> Result<(PairId, KeyId), TextRefusal> {
    let body = split(half, text).ok_or(TextRefusal::NotAToken)?;
    let (key_id, pair, tag) = body;
    let key = match ring.key(key_id) {
        KeyLookup::Held(key) => key,
        KeyLookup::Missing => return Err(TextRefusal::KeyMissing(key_id)),
        KeyLookup::Refused => return Err(TextRefusal::NotAToken),
    };
    if !constant_time_eq(&key.tag(half, pair), &tag) {
        return Err(TextRefusal::NotAToken);
    }
    Ok((pair, key_id))
}

fn split(half: Half, text: &[u8]) -> Option<(KeyId, PairId, [u8; TAG_BYTES])> {
    if text.len() != TOKEN_CHARS {
        return None;
    }
    let (prefix, encoded) = text.split_at_checked(PREFIX_CHARS)?;
    if prefix != half.prefix().as_bytes() {
        return None;
    }
    let mut body = [0_u8; BODY_BYTES];
    let written = URL_SAFE_NO_PAD.decode_slice(encoded, &mut body).ok()?;
    if written != BODY_BYTES {
        return None;
    }
    let (key, rest) = body.split_first()?;
    let (pair, tag) = rest.split_first_chunk::<16>()?;
    Some((KeyId::new(*key), PairId::from_bytes(*pair), *tag.first_chunk::<TAG_BYTES>()?))
}

/// Whether `text` has the form of a token that some release of Elasticsearch would decode.
///
/// Such a text is well-formed but unknown here. The difference shows on the wire only while no
/// token was ever granted (`docs/wire.md`).
pub fn is_foreign_form(text: &[u8]) -> bool {
    use base64::engine::general_purpose::STANDARD;
    if text.len() == 22 {
        return true;
    }
    let Ok(bytes) = STANDARD.decode(text) else {
        return false;
    };
    let mut version: u32 = 0;
    let mut shift: u32 = 0;
    for byte in bytes.iter().take(5) {
        version |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        shift = shift.saturating_add(7);
        if byte & 0x80 == 0 {
            return version >= FOREIGN_VERSION_MIN;
        }
    }
    false
}

/// Version id of 7.2.0, the first release with the present layout.
const FOREIGN_VERSION_MIN: u32 = 7_020_099;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use crate::token::key::KeyState;
    use alloc::string::ToString;
    use alloc::vec;
    use proptest::prelude::*;

    fn key(id: u8, byte: u8) -> MacKey {
        MacKey::derive(KeyId::new(id), &[byte; 32], &[7; 32])
    }

    fn ring() -> KeyRing {
        KeyRing::new(
            [
                (key(1, 1), KeyState::Active),
                (key(2, 2), KeyState::Passive),
                (key(3, 3), KeyState::Retired),
            ],
            vec![KeyId::new(4)],
        )
    }

    proptest! {
        #[test]
        fn printing_and_parsing_are_inverse(ms in 0_i64..(1 << 47), random: [u8; 10], second: bool) {
            let pair = PairId::mint(Timestamp::from_ms(ms), random);
            let key = if second { key(2, 2) } else { key(1, 1) };
            for half in [Half::Access, Half::Refresh] {
                let text = print(half, pair, &key);
                prop_assert_eq!(text.expose().len(), TOKEN_CHARS);
                prop_assert_eq!(parse(half, text.expose(), &ring()), Ok((pair, key.id())));
            }
        }

        #[test]
        fn a_changed_byte_is_refused(place in 0_usize..TOKEN_CHARS, with: u8) {
            let text = print(Half::Access, PairId::from_bytes([9; 16]), &key(1, 1));
            let mut bytes = text.expose().to_vec();
            prop_assume!(bytes[place] != with);
            bytes[place] = with;
            prop_assert!(parse(Half::Access, &bytes, &ring()).is_err());
        }

        #[test]
        fn rubbish_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
            prop_assert_eq!(parse(Half::Access, &bytes, &ring()), Err(TextRefusal::NotAToken));
        }
    }

    #[test]
    fn the_halves_cannot_be_swapped() {
        let text = print(Half::Access, PairId::from_bytes([9; 16]), &key(1, 1));
        let renamed = [b"jtr_", &text.expose()[4..]].concat();
        assert_eq!(parse(Half::Refresh, text.expose(), &ring()), Err(TextRefusal::NotAToken));
        assert_eq!(parse(Half::Refresh, &renamed, &ring()), Err(TextRefusal::NotAToken));
    }

    #[test]
    fn a_retired_key_is_refused_and_a_missing_one_cannot_be_decided() {
        let pair = PairId::from_bytes([9; 16]);
        let retired = print(Half::Access, pair, &key(3, 3));
        assert_eq!(parse(Half::Access, retired.expose(), &ring()), Err(TextRefusal::NotAToken));
        let missing = print(Half::Access, pair, &key(4, 4));
        assert_eq!(
            parse(Half::Access, missing.expose(), &ring()),
            Err(TextRefusal::KeyMissing(KeyId::new(4)))
        );
        assert!(TextRefusal::KeyMissing(KeyId::new(4)).to_string().contains("key 4"));
    }

    #[test]
    fn texts_of_other_services_are_told_from_rubbish() {
        assert!(is_foreign_form(b"46ToAxYzNUdPZWdYOFRQcWhjeHR3NWpvTmVB"));
        assert!(!is_foreign_form(b"!this_is_not_a_base64_string_and_we_should_fail_decoding_it"));
        assert!(!is_foreign_form(b"10we+might+assume+this+is+valid+old+token"));
    }
}
