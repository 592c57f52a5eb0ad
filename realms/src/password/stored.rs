//! A stored password hash: read from text once, verified many times.
//!
//! Owns the text formats. Must not know whose hash it is. Every comparison takes the same time
//! whatever the outcome, and nothing here prints a hash.

use std::fmt;

use constant_time_eq::{constant_time_eq, constant_time_eq_n};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Cost, HashingFailed, Rounds, derive, stretched};
use super::argon::ArgonHash;
use super::encoding;

/// What the text of a password hash says.
pub struct StoredHash(Scheme);

impl StoredHash {
    /// Reads the text of a hash.
    ///
    /// Text that looks like a hash but is none that can be verified is an error: it must never be
    /// taken for a password in clear, or whoever sees the file could log in with what it says.
    /// Other text *is* a password in clear, which only the `users` file may hold.
    pub fn parse(text: &str) -> Result<Self, UnknownHash> {
        let scheme = match prefix(text) {
            Some("$2a$" | "$2b$" | "$2y$") => parse_bcrypt(text),
            Some("$argon2id$") => ArgonHash::parse(text).map(Box::new).map(Scheme::Argon2id),
            Some("{PBKDF2}") => return parse_pbkdf2(text, "{PBKDF2}", Input::Password),
            Some("{PBKDF2_STRETCH}") => {
                return parse_pbkdf2(text, "{PBKDF2_STRETCH}", Input::Stretched);
            }
            Some("{SSHA256}") => parse_salted_sha256(text),
            Some("{SHA}") => text.get(5..).and_then(encoding::decode_exactly).map(Scheme::Sha1),
            Some("{MD5}") => text.get(5..).and_then(encoding::decode_exactly).map(Scheme::Md5),
            Some(_) => return Err(UnknownHash::Scheme),
            None if prefix(text.trim_start()).is_some() => return Err(UnknownHash::Scheme),
            None => Some(Scheme::ClearText(Sha256::digest(text).into())),
        };
        scheme.map(Self).ok_or(UnknownHash::Malformed)
    }

    /// Whether `password` is the one behind this hash.
    ///
    /// Takes milliseconds and up to a quarter of a GiB of memory: call it on the
    /// [`HashingPool`](super::HashingPool).
    pub fn verify(&self, password: &[u8]) -> Result<bool, HashingFailed> {
        Ok(match &self.0 {
            Scheme::Bcrypt { cost, salt, digest } => {
                let computed = bcrypt::bcrypt(cost.exponent(), *salt, &bcrypt_input(password));
                constant_time_eq(computed.first_chunk::<23>().unwrap_or(&[0; 23]), digest)
            }
            Scheme::Pbkdf2 { input, rounds, salt, key } => {
                let mut computed = Zeroizing::new(vec![0; key.len()]);
                match input {
                    Input::Password => derive(password, salt, *rounds, &mut computed),
                    Input::Stretched => {
                        derive(&stretched(password), salt, *rounds, &mut computed);
                    }
                }
                constant_time_eq(&computed, key)
            }
            Scheme::Argon2id(hash) => hash.verify(password)?,
            Scheme::SaltedSha256 { salt, digest } => {
                let computed = Sha256::new().chain_update(password).chain_update(salt).finalize();
                constant_time_eq_n(&computed.into(), digest)
            }
            Scheme::Sha1(digest) => constant_time_eq_n(&Sha1::digest(password).into(), digest),
            Scheme::Md5(digest) => constant_time_eq_n(&Md5::digest(password).into(), digest),
            Scheme::ClearText(digest) => {
                constant_time_eq_n(&Sha256::digest(password).into(), digest)
            }
        })
    }

    /// Whether a client may hand in this hash to be stored in place of a password.
    pub fn may_be_stored(&self) -> bool {
        match self.0 {
            Scheme::Bcrypt { .. } | Scheme::Pbkdf2 { .. } | Scheme::Argon2id(_) => true,
            Scheme::SaltedSha256 { .. }
            | Scheme::Sha1(_)
            | Scheme::Md5(_)
            | Scheme::ClearText(_) => false,
        }
    }

    /// What it was written with; none for kinds that are not written any more, which are verified
    /// in no time.
    pub fn algorithm(&self) -> Option<Algorithm> {
        match &self.0 {
            Scheme::Bcrypt { cost, .. } => Some(Algorithm::Bcrypt(*cost)),
            Scheme::Pbkdf2 { input: Input::Password, rounds, .. } => {
                Some(Algorithm::Pbkdf2(*rounds))
            }
            Scheme::Pbkdf2 { input: Input::Stretched, rounds, .. } => {
                Some(Algorithm::Pbkdf2Stretch(*rounds))
            }
            Scheme::Argon2id(_) => Some(Algorithm::Argon2id),
            Scheme::SaltedSha256 { .. }
            | Scheme::Sha1(_)
            | Scheme::Md5(_)
            | Scheme::ClearText(_) => None,
        }
    }

