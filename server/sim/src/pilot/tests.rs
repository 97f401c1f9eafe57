//! Pilots in duels and alone. How they move is judged by what comes of it.

use protocol::input::Buttons;
use protocol::quantize::Q8;
use protocol::{Controls, Slot};

use super::Brain;
use super::vector::Vector;
use crate::dice::Dice;
use crate::sight::Scene;
use crate::{Command, Event, World, WorldConfig};

/// A small world with two players' ships 500 u apart in the open, unshielded.
fn arena(seed: u64) -> (World, Slot, Slot) {
    let mut world = World::new(&WorldConfig { capacity: 2, pilots: 0, seed });
    let (one, two) = (world.join().unwrap(), world.join().unwrap());
    let mut dice = Dice::new(seed);
    let clear = |world: &World, (x, y)| world.map().is_clear(x, y, 25 * Q8);
    let (from, to) = loop {
        let place = world.map().clear_place(&mut dice, 25 * Q8);
        let way = Vector::along(dice.below(4096) as u16, 500 * i64::from(Q8));
        let other = (place.0 + way.x as i32, place.1 + way.y as i32);
        if clear(&world, place) && clear(&world, other) {
            break (place, other);
        }
    };
    for (slot, (x, y)) in [(one, from), (two, to)] {
        let ship = &mut world.ships[slot.index()];
        (ship.x, ship.y, ship.timers.shield) = (x, y, 0);
    }
    world.index_ships();
    (world, one, two)
}

/// A dummy that flies circles and fires at where its enemy is.
fn dummy(world: &World, own: Slot, enemy: Slot) -> Controls {
    let (me, foe) = (world.ship(own).unwrap(), world.ship(enemy).unwrap());
    let to = Vector::new(foe.x - me.x, foe.y - me.y);
    let near = foe.alive && to.length() < 700 * i64::from(Q8);
    Controls {
        magnitude: 7,
        buttons: if near { Buttons::FIRE } else { Buttons::default() },
        dir: (world.tick().0 * 5 % 256) as u8,
        aim: to.heading(),
    }
}

/// True if the pilot destroys the dummy before the dummy does so to it, within a minute.
fn wins(seed: u64) -> (bool, u32) {
    let (mut world, pilot, foe) = arena(seed);
    let mut brain = Brain::new(seed);
    let mut scene = Scene::default();
    for tick in 0..1800 {
        let mut inputs = [Command::default(); 2];
        inputs[pilot.index()] = brain.think(&scene.look(&world, pilot).unwrap()).into();
        inputs[foe.index()] = dummy(&world, foe, pilot).into();
        world.step(&inputs);
        for event in world.events() {
            if let Event::Destroyed { victim, .. } = event {
                return (*victim == foe, tick);
            }
        }
    }
    (false, 1800)
}

#[test]
fn a_pilot_beats_a_circling_shooting_dummy() {
    let duels: Vec<_> = (0..60).map(wins).collect();
    let won = duels.iter().filter(|(won, _)| *won).count();
    assert!(won * 10 >= duels.len() * 9, "won {won} of {}: {duels:?}", duels.len());
}

#[test]
fn pilots_fight_each_other_and_gather() {
    let mut world = World::new(&WorldConfig { capacity: 40, pilots: 16, seed: 5 });
    let (mut deaths, mut taken, mut hits, mut touching) = (0, 0, 0, 0);
    let (mut beams, mut struck) = (0, 0);
    for _ in 0..1800 {
        world.step(&[]);
        for event in world.events() {
            match event {
                Event::Hit { .. } => hits += 1,
                Event::Beam { victim, .. } => {
                    beams += 1;
                    struck += u32::from(victim.is_some());
                }
                Event::Destroyed { .. } => deaths += 1,
                Event::Taken { .. } => taken += 1,
            }
        }
        for (_, ship) in world.ships().filter(|(_, ship)| ship.alive) {
            touching += u32::from(!world.map().is_clear(ship.x, ship.y, 19 * Q8));
        }
    }
    let ship_ticks = 16 * 1800;
    assert!(deaths > 10 && hits > 5 * deaths / 2, "{deaths} deaths, {hits} hits: they fight");
    assert!(
        (30..=300).contains(&beams) && struck > beams / 4,
        "{beams} beams, {struck} struck: now and then"
    );
    assert!(taken > 200, "{taken} pickups: they gather");
    assert!(touching < ship_ticks / 40, "{touching} ticks at a wall or an obstacle: they steer");
}
