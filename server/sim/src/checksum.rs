//! FNV-1a, in 32 bits for tables that both sides hold and in 64 bits for the state of a world.
//!
//! It finds accidents, not forgeries.

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

/// FNV-1a-64 over little-endian integers.
#[derive(Debug, Clone)]
pub struct Fnv64(u64);

impl Fnv64 {
    /// The hash of nothing.
    pub fn new() -> Fnv64 {
        Fnv64(0xcbf2_9ce4_8422_2325)
    }

    /// Appends bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Appends a number of 32 bits.
    pub fn i32(&mut self, value: i32) {
        self.bytes(&value.to_le_bytes());
    }

    /// Appends a number of 32 bits.
    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    /// Appends a number of 16 bits.
    pub fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    /// The hash of what was appended.
    pub fn finish(&self) -> u64 {
        self.0
    }
}

impl Default for Fnv64 {
    fn default() -> Self {
        Fnv64::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vectors_hold() {
        let (mut short, mut long) = (Fnv32::new(), Fnv64::new());
        short.bytes(b"foobar");
        long.bytes(b"foobar");
        assert_eq!(short.finish(), 0xbf9c_f968);
        assert_eq!(long.finish(), 0x8594_4171_f739_67e8);
    }
}
