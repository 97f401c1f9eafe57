//! The Pulse: how it flies, whom it strikes, and what that does.
//!
//! A [`Flight`] is all that a client needs to show a pulse until something stops it.

use protocol::message::Weapon;
use protocol::quantize::{from_quarter, to_quarter};
use protocol::snapshot::changed;
use protocol::{Slot, Tick, snapshot};

use crate::checksum::Fnv64;
use crate::collision::Sweep;
use crate::event::Event;
use crate::map::Map;
use crate::rules::{
    HP, PULSE_DAMAGE, PULSE_LIFE, PULSE_MUZZLE, PULSE_RADIUS, PULSE_SPEED, REGEN_DELAY, SHIP_RADIUS,
};
use crate::trig;
use crate::world::World;

/// The straight way of a pulse: at tick `t` it is at the start plus `t - fired` times its velocity. It carries nothing
/// of its ship's velocity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flight {
    /// Where it starts, Q8; a multiple of 64.
    pub x: i32,
    /// Where it starts, Q8; a multiple of 64.
    pub y: i32,
    /// Heading, 0..4096.
    pub direction: u16,
    /// The tick at which it is at its start.
    pub fired: Tick,
}

impl Flight {
    /// The flight of a pulse that a ship at this place, after its step for tick `fired`, fires along `aim`. The start is
    /// the nearest quarter-unit to the muzzle, inside the world.
    pub fn from_ship(x: i32, y: i32, aim: u16, fired: Tick, side: i32) -> Flight {
        let aim = aim & 4095;
        let ahead = |part: i32| part * PULSE_MUZZLE / trig::ONE;
        let start = |at: i32| from_quarter(to_quarter(at.clamp(0, side)));
        Flight {
            x: start(x + ahead(trig::cos(i32::from(aim)))),
            y: start(y + ahead(trig::sin(i32::from(aim)))),
            direction: aim,
            fired,
        }
    }

    /// Velocity, Q8 a tick.
    pub fn velocity(&self) -> (i32, i32) {
        let part = |p: i32| p * PULSE_SPEED / trig::ONE;
        (part(trig::cos(i32::from(self.direction))), part(trig::sin(i32::from(self.direction))))
    }

    /// Position at a tick, Q8. Ticks outside its life are clamped to it.
    pub fn at(&self, tick: Tick) -> (i32, i32) {
        let flown = tick.since(self.fired).clamp(0, i64::from(PULSE_LIFE)) as i32;
        let (vx, vy) = self.velocity();
        (self.x + vx * flown, self.y + vy * flown)
    }

    /// True if by this tick the pulse has flown its way, or has come to a wall or an obstacle. A client takes it away
    /// then; a hit on a ship it is told.
    pub fn is_over(&self, tick: Tick, map: &Map) -> bool {
        self.ends(tick, self.at(tick), map)
    }

    fn ends(&self, tick: Tick, (x, y): (i32, i32), map: &Map) -> bool {
        tick.since(self.fired) >= i64::from(PULSE_LIFE) || map.blocks(x, y)
    }
}

/// A pulse in the world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pulse {
    pub(crate) id: u16,
    pub(crate) owner: Slot,
    /// Of the owner, who may leave before the pulse arrives.
    pub(crate) generation: u8,
    pub(crate) flight: Flight,
    /// Where it is now.
    pub(crate) x: i32,
    pub(crate) y: i32,
}

impl Pulse {
    /// As it travels.
    pub(crate) fn wire(&self) -> snapshot::Pulse {
        let Flight { x, y, direction, fired } = self.flight;
        snapshot::Pulse { id: self.id, owner: self.owner, x, y, direction, fired: (fired.0 & 255) as u8 }
    }

    pub(crate) fn digest(&self, hash: &mut Fnv64) {
        let Flight { x, y, direction, fired } = self.flight;
        for value in [self.id, self.owner.0, u16::from(self.generation), direction] {
            hash.u16(value);
        }
        for value in [x, y, self.x, self.y] {
            hash.i32(value);
        }
        hash.u32(fired.0);
    }
}

impl World {
    /// Moves every pulse by a tick; those that strike something or have flown their way are gone.
    pub(crate) fn fly_pulses(&mut self) {
        let mut pulses = std::mem::take(&mut self.pulses);
        pulses.retain_mut(|pulse| {
            let from = (pulse.x, pulse.y);
            (pulse.x, pulse.y) = pulse.flight.at(self.tick);
            let struck = self.strike(pulse, Sweep { from, to: (pulse.x, pulse.y) });
            !struck && !pulse.flight.ends(self.tick, (pulse.x, pulse.y), &self.map)
        });
        self.pulses = pulses;
    }

    /// Lets off the pulses that the ships' steps paid for. A ship that covers the shooter's is struck at the muzzle.
    pub(crate) fn fire_pulses(&mut self) {
        let shooters = std::mem::take(&mut self.shooters);
        for &slot in &shooters {
            let ship = &self.ships[slot.index()];
            let centre = (ship.x, ship.y);
            let flight = Flight::from_ship(ship.x, ship.y, ship.aim, self.tick, self.map.side());
            let (id, generation) = (self.next_pulse, ship.generation);
            self.next_pulse = id.wrapping_add(1);
            let pulse = Pulse { id, owner: slot, generation, flight, x: flight.x, y: flight.y };
            let struck = self.strike(&pulse, Sweep { from: centre, to: (pulse.x, pulse.y) });
            if !struck && !flight.is_over(self.tick, &self.map) {
                self.pulses.push(pulse);
            }
        }
        self.shooters = shooters;
    }

    /// Strikes the first ship on the pulse's way, if there is one.
    fn strike(&mut self, pulse: &Pulse, way: Sweep) -> bool {
        let own = (pulse.owner.index(), pulse.generation);
        let struck = way.first(&self.ship_grid, SHIP_RADIUS + PULSE_RADIUS, |key| {
            let key = key as usize;
            self.ships.get(key).is_some_and(|ship| ship.alive && (key, ship.generation) != own)
        });
        if let Some((key, at)) = struck {
            self.hurt(Slot(key as u16), pulse, at);
        }
        struck.is_some()
    }

    fn hurt(&mut self, victim: Slot, pulse: &Pulse, (x, y): (i32, i32)) {
        let ship = &mut self.ships[victim.index()];
        let shielded = ship.timers.shield > 0;
        let before = ship.hp();
        if !shielded {
            ship.hp = ship.hp.saturating_sub(PULSE_DAMAGE);
            ship.timers.regen = REGEN_DELAY;
            ship.changed |= changed::DAMAGE;
        }
        let damage = before - ship.hp();
        let destroyed = ship.hp == 0;
        let (x, y) = (from_quarter(to_quarter(x)), from_quarter(to_quarter(y)));
        self.events.push(Event::Hit { pulse: pulse.id, attacker: pulse.owner, victim, x, y, damage });
        if destroyed {
            let same = |ship: &crate::Ship| ship.generation == pulse.generation;
            let killer = self.ship(pulse.owner).is_some_and(same).then_some(pulse.owner);
            self.destroy(victim, killer, Weapon::Pulse, 0);
        }
    }
}

const _: () = assert!(PULSE_DAMAGE.is_multiple_of(HP), "a hit takes whole points");
