//! What holds in every world, whatever its players do: bounds, books that balance, and the same checksum twice.

use std::collections::BTreeSet;

use proptest::prelude::*;
use protocol::input::Buttons;
use protocol::snapshot::Timers;
use protocol::{Controls, Slot};
use sim::body::step;
use sim::dice::Dice;
use sim::rules::{ENERGY_MAX, LANCE_COOLDOWN, LANCE_RANGE, LANCE_WINDUP, MAX_REWIND_TICKS, SHIP_RADIUS};
use sim::{Body, Command, Event, Map, Obstacle, Rect, World, WorldConfig};

/// No ship is faster than this, Q8 a tick: full boost and a little rounding.
const TOP_SPEED: i64 = 6650;

/// What happens around a world between two ticks.
#[derive(Debug, Clone)]
enum Deed {
    Join,
    Leave(u16),
    Park(u16),
    Unpark(u16),
    Away(u16, bool),
    /// Everybody holds what this seed says, for so many ticks.
    Play(u64, u8),
}

fn deed() -> impl Strategy<Value = Deed> {
    let slot = 0..12u16;
    prop_oneof![
        2 => Just(Deed::Join),
        1 => slot.clone().prop_map(Deed::Leave),
        1 => slot.clone().prop_map(Deed::Park),
        1 => slot.clone().prop_map(Deed::Unpark),
        1 => (slot, any::<bool>()).prop_map(|(slot, away)| Deed::Away(slot, away)),
        6 => (any::<u64>(), 1..40u8).prop_map(|(seed, ticks)| Deed::Play(seed, ticks)),
    ]
}

/// Any controls, in and out of range.
fn any_controls() -> impl Strategy<Value = Controls> {
    (any::<u8>(), any::<u8>(), any::<u8>(), any::<u16>()).prop_map(|(magnitude, buttons, dir, aim)| {
        Controls { magnitude, buttons: Buttons(buttons), dir, aim }
    })
}

/// Commands as players give them: held for a while, often firing, with any view of the past, possible or not.
fn play(dice: &mut Dice, inputs: &mut [Command]) {
    for Command { controls: held, rewind } in inputs {
        if dice.one_in(8) {
            held.magnitude = dice.below(8) as u8;
            held.dir = dice.below(256) as u8;
            held.aim = dice.below(4096) as u16;
            held.buttons = Buttons(dice.below(8) as u8);
            let most = if dice.one_in(4) { 256 } else { 57 };
            *rewind = dice.below(most) as u8;
        }
    }
}

/// Runs the deeds and calls `after` with the world after every tick.
fn run(seed: u64, pilots: u16, deeds: &[Deed], mut after: impl FnMut(&World)) {
    let mut world = World::new(&WorldConfig { capacity: 8, pilots, seed });
    let mut inputs = vec![Command::default(); 12];
    for deed in deeds {
        match *deed {
            Deed::Join => drop(world.join()),
            Deed::Leave(slot) => world.leave(Slot(slot)),
            Deed::Park(slot) => world.park(Slot(slot)),
            Deed::Unpark(slot) => world.unpark(Slot(slot)),
            Deed::Away(slot, away) => world.set_away(Slot(slot), away),
            Deed::Play(seed, ticks) => {
                let mut dice = Dice::new(seed);
                for _ in 0..ticks {
                    play(&mut dice, &mut inputs);
                    world.step(&inputs);
                    after(&world);
                }
            }
        }
    }
}

