//! Text that must not be seen: passwords and tokens.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use constant_time_eq::constant_time_eq;
use zeroize::Zeroizing;

/// A password or the text of a token.
///
/// It does not print, clone or compare in variable time, and its bytes are wiped when it is
/// dropped. [`Secret::expose`] is the only way in.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes `bytes` over.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Takes `text` over.
    pub fn from_text(text: String) -> Self {
        Self::from_bytes(text.into_bytes())
    }

    /// The bytes. Every use is a place to look at in a review.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether both hold the same bytes, in time that depends on the lengths alone.
    pub fn is_same(&self, other: &Self) -> bool {
        constant_time_eq(self.expose(), other.expose())
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::from_bytes(text.as_bytes().to_vec())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn a_secret_does_not_print() {
        assert!(!format!("{:?}", Secret::from("correct horse")).contains("horse"));
    }

    #[test]
    fn secrets_compare_by_their_bytes() {
        assert!(Secret::from("a").is_same(&Secret::from("a")));
        assert!(!Secret::from("a").is_same(&Secret::from("b")));
        assert!(!Secret::from("a").is_same(&Secret::from("aa")));
    }
}
