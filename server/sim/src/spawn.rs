//! Who is in the world and where they come in: seats, spawns, and pilots that fill the room up.

use protocol::Slot;
use protocol::snapshot::changed;

use crate::body::isqrt;
use crate::grid::Rect;
use crate::pilot::Brain;
use crate::rules::{SHIP_RADIUS, SPAWN_SIGHT, SPAWN_TRIES};
use crate::ship::Ship;
use crate::world::World;

/// A server-run ship's seat.
#[derive(Debug, Clone)]
pub(crate) struct Pilot {
    pub(crate) slot: Slot,
    pub(crate) brain: Brain,
}

impl World {
    /// Puts destroyed ships back whose countdown ends with this tick.
    pub(crate) fn respawn(&mut self) {
        for key in 0..self.generations.len() {
            let Some(ship) = self.ships.get_mut(key) else { continue };
            if !ship.alive && !ship.parked {
                ship.timers.respawn = ship.timers.respawn.saturating_sub(1);
                if ship.timers.respawn == 0 {
                    self.spawn(Slot(key as u16));
                    let ship = &mut self.ships[key];
                    ship.changed |= std::mem::take(&mut ship.pending);
                }
            }
        }
    }

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

    /// Puts a ship into the world, at the best of some places.
    pub(crate) fn spawn(&mut self, slot: Slot) {
        let mut best = (-1, (0, 0));
        for _ in 0..SPAWN_TRIES {
            let place = self.map.clear_place(&mut self.dice, SHIP_RADIUS * 2);
            let quiet = self.nearest_ship(place, slot);
            if quiet > best.0 {
                best = (quiet, place);
            }
        }
        let ship = &mut self.ships[slot.index()];
        ship.appear(best.1);
        ship.pending |= changed::SPAWN;
    }

    /// Distance to the nearest living ship but `own`, Q8; at most [`SPAWN_SIGHT`].
    fn nearest_ship(&self, (x, y): (i32, i32), own: Slot) -> i64 {
        let mut square = i64::from(SPAWN_SIGHT) * i64::from(SPAWN_SIGHT);
        self.ship_grid.each(Rect::around(x, y, SPAWN_SIGHT, SPAWN_SIGHT), |item| {
            let alive = self.ships.get(item.key as usize).is_some_and(|ship| ship.alive);
            if alive && item.key != u32::from(own.0) {
                let (dx, dy) = (i64::from(item.x - x), i64::from(item.y - y));
                square = square.min(dx * dx + dy * dy);
            }
        });
        isqrt(square)
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
