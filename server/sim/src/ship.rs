//! A ship and its tenant: everything the world keeps about one slot. How it moves is in [`crate::body`].

use protocol::snapshot::{Timers, changed, state};

use crate::body::Body;
use crate::checksum::{StateHash, both, four};
use crate::keyframe::carried;
use crate::rules::{ENERGY_MAX, HP, HP_MAX, RESPAWN_TICKS, SHIELD_TICKS};

/// A ship, as the room reads it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ship {
    /// Counts the tenants of the slot.
    pub generation: u8,
    /// True for a server-run ship.
    pub pilot: bool,
    /// False from destruction to respawn, and while parked; it is then nowhere.
    pub alive: bool,
    /// Position, Q8. Of a destroyed ship: where that happened.
    pub x: i32,
    /// Position, Q8.
    pub y: i32,
    /// Velocity, Q8 a tick.
    pub vx: i32,
    /// Velocity, Q8 a tick.
    pub vy: i32,
    /// Aim, 0..4096.
    pub aim: u16,
    /// Energy, Q8: 0..=25600.
    pub energy: u16,
    /// Countdowns.
    pub timers: Timers,
    /// Points.
    pub score: u32,
    /// Bits of [`changed`] set by the last step; a spawn between two steps counts for the next.
    pub changed: u8,

    /// Bits of [`changed`] that the next step starts with.
    pub(crate) pending: u8,
    /// Hit points in fractions, 0..=[`HP_MAX`].
    pub(crate) hp: u16,
    pub(crate) boosting: bool,
    pub(crate) crowned: bool,
    pub(crate) away: bool,
    pub(crate) parked: bool,
    /// Numbers the lives of all ships of a world, from 1: a new one with every spawn.
    pub(crate) life: u32,
    /// Of the Lance that it winds up: how far back the beam will look, eighths of a tick.
    pub(crate) view: u8,
}

carried!(Ship {
    generation,
    pilot,
    alive,
    x,
    y,
    vx,
    vy,
    aim,
    energy,
    timers,
    score,
    changed,
    pending,
    hp,
    boosting,
    crowned,
    away,
    parked,
    life,
    view,
});

impl Ship {
    /// Hit points, rounded up, 0..=100.
    pub fn hp(&self) -> u8 {
        points(self.hp)
    }

    /// Bits of [`state`], CROWN and AWAY included.
    pub fn state(&self) -> u8 {
        let bits = [
            (self.boosting, state::BOOST),
            (self.timers.shield > 0, state::SHIELD),
            (self.timers.windup > 0, state::WINDUP),
            (self.timers.overdrive > 0, state::OVERDRIVE),
            (self.crowned, state::CROWN),
            (self.away, state::AWAY),
        ];
        bits.iter().filter(|(on, _)| *on).fold(0, |all, (_, bit)| all | bit)
    }

    /// True while the ship is out of the world by its player's absence.
    pub fn parked(&self) -> bool {
        self.parked
    }

    /// The part that a player can predict.
    pub fn body(&self) -> Body {
        Body { x: self.x, y: self.y, vx: self.vx, vy: self.vy, energy: self.energy, timers: self.timers }
    }

    pub(crate) fn set_body(&mut self, body: Body) {
        Body { x: self.x, y: self.y, vx: self.vx, vy: self.vy, energy: self.energy, timers: self.timers } =
            body;
    }

    /// Puts the ship into the world for another life, whole, still and shielded.
    pub(crate) fn appear(&mut self, (x, y): (i32, i32), life: u32) {
        let timers = Timers { shield: SHIELD_TICKS, ..Timers::default() };
        self.set_body(Body { x, y, vx: 0, vy: 0, energy: ENERGY_MAX, timers });
        self.hp = HP_MAX;
        self.alive = true;
        self.parked = false;
        self.life = life;
    }

    /// Takes the ship out of the world, to come back after the countdown.
    pub(crate) fn perish(&mut self) {
        self.vanish();
        self.timers.respawn = RESPAWN_TICKS;
        self.changed |= changed::DEATH;
    }

    /// Takes the ship out of the world.
    pub(crate) fn vanish(&mut self) {
        self.set_body(Body { vx: 0, vy: 0, energy: 0, timers: Timers::default(), ..self.body() });
        self.hp = 0;
        self.boosting = false;
        self.alive = false;
    }

    pub(crate) fn digest(&self, key: usize, hash: &mut StateHash) {
        let Timers { pulse, lance, windup, shield, overdrive, respawn, regen } = self.timers;
        let flags = [self.pilot, self.alive, self.boosting, self.crowned, self.away, self.parked];
        let flags = flags.iter().fold(0u8, |bits, &flag| bits << 1 | u8::from(flag));
        hash.words([
            both(self.x, self.y),
            both(self.vx, self.vy),
            u64::from_le_bytes([pulse, lance, windup, shield, overdrive, respawn, regen, self.view]),
            four([self.aim, self.energy, self.hp, u16::from_le_bytes([self.changed, self.pending])]),
            both(self.score.cast_signed(), self.life.cast_signed()),
            four([key as u16, u16::from_le_bytes([self.generation, flags]), 0, 0]),
        ]);
    }
}

/// Whole hit points, rounded up, of a number of fractions.
pub(crate) fn points(fractions: u16) -> u8 {
    fractions.div_ceil(HP).min(100) as u8
}
