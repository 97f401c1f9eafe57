//! The other side: a Rust client for Drift Arena, and a swarm of bots on top of it that makes honest load.
//!
//! From the socket inward: [`Client`] speaks messages over one WebSocket connection and knows no game; [`Session`] is
//! what a player knows after those messages (view, scores, [`Clock`], and if asked for a [`Prediction`] of the own ship)
//! and knows no socket; [`Bot`] decides what to hold; [`swarm`] drives many of them and measures. [`lag`] is the bad network
//! to do it over. Nothing here depends on the server.
//!
//! ```no_run
//! # async fn play() -> Result<(), Box<dyn std::error::Error>> {
//! use bot_client::{Client, Incoming, Session};
//! use protocol::{message::Hello, ClientMessage, Controls};
//! use tokio::time::Instant;
//!
//! let url = "ws://127.0.0.1:8080/ws".parse()?;
//! let (mut client, welcome) = Client::connect(&url, Hello::default()).await?;
//! let mut session = Session::new(&welcome, Instant::now());
//! while let Incoming::Message(message) = client.next().await? {
//!     // A snapshot that cannot be read is no end: the session asks for another.
//!     let _ = session.take(&message, Instant::now());
//!     while let Some(reply) = session.reply() {
//!         client.send(&reply).await?;
//!     }
//!     while let Some(due) = session.clock.due(Instant::now()) {
//!         let input = session.input(due.tick, Controls::default());
//!         client.send(&ClientMessage::Input(input)).await?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```

pub mod bot;
pub mod client;
pub mod clock;
pub mod endpoint;
pub mod flights;
mod frames;
pub mod hosted;
pub mod lag;
pub mod pin;
pub mod predict;
pub mod session;
pub mod swarm;
pub mod trust;
mod upgrade;

pub use bot::Bot;
pub use client::{Client, Closed, Error, Incoming, Options};
pub use clock::Clock;
pub use endpoint::Endpoint;
pub use fastwebsockets::OpCode;
pub use predict::Prediction;
pub use session::Session;
pub use trust::Trust;
