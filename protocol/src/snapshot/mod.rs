//! The body of a snapshot: what one client may see of its room, as a change to what it was told before.
//!
//! [`writer`] and [`reader`] are a pair, tested as inverses. A connection delivers in order and drops nothing, so the
//! baseline of a snapshot is whatever was last *written* for this client; nothing is acknowledged for that.
//!
//! All integers are little-endian and byte-aligned; `varint` is bincode's (0..=250 is the byte itself; 251 announces a
//! `u16`). A *point* is x, y `u16` in quarter-units. `slot?` is a varint: 0 for none, else slot + 1. The sections come
//! in this order, and `flags` says which are there:
//!
//! | section | there if | layout |
//! |---|---|---|
//! | OWN | [`flags::OWN`] | x, y `i24` Q8; vx, vy `i16` Q8/tick; energy `u16` Q8; seven timers `u8` (ticks left: pulse cooldown, lance cooldown, lance wind-up, shield, overdrive, respawn, regeneration delay); hp `u8`; changed `u8` |
//! | FOCUS | no OWN | `slot?`: the ship that the view is centred on |
//! | LEAVES | [`flags::SHIPS`] | n `u8`; n × index `u8` into the known-list, descending; each by swap-remove |
//! | UPDATES | the known-list is not empty | a bit per known ship, lowest first, in whole bytes; per set bit, in order, a *run* |
//! | ENTERS | [`flags::SHIPS`] | n `u8`; n × {slot varint, generation `u8`, point, aim `u8`, hp `u8`, state `u8`}, appended to the known-list |
//! | PULSES | [`flags::PULSES`] | n varint; n × {id `u16`, owner varint, point, direction `u16`, fire tick `u8`}; m varint; m × hit {id `u16`, victim varint, damage `u8`} |
//! | PICKUPS | [`flags::PICKUPS`] | the window of cells: x `u8`, y `u8`, width `u8`, height `u8`; n varint; n × {cell `u8` in the window, row by row; *cell run*} |
//! | EVENTS | [`flags::EVENTS`] | n varint; n × {kind `u8`, …} as in [`Event`] |
//! | CHECK | [`flags::CHECK`] | `u16`: [`check`] of the known-list |
//!
//! [`flags::FULL`]: before anything else, forget all ships, pulses and cells.
//!
//! The **known-list** has the other ships in view, at most 255, without the own one. A **run** is a mask `u8` and the
//! fields that it names, in order: bit 0 moved (`i8`, `i8` quarter-units), 1 absolute (a point), 2 aim `u8`, 3 hp `u8`,
//! 4 state `u8`. No run: nothing changed; with [`flags::BUDGET`] it may also mean that there was no room for it, and
//! the client extrapolates.
//!
//! A **pulse** is told once, when it is fired in view or flies into it; the client moves it along its straight line,
//! ends it after [`PULSE_LIFE`] ticks, at walls and at obstacles by the same integers as the server, and at a *hit* that
//! names it.
//!
//! **Pickups** lie in cells of [`CELL`] units. A cell that comes into the window brings a full cell run: varint 0, n
//! varint, n × item `u24`. A cell that was there already brings what changed: varint m > 0, then m operations: varint 0
//! and an item `u24` (append), or varint i > 0 and `slot?` (the i-th item, counted from 1, is gone, by swap-remove;
//! taken by that ship, or expired). Cells outside the window are forgotten. An item is kind in bits 22-23, y in bits
//! 11-21 and x in bits 0-10, in quarter-units from the cell's corner.

mod cells;
mod cursor;
pub mod reader;
pub mod run;
pub mod writer;

use serde::{Deserialize, Serialize};

use crate::ids::{Seq, Slot, Tick};
pub use cells::{CellChange, CellOp, CellWindow, Item};
pub use reader::{Ledger, Reader, SnapshotError};
pub use run::{Run, ShipState};
pub use writer::Writer;

