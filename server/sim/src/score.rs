//! Points: what a death is worth, who is ahead, and who wears the crown.

use std::cmp::Reverse;

use protocol::Slot;
use protocol::message::Weapon;
use protocol::quantize::{from_quarter, to_quarter};

use crate::event::Event;
use crate::rules::{DEATH_LOSS, DROP_BASE, DROP_MAX, DROP_SCORE, KILL_SCORE, KILL_SHARE};
use crate::world::World;

impl World {
    /// Destroys a living ship: points change hands, shards scatter, the countdown to its respawn starts.
    pub(crate) fn destroy(&mut self, victim: Slot, killer: Option<Slot>, weapon: Weapon, rewind: u8) {
        let ship = &mut self.ships[victim.index()];
        let (x, y) = (from_quarter(to_quarter(ship.x)), from_quarter(to_quarter(ship.y)));
        let worth = ship.score;
        ship.score = worth - worth / DEATH_LOSS;
        ship.perish();
        if let Some(killer) = killer.and_then(|slot| self.ships.get_mut(slot.index())) {
            killer.score = killer.score.saturating_add(KILL_SCORE + worth / KILL_SHARE);
        }
        self.events.push(Event::Destroyed { killer, victim, weapon, rewind, x, y });
        let shards = (DROP_BASE + worth / DROP_SCORE).min(DROP_MAX);
        self.pickups.scatter(&self.map, &mut self.dice, (x, y), shards, self.tick);
    }

    /// Orders the ships by score and crowns the first that plays and has scored.
    pub(crate) fn rank(&mut self) {
        let ships = &self.ships;
        self.ranking.sort_unstable_by_key(|slot| (Reverse(ships[slot.index()].score), *slot));
        let first = |slot: &&Slot| !ships[slot.index()].parked;
        let crown = self.ranking.iter().find(first).copied();
        let crown = crown.filter(|slot| ships[slot.index()].score > 0);
        if crown != self.crown {
            for (slot, worn) in [(self.crown, false), (crown, true)] {
                if let Some(ship) = slot.and_then(|slot| self.ships.get_mut(slot.index())) {
                    ship.crowned = worn;
                }
            }
            self.crown = crown;
        }
    }
}