fn whole() -> Rect {
    Rect { x0: i32::MIN, y0: i32::MIN, x1: i32::MAX, y1: i32::MAX }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_deeds_twice_give_the_same_checksums(
        seed: u64,
        pilots in 0..6u16,
        deeds in prop::collection::vec(deed(), 1..20),
    ) {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        run(seed, pilots, &deeds, |world| first.push(world.checksum()));
        run(seed, pilots, &deeds, |world| second.push(world.checksum()));
        prop_assert_eq!(first, second);
    }

    #[test]
    fn every_world_keeps_its_bounds(
        seed: u64,
        pilots in 0..6u16,
        deeds in prop::collection::vec(deed(), 1..20),
    ) {
        run(seed, pilots, &deeds, |world| check(world, pilots));
    }

    #[test]
    fn no_controls_drive_a_ship_out_of_bounds(
        map_seed in 0..16u64,
        (x, y) in (0..1000i32, 0..1000i32),
        inputs in prop::collection::vec((any_controls(), 1..60u8), 1..12),
    ) {
        let map = Map::generate(2400 * 256, map_seed);
        let inside = SHIP_RADIUS..=map.side() - SHIP_RADIUS;
        let place = |part: i32| SHIP_RADIUS + (map.side() - 2 * SHIP_RADIUS) / 1000 * part;
        let mut body = Body { x: place(x), y: place(y), ..Body::default() };
        for (controls, ticks) in inputs {
            for _ in 0..ticks {
                let mut same = body;
                let near = map.near(body.x, body.y);
                let deeds = step(&mut body, controls, map.side(), near);
                // A superset of the obstacles nearby makes no difference.
                prop_assert_eq!(deeds, step(&mut same, controls, map.side(), map.obstacles()));
                prop_assert_eq!(body, same);
                prop_assert!(inside.contains(&body.x) && inside.contains(&body.y));
                prop_assert!(speed_is_legal(body.vx, body.vy), "{} {}", body.vx, body.vy);
                prop_assert!(body.energy <= ENERGY_MAX);
            }
        }
    }

    #[test]
    fn an_obstacle_is_never_entered(
        angle in 0..256i32,
        aside in -60..60i32,
        r in 40..140i32,
        inputs in prop::collection::vec((any_controls(), 1..40u8), 1..8),
    ) {
        let side = 4000 * 256;
        let rock = Obstacle { x: side / 2, y: side / 2, r: r * 256 };
        let (c, s) = (sim::trig::cos(angle * 16) / 64, sim::trig::sin(angle * 16) / 64);
        let mut body = Body { x: rock.x - c * 300 - s * aside, y: rock.y - s * 300 + c * aside, ..Body::default() };
        body.vx = c * 6000 / 256;
        body.vy = s * 6000 / 256;
        for (controls, ticks) in inputs {
            for _ in 0..ticks {
                step(&mut body, controls, side, &[rock]);
                // Rounding of the normal may leave the rim by a 256th of the radius, never more.
                prop_assert!(!rock.within(body.x, body.y, SHIP_RADIUS - (rock.r + SHIP_RADIUS) / 256));
            }
        }
    }
}

fn speed_is_legal(vx: i32, vy: i32) -> bool {
    let (vx, vy) = (i64::from(vx), i64::from(vy));
    vx * vx + vy * vy <= TOP_SPEED * TOP_SPEED
}

/// Everything that is true of a world after any tick.
fn check(world: &World, pilots: u16) {
    let inside = SHIP_RADIUS..=i32::from(world.side()) * 256 - SHIP_RADIUS;
    let mut playing = 0;
    for (slot, ship) in world.ships() {
        assert!(slot.0 < 8 + pilots);
        assert!(ship.hp() <= 100 && ship.alive == (ship.hp() > 0));
        assert!(inside.contains(&ship.x) && inside.contains(&ship.y));
        assert!(speed_is_legal(ship.vx, ship.vy));
        assert!(ship.energy <= ENERGY_MAX && ship.aim < 4096);
        assert!(ship.alive || ship.parked() || ship.timers.respawn > 0, "the dead wait for their respawn");
        let Timers { lance, windup, .. } = ship.timers;
        assert!(lance <= LANCE_COOLDOWN && windup <= LANCE_WINDUP);
        assert!(windup == 0 || (ship.alive && lance > 0), "only the living wind up");
        playing += usize::from(!ship.parked());
    }
    assert!(playing >= usize::from(pilots), "pilots fill up");

    let mut living = Vec::new();
    world.ships_in(whole(), &mut living);
    assert!(
        living.iter().eq(world
            .ships()
            .filter(|(_, ship)| ship.alive)
            .map(|(slot, _)| slot)
            .collect::<Vec<_>>()
            .iter())
    );

    let ranking: BTreeSet<_> = world.ranking().iter().collect();
    assert_eq!((ranking.len(), world.ranking().len()), (world.ships().count(), world.ships().count()));
    let score = |slot: &Slot| world.ship(*slot).expect("ranked ships exist").score;
    assert!(world.ranking().is_sorted_by_key(|slot| (std::cmp::Reverse(score(slot)), *slot)));
    assert!(world.crown().is_none_or(|slot| score(&slot) > 0));

    for event in world.events() {
        match *event {
            Event::Beam { x, y, to_x, to_y, victim, damage, rewind, .. } => {
                let (dx, dy) = (i64::from(to_x - x), i64::from(to_y - y));
                assert!(dx * dx + dy * dy <= i64::from(LANCE_RANGE + 256).pow(2));
                assert!(rewind <= MAX_REWIND_TICKS * 8 && damage <= 45 && (damage == 0 || victim.is_some()));
                assert_eq!([x % 64, y % 64, to_x % 64, to_y % 64], [0; 4], "it travels exactly");
            }
            Event::Destroyed { rewind, .. } => assert!(rewind <= MAX_REWIND_TICKS * 8),
            Event::Hit { damage, .. } => assert!(damage <= 20),
            Event::Taken { .. } => {}
        }
    }

    let (mut pulses, mut pickups) = (Vec::new(), Vec::new());
    world.pulses_in(whole(), &mut pulses);
    assert!(pulses.is_sorted_by(|a, b| a.id < b.id));
    world.pickups_in(whole(), &mut pickups);
    assert!(pickups.is_sorted_by(|a, b| a.id < b.id));
    for place in pickups.iter().map(|p| (p.x, p.y)).chain(pulses.iter().map(|p| (p.x, p.y))) {
        assert_eq!((place.0 % 64, place.1 % 64), (0, 0), "it travels exactly");
    }
}

