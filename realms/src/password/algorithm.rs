//! The algorithms that passwords are hashed with from now on.
//!
//! Owns the names of `xpack.security.authc.password_hashing.algorithm` and how each one writes a
//! hash. Must not know where salts come from: they are arguments.

use std::fmt;
use std::hint::black_box;
use std::str::FromStr;

use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use super::{argon, encoding};

/// How a new password is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// bcrypt, written with the prefix `$2a$`.
    Bcrypt(Cost),
    /// PBKDF2-HMAC-SHA512 of the password.
    Pbkdf2(Rounds),
    /// PBKDF2-HMAC-SHA512 of the hexadecimal SHA-512 of the password.
    Pbkdf2Stretch(Rounds),
    /// argon2id with this server's own parameters.
    Argon2id,
}

impl Default for Algorithm {
    fn default() -> Self {
        Self::Bcrypt(Cost::DEFAULT)
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Reads the value of the setting, in either case.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let lower = name.to_ascii_lowercase();
        let known = match lower.as_str() {
            "argon2id" => Some(Self::Argon2id),
            "bcrypt" => Some(Self::Bcrypt(Cost::DEFAULT)),
            "pbkdf2" => Some(Self::Pbkdf2(Rounds::DEFAULT)),
            "pbkdf2_stretch" => Some(Self::Pbkdf2Stretch(Rounds::DEFAULT)),
            other => named_with_number(other),
        };
        known.ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bcrypt(Cost::DEFAULT) => out.write_str("bcrypt"),
            Self::Bcrypt(Cost(cost)) => write!(out, "bcrypt{cost}"),
            Self::Pbkdf2(Rounds::DEFAULT) => out.write_str("pbkdf2"),
            Self::Pbkdf2(Rounds(rounds)) => write!(out, "pbkdf2_{rounds}"),
            Self::Pbkdf2Stretch(Rounds::DEFAULT) => out.write_str("pbkdf2_stretch"),
            Self::Pbkdf2Stretch(Rounds(rounds)) => write!(out, "pbkdf2_stretch_{rounds}"),
            Self::Argon2id => out.write_str("argon2id"),
        }
    }
}

/// The setting names no algorithm.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown password hashing algorithm [{0}]")]
pub struct UnknownAlgorithm(String);

/// The exponent of bcrypt's work, 4 to 14.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cost(u32);

impl Cost {
    /// The cost that is written where none is configured.
    pub const DEFAULT: Self = Self(10);

    /// The cost, if it is one that a hash may have.
    pub fn new(cost: u32) -> Option<Self> {
        (4..=14).contains(&cost).then_some(Self(cost))
    }

    /// The exponent itself.
    pub fn exponent(self) -> u32 {
        self.0
    }
}

/// The number of PBKDF2's rounds, one of a short list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rounds(u32);

impl Rounds {
    /// The rounds that are written where none are configured.
    pub const DEFAULT: Self = Self(10_000);

    /// Every number of rounds that a hash may have.
    pub const ALL: [u32; 6] = [1_000, 10_000, 50_000, 100_000, 500_000, 1_000_000];

    /// The rounds written as `digits`, if they are on the list and written without ornament.
    pub fn parse(digits: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rounds| rounds.to_string() == digits).map(Self)
    }

    /// The number itself.
    pub fn count(self) -> u32 {
        self.0
    }
}

/// Random bytes for one hash; each format takes as many of them as it needs.
#[derive(Clone, Debug)]
pub struct Salt([u8; 32]);

impl Salt {
    /// A salt of bytes drawn for this one hash.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The first 16 bytes, for the formats that use no more.
    pub(super) fn first_half(&self) -> &[u8; 16] {
        self.0.first_chunk().unwrap_or(&[0; 16])
    }
}

/// A hash could not be computed, for want of memory.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a password hash could not be computed")]
pub struct HashingFailed;

/// Hashes a password for storage.
pub fn hash(password: &[u8], algorithm: Algorithm, salt: &Salt) -> Result<String, HashingFailed> {
    match algorithm {
        Algorithm::Bcrypt(cost) => {
            bcrypt::hash_with_salt(password, cost.exponent(), *salt.first_half())
                .map(|parts| parts.format_for_version(bcrypt::Version::TwoA))
                .map_err(|_| HashingFailed)
        }
        Algorithm::Pbkdf2(rounds) => Ok(pbkdf2_text("{PBKDF2}", password, rounds, salt)),
        Algorithm::Pbkdf2Stretch(rounds) => {
            Ok(pbkdf2_text("{PBKDF2_STRETCH}", &stretched(password), rounds, salt))
        }
        Algorithm::Argon2id => argon::hash(password, salt),
    }
}

/// Spends the time of one verification where there is no hash to verify against.
///
/// Without it a stranger could tell the names of users by how soon they are refused.
pub fn verify_against_nothing(algorithm: Algorithm, password: &[u8]) -> Result<(), HashingFailed> {
    let text = hash(black_box(password), algorithm, &Salt([0; 32]))?;
    black_box(text);
    Ok(())
}

/// The names of every algorithm whose hashes may be stored, in the order clients are told them.
pub fn supported_names() -> Vec<String> {
    let mut names = vec!["bcrypt".to_owned()];
    names.extend((4..=14).map(|cost| format!("bcrypt{cost}")));
    for family in ["pbkdf2", "pbkdf2_stretch"] {
        names.push(family.to_owned());
        names.extend(Rounds::ALL.into_iter().map(|rounds| format!("{family}_{rounds}")));
    }
    names.push("argon2id".to_owned());
    names
}

