//! The movement step against its golden file, which clients in other languages are held to as well.
//!
//! `UPDATE_GOLDEN=1 cargo test -p sim --test golden` writes the file anew.

use std::fs;
use std::path::PathBuf;

use protocol::input::Buttons;
use protocol::snapshot::Timers;
use protocol::{Controls, Tick};
use serde::{Deserialize, Serialize};
use sim::body::{Body, Deeds, step};
use sim::dice::Dice;
use sim::weapons::Flight;
use sim::{Map, Obstacle, lance, rules, trig};

const ABOUT: &str = "The movement step, golden. One world: `side` and `obstacles` [x, y, r] in ascending id, all Q8 \
(1/256 unit). Each case starts at tick 0 in state `start` and holds `inputs`: [ticks, ctl, dir, aim], each for that many \
steps, one after the other. ctl = magnitude | buttons << 3 (FIRE 1, BOOST 2, LANCE 4); dir 0..255; aim 0..4095. `states` has a row \
[tick, x, y, vx, vy, energy, pulse, shield, overdrive, regen, boosted] after every fourth step and after the last; pulse \
to regen are the countdowns in ticks left, boosted is 1 if that very step boosted. `start` is the same row for tick 0. \
`pulses` has a row [fired, x, y, direction, vx, vy, over] for each pulse: the tick whose step fired it, where it is at \
that tick, its velocity in Q8 a tick (it is at x + vx * (t - fired) at tick t), and the first tick at which it is gone if \
it strikes no ship: 30 ticks have passed, or its place is outside 0..=side, or closer than r to an obstacle's centre. \
`lances` are cases of the same kind that use the Lance: their rows have two more countdowns, lance and windup, between \
regen and boosted; instead of pulses they have `beams`, a row [tick, x, y, aim, to_x, to_y] for each tick whose step let \
off a beam: the ship's centre after that step, the aim held in it, and where the beam ends if it strikes no ship.";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Golden {
    about: String,
    /// FNV-1a-32 of the sine table.
    trig_fnv1a: u32,
    side: i32,
    obstacles: Vec<[i32; 3]>,
    cases: Vec<Case>,
    lances: Vec<LanceCase>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Case {
    name: String,
    start: Row,
    inputs: Vec<[u32; 4]>,
    states: Vec<Row>,
    pulses: Vec<[i32; 7]>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct LanceCase {
    name: String,
    start: LanceRow,
    inputs: Vec<[u32; 4]>,
    states: Vec<LanceRow>,
    beams: Vec<[i32; 6]>,
}

type Row = [i32; 11];
type LanceRow = [i32; 13];

const SIDE: i32 = 2400 * 256;
const EVERY: u32 = 4;
const FIRE: u32 = 1 << 3;
const BOOST: u32 = 2 << 3;
const LANCE: u32 = 4 << 3;

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
    for (written, now) in written.lances.iter().zip(&golden.lances) {
        assert_eq!(written, now, "lance {}", now.name);
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
    let beams = || golden.lances.iter().flat_map(|case| &case.beams);
    let short = |b: &&[i32; 6]| (b[4] - b[1]).abs().max((b[5] - b[2]).abs()) < 490 * 256;
    assert!(beams().count() > 30 && beams().filter(short).count() > 8, "beams end early");
    let rows = || golden.lances.iter().flat_map(|case| &case.states);
    assert!(rows().any(|row| row[11] == 4 && row[5] < 256), "the last energy goes into a Lance");
    assert!(rows().any(|row| row[11] > 0 && row[7] > 0), "a shield lasts until the beam");
    assert!(rows().any(|row| row[10] == 22 && row[11] == 4), "overdrive halves the cooldown");
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
        lances: lances(&map, &mut dice),
    }
}

fn fresh() -> Body {
    Body { energy: 25600, ..Body::default() }
}

fn lances(map: &Map, dice: &mut Dice) -> Vec<LanceCase> {
    let mut cases = Vec::new();
    let middle = Body { x: SIDE / 2, y: SIDE / 2, ..fresh() };
    let timers = Timers { shield: 9, ..Timers::default() };
    let held =
        vec![[60, LANCE, 0, 100], [200, LANCE | 7, 30, 900], [2, 0, 0, 0], [60, LANCE | FIRE, 0, 3000]];
    cases.push(lance_case(map, "held, under a shield at first".into(), Body { timers, ..middle }, held));
    let start = Body { energy: 12800 - 128, ..middle };
    let inputs = vec![[1, LANCE, 0, 1], [1, 0, 0, 2], [1, LANCE, 0, 3], [1, 0, 0, 4], [1, FIRE, 0, 5]];
    cases.push(lance_case(
        map,
        "energy just enough; the aim is that of the beam's tick".into(),
        start,
        inputs,
    ));
    let start = Body { energy: 12800 - 129 - 128, ..middle };
    cases.push(lance_case(
        map,
        "energy a tick later".into(),
        start,
        vec![[3, LANCE, 0, 1], [6, BOOST | 7, 0, 5]],
    ));
    let start = Body { energy: 14848 - 129, ..middle };
    let inputs = vec![[1, FIRE | LANCE, 0, 0], [6, 0, 0, 0], [40, FIRE | LANCE, 0, 0]];
    cases.push(lance_case(map, "a pulse is paid for first".into(), start, inputs));
    for overdrive in [1, 2, 30] {
        let start = Body { timers: Timers { overdrive, ..Timers::default() }, ..middle };
        let inputs = vec![[80, LANCE | FIRE, 0, 50 * u32::from(overdrive)]];
        cases.push(lance_case(map, format!("overdrive for {overdrive}"), start, inputs));
    }
    for n in 0..16 {
        let around = map.obstacles()[n % map.obstacles().len()];
        let off = |dice: &mut Dice| dice.between(around.r, 250 * 256) * if dice.one_in(2) { 1 } else { -1 };
        let inside = |at: i32| at.clamp(rules::SHIP_RADIUS, SIDE - rules::SHIP_RADIUS);
        let (x, y) = (inside(around.x + off(dice)), inside(around.y + off(dice)));
        let (vx, vy) = (dice.between(-2000, 2000), dice.between(-2000, 2000));
        let mut inputs = Vec::new();
        for _ in 0..24 {
            let held = 1 + dice.below(16);
            let rest = [FIRE, BOOST].map(|button| if dice.one_in(6) { button } else { 0 });
            let ctl = dice.below(8) | (LANCE * dice.below(2)) | rest[0] | rest[1];
            inputs.push([held, ctl, dice.below(256), dice.below(4096)]);
        }
        cases.push(lance_case(map, format!("play {n}"), Body { x, y, vx, vy, ..fresh() }, inputs));
    }
    cases
}

fn case(map: &Map, name: String, start: Body, inputs: Vec<[u32; 4]>) -> Case {
    let (mut states, mut pulses) = (Vec::new(), Vec::new());
    play(map, start, &inputs, |tick, body, controls, deeds, shown| {
        if deeds.fired {
            let flight = Flight::from_ship(body.x, body.y, controls.aim, Tick(tick), map.side());
            let over = (tick..).find(|&t| flight.is_over(Tick(t), map)).unwrap();
            let (vx, vy) = flight.velocity();
            let direction = i32::from(flight.direction);
            pulses.push([tick as i32, flight.x, flight.y, direction, vx, vy, over as i32]);
        }
        if shown {
            states.push(row(tick, body, deeds.boosted));
        }
    });
    Case { name, start: row(0, &start, false), inputs, states, pulses }
}

fn lance_case(map: &Map, name: String, start: Body, inputs: Vec<[u32; 4]>) -> LanceCase {
    let (mut states, mut beams) = (Vec::new(), Vec::new());
    play(map, start, &inputs, |tick, body, controls, deeds, shown| {
        if deeds.beamed {
            let (x, y) = lance::end(body.x, body.y, controls.aim, map);
            beams.push([tick as i32, body.x, body.y, i32::from(controls.aim), x, y]);
        }
        if shown || deeds.wound || deeds.beamed {
            states.push(lance_row(tick, body, deeds.boosted));
        }
    });
    LanceCase { name, start: lance_row(0, &start, false), inputs, states, beams }
}

/// Steps through all inputs and calls `after` with the tick, what became of the body, what was held, what it did, and
/// whether the tick is one of those that are always shown.
fn play(
    map: &Map,
    start: Body,
    inputs: &[[u32; 4]],
    mut after: impl FnMut(u32, &Body, Controls, Deeds, bool),
) {
    let (mut body, mut tick) = (start, 0);
    let last = inputs.iter().map(|hold| hold[0]).sum::<u32>();
    for &[ticks, ctl, dir, aim] in inputs {
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
            after(tick, &body, controls, deeds, tick % EVERY == 0 || tick == last);
        }
    }
}

