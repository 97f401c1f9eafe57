//! Messages to bytes or text and back, under limits: the only file that names bincode or `serde_json`.
//!
//! The binary form is bincode 2's standard configuration: little-endian, integers as varints (0..=250 one byte; 251,
//! 252, 253 announce a `u16`, `u32`, `u64`; signed integers zigzag first), `i8`/`u8` as they are, `bool` and `Option` a
//! byte, strings and lists a length and their items, enums their variant's number. Should bincode have to go, wincode's
//! varint mode writes the same bytes; a test here keeps that door open.

pub use bincode::{BorrowDecode, Decode, Encode};
use serde::Serialize;

use crate::ids::{Seq, Wire16};
use crate::message::{ClientMessage, ServerMessage, SnapshotRef};
use crate::snapshot::View;

/// Longest message a client may send, bytes; also what one may take in memory when decoded.
pub const CLIENT_MESSAGE_LIMIT: usize = 4096;

/// Longest message a server sends, bytes: a `Welcome` to the largest world, with much to spare.
pub const SERVER_MESSAGE_LIMIT: usize = 1 << 20;

/// What the message of a snapshot begins with, and that of names.
const SNAPSHOT: u8 = 1;
/// See [`SNAPSHOT`].
const ROSTER: u8 = 2;

/// Bytes before the body of a snapshot's message, if the body is shorter than 251.
const SNAPSHOT_HEAD: usize = 7;

/// How messages are written on one connection: its WebSocket subprotocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `drift.v1.bincode`, in binary frames.
    Bincode,
    /// `drift.v1.json`, in text frames.
    Json,
}

impl Encoding {
    /// Name of the subprotocol.
    pub fn subprotocol(self) -> &'static str {
        match self {
            Encoding::Bincode => crate::SUBPROTOCOL_BINCODE,
            Encoding::Json => crate::SUBPROTOCOL_JSON,
        }
    }

    /// The first subprotocol of a `Sec-WebSocket-Protocol` offer that is known here.
    pub fn from_offer(offer: &str) -> Option<Encoding> {
        offer.split(',').map(str::trim).find_map(|name| {
            [Encoding::Bincode, Encoding::Json].into_iter().find(|e| e.subprotocol() == name)
        })
    }
}

/// Why a message could not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It is longer than a message may be.
    #[error("message of {len} bytes is over the limit of {limit}")]
    TooLarge {
        /// Its length, bytes.
        len: usize,
        /// The limit, bytes.
        limit: usize,
    },
    /// It does not follow the layout.
    #[error("malformed message: {0}")]
    Binary(#[from] bincode::error::DecodeError),
    /// It is not the JSON of a message.
    #[error("malformed message: {0}")]
    Json(#[from] serde_json::Error),
    /// Something follows the message.
    #[error("{0} bytes follow the message")]
    TrailingBytes(usize),
}

/// Appends a client's message to `out`.
pub fn encode_client(encoding: Encoding, message: &ClientMessage, out: &mut Vec<u8>) {
    encode(encoding, message, out);
}

/// Appends a server's message to `out`. In JSON, snapshots are sent as views instead: see [`encode_view`].
pub fn encode_server(encoding: Encoding, message: &ServerMessage, out: &mut Vec<u8>) {
    encode(encoding, message, out);
}

/// Begins a snapshot's message at the end of `out`, by hand, because a room writes one per player and tick: leaves room
/// for what precedes the body. The caller appends the body and calls [`finish_snapshot`] with what this returns.
#[must_use]
pub fn begin_snapshot(out: &mut Vec<u8>) -> usize {
    let begun = out.len();
    out.extend_from_slice(&[0; SNAPSHOT_HEAD]);
    begun
}

/// Writes down what precedes the body. The bytes are those of [`encode_server`] in bincode.
///
/// # Panics
/// A body of 4 GiB.
pub fn finish_snapshot(out: &mut Vec<u8>, begun: usize, seq: Seq, tick: Wire16, margin: i8, flags: u8) {
    let body = begun + SNAPSHOT_HEAD;
    let len = out.len() - body;
    // The byte that is the length, or announces how many are.
    let (first, more) = match len {
        0..=250 => (len as u8, 0),
        251..=0xffff => (251, 2),
        _ => (252, 4),
    };
    if more > 0 {
        let len = u32::try_from(len).expect("a body is a few kB").to_le_bytes();
        out.splice(body..body, len.into_iter().take(more));
    }
    let [low, high] = tick.get().to_le_bytes();
    out[begun..body].copy_from_slice(&[SNAPSHOT, seq.0, low, high, margin.to_le_bytes()[0], flags, first]);
}

/// Appends a decoded snapshot to `out`, as the JSON subprotocol sends it.
pub fn encode_view(view: &View, out: &mut Vec<u8>) {
    encode_json(view, out);
}

/// Reads a client's message.
///
/// # Errors
/// Over [`CLIENT_MESSAGE_LIMIT`], not a message, or followed by something.
pub fn decode_client(encoding: Encoding, bytes: &[u8]) -> Result<ClientMessage, DecodeError> {
    decode::<ClientMessage, CLIENT_MESSAGE_LIMIT>(encoding, bytes)
}

/// Reads a server's message. In JSON, `View` is not one of them: read it with [`decode_view`].
///
/// # Errors
/// Over [`SERVER_MESSAGE_LIMIT`], not a message, or followed by something.
pub fn decode_server(encoding: Encoding, bytes: &[u8]) -> Result<ServerMessage, DecodeError> {
    decode::<ServerMessage, SERVER_MESSAGE_LIMIT>(encoding, bytes)
}

/// The snapshot that a server's message in bincode is, its body where it came in: for who reads thousands. None if it is
/// another message, or not well-formed: [`decode_server`] tells which.
pub fn borrow_snapshot(bytes: &[u8]) -> Option<SnapshotRef<'_>> {
    let config = bincode::config::standard().with_limit::<SERVER_MESSAGE_LIMIT>();
    let message = bytes.strip_prefix(&[SNAPSHOT])?;
    let (snapshot, read) = bincode::borrow_decode_from_slice(message, config).ok()?;
    (read == message.len()).then_some(snapshot)
}

