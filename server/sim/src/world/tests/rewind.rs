//! Lag compensation: a shot strikes what its shooter saw, up to a limit; life, shields and walls are judged now.

use super::*;
use crate::collision::Sweep;
use crate::dice::Dice;
use crate::history::PARTS;
use crate::rewind::Shooter;
use crate::rules::{PULSE_MUZZLE, PULSE_REWIND_TICKS, PULSE_SPEED, SHIP_RADIUS};
use crate::trig;

/// The tick at which shots are let off: the target then passes the shooter at cruise speed.
const SHOT: usize = 60;
/// Where the shooter stands, mostly: 400 u from the target's way.
const PLACE: (i32, i32) = (MIDDLE - 300 * Q8, MIDDLE);

/// A ship that stands and one that flies south, with the latter's place after each tick up to 100.
fn crossing() -> (Rig, Vec<(i32, i32)>) {
    let mut rig = Rig::new(2);
    rig.put(0, PLACE.0, PLACE.1).put(1, MIDDLE + 100 * Q8, MIDDLE - 560 * Q8);
    rig.inputs[1].controls = Controls { magnitude: 7, dir: 64, ..Controls::default() };
    let mut ahead = rig.world.clone();
    let mut path = vec![(ahead.ships[1].x, ahead.ships[1].y)];
    for _ in 0..100 {
        ahead.step(&rig.inputs);
        path.push((ahead.ships[1].x, ahead.ships[1].y));
    }
    let apart = (path[SHOT].1 - path[SHOT - 1].1) / Q8;
    assert!((11..=12).contains(&apart), "cruise speed: {apart} u a tick");
    (rig, path)
}

/// Where the target was so many eighths of a tick before a tick.
fn seen(path: &[(i32, i32)], tick: usize, eighths: usize) -> (i32, i32) {
    let (newer, older) = (path[tick - eighths / 8], path[tick - eighths.div_ceil(8)]);
    let part = |newer: i32, older: i32| newer + (older - newer) * (eighths % 8) as i32 / 8;
    (part(newer.0, older.0), part(newer.1, older.1))
}

fn towards((x, y): (i32, i32), from: (i32, i32)) -> u16 {
    trig::heading(x - from.0, y - from.1)
}

/// A player that sees the target so many eighths late aims the Lance straight at it. The room passes on `view`.
fn lance(late: usize, view: u8) -> (Option<Slot>, i32) {
    let (mut rig, path) = crossing();
    rig.run(SHOT as u32 - 5);
    rig.inputs[0].rewind = view;
    rig.lance(0, towards(seen(&path, SHOT - 4, late), PLACE)).run(1);
    // What the room passes on later does not matter any more.
    rig.inputs[0].rewind = 99;
    rig.aim(0, towards(seen(&path, SHOT, late), PLACE)).run(4);
    let Event::Beam { to_y, victim, rewind, .. } = rig.seen[0] else { panic!("a beam: {:?}", rig.seen) };
    assert_eq!(rewind, view.min(56));
    let (_, y) = seen(&path, SHOT, rewind.into());
    (victim, to_y - y)
}

#[test]
fn a_lance_strikes_what_its_shooter_saw_up_to_seven_ticks_ago() {
    let eighths = |ms: usize| ms * 240 / 1000;
    for ms in [0, 50, 100, 200, 233] {
        let late = eighths(ms);
        assert_eq!(lance(late, late as u8).0, Some(Slot(1)), "{ms} ms late");
        let uncompensated = lance(late, 0).0;
        assert_eq!(uncompensated.is_some(), ms < 100, "{ms} ms late, without compensation");
    }
    assert_eq!(lance(eighths(400), 96).0, None, "five ticks beyond the limit");
    assert_eq!(lance(56, 96).0, Some(Slot(1)), "unless it leads by those");
    // Every eighth is told from its neighbours: the beam goes right through the place that was seen.
    for late in 0..=56u8 {
        let (victim, off) = lance(late.into(), late);
        assert!(victim.is_some() && off.abs() < Q8, "{late} eighths: {off}");
    }
}

/// A player that sees the target so many whole ticks late fires a pulse to meet it, as it looks to this player.
/// Returns the tick of the hit, counted from that of the shot.
fn pulse(late: usize, view: u8, place: (i32, i32)) -> Option<u32> {
    let (mut rig, path) = crossing();
    rig.put(0, place.0, place.1).run(SHOT as u32 - 1);
    let meets = |ticks: &usize| {
        let (x, y) = path[SHOT - late + ticks];
        let way = crate::body::isqrt(i64::from(x - place.0).pow(2) + i64::from(y - place.1).pow(2));
        way - i64::from(PULSE_MUZZLE) <= i64::from(PULSE_SPEED) * *ticks as i64
    };
    let ticks = (0..30).find(meets).unwrap();
    rig.inputs[0].rewind = view;
    rig.fire(0, towards(path[SHOT - late + ticks], place)).run(1);
    rig.inputs[0].controls = Controls::default();
    let flown = |rig: &Rig| rig.world.tick().0 - SHOT as u32;
    while rig.hits().is_empty() && flown(&rig) < 30 {
        rig.run(1);
    }
    (!rig.hits().is_empty()).then(|| flown(&rig))
}