/// Bits of `Snapshot::flags`.
pub mod flags {
    /// The body starts with OWN.
    pub const OWN: u8 = 1;
    /// The body has EVENTS.
    pub const EVENTS: u8 = 2;
    /// Forget what earlier snapshots said.
    pub const FULL: u8 = 4;
    /// Some ships in view were left out of UPDATES to keep the snapshot small.
    pub const BUDGET: u8 = 8;
    /// The body ends with CHECK.
    pub const CHECK: u8 = 16;
    /// The body has LEAVES and ENTERS.
    pub const SHIPS: u8 = 32;
    /// The body has PULSES.
    pub const PULSES: u8 = 64;
    /// The body has PICKUPS.
    pub const PICKUPS: u8 = 128;
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

/// Most ships in a known-list.
pub const MAX_KNOWN: usize = 255;

/// Ticks that a pulse lives, those that it caught up included.
pub const PULSE_LIFE: u32 = 30;

/// Side of a pickup cell, units.
pub const CELL: i32 = 512;

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
    /// Until the Pulse can fire again; 1 is "in the next tick".
    pub pulse: u8,
    /// Until the Lance can fire again; 1 is "in the next tick".
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

impl Pulse {
    /// Steps flown at `tick`, catch-up included, for a tick at most 200 after the firing.
    pub fn steps(&self, tick: Tick) -> u32 {
        let since = ((tick.0 & 255) as u8).wrapping_sub(self.fired);
        u32::from(since) + u32::from(self.direction >> 12)
    }
}

/// A pulse struck a ship.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The pulse, gone now.
    pub pulse: u16,
    /// The ship.
    pub victim: Slot,
    /// Hit points lost; 0: a shield held.
    pub damage: u8,
}

/// Something to pick up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pickup {
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

/// Something that happened in view since the last snapshot. Explosions and beams are the EVENTS of a body, which starts
/// each with the kind's number; hits and pickups taken come out of PULSES and PICKUPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A pulse struck a ship. From PULSES.
    Hit {
        /// The pulse, gone now.
        pulse: u16,
        /// The ship.
        victim: Slot,
        /// Hit points lost; 0: a shield held.
        damage: u8,
    },
    /// A pickup was taken. From PICKUPS.
    Taken {
        /// Who has it now.
        slot: Slot,
        /// What it was; its kind on the wire.
        item: PickupKind,
        /// Where, Q8.
        x: i32,
        /// Where, Q8.
        y: i32,
    },
    /// 0: a ship was destroyed; {slot varint, point}.
    Explosion {
        /// The ship.
        slot: Slot,
        /// Where, Q8.
        x: i32,
        /// Where, Q8.
        y: i32,
    },
    /// 1: a Lance fired; {slot varint, point from, point to, `slot?` victim, damage `u8`, rewind `u8`}.
    Beam {
        /// Who fired.
        slot: Slot,
        /// From where, Q8.
        x: i32,
        /// From where, Q8.
        y: i32,
        /// To where, Q8.
        to_x: i32,
        /// To where, Q8.
        to_y: i32,
        /// The ship that it struck.
        victim: Option<Slot>,
        /// Hit points lost; 0: nobody was struck, or a shield held.
        damage: u8,
        /// How far back it was judged, eighths of a tick.
        rewind: u8,
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
    /// The ship that a spectator's view is centred on.
    pub focus: Option<Slot>,
    /// Other ships: the known-list.
    pub ships: Vec<Ship>,
    /// Pulses in flight, by age; one that has met a wall or an obstacle stays until its time is over.
    pub pulses: Vec<Pulse>,
    /// Pickups, cell by cell.
    pub pickups: Vec<Pickup>,
    /// What happened since the last snapshot.
    pub events: Vec<Event>,
}

/// Checksum of a known-list: FNV-1a-32 over slot (two bytes, little-endian) and generation of each ship in order, its
/// halves exclusive-ored.
pub fn check(known: impl Iterator<Item = (Slot, u8)>) -> u16 {
    let byte = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = known.fold(0x811c_9dc5u32, |hash, (slot, generation)| {
        let [low, high] = slot.0.to_le_bytes();
        byte(byte(byte(hash, low), high), generation)
    });
    (hash ^ (hash >> 16)) as u16
}

#[cfg(test)]
mod tests;
