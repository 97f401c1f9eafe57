//! What a server-run ship is shown: the same view that a player has, and nothing beyond it.

use protocol::{Slot, snapshot};

use crate::grid::Rect;
use crate::pickups::Lying;
use crate::pilot::{Incoming, Loot, Me, Other, Sight};
use crate::rules::{VIEW_HEIGHT, VIEW_WIDTH};
use crate::ship::Ship;
use crate::weapons::Flight;
use crate::world::World;

/// Buffers for one look at a time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scene {
    slots: Vec<Slot>,
    flying: Vec<snapshot::Pulse>,
    lying: Vec<Lying>,
    ships: Vec<Other>,
    pulses: Vec<Incoming>,
    pickups: Vec<Loot>,
}

impl Scene {
    /// What the living ship of `slot` sees after the last step.
    pub(crate) fn look<'a>(&'a mut self, world: &'a World, slot: Slot) -> Option<Sight<'a>> {
        let ship = world.ship(slot).filter(|ship| ship.alive)?;
        let half = protocol::quantize::Q8 / 2;
        let view = Rect::around(ship.x, ship.y, VIEW_WIDTH * half, VIEW_HEIGHT * half);
        self.slots.clear();
        self.flying.clear();
        self.lying.clear();
        world.ships_in(view, &mut self.slots);
        world.pulses_in(view, &mut self.flying);
        world.pickups_in(view, &mut self.lying);

        let others = self.slots.iter().filter(|&&other| other != slot);
        let others = others.filter_map(|&other| Some(Other::of(other, world.ship(other)?)));
        self.ships.clear();
        self.ships.extend(others);
        let incoming = self.flying.iter().filter(|pulse| pulse.owner != slot);
        self.pulses.clear();
        self.pulses.extend(incoming.map(|pulse| Incoming::of(pulse, world)));
        self.pickups.clear();
        self.pickups.extend(self.lying.iter().map(|p| Loot { x: p.x, y: p.y, kind: p.kind }));
        Some(Sight {
            tick: world.tick(),
            side: world.map().side(),
            me: Me::of(ship),
            ships: &self.ships,
            pulses: &self.pulses,
            pickups: &self.pickups,
            obstacles: world.map().around(ship.x, ship.y),
        })
    }
}

impl Me {
    fn of(ship: &Ship) -> Me {
        // A cooldown of 1 is over when the next step counts it down.
        let (can_fire, can_lance) = (ship.timers.pulse <= 1, ship.timers.lance <= 1);
        let windup = ship.timers.windup;
        let &Ship { x, y, vx, vy, energy, .. } = ship;
        Me { x, y, vx, vy, energy, hp: ship.hp(), can_fire, can_lance, windup }
    }
}

impl Other {
    fn of(slot: Slot, ship: &Ship) -> Other {
        let shielded = ship.timers.shield > 0;
        Other { slot, x: ship.x, y: ship.y, vx: ship.vx, vy: ship.vy, hp: ship.hp(), shielded }
    }
}

impl Incoming {
    fn of(pulse: &snapshot::Pulse, world: &World) -> Incoming {
        let flight = Flight::from_wire(pulse, world.tick());
        let ((x, y), (vx, vy)) = (flight.at(world.tick()), flight.velocity());
        Incoming { x, y, vx, vy }
    }
}