#[test]
fn a_pulse_strikes_as_its_shooter_saw_it_up_to_five_ticks_late() {
    for late in 0..=5 {
        assert!(pulse(late, late as u8 * PARTS, PLACE).is_some(), "{late} ticks late");
        assert!(pulse(late, late as u8 * PARTS + 7, PLACE).is_some(), "eighths count for nothing");
    }
    assert!(pulse(3, 0, PLACE).is_none(), "100 ms late without compensation");
    assert!(pulse(12, 96, PLACE).is_none(), "400 ms late: seven ticks beyond the limit");
    assert!(pulse(5, 96, PLACE).is_some(), "unless it leads by those");
    // So close that the past is all that the pulse flies through: the target is struck where it is no more.
    let close = (MIDDLE + 40 * Q8, MIDDLE);
    for late in 0..=5 {
        let struck = pulse(late, late as u8 * PARTS, close);
        assert!(struck.is_some_and(|ticks| ticks == 0 || late < 3), "{late} ticks late: {struck:?}");
    }
    assert_eq!([4, 5].map(|late| pulse(late, 0, close)), [None; 2], "without compensation");
}

#[test]
fn a_pulse_is_ahead_by_its_catch_up_and_dies_earlier() {
    let mut rig = duel(2000);
    rig.run(10);
    rig.inputs[0].rewind = 255;
    rig.fire(0, 777).run(1).rest();
    let mut pulses = Vec::new();
    rig.world.pulses_in(Rect { x0: 0, y0: 0, x1: i32::MAX, y1: i32::MAX }, &mut pulses);
    assert_eq!((pulses[0].fired, pulses[0].direction), (11, 777 | 5 << 12));
    let flight = crate::weapons::Flight::from_wire(&pulses[0], rig.world.tick());
    assert_eq!(flight, rig.world.pulses[0].flight);
    let (vx, vy) = flight.velocity();
    for tick in 0..25 {
        let pulse = rig.world.pulses[0];
        assert_eq!((pulse.x, pulse.y), (flight.x + vx * (tick + 5), flight.y + vy * (tick + 5)));
        assert_eq!((pulse.x, pulse.y), flight.at(rig.world.tick()));
        rig.run(1);
    }
    assert!(rig.world.pulses.is_empty(), "30 ticks of flight are over after 25");
}

#[test]
fn nothing_slips_past_a_pulse_that_catches_up() {
    for ticks in 0..=PULSE_REWIND_TICKS {
        for apart in 0..240 {
            let mut rig = duel(apart);
            rig.run(8);
            rig.inputs[0].rewind = ticks * PARTS;
            rig.fire(0, EAST).run(1).rest().run(10);
            assert_eq!(rig.hits(), [(1, 20)], "at {apart} u, {ticks} ticks ahead");
        }
    }
}

#[test]
fn walls_and_shields_are_judged_now() {
    // An obstacle between the muzzle and where the catch-up ends.
    let rock = Obstacle { x: MIDDLE + 90 * Q8, y: MIDDLE, r: 40 * Q8 };
    let mut rig = Rig::with_obstacles(2, vec![rock]);
    rig.put(0, MIDDLE, MIDDLE).put(1, MIDDLE + 160 * Q8, MIDDLE).run(8);
    rig.inputs[0].rewind = 40;
    rig.fire(0, EAST).run(1).rest().run(10);
    assert!(rig.hits().is_empty() && rig.world.pulses.is_empty());

    for (shield, damage) in [(1, 45), (5, 45), (6, 0)] {
        let (mut rig, path) = crossing();
        rig.run(SHOT as u32 - 5);
        // At 5 it holds in the tick that is seen, and is gone in the tick of the beam.
        rig.ship(1).timers.shield = shield;
        rig.inputs[0].rewind = 24;
        rig.lance(0, 0).run(1);
        rig.aim(0, towards(path[SHOT - 3], PLACE)).run(4);
        assert!(matches!(rig.seen[0], Event::Beam { victim: Some(Slot(1)), damage: d, .. } if d == damage));
    }
}

