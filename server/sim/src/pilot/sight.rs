//! What a pilot is shown: plain data that a client's snapshot holds as well.

use protocol::snapshot::PickupKind;
use protocol::{Slot, Tick};

use super::vector::Vector;
use crate::map::Obstacle;

/// What a pilot sees. Positions and velocities are Q8 and Q8 a tick.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// The tick that is shown.
    pub tick: Tick,
    /// Side of the world, Q8.
    pub side: i32,
    /// The own ship.
    pub me: Me,
    /// Other living ships in view.
    pub ships: &'a [Other],
    /// Other players' pulses in view.
    pub pulses: &'a [Incoming],
    /// Pickups in view.
    pub pickups: &'a [Loot],
    /// The obstacles of the map that are around the ship: [`crate::Map::around`].
    pub obstacles: &'a [Obstacle],
}

/// The own ship as its pilot knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Me {
    /// Position.
    pub x: i32,
    /// Position.
    pub y: i32,
    /// Velocity.
    pub vx: i32,
    /// Velocity.
    pub vy: i32,
    /// 0..=25600.
    pub energy: u16,
    /// 0..=100.
    pub hp: u8,
    /// True if a pulse could be fired this tick, energy aside.
    pub can_fire: bool,
    /// True if a Lance could be wound up this tick, energy aside.
    pub can_lance: bool,
    /// Ticks until the own Lance fires; 0 if it does not.
    pub windup: u8,
}

/// Another ship in sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Other {
    /// Its slot.
    pub slot: Slot,
    /// Position.
    pub x: i32,
    /// Position.
    pub y: i32,
    /// Velocity.
    pub vx: i32,
    /// Velocity.
    pub vy: i32,
    /// 1..=100.
    pub hp: u8,
    /// True while nothing can hurt it.
    pub shielded: bool,
}

/// A pulse in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incoming {
    /// Position.
    pub x: i32,
    /// Position.
    pub y: i32,
    /// Velocity.
    pub vx: i32,
    /// Velocity.
    pub vy: i32,
}

/// Something to pick up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loot {
    /// Position.
    pub x: i32,
    /// Position.
    pub y: i32,
    /// What it is.
    pub kind: PickupKind,
}

impl Me {
    pub(super) fn place(&self) -> Vector {
        Vector::new(self.x, self.y)
    }

    pub(super) fn velocity(&self) -> Vector {
        Vector::new(self.vx, self.vy)
    }

    /// Energy in hundredths of a full store.
    pub(super) fn charge(&self) -> u16 {
        self.energy / 256
    }
}

impl Other {
    pub(super) fn place(&self) -> Vector {
        Vector::new(self.x, self.y)
    }

    pub(super) fn velocity(&self) -> Vector {
        Vector::new(self.vx, self.vy)
    }
}
