//! The edge: listeners, HTTP, WebSocket frames and limits. Everything here is hostile until it has been checked.
//!
//! Knows frames and sizes, never what a message means: a [`Service`] gives each connection two halves that do. Generic
//! over listener and stream, so that tests can bring their own.

mod accept;
mod admin;
mod door;
mod handover;
mod http;
mod page;
mod redirect;
mod replays;
mod shard;
mod tls;
mod websocket;

use std::net::IpAddr;
use std::sync::Arc;

use tokio::time::Instant;

use crate::farewell::Farewell;
use crate::outbox::Outbox;

pub use accept::{Accept, Answer, Handler, Listener, Place, serve};
pub use admin::{Admin, Operator, Reply, Wish};
pub use door::Door;
pub use http::Game;
pub use page::Page;
pub use redirect::Redirect;
pub use shard::{Homes, Shards};
pub use tls::{PairError, Tls};

/// Text or binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
}

/// A handshake that was agreed to.
#[derive(Debug)]
pub struct Accepted<A> {
    /// The subprotocol to name in the answer.
    pub subprotocol: Option<&'static str>,
    /// What the service wants back when the connection is open.
    pub agreement: A,
}

/// A handshake that was refused before the upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// A name for metrics.
    pub label: &'static str,
    /// What is wrong and what would be right, for the peer.
    pub text: &'static str,
}

/// What runs on top of WebSocket connections.
pub trait Service: Clone + Send + Sync + 'static {
    /// What a handshake agreed on.
    type Agreement: Send + 'static;
    /// The listening half of a connection.
    type Ingress: Ingress;
    /// The speaking half of a connection.
    type Egress: Egress;

    /// Looks at the subprotocols that a client offers, and at what it shows as its `Authorization: Bearer`.
    ///
    /// # Errors
    /// None of them will do, what it shows is not good, or there is no room for more.
    fn agree(&self, offer: Option<&str>, bearer: Option<&str>) -> Result<Accepted<Self::Agreement>, Refusal>;

    /// A connection of `client` is open; what it is to send goes into `outbox`.
    fn open(
        &self,
        agreement: Self::Agreement,
        client: IpAddr,
        outbox: Arc<Outbox>,
    ) -> (Self::Ingress, Self::Egress);
}

/// Whether a message has an answer that waits in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// It has.
    Yes,
    /// It has none.
    No,
}

/// The listening half. Dropped when the connection is over.
pub trait Ingress: Send + 'static {
    /// A whole message arrived. Must not wait. Says whether it has put an answer into the outbox.
    ///
    /// # Errors
    /// How to end the connection.
    fn message(&mut self, kind: FrameKind, bytes: &[u8], arrival: Instant) -> Result<Answered, Farewell>;

    /// For [`fetch`](crate::fetch::fetch): reads a little of what a message needs and is kept elsewhere.
    fn touch(&self) -> usize {
        0
    }

    /// The peer will not come back: it left, or broke the rules. Without this the connection was lost.
    fn left(&mut self) {}
}

/// The speaking half: what is in the outbox, as this peer wants it.
pub trait Egress: Send + 'static {
    /// A message from the outbox in the peer's form, and which kind of frame it makes: the message itself, a part of it, or
    /// what was written to `scratch`, which is empty. None: this one is not sent.
    fn message<'a>(&mut self, message: &'a [u8], scratch: &'a mut Vec<u8>) -> Option<(FrameKind, &'a [u8])>;

    /// Appends the last message. None: there is none.
    fn farewell(&mut self, farewell: &Farewell, out: &mut Vec<u8>) -> Option<FrameKind>;
}
