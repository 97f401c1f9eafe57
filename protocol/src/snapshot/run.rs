//! Runs: what changed about one ship between two ticks. A run names no ship, so that all who are shown the same change
//! share the same bytes.

use super::Ship;
use crate::quantize::{aim_to_wire, from_quarter, to_quarter};

/// What travels of another ship, in wire units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ShipState {
    /// Position, quarter-units.
    pub x: u16,
    /// Position, quarter-units.
    pub y: u16,
    /// Aim, 256 steps a turn.
    pub aim: u8,
    /// Hit points, rounded up.
    pub hp: u8,
    /// Bits of [`super::state`].
    pub state: u8,
}

impl ShipState {
    /// A ship at a Q8 position with an aim of 4096 steps.
    pub fn new(x: i32, y: i32, aim: u16, hp: u8, state: u8) -> ShipState {
        ShipState { x: to_quarter(x), y: to_quarter(y), aim: aim_to_wire(aim), hp, state }
    }
}

/// Bits of a run's mask.
pub(super) mod mask {
    pub(in crate::snapshot) const MOVED: u8 = 1;
    pub(in crate::snapshot) const ABSOLUTE: u8 = 2;
    pub(in crate::snapshot) const AIM: u8 = 4;
    pub(in crate::snapshot) const HP: u8 = 8;
    pub(in crate::snapshot) const STATE: u8 = 16;
    pub(in crate::snapshot) const ALL: u8 = 31;
}

/// The bytes of one run: a mask and at most seven more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    bytes: [u8; 8],
    len: u8,
}

impl Run {
    /// What changed from `base` to `now`; none if nothing did.
    pub fn between(base: &ShipState, now: &ShipState) -> Option<Run> {
        let mut run = Run { bytes: [0; 8], len: 1 };
        if (base.x, base.y) != (now.x, now.y) {
            let step = |from: u16, to: u16| i8::try_from(i32::from(to) - i32::from(from)).ok();
            match (step(base.x, now.x), step(base.y, now.y)) {
                (Some(dx), Some(dy)) => run.add(mask::MOVED, &[dx as u8, dy as u8]),
                _ => run.add_point(now),
            }
        }
        if base.aim != now.aim {
            run.add(mask::AIM, &[now.aim]);
        }
        if base.hp != now.hp {
            run.add(mask::HP, &[now.hp]);
        }
        if base.state != now.state {
            run.add(mask::STATE, &[now.state]);
        }
        (run.bytes[0] != 0).then_some(run)
    }

    /// Everything, whatever the client has.
    pub fn absolute(now: &ShipState) -> Run {
        let mut run = Run { bytes: [0; 8], len: 1 };
        run.add_point(now);
        run.add(mask::AIM | mask::HP | mask::STATE, &[now.aim, now.hp, now.state]);
        run
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Appends the bytes: always eight, which takes one instruction, of which those that count stay.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let end = out.len() + usize::from(self.len);
        out.extend_from_slice(&self.bytes);
        out.truncate(end);
    }

    fn add_point(&mut self, now: &ShipState) {
        let ([x0, x1], [y0, y1]) = (now.x.to_le_bytes(), now.y.to_le_bytes());
        self.add(mask::ABSOLUTE, &[x0, x1, y0, y1]);
    }

    fn add(&mut self, bits: u8, bytes: &[u8]) {
        let at = usize::from(self.len);
        self.bytes[0] |= bits;
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len() as u8;
    }
}

impl Ship {
    /// What travels of this ship.
    pub fn state(&self) -> ShipState {
        ShipState {
            x: to_quarter(self.x),
            y: to_quarter(self.y),
            aim: self.aim,
            hp: self.hp,
            state: self.state,
        }
    }

    /// Takes over a state.
    pub fn set(&mut self, state: &ShipState) {
        (self.x, self.y) = (from_quarter(state.x), from_quarter(state.y));
        (self.aim, self.hp, self.state) = (state.aim, state.hp, state.state);
    }
}
