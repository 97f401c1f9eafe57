//! A uniform grid over points: who is in this rectangle?
//!
//! Rebuilt whole each tick by a counting sort into buffers that are kept, so it allocates only while a room grows. It
//! knows keys and places, not what they stand for.

/// A rectangle, Q8, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    /// West.
    pub x0: i32,
    /// North.
    pub y0: i32,
    /// East.
    pub x1: i32,
    /// South.
    pub y1: i32,
}

impl Rect {
    /// The rectangle that reaches `dx` and `dy` from a centre.
    pub fn around(x: i32, y: i32, dx: i32, dy: i32) -> Rect {
        Rect {
            x0: x.saturating_sub(dx),
            y0: y.saturating_sub(dy),
            x1: x.saturating_add(dx),
            y1: y.saturating_add(dy),
        }
    }

    /// True if the point is inside or on the border.
    pub fn contains(&self, x: i32, y: i32) -> bool {
        (self.x0..=self.x1).contains(&x) && (self.y0..=self.y1).contains(&y)
    }
}

/// A point and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Item {
    pub(crate) key: u32,
    pub(crate) x: i32,
    pub(crate) y: i32,
}

/// Points sorted by cell, row after row.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    cells_a_row: i32,
    /// Where each cell's part of `items` starts, and the end of the last.
    starts: Vec<u32>,
    items: Vec<Item>,
}

/// Cells are 256 u wide.
const CELL_SHIFT: u32 = 16;

impl Grid {
    /// An empty grid over a world of `side`, Q8.
    pub(crate) fn new(side: i32) -> Grid {
        let cells_a_row = (side >> CELL_SHIFT) + 1;
        let cells = (cells_a_row * cells_a_row) as usize;
        Grid { cells_a_row, starts: vec![0; cells + 1], items: Vec::new() }
    }

    /// Replaces all points. `points` is walked twice.
    pub(crate) fn rebuild(&mut self, points: impl Iterator<Item = Item> + Clone) {
        self.starts.fill(0);
        let mut count = 0;
        for point in points.clone() {
            let cell = self.cell(point.x, point.y);
            self.starts[cell] += 1;
            count += 1;
        }
        let mut end = 0;
        for start in &mut self.starts {
            end += *start;
            *start = end;
        }
        // Each cell's entry is now its end; filling from the back turns it into its start.
        self.items.clear();
        self.items.resize(count, Item::default());
        for point in points {
            let cell = self.cell(point.x, point.y);
            self.starts[cell] -= 1;
            self.items[self.starts[cell] as usize] = point;
        }
    }

    /// Calls `found` with every point in `rect`, in an order that depends only on the points.
    pub(crate) fn each(&self, rect: Rect, mut found: impl FnMut(Item)) {
        if rect.x0 > rect.x1 || rect.y0 > rect.y1 {
            return;
        }
        let (west, east) = (self.clamp(rect.x0), self.clamp(rect.x1));
        for row in self.clamp(rect.y0)..=self.clamp(rect.y1) {
            let first = self.starts[(row * self.cells_a_row + west) as usize] as usize;
            let last = self.starts[(row * self.cells_a_row + east + 1) as usize] as usize;
            for &item in &self.items[first..last] {
                if rect.contains(item.x, item.y) {
                    found(item);
                }
            }
        }
    }

    fn clamp(&self, at: i32) -> i32 {
        (at >> CELL_SHIFT).clamp(0, self.cells_a_row - 1)
    }

    fn cell(&self, x: i32, y: i32) -> usize {
        (self.clamp(y) * self.cells_a_row + self.clamp(x)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    #[test]
    fn a_query_finds_what_a_scan_finds() {
        let side = 2400 * 256;
        let mut grid = Grid::new(side);
        let mut dice = Dice::new(11);
        for round in 0..50 {
            let points: Vec<Item> = (0..round * 7)
                .map(|key| Item { key, x: dice.between(0, side), y: dice.between(0, side) })
                .collect();
            grid.rebuild(points.iter().copied());
            for _ in 0..20 {
                let (x, y) = (dice.between(-9999, side + 9999), dice.between(-9999, side + 9999));
                let rect = Rect::around(x, y, dice.between(0, side / 2), dice.between(0, side / 2));
                let mut found = Vec::new();
                grid.each(rect, |item| found.push(item.key));
                found.sort_unstable();
                let scan = points.iter().filter(|p| rect.contains(p.x, p.y)).map(|p| p.key);
                assert_eq!(found, scan.collect::<Vec<_>>());
            }
        }
        let backwards = Rect { x0: 10, y0: 0, x1: 5, y1: side };
        grid.each(backwards, |_| panic!("an empty rectangle has nothing in it"));
    }
}