#[test]
fn only_the_same_life_can_be_struck_in_the_past() {
    // What happens to the target, which stands still, in the last ticks before the beam.
    let deeds: [fn(&mut World); 4] = [
        |_| {},
        |world| {
            world.park(Slot(1));
            world.unpark(Slot(1));
        },
        |world| {
            world.leave(Slot(1));
            assert_eq!(world.join(), Some(Slot(1)));
        },
        |world| world.destroy(Slot(1), None, protocol::message::Weapon::Pulse, 0),
    ];
    for (n, deed) in deeds.into_iter().enumerate() {
        for ago in 1..=4u8 {
            // Aimed at the old place, at the new place, and between the two.
            for part in [0, 2, 1] {
                for view in [56, ago * 8, ago * 8 - 4] {
                    let mut rig = duel(200);
                    rig.run(8);
                    rig.inputs[0].rewind = view;
                    rig.lance(0, EAST).run(5 - u32::from(ago));
                    let old = (MIDDLE + 200 * Q8, MIDDLE);
                    deed(&mut rig.world);
                    let ship = rig.ship(1);
                    if n > 0 {
                        (ship.x, ship.y) = (MIDDLE + 200 * Q8, MIDDLE + 200 * Q8);
                    }
                    let at = (old.0, old.1 + (ship.y - old.1) / 2 * part);
                    rig.aim(0, trig::heading(at.0 - MIDDLE, at.1 - MIDDLE)).run(ago.into());
                    let struck = matches!(rig.seen.last(), Some(Event::Beam { victim: Some(_), .. }));
                    assert_eq!(struck, n == 0, "deed {n}, {ago} ticks before, part {part}, view {view}");
                }
            }
        }
    }
}

#[test]
fn a_kill_tells_how_far_back_its_shot_looked() {
    let rewind_of_kill = |lance: bool| {
        let mut rig = duel(300);
        rig.run(8).ship(1).hp = 1;
        rig.inputs[0].rewind = 30;
        if lance { rig.lance(0, EAST) } else { rig.fire(0, EAST) }.run(30);
        rig.seen.iter().find_map(|event| match event {
            Event::Destroyed { rewind, .. } => Some(*rewind),
            _ => None,
        })
    };
    assert_eq!((rewind_of_kill(true), rewind_of_kill(false)), (Some(30), Some(24)));
}

#[test]
fn no_ship_strays_farther_in_a_tick_than_a_look_back_allows_for() {
    let mut world = World::new(&WorldConfig { capacity: 40, pilots: 40, seed: 12 });
    let mut farthest = 0;
    for _ in 0..900 {
        let before: Vec<_> = world.ships().map(|(_, ship)| (ship.life, ship.x, ship.y)).collect();
        world.step(&[]);
        for ((life, x, y), (_, ship)) in before.into_iter().zip(world.ships()) {
            if ship.life == life {
                farthest = farthest.max((ship.x - x).abs()).max((ship.y - y).abs());
            }
        }
    }
    assert!(farthest > 10 * Q8 && farthest < crate::rewind::STRIDE, "{farthest}");
}

#[test]
fn a_look_back_finds_what_a_scan_of_the_past_finds() {
    let mut world = World::new(&WorldConfig { capacity: 40, pilots: 60, seed: 4 });
    let mut dice = Dice::new(5);
    let (mut found, mut moved) = (0, 0);
    let mut past: Vec<Vec<(u32, i32, i32)>> = Vec::new();
    for tick in 0..300 {
        world.step(&[]);
        past.push(world.ships.iter().map(|(_, s)| (if s.alive { s.life } else { 0 }, s.x, s.y)).collect());
        for _ in 0..if tick < 20 { 0 } else { 10 } {
            let mut roll = || dice.between(0, world.map.side());
            let from = (roll(), roll());
            let reach = 500 * Q8;
            let to = (from.0 + dice.between(-reach, reach), from.1 + dice.between(-reach, reach));
            let ticks = dice.below(8) as usize;
            let way = Sweep { from, to };
            let shooter = Shooter { key: dice.below(60) as usize, generation: 0 };
            let struck = world.first_ship(way, SHIP_RADIUS, ticks as u8 * PARTS, shooter);
            let then = &past[past.len() - 1 - ticks];
            let scan = world.ships.iter().filter(|(key, ship)| ship.alive && *key != shooter.key);
            let scan = scan.filter(|(key, ship)| then[*key].0 == ship.life);
            let scan = scan.filter_map(|(key, _)| {
                way.touches((then[key].1, then[key].2), SHIP_RADIUS).map(|along| (along, key))
            });
            let first = scan.min().map(|(along, key)| (key, way.at(along)));
            assert_eq!(struck, first, "tick {tick}, {ticks} ago");
            found += u32::from(struck.is_some());
            moved +=
                u32::from(struck.map(|s| s.0) != world.first_ship(way, SHIP_RADIUS, 0, shooter).map(|s| s.0));
        }
    }
    assert!(found > 200 && moved > 50, "{found} found, {moved} of them not there any more");
}

#[test]
fn the_checksum_covers_the_past() {
    let mut rig = duel(300);
    rig.run(10);
    let mut other = rig.world.clone();
    assert_eq!(rig.world.checksum(), other.checksum());
    other.ships[1].x += 64;
    other.remember_places();
    other.ships[1].x -= 64;
    assert_ne!(rig.world.checksum(), other.checksum());
    // Seven ticks later it still does, then that past is forgotten.
    for tick in 0..8 {
        assert_ne!(rig.world.checksum(), other.checksum(), "{tick}");
        rig.world.step(&[]);
        other.step(&[]);
    }
    assert_eq!(rig.world.checksum(), other.checksum());
}
