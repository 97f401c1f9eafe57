//! What a step costs: `cargo run --release -p sim --example step_cost -- [ships] [ticks] [pilots] [rewind]`.
//!
//! The players' ships hold random controls, most of them thrusting and half of them firing; pilots fill up to the last
//! number. With a rewind, the players see each other up to so many eighths of a tick late and half of them use the Lance
//! as well. Prints the mean and the worst.

use protocol::input::Buttons;
use sim::dice::Dice;
use sim::{Command, World, WorldConfig};

#[allow(clippy::disallowed_types, reason = "a stopwatch around the simulation, not inside it")]
type Stopwatch = std::time::Instant;

fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u32>().expect("a number"));
    let (ships, ticks) = (args.next().unwrap_or(1000), args.next().unwrap_or(1800));
    let pilots = args.next().unwrap_or(0) as u16;
    let rewind = args.next().unwrap_or(0);
    let capacity = u16::try_from(ships).expect("at most 4000 ships");
    let mut world = World::new(&WorldConfig { capacity, pilots, seed: 1 });
    let slots: Vec<_> = (0..ships.saturating_sub(pilots.into())).filter_map(|_| world.join()).collect();
    let mut dice = Dice::new(2);
    let mut inputs = vec![Command::default(); slots.len()];
    let mut times = Vec::new();
    let (mut hits, mut beams, mut deaths, mut taken) = (0, 0, 0, 0);
    for _ in 0..ticks {
        for held in &mut inputs {
            let Command { controls: held, rewind: late } = held;
            if dice.one_in(12) {
                held.magnitude = if dice.one_in(8) { 0 } else { 7 };
                held.dir = dice.below(256) as u8;
                held.aim = dice.below(4096) as u16;
                held.buttons = Buttons(dice.below(if rewind > 0 { 8 } else { 4 }) as u8);
                *late = if rewind > 0 { dice.below(rewind + 1) as u8 } else { 0 };
            }
        }
        let start = Stopwatch::now();
        world.step(&inputs);
        times.push(start.elapsed().as_micros());
        for event in world.events() {
            match event {
                sim::Event::Hit { .. } => hits += 1,
                sim::Event::Beam { .. } => beams += 1,
                sim::Event::Destroyed { .. } => deaths += 1,
                sim::Event::Taken { .. } => taken += 1,
            }
        }
    }
    let mean = times.iter().sum::<u128>() / times.len().max(1) as u128;
    times.sort_unstable();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{ships} ships, {pilots} of them pilots, {ticks} ticks: mean {mean} µs, median {median} µs, worst {worst} µs a step"
    );
    println!(
        "{hits} hits, {beams} beams, {deaths} deaths, {taken} pickups; checksum {:016x}",
        world.checksum()
    );
}
