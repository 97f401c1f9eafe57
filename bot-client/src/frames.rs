//! The two directions of a WebSocket, each safe to drop half-way. Knows frames, not messages.
//!
//! fastwebsockets' own read and write futures lose bytes when they are dropped. Here the read future lives in
//! [`Inbound`] from one call to the next, and [`Outbound`] frames into a buffer that forgets only what was written.

use std::io;

use bytes::{Buf, BytesMut};
use fastwebsockets::{Frame, OpCode, Payload, Role, WebSocketError, WebSocketRead, after_handshake_split};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::ReusableBoxFuture;

/// The receiving end of a byte stream.
pub(crate) type Source = Box<dyn AsyncRead + Send + Unpin>;
/// The sending end of a byte stream.
pub(crate) type Sink = Box<dyn AsyncWrite + Send + Unpin>;

/// One frame as it came in.
pub(crate) struct RawFrame {
    pub(crate) fin: bool,
    pub(crate) opcode: OpCode,
    pub(crate) payload: BytesMut,
}

impl RawFrame {
    /// Its length on the stream, header included. Servers do not mask.
    pub(crate) fn wire_len(&self) -> u64 {
        let header = match self.payload.len() {
            0..=125 => 2,
            126..=65535 => 4,
            _ => 10,
        };
        header + self.payload.len() as u64
    }
}

type Reader = WebSocketRead<Source>;
type Reading = (Reader, Result<RawFrame, WebSocketError>);

/// What comes in.
pub(crate) struct Inbound {
    /// The read that is under way, whoever waits for it; the box is reused from frame to frame.
    reading: ReusableBoxFuture<'static, Reading>,
}

impl Inbound {
    /// Frames of at most `limit` bytes from a stream that has done its handshake.
    pub(crate) fn new(source: Source, limit: usize) -> Inbound {
        let (mut reader, _) = after_handshake_split(source, tokio::io::sink(), Role::Client);
        reader.set_auto_close(false);
        reader.set_auto_pong(false);
        reader.set_max_message_size(limit + 1); // it refuses what is equal, too
        Inbound { reading: ReusableBoxFuture::new(read_frame(reader)) }
    }

    /// The next frame. Cancel-safe. Must not be called again after an error.
    pub(crate) async fn next(&mut self) -> Result<RawFrame, WebSocketError> {
        let (reader, result) = std::future::poll_fn(|context| self.reading.poll(context)).await;
        self.reading.set(read_frame(reader));
        result
    }
}

async fn read_frame(mut reader: Reader) -> Reading {
    // Never called: automatic answers are off.
    let mut answer = |_: Frame<'_>| std::future::ready(Ok::<(), WebSocketError>(()));
    let result = reader.read_frame(&mut answer).await.map(|frame| RawFrame {
        fin: frame.fin,
        opcode: frame.opcode,
        payload: match frame.payload {
            Payload::Bytes(bytes) => bytes,
            other => BytesMut::from(&*other),
        },
    });
    (reader, result)
}

/// What goes out.
pub(crate) struct Outbound {
    sink: Sink,
    /// Framed and not yet written.
    waiting: BytesMut,
    scratch: Vec<u8>,
    /// Bytes handed to the stream so far.
    pub(crate) written: u64,
}

impl Outbound {
    pub(crate) fn new(sink: Sink) -> Outbound {
        Outbound { sink, waiting: BytesMut::new(), scratch: Vec::new(), written: 0 }
    }

    /// Queues a frame. `payload` is masked in place.
    pub(crate) fn push(&mut self, fin: bool, opcode: OpCode, payload: &mut [u8]) {
        let mut frame = Frame::new(fin, opcode, None, Payload::BorrowedMut(payload));
        frame.mask();
        self.waiting.extend_from_slice(frame.write(&mut self.scratch));
    }

    /// Queues bytes as they are.
    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// Writes all that is queued, in as few writes as possible. Cancel-safe: the rest stays queued.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        while self.waiting.has_remaining() {
            match self.sink.write_buf(&mut self.waiting).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => self.written += n as u64,
            }
        }
        self.sink.flush().await
    }

    /// True if something is queued.
    pub(crate) fn has_waiting(&self) -> bool {
        self.waiting.has_remaining()
    }
}
