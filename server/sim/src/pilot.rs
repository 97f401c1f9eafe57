//! The brain of server-run ships, on plain data that a client sees too, so that swarms of bots can use it.
//!
//! It plays to be worth beating: it leads, keeps its range, weaves, dodges and runs, with hands that are human enough to
//! miss. It sees only its [`Sight`]; all chance comes from its seed.

mod gunner;
mod helm;
mod sight;
mod vector;

use protocol::input::Buttons;
use protocol::{Controls, Slot, Tick};

use crate::checksum::{StateHash, four};
use crate::dice::Dice;
use crate::keyframe::carried;
use gunner::Gunner;
use helm::Course;
pub use sight::{Incoming, Loot, Me, Other, Sight};
use vector::Vector;

/// One unit in Q8.
const U: i64 = protocol::quantize::Q8 as i64;

/// One pilot's mind: what it remembers from tick to tick.
#[derive(Debug, Clone)]
pub struct Brain {
    dice: Dice,
    temper: Temper,
    gunner: Gunner,
    target: Option<Target>,
    /// Ticks until it looks around for a better target.
    patience: u8,
    /// Which way it circles, 1 or -1, and for how many more ticks.
    side: i8,
    side_left: u8,
    /// Where it heads when there is nothing to do, and for how many more ticks.
    heading: u16,
    heading_left: u8,
}

/// What makes a pilot itself.
#[derive(Debug, Clone, Copy)]
struct Temper {
    /// Distance that it fights at, u.
    range: u16,
    /// Most error of its aim, steps of 4096.
    slip: u8,
    /// Shortest pause between two bursts, ticks.
    pause: u8,
    /// It notices a pulse this many ticks before it strikes.
    alert: u8,
    /// It runs from a fight with fewer hit points than this.
    caution: u8,
}

/// The ship that it has its eye on.
#[derive(Debug, Clone, Copy)]
struct Target {
    slot: Slot,
    seen: Tick,
    place: Vector,
    velocity: Vector,
    /// Change of the velocity a tick, smoothed, times [`Target::TURNING`].
    turning: Vector,
    hp: u8,
    shielded: bool,
}

carried!(Brain { dice, temper, gunner, target, patience, side, side_left, heading, heading_left });
carried!(Temper { range, slip, pause, alert, caution });
carried!(Target { slot, seen, place, velocity, turning, hp, shielded });

impl Target {
    const TURNING: i64 = 16;

    fn first_seen(ship: &Other, tick: Tick) -> Target {
        let (place, velocity) = (ship.place(), ship.velocity());
        let Other { slot, hp, shielded, .. } = *ship;
        Target { slot, seen: tick, place, velocity, turning: Vector::default(), hp, shielded }
    }

    fn seen_again(&self, ship: &Other, tick: Tick) -> Target {
        let ticks = tick.since(self.seen);
        let now = Target::first_seen(ship, tick);
        let change = (now.velocity - self.velocity).scaled(Target::TURNING, ticks);
        let turning =
            if ticks > 0 { self.turning + (change - self.turning).scaled(1, 3) } else { self.turning };
        Target { turning, ..now }
    }
}

/// What it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Fight,
    Flee,
    /// Something to pick up is there.
    Gather(Vector),
    /// The target was last seen there.
    Search(Vector),
    Roam(u16),
}

/// A target out of sight is forgotten after so many ticks.
const MEMORY: i64 = 90;

impl Brain {
    /// A pilot with a temper of its own, from `seed`.
    pub fn new(seed: u64) -> Brain {
        let mut dice = Dice::new(seed);
        let mut roll = |low, high| dice.between(low, high);
        let temper = Temper {
            range: roll(190, 300) as u16,
            slip: roll(35, 95) as u8,
            pause: roll(10, 26) as u8,
            alert: roll(8, 14) as u8,
            caution: roll(15, 40) as u8,
        };
        let (side, heading) = (if dice.one_in(2) { 1 } else { -1 }, dice.below(4096) as u16);
        Brain {
            dice,
            temper,
            gunner: Gunner::default(),
            target: None,
            patience: 0,
            side,
            side_left: 0,
            heading,
            heading_left: 0,
        }
    }

    /// Decides what to hold during the next tick. To be called once per tick.
    pub fn think(&mut self, sight: &Sight<'_>) -> Controls {
        self.think_after(1, sight)
    }

