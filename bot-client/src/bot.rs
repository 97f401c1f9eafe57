//! A bot that plays: turns a session's view into the simulation's own pilot's [`Sight`] and holds what it decides.
//! Sends nothing.

use protocol::quantize::Q8;
use protocol::snapshot::{View, state};
use protocol::{Controls, Slot, Tick};
use sim::pilot::{Brain, Incoming, Loot, Me, Other, Sight};
use sim::weapons::Flight;

use crate::session::Session;

/// What a bot sees of a view: room for one look at a time, so that thousands can share it.
#[derive(Debug, Clone, Default)]
pub struct Scene {
    ships: Vec<Other>,
    pulses: Vec<Incoming>,
    pickups: Vec<Loot>,
}

/// One bot's mind and its memory of where others were.
pub struct Bot {
    brain: Brain,
    controls: Controls,
    /// Ticks from one thought to the next, at least.
    every: u32,
    /// The view that the controls come from.
    seen: Tick,
    /// Where the others were, ascending slot, and when.
    marks: Vec<Mark>,
    marked: Tick,
}

#[derive(Clone, Copy)]
struct Mark {
    slot: Slot,
    generation: u8,
    x: i32,
    y: i32,
}

impl Bot {
    /// A bot with a temper of its own, from `seed`.
    pub fn new(seed: u64) -> Bot {
        Bot {
            brain: Brain::new(seed),
            controls: Controls::default(),
            every: 1,
            seen: Tick(0),
            marks: Vec::new(),
            marked: Tick(0),
        }
    }

    /// The same, which thinks only about one view in so many ticks and holds on in between: for thousands of bots on one
    /// core, since a thought costs as much as reading the snapshot.
    #[must_use]
    pub fn thinking_every(mut self, ticks: u32) -> Bot {
        self.every = ticks.max(1);
        self
    }

    /// What to hold next, and the tick of the view that it was decided on. It thinks once for each view, unless it was
    /// told to think less. Without a new view it holds on.
    pub fn hold(&mut self, session: &Session) -> (Controls, Tick) {
        self.hold_in(&mut Scene::default(), session)
    }

    /// The same with a scene to look at it in; what that holds is of no use before and after.
    pub fn hold_in(&mut self, scene: &mut Scene, session: &Session) -> (Controls, Tick) {
        if session.view().tick.since(self.seen) >= i64::from(self.every) {
            self.think(session, scene);
        }
        (self.controls, self.seen)
    }

    /// Reads a little of each part that a thought needs, if the next view gets one: see [`crate::swarm`]'s player.
    pub(crate) fn touch(&self, session: &Session) -> usize {
        let view = session.view();
        if view.tick.next().since(self.seen) < i64::from(self.every) {
            return 0;
        }
        // A line of the cache holds five or six of either.
        let marks = self.marks.iter().step_by(5).map(|mark| mark.x as usize);
        let pickups = view.pickups.iter().step_by(5).map(|pickup| pickup.x as usize);
        marks.chain(pickups).fold(0, |all, x| all ^ x)
    }

    fn think(&mut self, session: &Session, scene: &mut Scene) {
        let view = session.view();
        // Hands that hold on for several ticks are half as quick as a pilot's.
        let ticks = (view.tick.since(self.seen) / 2).clamp(1, LONGEST_THOUGHT) as u8;
        self.seen = view.tick;
        self.see_ships(view, &mut scene.ships);
        let Some(own) = view.own.filter(|own| own.hp > 0) else {
            self.controls = Controls::default();
            return;
        };
        let me = Me {
            x: own.x,
            y: own.y,
            vx: i32::from(own.vx),
            vy: i32::from(own.vy),
            energy: own.energy,
            hp: own.hp,
            // By the time that the input is consumed, a tick or two have passed.
            can_fire: own.timers.pulse <= 1,
            can_lance: own.timers.lance <= 1,
            windup: own.timers.windup,
        };
        see_pulses(session, &me, &mut scene.pulses);
        scene.pickups.clear();
        scene.pickups.extend(view.pickups.iter().map(|p| Loot { x: p.x, y: p.y, kind: p.kind }));
        self.controls = self.brain.think_after(
            ticks,
            &Sight {
                tick: view.tick,
                side: session.map.side(),
                me,
                ships: &scene.ships,
                pulses: &scene.pulses,
                pickups: &scene.pickups,
                obstacles: session.map.around(own.x, own.y),
            },
        );
    }