/// Points come from shards and kills and go by deaths, and from and to nowhere else.
#[test]
fn the_books_balance() {
    for seed in 0..4 {
        let mut world = World::new(&WorldConfig { capacity: 20, pilots: 12, seed });
        let total = |world: &World| world.ships().map(|(_, ship)| i64::from(ship.score)).sum::<i64>();
        let mut scores: Vec<u32> = vec![0; 12];
        for _ in 0..1500 {
            world.step(&[]);
            let mut expected: Vec<i64> = scores.iter().map(|&score| score.into()).collect();
            for event in world.events() {
                match *event {
                    Event::Taken { kind: protocol::snapshot::PickupKind::Shard, slot, .. } => {
                        expected[slot.index()] += 1;
                    }
                    Event::Destroyed { killer, victim, .. } => {
                        let worth = expected[victim.index()];
                        expected[victim.index()] -= worth / 3;
                        if let Some(killer) = killer {
                            expected[killer.index()] += 10 + worth / 4;
                        }
                    }
                    _ => {}
                }
            }
            assert_eq!(total(&world), expected.iter().sum::<i64>());
            for (slot, ship) in world.ships() {
                scores[slot.index()] = ship.score;
            }
            assert!(scores.iter().zip(&expected).all(|(&is, &should)| i64::from(is) == should));
        }
        assert!(total(&world) > 0);
    }
}

/// Another seed is another game, and a copy of a world goes on as the original does.
#[test]
fn a_copy_goes_on_like_the_original() {
    let config = WorldConfig { capacity: 30, pilots: 10, seed: 1 };
    let mut world = World::new(&config);
    (0..300).for_each(|_| world.step(&[]));
    let mut copy = world.clone();
    for _ in 0..100 {
        world.step(&[]);
        copy.step(&[]);
        assert_eq!(world.checksum(), copy.checksum());
    }
    let other = World::new(&WorldConfig { seed: 2, ..config });
    assert_ne!(World::new(&config).checksum(), other.checksum());
}

/// What tells in which tick two worlds part needs no look at the whole of them.
#[test]
fn digests_differ_from_the_first_tick_in_which_checksums_do() {
    let mut parted = 0;
    for seed in 0..60 {
        let mut one = World::new(&WorldConfig { capacity: 12, pilots: 6, seed });
        (0..8).for_each(|_| assert!(one.join().is_some()));
        let (mut dice, mut inputs) = (Dice::new(seed), vec![Command::default(); 14]);
        for _ in 0..200 {
            play(&mut dice, &mut inputs);
            one.step(&inputs);
        }
        // One holds another thing for one tick, which may or may not matter.
        let mut other = one.clone();
        let mut otherwise = inputs.clone();
        play(&mut dice, &mut otherwise[..2]);
        other.step(&otherwise);
        one.step(&inputs);
        for _ in 0..60 {
            let same = one.checksum() == other.checksum();
            assert_eq!(one.digest() == other.digest(), same, "seed {seed}, {:?}", one.tick());
            if !same {
                parted += 1;
                break;
            }
            play(&mut dice, &mut inputs);
            one.step(&inputs);
            other.step(&inputs);
        }
    }
    assert!((5..55).contains(&parted), "{parted} of 60 parted");
}

/// 300 ships for ten seconds, joining and leaving: nothing a player does may panic, and ids stay unique.
#[test]
fn a_crowd_is_no_trouble() {
    let mut world = World::new(&WorldConfig { capacity: 300, pilots: 40, seed: 8 });
    let mut dice = Dice::new(3);
    let mut inputs = vec![Command::default(); 340];
    let mut slots: Vec<Slot> = (0..290).filter_map(|_| world.join()).collect();
    let mut destroyed = 0;
    for tick in 0..300 {
        play(&mut dice, &mut inputs);
        world.step(&inputs[..dice.below(341) as usize]);
        destroyed += world.events().iter().filter(|e| matches!(e, Event::Destroyed { .. })).count();
        if tick % 3 == 0 {
            let gone = slots.swap_remove(dice.below(slots.len() as u32) as usize);
            world.leave(gone);
            slots.extend(world.join());
        }
    }
    assert!(destroyed > 5, "{destroyed}");
    assert_eq!(world.players(), slots.len());
}
