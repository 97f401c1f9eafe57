//! What lies around: shards, repairs and overdrives, how they are taken, and how they come back.

use protocol::snapshot::{PickupKind, changed};
use protocol::{Slot, Tick};
use slab::Slab;

use crate::checksum::{StateHash, both};
use crate::dice::Dice;
use crate::event::Event;
use crate::grid::{Grid, Item, Rect};
use crate::keyframe::{BadKeyframe, Carried, Numbers, carried, load_table, save_table};
use crate::map::Map;
use crate::rules::{
    DROP_LIFE, DROP_SPREAD, DROPS_AT_ONCE, ENERGY_MAX, HP_MAX, OVERDRIVE_AREA, OVERDRIVE_RENEWAL,
    OVERDRIVE_TICKS, PICKUP_RADIUS, REPAIR_AREA, REPAIR_HP, REPAIR_RENEWAL, SHARD_AREA, SHARD_ENERGY,
    SHARD_RENEWAL, SHARD_SCORE, SHIP_RADIUS,
};
use crate::ship::Ship;
use crate::world::World;

/// A pickup that lies there to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lying {
    /// Identifies it while it lies there; reused.
    pub id: u16,
    /// What it is.
    pub kind: PickupKind,
    /// Position, Q8 (a multiple of 64).
    pub x: i32,
    /// Position, Q8 (a multiple of 64).
    pub y: i32,
}

/// Something to pick up, or the place of something that was.
#[derive(Debug, Clone, Copy)]
struct Pickup {
    kind: PickupKind,
    x: i32,
    y: i32,
    fate: Fate,
}

/// What becomes of a pickup by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It lies there until somebody takes it.
    Lies,
    /// It was taken and is back, elsewhere, at this tick.
    Returns(Tick),
    /// A dropped shard: gone at this tick.
    Expires(Tick),
}

carried!(Pickup { kind, x, y, fate });

impl Carried for PickupKind {
    fn save(&self, out: &mut Vec<i64>) {
        self.wire().save(out);
    }

    fn load(from: &mut Numbers<'_>) -> Result<PickupKind, BadKeyframe> {
        let wire = u8::load(from)?;
        PickupKind::ALL.into_iter().find(|kind| kind.wire() == wire).ok_or(BadKeyframe)
    }
}

impl Carried for Fate {
    fn save(&self, out: &mut Vec<i64>) {
        let (fate, at) = self.parts();
        fate.save(out);
        at.save(out);
    }

    fn load(from: &mut Numbers<'_>) -> Result<Fate, BadKeyframe> {
        match (u8::load(from)?, Tick::load(from)?) {
            (0, Tick(0)) => Ok(Fate::Lies),
            (1, at) => Ok(Fate::Returns(at)),
            (2, at) => Ok(Fate::Expires(at)),
            _ => Err(BadKeyframe),
        }
    }
}

impl Fate {
    /// As numbers.
    fn parts(self) -> (u8, Tick) {
        match self {
            Fate::Lies => (0, Tick(0)),
            Fate::Returns(at) => (1, at),
            Fate::Expires(at) => (2, at),
        }
    }
}

impl Pickup {
    fn digest(&self, key: usize, hash: &mut StateHash) {
        let (fate, at) = self.fate.parts();
        let what = u32::from_le_bytes([self.kind.wire(), fate, 0, 0]);
        hash.words([both(self.x, self.y), (key as u64) << 32 | u64::from(what), at.0.into()]);
    }
}

/// Fills a place of the table for a moment.
const FILLER: Pickup = Pickup { kind: PickupKind::Shard, x: 0, y: 0, fate: Fate::Lies };

/// All pickups of a world. An id is a key of the slab.
#[derive(Debug, Clone)]
pub(crate) struct Pickups {
    all: Slab<Pickup>,
    /// How many of them are dropped shards.
    dropped: usize,
    /// Those that lie there, as of the last [`Pickups::index`].
    grid: Grid,
}

/// Free space around a pickup, so that a ship can reach it.
const CLEARANCE: i32 = SHIP_RADIUS;

