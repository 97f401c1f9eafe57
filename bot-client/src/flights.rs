//! Which pulses of a view still fly. A snapshot tells of hits and of nothing else: what has met a wall or an obstacle
//! stays in the view until its time is over, and is ended here, by the server's own rule.

use protocol::snapshot::{Pulse, View};
use sim::Map;
use sim::weapons::Flight;

/// The pulses of a view that still fly, and how.
pub fn flying<'v>(view: &'v View, map: &'v Map) -> impl Iterator<Item = (&'v Pulse, Flight)> {
    let flights = view.pulses.iter().map(|pulse| (pulse, Flight::from_wire(pulse, view.tick)));
    flights.filter(|(_, flight)| !flight.is_over(view.tick, map))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::quantize::Q8;
    use protocol::{Slot, Tick};
    use sim::Obstacle;

    #[test]
    fn a_pulse_ends_at_a_rim_or_a_wall() {
        // 900 u/s are 30 u a tick: the rock's 80 u are passed through in three.
        let map = Map::new(1000 * Q8, vec![Obstacle { x: 500 * Q8, y: 500 * Q8, r: 40 * Q8 }]);
        let pulse = |id, x, y, direction| Pulse { id, owner: Slot(1), x, y, direction, fired: 250 };
        let at_rock = pulse(1, 400 * Q8, 500 * Q8, 0);
        let past_rock = pulse(2, 400 * Q8, 541 * Q8, 0);
        let at_wall = pulse(3, 100 * Q8, 100 * Q8, 2048 | 2 << 12);
        let view =
            |tick| View { tick: Tick(tick), pulses: vec![at_rock, past_rock, at_wall], ..View::default() };
        for (tick, expected) in [
            (506, &[1, 2, 3][..]),
            (508, &[1, 2]), // 460 is on the rim, and of the 100 u to the wall 60 were caught up
            (509, &[2]),
            (512, &[2]), // behind the rock by now
            (526, &[2]), // on the wall
            (527, &[]),
        ] {
            let view = view(tick);
            let flying: Vec<_> = flying(&view, &map).map(|(pulse, _)| pulse.id).collect();
            assert_eq!(flying, expected, "{tick}");
        }
    }
}
