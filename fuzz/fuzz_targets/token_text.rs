//! The text of a token: what is accepted prints back to the same text, and nothing else is.
#![no_main]

use jeton_domain::id::{KeyId, PairId};
use jeton_domain::token::key::{KeyRing, KeyState, MacKey};
use jeton_domain::token::text::{Half, is_foreign_form, parse, print};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    read(input);
    mutate(input);
});

/// Any text, as either half.
fn read(text: &[u8]) {
    let is_foreign = is_foreign_form(text);
    for half in [Half::Access, Half::Refresh] {
        if let Ok((pair, key_id)) = parse(half, text, &ring()) {
            let key = [key(1), key(2)].into_iter().find(|key| key.id() == key_id).unwrap();
            assert_eq!(print(half, pair, &key).expose(), text, "an accepted text prints back");
            assert!(!is_foreign, "a text of ours is nobody else's");
        }
    }
}

/// A genuine token is accepted; changed in any way it is refused.
fn mutate(input: &[u8]) {
    let Some((id, changes)) = input.split_first_chunk::<16>() else { return };
    let (pair, key) = (PairId::from_bytes(*id), key(1));
    let genuine = print(Half::Access, pair, &key);
    assert_eq!(parse(Half::Access, genuine.expose(), &ring()), Ok((pair, key.id())));
    assert!(parse(Half::Refresh, genuine.expose(), &ring()).is_err(), "the halves are two");
    let mut text = genuine.expose().to_vec();
    for change in changes.chunks_exact(2) {
        let place = usize::from(change[0]) % text.len();
        text[place] ^= change[1];
    }
    let is_same = text == genuine.expose();
    assert_eq!(parse(Half::Access, &text, &ring()).is_ok(), is_same, "a changed text is refused");
}

fn key(number: u8) -> MacKey {
    MacKey::derive(KeyId::new(number), &[number; 32], &[7; 32])
}

fn ring() -> KeyRing {
    let keys =
        [(key(1), KeyState::Active), (key(2), KeyState::Passive), (key(3), KeyState::Retired)];
    KeyRing::new(keys, vec![KeyId::new(4)])
}
