//! The keys that tokens are signed with.

use alloc::vec::Vec;
use core::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::id::{KeyId, PairId};
use crate::token::text::Half;

/// Bytes of a key as the key file holds it.
pub const KEY_BYTES: usize = 32;

/// Bytes of the salt that the database holds for each key.
pub const SALT_BYTES: usize = 32;

/// Bytes of the tag in a token's text.
pub const TAG_BYTES: usize = 16;

/// How far a key has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Verifies; not yet used for new tokens.
    Added,
    /// Signs new tokens, and verifies. One key at a time.
    Active,
    /// Signed once; still verifies.
    Passive,
    /// Refused; its tokens are unknown.
    Retired,
}

impl KeyState {
    /// Whether tokens made with such a key are looked at.
    pub const fn verifies(self) -> bool {
        match self {
            Self::Added | Self::Active | Self::Passive => true,
            Self::Retired => false,
        }
    }

    /// The word in listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Active => "active",
            Self::Passive => "passive",
            Self::Retired => "retired",
        }
    }
}

/// A key ready for use: half from the key file, half from the database, so that neither alone
/// serves.
#[derive(Clone)]
pub struct MacKey {
    id: KeyId,
    keyed: Hmac<Sha256>,
}

impl MacKey {
    /// Derives the key of this id from the key file's bytes and the database's salt.
    ///
    /// # Panics
    ///
    /// Never: the derived length is within what HKDF can give.
    pub fn derive(id: KeyId, key: &[u8; KEY_BYTES], salt: &[u8; SALT_BYTES]) -> Self {
        let mut derived = Zeroizing::new([0_u8; 64]);
        let info = [b"jeton token mac ".as_slice(), &[id.number()]].concat();
        let expanded = Hkdf::<Sha256>::new(Some(salt), key).expand(&info, derived.as_mut_slice());
        assert!(expanded.is_ok(), "64 bytes are within what HKDF-SHA-256 can give");
        let keyed = Hmac::<Sha256>::new(&(*derived).into());
        Self { id, keyed }
    }

    /// Its id.
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The tag of a token of this pair.
    pub fn tag(&self, half: Half, pair: PairId) -> [u8; TAG_BYTES] {
        let mut mac = self.keyed.clone();
        let mut message = [0_u8; 18];
        let [kind, key, rest @ ..] = &mut message;
        *kind = half.byte();
        *key = self.id.number();
        *rest = *pair.bytes();
        mac.update(&message);
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let (tag, _) = whole
            .split_first_chunk::<TAG_BYTES>()
            .map_or(([0; TAG_BYTES], &[][..]), |(tag, rest)| (*tag, rest));
        tag
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MacKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What may be shown of a key: the first bytes of its hash, so that nodes can compare key files.
pub fn fingerprint(key: &[u8; KEY_BYTES]) -> [u8; 8] {
    let whole: [u8; 32] =
        Sha256::digest([b"jeton key fingerprint ".as_slice(), key].concat()).into();
    whole.first_chunk::<8>().copied().unwrap_or_default()
}

/// The keys that are in use: one that signs, all that verify.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    active: Option<MacKey>,
    verifying: Vec<MacKey>,
    /// Ids that the store lists and that verify, but whose key this process does not hold.
    unknown_here: Vec<KeyId>,
}

/// What the ring says of a key id.
#[derive(Clone, Copy, Debug)]
pub enum KeyLookup<'a> {
    /// The key.
    Held(&'a MacKey),
    /// The store lists it, but this process cannot check with it: neither yes nor no may be said.
    Missing,
    /// There is no such key, or it is retired.
    Refused,
}

impl KeyRing {
    /// A ring of these keys. `missing` are listed as verifying, without a key here.
    pub fn new(keys: impl IntoIterator<Item = (MacKey, KeyState)>, missing: Vec<KeyId>) -> Self {
        let mut ring = Self { active: None, verifying: Vec::new(), unknown_here: missing };
        for (key, state) in keys {
            if state == KeyState::Active {
                ring.active = Some(key.clone());
            }
            if state.verifies() {
                ring.verifying.push(key);
            }
        }
        ring
    }

    /// The key that signs new tokens.
    pub const fn active(&self) -> Option<&MacKey> {
        self.active.as_ref()
    }

    /// The key with this id.
    pub fn key(&self, id: KeyId) -> KeyLookup<'_> {
        match self.verifying.iter().find(|key| key.id() == id) {
            Some(key) => KeyLookup::Held(key),
            None if self.unknown_here.contains(&id) => KeyLookup::Missing,
            None => KeyLookup::Refused,
        }
    }
}
