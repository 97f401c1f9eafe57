//! A world that was put down as numbers and taken up again is the same world: it goes the same way ever after.

use proptest::prelude::*;
use protocol::Slot;
use protocol::input::Buttons;
use sim::dice::Dice;
use sim::keyframe::Keyframe;
use sim::{Command, Deed, Rect, World, WorldConfig};

/// What happens around a world before a tick, as one seed says, and the tick.
fn tick(world: &mut World, dice: &mut Dice, inputs: &mut [Command]) {
    deeds_before(world, dice, inputs, |_| ());
}

fn deeds_before(world: &mut World, dice: &mut Dice, inputs: &mut [Command], done: impl FnOnce(&World)) {
    let slot = Slot(dice.below(14) as u16);
    match dice.below(24) {
        0 | 1 => drop(world.join()),
        2 => world.leave(slot),
        3 => world.park(slot),
        4 => world.unpark(slot),
        5 => world.set_away(slot, true),
        6 => world.set_away(slot, false),
        // Several at once: free places pile up and are taken in another order than they were left in.
        7 if dice.one_in(4) => (0..14).rev().for_each(|slot| world.leave(Slot(slot ^ 5))),
        8 if dice.one_in(4) => (0..6).for_each(|_| assert!(world.join().is_none_or(|slot| slot.0 < 40))),
        _ => {}
    }
    for Command { controls: held, rewind } in &mut *inputs {
        if dice.one_in(8) {
            held.magnitude = dice.below(8) as u8;
            held.dir = dice.below(256) as u8;
            held.aim = dice.below(4096) as u16;
            held.buttons = Buttons(dice.below(8) as u8);
            *rewind = dice.below(57) as u8;
        }
    }
    done(world);
    world.step(inputs);
}

/// As [`tick`], and does the same to another world, by what the first one notes.
fn tick_both(world: &mut World, other: &mut World, dice: &mut Dice, inputs: &mut [Command]) {
    let (mut deeds, before) = (Vec::new(), world.deeds().len());
    deeds_before(world, dice, inputs, |world| deeds = world.deeds()[before..].to_vec());
    for &deed in &deeds {
        assert!(other.redo(deed), "{deed:?}");
    }
    other.step(inputs);
}

fn keyframe(world: &World) -> Keyframe {
    let mut keyframe = Keyframe { numbers: vec![1, 2, 3] };
    world.keyframe(&mut keyframe);
    keyframe
}

fn everything(world: &World) -> Rect {
    Rect::around(0, 0, i32::from(world.side()) * 256, i32::from(world.side()) * 256)
}

/// All that the outside can read of a world, but for what the last step told.
fn outside(world: &World) -> String {
    let (mut ships, mut pulses, mut pickups) = (Vec::new(), Vec::new(), Vec::new());
    world.ships_in(everything(world), &mut ships);
    world.pulses_in(everything(world), &mut pulses);
    world.pickups_in(everything(world), &mut pickups);
    let all: Vec<_> = world.ships().collect();
    let (ranking, crown, players) = (world.ranking(), world.crown(), world.players());
    format!("{all:?} {ships:?} {pulses:?} {pickups:?} {ranking:?} {crown:?} {players}")
}

/// Plays `before` ticks, restores, and plays both worlds on.
fn goes_the_same_way(config: &WorldConfig, seed: u64, before: u32, after: u32) {
    let (mut dice, mut inputs) = (Dice::new(seed), vec![Command::default(); 20]);
    let mut world = World::new(config);
    for _ in 0..before {
        tick(&mut world, &mut dice, &mut inputs);
    }
    if dice.one_in(2) {
        // Between two ticks, too, when somebody has just come or gone. What was done before does not come again.
        world.leave(Slot(dice.below(14) as u16));
        world.join();
    }
    let put_down = keyframe(&world);
    let mut again = World::restore(&put_down).expect("it is a world's");
    assert_eq!(keyframe(&again), put_down);
    assert_eq!(again.checksum(), world.checksum());
    assert_eq!(outside(&again), outside(&world));
    for _ in 0..after {
        tick_both(&mut world, &mut again, &mut dice, &mut inputs);
        assert_eq!(again.checksum(), world.checksum(), "at {:?}", world.tick());
        assert_eq!(again.events(), world.events());
    }
    assert_eq!(keyframe(&again), keyframe(&world));
    assert_eq!(outside(&again), outside(&world));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_restored_world_goes_the_same_way(
        seed in any::<u64>(), pilots in 0..12u16, before in 0..500u32, after in 1..200u32,
    ) {
        goes_the_same_way(&WorldConfig { capacity: 10, pilots, seed: seed ^ 1 }, seed, before, after);
    }
}

#[test]
fn a_long_fight_with_deaths_and_drops_goes_the_same_way() {
    goes_the_same_way(&WorldConfig { capacity: 12, pilots: 40, seed: 9 }, 4, 1500, 600);
}

#[test]
fn numbers_that_do_not_fit_together_are_refused() {
    let mut world = World::new(&WorldConfig { capacity: 10, pilots: 6, seed: 3 });
    world.step(&[]);
    let good = keyframe(&world);
    assert!(World::restore(&good).is_ok());
    for length in 0..good.numbers.len() {
        let short = Keyframe { numbers: good.numbers[..length].to_vec() };
        assert!(World::restore(&short).is_err(), "{length} numbers");
    }
    let mut long = good.clone();
    long.numbers.push(0);
    assert!(World::restore(&long).is_err());
    // Whatever a number is changed to: an error or a world, never a panic.
    for place in 0..good.numbers.len() {
        for value in [-1, 0, 3, 70_000, i64::MAX] {
            let mut bad = good.clone();
            bad.numbers[place] = value;
            drop(World::restore(&bad));
        }
    }
}

#[test]
fn a_world_notes_what_is_done_to_it_and_what_came_of_it() {
    let mut world = World::new(&WorldConfig { capacity: 2, pilots: 0, seed: 3 });
    let (a, b) = (world.join().expect("room"), world.join().expect("room"));
    assert_eq!(world.join(), None, "full");
    world.unpark(a);
    world.park(a);
    world.park(a);
    world.leave(Slot(7));
    world.set_away(b, true);
    world.unpark(a);
    world.leave(b);
    let done =
        [Deed::Join(a), Deed::Join(b), Deed::Park(a), Deed::Away(b, true), Deed::Unpark(a), Deed::Leave(b)];
    assert_eq!(world.deeds(), done, "what changes nothing is not noted");
    world.step(&[]);
    assert_eq!(world.deeds(), []);
    assert!(!world.redo(Deed::Join(a)), "another slot is free");
    assert!(!world.redo(Deed::Leave(Slot(9))), "nobody is there");
    assert!(world.redo(Deed::Leave(a)));
}
