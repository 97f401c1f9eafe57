//! Writes the body of a snapshot, section by section, into the caller's buffer.
//!
//! Knows the layout and nothing of who may see what.

use super::{Event, Own, Pickup, Pulse, Ship, flags};
use crate::ids::Slot;
use crate::quantize::to_quarter;

/// Appends the sections of one body to a buffer. Call the methods in the order of the sections; leave out `own` and
/// `focus` where they do not apply, and none of the others.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    flags: u8,
}

impl<'a> Writer<'a> {
    /// A body that starts at the end of `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Writer<'a> {
        Writer { out, flags: flags::FULL }
    }

    /// OWN.
    pub fn own(&mut self, own: &Own) {
        self.flags |= flags::OWN;
        i24(self.out, own.x);
        i24(self.out, own.y);
        self.out.extend_from_slice(&own.vx.to_le_bytes());
        self.out.extend_from_slice(&own.vy.to_le_bytes());
        self.out.extend_from_slice(&own.energy.to_le_bytes());
        let t = &own.timers;
        self.out.extend_from_slice(&[t.pulse, t.lance, t.windup, t.shield, t.overdrive, t.respawn, t.regen]);
        self.out.extend_from_slice(&[own.hp, own.changed]);
    }

    /// FOCUS.
    pub fn focus(&mut self, slot: Slot) {
        self.flags |= flags::FOCUS;
        varint(self.out, slot.0);
    }

    /// SHIPS.
    pub fn ships(&mut self, ships: impl ExactSizeIterator<Item = Ship>) {
        self.list(ships, |out, ship| {
            varint(out, ship.slot.0);
            out.push(ship.generation);
            point(out, ship.x, ship.y);
            out.extend_from_slice(&[ship.aim, ship.hp, ship.state]);
        });
    }

    /// PULSES.
    pub fn pulses(&mut self, pulses: impl ExactSizeIterator<Item = Pulse>) {
        self.list(pulses, |out, pulse| {
            out.extend_from_slice(&pulse.id.to_le_bytes());
            varint(out, pulse.owner.0);
            point(out, pulse.x, pulse.y);
            out.extend_from_slice(&pulse.direction.to_le_bytes());
            out.push(pulse.fired);
        });
    }

    /// PICKUPS.
    pub fn pickups(&mut self, pickups: impl ExactSizeIterator<Item = Pickup>) {
        self.list(pickups, |out, pickup| {
            out.extend_from_slice(&pickup.id.to_le_bytes());
            out.push(pickup.kind.wire());
            point(out, pickup.x, pickup.y);
        });
    }

    /// EVENTS; the last section. Returns the flags for the snapshot's head.
    pub fn events(mut self, events: impl ExactSizeIterator<Item = Event>) -> u8 {
        self.list(events, |out, event| match event {
            Event::Hit { pulse, victim, x, y, damage } => {
                out.push(0);
                out.extend_from_slice(&pulse.to_le_bytes());
                varint(out, victim.0);
                point(out, x, y);
                out.push(damage);
            }
            Event::Explosion { slot, x, y } => {
                out.push(1);
                varint(out, slot.0);
                point(out, x, y);
            }
            Event::Taken { id, slot } => {
                out.push(2);
                out.extend_from_slice(&id.to_le_bytes());
                varint(out, slot.0);
            }
        });
        self.flags
    }

    fn list<T>(&mut self, items: impl ExactSizeIterator<Item = T>, mut write: impl FnMut(&mut Vec<u8>, T)) {
        varint(self.out, u16::try_from(items.len()).expect("a room has fewer than 65536 of anything"));
        for item in items {
            write(self.out, item);
        }
    }
}

fn varint(out: &mut Vec<u8>, value: u16) {
    if value <= 250 {
        out.push(value as u8);
    } else {
        out.push(251);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn i24(out: &mut Vec<u8>, value: i32) {
    debug_assert!((-(1 << 23)..1 << 23).contains(&value), "a coordinate fits 24 bits");
    out.extend_from_slice(&value.to_le_bytes()[..3]);
}

fn point(out: &mut Vec<u8>, x: i32, y: i32) {
    out.extend_from_slice(&to_quarter(x).to_le_bytes());
    out.extend_from_slice(&to_quarter(y).to_le_bytes());
}
