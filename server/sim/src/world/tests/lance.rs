//! The Lance: what it costs, when it fires, and whom its beam hurts.

use super::*;
use protocol::message::Weapon;

/// The beams so far: who fired, whom it struck, the damage.
fn beams(rig: &Rig) -> Vec<(u16, Option<u16>, u8)> {
    let beam = |event: &Event| match *event {
        Event::Beam { slot, victim, damage, .. } => Some((slot.0, victim.map(|v| v.0), damage)),
        _ => None,
    };
    rig.seen.iter().filter_map(beam).collect()
}

#[test]
fn a_press_pays_winds_up_and_fires_four_ticks_later() {
    let mut rig = duel(600);
    rig.lance(0, EAST).run(1);
    let ship = rig.ship(0).clone();
    assert_eq!(ship.energy, ENERGY_MAX - rules::LANCE_ENERGY);
    assert_eq!((ship.timers.lance, ship.timers.windup, ship.state() & state::WINDUP), (45, 4, state::WINDUP));
    rig.rest().run(3);
    assert_eq!((rig.ship(0).timers.windup, beams(&rig)), (1, vec![]));
    rig.run(1);
    assert_eq!(beams(&rig), [(0, Some(1), 45)]);
    let ship = rig.ship(0).clone();
    assert_eq!((ship.timers.windup, ship.state() & state::WINDUP, ship.timers.lance), (0, 0, 41));
    let victim = rig.ship(1);
    assert_eq!((victim.hp(), victim.timers.regen, victim.changed), (55, 150, changed::DAMAGE));
    assert!(rig.hits().is_empty(), "a hit is a pulse's");
    let Event::Beam { x, y, to_x, to_y, rewind, .. } = rig.seen[0] else { panic!("a beam: {:?}", rig.seen) };
    assert_eq!([x, y, to_x, to_y], [MIDDLE, MIDDLE, MIDDLE + 600 * Q8, MIDDLE]);
    assert_eq!(rewind, 0);
}

#[test]
fn held_it_fires_whenever_cooldown_and_energy_allow() {
    for (overdrive, pause) in [(0, 45), (u8::MAX, 22)] {
        let mut rig = duel(900);
        rig.lance(0, EAST);
        let mut shots = Vec::new();
        for tick in 0..150 {
            rig.ship(0).energy = ENERGY_MAX;
            rig.ship(0).timers.overdrive = overdrive;
            rig.run(1);
            if !std::mem::take(&mut rig.seen).is_empty() {
                shots.push(tick);
            }
        }
        assert!(shots[0] == 4 && shots.len() > 2);
        assert!(shots.windows(2).all(|pair| pair[1] - pair[0] == pause), "{shots:?}");
    }
    let mut rig = duel(900);
    rig.ship(0).energy = rules::LANCE_ENERGY - 2 * rules::ENERGY_REGAIN;
    rig.lance(0, EAST).run(1);
    assert_eq!(rig.ship(0).timers.windup, 0, "not enough energy");
    rig.run(1);
    assert_eq!((rig.ship(0).timers.windup, rig.ship(0).energy), (4, 0));
}

#[test]
fn the_beam_goes_where_its_ship_aims_when_it_fires() {
    let mut rig = duel(300);
    rig.lance(0, WEST).run(4);
    rig.aim(0, EAST).run(1);
    assert_eq!(beams(&rig), [(0, Some(1), 45)]);
}

#[test]
fn a_beam_reaches_700_units_and_the_first_ship() {
    for (apart, victim) in [(717, Some(1)), (719, None)] {
        let mut rig = duel(apart);
        rig.lance(0, EAST).run(5);
        assert_eq!(beams(&rig)[0].1, victim, "at {apart} u");
    }
    let mut rig = Rig::new(4);
    for (slot, x, y) in [(0, 0, 0), (1, 400, 0), (2, 300, 17), (3, 200, 19)] {
        rig.put(slot, MIDDLE + x * Q8, MIDDLE + y * Q8);
    }
    rig.lance(0, EAST).run(5);
    assert_eq!(beams(&rig), [(0, Some(2), 45)], "slot 3 is not touched, slot 1 is behind");
}

