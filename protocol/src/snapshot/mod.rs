//! The body of a snapshot: what one client may see of its room after one tick.
//!
//! [`writer`] and [`reader`] are a pair, tested as inverses. All integers are little-endian and byte-aligned; `varint`
//! is bincode's (0..=250 is the byte itself; 251 announces a `u16`). The sections come in this order, and `flags` says
//! which are there:
//!
//! | section | layout |
//! |---|---|
//! | OWN | x, y `i24` Q8; vx, vy `i16` Q8/tick; energy `u16` Q8; seven timers `u8` (ticks left: pulse cooldown, lance cooldown, lance wind-up, shield, overdrive, respawn, regeneration delay); hp `u8`; changed `u8` |
//! | FOCUS | slot varint: the ship that the view is centred on, when it is not the own one |
//! | SHIPS | n varint; n × {slot varint, generation `u8`, x, y `u16`, aim `u8`, hp `u8`, state `u8`}, without the own ship |
//! | PULSES | n varint; n × {id `u16`, owner varint, x, y `u16`, direction `u16`, fire tick `u8`} |
//! | PICKUPS | n varint; n × {id `u16`, kind `u8`, x, y `u16`} |
//! | EVENTS | n varint; n × {kind `u8`, …} as in [`Event`] |
//!
//! Each snapshot here carries the whole view ([`flags::FULL`]); nothing is kept between two of them.

pub mod reader;
pub mod writer;

use serde::{Deserialize, Serialize};

use crate::ids::{Seq, Slot, Tick};
pub use reader::{Reader, SnapshotError};
pub use writer::Writer;

/// Bits of `Snapshot::flags`.
pub mod flags {
    /// The body starts with OWN.
    pub const OWN: u8 = 1;
    /// The body has FOCUS.
    pub const FOCUS: u8 = 2;
    /// Forget what earlier snapshots said.
    pub const FULL: u8 = 4;
}

/// Bits of a ship's `state`.
pub mod state {
    /// Boosting.
    pub const BOOST: u8 = 1;
    /// Shielded.
    pub const SHIELD: u8 = 2;
    /// Winding up a Lance.
    pub const WINDUP: u8 = 4;
    /// Under overdrive.
    pub const OVERDRIVE: u8 = 8;
    /// Leads the room.
    pub const CROWN: u8 = 16;
    /// Its player is away.
    pub const AWAY: u8 = 32;
}

/// Bits of [`Own::changed`]: what acted on the ship from outside since the last snapshot that was sent.
pub mod changed {
    /// Picked something up.
    pub const PICKUP: u8 = 1;
    /// Was hurt.
    pub const DAMAGE: u8 = 2;
    /// Was put into the world.
    pub const SPAWN: u8 = 4;
    /// Overdrive began or ended.
    pub const OVERDRIVE: u8 = 8;
    /// An input was missing.
    pub const INPUT_MISSING: u8 = 16;
    /// Was destroyed.
    pub const DEATH: u8 = 32;
}

/// The own ship, in exact integers, so that a prediction can be compared by equality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Own {
    /// Position, Q8.
    pub x: i32,
    /// Position, Q8.
    pub y: i32,
    /// Velocity, Q8 a tick.
    pub vx: i16,
    /// Velocity, Q8 a tick.
    pub vy: i16,
    /// Energy, Q8: 0..=25600.
    pub energy: u16,
    /// Ticks left of each timer.
    pub timers: Timers,
    /// Hit points, rounded up: 0 (destroyed) to 100.
    pub hp: u8,
    /// Bits of [`changed`].
    pub changed: u8,
}

/// The own ship's countdowns, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timers {
    /// Until the Pulse can fire again.
    pub pulse: u8,
    /// Until the Lance can fire again.
    pub lance: u8,
    /// Until a pressed Lance fires.
    pub windup: u8,
    /// Of the shield.
    pub shield: u8,
    /// Of the overdrive.
    pub overdrive: u8,
    /// Until a destroyed ship comes back.
    pub respawn: u8,
    /// Until hit points regenerate.
    pub regen: u8,
}

