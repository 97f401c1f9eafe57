//! The two directions of a WebSocket, each safe to drop half-way. Knows frames, not messages, and holds no stream.
//!
//! fastwebsockets' own read and write futures lose bytes when they are dropped. Here the bytes that came in wait in
//! [`Inbound`] until a frame is whole, and [`Outbound`] frames into a buffer that forgets only what was written.
//! [`split`] is for who reads without waiting and has the bytes at hand.

use std::io;

use bytes::{Buf, BytesMut};
use fastwebsockets::{Frame, OpCode, Payload, WebSocketError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Room for what comes in at once, bytes: a snapshot has some hundred. A longer frame makes its own room.
const READ_SIZE: usize = 2048;

/// One frame as it came in.
pub(crate) struct RawFrame<P = BytesMut> {
    pub(crate) fin: bool,
    pub(crate) opcode: OpCode,
    pub(crate) payload: P,
}

impl<P: AsRef<[u8]>> RawFrame<P> {
    /// Its length on the stream, header included. Servers do not mask.
    pub(crate) fn wire_len(&self) -> u64 {
        let length = self.payload.as_ref().len();
        let header = match length {
            0..=125 => 2,
            126..=65535 => 4,
            _ => 10,
        };
        header + length as u64
    }
}

/// What stands before a frame's payload.
struct Head {
    fin: bool,
    opcode: OpCode,
    /// Its own length, bytes.
    len: usize,
    /// Length of the payload, bytes.
    payload: usize,
}

/// The head of the frame at the front, if the frame is whole; else how many bytes it lacks at least.
fn head(bytes: &[u8], limit: usize) -> Result<Result<Head, usize>, WebSocketError> {
    let &[first, second, ref rest @ ..] = bytes else { return Ok(Err(2)) };
    if first & 0x70 != 0 {
        return Err(WebSocketError::ReservedBitsNotZero);
    }
    let (fin, opcode) = (first & 0x80 != 0, OpCode::try_from(first & 0x0f)?);
    let (len, payload) = match (second, rest) {
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
    if payload > limit {
        return Err(WebSocketError::FrameTooLarge);
    }
    if matches!(opcode, OpCode::Ping | OpCode::Pong | OpCode::Close) {
        if !fin {
            return Err(WebSocketError::ControlFrameFragmented);
        }
        if payload > 125 {
            return Err(WebSocketError::PingFrameTooLarge);
        }
    }
    match (len + payload).checked_sub(bytes.len()).filter(|&n| n > 0) {
        Some(missing) => Ok(Err(missing)),
        None => Ok(Ok(Head { fin, opcode, len, payload })),
    }
}

/// Takes the frame at the front of `bytes`, if it is whole.
pub(crate) fn split<'b>(
    bytes: &mut &'b [u8],
    limit: usize,
) -> Result<Option<RawFrame<&'b [u8]>>, WebSocketError> {
    let Ok(Head { fin, opcode, len, payload }) = head(bytes, limit)? else { return Ok(None) };
    let (frame, rest) = bytes.split_at(len + payload);
    *bytes = rest;
    Ok(Some(RawFrame { fin, opcode, payload: &frame[len..] }))
}

/// Longest payload of a frame with the shortest head, bytes.
const SHORT: usize = 125;

/// Appends a whole frame, masked with `mask`, of what `write` appends: at most [`SHORT`] bytes.
pub(crate) fn append_short(
    out: &mut Vec<u8>,
    opcode: OpCode,
    mask: [u8; 4],
    write: impl FnOnce(&mut Vec<u8>),
) {
    out.extend([0x80 | opcode as u8, 0x80]);
    out.extend(mask);
    let payload = out.len();
    write(out);
    let length = out.len() - payload;
    assert!(length <= SHORT, "no message that a bot sends is as long as {length} bytes");
    out[payload - 5] |= length as u8;
    for (byte, mask) in out[payload..].iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// What comes in.
pub(crate) struct Inbound {
    /// Came in, and is not yet a whole frame.
    buffer: BytesMut,
    limit: usize,
}

impl Inbound {
    /// Frames of at most `limit` bytes from a stream that has done its handshake, behind which `early` came in.
    pub(crate) fn new(early: &[u8], limit: usize) -> Inbound {
        Inbound { buffer: early.into(), limit }
    }

    /// The next frame from `source`, which must be the same at every call. Cancel-safe. Must not be called again after
    /// an error.
    pub(crate) async fn next(
        &mut self,
        source: &mut (impl AsyncRead + Unpin),
    ) -> Result<RawFrame, WebSocketError> {
        loop {
            let missing = match head(&self.buffer, self.limit)? {
                Ok(Head { fin, opcode, len, payload }) => {
                    self.buffer.advance(len);
                    return Ok(RawFrame { fin, opcode, payload: self.buffer.split_to(payload) });
                }
                Err(missing) => missing,
            };
            self.buffer.reserve(missing.max(READ_SIZE));
            if source.read_buf(&mut self.buffer).await? == 0 {
                return Err(WebSocketError::UnexpectedEOF);
            }
        }
    }

    /// What came in and was not asked for.
    pub(crate) fn into_unread(self) -> BytesMut {
        self.buffer
    }
}

/// What goes out.
#[derive(Default)]
pub(crate) struct Outbound {
    /// Framed and not yet written.
    waiting: BytesMut,
    /// Written, but maybe still in the stream's own buffer: TLS has one.
    unflushed: bool,
    scratch: Vec<u8>,
    /// Bytes handed to the stream so far.
    pub(crate) written: u64,
}

impl Outbound {
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

    /// Writes all that is queued to `sink`, in as few writes as possible. Cancel-safe: the rest stays queued.
    pub(crate) async fn flush(&mut self, sink: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        while self.waiting.has_remaining() {
            self.unflushed = true;
            match sink.write(&self.waiting).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => {
                    self.written += n as u64;
                    self.waiting.advance(n);
                }
            }
        }
        sink.flush().await?;
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
        let (mut far, mut near) = tokio::io::duplex(1);
        tokio::spawn(async move { far.write_all_buf(&mut bytes).await });
        let mut inbound = Inbound::new(&[], limit);
        let mut frames = Vec::new();
        loop {
            match inbound.next(&mut near).await {
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
    async fn short_frames_are_as_the_long_way_makes_them() {
        for length in [0, 1, 7, 125] {
            let payload = vec![9; length];
            let mut bytes = Vec::new();
            append_short(&mut bytes, OpCode::Binary, [1, 2, 3, 4], |out| out.extend(&payload));
            let mut frame = Frame::new(true, OpCode::Binary, Some([1, 2, 3, 4]), payload.into());
            frame.mask();
            assert_eq!(bytes, frame.write(&mut Vec::new()));
        }
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
