//! World units to wire units and back: the only place that rounds.
//!
//! The world is integer: 1 unit (u) = 256 Q8. Other ships travel in quarter-units in a `u16`, which is why no side is
//! longer than 16383 u. The own ship travels as exact Q8.

/// Q8 steps in one world unit.
pub const Q8: i32 = 256;

/// Q8 steps in one quarter-unit.
pub const Q8_PER_QUARTER: i32 = 64;

/// Longest side of a world, in units, whose coordinates fit the wire.
pub const MAX_SIDE: u16 = 16383;
const _: () = assert!(MAX_SIDE as u32 * 4 <= u16::MAX as u32);

/// Nearest quarter-unit to a Q8 coordinate; what lies outside the wire's range is clamped to it.
pub fn to_quarter(q8: i32) -> u16 {
    ((i64::from(q8) + 32) >> 6).clamp(0, 65535) as u16
}

/// A wire coordinate in Q8.
pub fn from_quarter(quarter: u16) -> i32 {
    i32::from(quarter) * Q8_PER_QUARTER
}

/// Nearest of 256 headings to an aim of 4096 steps; wraps.
pub fn aim_to_wire(aim: u16) -> u8 {
    ((aim.wrapping_add(8) >> 4) & 255) as u8
}

/// A wire heading as an aim of 4096 steps.
pub fn aim_from_wire(wire: u8) -> u16 {
    u16::from(wire) << 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_to_the_nearest_quarter_and_exact_on_it() {
        for quarter in [0u16, 1, 77, 65535] {
            assert_eq!(to_quarter(from_quarter(quarter)), quarter);
            assert_eq!(to_quarter(from_quarter(quarter) + 31), quarter);
        }
        assert_eq!(to_quarter(-5000), 0);
        assert_eq!(to_quarter(i32::MAX), 65535);
        assert_eq!(aim_to_wire(4095), 0);
        assert_eq!(aim_from_wire(aim_to_wire(1024)), 1024);
    }
}
