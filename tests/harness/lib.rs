//! What the tests stand on: a room without sockets, a server behind a virtual link, and a real server on loopback.

pub mod game_server;
pub mod link;
pub mod outside;
pub mod player;
pub mod rig;
pub mod tickets;

pub use game_server::GameServer;
pub use link::{Link, Network};
pub use player::Player;
pub use rig::Rig;
