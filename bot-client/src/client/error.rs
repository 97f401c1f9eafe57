//! What can go wrong on a connection.

use std::io;

use fastwebsockets::WebSocketError;
use protocol::codec::DecodeError;
use protocol::snapshot::SnapshotError;

use super::Closed;

/// What can go wrong on a connection.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers at the address.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Who was dialled.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody answers, but not with a certificate that is believed, or not with TLS.
    #[error("cannot secure the connection to {address}: {source}")]
    Tls {
        /// Who was dialled.
        address: String,
        /// What is wrong.
        source: io::Error,
    },
    /// A request header that HTTP does not allow.
    #[error("bad request: {0}")]
    Request(#[from] hyper::http::Error),
    /// The peer does not speak HTTP, or the stream broke during the handshake.
    #[error("WebSocket handshake: {0}")]
    Handshake(#[from] hyper::Error),
    /// The server answered with another status than 101.
    #[error("the server refused the WebSocket with status {status}: {text}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the server wrote beside it.
        text: String,
    },
    /// The server answered with 101, but not to this request for a WebSocket.
    #[error("the server's answer to the WebSocket handshake has {what}")]
    Upgrade {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The server agreed to another subprotocol or to none.
    #[error("the server does not speak {wanted}")]
    Subprotocol {
        /// What was offered.
        wanted: &'static str,
    },
    /// What came in is not WebSocket.
    #[error("WebSocket: {0}")]
    WebSocket(WebSocketError),
    /// The server sent a fragment; it never does.
    #[error("WebSocket: unexpected fragment")]
    Fragment,
    /// The server sent text where binary messages were agreed.
    #[error("a text message where binary ones were agreed")]
    Text,
    /// What came in is not a message.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// A `Welcome` to a world that there cannot be.
    #[error("a Welcome to a room with {what}")]
    Welcome {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A snapshot that does not follow from those before it.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The first message was no `Welcome`.
    #[error("expected a Welcome, got {0}")]
    NotWelcome(String),
    /// The server closed instead of answering.
    #[error("closed by the server with {0}")]
    Closed(Closed),
    /// The stream broke while sending. What the server said before may still be waiting in [`Client::next`](super::Client::next).
    #[error("sending: {0}")]
    Send(io::Error),
}
