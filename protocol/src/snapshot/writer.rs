//! Writes the body of a snapshot, section by section, into the caller's buffer.
//!
//! Knows the layout and nothing of who may see what.

use super::{CellChange, CellOp, CellWindow, Event, Hit, Own, Pulse, Run, Ship, flags};
use crate::ids::Slot;
use crate::quantize::to_quarter;

/// Appends the sections of one body to a buffer. Call the methods in the order in which they stand here; those that
/// take lists may be left out when there is nothing to say.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    begun: usize,
    flags: u8,
}

impl<'a> Writer<'a> {
    /// A body that starts at the end of `out`. `full`: the client forgets what it was told before.
    pub fn new(out: &'a mut Vec<u8>, full: bool) -> Writer<'a> {
        Writer { begun: out.len(), out, flags: if full { flags::FULL } else { 0 } }
    }

    /// Bytes of the body so far.
    #[expect(clippy::len_without_is_empty, reason = "a position to measure sections by, not a collection")]
    pub fn len(&self) -> usize {
        self.out.len() - self.begun
    }

    /// OWN.
    pub fn own(&mut self, own: &Own) {
        self.flags |= flags::OWN;
        let ([x0, x1, x2], [y0, y1, y2]) = (i24(own.x), i24(own.y));
        let ([vx0, vx1], [vy0, vy1]) = (own.vx.to_le_bytes(), own.vy.to_le_bytes());
        let [e0, e1] = own.energy.to_le_bytes();
        let t = &own.timers;
        // In one piece: a buffer looks at its capacity once.
        #[rustfmt::skip]
        self.out.extend_from_slice(&[
            x0, x1, x2, y0, y1, y2, vx0, vx1, vy0, vy1, e0, e1,
            t.pulse, t.lance, t.windup, t.shield, t.overdrive, t.respawn, t.regen,
            own.hp, own.changed,
        ]);
    }

    /// FOCUS; only without [`Writer::own`].
    pub fn focus(&mut self, slot: Option<Slot>) {
        maybe_slot(self.out, slot);
    }

    /// LEAVES and UPDATES: indices into the known-list, descending, and then a run for each ship that is left. Say
    /// whether [`Writer::enters`] follows with something.
    ///
    /// # Panics
    /// More ships than a known-list has.
    pub fn updates(&mut self, leaves: &[u8], runs: &[Option<Run>], enters_follow: bool) {
        if !leaves.is_empty() || enters_follow {
            self.flags |= flags::SHIPS;
            self.out.push(u8::try_from(leaves.len()).expect("at most 255 known ships leave"));
            self.out.extend_from_slice(leaves);
        }
        for eight in runs.chunks(8) {
            let bit = |(n, run): (usize, &Option<Run>)| u8::from(run.is_some()) << n;
            self.out.push(eight.iter().enumerate().map(bit).sum());
        }
        runs.iter().flatten().for_each(|run| run.write(self.out));
    }

    /// Says that some ships' runs were left out.
    pub fn over_budget(&mut self) {
        self.flags |= flags::BUDGET;
    }

    /// ENTERS, to be called exactly if [`Writer::updates`] was told so or there were leaves.
    ///
    /// # Panics
    /// More ships than a known-list has.
    pub fn enters(&mut self, ships: &[Ship]) {
        debug_assert!(self.flags & flags::SHIPS != 0, "updates() was told that enters follow");
        self.out.push(u8::try_from(ships.len()).expect("at most 255 known ships enter"));
        for ship in ships {
            varint(self.out, ship.slot.0);
            self.out.push(ship.generation);
            point(self.out, ship.x, ship.y);
            self.out.extend_from_slice(&[ship.aim, ship.hp, ship.state]);
        }
    }

    /// True if LEAVES was written, so that ENTERS must be.
    pub fn has_ships(&self) -> bool {
        self.flags & flags::SHIPS != 0
    }

    /// PULSES.
    pub fn pulses(&mut self, spawns: &[Pulse], hits: &[Hit]) {
        if spawns.is_empty() && hits.is_empty() {
            return;
        }
        self.flags |= flags::PULSES;
        count(self.out, spawns.len());
        for pulse in spawns {
            self.out.extend_from_slice(&pulse.id.to_le_bytes());
            varint(self.out, pulse.owner.0);
            point(self.out, pulse.x, pulse.y);
            self.out.extend_from_slice(&pulse.direction.to_le_bytes());
            self.out.push(pulse.fired);
        }
        count(self.out, hits.len());
        for hit in hits {
            self.out.extend_from_slice(&hit.pulse.to_le_bytes());
            varint(self.out, hit.victim.0);
            self.out.push(hit.damage);
        }
    }

    /// PICKUPS: the window and, of each of its cells that has something new, what that is. Call it when the window
    /// has moved or a cell has something new. `cells` is how many of them follow in `changes`.
    pub fn pickups<'c>(
        &mut self,
        window: CellWindow,
        cells: usize,
        changes: impl Iterator<Item = ((u8, u8), CellChange<'c>)>,
    ) {
        self.flags |= flags::PICKUPS;
        self.out.extend_from_slice(&[window.x, window.y, window.width, window.height]);
        count(self.out, cells);
        for (cell, change) in changes {
            self.out.push(window.number(cell));
            match change {
                CellChange::Full(items) => {
                    varint(self.out, 0);
                    count(self.out, items.len());
                    items.iter().for_each(|item| self.out.extend_from_slice(&item.to_bytes()));
                }
                CellChange::Ops(ops) => {
                    count(self.out, ops.len());
                    ops.iter().for_each(|op| cell_op(self.out, op));
                }
            }
        }
    }

    /// EVENTS: explosions and beams; hits and pickups taken have sections of their own.
    pub fn events(&mut self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        self.flags |= flags::EVENTS;
        count(self.out, events.len());
        for event in events {
            match *event {
                Event::Explosion { slot, x, y } => {
                    self.out.push(0);
                    varint(self.out, slot.0);
                    point(self.out, x, y);
                }
                Event::Beam { slot, x, y, to_x, to_y, victim, damage, rewind } => {
                    self.out.push(1);
                    varint(self.out, slot.0);
                    point(self.out, x, y);
                    point(self.out, to_x, to_y);
                    maybe_slot(self.out, victim);
                    self.out.extend_from_slice(&[damage, rewind]);
                }
                Event::Hit { .. } | Event::Taken { .. } => unreachable!("PULSES and PICKUPS say these"),
            }
        }
    }

    /// CHECK.
    pub fn check(&mut self, check: u16) {
        self.flags |= flags::CHECK;
        self.out.extend_from_slice(&check.to_le_bytes());
    }

    /// The flags for the snapshot's head.
    pub fn finish(self) -> u8 {
        self.flags
    }
}

fn cell_op(out: &mut Vec<u8>, op: &CellOp) {
    match *op {
        CellOp::Append(item) => {
            varint(out, 0);
            out.extend_from_slice(&item.to_bytes());
        }
        CellOp::Remove { index, by } => {
            varint(out, index + 1);
            maybe_slot(out, by);
        }
    }
}

fn count(out: &mut Vec<u8>, n: usize) {
    varint(out, u16::try_from(n).expect("a room has fewer than 65536 of anything"));
}

fn varint(out: &mut Vec<u8>, value: u16) {
    if value <= 250 {
        out.push(value as u8);
    } else {
        out.push(251);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn maybe_slot(out: &mut Vec<u8>, slot: Option<Slot>) {
    varint(out, slot.map_or(0, |slot| slot.0 + 1));
}

fn i24(value: i32) -> [u8; 3] {
    debug_assert!((-(1 << 23)..1 << 23).contains(&value), "a coordinate fits 24 bits");
    let [low, middle, high, _] = value.to_le_bytes();
    [low, middle, high]
}

fn point(out: &mut Vec<u8>, x: i32, y: i32) {
    let ([x0, x1], [y0, y1]) = (to_quarter(x).to_le_bytes(), to_quarter(y).to_le_bytes());
    out.extend_from_slice(&[x0, x1, y0, y1]);
}
