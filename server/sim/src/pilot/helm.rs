//! The helm: where to thrust. Each concern pulls with a weight of its own; the sum is the course.

use protocol::snapshot::PickupKind;

use super::sight::{Loot, Sight};
use super::vector::Vector;
use super::{Mood, Target, Temper, U};
use crate::rules::{PULSE_RADIUS, SHIP_RADIUS};

/// What pulls: 1024 is a pull worth full thrust.
const FULL: i64 = 1024;
/// Distance that a ship coasts, in ticks of its velocity.
const COAST: i64 = 12;
/// Walls and obstacles are felt from this far away.
const ROOM: i64 = 110 * U;

/// Where to, and how urgently.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Course {
    pub(super) pull: Vector,
    /// A pulse will strike unless the ship moves fast.
    pub(super) imminent: bool,
}

/// The sum of all pulls.
pub(super) fn course(
    sight: &Sight<'_>,
    mood: Mood,
    target: Option<&Target>,
    side: i64,
    temper: &Temper,
) -> Course {
    let mut pull = match (mood, target) {
        (Mood::Fight, Some(target)) => fight(sight, target, side, temper),
        (Mood::Flee, Some(target)) => flee(sight, target, side),
        _ => Vector::default(),
    };
    match mood {
        Mood::Gather(at) | Mood::Search(at) => pull += approach(sight, at),
        Mood::Roam(heading) => pull += Vector::along(heading, FULL * 3 / 4),
        Mood::Fight | Mood::Flee => pull += on_the_way(sight),
    }
    let (dodge, imminent) = dodge(sight, side, temper);
    pull += dodge;
    pull += keep_off_walls(sight);
    pull += keep_off_obstacles(sight, side);
    Course { pull, imminent }
}

/// Keeps the range that the pilot likes, and circles.
fn fight(sight: &Sight<'_>, target: &Target, side: i64, temper: &Temper) -> Vector {
    let to = target.place - sight.me.place();
    let tired = if sight.me.charge() < 20 { 160 * U } else { 0 };
    let spare = to.length() - i64::from(temper.range) * U - tired;
    let closing = (spare * FULL / (120 * U)).clamp(-FULL, FULL);
    to.with_length(closing) + to.right().with_length(side * FULL * 3 / 4)
}

/// Runs, weaving.
fn flee(sight: &Sight<'_>, target: &Target, side: i64) -> Vector {
    let from = sight.me.place() - target.place;
    let repair = sight.pickups.iter().filter(|loot| loot.kind == PickupKind::Repair);
    let repair =
        repair.map(|loot| Vector::new(loot.x, loot.y) - sight.me.place()).min_by_key(|way| way.length());
    let help = repair.map(|way| way.with_length(FULL)).unwrap_or_default();
    from.with_length(FULL) + from.right().with_length(side * FULL / 3) + help
}

/// Straight there, allowing for the way it drifts.
fn approach(sight: &Sight<'_>, at: Vector) -> Vector {
    let to = at - sight.me.place();
    let ticks = (to.length() / (12 * U)).min(8);
    (to - sight.me.velocity().scaled(ticks, 1)).with_length(FULL)
}

/// What lies close by is worth a small detour even in a fight.
fn on_the_way(sight: &Sight<'_>) -> Vector {
    let hurt = sight.me.hp < 60;
    let best = sight.pickups.iter().filter_map(|loot| {
        let reach = match loot.kind {
            PickupKind::Shard => 140 * U,
            PickupKind::Repair if hurt => 600 * U,
            PickupKind::Repair => return None,
            PickupKind::Overdrive => 420 * U,
        };
        let to = Vector::new(loot.x, loot.y) - sight.me.place();
        let near = to.dot(to) * FULL / (reach * reach);
        (near < FULL).then_some((near, to, loot.kind))
    });
    let weight = |kind| if kind == PickupKind::Shard { FULL / 3 } else { FULL * 3 / 2 };
    best.min_by_key(|(near, ..)| *near).map(|(_, to, kind)| to.with_length(weight(kind))).unwrap_or_default()
}

