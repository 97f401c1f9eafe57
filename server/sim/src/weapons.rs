//! The Pulse: how it flies and whom it strikes; and what a shot does to a ship.
//!
//! A [`Flight`] is all that a client needs to show a pulse until something stops it.

use protocol::message::Weapon;
use protocol::quantize::{from_quarter, to_quarter};
use protocol::snapshot::changed;
use protocol::{Slot, Tick, snapshot};

use crate::checksum::{StateHash, both, four};
use crate::collision::Sweep;
use crate::event::Event;
use crate::history::PARTS;
use crate::keyframe::carried;
use crate::map::Map;
use crate::rewind::Shooter;
use crate::rules::{
    HP, LANCE_DAMAGE, PULSE_DAMAGE, PULSE_LIFE, PULSE_MUZZLE, PULSE_RADIUS, PULSE_REWIND_TICKS, PULSE_SPEED,
    REGEN_DELAY, SHIP_RADIUS,
};
use crate::trig;
use crate::world::World;

/// The straight way of a pulse: at tick `t` it is at the start plus `t - fired + catchup` times its velocity. It carries
/// nothing of its ship's velocity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flight {
    /// Where it starts, Q8; a multiple of 64.
    pub x: i32,
    /// Where it starts, Q8; a multiple of 64.
    pub y: i32,
    /// Heading, 0..4096.
    pub direction: u16,
    /// The tick that fired it.
    pub fired: Tick,
    /// Ticks of its flight that it was ahead when it was fired: as many as its shooter saw the others late, 0..=5. They
    /// count for its life.
    pub catchup: u8,
}

impl Flight {
    /// The flight of a pulse that a ship at this place, after its step for tick `fired`, fires along `aim`. The start is
    /// the nearest quarter-unit to the muzzle, inside the world; without catch-up, `catchup` 0.
    pub fn from_ship(x: i32, y: i32, aim: u16, fired: Tick, side: i32) -> Flight {
        let aim = aim & 4095;
        let ahead = |part: i32| part * PULSE_MUZZLE / trig::ONE;
        let start = |at: i32| from_quarter(to_quarter(at.clamp(0, side)));
        Flight {
            x: start(x + ahead(trig::cos(i32::from(aim)))),
            y: start(y + ahead(trig::sin(i32::from(aim)))),
            direction: aim,
            fired,
            catchup: 0,
        }
    }

    /// The flight of a pulse that travels. `now` is the tick of its snapshot, at most 255 after `fired`.
    pub fn from_wire(pulse: &snapshot::Pulse, now: Tick) -> Flight {
        let age = (now.0 & 255).wrapping_sub(u32::from(pulse.fired)) & 255;
        Flight {
            x: pulse.x,
            y: pulse.y,
            direction: pulse.direction & 4095,
            fired: now.minus(age),
            catchup: (pulse.direction >> 12) as u8,
        }
    }

    /// Velocity, Q8 a tick.
    pub fn velocity(&self) -> (i32, i32) {
        let part = |p: i32| p * PULSE_SPEED / trig::ONE;
        (part(trig::cos(i32::from(self.direction))), part(trig::sin(i32::from(self.direction))))
    }

    /// Position at a tick, Q8. Ticks outside its life are clamped to it.
    pub fn at(&self, tick: Tick) -> (i32, i32) {
        self.after(self.flown(tick).clamp(self.catchup.into(), PULSE_LIFE.into()))
    }

    /// Ticks of its flight at a tick.
    fn flown(&self, tick: Tick) -> i64 {
        tick.since(self.fired) + i64::from(self.catchup)
    }

    /// Position after so many ticks of flight.
    fn after(&self, flown: i64) -> (i32, i32) {
        let (vx, vy) = self.velocity();
        (self.x + vx * flown as i32, self.y + vy * flown as i32)
    }

    /// True if by this tick the pulse has flown its way, or has come to a wall or an obstacle on it. A client takes it away
    /// then; a hit on a ship it is told.
    pub fn is_over(&self, tick: Tick, map: &Map) -> bool {
        let flown = self.flown(tick);
        let (vx, vy) = self.velocity();
        // Each tick, as the world does it: at the last one it may be behind the obstacle that stopped it.
        let mut way = (i64::from(self.catchup)..=flown).map(|n| n as i32);
        flown >= i64::from(PULSE_LIFE) || way.any(|n| map.blocks(self.x + vx * n, self.y + vy * n))
    }

