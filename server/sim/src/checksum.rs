//! Hashes: FNV-1a in 32 bits for tables that both sides hold, and a faster one for the state of a world.
//!
//! They find accidents, not forgeries.

/// FNV-1a-32.
#[derive(Debug, Clone)]
pub struct Fnv32(u32);

impl Fnv32 {
    /// The hash of nothing.
    pub fn new() -> Fnv32 {
        Fnv32(0x811c_9dc5)
    }

    /// Appends bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }

    /// The hash of what was appended.
    pub fn finish(&self) -> u32 {
        self.0
    }
}

impl Default for Fnv32 {
    fn default() -> Self {
        Fnv32::new()
    }
}

/// Hash of the state of a world, eight bytes at a time: words are multiplied in pairs to 128 bits and folded, as wyhash
/// does.
#[derive(Debug, Clone)]
pub struct StateHash(u64);

/// Odd numbers without a pattern: digits of π. One for each word of a group, so that it matters which is where.
const KEYS: [u64; 8] = [
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7345,
    0xa409_3822_299f_31d1,
    0x082e_fa98_ec4e_6c89,
    0x4528_21e6_38d0_1377,
    0xbe54_66cf_34e9_0c6d,
    0xc0ac_29b7_c97c_50dd,
    0x3f84_d5b5_b547_0917,
];

impl StateHash {
    /// The hash of nothing.
    pub fn new() -> StateHash {
        StateHash(KEYS[0])
    }

    /// Appends a group of at most eight words.
    pub fn words<const N: usize>(&mut self, words: [u64; N]) {
        const { assert!(N <= KEYS.len(), "there is a key for each word") };
        let keyed = |n: usize| words.get(n).copied().unwrap_or(0) ^ KEYS[n];
        let pairs = (0..N).step_by(2).map(|n| folded(keyed(n), keyed(n + 1)));
        self.0 = folded(self.0 ^ pairs.fold(0, |all, pair| all ^ pair), KEYS[1]);
    }

    /// Appends bytes and how many there are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for &word in words {
            self.words([u64::from_le_bytes(word)]);
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.words([u64::from_le_bytes(last), bytes.len() as u64]);
    }

    /// The hash of what was appended.
    pub fn finish(&self) -> u64 {
        self.0
    }
}

impl Default for StateHash {
    fn default() -> Self {
        StateHash::new()
    }
}

/// Both halves of the product.
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Two numbers of 32 bits as a word.
pub(crate) fn both(low: i32, high: i32) -> u64 {
    u64::from(low.cast_unsigned()) | u64::from(high.cast_unsigned()) << 32
}

/// Four numbers of 16 bits as a word.
pub(crate) fn four(parts: [u16; 4]) -> u64 {
    parts.iter().rev().fold(0, |word, &part| word << 16 | u64::from(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vector_holds() {
        let mut hash = Fnv32::new();
        hash.bytes(b"foobar");
        assert_eq!(hash.finish(), 0xbf9c_f968);
    }

    #[test]
    fn every_bit_of_a_state_counts_and_so_does_its_place() {
        let hash = |groups: &[[u64; 5]]| {
            let mut hash = StateHash::new();
            groups.iter().for_each(|&group| hash.words(group));
            hash.finish()
        };
        let mut seen = vec![hash(&[]), hash(&[[0; 5]]), hash(&[[0; 5]; 2])];
        // One bit, and two: differences do not cancel each other.
        for bit in 0..640 {
            for other in bit..640 {
                let mut groups = [[0; 5]; 2];
                for bit in [bit, other] {
                    groups[bit / 320][bit / 64 % 5] |= 1 << (bit % 64);
                }
                seen.push(hash(&groups));
            }
        }
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all);
    }

    #[test]
    fn bytes_are_told_from_others_of_another_length() {
        let hash = |bytes: &[u8]| {
            let mut hash = StateHash::new();
            hash.bytes(bytes);
            hash.finish()
        };
        let mut seen: Vec<u64> = (0..40).map(|length| hash(&[0; 40][..length])).collect();
        seen.extend(
            (0..19).map(|at| hash(std::array::from_fn::<u8, 19, _>(|n| u8::from(n == at)).as_slice())),
        );
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all);
        assert_eq!(both(-1, 2), 0x0000_0002_ffff_ffff);
        assert_eq!(four([1, 2, 3, 4]), 0x0004_0003_0002_0001);
    }
}
