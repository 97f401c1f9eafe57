//! The ships that one client knows: who leaves its list, who enters, and what it is told of the others.
//!
//! The client keeps the same list in the same order; an update names a ship by its place in it, which costs one bit.

use protocol::snapshot::{MAX_KNOWN, Run, Ship as WireShip};
use protocol::{Slot, Tick};
use sim::World;

use super::interest::{Field, distance};
use super::states::{Place, States};

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
    /// Living ships in the field that the list does not have, ascending slot.
    pub newcomers: Vec<Slot>,
    /// Per ship that stays.
    pub runs: Vec<Option<Run>>,
    /// Newcomers that enter the list.
    pub enters: Vec<WireShip>,
    /// True if some had to wait.
    pub over_budget: bool,
    about: Vec<Slot>,
    marks: Marks,
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
    /// Takes out of a client's list who is no longer in its field, and notes who is new there. `own` is never told.
    pub fn look(
        &mut self,
        world: &World,
        states: &States,
        list: &mut Vec<Known>,
        field: &Field,
        own: Option<Slot>,
    ) {
        self.about.clear();
        world.ships_about(field.enter, &mut self.about);
        let farthest = self.farthest_welcome(states, field, own);
        self.leave(states, list, field, farthest);
        self.marks.clear();
        let listed = list.iter().map(|known| known.slot).chain(own);
        listed.for_each(|slot| self.marks.set(slot));
        let Told { about, marks, newcomers, .. } = self;
        newcomers.clear();
        newcomers.extend(about.iter().filter(|&&slot| !marks.has(slot) && states.place(slot).alive));
        newcomers.sort_unstable();
    }

    /// True of the ships on the list as [`Told::look`] left it, and of the own one.
    pub fn has(&self, slot: Slot) -> bool {
        self.marks.has(slot)
    }

    /// Forgets what the last look found: nobody looks now.
    pub fn look_away(&mut self) {
        self.newcomers.clear();
        self.marks.clear();
    }

    /// Notes what to tell of the ships on the list, and lets newcomers enter it.
    pub fn write(
        &mut self,
        world: &World,
        states: &mut States,
        list: &mut Vec<Known>,
        field: &Field,
        allowance: Allowance,
    ) {
        let runs = self.write_runs(world, states, list, field, allowance);
        let left = allowance.bytes.saturating_sub(runs);
        self.enter(world.tick(), states, list, field, left);
    }

    fn leave(&mut self, states: &States, list: &mut Vec<Known>, field: &Field, farthest: Option<u32>) {
        self.leaves.clear();
        for index in (0..list.len()).rev() {
            let known = list[index];
            let Place { x, y, generation, alive } = states.place(known.slot);
            let stays = alive
                && generation == known.generation
                && field.keeps(x, y)
                && farthest.is_none_or(|farthest| distance(field.centre, (x, y)) <= farthest);
            if !stays {
                list.swap_remove(index);
                self.leaves.push(index as u8);
            }
        }
    }

    /// With more ships about than a list can have: the distance up to which they are welcome. A known ship is let go
    /// only a bit beyond it, so that two at the border do not take turns.
    fn farthest_welcome(&mut self, states: &States, field: &Field, own: Option<Slot>) -> Option<u32> {
        if self.about.len() <= MAX_KNOWN {
            return None;
        }
        self.waiting.clear();
        for slot in self.about.iter().filter(|&&slot| Some(slot) != own) {
            let Place { x, y, alive, .. } = states.place(*slot);
            if alive {
                self.waiting.push((distance(field.centre, (x, y)), 0));
            }
        }
        if self.waiting.len() <= MAX_KNOWN {
            return None;
        }
        let (_, (nth, _), _) = self.waiting.select_nth_unstable(MAX_KNOWN - 1);
        Some(nth.saturating_add(*nth / 8))
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
            if allowance.spare_far && now.since(known.base) < 2 {
                let Place { x, y, .. } = states.place(known.slot);
                if !field.is_near(x, y) {
                    self.over_budget = true;
                    self.runs.push(None);
                    continue;
                }
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

    /// Lets newcomers in, nearest first, as far as list and bytes reach.
    fn enter(&mut self, now: Tick, states: &States, list: &mut Vec<Known>, field: &Field, bytes: usize) {
        self.enters.clear();
        self.waiting.clear();
        for (n, slot) in self.newcomers.iter().enumerate() {
            let Place { x, y, .. } = states.place(*slot);
            self.waiting.push((distance(field.centre, (x, y)), n));
        }
        self.waiting.sort_unstable();
        let room = MAX_KNOWN - list.len();
        // One may always enter: nobody waits for ever.
        let affordable = (bytes / ENTER_BYTES).max(1);
        for &(_, n) in self.waiting.iter().take(room.min(affordable)) {
            let slot = self.newcomers[n];
            let Place { generation, .. } = states.place(slot);
            let mut ship = WireShip { slot, generation, x: 0, y: 0, aim: 0, hp: 0, state: 0 };
            ship.set(&states.now(slot));
            self.enters.push(ship);
            list.push(Known { slot, generation, base: now, urgency: 0 });
        }
    }
}

/// A set of slots, a bit each.
#[derive(Debug, Default)]
struct Marks(Vec<u64>);

impl Marks {
    fn clear(&mut self) {
        self.0.fill(0);
    }

    fn set(&mut self, slot: Slot) {
        let word = slot.index() / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (slot.index() % 64);
    }

    fn has(&self, slot: Slot) -> bool {
        self.0.get(slot.index() / 64).is_some_and(|word| word >> (slot.index() % 64) & 1 == 1)
    }
}
