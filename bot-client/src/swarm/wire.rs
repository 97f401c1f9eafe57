//! A bot's connection inside the engine: a socket that never waits, with or without TLS. Knows frames, not messages.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::SystemTime;

use bytes::BytesMut;
use fastwebsockets::{OpCode, WebSocketError};
use protocol::codec::SERVER_MESSAGE_LIMIT;
use rustls::ClientConnection;
use tokio_rustls::client::TlsStream;

use super::stamps::Stamps;
use crate::client::Client;
use crate::frames::{RawFrame, append_short, split};

/// Bytes that are asked of a socket at once.
const MOUTHFUL: usize = 32 << 10;

/// Bytes that wait to be sent, beyond which nothing is answered any more.
const MOST_WAITING: usize = 16 << 10;

/// One connection.
pub(super) struct Wire {
    socket: TcpStream,
    /// True if the kernel tells when something arrived.
    stamped: bool,
    tls: Option<Box<ClientConnection>>,
    /// Came in, and is not yet a whole frame.
    partial: BytesMut,
    /// Goes out as soon as the socket has room.
    waiting: Vec<u8>,
    mask: u32,
    /// Bytes of whole frames that came in, and bytes that went out.
    traffic: (u64, u64),
}

/// What came of reading once.
#[derive(Debug)]
pub(super) enum Received {
    /// The socket has no more than that.
    All,
    /// It may have more.
    Some,
    /// It ended; what the network said, if it was no orderly end.
    End(Option<io::Error>),
}

impl Wire {
    /// Takes the connection over from a client. What that one has queued is lost.
    ///
    /// # Errors
    /// The system does not give the socket away.
    pub(super) fn new(client: Client) -> io::Result<Wire> {
        let (stream, partial) = client.into_parts();
        let (socket, tls) = match stream.downcast() {
            Ok(socket) => (*socket, None),
            Err(stream) => {
                let secure: Box<TlsStream<tokio::net::TcpStream>> =
                    stream.downcast().expect("bots connect over TCP, with TLS or without");
                let (socket, tls) = secure.into_inner();
                (socket, Some(Box::new(tls)))
            }
        };
        // It never waits: tokio's do not.
        let socket = socket.into_std()?;
        let stamped = Stamps::ask_for(&socket);
        Ok(Wire { socket, stamped, tls, partial, waiting: Vec::new(), mask: 0, traffic: (0, 0) })
    }

    /// True if [`Inbox::arrived`] tells when something arrived, and not only that it was read.
    pub(super) fn is_stamped(&self) -> bool {
        self.stamped
    }

    /// Reads once into `inbox`, behind what was left of the time before. [`Wire::take_frame`] takes it from there, and
    /// [`Wire::keep`] has to have the rest.
    pub(super) fn receive(&mut self, inbox: &mut Inbox) -> Received {
        inbox.begin_with(&self.partial);
        self.partial.clear();
        let Inbox { bytes, filled, sealed, stamps, arrived } = inbox;
        let room = if self.tls.is_some() { &mut sealed[..] } else { &mut bytes[*filled..] };
        *arrived = None;
        let (received, n) = read_once(room, |room| {
            let (n, stamp) = stamps.read(&self.socket, room)?;
            *arrived = stamp;
            Ok(n)
        });
        let Some(tls) = &mut self.tls else {
            inbox.filled += n;
            return received;
        };
        let sealed = std::mem::take(sealed);
        let opened = open(tls, &sealed[..n], inbox);
        inbox.sealed = sealed;
        match opened {
            Ok(()) => received,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Received::End(None),
            Err(error) => Received::End(Some(error)),
        }
    }

