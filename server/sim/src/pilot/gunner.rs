//! The gunner: where to aim and when to fire which weapon. It leads its target, turns only so fast, and errs a little.

use super::sight::Sight;
use super::vector::Vector;
use super::{Target, Temper, U};
use crate::checksum::{StateHash, both};
use crate::dice::Dice;
use crate::keyframe::carried;
use crate::rules::{LANCE_ENERGY, PULSE_ENERGY, PULSE_MUZZLE, PULSE_SPEED};
use crate::trig;

/// The fastest turn of the aim, steps a tick: half a turn in a third of a second.
const TURN_RATE: i32 = 200;
/// The gun fires when its aim is this close to where it should be, steps.
const ON_TARGET: i32 = 60;
/// Farthest target that is fired at; a pulse reaches 900 u.
const REACH: i64 = 680 * U;
/// A Lance is not wasted on targets closer than this, and does not reach much beyond the other end.
const LANCE_REACH: std::ops::Range<i64> = 120 * U..600 * U;
/// A Lance is wound up when its aim is this close to where it should be, steps: the wind-up is long enough to correct it.
const LANCE_ON_TARGET: i32 = 300;

/// Hands on the gun.
#[derive(Debug, Clone, Default)]
pub(super) struct Gunner {
    aim: u16,
    /// Error of the aim now and where it drifts, steps.
    slip: i32,
    slip_goal: i32,
    slip_left: u8,
    /// Shots left in this burst; then a pause, in ticks.
    burst: u8,
    pause: u8,
    /// Ticks until it thinks of the Lance again.
    lance_pause: u8,
}

carried!(Gunner { aim, slip, slip_goal, slip_left, burst, pause, lance_pause });

/// What the hands do in a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hands {
    pub(super) aim: u16,
    /// Fire a pulse.
    pub(super) fire: bool,
    /// Wind up a Lance.
    pub(super) lance: bool,
}

impl Gunner {
    /// Turns the aim towards the target, or along `course` without one, and fires when it is time to.
    pub(super) fn work(
        &mut self,
        ticks: u8,
        sight: &Sight<'_>,
        target: Option<&Target>,
        course: Vector,
        temper: &Temper,
        dice: &mut Dice,
    ) -> Hands {
        self.drift(ticks, temper, dice);
        self.pause = self.pause.saturating_sub(ticks);
        self.lance_pause = self.lance_pause.saturating_sub(ticks);
        let winding = sight.me.windup > 0;
        let direct = target.map(|target| direct(sight, target));
        let lead = target.map(|target| lead(sight, target));
        let wanted = match if winding { direct } else { lead } {
            Some(way) => (i32::from(way.heading()) + self.slip) & (trig::TURN - 1),
            None => i32::from(course.heading()),
        };
        let off = trig::turn(self.aim, wanted as u16);
        let farthest = TURN_RATE * i32::from(ticks);
        let turned = i32::from(self.aim) + off.clamp(-farthest, farthest);
        self.aim = (turned & (trig::TURN - 1)) as u16;

        let still_off = (off.abs() - farthest).max(0);
        let lance = match (target, direct) {
            (Some(target), Some(way)) if self.lance_pause == 0 => {
                still_off < LANCE_ON_TARGET && worth_a_lance(sight, target, way)
            }
            _ => false,
        };
        if lance {
            self.lance_pause = 120 + dice.below(120) as u8;
        }
        let fire = match (target, lead) {
            (Some(target), Some(lead)) => {
                let ready = !lance && !winding && self.pause == 0;
                ready && still_off < ON_TARGET && worth_a_shot(sight, target, lead)
            }
            _ => false,
        };
        if fire {
            self.burst = self.burst.saturating_sub(1);
            if self.burst == 0 {
                self.burst = 3 + dice.below(4) as u8;
                self.pause = (u32::from(temper.pause) + dice.below(12)) as u8;
            }
        }
        Hands { aim: self.aim, fire, lance }
    }

    /// A new target takes a moment to sink in.
    pub(super) fn surprise(&mut self, dice: &mut Dice) {
        self.pause = self.pause.max(6 + dice.below(9) as u8);
        self.lance_pause = self.lance_pause.max(15 + dice.below(45) as u8);
    }

    /// A hand is never quite still.
    fn drift(&mut self, ticks: u8, temper: &Temper, dice: &mut Dice) {
        if self.slip_left == 0 {
            let most = i32::from(temper.slip);
            self.slip_goal = dice.between(-most, most);
            self.slip_left = 6 + dice.below(12) as u8;
        }
        self.slip_left = self.slip_left.saturating_sub(ticks);
        for _ in 0..ticks {
            self.slip += (self.slip_goal - self.slip) / 4;
        }
    }

    pub(super) fn digest(&self, hash: &mut StateHash) {
        let counts = u32::from_le_bytes([self.slip_left, self.burst, self.pause, self.lance_pause]);
        hash.words([both(self.slip, self.slip_goal), u64::from(counts) << 32 | u64::from(self.aim)]);
    }
}

/// From the gun to where pulse and target meet, if the target goes on as it does.
fn lead(sight: &Sight<'_>, target: &Target) -> Vector {
    let gun = sight.me.place() + sight.me.velocity();
    let ship = target.place + target.velocity;
    let mut meeting = ship;
    for _ in 0..4 {
        let way = ((meeting - gun).length() - i64::from(PULSE_MUZZLE)).max(0);
        // Sixteenths of a tick; turns are not foreseen for long.
        let flight = way * 16 / i64::from(PULSE_SPEED);
        let turning = flight.min(14 * 16);
        meeting = ship
            + target.velocity.scaled(flight, 16)
            + target.turning.scaled(turning * turning, 2 * 16 * 16 * Target::TURNING);
    }
    meeting - gun
}

/// From the gun to where the target is next, for what strikes at once.
fn direct(sight: &Sight<'_>, target: &Target) -> Vector {
    let gun = sight.me.place() + sight.me.velocity();
    target.place + target.velocity - gun
}

/// In reach, in the open, not shielded, and energy enough to follow it up.
fn worth_a_lance(sight: &Sight<'_>, target: &Target, way: Vector) -> bool {
    let me = &sight.me;
    let reserve = if target.hp <= 45 { 0 } else { 10 * 256 };
    me.can_lance
        && !target.shielded
        && me.energy >= LANCE_ENERGY + reserve
        && LANCE_REACH.contains(&way.length())
        && !is_hidden(sight, way)
}

/// In reach, in the open, not shielded, and energy enough to still get away.
fn worth_a_shot(sight: &Sight<'_>, target: &Target, lead: Vector) -> bool {
    let me = &sight.me;
    let close = lead.length() < 220 * U || target.hp <= 40;
    let reserve = if close { 0 } else { 24 * 256 };
    me.can_fire
        && !target.shielded
        && me.energy >= PULSE_ENERGY + reserve
        && lead.length() < REACH
        && !is_hidden(sight, lead)
}

/// True if an obstacle lies across the way.
fn is_hidden(sight: &Sight<'_>, way: Vector) -> bool {
    let length = way.length();
    sight.obstacles.iter().any(|o| {
        let to = Vector::new(o.x, o.y) - sight.me.place();
        let along = to.dot(way);
        along > 0 && along < length * length && to.cross(way).abs() < i64::from(o.r) * length
    })
}
