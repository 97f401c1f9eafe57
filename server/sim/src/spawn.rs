//! Where ships come into the world, and when they come back.

use protocol::Slot;
use protocol::snapshot::changed;

use crate::body::isqrt;
use crate::grid::Rect;
use crate::rules::{SHIP_RADIUS, SPAWN_SIGHT, SPAWN_TRIES};
use crate::world::World;

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
        self.lives = self.lives.wrapping_add(1).max(1);
        let ship = &mut self.ships[slot.index()];
        ship.appear(best.1, self.lives);
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
}
