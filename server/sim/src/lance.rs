//! The Lance: a beam that strikes at once, in the past that its shooter saw. Paying for it and winding it up is part of
//! [`crate::body`].

use protocol::Slot;
use protocol::message::Weapon;
use protocol::quantize::{from_quarter, to_quarter};

use crate::body::isqrt;
use crate::collision::Sweep;
use crate::event::Event;
use crate::map::{AROUND, Map, Obstacle};
use crate::rewind::Shooter;
use crate::rules::{LANCE_DAMAGE, LANCE_RANGE, SHIP_RADIUS};
use crate::trig;
use crate::world::World;

/// Where a beam from a ship's centre along `aim` ends if it strikes no ship, Q8: at the first obstacle or wall, or at
/// [`LANCE_RANGE`].
pub fn end(x: i32, y: i32, aim: u16, map: &Map) -> (i32, i32) {
    let aim = i32::from(aim);
    let (cos, sin) = (i64::from(trig::cos(aim)), i64::from(trig::sin(aim)));
    let mut reach = i64::from(LANCE_RANGE);
    for (at, part) in [(x, cos), (y, sin)] {
        let room = if part < 0 { i64::from(at) } else { i64::from(map.side() - at) };
        if part != 0 {
            reach = reach.min(room.max(0) * ONE / part.abs());
        }
    }
    for obstacle in map.around(x, y) {
        if let Some(rim) = rim(obstacle, (x, y), (cos, sin)) {
            reach = reach.min(rim);
        }
    }
    (x + (cos * reach / ONE) as i32, y + (sin * reach / ONE) as i32)
}

const ONE: i64 = trig::ONE as i64;

const _: () = assert!(LANCE_RANGE <= AROUND, "every obstacle in reach is looked at");

/// Distance along a ray to where it enters an obstacle.
fn rim(obstacle: &Obstacle, (x, y): (i32, i32), (cos, sin): (i64, i64)) -> Option<i64> {
    let (dx, dy) = (i64::from(obstacle.x - x), i64::from(obstacle.y - y));
    let (along, aside) = ((dx * cos + dy * sin) / ONE, (dx * sin - dy * cos) / ONE);
    let r = i64::from(obstacle.r);
    (along > 0 && aside.abs() < r).then(|| (along - isqrt(r * r - aside * aside)).max(0))
}

impl World {
    /// Lets off the beams whose wind-up ended with this tick, all at once: they do not save each other's targets. A ship
    /// that a pulse has just destroyed fires no more.
    pub(crate) fn fire_lances(&mut self) {
        let mut lancers = std::mem::take(&mut self.lancers);
        lancers.retain(|slot| self.ships[slot.index()].alive);
        for &slot in &lancers {
            self.fire_lance(slot);
        }
        self.lancers = lancers;
    }

    fn fire_lance(&mut self, slot: Slot) {
        let ship = &self.ships[slot.index()];
        let (from, rewind) = ((ship.x, ship.y), ship.view);
        let shooter = Shooter { key: slot.index(), generation: ship.generation };
        let way = Sweep { from, to: end(ship.x, ship.y, ship.aim, &self.map) };
        let struck = self.first_ship(way, SHIP_RADIUS, rewind, shooter);

        let (to, victim) = struck.map_or((way.to, None), |(key, at)| (at, Some(Slot(key as u16))));
        let damage = victim.map_or(0, |victim| self.hurt(victim, LANCE_DAMAGE));
        let [x, y, to_x, to_y] = [from.0, from.1, to.0, to.1].map(|at| from_quarter(to_quarter(at)));
        self.events.push(Event::Beam { slot, x, y, to_x, to_y, victim, damage, rewind });
        if let Some(victim) = victim.filter(|victim| self.ships[victim.index()].hp == 0) {
            self.destroy(victim, Some(slot), Weapon::Lance, rewind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;
    use protocol::quantize::Q8;

    #[test]
    fn a_beam_ends_at_its_range_a_wall_or_a_rim() {
        let (side, at) = (4000 * Q8, 2000 * Q8);
        let rock = Obstacle { x: at + 300 * Q8, y: at, r: 100 * Q8 };
        let map = Map::new(side, vec![rock]);
        assert_eq!(end(at, at, 0, &map), (at + 200 * Q8, at), "the rim");
        assert_eq!(end(at, at, 2048, &map), (at - 700 * Q8, at), "the range; the obstacle is behind");
        assert_eq!(end(at, at + 100 * Q8, 0, &map), (at + 700 * Q8, at + 100 * Q8), "a tangent goes by");
        assert_eq!(end(90 * Q8, at, 2048, &map), (0, at), "the wall");
        assert_eq!(end(at, side - 5, 1024, &map), (at, side));
        assert_eq!(end(0, 0, 2048 + 512, &map), (0, 0), "a corner");
    }

    #[test]
    fn a_beam_ends_where_small_steps_end() {
        let mut dice = Dice::new(4);
        let map = Map::generate(4000 * Q8, 3);
        let mut blocked = 0;
        for _ in 0..3000 {
            let (x, y) = map.clear_place(&mut dice, SHIP_RADIUS);
            let aim = dice.below(4096) as u16;
            let (ex, ey) = end(x, y, aim, &map);
            let way = Sweep { from: (x, y), to: (ex, ey) };
            let (dx, dy) = (i64::from(ex - x), i64::from(ey - y));
            let square = dx * dx + dy * dy;
            // Within a quarter-unit of the rim the two may differ.
            let inside = |(x, y): (i32, i32)| map.obstacles().iter().any(|o| o.within(x, y, -Q8 / 4));
            assert!(
                !(0..=990).map(|part| way.at(square * part / 1000)).any(inside),
                "nothing lies before the end"
            );
            if isqrt(square) < i64::from(LANCE_RANGE) - 16 {
                blocked += 1;
                let free = 16..=map.side() - 16;
                let at_wall = !free.contains(&ex) || !free.contains(&ey);
                let at_rim = map.obstacles().iter().any(|o| o.within(ex, ey, Q8 / 4));
                assert!(at_wall || at_rim, "it ends for a reason");
            }
        }
        assert!(blocked > 500, "{blocked}");
    }
}
