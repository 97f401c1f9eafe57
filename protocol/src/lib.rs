//! The conversation: everything a Drift Arena server and its clients can say to each other.
//!
//! This crate knows types, bytes and limits. It knows no socket, no clock, no file and no rule of the game, so that a
//! server, a bot, a test and a fuzzer can all stand on it.
//!
//! Read it in this order: [`message`] (what is said), [`input`] and [`snapshot`] (the two messages that make up nearly
//! all traffic), [`codec`] (how it becomes bytes or text), [`close`] (how it ends).

pub mod close;
pub mod codec;
#[cfg(test)]
mod golden;
pub mod ids;
pub mod input;
pub mod message;
pub mod quantize;
pub mod snapshot;

pub use close::{CloseCode, Retry};
pub use ids::{BadRoomCode, ResumeToken, RoomCode, Seq, Slot, Tick, Wire16};
pub use input::{Buttons, Controls, Input};
pub use message::{ClientMessage, ServerMessage};

/// Number of the protocol spoken here; sent in `Hello` and `Welcome`. A server refuses any other number with
/// [`CloseCode::WrongProtocol`].
pub const PROTOCOL: u16 = 1;

/// WebSocket subprotocol with binary frames: each message is one bincode value. For production.
pub const SUBPROTOCOL_BINCODE: &str = "drift.v1.bincode";

/// WebSocket subprotocol with text frames: each message is one JSON object with a `type`. For scripts and debugging.
pub const SUBPROTOCOL_JSON: &str = "drift.v1.json";

/// Simulation ticks, and so snapshots, per second.
pub const TICK_HZ: u8 = 30;
