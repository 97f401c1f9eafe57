//! The rules of Drift Arena.
//!
//! A pure function of a seed and inputs: no clock, no I/O, no floats, no hash order. The same seed, joins, leaves and
//! inputs give the same checksums on every machine; recordings, tests and client-side prediction stand on that.

pub mod map;
pub mod pilot;
pub mod world;

pub use map::Obstacle;
pub use world::{Event, Ship, World, WorldConfig};
