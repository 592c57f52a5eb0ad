//! A filter that says of most absent keys that they are absent.
//!
//! Owns the hash and the bits, both part of the file format: they must never change within it.

/// Hashes of the keys of a run, then their filter.
#[derive(Debug, Default)]
pub(super) struct BloomBuilder {
    hashes: Vec<u64>,
}

impl BloomBuilder {
    pub(super) fn add(&mut self, key: &[u8]) {
        self.hashes.push(hash(key));
    }

    /// The filter as it stands in the file.
    pub(super) fn finish(self) -> Vec<u8> {
        let bytes = self.hashes.len().saturating_mul(BITS_PER_KEY).div_ceil(8).max(8);
        let mut filter = vec![0u8; bytes];
        for hash in self.hashes {
            for (byte, mask) in probes(hash, bytes) {
                if let Some(byte) = filter.get_mut(byte) {
                    *byte |= mask;
                }
            }
        }
        filter
    }
}

/// Whether the key may be in the run; false is certain.
pub(super) fn may_hold(filter: &[u8], key: &[u8]) -> bool {
    probes(hash(key), filter.len())
        .all(|(byte, mask)| filter.get(byte).is_some_and(|byte| byte & mask != 0))
}

/// The bits of a key, as byte and mask.
fn probes(hash: u64, bytes: usize) -> impl Iterator<Item = (usize, u8)> {
    let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(8).max(1);
    let step = hash.rotate_left(32) | 1;
    (0..PROBES).map(move |probe| {
        let bit = hash.wrapping_add(step.wrapping_mul(probe)).checked_rem(bits).unwrap_or(0);
        let byte = usize::try_from(bit / 8).unwrap_or(usize::MAX);
        (byte, 1u8.wrapping_shl(u32::try_from(bit % 8).unwrap_or(0)))
    })
}

/// Mixes eight bytes at a time; good enough for a filter, no guard against chosen keys.
fn hash(key: &[u8]) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut mix = |word: u64| {
        state = (state ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
        state ^= state >> 32;
    };
    let (words, rest) = key.as_chunks::<8>();
    for word in words {
        mix(u64::from_le_bytes(*word));
    }
    let mut last = [0u8; 8];
    for (place, byte) in last.iter_mut().zip(rest) {
        *place = *byte;
    }
    mix(u64::from_le_bytes(last));
    mix(u64::try_from(key.len()).unwrap_or(u64::MAX));
    state.wrapping_mul(0xc4ce_b9fe_1a85_ec53) ^ (state >> 29)
}

const BITS_PER_KEY: usize = 10;
const PROBES: u64 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_denied_and_few_others_pass() {
        let mut builder = BloomBuilder::default();
        for n in 0..10_000u32 {
            builder.add(&n.to_be_bytes());
        }
        let filter = builder.finish();
        assert!((0..10_000u32).all(|n| may_hold(&filter, &n.to_be_bytes())));
        let passed = (10_000..110_000u32).filter(|n| may_hold(&filter, &n.to_be_bytes())).count();
        assert!(passed < 2_500, "{passed} of 100,000 absent keys pass");
    }
}
