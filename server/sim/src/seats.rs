//! Who plays: seats for players, and pilots that fill the room up and make way. What a seat's ship does is elsewhere.

use protocol::Slot;

use crate::deed::Deed;
use crate::keyframe::carried;
use crate::pilot::Brain;
use crate::ship::Ship;
use crate::world::World;

/// A server-run ship's seat.
#[derive(Debug, Clone)]
pub(crate) struct Pilot {
    pub(crate) slot: Slot,
    pub(crate) brain: Brain,
}

carried!(Pilot { slot, brain });

impl World {
    /// Gives a player a ship, spawned at once and shielded; a pilot may make way. None if `capacity` players are in.
    pub fn join(&mut self) -> Option<Slot> {
        if self.players() >= usize::from(self.config.capacity) {
            return None;
        }
        self.make_way(1);
        let slot = self.seat(false);
        self.index_ships();
        self.deeds.push(Deed::Join(slot));
        Some(slot)
    }

    /// Takes a player's ship away; a pilot may come back for it. A slot without a player is ignored.
    pub fn leave(&mut self, slot: Slot) {
        let Some(ship) = self.player(slot) else { return };
        if ship.parked {
            self.parked -= 1;
        }
        self.unseat(slot);
        self.fill_with_pilots();
        self.deeds.push(Deed::Leave(slot));
    }

    /// Marks a ship's player as away or back (only shown).
    pub fn set_away(&mut self, slot: Slot, away: bool) {
        if let Some(ship) = self.player(slot) {
            ship.away = away;
            self.deeds.push(Deed::Away(slot, away));
        }
    }

    /// Takes the ship out of the world without killing it; `unpark` spawns it again. A pilot may take its place.
    pub fn park(&mut self, slot: Slot) {
        let Some(ship) = self.player(slot).filter(|ship| !ship.parked) else { return };
        ship.vanish();
        ship.parked = true;
        self.parked += 1;
        self.fill_with_pilots();
        self.deeds.push(Deed::Park(slot));
    }

    /// Spawns a parked ship; a pilot may make way.
    pub fn unpark(&mut self, slot: Slot) {
        if self.player(slot).is_none_or(|ship| !ship.parked) {
            return;
        }
        self.make_way(1);
        self.parked -= 1;
        self.spawn(slot);
        self.index_ships();
        self.deeds.push(Deed::Unpark(slot));
    }

    fn player(&mut self, slot: Slot) -> Option<&mut Ship> {
        self.ships.get_mut(slot.index()).filter(|ship| !ship.pilot)
    }
}

/// Tenants come and go.
impl World {
    /// Takes a new seat and spawns its ship.
    pub(crate) fn seat(&mut self, pilot: bool) -> Slot {
        let entry = self.ships.vacant_entry();
        let slot = Slot(u16::try_from(entry.key()).expect("capacity and pilots together fit 16 bits"));
        if self.generations.len() <= slot.index() {
            self.generations.push(u8::MAX);
        }
        let generation = self.generations[slot.index()].wrapping_add(1);
        self.generations[slot.index()] = generation;
        entry.insert(Ship { generation, pilot, ..Ship::default() });
        self.ranking.push(slot);
        self.spawn(slot);
        slot
    }

    /// Frees a seat.
    pub(crate) fn unseat(&mut self, slot: Slot) {
        self.ships.remove(slot.index());
        self.ranking.retain(|&other| other != slot);
        if self.crown == Some(slot) {
            self.crown = None;
        }
    }

    /// Ships that play: all but the parked.
    pub(crate) fn playing(&self) -> usize {
        self.ships.len() - self.parked
    }

    /// Lets pilots in until enough ships play.
    pub(crate) fn fill_with_pilots(&mut self) {
        while self.playing() < usize::from(self.config.pilots) {
            let seed = self.dice.bits();
            let slot = self.seat(true);
            let at = self.pilots.partition_point(|pilot| pilot.slot < slot);
            self.pilots.insert(at, Pilot { slot, brain: Brain::new(seed) });
            self.index_ships();
        }
    }

    /// Sends the pilot with the fewest points home if, with `coming` more ships, too many play.
    pub(crate) fn make_way(&mut self, coming: usize) {
        while self.playing() + coming > usize::from(self.config.pilots) {
            let last = self.pilots.iter().enumerate();
            let last = last.min_by_key(|(_, pilot)| (self.ships[pilot.slot.index()].score, pilot.slot));
            let Some((index, _)) = last else { return };
            let pilot = self.pilots.remove(index);
            self.unseat(pilot.slot);
        }
    }
}
