//! WebSocket connections: frames, limits, and who drives them.
//!
//! A [`Connection`] is the same wherever it runs. In production a shard drives thousands of them over sockets; where time is
//! virtual, or the stream is of somebody else's making, a [`task`] of the runtime drives each.

mod budget;
mod connection;
mod frames;
mod head;
mod reader;
mod task;
mod wire;

pub(super) use connection::{Connection, Desk};
pub(super) use task::{Pager, drive};
pub(super) use wire::Socket;
