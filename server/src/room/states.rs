//! What travels of every ship, for the last eight ticks, and the runs between two of them.
//!
//! A run says what changed about a ship and not whose it is, so it is written once, when the first viewer needs it, and
//! copied by every other viewer who was told at the same tick. All is kept by slot in plain tables, one a purpose: every
//! viewer asks for every ship that it sees, and what is asked together lies together.

use protocol::snapshot::{Run, ShipState};
use protocol::{Slot, Tick};
use sim::World;

/// Ticks that are kept. Who was told longer ago is told everything anew.
pub const KEPT: usize = 8;

/// Up to this age runs are shared; older ones are absolute.
const SHARED_AGES: usize = 4;

/// The states of all ships of a room.
#[derive(Debug, Default)]
pub struct States {
    now: Tick,
    places: Vec<Place>,
    /// By tick modulo [`KEPT`]; only a ship that lived then has one.
    states: [Vec<ShipState>; KEPT],
    /// By age - 1: the run from `now - age` to `now`, and the `now` for which it was written.
    runs: [Vec<(Tick, Option<Run>)>; SHARED_AGES],
}

/// Where the tenant of a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Position, Q8.
    pub x: i32,
    /// Position, Q8.
    pub y: i32,
    /// Which tenant of the slot.
    pub generation: u8,
    /// False if there is none, or none that lives.
    pub alive: bool,
}

impl States {
    /// Notes the ships as they are after the world's last step.
    pub fn record(&mut self, world: &World) {
        self.now = world.tick();
        let at = self.now.0 as usize % KEPT;
        self.places.iter_mut().for_each(|place| place.alive = false);
        for (slot, ship) in world.ships().filter(|(_, ship)| ship.alive) {
            if self.places.len() <= slot.index() {
                self.grow(slot.index() + 1);
            }
            let (x, y, generation) = (ship.x, ship.y, ship.generation);
            self.places[slot.index()] = Place { x, y, generation, alive: true };
            self.states[at][slot.index()] = ShipState::new(x, y, ship.aim, ship.hp(), ship.state());
        }
    }

    fn grow(&mut self, slots: usize) {
        self.places.resize(slots, Place::default());
        self.states.iter_mut().for_each(|states| states.resize(slots, ShipState::default()));
        // No run is ever written for tick 0: it has no tick before it.
        self.runs.iter_mut().for_each(|runs| runs.resize(slots, (Tick(0), None)));
    }

    /// Where the ship of a slot is after the last step.
    pub fn place(&self, slot: Slot) -> Place {
        self.places.get(slot.index()).copied().unwrap_or_default()
    }

    /// The state of a living ship after the last step.
    pub fn now(&self, slot: Slot) -> ShipState {
        self.states[self.now.0 as usize % KEPT][slot.index()]
    }

    /// What changed about a living ship since `base`, when it was living too; none if nothing did.
    pub fn run(&mut self, slot: Slot, base: Tick) -> Option<Run> {
        let States { now, states, runs, .. } = self;
        let state = |tick: Tick| states[tick.0 as usize % KEPT][slot.index()];
        match usize::try_from(now.since(base)) {
            Ok(age @ 1..=SHARED_AGES) => {
                let (written, run) = &mut runs[age - 1][slot.index()];
                if *written != *now {
                    *written = *now;
                    *run = Run::between(&state(base), &state(*now));
                }
                *run
            }
            _ => Some(Run::absolute(&state(*now))),
        }
    }
}
