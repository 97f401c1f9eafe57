//! Lag compensation: where ships were when a shooter saw them.
//!
//! Only their places are looked up in the past. Whether a ship lives and whether its shield holds is judged in the
//! present, and so are walls and obstacles, which do not move.

use protocol::quantize::Q8;

use crate::checksum::{StateHash, both};
use crate::collision::Sweep;
use crate::history::{Between, History, KEPT, PARTS};
use crate::keyframe::carried;
use crate::rules::{MAX_REWIND_TICKS, PULSE_REWIND_TICKS};
use crate::world::World;

/// The longest way that a shot can look back, eighths of a tick.
pub(crate) const MAX_REWIND: u8 = MAX_REWIND_TICKS * PARTS;

/// No ship ends a tick farther than this from where it was the tick before, Q8: top speed, and as much again when an
/// obstacle pushes it out.
pub(crate) const STRIDE: i32 = 56 * Q8;

/// Where a ship was at the end of a tick, and in which life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    x: i32,
    y: i32,
    /// The ship's life then; 0 for none.
    life: u32,
}

carried!(Place { x, y, life });

impl Between for Place {
    fn between(older: Place, newer: Place, eighths: u8) -> Option<Place> {
        let part = |older: i32, newer: i32| older + (newer - older) * i32::from(eighths) / i32::from(PARTS);
        (older.life == newer.life).then(|| Place {
            x: part(older.x, newer.x),
            y: part(older.y, newer.y),
            life: newer.life,
        })
    }
}

impl History<Place> {
    pub(crate) fn digest(&self, hash: &mut StateHash) {
        for places in self.ticks() {
            hash.words([places.len() as u64]);
            for place in places {
                hash.words([both(place.x, place.y), place.life.into()]);
            }
        }
    }
}

/// Who fires: nobody is struck by a shot of the same seat and tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shooter {
    pub(crate) key: usize,
    pub(crate) generation: u8,
}

impl World {
    /// Remembers where ships are in this tick, for later shots to look back at.
    pub(crate) fn remember_places(&mut self) {
        let ships = &self.ships;
        self.history.record((0..self.generations.len()).map(|key| match ships.get(key) {
            Some(ship) if ship.alive => Place { x: ship.x, y: ship.y, life: ship.life },
            _ => Place::default(),
        }));
    }

    /// The ship that the way comes by first, within `radius`, and where on the way: ships that live now, where they
    /// were so many eighths of a tick ago. A ship that began its life since was nowhere then.
    pub(crate) fn first_ship(
        &self,
        way: Sweep,
        radius: i32,
        eighths_ago: u8,
        shooter: Shooter,
    ) -> Option<(usize, (i32, i32))> {
        let is_target = |key: usize| {
            let other = |ship: &crate::Ship| key != shooter.key || ship.generation != shooter.generation;
            self.ships.get(key).is_some_and(|ship| ship.alive && other(ship))
        };
        if eighths_ago == 0 {
            return way.first(&self.ship_grid, radius, 0, |item| Some((item.x, item.y)), is_target);
        }
        let slack = i32::from(eighths_ago.div_ceil(PARTS)) * STRIDE;
        let then = |key: usize| {
            let place = self.history.at(key, eighths_ago)?;
            (place.life == self.ships.get(key)?.life).then_some((place.x, place.y))
        };
        way.first(&self.ship_grid, radius, slack, |item| then(item.key as usize), is_target)
    }
}

const _: () = assert!((MAX_REWIND_TICKS as usize) < KEPT, "the past is kept for as long as shots look back");
const _: () = assert!(PULSE_REWIND_TICKS <= MAX_REWIND_TICKS);
const _: () = assert!(PULSE_REWIND_TICKS < 16, "the catch-up of a pulse travels in four bits");
