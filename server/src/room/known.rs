//! The ships that one client knows: who leaves its list, who enters, and what it is told of the others.
//!
//! The client keeps the same list in the same order; an update names a ship by its place in it, which costs one bit.

use protocol::snapshot::{MAX_KNOWN, Run, Ship as WireShip};
use protocol::{Slot, Tick};
use sim::World;

use super::interest::{Field, distance};
use super::states::States;

/// One ship of a client's known-list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Which.
    pub slot: Slot,
    /// Which tenant of the slot.
    pub generation: u8,
    /// The tick up to which the client is told of it.
    pub base: Tick,
    /// Grows while there is something to tell and no room for it.
    urgency: u32,
}

/// What is said of ships in one snapshot. Kept for its buffers.
#[derive(Debug, Default)]
pub struct Told {
    /// Places in the list that become free, descending.
    pub leaves: Vec<u8>,
    /// Per ship that stays.
    pub runs: Vec<Option<Run>>,
    /// Ships that are new.
    pub enters: Vec<WireShip>,
    /// True if some had to wait.
    pub over_budget: bool,
    /// By slot: the pass in which the ship was found in the list.
    marks: Vec<u32>,
    pass: u32,
    waiting: Vec<(u32, usize)>,
}

/// How much may be said of ships in one snapshot.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// Bytes for runs and enters together.
    pub bytes: usize,
    /// Ships outside the window's inner half are told of every other tick only.
    pub spare_far: bool,
}

/// Bytes of one entering ship, at most.
const ENTER_BYTES: usize = 11;

impl Told {
    /// Brings a client's list up to date with what is in its field, and notes what to tell.
    pub fn update(
        &mut self,
        world: &World,
        states: &mut States,
        list: &mut Vec<Known>,
        field: &Field,
        candidates: &[Slot],
        allowance: Allowance,
    ) {
        self.leave(world, list, field, candidates);
        let runs = self.write_runs(world, states, list, field, allowance);
        let left = allowance.bytes.saturating_sub(runs);
        self.enter(world, states, list, field, candidates, left);
    }

    fn leave(&mut self, world: &World, list: &mut Vec<Known>, field: &Field, candidates: &[Slot]) {
        self.leaves.clear();
        let farthest = self.farthest_welcome(world, field, candidates);
        for index in (0..list.len()).rev() {
            let known = list[index];
            let stays = world.ship(known.slot).is_some_and(|ship| {
                ship.alive
                    && ship.generation == known.generation
                    && field.keeps(ship.x, ship.y)
                    && distance(field.centre, (ship.x, ship.y)) <= farthest
            });
            if !stays {
                list.swap_remove(index);
                self.leaves.push(index as u8);
            }
        }
    }

    /// With more ships around than a list can have: the distance up to which they are welcome. A known ship is let go
    /// only a bit beyond it, so that two at the border do not take turns.
    fn farthest_welcome(&mut self, world: &World, field: &Field, candidates: &[Slot]) -> u32 {
        if candidates.len() <= MAX_KNOWN {
            return u32::MAX;
        }
        let away =
            |slot: &Slot| world.ship(*slot).map_or(u32::MAX, |ship| distance(field.centre, (ship.x, ship.y)));
        self.waiting.clear();
        self.waiting.extend(candidates.iter().map(|slot| (away(slot), 0)));
        let (_, (nth, _), _) = self.waiting.select_nth_unstable(MAX_KNOWN - 1);
        nth.saturating_add(*nth / 8)
    }

    /// Writes what changed of the ships that stay; returns the bytes.
    fn write_runs(
        &mut self,
        world: &World,
        states: &mut States,
        list: &mut [Known],
        field: &Field,
        allowance: Allowance,
    ) -> usize {
        let now = world.tick();
        self.runs.clear();
        self.over_budget = false;
        let mut bytes = list.len().div_ceil(8);
        for known in list.iter_mut() {
            let near = world.ship(known.slot).is_some_and(|ship| field.is_near(ship.x, ship.y));
            let spared = allowance.spare_far && !near && now.since(known.base) < 2;
            if spared {
                self.over_budget = true;
                self.runs.push(None);
                continue;
            }
            let run = states.run(known.slot, known.base);
            bytes += run.map_or(0, |run| run.bytes().len());
            if run.is_none() {
                known.base = now;
            }
            self.runs.push(run);
        }
        if bytes > allowance.bytes {
            bytes = self.select(world, list, field, allowance.bytes);
        }
        for (known, run) in list.iter_mut().zip(&self.runs) {
            if run.is_some() {
                known.base = now;
                known.urgency = 0;
            }
        }
        bytes
    }

    /// Keeps the runs that matter most within `limit` bytes; the others wait and matter more next time.
    fn select(&mut self, world: &World, list: &mut [Known], field: &Field, limit: usize) -> usize {
        self.over_budget = true;
        self.waiting.clear();
        for (n, known) in list.iter_mut().enumerate().filter(|(n, _)| self.runs[*n].is_some()) {
            let weight = world.ship(known.slot).map_or(1, |ship| field.weight(ship));
            known.urgency = known.urgency.saturating_add(weight);
            self.waiting.push((known.urgency, n));
        }
        self.waiting.sort_unstable_by(|a, b| b.cmp(a));
        let mut bytes = list.len().div_ceil(8);
        for &(_, n) in &self.waiting {
            let len = self.runs[n].map_or(0, |run| run.bytes().len());
            if bytes + len > limit {
                self.runs[n] = None;
            } else {
                bytes += len;
            }
        }
        bytes
    }

    /// Lets ships in, nearest first, as far as list and bytes reach.
    fn enter(
        &mut self,
        world: &World,
        states: &States,
        list: &mut Vec<Known>,
        field: &Field,
        candidates: &[Slot],
        bytes: usize,
    ) {
        self.enters.clear();
        self.pass = self.pass.wrapping_add(1);
        for known in list.iter() {
            if self.marks.len() <= known.slot.index() {
                self.marks.resize(known.slot.index() + 1, 0);
            }
            self.marks[known.slot.index()] = self.pass;
        }
        let known = |slot: &Slot| self.marks.get(slot.index()) == Some(&self.pass);
        self.waiting.clear();
        for (n, slot) in candidates.iter().enumerate().filter(|(_, slot)| !known(slot)) {
            let ship = world.ship(*slot).expect("interest names ships that are there");
            self.waiting.push((distance(field.centre, (ship.x, ship.y)), n));
        }
        self.waiting.sort_unstable();
        let room = MAX_KNOWN - list.len();
        // One may always enter: nobody waits for ever.
        let affordable = (bytes / ENTER_BYTES).max(1);
        for &(_, n) in self.waiting.iter().take(room.min(affordable)) {
            let slot = candidates[n];
            let generation = world.ship(slot).expect("interest names ships that are there").generation;
            let mut ship = WireShip { slot, generation, x: 0, y: 0, aim: 0, hp: 0, state: 0 };
            ship.set(&states.now(slot));
            self.enters.push(ship);
            list.push(Known { slot, generation, base: world.tick(), urgency: 0 });
        }
    }
}
