//! What a moving point strikes: swept tests in exact integers, so that nothing fast passes through anything thin.

use crate::grid::{Grid, Item, Rect};

/// A straight way within one tick, Q8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sweep {
    /// From here.
    pub(crate) from: (i32, i32),
    /// To here.
    pub(crate) to: (i32, i32),
}

impl Sweep {
    /// How far along the way it comes closest to a circle's centre, if it then touches the circle. Distances along one
    /// sweep compare with each other and with nothing else. Coordinates within ±2²³, ways and radii below 2¹⁸.
    pub(crate) fn touches(&self, (x, y): (i32, i32), radius: i32) -> Option<i64> {
        let way = difference(self.to, self.from);
        let centre = difference((x, y), self.from);
        let (length, reach) = (dot(way, way), i64::from(radius) * i64::from(radius));
        let along = dot(centre, way).clamp(0, length);
        let touches = if length == 0 {
            dot(centre, centre) <= reach
        } else {
            // The squared distance at `along`, times `length` to stay whole, and so is the reach.
            let past = dot(centre, way) - along;
            let aside = cross(centre, way);
            square(aside) + square(past) < i128::from(reach + 1) * i128::from(length)
        };
        touches.then_some(along)
    }

    /// The place so far along the way, by the measure of [`Sweep::touches`].
    pub(crate) fn at(&self, along: i64) -> (i32, i32) {
        let way = difference(self.to, self.from);
        let length = dot(way, way).max(1);
        let part = |from: i32, way: i64| from + (way * along / length) as i32;
        (part(self.from.0, way.0), part(self.from.1, way.1))
    }

    /// The rectangle around all circles of `radius` that the way could touch.
    pub(crate) fn bounds(&self, radius: i32) -> Rect {
        let ((x0, y0), (x1, y1)) = (self.from, self.to);
        Rect {
            x0: x0.min(x1) - radius,
            y0: y0.min(y1) - radius,
            x1: x0.max(x1) + radius,
            y1: y0.max(y1) + radius,
        }
    }

    /// Of the points in `grid`, the one that the way comes by first, within `radius`: its key, and where on the way that
    /// is. A point is taken to be at its `place`, at most `slack` on each axis from where the grid has it. Ties go to the
    /// lower key; points without a place and those for which `counts` is false are passed through.
    pub(crate) fn first(
        &self,
        grid: &Grid,
        radius: i32,
        slack: i32,
        place: impl Fn(Item) -> Option<(i32, i32)>,
        counts: impl Fn(usize) -> bool,
    ) -> Option<(usize, (i32, i32))> {
        let mut first = None;
        grid.each(self.bounds(radius + slack), |item| {
            let key = item.key as usize;
            if let Some(along) = place(item).and_then(|place| self.touches(place, radius))
                && first.is_none_or(|best| (along, key) < best)
                && counts(key)
            {
                first = Some((along, key));
            }
        });
        first.map(|(along, key)| (key, self.at(along)))
    }
}

fn difference((ax, ay): (i32, i32), (bx, by): (i32, i32)) -> (i64, i64) {
    (i64::from(ax) - i64::from(bx), i64::from(ay) - i64::from(by))
}

fn dot((ax, ay): (i64, i64), (bx, by): (i64, i64)) -> i64 {
    ax * bx + ay * by
}

fn square(n: i64) -> i128 {
    i128::from(n) * i128::from(n)
}

fn cross((ax, ay): (i64, i64), (bx, by): (i64, i64)) -> i64 {
    ax * by - ay * bx
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    #[test]
    fn a_sweep_touches_what_lies_beside_it_and_at_its_ends() {
        let sweep = Sweep { from: (0, 0), to: (7680, 0) };
        assert_eq!(sweep.touches((4000, 5632), 5632), Some(4000 * 7680));
        assert_eq!(sweep.touches((4000, 5633), 5632), None);
        assert_eq!(sweep.at(4000 * 7680), (4000, 0));
        assert!(sweep.touches((-5632, 0), 5632).is_some());
        assert!(sweep.touches((-5633, 0), 5632).is_none());
        assert!(sweep.touches((7680 + 5632, 0), 5632).is_some());
        assert!(sweep.touches((7680 + 5633, 0), 5632).is_none());
        let still = Sweep { from: (5, 5), to: (5, 5) };
        assert!(still.touches((5, 105), 100).is_some() && still.touches((5, 106), 100).is_none());
    }

    #[test]
    fn a_sweep_agrees_with_many_small_steps() {
        let mut dice = Dice::new(9);
        let mut roll = || dice.between(-9000, 9000);
        for _ in 0..2000 {
            let (to, centre, radius) = ((roll(), roll()), (roll(), roll()), 5632);
            let swept = Sweep { from: (0, 0), to }.touches(centre, radius).is_some();
            let closest = (0..=1000)
                .map(|i| dot_apart((to.0 * i / 1000, to.1 * i / 1000), centre))
                .min()
                .expect("there are steps");
            // Small steps may just miss a graze, never touch where the sweep does not.
            assert!(swept || closest > 5632 * 5632);
            assert!(!swept || closest < 5700 * 5700);
        }
    }

    fn dot_apart(a: (i32, i32), b: (i32, i32)) -> i64 {
        let d = difference(a, b);
        dot(d, d)
    }
}