/// Another ship in view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ship {
    /// Its slot.
    pub slot: Slot,
    /// Counts the slot's tenants.
    pub generation: u8,
    /// Position, Q8 (a multiple of 64).
    pub x: i32,
    /// Position, Q8 (a multiple of 64).
    pub y: i32,
    /// Aim, 256 steps a turn.
    pub aim: u8,
    /// Hit points, rounded up.
    pub hp: u8,
    /// Bits of [`state`].
    pub state: u8,
}

/// A pulse in view. It flies straight: at tick `t` it is at the start plus `t - fired` steps (plus the catch-up).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulse {
    /// Identifies it while it lives; wraps.
    pub id: u16,
    /// Who fired it.
    pub owner: Slot,
    /// Where it started, Q8 (a multiple of 64).
    pub x: i32,
    /// Where it started, Q8 (a multiple of 64).
    pub y: i32,
    /// Bits 0-11: heading, 4096 steps a turn. Bits 12-15: ticks of catch-up, already flown when it was fired.
    pub direction: u16,
    /// Low 8 bits of the tick it was fired at.
    pub fired: u8,
}

/// Something to pick up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pickup {
    /// Identifies it while it lies there; reused.
    pub id: u16,
    /// What it is.
    pub kind: PickupKind,
    /// Position, Q8 (a multiple of 64).
    pub x: i32,
    /// Position, Q8 (a multiple of 64).
    pub y: i32,
}

/// Kinds of pickups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PickupKind {
    /// A point and some energy. Wire 0.
    Shard,
    /// Hit points. Wire 1.
    Repair,
    /// Halved cooldowns for a while. Wire 2.
    Overdrive,
}

impl PickupKind {
    /// All kinds, in the order of their wire numbers.
    pub const ALL: [PickupKind; 3] = [PickupKind::Shard, PickupKind::Repair, PickupKind::Overdrive];

    /// The number on the wire.
    pub fn wire(self) -> u8 {
        self as u8
    }
}

/// Something that happened in view during the tick. The wire starts with the kind's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// 0: a pulse struck a ship; {pulse id `u16`, victim varint, x, y `u16`, damage `u8`}. Damage 0: a shield held.
    Hit {
        /// The pulse, gone now.
        pulse: u16,
        /// The ship.
        victim: Slot,
        /// Where, Q8.
        x: i32,
        /// Where, Q8.
        y: i32,
        /// Hit points lost.
        damage: u8,
    },
    /// 1: a ship was destroyed; {slot varint, x, y `u16`}.
    Explosion {
        /// The ship.
        slot: Slot,
        /// Where, Q8.
        x: i32,
        /// Where, Q8.
        y: i32,
    },
    /// 2: a pickup was taken; {id `u16`, slot varint}.
    Taken {
        /// The pickup.
        id: u16,
        /// Who has it now.
        slot: Slot,
    },
}

/// Everything one client knows after a snapshot. In the JSON subprotocol it is the message `{"type": "View", …}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "type")]
pub struct View {
    /// Sequence number of the snapshot.
    pub seq: Seq,
    /// The tick it shows.
    pub tick: Tick,
    /// As in [`crate::message::Snapshot::margin`].
    pub margin: i8,
    /// The own ship; none for a spectator.
    pub own: Option<Own>,
    /// The ship that the view is centred on, when it is not the own one.
    pub focus: Option<Slot>,
    /// Other ships.
    pub ships: Vec<Ship>,
    /// Pulses in flight.
    pub pulses: Vec<Pulse>,
    /// Pickups.
    pub pickups: Vec<Pickup>,
    /// What happened during the tick.
    pub events: Vec<Event>,
}

#[cfg(test)]
mod tests;
