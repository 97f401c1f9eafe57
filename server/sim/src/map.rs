//! The arena: its side, its round obstacles, and which of them are near a place.
//!
//! A map never changes after it is made; nothing that moves is here.

use protocol::quantize::{Q8, Q8_PER_QUARTER};

use crate::dice::Dice;
use crate::rules::{OBSTACLE_AREA, OBSTACLE_GAP, OBSTACLE_RADIUS_MAX, OBSTACLE_RADIUS_MIN, SHIP_RADIUS};

/// A round obstacle. Coordinates and radius are Q8 and multiples of 64, so that they travel exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obstacle {
    /// Centre, Q8.
    pub x: i32,
    /// Centre, Q8.
    pub y: i32,
    /// Radius, Q8.
    pub r: i32,
}

impl Obstacle {
    /// True if the point is less than `clearance` (Q8) away from the rim, or inside.
    pub fn within(&self, x: i32, y: i32, clearance: i32) -> bool {
        let (dx, dy) = (i64::from(x) - i64::from(self.x), i64::from(y) - i64::from(self.y));
        let reach = i64::from(self.r) + i64::from(clearance);
        dx * dx + dy * dy < reach * reach
    }
}

/// The side and the obstacles of a world, indexed by place. A client can make one from its `Welcome`.
#[derive(Debug, Clone)]
pub struct Map {
    side: i32,
    obstacles: Vec<Obstacle>,
    near: Index,
    around: Index,
}

/// [`Map::near`] finds what is at most this far away, rim to point, Q8: a ship's radius, its longest step, and how far
/// an obstacle may push it.
const NEAR: i32 = SHIP_RADIUS + 80 * Q8;
/// [`Map::around`] finds what is at most this far away, rim to point, Q8: more than any shot reaches, and any ship coasts.
pub(crate) const AROUND: i32 = 1000 * Q8;
/// Cells for what is near are 256 u wide, those for what is around 1024 u.
const NEAR_SHIFT: u32 = 16;
/// See [`NEAR_SHIFT`].
const AROUND_SHIFT: u32 = 18;

/// Places that are tried for each obstacle.
const TRIES: u32 = 40;

impl Map {
    /// A map from parts. `side` is Q8.
    pub fn new(side: i32, obstacles: Vec<Obstacle>) -> Map {
        let near = Index::new(side, &obstacles, NEAR_SHIFT, NEAR);
        let around = Index::new(side, &obstacles, AROUND_SHIFT, AROUND);
        Map { side, obstacles, near, around }
    }

    /// The map of a seed: obstacles scattered with [`OBSTACLE_GAP`] around each. `side` is Q8.
    pub fn generate(side: i32, seed: u64) -> Map {
        let mut dice = Dice::new(seed);
        let units = i64::from(side / Q8);
        let wanted = units * units / OBSTACLE_AREA;
        let mut obstacles: Vec<Obstacle> = Vec::new();
        for _ in 0..wanted {
            for _ in 0..TRIES {
                let r = quarters(&mut dice, OBSTACLE_RADIUS_MIN, OBSTACLE_RADIUS_MAX);
                let margin = r + OBSTACLE_GAP;
                let x = quarters(&mut dice, margin, side - margin);
                let y = quarters(&mut dice, margin, side - margin);
                if !obstacles.iter().any(|o| o.within(x, y, margin)) {
                    obstacles.push(Obstacle { x, y, r });
                    break;
                }
            }
        }
        Map::new(side, obstacles)
    }

    /// Side of the world, Q8.
    pub fn side(&self) -> i32 {
        self.side
    }

    /// All obstacles, ascending id.
    pub fn obstacles(&self) -> &[Obstacle] {
        &self.obstacles
    }

    /// The obstacles that something at this place could touch within a tick, ascending id. Any place; outside the
    /// world the nearest cell answers.
    pub fn near(&self, x: i32, y: i32) -> &[Obstacle] {
        self.near.at(x, y)
    }

    /// The obstacles that somebody at this place could care for, ascending id: all that are less than 1000 u away, and
    /// some more. Any place, as for [`Map::near`].
    pub fn around(&self, x: i32, y: i32) -> &[Obstacle] {
        self.around.at(x, y)
    }

    /// True if a pulse cannot be here: outside the world or inside an obstacle.
    pub fn blocks(&self, x: i32, y: i32) -> bool {
        let inside = (0..=self.side).contains(&x) && (0..=self.side).contains(&y);
        !inside || self.near(x, y).iter().any(|o| o.within(x, y, 0))
    }

