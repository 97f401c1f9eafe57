//! What a step can tell about itself. Who may hear of it is the room's business.

use protocol::Slot;
use protocol::message::Weapon;
use protocol::snapshot::PickupKind;

/// Something that happened during a step. Positions are Q8 and multiples of 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A pulse struck a ship. Damage 0: its shield held.
    Hit {
        /// Id of the pulse, gone now.
        pulse: u16,
        /// Who fired; it may have left since.
        attacker: Slot,
        /// Whose ship.
        victim: Slot,
        /// Where.
        x: i32,
        /// Where.
        y: i32,
        /// Hit points lost.
        damage: u8,
    },
    /// A Lance fired. The beam ends at the ship that it struck, at an obstacle or a wall, or at the end of its range.
    Beam {
        /// Whose ship fired.
        slot: Slot,
        /// Where the beam starts.
        x: i32,
        /// Where the beam starts.
        y: i32,
        /// Where it ends.
        to_x: i32,
        /// Where it ends.
        to_y: i32,
        /// Whose ship it struck.
        victim: Option<Slot>,
        /// Hit points that the victim lost; 0 if its shield held, or without a victim.
        damage: u8,
        /// How far back the targets were looked for, eighths of a tick.
        rewind: u8,
    },
    /// A ship was destroyed.
    Destroyed {
        /// Who did it; none if it has left since.
        killer: Option<Slot>,
        /// Whose ship.
        victim: Slot,
        /// With what.
        weapon: Weapon,
        /// How far in the past the shooter saw its targets when it let off the shot, eighths of a tick.
        rewind: u8,
        /// Where.
        x: i32,
        /// Where.
        y: i32,
    },
    /// A pickup was taken.
    Taken {
        /// Its id.
        id: u16,
        /// What it was.
        kind: PickupKind,
        /// Who has it.
        slot: Slot,
        /// Where.
        x: i32,
        /// Where.
        y: i32,
    },
}
