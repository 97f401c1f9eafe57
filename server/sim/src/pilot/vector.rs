//! Plane vectors in whole numbers, for a pilot's rough reckoning. The rules themselves are stricter about rounding.

use std::ops::{Add, AddAssign, Neg, Sub};

use crate::body::isqrt;
use crate::keyframe::carried;
use crate::trig;

/// A vector; Q8 or any other unit. Components stay within ±2³⁰, so that products fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Vector {
    pub(super) x: i64,
    pub(super) y: i64,
}

carried!(Vector { x, y });

impl Vector {
    pub(super) fn new(x: i32, y: i32) -> Vector {
        Vector { x: i64::from(x), y: i64::from(y) }
    }

    /// Of length `length` along a heading of 4096 steps a turn.
    pub(super) fn along(heading: u16, length: i64) -> Vector {
        let part = |p: i32| i64::from(p) * length / i64::from(trig::ONE);
        Vector { x: part(trig::cos(heading.into())), y: part(trig::sin(heading.into())) }
    }

    pub(super) fn dot(self, other: Vector) -> i64 {
        self.x * other.x + self.y * other.y
    }

    /// Positive if `other` points to the right of `self`, as y grows downward.
    pub(super) fn cross(self, other: Vector) -> i64 {
        self.x * other.y - self.y * other.x
    }

    pub(super) fn length(self) -> i64 {
        isqrt(self.dot(self))
    }

    /// Times `numerator` / `denominator`; zero if the latter is.
    pub(super) fn scaled(self, numerator: i64, denominator: i64) -> Vector {
        if denominator == 0 {
            return Vector::default();
        }
        Vector { x: self.x * numerator / denominator, y: self.y * numerator / denominator }
    }

    /// In the same direction, with another length.
    pub(super) fn with_length(self, length: i64) -> Vector {
        self.scaled(length, self.length())
    }

    /// A quarter turn to the right.
    pub(super) fn right(self) -> Vector {
        Vector { x: -self.y, y: self.x }
    }

    /// 0..4096.
    pub(super) fn heading(self) -> u16 {
        let part = |p: i64| p.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        trig::heading(part(self.x), part(self.y))
    }
}

impl Add for Vector {
    type Output = Vector;
    fn add(self, other: Vector) -> Vector {
        Vector { x: self.x + other.x, y: self.y + other.y }
    }
}

impl Sub for Vector {
    type Output = Vector;
    fn sub(self, other: Vector) -> Vector {
        Vector { x: self.x - other.x, y: self.y - other.y }
    }
}

impl Neg for Vector {
    type Output = Vector;
    fn neg(self) -> Vector {
        Vector { x: -self.x, y: -self.y }
    }
}

impl AddAssign for Vector {
    fn add_assign(&mut self, other: Vector) {
        *self = *self + other;
    }
}