fn row(tick: u32, body: &Body, boosted: bool) -> Row {
    let [tick, x, y, vx, vy, energy, pulse, shield, overdrive, regen, _, _, boosted] =
        lance_row(tick, body, boosted);
    [tick, x, y, vx, vy, energy, pulse, shield, overdrive, regen, boosted]
}

fn lance_row(tick: u32, body: &Body, boosted: bool) -> LanceRow {
    let &Body { x, y, vx, vy, energy, timers } = body;
    let Timers { pulse, lance, windup, shield, overdrive, regen, .. } = timers;
    let [pulse, shield, overdrive, regen, lance, windup, boosted] =
        [pulse, shield, overdrive, regen, lance, windup, u8::from(boosted)].map(i32::from);
    let (tick, energy) = (tick as i32, i32::from(energy));
    [tick, x, y, vx, vy, energy, pulse, shield, overdrive, regen, lance, windup, boosted]
}

/// JSON with a line for each case, so that a change shows where it is.
fn text(golden: &Golden) -> String {
    let whole = serde_json::to_string(golden).unwrap();
    whole
        .replace("{\"name\"", "\n{\"name\"")
        .replace("]}]}", "]}\n]}\n")
        .replace(",\"obstacles\"", ",\n\"obstacles\"")
        .replace("],\"lances\"", "],\n\"lances\"")
}