impl Pickups {
    /// The pickups of a new world.
    pub(crate) fn new(map: &Map, dice: &mut Dice) -> Pickups {
        let mut pickups = Pickups { all: Slab::new(), dropped: 0, grid: Grid::new(map.side()) };
        let units = i64::from(map.side() / 256);
        for kind in PickupKind::ALL {
            for _ in 0..units * units / area(kind) {
                let (x, y) = map.clear_place(dice, CLEARANCE);
                pickups.all.insert(Pickup { kind, x, y, fate: Fate::Lies });
            }
        }
        pickups.index();
        pickups
    }

    /// None at all.
    #[cfg(test)]
    pub(crate) fn none(map: &Map) -> Pickups {
        Pickups { all: Slab::new(), dropped: 0, grid: Grid::new(map.side()) }
    }

    /// Puts one somewhere.
    #[cfg(test)]
    pub(crate) fn put(&mut self, kind: PickupKind, x: i32, y: i32) {
        self.all.insert(Pickup { kind, x, y, fate: Fate::Lies });
        self.index();
    }

    /// Drops `shards` around a place.
    pub(crate) fn scatter(&mut self, map: &Map, dice: &mut Dice, at: (i32, i32), shards: u32, now: Tick) {
        for _ in 0..shards {
            if self.dropped >= DROPS_AT_ONCE {
                return;
            }
            let spread = DROP_SPREAD / 64;
            let x = at.0 + dice.between(-spread, spread) * 64;
            let y = at.1 + dice.between(-spread, spread) * 64;
            let (x, y) = if map.is_clear(x, y, CLEARANCE) { (x, y) } else { at };
            let fate = Fate::Expires(now.plus(DROP_LIFE));
            self.all.insert(Pickup { kind: PickupKind::Shard, x, y, fate });
            self.dropped += 1;
        }
    }

    /// Brings back what was taken long enough ago, and lets dropped shards expire.
    pub(crate) fn renew(&mut self, map: &Map, dice: &mut Dice, now: Tick) {
        let dropped = &mut self.dropped;
        self.all.retain(|_, pickup| {
            match pickup.fate {
                Fate::Expires(at) if at <= now => {
                    *dropped -= 1;
                    return false;
                }
                Fate::Returns(at) if at <= now => {
                    (pickup.x, pickup.y) = map.clear_place(dice, CLEARANCE);
                    pickup.fate = Fate::Lies;
                }
                _ => {}
            }
            true
        });
    }

    /// Makes [`Pickups::each`] see the current state.
    pub(crate) fn index(&mut self) {
        let lying = self.all.iter().filter(|(_, p)| !matches!(p.fate, Fate::Returns(_)));
        self.grid.rebuild(lying.map(|(key, p)| Item { key: key as u32, x: p.x, y: p.y }));
    }

    /// Calls `found` with every pickup that lay in `rect` at the last [`Pickups::index`].
    pub(crate) fn each(&self, rect: Rect, mut found: impl FnMut(Lying)) {
        self.grid.each(rect, |item| {
            let kind = self.all[item.key as usize].kind;
            found(Lying { id: item.key as u16, kind, x: item.x, y: item.y });
        });
    }

    /// Takes one away; false if somebody was faster.
    fn take(&mut self, id: u16, now: Tick) -> bool {
        let key = usize::from(id);
        let Some(pickup) = self.all.get_mut(key) else { return false };
        match pickup.fate {
            Fate::Returns(_) => false,
            Fate::Lies => {
                pickup.fate = Fate::Returns(now.plus(renewal(pickup.kind)));
                true
            }
            Fate::Expires(_) => {
                self.all.remove(key);
                self.dropped -= 1;
                true
            }
        }
    }

    pub(crate) fn save(&self, out: &mut Vec<i64>) {
        // The rest follows from the table.
        let Pickups { all, dropped: _, grid: _ } = self;
        save_table(all, &FILLER, out);
    }