#[test]
fn obstacles_and_walls_stop_beams() {
    let rock = Obstacle { x: MIDDLE + 200 * Q8, y: MIDDLE, r: 60 * Q8 };
    let mut rig = Rig::with_obstacles(2, vec![rock]);
    rig.put(0, MIDDLE, MIDDLE).put(1, MIDDLE + 279 * Q8, MIDDLE);
    rig.lance(0, EAST).run(5);
    let Event::Beam { to_x, victim, .. } = rig.seen[0] else { panic!("a beam: {:?}", rig.seen) };
    assert_eq!((to_x, victim), (MIDDLE + 140 * Q8, None));
    let mut rig = duel(900);
    rig.put(0, 100 * Q8, MIDDLE).lance(0, WEST).run(5);
    assert!(matches!(rig.seen[0], Event::Beam { to_x: 0, victim: None, .. }), "{:?}", rig.seen);
}

#[test]
fn death_and_parking_cancel_a_wind_up() {
    let mut rig = duel(300);
    rig.lance(0, EAST).run(2).rest();
    rig.world.park(Slot(0));
    rig.world.unpark(Slot(0));
    rig.run(10);
    assert!(beams(&rig).is_empty());

    let mut rig = duel(300);
    rig.lance(0, EAST).run(4);
    rig.world.destroy(Slot(0), None, Weapon::Pulse, 0);
    rig.rest().run(80);
    assert!(beams(&rig).is_empty());

    // Destroyed by a pulse in the very tick of the beam, or not at all.
    let doomed = |windup: u8, hp: u16| {
        let mut rig = duel(100);
        rig.ship(0).hp = hp;
        rig.ship(0).timers.windup = windup;
        rig.fire(1, WEST).run(1).rest();
        while rig.hits().is_empty() {
            rig.run(1);
        }
        (rig.world.tick().0 as u8, beams(&rig).len())
    };
    let (struck, _) = doomed(0, 1);
    assert_eq!(doomed(struck, 1), (struck, 0));
    assert_eq!(doomed(struck, HP_MAX), (struck, 1));
}

#[test]
fn a_shield_stops_a_beam_and_saves_who_is_behind() {
    let mut rig = Rig::new(3);
    for (slot, x) in [(0, 0), (1, 200), (2, 300)] {
        rig.put(slot, MIDDLE + x * Q8, MIDDLE);
    }
    rig.ship(1).timers.shield = 30;
    rig.lance(0, EAST).run(5);
    assert_eq!(beams(&rig), [(0, Some(1), 0)]);
    assert_eq!([1, 2].map(|slot| rig.ship(slot).hp()), [100, 100]);
    assert_eq!(rig.ship(1).changed & changed::DAMAGE, 0);
}

#[test]
fn the_own_shield_ends_with_the_beam() {
    let mut rig = duel(900);
    rig.ship(0).timers.shield = 60;
    rig.lance(0, EAST).run(4);
    assert_eq!(rig.ship(0).timers.shield, 56);
    rig.run(1);
    assert_eq!((rig.ship(0).timers.shield, beams(&rig).len()), (0, 1));
}

#[test]
fn beams_of_one_tick_strike_together() {
    let mut rig = duel(300);
    (rig.ship(0).hp, rig.ship(1).hp) = (1, 1);
    rig.ship(1).score = 40;
    rig.lance(0, EAST).lance(1, WEST).run(5);
    assert_eq!(rig.deaths(), [(Some(Slot(0)), 1), (Some(Slot(1)), 0)]);
    assert!(matches!(rig.seen[1], Event::Destroyed { weapon: Weapon::Lance, .. }));
    // Slot 0 scores for 40 points and loses a third of that again.
    assert_eq!([0, 1].map(|slot| rig.ship(slot).score), [20 - 6, 40 - 13 + 10 + 20 / 4]);
}
