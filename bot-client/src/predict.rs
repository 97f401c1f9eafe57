//! The own ship ahead of the server: the movement step over the inputs that were sent, held against the exact integers of
//! every snapshot. Knows no other ship, no socket and no time.
//!
//! A snapshot of tick T confirms the ship at T; inputs for T+1 and later are under way. Where the ship at T is not what
//! was predicted, the server is right and the inputs since are replayed. That is no fault if something acted on the ship
//! from outside, which the snapshot then says (`changed`, added up over snapshots that were skipped). If it says nothing,
//! the two sides disagree on the rules: a misprediction, of which there should never be one.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use protocol::snapshot::Own;
use protocol::{Controls, Tick};
use sim::{Body, Map};

/// Inputs beyond the newest snapshot that are remembered, ticks: far more than can be under way.
const REMEMBERED: usize = 256;

/// For how many ticks the server repeats the last input when none arrives; then the ship holds nothing.
const REPEATED: u8 = 8;

/// Predicts one ship.
#[derive(Debug, Clone)]
pub struct Prediction {
    map: Arc<Map>,
    /// Tick of the first step: the one confirmed last.
    base: Tick,
    /// From `base` on, without a gap; never empty.
    steps: VecDeque<Step>,
    /// True if the ship lived at `base` and its state is known.
    anchored: bool,
    tally: Tally,
    first: Option<Misprediction>,
}

/// One tick: what is held, and the ship after it.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    controls: Controls,
    /// How often `controls` have been repeated since an input was sent; none was for this tick unless it is 0.
    repeats: u8,
    body: Body,
}

/// What became of predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Snapshots that a prediction was held against: the ship lived on, and nothing acted on it from outside.
    pub compared: u64,
    /// Those in which the ship was not as predicted.
    pub mispredictions: u64,
}

/// A ship that was not as predicted, with what is needed to find out why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misprediction {
    /// The snapshot's tick.
    pub tick: Tick,
    /// Ticks since the snapshot before.
    pub ticks: u32,
    /// The ship in the snapshot before.
    pub before: Body,
    /// What was held in the last tick.
    pub held: Controls,
    /// The ship as predicted.
    pub predicted: Body,
    /// The ship as it is.
    pub actual: Body,
}

impl fmt::Display for Misprediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Misprediction { tick, ticks, before, held, predicted, actual } = self;
        write!(f, "tick {}, {ticks} after {before:?}, holding {held:?}: ", tick.0)?;
        write!(f, "predicted {predicted:?}, is {actual:?}")
    }
}

impl Prediction {
    /// For the ship of a player whose `Welcome` named `tick`.
    pub fn new(map: Arc<Map>, tick: Tick) -> Prediction {
        let steps = VecDeque::from([Step { repeats: REPEATED, ..Step::default() }]);
        Prediction { map, base: tick, steps, anchored: false, tally: Tally::default(), first: None }
    }

    /// What became of the predictions so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The first misprediction.
    pub fn first(&self) -> Option<&Misprediction> {
        self.first.as_ref()
    }

    /// The ship after the newest input, and that input's tick; none while there is no ship.
    pub fn newest(&self) -> Option<(Tick, Body)> {
        let step = self.steps.back().filter(|_| self.anchored)?;
        Some((self.base.plus(self.steps.len() as u32 - 1), step.body))
    }

    /// Takes note that `controls` are being sent for `tick`, and returns what to send: for a tick that something was sent
    /// for before, the same again, since nobody could say which of two inputs the server took.
    pub fn commit(&mut self, tick: Tick, controls: Controls) -> Controls {
        let Some(index) = self.reach(tick) else { return controls };
        let step = &mut self.steps[index];
        if step.repeats > 0 {
            (step.controls, step.repeats) = (controls, 0);
            self.replay(index);
        }
        self.steps[index].controls
    }

    /// Takes the own ship out of the snapshot of `tick`; none or a destroyed one ends the prediction until it is back.
    pub fn confirm(&mut self, tick: Tick, own: Option<&Own>) {
        let before = (self.base, self.steps[0].body);
        let Some(index) = self.reach(tick) else { return };
        let Step { controls: held, body: predicted, .. } = self.steps[index];
        self.steps.drain(..index);
        self.base = tick;
        let own = own.filter(|own| own.hp > 0);
        let was_anchored = std::mem::replace(&mut self.anchored, own.is_some());
        let Some(own) = own else { return };
        let actual = body(own);
        let agrees = was_anchored && predicted == actual;
        if was_anchored && own.changed == 0 {
            self.tally.compared += 1;
            if !agrees {
                self.tally.mispredictions += 1;
                let ticks = tick.since(before.0) as u32;
                let before = before.1;
                self.first.get_or_insert(Misprediction { tick, ticks, before, held, predicted, actual });
            }
        }
        if !agrees {
            self.steps[0].body = actual;
            self.replay(1);
        }
    }

    /// A snapshot was lost, and with it what acted on the ship: the next one only confirms.
    pub fn lose(&mut self) {
        self.anchored = false;
    }

    /// The index of a tick's step, made up to there if need be; none for one that is confirmed already.
    fn reach(&mut self, tick: Tick) -> Option<usize> {
        let ahead = usize::try_from(tick.since(self.base)).ok().filter(|&ahead| ahead > 0)?;
        if ahead >= self.steps.len() + REMEMBERED {
            // After such a silence nothing that was known is of use.
            self.anchored = false;
            self.base = tick.minus(1);
            self.steps.drain(1..);
            return self.reach(tick);
        }
        while self.steps.len() <= ahead {
            self.steps.push_back(Step { repeats: 1, ..Step::default() });
            self.replay(self.steps.len() - 1);
        }
        let forgotten = self.steps.len().saturating_sub(REMEMBERED).min(ahead - 1);
        if forgotten > 0 {
            self.anchored = false;
            self.base = self.base.plus(forgotten as u32);
            self.steps.drain(..forgotten);
        }
        Some(ahead - forgotten)
    }

    /// Works out the steps from an index on again.
    fn replay(&mut self, from: usize) {
        for index in from..self.steps.len() {
            let Step { controls, repeats, mut body } = self.steps[index - 1];
            let step = &mut self.steps[index];
            if step.repeats > 0 {
                // As the server does where no input is there in time.
                let neutral = Controls { aim: controls.aim, ..Controls::default() };
                step.controls = if repeats < REPEATED { controls } else { neutral };
                step.repeats = repeats.saturating_add(1);
            }
            if self.anchored {
                let near = self.map.near(body.x, body.y);
                sim::body::step(&mut body, step.controls, self.map.side(), near);
            }
            step.body = body;
        }
    }
}

/// The part of a snapshot's own ship that can be predicted.
fn body(own: &Own) -> Body {
    let Own { x, y, vx, vy, energy, timers, hp: _, changed: _ } = *own;
    Body { x, y, vx: vx.into(), vy: vy.into(), energy, timers }
}

#[cfg(test)]
mod tests;
