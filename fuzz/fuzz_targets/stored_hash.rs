//! Password hashes at rest: bounded work, no hash is taken for a password, verifying never panics.
#![no_main]

use jeton_realms::password::StoredHash;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let Ok(hash) = StoredHash::parse(input) else { return };
    let claims = claims(input);
    assert_eq!(hash.is_clear_text(), claims.is_none(), "a hash is never a password in clear");
    assert!(!(hash.is_clear_text() && hash.may_be_stored()));
    assert!(KINDS.contains(&format!("{hash:?}").as_str()), "a hash does not print");
    match work(input) {
        Work::TooMuch => panic!("a hash asks for more work than allowed: {input}"),
        Work::Small => {
            let first = hash.verify(b"secret").ok();
            assert_eq!(hash.verify(b"secret").ok(), first);
            let is_right = hash.verify(input.as_bytes()) == Ok(true);
            assert!(is_right || !hash.is_clear_text(), "a password in clear is right");
        }
        Work::Large => {}
    }
});

/// What a text claims to be: the word between braces or dollars at its start.
fn claims(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let close = match text.bytes().next()? {
        b'{' => '}',
        b'$' => '$',
        _ => return None,
    };
    text[1..].split_once(close).map(|(word, _)| word)
}

/// How much work a text asks for.
enum Work {
    /// Little enough to be done here.
    Small,
    /// Allowed, and too slow for a fuzzer.
    Large,
    /// Not allowed.
    TooMuch,
}

fn work(text: &str) -> Work {
    let numbers: Vec<u64> = text
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect();
    let first = numbers.first().copied().unwrap_or(0);
    let (small, allowed) = match claims(text) {
        Some("2a" | "2b" | "2y") => {
            let cost = text[4..6].parse::<u64>().unwrap_or(u64::MAX);
            (cost <= 4, cost <= 14)
        }
        Some("PBKDF2" | "PBKDF2_STRETCH") => {
            let rounds = numbers.get(1).copied().unwrap_or(u64::MAX);
            (rounds <= 1000, rounds <= 1_000_000)
        }
        Some("argon2id") => {
            let memory = parameter(text, "m=");
            let passes = parameter(text, "t=");
            let lanes = parameter(text, "p=");
            (
                memory <= 256 && passes <= 2 && lanes <= 4,
                memory <= 262_144 && passes <= 16 && lanes <= 16,
            )
        }
        _ => (first < u64::MAX, true),
    };
    match (small, allowed) {
        (true, _) => Work::Small,
        (false, true) => Work::Large,
        (false, false) => Work::TooMuch,
    }
}

/// A parameter of a PHC text, the last of several; the default of the format where it is absent.
fn parameter(text: &str, name: &str) -> u64 {
    let parameters = text.split('$').find(|part| part.contains('=') && !part.starts_with("v="));
    let given = parameters.and_then(|part| {
        part.split(',').rev().find_map(|parameter| parameter.strip_prefix(name)?.parse().ok())
    });
    given.unwrap_or(if name == "m=" { 4096 } else { 3 })
}

/// All that a hash prints: its kind.
const KINDS: [&str; 7] = [
    "StoredHash(bcrypt)",
    "StoredHash(pbkdf2)",
    "StoredHash(argon2id)",
    "StoredHash(ssha256)",
    "StoredHash(sha1)",
    "StoredHash(md5)",
    "StoredHash(clear_text)",
];
