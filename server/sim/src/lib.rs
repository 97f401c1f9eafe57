//! The rules of Drift Arena.
//!
//! A pure function of a seed and inputs: no clock, no I/O, no floats, no hash order. The same seed, joins, leaves and
//! inputs give the same checksums on every machine; recordings, tests and client-side prediction stand on that.
//!
//! Start at [`World::step`]. [`rules`] has every number; [`body`] is the part that clients predict with, together with
//! [`map`], [`weapons::Flight`] and [`lance::end`].

pub mod body;
pub mod checksum;
mod collision;
mod command;
mod deed;
pub mod dice;
mod event;
pub mod grid;
mod history;
pub mod keyframe;
pub mod lance;
pub mod map;
mod pickups;
pub mod pilot;
mod rewind;
pub mod rules;
mod score;
mod seats;
mod ship;
mod sight;
mod spawn;
pub mod trig;
pub mod weapons;
pub mod world;

pub use body::Body;
pub use command::Command;
pub use deed::Deed;
pub use keyframe::{BadKeyframe, Keyframe};
pub use map::{Map, Obstacle};
pub use pickups::Lying;
pub use world::{Event, Rect, Ship, World, WorldConfig};
