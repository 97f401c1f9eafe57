//! The movement step against its golden file, which clients in other languages are held to as well.
//!
//! `UPDATE_GOLDEN=1 cargo test -p sim --test golden` writes the file anew.

use std::fs;
use std::path::PathBuf;

use protocol::input::Buttons;
use protocol::snapshot::Timers;
use protocol::{Controls, Tick};
use serde::{Deserialize, Serialize};
use sim::body::{Body, step};
use sim::dice::Dice;
use sim::weapons::Flight;
use sim::{Map, Obstacle, rules, trig};

const ABOUT: &str = "The movement step, golden. One world: `side` and `obstacles` [x, y, r] in ascending id, all Q8 \
(1/256 unit). Each case starts at tick 0 in state `start` and holds `inputs`: [ticks, ctl, dir, aim], each for that many \
steps, one after the other. ctl = magnitude | buttons << 3 (FIRE 1, BOOST 2); dir 0..255; aim 0..4095. `states` has a row \
[tick, x, y, vx, vy, energy, pulse, shield, overdrive, regen, boosted] after every fourth step and after the last; pulse \
to regen are the countdowns in ticks left, boosted is 1 if that very step boosted. `start` is the same row for tick 0. \
`pulses` has a row [fired, x, y, direction, vx, vy, over] for each pulse: the tick whose step fired it, where it is at \
that tick, its velocity in Q8 a tick (it is at x + vx * (t - fired) at tick t), and the first tick at which it is gone if \
it strikes no ship: 30 ticks have passed, or its place is outside 0..=side, or closer than r to an obstacle's centre.";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Golden {
    about: String,
    /// FNV-1a-32 of the sine table.
    trig_fnv1a: u32,
    side: i32,
    obstacles: Vec<[i32; 3]>,
    cases: Vec<Case>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Case {
    name: String,
    start: Row,
    inputs: Vec<[u32; 4]>,
    states: Vec<Row>,
    pulses: Vec<[i32; 7]>,
}

type Row = [i32; 11];

const SIDE: i32 = 2400 * 256;
const EVERY: u32 = 4;
const FIRE: u32 = 1 << 3;
const BOOST: u32 = 2 << 3;

#[test]
fn the_step_matches_its_golden_file() {
    let golden = golden();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../assets/golden/step.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text(&golden)).unwrap();
    }
    let written: Golden = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (written, now) in written.cases.iter().zip(&golden.cases) {
        assert_eq!(written, now, "case {}", now.name);
    }
    assert_eq!(written, golden);
}

/// What the cases are there for does happen in them.
#[test]
fn the_cases_cover_the_contract() {
    let golden = golden();
    let rows = || golden.cases.iter().flat_map(|case| &case.states);
    let fast = |row: &&Row| row[3] * row[3] + row[4] * row[4] > 6000 * 6000;
    assert!(rows().filter(fast).count() > 20, "boost speed is reached");
    assert!(rows().any(|row| row[5] < 384), "energy runs out");
    assert!(rows().any(|row| row[7] > 0 && row[6] == 0), "shields last until the first shot");
    let turned = |case: &&Case| {
        let way = |row: &Row| (i64::from(row[3]), i64::from(row[4]));
        let against = |a: (i64, i64), b: (i64, i64)| a.0 * b.0 + a.1 * b.1 < 0;
        case.states.iter().take(8).any(|row| against(way(&case.start), way(row)))
    };
    assert!(golden.cases.iter().take(12).filter(turned).count() > 5, "obstacles turn ships around");
    let edge = [rules::SHIP_RADIUS, SIDE - rules::SHIP_RADIUS];
    assert!(
        rows().filter(|row| edge.contains(&row[1]) && edge.contains(&row[2])).count() > 4,
        "corners are reached"
    );
    let pulses = || golden.cases.iter().flat_map(|case| &case.pulses);
    assert!(pulses().count() > 200 && pulses().filter(|p| p[6] - p[0] < 30).count() > 30, "pulses end early");
}

