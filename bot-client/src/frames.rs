//! The two directions of a WebSocket, each safe to drop half-way. Knows frames, not messages.
//!
//! fastwebsockets' own read and write futures lose bytes when they are dropped. Here the bytes that came in wait in
//! [`Inbound`] until a frame is whole, and [`Outbound`] frames into a buffer that forgets only what was written. Both keep
//! their buffers: thousands of bots share a core, and the kernel's share of a message is dear enough.

use std::io;

use bytes::{Buf, BytesMut};
use fastwebsockets::{Frame, OpCode, Payload, WebSocketError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The receiving end of a byte stream.
pub(crate) type Source = Box<dyn AsyncRead + Send + Unpin>;
/// The sending end of a byte stream.
pub(crate) type Sink = Box<dyn AsyncWrite + Send + Unpin>;

/// Room for what comes in at once, bytes: a snapshot has some hundred. A longer frame makes its own room.
const READ_SIZE: usize = 2048;

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

/// What comes in.
pub(crate) struct Inbound {
    source: Source,
    /// Came in, and is not yet a whole frame.
    buffer: BytesMut,
    limit: usize,
}

impl Inbound {
    /// Frames of at most `limit` bytes from a stream that has done its handshake.
    pub(crate) fn new(source: Source, limit: usize) -> Inbound {
        Inbound { source, buffer: BytesMut::new(), limit }
    }

    /// The next frame. Cancel-safe. Must not be called again after an error.
    pub(crate) async fn next(&mut self) -> Result<RawFrame, WebSocketError> {
        loop {
            let missing = match self.take_frame()? {
                Ok(frame) => return Ok(frame),
                Err(missing) => missing,
            };
            self.buffer.reserve(missing.max(READ_SIZE));
            if self.source.read_buf(&mut self.buffer).await? == 0 {
                return Err(WebSocketError::UnexpectedEOF);
            }
        }
    }

    /// The frame at the front, or how many bytes it lacks at least.
    fn take_frame(&mut self) -> Result<Result<RawFrame, usize>, WebSocketError> {
        let &[first, second, ref rest @ ..] = &self.buffer[..] else { return Ok(Err(2)) };
        if first & 0x70 != 0 {
            return Err(WebSocketError::ReservedBitsNotZero);
        }
        let (fin, opcode) = (first & 0x80 != 0, OpCode::try_from(first & 0x0f)?);
        let (header, length) = match (second, rest) {
            // Servers must not mask.
            (0x80.., _) => return Err(WebSocketError::InvalidValue),
            (126, &[a, b, ..]) => (4, usize::from(u16::from_be_bytes([a, b]))),
            (126, _) => return Ok(Err(2)),
            (127, rest) => match rest.first_chunk() {
                // Too long for this machine is too long in any case.
                Some(&length) => (10, usize::try_from(u64::from_be_bytes(length)).unwrap_or(usize::MAX)),
                None => return Ok(Err(8)),
            },
            (short, _) => (2, usize::from(short)),
        };
        if length > self.limit {
            return Err(WebSocketError::FrameTooLarge);
        }
        if matches!(opcode, OpCode::Ping | OpCode::Pong | OpCode::Close) {
            if !fin {
                return Err(WebSocketError::ControlFrameFragmented);
            }
            if length > 125 {
                return Err(WebSocketError::PingFrameTooLarge);
            }
        }
        if let Some(missing) = (header + length).checked_sub(self.buffer.len()).filter(|&n| n > 0) {
            return Ok(Err(missing));
        }
        self.buffer.advance(header);
        Ok(Ok(RawFrame { fin, opcode, payload: self.buffer.split_to(length) }))
    }
}

/// What goes out.
pub(crate) struct Outbound {
    sink: Sink,
    /// Framed and not yet written.
    waiting: BytesMut,
    /// Written, but maybe still in the stream's own buffer: TLS has one.
    unflushed: bool,
    scratch: Vec<u8>,
    /// Bytes handed to the stream so far.
    pub(crate) written: u64,
}

impl Outbound {
    pub(crate) fn new(sink: Sink) -> Outbound {
        Outbound { sink, waiting: BytesMut::new(), unflushed: false, scratch: Vec::new(), written: 0 }
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
            self.unflushed = true;
            match self.sink.write(&self.waiting).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => {
                    self.written += n as u64;
                    self.waiting.advance(n);
                }
            }
        }
        self.sink.flush().await?;
        self.unflushed = false;
        Ok(())
    }

    /// True if something is queued, or a flush did not come to its end.
    pub(crate) fn has_waiting(&self) -> bool {
        self.unflushed || self.waiting.has_remaining()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(mut bytes: &'static [u8], limit: usize) -> (Vec<(OpCode, usize)>, String) {
        // Byte by byte, as slow as a stream can be.
        let (mut far, near) = tokio::io::duplex(1);
        tokio::spawn(async move { far.write_all_buf(&mut bytes).await });
        let mut inbound = Inbound::new(Box::new(near), limit);
        let mut frames = Vec::new();
        loop {
            match inbound.next().await {
                Ok(frame) => {
                    assert!(
                        frame.payload.iter().all(|&byte| byte == 7),
                        "nothing of the header, all of the rest"
                    );
                    frames.push((frame.opcode, frame.payload.len()));
                }
                Err(error) => return (frames, error.to_string()),
            }
        }
    }

    #[tokio::test]
    async fn frames_come_out_whole_however_they_came_in() {
        let mut bytes = vec![0x82, 3, 7, 7, 7, 0x89, 0, 0x82, 126, 1, 0];
        bytes.extend([7; 256]);
        bytes.extend([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        bytes.extend([7; 65536]);
        bytes.extend([0x88, 1, 7, 0x82]);
        let (frames, end) = all(bytes.leak(), 1 << 16).await;
        let (binary, ping, close) = (OpCode::Binary, OpCode::Ping, OpCode::Close);
        assert_eq!(frames, [(binary, 3), (ping, 0), (binary, 256), (binary, 65536), (close, 1)]);
        assert_eq!(end, "Unexpected EOF");
    }

    #[tokio::test]
    async fn what_a_server_must_not_send_is_refused() {
        for (bytes, why) in [
            (&[0xc2, 1, 7][..], "Reserved bits"),
            (&[0x82, 0x81, 1, 2, 3, 4, 7], "Invalid value"),
            (&[0x83, 1, 7], "Invalid value"),
            (&[0x09, 0], "fragmented"),
            (&[0x89, 126, 0, 126], "too large"),
            (&[0x82, 101], "too large"),
            (&[0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255], "too large"),
        ] {
            let (frames, error) = all(bytes, 100).await;
            assert!(frames.is_empty() && error.contains(why), "{bytes:?}: {error}");
        }
    }
}