    fn ends(&self, tick: Tick, (x, y): (i32, i32), map: &Map) -> bool {
        self.flown(tick) >= i64::from(PULSE_LIFE) || map.blocks(x, y)
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

carried!(Flight { x, y, direction, fired, catchup });
carried!(Pulse { id, owner, generation, flight, x, y });

impl Pulse {
    /// As it travels.
    pub(crate) fn wire(&self) -> snapshot::Pulse {
        let Flight { x, y, direction, fired, catchup } = self.flight;
        let direction = direction | u16::from(catchup) << 12;
        snapshot::Pulse { id: self.id, owner: self.owner, x, y, direction, fired: (fired.0 & 255) as u8 }
    }

    pub(crate) fn digest(&self, hash: &mut StateHash) {
        let Flight { x, y, direction, fired, catchup } = self.flight;
        hash.words([
            four([self.id, self.owner.0, direction, u16::from_le_bytes([self.generation, catchup])]),
            both(x, y),
            both(self.x, self.y),
            fired.0.into(),
        ]);
    }
}

impl World {
    /// Moves every pulse by a tick; those that strike something or have flown their way are gone.
    pub(crate) fn fly_pulses(&mut self) {
        let mut pulses = std::mem::take(&mut self.pulses);
        pulses.retain_mut(|pulse| {
            let from = (pulse.x, pulse.y);
            (pulse.x, pulse.y) = pulse.flight.at(self.tick);
            let struck = self.strike(pulse, Sweep { from, to: (pulse.x, pulse.y) }, 0);
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
            let catchup = (self.commands[slot.index()].rewind / PARTS).min(PULSE_REWIND_TICKS);
            let flight = Flight::from_ship(ship.x, ship.y, ship.aim, self.tick, self.map.side());
            let flight = Flight { catchup, ..flight };
            let (id, generation) = (self.next_pulse, ship.generation);
            self.next_pulse = id.wrapping_add(1);
            let (x, y) = flight.at(self.tick);
            let pulse = Pulse { id, owner: slot, generation, flight, x, y };
            if self.catches_up(&pulse, centre) {
                self.pulses.push(pulse);
            }
        }
        self.shooters = shooters;
    }

    /// Flies what a new pulse is ahead, among the ships of the ticks that its shooter still saw; false if something
    /// stops it. The last of these ticks is the present.
    fn catches_up(&mut self, pulse: &Pulse, centre: (i32, i32)) -> bool {
        let Flight { catchup, .. } = pulse.flight;
        let mut from = centre;
        for flown in 0..=catchup {
            let to = pulse.flight.after(flown.into());
            if self.strike(pulse, Sweep { from, to }, catchup - flown) || self.map.blocks(to.0, to.1) {
                return false;
            }
            from = to;
        }
        true
    }

    /// Strikes the first ship on the pulse's way, if there is one: where ships were so many ticks ago.
    fn strike(&mut self, pulse: &Pulse, way: Sweep, ticks_ago: u8) -> bool {
        let shooter = Shooter { key: pulse.owner.index(), generation: pulse.generation };
        let struck = self.first_ship(way, SHIP_RADIUS + PULSE_RADIUS, ticks_ago * PARTS, shooter);
        if let Some((key, at)) = struck {
            self.hit(Slot(key as u16), pulse, at);
        }
        struck.is_some()
    }

    fn hit(&mut self, victim: Slot, pulse: &Pulse, (x, y): (i32, i32)) {
        let damage = self.hurt(victim, PULSE_DAMAGE);
        let (x, y) = (from_quarter(to_quarter(x)), from_quarter(to_quarter(y)));
        self.events.push(Event::Hit { pulse: pulse.id, attacker: pulse.owner, victim, x, y, damage });
        if self.ships[victim.index()].hp == 0 {
            let same = |ship: &crate::Ship| ship.generation == pulse.generation;
            let killer = self.ship(pulse.owner).is_some_and(same).then_some(pulse.owner);
            self.destroy(victim, killer, Weapon::Pulse, pulse.flight.catchup * PARTS);
        }
    }

    /// Takes a living ship so many fractions of hit points, unless its shield holds. Returns the points that it lost.
    pub(crate) fn hurt(&mut self, victim: Slot, fractions: u16) -> u8 {
        let ship = &mut self.ships[victim.index()];
        let before = ship.hp();
        if ship.timers.shield == 0 {
            ship.hp = ship.hp.saturating_sub(fractions);
            ship.timers.regen = REGEN_DELAY;
            ship.changed |= changed::DAMAGE;
        }
        before - ship.hp()
    }
}

const _: () =
    assert!(PULSE_DAMAGE.is_multiple_of(HP) && LANCE_DAMAGE.is_multiple_of(HP), "a hit takes whole points");
const _: () = assert!((PULSE_REWIND_TICKS as u32) < PULSE_LIFE, "a pulse outlives its catch-up");