fn golden() -> Golden {
    let map = Map::generate(SIDE, 4);
    let mut dice = Dice::new(2026);
    let mut cases = Vec::new();

    // Head-on and off-centre into obstacles of all sizes, at boost speed and with the engine still on.
    for (n, o) in map.obstacles().iter().take(12).enumerate() {
        let far = o.r + 300 * 256;
        let aside = dice.between(-o.r, o.r) * (n as i32 % 3) / 2;
        let inside = rules::SHIP_RADIUS..=SIDE - rules::SHIP_RADIUS;
        let (x, y, dir) = loop {
            let dir = dice.between(0, 255);
            let (c, s) = (trig::cos(dir * 16) / 64, trig::sin(dir * 16) / 64);
            let (x, y) = (o.x - (c * far - s * aside) / 256, o.y - (s * far + c * aside) / 256);
            if inside.contains(&x) && inside.contains(&y) {
                break (x, y, dir);
            }
        };
        let (vx, vy) = (trig::cos(dir * 16) * 6 / 16, trig::sin(dir * 16) * 6 / 16);
        let start = Body { x, y, vx, vy, ..fresh() };
        let inputs = vec![[50, 7 | BOOST, dir as u32, 0], [30, 0, 0, 0]];
        cases.push(case(&map, format!("obstacle {n} at boost speed"), start, inputs));
    }
    // A centre exactly on an obstacle's.
    let o = map.obstacles()[0];
    let start = Body { x: o.x, y: o.y, vx: -300, vy: 200, ..fresh() };
    cases.push(case(&map, "from the centre of an obstacle".into(), start, vec![[20, 0, 0, 0]]));
    // Walls and corners, straight and slanted; firing into them.
    for (n, dir) in [0u32, 32, 64, 96, 128, 160, 192, 224, 20, 150].into_iter().enumerate() {
        let near = |towards: i32| match towards {
            1.. => SIDE - 150_000,
            0 => SIDE / 2,
            _ => 150_000,
        };
        let (c, s) = (trig::cos(dir as i32 * 16), trig::sin(dir as i32 * 16));
        let start = Body { x: near(c / 3000), y: near(s / 3000), ..fresh() };
        let inputs =
            vec![[60, 7 | BOOST, dir, 0], [30, 7 | FIRE, dir, dir * 16], [25, 3, (dir + 100) & 255, 0]];
        cases.push(case(&map, format!("wall {n}"), start, inputs));
    }
    // Boost until nothing is left, and fire on what comes back.
    let spent = vec![[200, 7 | BOOST, 10, 0], [60, 7 | BOOST | FIRE, 140, 2000], [100, FIRE, 0, 3000]];
    cases.push(case(&map, "energy runs out".into(), Body { x: SIDE / 3, y: SIDE / 3, ..fresh() }, spent));
    let start = Body {
        x: SIDE / 2,
        y: SIDE / 4,
        energy: 2047,
        timers: Timers { overdrive: 40, shield: 20, pulse: 3, regen: 9, ..Timers::default() },
        ..fresh()
    };
    cases.push(case(&map, "overdrive ends".into(), start, vec![[10, 0, 0, 0], [80, FIRE | 4, 77, 1234]]));
    // Magnitudes, one after the other.
    let ramp =
        (0..8).map(|m| [12, m, 200 + m, 0]).chain((0..8).map(|m| [12, m | BOOST, 40 + m, 0])).collect();
    cases.push(case(&map, "magnitudes".into(), Body { x: SIDE / 2, y: SIDE / 2, ..fresh() }, ramp));
    // Play.
    for n in 0..40 {
        let start = Body {
            x: dice.between(4608, SIDE - 4608),
            y: dice.between(4608, SIDE - 4608),
            vx: dice.between(-4000, 4000),
            vy: dice.between(-4000, 4000),
            energy: dice.between(0, 25600) as u16,
            timers: Timers {
                shield: dice.below(61) as u8,
                overdrive: dice.below(2) as u8 * 200,
                regen: dice.below(150) as u8,
                ..Timers::default()
            },
        };
        let mut left = 240;
        let mut inputs = Vec::new();
        let mut dir = dice.below(256);
        while left > 0 {
            let held = (1 + dice.below(18)).min(left);
            left -= held;
            dir = if dice.one_in(5) { dice.below(256) } else { dir };
            let magnitude = if dice.one_in(4) { dice.below(8) } else { 7 };
            inputs.push([held, magnitude | dice.below(4) << 3, dir, dice.below(4096)]);
        }
        cases.push(case(&map, format!("play {n}"), start, inputs));
    }

    Golden {
        about: ABOUT.into(),
        trig_fnv1a: trig::hash(),
        side: SIDE,
        obstacles: map.obstacles().iter().map(|&Obstacle { x, y, r }| [x, y, r]).collect(),
        cases,
    }
}

fn fresh() -> Body {
    Body { energy: 25600, ..Body::default() }
}

fn case(map: &Map, name: String, start: Body, inputs: Vec<[u32; 4]>) -> Case {
    let mut body = start;
    let (mut tick, mut states, mut pulses) = (0, Vec::new(), Vec::new());
    let last = inputs.iter().map(|hold| hold[0]).sum::<u32>();
    for &[ticks, ctl, dir, aim] in &inputs {
        let controls = Controls {
            magnitude: (ctl & 7) as u8,
            buttons: Buttons((ctl >> 3) as u8),
            dir: dir as u8,
            aim: aim as u16,
        };
        for _ in 0..ticks {
            tick += 1;
            let near = map.near(body.x, body.y);
            let deeds = step(&mut body, controls, map.side(), near);
            if deeds.fired {
                let flight = Flight::from_ship(body.x, body.y, controls.aim, Tick(tick), map.side());
                let over = (tick..).find(|&t| flight.is_over(Tick(t), map)).unwrap();
                let (vx, vy) = flight.velocity();
                pulses.push([
                    tick as i32,
                    flight.x,
                    flight.y,
                    i32::from(flight.direction),
                    vx,
                    vy,
                    over as i32,
                ]);
            }
            if tick % EVERY == 0 || tick == last {
                states.push(row(tick, &body, deeds.boosted));
            }
        }
    }
    Case { name, start: row(0, &start, false), inputs, states, pulses }
}

fn row(tick: u32, body: &Body, boosted: bool) -> Row {
    let Timers { pulse, shield, overdrive, regen, .. } = body.timers;
    let [pulse, shield, overdrive, regen, boosted] =
        [pulse, shield, overdrive, regen, u8::from(boosted)].map(i32::from);
    [
        tick as i32,
        body.x,
        body.y,
        body.vx,
        body.vy,
        i32::from(body.energy),
        pulse,
        shield,
        overdrive,
        regen,
        boosted,
    ]
}

/// JSON with a line for each case, so that a change shows where it is.
fn text(golden: &Golden) -> String {
    let whole = serde_json::to_string(golden).unwrap();
    whole
        .replace("{\"name\"", "\n{\"name\"")
        .replace("]}]}", "]}\n]}\n")
        .replace(",\"obstacles\"", ",\n\"obstacles\"")
}
