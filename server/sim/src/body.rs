//! The movement step: what one tick of held controls does to a ship that nobody else acts on.
//!
//! A contract in two languages: clients predict with it, so every intermediate is exact, division truncates toward
//! zero, and the order of the lines below is part of it. `assets/golden/step.json` holds both sides to it. What others
//! do to a ship (damage, pickups, respawn) is not here.

use protocol::Controls;
use protocol::input::Buttons;
use protocol::snapshot::Timers;

use crate::map::Obstacle;
use crate::rules::{
    BOOST_ENERGY, BOUNCE, DRAG, ENERGY_MAX, ENERGY_REGAIN, LANCE_COOLDOWN, LANCE_COOLDOWN_OVERDRIVE,
    LANCE_ENERGY, LANCE_WINDUP, PULSE_COOLDOWN, PULSE_COOLDOWN_OVERDRIVE, PULSE_ENERGY, SHIP_RADIUS, THRUST,
    THRUST_BOOST,
};
use crate::trig;

/// The part of a ship that its player can predict. A client has the same fields in its snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Body {
    /// Position, Q8.
    pub x: i32,
    /// Position, Q8.
    pub y: i32,
    /// Velocity, Q8 a tick.
    pub vx: i32,
    /// Velocity, Q8 a tick.
    pub vy: i32,
    /// Energy, Q8: 0..=25600.
    pub energy: u16,
    /// Countdowns. The step counts them down and sets those of the weapons; `respawn` is not its business.
    pub timers: Timers,
}

/// What the ship did during a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deeds {
    /// It boosted.
    pub boosted: bool,
    /// It fired a pulse, in the direction of the controls' aim: see [`crate::weapons::Flight`].
    pub fired: bool,
    /// It began to wind up a Lance.
    pub wound: bool,
    /// Its Lance fired, along the controls' aim: see [`crate::lance`].
    pub beamed: bool,
}

/// One tick of a living ship. `side` is the world's, Q8. `near` holds, in ascending id, at least the obstacles that the
/// ship may touch; [`crate::map::Map::near`] finds them.
pub fn step(body: &mut Body, controls: Controls, side: i32, near: &[Obstacle]) -> Deeds {
    let boosted = thrust(body, controls);
    body.x += body.vx;
    body.y += body.vy;
    for obstacle in near {
        bounce(body, obstacle);
    }
    contain(&mut body.x, &mut body.vx, side);
    contain(&mut body.y, &mut body.vy, side);
    let beamed = body.timers.windup == 1;
    count_down(&mut body.timers);
    recharge(body, boosted);
    let fired = fire(body, controls);
    let wound = wind_up(body, controls);
    if fired || beamed {
        body.timers.shield = 0;
    }
    Deeds { boosted, fired, wound, beamed }
}

/// Accelerates and brakes. True if this tick boosts.
fn thrust(body: &mut Body, controls: Controls) -> bool {
    let magnitude = i64::from(controls.magnitude & 7);
    let boosted = controls.buttons.has(Buttons::BOOST) && magnitude > 0 && body.energy >= BOOST_ENERGY;
    let thrust = i64::from(if boosted { THRUST_BOOST } else { THRUST });
    let heading = i32::from(controls.dir) * 16;
    let drive = |velocity: i32, part: i32| {
        let push = i64::from(part) * magnitude * thrust / i64::from(7 * trig::ONE);
        ((i64::from(velocity) + push) * i64::from(DRAG) / 256) as i32
    };
    body.vx = drive(body.vx, trig::cos(heading));
    body.vy = drive(body.vy, trig::sin(heading));
    boosted
}

/// Pushes the ship out of an obstacle and turns its velocity away from it.
fn bounce(body: &mut Body, obstacle: &Obstacle) {
    let (dx, dy) = (i64::from(body.x - obstacle.x), i64::from(body.y - obstacle.y));
    let reach = i64::from(SHIP_RADIUS + obstacle.r);
    let square = dx * dx + dy * dy;
    if square >= reach * reach {
        return;
    }
    let distance = isqrt(square);
    let (nx, ny) = if distance == 0 { (1024, 0) } else { (dx * 1024 / distance, dy * 1024 / distance) };
    body.x = obstacle.x + (nx * reach / 1024) as i32;
    body.y = obstacle.y + (ny * reach / 1024) as i32;
    let inward = (i64::from(body.vx) * nx + i64::from(body.vy) * ny) / 1024;
    if inward < 0 {
        let back = i64::from(256 + BOUNCE);
        body.vx -= (inward * nx * back / (1024 * 256)) as i32;
        body.vy -= (inward * ny * back / (1024 * 256)) as i32;
    }
}

/// Keeps one coordinate a radius away from both walls.
fn contain(position: &mut i32, velocity: &mut i32, side: i32) {
    let kept = (*position).clamp(SHIP_RADIUS, side - SHIP_RADIUS);
    let outward = (*position < kept && *velocity < 0) || (*position > kept && *velocity > 0);
    if outward {
        *velocity = (i64::from(-*velocity) * i64::from(BOUNCE) / 256) as i32;
    }
    *position = kept;
}

fn count_down(timers: &mut Timers) {
    let Timers { pulse, lance, windup, shield, overdrive, respawn: _, regen } = timers;
    for timer in [pulse, lance, windup, shield, overdrive, regen] {
        *timer = timer.saturating_sub(1);
    }
}

fn recharge(body: &mut Body, boosted: bool) {
    if boosted {
        body.energy -= BOOST_ENERGY;
    }
    body.energy = body.energy.saturating_add(ENERGY_REGAIN).min(ENERGY_MAX);
}

/// Pays for a pulse if one can be fired.
fn fire(body: &mut Body, controls: Controls) -> bool {
    let ready = body.timers.pulse == 0 && body.energy >= PULSE_ENERGY;
    let fired = ready && controls.buttons.has(Buttons::FIRE);
    if fired {
        body.energy -= PULSE_ENERGY;
        body.timers.pulse = if body.timers.overdrive > 0 { PULSE_COOLDOWN_OVERDRIVE } else { PULSE_COOLDOWN };
    }
    fired
}

/// Pays for a Lance and begins to wind it up if that can be done. The cooldown starts here and outlasts the wind-up.
fn wind_up(body: &mut Body, controls: Controls) -> bool {
    let ready = body.timers.lance == 0 && body.energy >= LANCE_ENERGY;
    let wound = ready && controls.buttons.has(Buttons::LANCE);
    if wound {
        body.energy -= LANCE_ENERGY;
        body.timers.lance = if body.timers.overdrive > 0 { LANCE_COOLDOWN_OVERDRIVE } else { LANCE_COOLDOWN };
        body.timers.windup = LANCE_WINDUP;
    }
    wound
}

const _: () = assert!(LANCE_WINDUP < LANCE_COOLDOWN_OVERDRIVE, "one wind-up at a time");

/// The whole part of the square root; 0 for negative numbers.
pub fn isqrt(n: i64) -> i64 {
    n.max(0).isqrt()
}
