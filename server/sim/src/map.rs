//! The arena: its side and its round obstacles.

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
