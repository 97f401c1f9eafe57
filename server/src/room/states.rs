//! What travels of every ship, for the last eight ticks, and the runs between two of them.
//!
//! A run says what changed about a ship and not whose it is, so it is written once, when the first viewer needs it, and
//! copied by every other viewer who was told at the same tick.

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
    ships: Vec<Track>,
}

#[derive(Debug, Clone, Copy)]
struct Track {
    /// By tick modulo [`KEPT`].
    ring: [ShipState; KEPT],
    /// By age - 1: the run from `now - age` to `now`, and the `now` for which it was written.
    runs: [(Tick, Option<Run>); SHARED_AGES],
}

impl Default for Track {
    fn default() -> Self {
        // No run is ever written for tick 0: it has no tick before it.
        Track { ring: Default::default(), runs: [(Tick(0), None); SHARED_AGES] }
    }
}

impl States {
    /// Notes the ships as they are after the world's last step.
    pub fn record(&mut self, world: &World) {
        self.now = world.tick();
        let at = self.now.0 as usize % KEPT;
        for (slot, ship) in world.ships().filter(|(_, ship)| ship.alive) {
            if self.ships.len() <= slot.index() {
                self.ships.resize(slot.index() + 1, Track::default());
            }
            self.ships[slot.index()].ring[at] =
                ShipState::new(ship.x, ship.y, ship.aim, ship.hp(), ship.state());
        }
    }

    /// The state of a living ship after the last step.
    pub fn now(&self, slot: Slot) -> ShipState {
        self.ships[slot.index()].ring[self.now.0 as usize % KEPT]
    }

    /// What changed about a living ship since `base`, when it was living too; none if nothing did.
    pub fn run(&mut self, slot: Slot, base: Tick) -> Option<Run> {
        let now = self.now;
        let track = &mut self.ships[slot.index()];
        let state = |tick: Tick| track.ring[tick.0 as usize % KEPT];
        match usize::try_from(now.since(base)) {
            Ok(age @ 1..=SHARED_AGES) => {
                if track.runs[age - 1].0 != now {
                    track.runs[age - 1] = (now, Run::between(&state(base), &state(now)));
                }
                track.runs[age - 1].1
            }
            _ => Some(Run::absolute(&state(now))),
        }
    }
}