/// Away from where pulses will pass, if the pilot has seen them in time. True if one is about to strike.
fn dodge(sight: &Sight<'_>, side: i64, temper: &Temper) -> (Vector, bool) {
    let me = (sight.me.place(), sight.me.velocity());
    let (mut sum, mut imminent) = (Vector::default(), false);
    for pulse in sight.pulses {
        let to_me = me.0 - Vector::new(pulse.x, pulse.y);
        let speed = Vector::new(pulse.vx, pulse.vy) - me.1;
        let (along, square) = (to_me.dot(speed), speed.dot(speed));
        if along <= 0 || square == 0 || along > square * i64::from(temper.alert) {
            continue;
        }
        // Where I am, seen from the pulse, when it comes closest.
        let miss = to_me - speed.scaled(along, square);
        let reach = i64::from(SHIP_RADIUS + PULSE_RADIUS);
        if miss.length() >= reach + 22 * U {
            continue;
        }
        let aside = if miss.length() > 2 * U { miss } else { speed.right().scaled(side, 1) };
        let ticks = along / square;
        sum += aside.with_length(FULL * 4 / (2 + ticks.max(0)) + FULL / 2);
        imminent |= ticks < 6 && miss.length() < reach;
    }
    (sum, imminent)
}

fn keep_off_walls(sight: &Sight<'_>) -> Vector {
    let (place, drift) = (sight.me.place(), sight.me.velocity().scaled(COAST, 1));
    let ahead = place + drift;
    let push = |at: i64| {
        let side = i64::from(sight.side);
        let (low, high) = (ROOM - at, at - (side - ROOM));
        2 * FULL * (low.max(0) - high.max(0)) / ROOM
    };
    let limit = |push: i64| push.clamp(-2 * FULL, 2 * FULL);
    Vector { x: limit(push(ahead.x)), y: limit(push(ahead.y)) }
}

/// Around whatever the drift leads into, and off what is too close.
fn keep_off_obstacles(sight: &Sight<'_>, side: i64) -> Vector {
    let (place, drift) = (sight.me.place(), sight.me.velocity().scaled(COAST, 1));
    let far = drift.length() + 60 * U;
    let mut sum = Vector::default();
    for obstacle in sight.obstacles {
        let to = Vector::new(obstacle.x, obstacle.y) - place;
        let r = i64::from(obstacle.r + SHIP_RADIUS);
        if to.x.abs() > far + r + ROOM || to.y.abs() > far + r + ROOM {
            continue;
        }
        let gap = to.length() - r;
        if gap < 40 * U {
            sum += (-to).with_length(FULL * (40 * U - gap) / (40 * U));
        }
        // Beside the way: positive to the right of it.
        let beside = drift.cross(to) / drift.length().max(1);
        let along = drift.dot(to) / drift.length().max(1);
        if along > 0 && along < far + r && beside.abs() < r + 24 * U {
            let right = if beside.abs() < r / 8 { side } else { -beside.signum() };
            let urgency = FULL + FULL * (far + r - along) / (far + r);
            sum += drift.right().with_length(right * urgency);
        }
    }
    sum
}

/// What a pilot would rather have: its place if anything in sight is worth the way.
pub(super) fn best_loot(sight: &Sight<'_>) -> Option<Vector> {
    let value = |loot: &Loot| match loot.kind {
        PickupKind::Shard => 2,
        PickupKind::Repair if sight.me.hp < 40 => 24,
        PickupKind::Repair if sight.me.hp < 80 => 6,
        PickupKind::Repair => 0,
        PickupKind::Overdrive => 10,
    };
    let worthy = sight.pickups.iter().filter(|loot| value(loot) > 0);
    let price = |loot: &&Loot| {
        let to = Vector::new(loot.x, loot.y) - sight.me.place() - sight.me.velocity().scaled(COAST / 2, 1);
        to.dot(to) / (value(loot) * value(loot))
    };
    worthy.min_by_key(price).map(|loot| Vector::new(loot.x, loot.y))
}