    /// True if there is `clearance` (Q8, at most a ship's width) to every obstacle and wall.
    pub fn is_clear(&self, x: i32, y: i32, clearance: i32) -> bool {
        debug_assert!(clearance <= NEAR, "near() would miss some");
        let free = clearance..=self.side - clearance;
        free.contains(&x) && free.contains(&y) && !self.near(x, y).iter().any(|o| o.within(x, y, clearance))
    }

    /// A random place with `clearance` around it; coordinates are multiples of 64. In a world without such a place,
    /// any.
    pub(crate) fn clear_place(&self, dice: &mut Dice, clearance: i32) -> (i32, i32) {
        let mut roll = || quarters(dice, clearance, self.side - clearance);
        for _ in 0..TRIES {
            let (x, y) = (roll(), roll());
            if self.is_clear(x, y, clearance) {
                return (x, y);
            }
        }
        (roll(), roll())
    }
}

/// For each cell of a grid, the obstacles that something in it could reach.
#[derive(Debug, Clone)]
struct Index {
    shift: u32,
    cells_a_row: i32,
    /// Where each cell's part of `obstacles` starts, and the end of the last.
    starts: Vec<u32>,
    obstacles: Vec<Obstacle>,
}

impl Index {
    /// Cells are `1 << shift` wide, and `reach` counts from their rims. Both, and `side`, are Q8.
    fn new(side: i32, all: &[Obstacle], shift: u32, reach: i32) -> Index {
        let cells_a_row = (side >> shift).max(0) + 1;
        let mut index = Index { shift, cells_a_row, starts: vec![0], obstacles: Vec::new() };
        for row in 0..cells_a_row {
            for column in 0..cells_a_row {
                let found = all.iter().filter(|o| {
                    let closest = |cell: i32, centre: i32| {
                        let low = cell << shift;
                        centre.clamp(low, low + (1 << shift))
                    };
                    o.within(closest(column, o.x), closest(row, o.y), reach)
                });
                index.obstacles.extend(found);
                index.starts.push(index.obstacles.len() as u32);
            }
        }
        index
    }

    /// Of the cell that a place is in, or that is nearest to it.
    fn at(&self, x: i32, y: i32) -> &[Obstacle] {
        let cell = |at: i32| (at >> self.shift).clamp(0, self.cells_a_row - 1);
        let index = (cell(y) * self.cells_a_row + cell(x)) as usize;
        &self.obstacles[self.starts[index] as usize..self.starts[index + 1] as usize]
    }
}

/// A random multiple of 64 in `low..=high`, both Q8 and at least 0.
fn quarters(dice: &mut Dice, low: i32, high: i32) -> i32 {
    dice.between((low + Q8_PER_QUARTER - 1) / Q8_PER_QUARTER, high / Q8_PER_QUARTER) * Q8_PER_QUARTER
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::side;

    #[test]
    fn obstacles_keep_their_distance_and_travel_exactly() {
        for seed in 0..8 {
            let side = i32::from(side(1000)) * Q8;
            let map = Map::generate(side, seed);
            assert!(map.obstacles().len() > 350, "only {}", map.obstacles().len());
            for (i, o) in map.obstacles().iter().enumerate() {
                assert!((OBSTACLE_RADIUS_MIN..=OBSTACLE_RADIUS_MAX).contains(&o.r));
                assert_eq!((o.x % 64, o.y % 64, o.r % 64), (0, 0, 0));
                assert!(o.x - o.r >= OBSTACLE_GAP && o.x + o.r <= side - OBSTACLE_GAP);
                assert!(!map.obstacles()[..i].iter().any(|p| p.within(o.x, o.y, o.r + OBSTACLE_GAP)));
            }
        }
    }

    #[test]
    fn near_and_around_miss_nothing() {
        let map = Map::generate(4800 * Q8, 3);
        let mut dice = Dice::new(5);
        for _ in 0..2000 {
            let (x, y) = (dice.between(0, map.side()), dice.between(0, map.side()));
            for (found, reach) in [(map.near(x, y), NEAR), (map.around(x, y), AROUND)] {
                let mut within = map.obstacles().iter().filter(|o| o.within(x, y, reach));
                assert!(within.all(|o| found.contains(o)));
                let ids: Vec<_> = found.iter().map(|n| map.obstacles().iter().position(|o| o == n)).collect();
                assert!(ids.is_sorted() && found.len() < map.obstacles().len(), "{reach}");
            }
        }
    }
}