    /// Whether the text was a password in clear.
    pub fn is_clear_text(&self) -> bool {
        matches!(self.0, Scheme::ClearText(_))
    }
}

impl fmt::Debug for StoredHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            Scheme::Bcrypt { .. } => "bcrypt",
            Scheme::Pbkdf2 { .. } => "pbkdf2",
            Scheme::Argon2id(_) => "argon2id",
            Scheme::SaltedSha256 { .. } => "ssha256",
            Scheme::Sha1(_) => "sha1",
            Scheme::Md5(_) => "md5",
            Scheme::ClearText(_) => "clear_text",
        };
        write!(out, "StoredHash({name})")
    }
}

/// Why the text of a hash is refused. Says nothing of the text but what is no secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnknownHash {
    /// It looks like a hash of a kind that is not known.
    #[error("unknown hash function")]
    Scheme,
    /// A PBKDF2 hash with a number of rounds that is not on the list.
    #[error("unknown hash function [pbkdf2_{0}]")]
    Rounds(String),
    /// The kind is known, the rest does not fit it.
    #[error("malformed password hash")]
    Malformed,
}

enum Scheme {
    Bcrypt {
        cost: Cost,
        salt: [u8; 16],
        digest: [u8; 23],
    },
    Pbkdf2 {
        input: Input,
        rounds: Rounds,
        salt: Vec<u8>,
        key: Vec<u8>,
    },
    Argon2id(Box<ArgonHash>),
    SaltedSha256 {
        salt: [u8; 8],
        digest: [u8; 32],
    },
    Sha1([u8; 20]),
    Md5([u8; 16]),
    /// The password in clear, kept as its SHA-256 so that neither memory nor the time of a
    /// comparison tells it.
    ClearText([u8; 32]),
}

/// What PBKDF2 is computed over.
#[derive(Clone, Copy)]
enum Input {
    Password,
    Stretched,
}

/// The part of a text that names its format: `{...}` or `$...$`.
fn prefix(text: &str) -> Option<&str> {
    let close = match text.chars().next()? {
        '{' => '}',
        '$' => '$',
        _ => return None,
    };
    let end = text.char_indices().skip(1).find(|(_, character)| *character == close)?.0;
    text.get(..=end)
}

fn parse_bcrypt(text: &str) -> Option<Scheme> {
    let (cost, rest) = text.get(4..)?.split_once('$')?;
    if cost.len() != 2 || rest.len() != 53 || !cost.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let cost = Cost::new(cost.parse().ok()?)?;
    let salt = encoding::decode_bcrypt(rest.get(..22)?)?;
    let digest = encoding::decode_bcrypt(rest.get(22..)?)?;
    Some(Scheme::Bcrypt { cost, salt, digest })
}

fn parse_pbkdf2(text: &str, prefix: &str, input: Input) -> Result<StoredHash, UnknownHash> {
    let rest = text.strip_prefix(prefix).ok_or(UnknownHash::Malformed)?;
    let (digits, rest) = rest.split_once('$').ok_or(UnknownHash::Malformed)?;
    if digits.len() > 10 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UnknownHash::Malformed);
    }
    let rounds = Rounds::parse(digits).ok_or_else(|| UnknownHash::Rounds(digits.to_owned()))?;
    let (salt, key) = rest.split_once('$').ok_or(UnknownHash::Malformed)?;
    let salt = encoding::decode(salt).ok_or(UnknownHash::Malformed)?;
    let key = encoding::decode(key).ok_or(UnknownHash::Malformed)?;
    let is_sound = (8..=PBKDF2_BYTES_MAX).contains(&salt.len())
        && (1..=PBKDF2_BYTES_MAX).contains(&key.len())
        && key.len().is_multiple_of(16);
    if !is_sound {
        return Err(UnknownHash::Malformed);
    }
    Ok(StoredHash(Scheme::Pbkdf2 { input, rounds, salt, key }))
}

fn parse_salted_sha256(text: &str) -> Option<Scheme> {
    let (salt, digest) = text.strip_prefix("{SSHA256}")?.split_at_checked(12)?;
    let salt = encoding::decode_exactly(salt)?;
    let digest = encoding::decode_exactly(digest)?;
    Some(Scheme::SaltedSha256 { salt, digest })
}