    /// The same for a pilot that thought `ticks` ago for the last time: it turns as far and pauses as long as if it had
    /// thought in each of them.
    pub fn think_after(&mut self, ticks: u8, sight: &Sight<'_>) -> Controls {
        self.watch(ticks, sight);
        self.change_its_mind(ticks);
        let mood = self.mood(sight);
        let target = self.target.filter(|target| target.seen == sight.tick);
        let side = i64::from(self.side);
        let course = helm::course(sight, mood, target.as_ref(), side, &self.temper);
        let hands =
            self.gunner.work(ticks, sight, target.as_ref(), course.pull, &self.temper, &mut self.dice);
        let mut buttons = Buttons::default();
        if hands.fire {
            buttons = buttons.with(Buttons::FIRE);
        }
        if hands.lance {
            buttons = buttons.with(Buttons::LANCE);
        }
        if self.boosts(sight, mood, &course) {
            buttons = buttons.with(Buttons::BOOST);
        }
        let pull = course.pull.length();
        Controls {
            magnitude: (pull * 7 / 700).min(7) as u8,
            buttons,
            dir: (course.pull.heading() >> 4) as u8,
            aim: hands.aim,
        }
    }

    /// Keeps an eye on its target, and now and then chooses another.
    fn watch(&mut self, ticks: u8, sight: &Sight<'_>) {
        let tick = sight.tick;
        self.target = self.target.and_then(|target| {
            let again = sight.ships.iter().find(|ship| ship.slot == target.slot);
            let jumped = |ship: &&Other| (ship.place() - target.place).length() > 400 * U;
            match again.filter(|ship| !jumped(ship)) {
                Some(ship) => Some(target.seen_again(ship, tick)),
                None => (0..MEMORY).contains(&tick.since(target.seen)).then_some(target),
            }
        });
        self.patience = self.patience.saturating_sub(ticks);
        let lost = self.target.is_none_or(|target| target.seen != tick);
        if self.patience > 0 && !lost {
            return;
        }
        self.patience = 15 + self.dice.below(20) as u8;
        let current = self.target.map(|target| target.slot);
        let price = |ship: &&Other| {
            let distance = (ship.place() - sight.me.place()).length() / U;
            let shielded = if ship.shielded { 500 } else { 0 };
            let loyal = if Some(ship.slot) == current { 200 } else { 0 };
            distance + i64::from(ship.hp) * 2 + shielded - loyal
        };
        match sight.ships.iter().min_by_key(price) {
            Some(ship) if Some(ship.slot) != current => {
                self.target = Some(Target::first_seen(ship, tick));
                self.gunner.surprise(&mut self.dice);
            }
            _ => {}
        }
    }

    /// Nobody circles the same way, or roams in the same direction, forever.
    fn change_its_mind(&mut self, ticks: u8) {
        self.side_left = self.side_left.saturating_sub(ticks);
        if self.side_left == 0 {
            self.side = -self.side;
            self.side_left = 20 + self.dice.below(60) as u8;
        }
        self.heading_left = self.heading_left.saturating_sub(ticks);
        if self.heading_left == 0 {
            self.heading = (self.heading + 3400 + self.dice.below(1400) as u16) & 4095;
            self.heading_left = 60 + self.dice.below(90) as u8;
        }
    }

    fn mood(&self, sight: &Sight<'_>) -> Mood {
        let me = &sight.me;
        if let Some(target) = self.target {
            let visible = target.seen == sight.tick;
            let away = (target.place - me.place()).length();
            let losing = me.hp < self.temper.caution && me.hp < target.hp && away < 520 * U;
            let pointless = target.shielded && away > 300 * U;
            match visible {
                true if losing => return Mood::Flee,
                true if !pointless => return Mood::Fight,
                false if me.hp >= self.temper.caution => return Mood::Search(target.place),
                _ => {}
            }
        }
        helm::best_loot(sight).map_or(Mood::Roam(self.heading), Mood::Gather)
    }

    /// Boost runs from what is about to hurt and after what is far away, while the store lasts.
    fn boosts(&self, sight: &Sight<'_>, mood: Mood, course: &Course) -> bool {
        let charge = sight.me.charge();
        let far = self.target.is_some_and(|target| (target.place - sight.me.place()).length() > 560 * U);
        match mood {
            _ if course.imminent => charge > 16,
            Mood::Flee => charge > 8,
            Mood::Fight | Mood::Search(_) => far && charge > 65,
            Mood::Gather(_) | Mood::Roam(_) => false,
        }
    }

    pub(crate) fn digest(&self, hash: &mut StateHash) {
        self.dice.digest(hash);
        self.gunner.digest(hash);
        if let Some(target) = &self.target {
            let Target { slot, seen, place, velocity, turning, hp, shielded } = target;
            let vectors = [place, velocity, turning].map(|v| [v.x.cast_unsigned(), v.y.cast_unsigned()]);
            let [[x, y], [vx, vy], [tx, ty]] = vectors;
            let state = u16::from_le_bytes([*hp, u8::from(*shielded)]);
            hash.words([x, y, vx, vy, tx, ty, seen.0.into(), four([slot.0, state, 0, 0])]);
        }
        let counts = [self.side_left, self.heading_left];
        let mind = u16::from_le_bytes([self.patience, self.side.cast_unsigned()]);
        hash.words([four([mind, u16::from_le_bytes(counts), self.heading, 0])]);
    }
}

#[cfg(test)]
mod tests;