    /// Takes the next whole frame off the front of what was received.
    pub(super) fn take_frame<'b>(
        &mut self,
        bytes: &mut &'b [u8],
    ) -> Result<Option<RawFrame<&'b [u8]>>, WebSocketError> {
        let frame = split(bytes, SERVER_MESSAGE_LIMIT)?;
        self.traffic.0 += frame.as_ref().map_or(0, RawFrame::wire_len);
        Ok(frame)
    }

    /// Keeps what is not yet a whole frame for the next time.
    pub(super) fn keep(&mut self, rest: &[u8]) {
        self.partial.extend_from_slice(rest);
    }

    /// Appends a frame of what `write` appends, at most 125 bytes, to `out`: for [`Wire::send`].
    pub(super) fn frame(&mut self, out: &mut Vec<u8>, opcode: OpCode, write: impl FnOnce(&mut Vec<u8>)) {
        // Masks protect proxies from web pages that know the mask. Here is neither.
        self.mask = self.mask.wrapping_mul(0x2c92_77b5).wrapping_add(0xac56_4b05);
        append_short(out, opcode, self.mask.to_le_bytes(), write);
    }

    /// Queues such a frame, for [`Wire::flush`].
    pub(super) fn queue(&mut self, opcode: OpCode, write: impl FnOnce(&mut Vec<u8>)) {
        let mut waiting = std::mem::take(&mut self.waiting);
        self.frame(&mut waiting, opcode, write);
        self.waiting = waiting;
    }

    /// Sends frames behind what is queued. What the socket does not take now is queued.
    ///
    /// # Errors
    /// The stream broke.
    pub(super) fn send(&mut self, frames: &[u8]) -> io::Result<()> {
        let taken = if self.has_waiting() { 0 } else { self.offer(frames)? };
        self.waiting.extend_from_slice(&frames[taken..]);
        Ok(())
    }

    /// Sends what is queued, as far as the socket takes it; [`Wire::has_waiting`] tells of a rest.
    ///
    /// # Errors
    /// The stream broke.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let taken = self.offer(&waiting);
        self.waiting = waiting;
        self.waiting.drain(..taken?);
        Ok(())
    }

    /// How much of it the socket takes.
    fn offer(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = match &mut self.tls {
            None => match self.socket.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                written => written?,
            },
            Some(tls) => {
                let taken = tls.writer().write(bytes)?;
                while tls.wants_write() {
                    match tls.write_tls(&mut self.socket) {
                        Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                        written => written?,
                    };
                }
                taken
            }
        };
        self.traffic.1 += taken as u64;
        Ok(taken)
    }

    /// See [`super::player::Player::touch`].
    pub(super) fn touch(&self) -> usize {
        self.waiting.len() ^ self.partial.len() ^ self.mask as usize
    }

    /// True if what waits to be sent is not so much that an answer should rather be left out.
    pub(super) fn takes_more(&self) -> bool {
        self.waiting.len() < MOST_WAITING
    }

    /// True if something is queued that the socket has not taken yet.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty() || self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Bytes (received, sent) since the connection was taken over, WebSocket headers included, TLS and TCP/IP excluded.
    pub(super) fn traffic(&self) -> (u64, u64) {
        self.traffic
    }
}

/// Where all connections of an engine read to. Nothing in it outlives one reading.
pub(super) struct Inbox {
    bytes: Vec<u8>,
    filled: usize,
    /// Bytes of TLS.
    sealed: Vec<u8>,
    stamps: Stamps,
    arrived: Option<SystemTime>,
}

impl Default for Inbox {
    fn default() -> Inbox {
        let room = || vec![0; MOUTHFUL];
        Inbox { bytes: room(), filled: 0, sealed: room(), stamps: Stamps::default(), arrived: None }
    }
}

impl Inbox {
    /// What was received.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// When the last of it arrived, if the kernel has told.
    pub(super) fn arrived(&self) -> Option<SystemTime> {
        self.arrived
    }

    fn begin_with(&mut self, bytes: &[u8]) {
        self.filled = bytes.len();
        self.make_room();
        self.bytes[..bytes.len()].copy_from_slice(bytes);
    }

    fn make_room(&mut self) {
        let needed = self.filled + MOUTHFUL;
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
        }
    }

    fn fill(&mut self, source: &mut impl Read) -> Received {
        let (received, n) = read_once(&mut self.bytes[self.filled..], |room| source.read(room));
        self.filled += n;
        received
    }
}

fn read_once(room: &mut [u8], read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> (Received, usize) {
    let len = room.len();
    match read(room) {
        Ok(0) => (Received::End(None), 0),
        // Windows tells of more only after it was asked in vain.
        Ok(n) if n < len && cfg!(unix) => (Received::All, n),
        Ok(n) => (Received::Some, n),
        Err(error) if error.kind() == ErrorKind::WouldBlock => (Received::All, 0),
        Err(error) if error.kind() == ErrorKind::Interrupted => (Received::Some, 0),
        Err(error) => (Received::End(Some(error)), 0),
    }
}

/// Has TLS open what came in, and what it has opened earlier. Its orderly end is `UnexpectedEof`, as is any other.
fn open(tls: &mut ClientConnection, mut sealed: &[u8], inbox: &mut Inbox) -> io::Result<()> {
    loop {
        // It holds less than a mouthful at a time, and takes more only when that is gone.
        loop {
            inbox.make_room();
            match inbox.fill(&mut tls.reader()) {
                Received::Some => {}
                Received::All => break,
                Received::End(error) => return Err(error.unwrap_or(ErrorKind::UnexpectedEof.into())),
            }
        }
        if sealed.is_empty() {
            return Ok(());
        }
        tls.read_tls(&mut sealed)?;
        tls.process_new_packets().map_err(io::Error::other)?;
    }
}
