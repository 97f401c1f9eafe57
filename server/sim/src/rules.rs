//! Every number of the game, once, with its unit. Nothing here does anything but [`hash`] and [`side`].
//!
//! Q8 is 1/256 of a unit (u). Thirty ticks are a second.

use protocol::quantize::{MAX_SIDE, Q8};

use crate::checksum::Fnv32;

/// Defines the constants and a table of their values, so that none can be missing from the hash.
macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $value:expr;)*) => {
        $($(#[$doc])* pub const $name: $type = $value;)*

        /// The values, in the order above.
        const VALUES: &[i64] = &[$($name as i64,)*];
    };
}

rules! {
    /// Ticks in a second.
    HZ: u32 = protocol::TICK_HZ as u32;

    /// Most players, and most pilots, so that slots fit 16 bits.
    CROWD_MAX: u16 = 4000;
    /// A crowd smaller than this gets the world of this many.
    SIDE_MIN_CAPACITY: u32 = 40;
    /// Side of the world per square root of the capacity, u.
    SIDE_SCALE: u32 = 380;
    /// Shortest side of a world, u.
    SIDE_MIN: u32 = 2400;
    /// Longest side of a world, u.
    SIDE_MAX: u32 = 16000;
    /// What a pilot sees, u.
    VIEW_WIDTH: i32 = 1600;
    /// What a pilot sees, u.
    VIEW_HEIGHT: i32 = 900;

    /// Radius of a ship, Q8.
    SHIP_RADIUS: i32 = 18 * Q8;
    /// Thrust at full magnitude, Q8 per tick².
    THRUST: i32 = 232;
    /// The same while boosting.
    THRUST_BOOST: i32 = 500;
    /// What a tick leaves of the velocity, 256ths.
    DRAG: i32 = 238;
    /// What a bounce leaves of the normal velocity, 256ths.
    BOUNCE: i32 = 128;

    /// A full store of energy, Q8.
    ENERGY_MAX: u16 = 100 * 256;
    /// Energy that comes back each tick, Q8.
    ENERGY_REGAIN: u16 = 128;
    /// Energy that a tick of boost takes, and needs, Q8.
    BOOST_ENERGY: u16 = 384;

    /// Hit points are counted in these fractions of a point.
    HP: u16 = 3;
    /// Hit points of a whole ship, in fractions.
    HP_MAX: u16 = 100 * HP;
    /// Hit points that come back each tick (10 a second), in fractions.
    HP_REGAIN: u16 = 1;
    /// Ticks after a hit until they do.
    REGEN_DELAY: u8 = 150;

    /// Speed of a pulse, Q8 a tick.
    PULSE_SPEED: i32 = 900 * Q8 / 30;
    /// Ticks that a pulse flies.
    PULSE_LIFE: u32 = 30;
    /// Radius of a pulse, Q8.
    PULSE_RADIUS: i32 = 4 * Q8;
    /// Where a pulse starts, from the ship's centre, Q8.
    PULSE_MUZZLE: i32 = SHIP_RADIUS + PULSE_RADIUS;
    /// Hit points that a pulse takes, in fractions.
    PULSE_DAMAGE: u16 = 20 * HP;
    /// Energy that a pulse costs, Q8.
    PULSE_ENERGY: u16 = 8 * 256;
    /// Ticks from a pulse to the next.
    PULSE_COOLDOWN: u8 = 6;
    /// The same under overdrive.
    PULSE_COOLDOWN_OVERDRIVE: u8 = 3;
    /// Most ticks that a pulse looks back for the ships that its shooter saw.
    PULSE_REWIND_TICKS: u8 = 5;

    /// Reach of a beam, Q8, from the ship's centre.
    LANCE_RANGE: i32 = 700 * Q8;
    /// Hit points that a beam takes, in fractions.
    LANCE_DAMAGE: u16 = 45 * HP;
    /// Energy that a Lance costs, at the press, Q8.
    LANCE_ENERGY: u16 = 50 * 256;
    /// Ticks from a press to the next.
    LANCE_COOLDOWN: u8 = 45;
    /// The same under overdrive.
    LANCE_COOLDOWN_OVERDRIVE: u8 = 22;
    /// Ticks from the press to the beam.
    LANCE_WINDUP: u8 = 4;
    /// Most ticks that any shot looks back for the ships that its shooter saw.
    MAX_REWIND_TICKS: u8 = 7;

    /// Area per obstacle, u².
    OBSTACLE_AREA: i64 = 360_000;
    /// Smallest obstacle, Q8.
    OBSTACLE_RADIUS_MIN: i32 = 40 * Q8;
    /// Largest obstacle, Q8.
    OBSTACLE_RADIUS_MAX: i32 = 140 * Q8;
    /// Free way between two obstacles, and between one and a wall, Q8.
    OBSTACLE_GAP: i32 = 60 * Q8;

    /// Radius of anything to pick up, Q8.
    PICKUP_RADIUS: i32 = 14 * Q8;
    /// Area per shard that lies around, u².
    SHARD_AREA: i64 = 120_000;
    /// Points for a shard.
    SHARD_SCORE: u32 = 1;
    /// Energy in a shard, Q8.
    SHARD_ENERGY: u16 = 5 * 256;
    /// Ticks until a taken shard is back elsewhere.
    SHARD_RENEWAL: u32 = 4 * HZ;
    /// Area per repair, u².
    REPAIR_AREA: i64 = 3_000_000;
    /// Hit points in a repair, in fractions.
    REPAIR_HP: u16 = 40 * HP;
    /// Ticks until a taken repair is back elsewhere.
    REPAIR_RENEWAL: u32 = 15 * HZ;
    /// Area per overdrive, u².
    OVERDRIVE_AREA: i64 = 6_000_000;
    /// Ticks that an overdrive lasts.
    OVERDRIVE_TICKS: u8 = 240;
    /// Ticks until a taken overdrive is back elsewhere.
    OVERDRIVE_RENEWAL: u32 = 30 * HZ;

    /// Shards that every death drops.
    DROP_BASE: u32 = 5;
    /// Points of the victim per further shard.
    DROP_SCORE: u32 = 20;
    /// Most shards that a death drops.
    DROP_MAX: u32 = 20;
    /// Farthest that they scatter on each axis, Q8.
    DROP_SPREAD: i32 = 64 * Q8;
    /// Ticks that they lie there.
    DROP_LIFE: u32 = 15 * HZ;
    /// Most of them at a time, so that ids fit 16 bits; deaths beyond it drop none.
    DROPS_AT_ONCE: usize = 32_768;

    /// Points for a kill.
    KILL_SCORE: u32 = 10;
    /// And one more for so many of the victim's.
    KILL_SHARE: u32 = 4;
    /// A victim loses one point in so many.
    DEATH_LOSS: u32 = 3;

    /// Ticks from death to respawn.
    RESPAWN_TICKS: u8 = 60;
    /// Ticks of shield after a spawn; firing ends it.
    SHIELD_TICKS: u8 = 60;
    /// Points that are tried for a spawn; the one farthest from any ship wins.
    SPAWN_TRIES: u32 = 8;
    /// Ships farther than this do not matter for a spawn, Q8.
    SPAWN_SIGHT: i32 = 1024 * Q8;
}

const _: () = assert!(SIDE_MAX <= MAX_SIDE as u32, "coordinates fit the wire");
const _: () = assert!(PULSE_SPEED * 30 == 900 * Q8, "no rounding in the speed of a pulse");

/// FNV-1a-32 over all the numbers above, each as a little-endian `i64`.
pub fn hash() -> u32 {
    let mut hash = Fnv32::new();
    for value in VALUES {
        hash.bytes(&value.to_le_bytes());
    }
    hash.finish()
}

/// Side of the world for `capacity` players, u: about ten ships in a view.
pub fn side(capacity: u16) -> u16 {
    let crowd = u64::from(u32::from(capacity).max(SIDE_MIN_CAPACITY));
    let scale = u64::from(SIDE_SCALE);
    let side = (scale * scale * crowd).isqrt().clamp(SIDE_MIN.into(), SIDE_MAX.into());
    u16::try_from(side).expect("SIDE_MAX fits the wire's 16 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_grows_with_the_crowd_between_its_bounds() {
        assert_eq!(side(1), 2403);
        assert_eq!(side(100), 3800);
        assert_eq!(side(1000), 12016);
        assert_eq!(side(4000), 16000);
        assert_eq!(side(u16::MAX), 16000);
    }
}
