//! Argon2id hashes in their PHC text form.
//!
//! Owns which parameters are accepted and written. Must not know the other formats.

use argon2::{Argon2, Params, PasswordHash, Version};
use constant_time_eq::constant_time_eq;

use super::algorithm::{HashingFailed, Salt};

/// What a `$argon2id$` text says.
pub(super) struct ArgonHash {
    context: Argon2<'static>,
    salt: Vec<u8>,
    digest: Vec<u8>,
}

impl ArgonHash {
    /// Reads PHC text; `None` if it is malformed or ambiguous, not argon2id, or asks for too much
    /// work.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parsed = PasswordHash::new(text).ok()?;
        if parsed.algorithm.as_str() != "argon2id" {
            return None;
        }
        // Of a parameter that stands twice nobody can tell which one was meant.
        let names: Vec<_> = parsed.params.iter().map(|(name, _)| name).collect();
        let is_repeated = |(at, name)| names.iter().skip(at + 1).any(|later| later == name);
        if names.iter().enumerate().any(is_repeated) {
            return None;
        }
        let version = Version::try_from(parsed.version?).ok()?;
        let params = Params::try_from(&parsed).ok()?;
        let affordable = params.m_cost() <= MEMORY_KIB_MAX
            && params.t_cost() <= PASSES_MAX
            && params.p_cost() <= LANES_MAX;
        if !affordable {
            return None;
        }
        let salt = parsed.salt.as_ref()?.as_ref().to_vec();
        let digest = parsed.hash?.as_bytes().to_vec();
        if salt.len() < argon2::MIN_SALT_LEN {
            return None;
        }
        let context = Argon2::new(argon2::Algorithm::Argon2id, version, params);
        Some(Self { context, salt, digest })
    }

    /// Whether the password is the one behind this hash.
    pub(super) fn verify(&self, password: &[u8]) -> Result<bool, HashingFailed> {
        let mut computed = vec![0; self.digest.len()];
        self.context
            .hash_password_into(password, &self.salt, &mut computed)
            .map_err(|_| HashingFailed)?;
        Ok(constant_time_eq(&computed, &self.digest))
    }
}

/// Hashes with the parameters that are written today.
pub(super) fn hash(password: &[u8], salt: &Salt) -> Result<String, HashingFailed> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, Some(DIGEST_BYTES)).map_err(|_| HashingFailed)?;
    let context = Argon2::new(argon2::Algorithm::Argon2id, Version::V0x13, params);
    let salt = salt.first_half();
    let mut digest = [0; DIGEST_BYTES];
    context.hash_password_into(password, salt, &mut digest).map_err(|_| HashingFailed)?;
    let salt = argon2::password_hash::phc::Salt::new(salt).map_err(|_| HashingFailed)?;
    let digest = argon2::password_hash::phc::Output::new(&digest).map_err(|_| HashingFailed)?;
    Ok(format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${digest}"))
}

/// Memory of a hash that is written, in KiB: what OWASP recommends for argon2id.
const MEMORY_KIB: u32 = 19_456;

/// Passes over that memory.
const PASSES: u32 = 2;

/// Lanes; more would only help someone with more cores than this server gives a login.
const LANES: u32 = 1;

/// Length of a digest that is written, in bytes.
const DIGEST_BYTES: usize = 32;

/// Memory that a hash read from outside may ask for, in KiB: a quarter of a GiB.
const MEMORY_KIB_MAX: u32 = 262_144;

/// Passes that a hash read from outside may ask for.
const PASSES_MAX: u32 = 16;

/// Lanes that a hash read from outside may ask for.
const LANES_MAX: u32 = 16;