/// True if a server's message in bincode is one of names: for who can do without, and need not read it.
pub fn is_roster(bytes: &[u8]) -> bool {
    bytes.first() == Some(&ROSTER)
}

/// Reads a `View` of the JSON subprotocol.
///
/// # Errors
/// Not the JSON of a view.
pub fn decode_view(bytes: &[u8]) -> Result<View, DecodeError> {
    Ok(serde_json::from_slice(bytes)?)
}

/// The protocol number of a `Hello`, also of one whose other fields this protocol does not know; none if the message is
/// not a `Hello`. For telling a client of another version why it is refused.
pub fn hello_protocol(encoding: Encoding, bytes: &[u8]) -> Option<u16> {
    /// What every protocol's `Hello` begins with.
    #[derive(serde::Deserialize)]
    struct Head {
        r#type: String,
        protocol: u16,
    }
    match encoding {
        Encoding::Bincode => {
            let config = bincode::config::standard().with_limit::<16>();
            let ((variant, number), _): ((u8, u16), _) = bincode::decode_from_slice(bytes, config).ok()?;
            (variant == 0).then_some(number)
        }
        Encoding::Json => {
            let head: Head = serde_json::from_slice(bytes).ok()?;
            (head.r#type == "Hello").then_some(head.protocol)
        }
    }
}

fn encode<M: Encode + Serialize>(encoding: Encoding, message: &M, out: &mut Vec<u8>) {
    match encoding {
        Encoding::Bincode => {
            bincode::encode_into_std_write(message, out, bincode::config::standard())
                .expect("writing to a Vec does not fail and every type here can be encoded");
        }
        Encoding::Json => encode_json(message, out),
    }
}

fn encode_json(message: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, message).expect("writing to a Vec does not fail and no map has odd keys");
}

fn decode<M: Decode<()> + serde::de::DeserializeOwned, const LIMIT: usize>(
    encoding: Encoding,
    bytes: &[u8],
) -> Result<M, DecodeError> {
    if bytes.len() > LIMIT {
        return Err(DecodeError::TooLarge { len: bytes.len(), limit: LIMIT });
    }
    match encoding {
        // Without a limit nine bytes that announce 2^40 elements abort the process.
        Encoding::Bincode => {
            let config = bincode::config::standard().with_limit::<LIMIT>();
            let (message, read) = bincode::decode_from_slice(bytes, config)?;
            match bytes.len() - read {
                0 => Ok(message),
                left => Err(DecodeError::TrailingBytes(left)),
            }
        }
        Encoding::Json => Ok(serde_json::from_slice(bytes)?),
    }
}

#[cfg(test)]
mod tests;
