//! The Pulse: how it flies, whom it strikes, how often it fires.

use super::*;

#[test]
fn a_pulse_is_where_its_flight_says() {
    let mut rig = duel(2000);
    rig.fire(0, 777).run(1).rest();
    let mut pulses = Vec::new();
    let whole = Rect { x0: 0, y0: 0, x1: i32::MAX, y1: i32::MAX };
    rig.world.pulses_in(whole, &mut pulses);
    let [start] = pulses[..] else { panic!("one pulse: {pulses:?}") };
    assert_eq!((start.x % 64, start.y % 64, start.fired, start.direction), (0, 0, 1, 777));
    for tick in 2..=30 {
        rig.run(1);
        let pulse = rig.world.pulses[0];
        let (vx, vy) = pulse.flight.velocity();
        assert_eq!((pulse.x, pulse.y), (start.x + vx * (tick - 1), start.y + vy * (tick - 1)));
    }
    rig.run(1);
    assert!(rig.world.pulses.is_empty(), "it flies 30 ticks");
}

#[test]
fn a_pulse_reaches_900_units_and_no_farther() {
    for (apart, hits) in [(940, 1), (945, 0)] {
        let mut rig = duel(apart);
        rig.fire(0, EAST).run(1).rest().run(40);
        assert_eq!(rig.hits().len(), hits, "at {apart} u");
    }
}

#[test]
fn nothing_slips_past_a_pulse() {
    // Every distance, so that the ship lies at every phase of the pulse's steps; point-blank and overlapping too.
    for apart in 0..120 {
        let mut rig = duel(apart);
        rig.fire(0, EAST).run(1).rest().run(10);
        assert_eq!(rig.hits(), [(1, 20)], "at {apart} u");
    }
}

#[test]
fn the_first_ship_on_the_way_is_struck() {
    let mut rig = Rig::new(4);
    for (slot, at) in [(0, 0), (1, 400), (2, 300), (3, 310)] {
        rig.put(slot, MIDDLE + at * Q8, MIDDLE);
    }
    rig.fire(0, EAST).run(1).rest().run(30);
    assert_eq!(rig.hits(), [(2, 20)]);
}

#[test]
fn obstacles_and_walls_stop_pulses() {
    let rock = Obstacle { x: MIDDLE + 200 * Q8, y: MIDDLE, r: 60 * Q8 };
    let mut rig = Rig::with_obstacles(2, vec![rock]);
    rig.put(0, MIDDLE, MIDDLE).put(1, MIDDLE + 400 * Q8, MIDDLE);
    rig.fire(0, EAST).run(1).rest().run(6);
    assert!(rig.world.pulses.is_empty() && rig.hits().is_empty());
    // Against the wall: the muzzle is outside.
    rig.put(0, rules::SHIP_RADIUS, MIDDLE).fire(0, WEST).run(8).rest().run(1);
    assert!(rig.world.pulses.is_empty());
}

#[test]
fn cooldown_and_energy_limit_the_fire() {
    let mut rig = duel(2000);
    let mut shots = Vec::new();
    rig.fire(0, EAST);
    for tick in 0..240 {
        let before = rig.world.next_pulse;
        rig.run(1);
        if rig.world.next_pulse != before {
            shots.push(tick);
        }
    }
    assert!(shots[..8].windows(2).all(|pair| pair[1] - pair[0] == 6));
    let late = &shots[shots.len() - 4..];
    assert!(
        late.windows(2).all(|pair| pair[1] - pair[0] == 16),
        "half a unit of energy a tick, eight a pulse"
    );
}

#[test]
fn a_kill_by_somebody_who_left_is_nobodys() {
    for tenant in [false, true] {
        let mut rig = duel(600);
        rig.ship(1).hp = 1;
        rig.fire(0, EAST).run(1).rest();
        rig.world.leave(Slot(0));
        if tenant {
            assert_eq!(rig.world.join(), Some(Slot(0)));
        }
        rig.run(30);
        assert_eq!(rig.deaths(), [(None, 1)]);
        assert!(rig.world.ship(Slot(0)).is_none_or(|ship| ship.score == 0 && ship.generation == 1));
    }
}