/// The password as bcrypt takes it: closed by a zero byte, and cut after 72 bytes in all.
fn bcrypt_input(password: &[u8]) -> Zeroizing<Vec<u8>> {
    let kept = password.get(..72).unwrap_or(password);
    let mut input = Zeroizing::new(Vec::with_capacity(72));
    input.extend_from_slice(kept);
    if kept.len() < 72 {
        input.push(0);
    }
    input
}

/// Length in bytes that the salt and the key of a PBKDF2 hash may have: each 64 bytes of key
/// cost all rounds again.
const PBKDF2_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &[u8] = b"x-pack-test-password";

    const VECTORS: [&str; 7] = [
        "{PBKDF2}1000$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=$\
         034eS2hj5FxHljzZNmhT4GIGod6KbeTnTS97ZJ5D73o=",
        "{PBKDF2}10000$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=$\
         dwPoYEK7XEKg77WSJVMQ/WMgEQdwx0SkXzaItZHXr0U=",
        "{PBKDF2_STRETCH}1000$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=$\
         DLg22qcvI4ce+znJz7yt/oUjUtviJvKK7oDcpNaGRSo=",
        "{SSHA256}AAECAwQFBgc=Y9U67nn4iqW2PChFmaAKnBTXgA3Y8Q3/HwfYWtcF+8s=",
        "{SHA}NuG4lcD58QZHSTZyUFMJVuem/IU=",
        "{MD5}OO3TpxrqarG1oSy/6aMEmw==",
        "$2a$04$abcdefghijklmnopqrstuuqFJI0yc6dnzyYl4dBhFmwm3etsmUfsm",
    ];

    fn parsed(text: &str) -> StoredHash {
        StoredHash::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn refusal(text: &str) -> UnknownHash {
        StoredHash::parse(text).expect_err(text)
    }

    #[test]
    fn the_published_vectors_verify() {
        for text in VECTORS {
            assert_eq!(parsed(text).verify(PASSWORD), Ok(true), "{text}");
            assert_eq!(parsed(text).verify(b"x-pack-test-passworD"), Ok(false), "{text}");
        }
    }

    #[test]
    fn bcrypt_of_every_accepted_prefix_verifies() {
        for prefix in ["$2a", "$2b", "$2y"] {
            let text = format!("{prefix}$04$abcdefghijklmnopqrstuuqFJI0yc6dnzyYl4dBhFmwm3etsmUfsm");
            assert_eq!(parsed(&text).verify(PASSWORD), Ok(true));
        }
    }

    #[test]
    fn a_hash_tells_what_it_was_written_with() {
        let salt = super::super::Salt::new([7; 32]);
        for name in ["bcrypt4", "pbkdf2_1000", "pbkdf2_stretch_1000", "argon2id"] {
            let algorithm: Algorithm = name.parse().unwrap();
            let text = super::super::hash(PASSWORD, algorithm, &salt).unwrap();
            assert_eq!(parsed(&text).algorithm(), Some(algorithm));
        }
        assert_eq!(parsed("changeme").algorithm(), None);
    }

    #[test]
    fn argon2id_of_another_implementation_verifies() {
        // From the test program of the reference implementation: password, somesalt.
        let text = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ\
                    $nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert_eq!(parsed(text).verify(b"password"), Ok(true));
        assert_eq!(parsed(text).verify(b"differentpassword"), Ok(false));
    }

    #[test]
    fn only_the_strong_kinds_may_be_stored() {
        for (index, text) in VECTORS.into_iter().enumerate() {
            assert_eq!(parsed(text).may_be_stored(), !(3..=5).contains(&index), "{text}");
        }
        assert!(!parsed("changeme").may_be_stored());
    }

    /// Identity case 72.
    #[test]
    fn stretching_uses_all_of_a_long_password_and_bcrypt_its_first_72_bytes() {
        let salt = super::super::Salt::new([7; 32]);
        let long = [b'a'; 200];
        let mut other = long;
        *other.last_mut().unwrap() = b'b';
        let text = |name: &str| super::super::hash(&long, name.parse().unwrap(), &salt).unwrap();
        let stretched = parsed(&text("pbkdf2_stretch_1000"));
        assert_eq!(stretched.verify(&long), Ok(true));
        assert_eq!(stretched.verify(&other), Ok(false));
        let cut = parsed(&text("bcrypt4"));
        assert_eq!(cut.verify(&long), Ok(true));
        assert_eq!(cut.verify(&other), Ok(true));
        assert_eq!(cut.verify(long.get(..72).unwrap()), Ok(true));
        assert_eq!(cut.verify(long.get(..71).unwrap()), Ok(false));
    }

    /// Identity case 73.
    #[test]
    fn pbkdf2_with_rounds_off_the_list_is_an_unknown_function() {
        let error = refusal("{PBKDF2}1234$AAECAwQFBgc=$034eS2hj5FxHljzZNmhT4A==");
        assert_eq!(error.to_string(), "unknown hash function [pbkdf2_1234]");
        assert_eq!(refusal("{PBKDF2}1234$"), UnknownHash::Rounds("1234".to_owned()));
        let error = refusal("{PBKDF2_STRETCH}01000$AAECAwQFBgc=$034eS2hj5FxHljzZNmhT4A==");
        assert_eq!(error, UnknownHash::Rounds("01000".to_owned()));
    }

    #[test]
    fn text_that_looks_like_a_hash_is_never_a_clear_password() {
        for text in ["$1$salt$hash", "$2x$04$abc", "$6$a$b", "{CRYPT}x", "{}", "$$", "{SSHA}AA=="] {
            assert_eq!(refusal(text), UnknownHash::Scheme, "{text}");
        }
        let indented = format!(" {}", VECTORS[6]);
        assert_eq!(refusal(&indented), UnknownHash::Scheme);
    }

    #[test]
    fn malformed_hashes_of_known_kinds_are_refused() {
        let known = [
            "$2a$03$abcdefghijklmnopqrstuuqFJI0yc6dnzyYl4dBhFmwm3etsmUfsm",
            "$2a$15$abcdefghijklmnopqrstuuqFJI0yc6dnzyYl4dBhFmwm3etsmUfsm",
            "$2a$04$abcdefghijklmnopqrstuuqFJI0yc6dnzyYl4dBhFmwm3etsmUfs",
            "$2a$04$\u{e9}bcdefghijklmnopqrstuqFJI0yc6dnzyYl4dBhFmwm3etsmUfsm",
            "$2a$04$",
            "{PBKDF2}",
            "{PBKDF2}x$AAECAwQFBgc=$034eS2hj5FxHljzZNmhT4A==",
            "{PBKDF2}1000$AAEC$034eS2hj5FxHljzZNmhT4A==",
            "{PBKDF2}1000$AAECAwQFBgc=$AAECAwQFBgc=",
            "{PBKDF2}1000$AAECAwQFBgc=$",
            "{SSHA256}AAECAwQFBgc=",
            "{SHA}AAEC",
            "{MD5}***",
            "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
            "$argon2id$v=19$m=256,t=99,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
            "$argon2id$v=19$m=256,t=2,p=1,t=2$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
            "$argon2id$v=19$m=256,m=512,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
            "$argon2id$v=19$m=256,t=2,p=1,p=2$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
            "$argon2id$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
            "$argon2id$",
        ];
        for text in known {
            assert_eq!(refusal(text), UnknownHash::Malformed, "{text}");
        }
    }

    #[test]
    fn other_text_is_a_password_in_clear() {
        for text in ["changeme", "p$ss{word}", "$one", "{open"] {
            assert!(parsed(text).is_clear_text(), "{text}");
            assert_eq!(parsed(text).verify(text.as_bytes()), Ok(true), "{text}");
            assert_eq!(parsed(text).verify(b"changeMe"), Ok(false), "{text}");
        }
    }

    #[test]
    fn zero_bytes_in_a_password_do_no_harm() {
        for text in VECTORS {
            assert_eq!(parsed(text).verify(b"x-pack\0test-password"), Ok(false), "{text}");
            assert_eq!(parsed(text).verify(&[0; 100]), Ok(false), "{text}");
        }
    }

    #[test]
    fn debug_text_names_the_kind_and_nothing_of_the_hash() {
        assert_eq!(format!("{:?}", parsed("changeme")), "StoredHash(clear_text)");
        assert_eq!(format!("{:?}", parsed(VECTORS[6])), "StoredHash(bcrypt)");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_parsed_without_a_panic(text in "\\PC{0,90}") {
            let _ = StoredHash::parse(&text).is_ok();
        }

        #[test]
        fn any_tail_of_a_known_prefix_is_parsed_without_a_panic(
            prefix in proptest::sample::select(vec!["$2a$", "{PBKDF2}1000$", "$argon2id$v=19$"]),
            tail in "\\PC{0,60}",
        ) {
            let _ = StoredHash::parse(&format!("{prefix}{tail}")).is_ok();
        }
    }
}