/// The password as the stretched form hashes it: lower-case hexadecimal SHA-512.
pub(super) fn stretched(password: &[u8]) -> Zeroizing<Vec<u8>> {
    let digest = Sha512::digest(password);
    let mut text = Zeroizing::new(Vec::with_capacity(digest.len() * 2));
    for byte in digest {
        for nibble in [byte >> 4, byte & 0x0f] {
            text.push(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
        }
    }
    text
}

/// Derives a key from a password that is already in the form to be hashed.
pub(super) fn derive(password: &[u8], salt: &[u8], rounds: Rounds, key: &mut [u8]) {
    pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, rounds.count(), key);
}

fn pbkdf2_text(prefix: &str, password: &[u8], rounds: Rounds, salt: &Salt) -> String {
    let mut key = [0; 32];
    derive(password, &salt.0, rounds, &mut key);
    let salt = encoding::encode(&salt.0);
    format!("{prefix}{}${salt}${}", rounds.count(), encoding::encode(&key))
}

fn named_with_number(name: &str) -> Option<Algorithm> {
    if let Some(digits) = name.strip_prefix("pbkdf2_stretch_") {
        return Rounds::parse(digits).map(Algorithm::Pbkdf2Stretch);
    }
    if let Some(digits) = name.strip_prefix("pbkdf2_") {
        return Rounds::parse(digits).map(Algorithm::Pbkdf2);
    }
    let digits = name.strip_prefix("bcrypt")?;
    let cost = Cost::new(digits.parse().ok()?)?;
    (cost.exponent().to_string() == digits).then_some(Algorithm::Bcrypt(cost))
}

#[cfg(test)]
mod tests {
    use super::super::StoredHash;
    use super::*;

    fn salt() -> Salt {
        Salt::new(std::array::from_fn(|index| u8::try_from(index).unwrap()))
    }

    fn check_names(names: &[&str]) {
        for name in names {
            let algorithm: Algorithm = name.parse().unwrap();
            assert_eq!(algorithm.to_string(), *name);
        }
    }

    #[test]
    fn every_name_of_the_setting_is_understood_and_printed_back() {
        check_names(&["bcrypt", "bcrypt4", "bcrypt9", "bcrypt14", "argon2id"]);
        check_names(&["pbkdf2", "pbkdf2_1000", "pbkdf2_50000", "pbkdf2_1000000"]);
        check_names(&["pbkdf2_stretch", "pbkdf2_stretch_1000", "pbkdf2_stretch_500000"]);
        assert_eq!("BCRYPT".parse(), Ok(Algorithm::default()));
        assert_eq!("bcrypt10".parse(), Ok(Algorithm::default()));
    }

    #[test]
    fn names_outside_the_list_are_refused() {
        for name in ["", "md5", "bcrypt3", "bcrypt15", "bcrypt04", "pbkdf2_1001", "pbkdf2_+1000"] {
            assert_eq!(name.parse::<Algorithm>(), Err(UnknownAlgorithm(name.to_owned())));
        }
    }

    #[test]
    fn every_algorithm_verifies_what_it_wrote_and_nothing_else() {
        for name in ["bcrypt4", "pbkdf2_1000", "pbkdf2_stretch_1000", "argon2id"] {
            let text = hash(b"correct horse", name.parse().unwrap(), &salt()).unwrap();
            let stored = StoredHash::parse(&text).unwrap();
            assert!(stored.may_be_stored(), "{name}");
            assert_eq!(stored.verify(b"correct horse"), Ok(true), "{name}");
            assert_eq!(stored.verify(b"correct house"), Ok(false), "{name}");
            assert_eq!(stored.verify(b""), Ok(false), "{name}");
        }
    }

    #[test]
    fn written_hashes_have_the_documented_layout() {
        let text = hash(b"x-pack-test-password", "pbkdf2_1000".parse().unwrap(), &salt());
        let expected = "{PBKDF2}1000$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=$\
                        034eS2hj5FxHljzZNmhT4GIGod6KbeTnTS97ZJ5D73o=";
        assert_eq!(text.as_deref(), Ok(expected));
        let text = hash(b"x-pack-test-password", "bcrypt".parse().unwrap(), &salt()).unwrap();
        assert!(text.starts_with("$2a$10$") && text.len() == 60, "{text}");
    }

    #[test]
    fn a_verification_against_nothing_computes_a_whole_hash() {
        for name in ["bcrypt4", "pbkdf2_1000", "argon2id"] {
            assert_eq!(verify_against_nothing(name.parse().unwrap(), b"any"), Ok(()));
        }
    }

    #[test]
    fn the_supported_names_begin_as_clients_know_them() {
        let names = supported_names();
        assert_eq!(names.first().unwrap(), "bcrypt");
        assert_eq!(names.get(11).unwrap(), "bcrypt14");
        assert_eq!(names.get(12).unwrap(), "pbkdf2");
        assert_eq!(names.get(18).unwrap(), "pbkdf2_1000000");
        assert_eq!(names.get(19).unwrap(), "pbkdf2_stretch");
        assert!(names.iter().all(|name| name.parse::<Algorithm>().is_ok()));
    }
}