    pub(crate) fn load(map: &Map, from: &mut Numbers<'_>) -> Result<Pickups, BadKeyframe> {
        let all = load_table(&FILLER, from)?;
        let dropped = all.iter().filter(|(_, p)| matches!(p.fate, Fate::Expires(_))).count();
        Ok(Pickups { all, dropped, grid: Grid::new(map.side()) })
    }

    pub(crate) fn digest(&self, hash: &mut StateHash) {
        self.all.iter().for_each(|(key, pickup)| pickup.digest(key, hash));
    }

    /// The same of those that will be back or expire.
    pub(crate) fn digest_passing(&self, hash: &mut StateHash) {
        let passing = self.all.iter().filter(|(_, pickup)| pickup.fate != Fate::Lies);
        passing.for_each(|(key, pickup)| pickup.digest(key, hash));
    }
}

fn area(kind: PickupKind) -> i64 {
    match kind {
        PickupKind::Shard => SHARD_AREA,
        PickupKind::Repair => REPAIR_AREA,
        PickupKind::Overdrive => OVERDRIVE_AREA,
    }
}

fn renewal(kind: PickupKind) -> u32 {
    match kind {
        PickupKind::Shard => SHARD_RENEWAL,
        PickupKind::Repair => REPAIR_RENEWAL,
        PickupKind::Overdrive => OVERDRIVE_RENEWAL,
    }
}

/// Gives a ship what it touches. An unhurt ship leaves a repair where it is.
fn give(ship: &mut Ship, kind: PickupKind) {
    ship.changed |= changed::PICKUP;
    match kind {
        PickupKind::Shard => {
            ship.score = ship.score.saturating_add(SHARD_SCORE);
            ship.energy = ship.energy.saturating_add(SHARD_ENERGY).min(ENERGY_MAX);
        }
        PickupKind::Repair => ship.hp = ship.hp.saturating_add(REPAIR_HP).min(HP_MAX),
        PickupKind::Overdrive => {
            ship.timers.overdrive = OVERDRIVE_TICKS;
            ship.changed |= changed::OVERDRIVE;
        }
    }
}

impl World {
    /// Lets every living ship take what it touches, in slot order.
    pub(crate) fn collect_pickups(&mut self) {
        let reach = SHIP_RADIUS + PICKUP_RADIUS;
        let mut touched = std::mem::take(&mut self.touched);
        for key in 0..self.generations.len() {
            let Some(ship) = self.ships.get_mut(key).filter(|ship| ship.alive) else { continue };
            touched.clear();
            self.pickups.grid.each(Rect::around(ship.x, ship.y, reach, reach), |item| {
                let (dx, dy) = (i64::from(item.x - ship.x), i64::from(item.y - ship.y));
                if dx * dx + dy * dy <= i64::from(reach) * i64::from(reach) {
                    touched.push(item);
                }
            });
            touched.sort_unstable_by_key(|item| item.key);
            for item in &touched {
                let id = item.key as u16;
                let Some(pickup) = self.pickups.all.get(item.key as usize) else { continue };
                let kind = pickup.kind;
                let useless = kind == PickupKind::Repair && ship.hp == HP_MAX;
                if !useless && self.pickups.take(id, self.tick) {
                    give(ship, kind);
                    let slot = Slot(key as u16);
                    self.events.push(Event::Taken { id, kind, slot, x: item.x, y: item.y });
                }
            }
        }
        self.touched = touched;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WorldConfig;

    #[test]
    fn what_is_taken_comes_back_and_what_is_dropped_goes() {
        let mut world = World::new(&WorldConfig { capacity: 30, pilots: 16, seed: 6 });
        let lasting = |world: &World| world.pickups.all.len() - world.pickups.dropped;
        let placed = lasting(&world);
        let mut dropped = 0;
        for _ in 0..1200 {
            world.step(&[]);
            let expiring = world.pickups.all.iter().filter(|(_, p)| matches!(p.fate, Fate::Expires(_)));
            assert_eq!(expiring.count(), world.pickups.dropped);
            assert_eq!(lasting(&world), placed);
            dropped = dropped.max(world.pickups.dropped);
        }
        assert!(dropped > 0);
    }
}
