//! What is done to a world between two steps. The world notes it, so that a recording misses nothing that changes it.

use protocol::Slot;

use crate::world::World;

/// One thing that came of a call between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// A player joined and got this slot.
    Join(Slot),
    /// A player left.
    Leave(Slot),
    /// A ship was taken out of the world.
    Park(Slot),
    /// A parked ship came back.
    Unpark(Slot),
    /// A ship's player is away from now on, or back.
    Away(Slot, bool),
}

impl World {
    /// What was done since the last step, in order.
    pub fn deeds(&self) -> &[Deed] {
        &self.deeds
    }

    /// Does again what was done to a world that was in the same state. False if it came out otherwise.
    pub fn redo(&mut self, deed: Deed) -> bool {
        let done = self.deeds.len();
        match deed {
            Deed::Join(_) => drop(self.join()),
            Deed::Leave(slot) => self.leave(slot),
            Deed::Park(slot) => self.park(slot),
            Deed::Unpark(slot) => self.unpark(slot),
            Deed::Away(slot, away) => self.set_away(slot, away),
        }
        self.deeds[done..] == [deed]
    }
}
