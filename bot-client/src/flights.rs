//! Which pulses of a view still fly. A snapshot tells of hits and of nothing else: what has met a wall or an obstacle
//! stays in the view until its time is over, and is ended here, by the server's own rule.

use protocol::Tick;
use protocol::snapshot::{Pulse, View};
use sim::Map;
use sim::weapons::Flight;

/// The pulses of the newest view, and which of them something has stopped.
#[derive(Debug, Clone, Default)]
pub struct Flights {
    all: Vec<Tracked>,
}

#[derive(Debug, Clone, Copy)]
struct Tracked {
    pulse: Pulse,
    flight: Flight,
    /// Ticks up to here were looked at.
    seen: Tick,
    over: bool,
}

impl Flights {
    /// Takes in a new view.
    pub fn update(&mut self, view: &View, map: &Map) {
        // Both lists are in the same order, but for what is new: what stands before a known one is gone.
        for (at, pulse) in view.pulses.iter().enumerate() {
            match self.all[at..].iter().position(|known| known.pulse == *pulse) {
                Some(gone) => drop(self.all.drain(at..at + gone)),
                None => {
                    let flight = Flight::from_wire(pulse, view.tick);
                    let seen = flight.fired.minus(1);
                    self.all.insert(at, Tracked { pulse: *pulse, flight, seen, over: false });
                }
            }
            let tracked = &mut self.all[at];
            // Tick by tick, as the server does: two ticks on, it could be behind an obstacle.
            while tracked.seen < view.tick && !tracked.over {
                tracked.seen = tracked.seen.next();
                tracked.over = tracked.flight.is_over(tracked.seen, map);
            }
        }
        self.all.truncate(view.pulses.len());
    }

    /// The pulses that still fly.
    pub fn flying(&self) -> impl Iterator<Item = (&Pulse, &Flight)> {
        self.all.iter().filter(|tracked| !tracked.over).map(|tracked| (&tracked.pulse, &tracked.flight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Slot;
    use protocol::quantize::Q8;
    use sim::Obstacle;

    #[test]
    fn a_pulse_ends_at_a_rim_or_a_wall_and_stays_ended() {
        // 900 u/s are 30 u a tick: the rock's 80 u are passed through in three.
        let map = Map::new(1000 * Q8, vec![Obstacle { x: 500 * Q8, y: 500 * Q8, r: 40 * Q8 }]);
        let pulse = |id, x, y, direction| Pulse { id, owner: Slot(1), x, y, direction, fired: 250 };
        let at_rock = pulse(1, 400 * Q8, 500 * Q8, 0);
        let past_rock = pulse(2, 400 * Q8, 541 * Q8, 0);
        let at_wall = pulse(3, 100 * Q8, 100 * Q8, 2048 | 2 << 12);
        let flying = |flights: &Flights| flights.flying().map(|(p, _)| p.id).collect::<Vec<_>>();
        let view =
            |tick| View { tick: Tick(tick), pulses: vec![at_rock, past_rock, at_wall], ..View::default() };

        let mut flights = Flights::default();
        for (tick, expected) in [
            (506, &[1, 2, 3][..]),
            (508, &[1, 2]), // 460 is on the rim, and of the 100 u to the wall 60 were caught up
            (509, &[2]),
            (512, &[2]), // behind the rock by now
            (526, &[2]), // on the wall
            (527, &[]),
        ] {
            flights.update(&view(tick), &map);
            assert_eq!(flying(&flights), expected, "{tick}");
        }
        let mut late = Flights::default();
        late.update(&view(512), &map);
        assert_eq!(flying(&late), [2], "also if the view is the first");
    }
}
