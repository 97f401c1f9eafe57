//! What a step takes in. Where it comes from, and what a late or missing input means, is the room's business.

use protocol::Controls;

/// What a ship's player holds in one tick, resolved by the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Command {
    /// What is held.
    pub controls: Controls,
    /// How far in the past the player saw the others: eighths of a tick before this tick. The room clamps it to what
    /// the player can have seen; the simulation to [`crate::rules::MAX_REWIND_TICKS`] ticks, fewer for a pulse.
    pub rewind: u8,
}

impl From<Controls> for Command {
    /// As if the player saw everybody where they are.
    fn from(controls: Controls) -> Command {
        Command { controls, rewind: 0 }
    }
}