    /// The wire has no velocities of others: they follow from where each was in the view before.
    fn see_ships(&mut self, view: &View, ships: &mut Vec<Other>) {
        let ticks = i32::try_from(view.tick.since(self.marked)).unwrap_or(i32::MAX).max(1);
        ships.clear();
        for ship in view.ships.iter().filter(|s| s.hp > 0) {
            let before = self.marks.binary_search_by_key(&ship.slot, |m| m.slot).ok().map(|i| self.marks[i]);
            let (vx, vy) = match before {
                Some(m) if m.generation == ship.generation => {
                    ((ship.x - m.x) / ticks, (ship.y - m.y) / ticks)
                }
                _ => (0, 0),
            };
            // A ship that was destroyed and came back elsewhere did not fly there.
            let flew = vx.abs().max(vy.abs()) <= FASTEST;
            let (vx, vy) = if flew { (vx, vy) } else { (0, 0) };
            let shielded = ship.state & state::SHIELD != 0;
            ships.push(Other { slot: ship.slot, x: ship.x, y: ship.y, vx, vy, hp: ship.hp, shielded });
        }
        self.marks.clear();
        self.marks.extend(view.ships.iter().map(|s| Mark {
            slot: s.slot,
            generation: s.generation,
            x: s.x,
            y: s.y,
        }));
        self.marks.sort_unstable_by_key(|m| m.slot);
        self.marked = view.tick;
    }
}

/// The others' pulses that matter: they come close, and nothing has stopped them.
fn see_pulses(session: &Session, me: &Me, pulses: &mut Vec<Incoming>) {
    let view = session.view();
    let foreign = view.pulses.iter().filter(|pulse| Some(pulse.owner) != session.you);
    pulses.clear();
    pulses.extend(foreign.filter_map(|pulse| {
        let flight = Flight::from_wire(pulse, view.tick);
        let ((x, y), (vx, vy)) = (flight.at(view.tick), flight.velocity());
        let incoming = Incoming { x, y, vx, vy };
        // In this order: what its way has met takes a while to look up.
        (comes_close(&incoming, me) && !flight.is_over(view.tick, &session.map)).then_some(incoming)
    }));
}

/// True if both, flying on as they do, will pass each other within [`CLOSE`], or not much farther away.
fn comes_close(pulse: &Incoming, me: &Me) -> bool {
    let (x, y) = (i64::from(me.x - pulse.x), i64::from(me.y - pulse.y));
    let (vx, vy) = (i64::from(pulse.vx - me.vx), i64::from(pulse.vy - me.vy));
    x * vx + y * vy > 0 && (x * vy - y * vx).abs() < i64::from(CLOSE) * (vx.abs() + vy.abs())
}

/// A pilot does not mind what passes farther away, Q8.
const CLOSE: i32 = 60 * Q8;
/// A thought makes up for so many ticks at most.
const LONGEST_THOUGHT: i64 = 8;
/// Faster than any ship, Q8 a tick: a boosted one does 26 u.
const FASTEST: i32 = 40 * Q8;

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::snapshot::Ship;

    #[test]
    fn velocities_follow_from_two_views_of_the_same_ship() {
        let ship =
            |slot, generation, x| Ship { slot: Slot(slot), generation, x, y: 0, aim: 0, hp: 9, state: 0 };
        let view = |tick, ships| View { tick: Tick(tick), ships, ..View::default() };
        let mut bot = Bot::new(1);
        let mut ships = Vec::new();
        let first = vec![ship(5, 0, 1000), ship(2, 0, 4000), ship(3, 0, 0), ship(4, 1, 0)];
        bot.see_ships(&view(10, first), &mut ships);
        assert!(ships.iter().all(|s| (s.vx, s.vy) == (0, 0)), "seen once, it stands still");
        // Flown on, destroyed and back elsewhere, another tenant, new; two ticks later.
        let next = vec![ship(2, 0, 5000), ship(3, 0, 900_000), ship(4, 2, 100), ship(9, 0, 70)];
        bot.see_ships(&view(12, next), &mut ships);
        let seen: Vec<_> = ships.iter().map(|s| (s.slot.0, s.vx)).collect();
        assert_eq!(seen, [(2, 500), (3, 0), (4, 0), (9, 0)]);
    }

    #[test]
    fn only_pulses_that_will_pass_nearby_matter() {
        let me = Me { x: 1000 * Q8, y: 1000 * Q8, vx: 10 * Q8, ..Me::default() };
        let pulse =
            |x: i32, y: i32, vx: i32, vy: i32| Incoming { x: x * Q8, y: y * Q8, vx: vx * Q8, vy: vy * Q8 };
        for (pulse, matters) in [
            (pulse(700, 1000, 30, 0), true),
            (pulse(700, 1050, 30, 0), true),
            (pulse(700, 1070, 30, 0), false),
            (pulse(700, 1000, -30, 0), false), // flies away
            (pulse(1100, 700, 0, 30), true),   // they meet at 1100, 1000
            (pulse(1000, 700, 0, 30), false),  // behind the ship, when it gets there
            (pulse(990, 1000, 5, 0), false),   // and this one is too slow
        ] {
            assert_eq!(comes_close(&pulse, &me), matters, "{pulse:?}");
        }
    }
}
