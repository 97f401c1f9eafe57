//! Frames to messages, with the checks and limits of RFC 6455 that fastwebsockets leaves out.

use bytes::{Bytes, BytesMut};
use fastwebsockets::{Frame, OpCode, Payload, Role, WebSocketError, WebSocketRead, after_handshake_split};
use protocol::CloseCode;
use tokio::io::AsyncRead;

use super::budget::Cost;
use crate::net::FrameKind;
use crate::outbox::Farewell;

/// Most payload of a control frame (RFC 6455 5.5).
const MAX_CONTROL: usize = 125;

/// What a peer did.
#[derive(Debug)]
pub(super) enum Event {
    /// Sent a whole message; text is UTF-8.
    Message(FrameKind, Bytes),
    /// Pinged.
    Ping(Bytes),
    /// Answered a ping.
    Pong,
    /// Closed, broke the rules, or is gone. Nothing follows.
    End(Farewell),
}

/// Reads one connection's messages.
pub(super) struct Reader<R> {
    frames: WebSocketRead<R>,
    limit: usize,
    /// Most frames that one message may come in.
    fragments: usize,
    /// A message of which more is to come.
    partial: Option<Partial>,
    cost: Cost,
}

struct Partial {
    kind: FrameKind,
    bytes: BytesMut,
    fragments: usize,
    /// Text only: how much of it is known to be whole characters.
    valid: usize,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads messages of at most `limit` bytes in at most `fragments` frames.
    pub(super) fn new(read: R, limit: usize, fragments: usize) -> Reader<R> {
        let (mut frames, _) = after_handshake_split(read, tokio::io::sink(), Role::Server);
        // We answer ourselves, through the writer. Unmasking stays on: off, text is tested while still masked.
        frames.set_auto_close(false);
        frames.set_auto_pong(false);
        // The library's test is `>=`, and a frame's head alone reserves this much.
        frames.set_max_message_size(limit.max(MAX_CONTROL + 1) + 1);
        Reader { frames, limit, fragments, partial: None, cost: Cost::default() }
    }

    /// Waits for what the peer does next. Must not be called again once dropped half-way, or after [`Event::End`].
    pub(super) async fn next(&mut self) -> Event {
        loop {
            let mut send = |_: Frame<'_>| async { Ok::<_, std::io::Error>(()) };
            let part = match self.frames.read_frame(&mut send).await {
                Ok(frame) => Part::from(frame),
                Err(error) => return Event::End(broken(&error)),
            };
            self.cost.add(part.is_control(), part.payload.len());
            match self.take(part) {
                Ok(Some(event)) => return event,
                Ok(None) => {}
                Err((code, reason)) => return Event::End(Farewell::because(code, reason)),
            }
        }
    }

    /// What came over the wire since this was asked last.
    pub(super) fn cost(&mut self) -> Cost {
        std::mem::take(&mut self.cost)
    }

    fn take(&mut self, part: Part) -> Result<Option<Event>, Violation> {
        let Part { masked, fin, opcode, payload } = part;
        let violation = |reason| Err((CloseCode::ProtocolError, reason));
        if !masked {
            return violation("client frames must be masked");
        }
        match opcode {
            OpCode::Text => self.begin(FrameKind::Text, fin, payload),
            OpCode::Binary => self.begin(FrameKind::Binary, fin, payload),
            OpCode::Continuation => self.go_on(fin, &payload),
            _ if payload.len() > MAX_CONTROL => violation("control frame over 125 bytes"),
            OpCode::Ping => Ok(Some(Event::Ping(payload))),
            OpCode::Pong => Ok(Some(Event::Pong)),
            OpCode::Close => close(&payload).map(|code| Some(Event::End(Farewell::Answer(code)))),
        }
    }

    fn begin(&mut self, kind: FrameKind, fin: bool, payload: Bytes) -> Result<Option<Event>, Violation> {
        if self.partial.is_some() {
            return Err((CloseCode::ProtocolError, "a new message inside a fragmented one"));
        }
        if fin {
            return self.whole(kind, payload);
        }
        let mut partial = Partial { kind, bytes: BytesMut::new(), fragments: 0, valid: 0 };
        partial.add(&payload, self.limit, self.fragments)?;
        self.partial = Some(partial);
        Ok(None)
    }

    fn go_on(&mut self, fin: bool, payload: &[u8]) -> Result<Option<Event>, Violation> {
        let Some(mut partial) = self.partial.take() else {
            return Err((CloseCode::ProtocolError, "a continuation of nothing"));
        };
        partial.add(payload, self.limit, self.fragments)?;
        if fin {
            return self.whole(partial.kind, partial.bytes.freeze());
        }
        self.partial = Some(partial);
        Ok(None)
    }

    fn whole(&self, kind: FrameKind, bytes: Bytes) -> Result<Option<Event>, Violation> {
        if bytes.len() > self.limit {
            return Err((CloseCode::TooLarge, CloseCode::TooLarge.reason()));
        }
        if kind == FrameKind::Text && std::str::from_utf8(&bytes).is_err() {
            return Err((CloseCode::BadText, CloseCode::BadText.reason()));
        }
        Ok(Some(Event::Message(kind, bytes)))
    }
}

impl Partial {
    /// Appends a fragment. Text that cannot become UTF-8 any more is refused at once instead of at its end.
    fn add(&mut self, payload: &[u8], limit: usize, fragments: usize) -> Result<(), Violation> {
        self.fragments += 1;
        if self.bytes.len() + payload.len() > limit || self.fragments > fragments {
            return Err((CloseCode::TooLarge, CloseCode::TooLarge.reason()));
        }
        self.bytes.extend_from_slice(payload);
        if self.kind == FrameKind::Text
            && let Err(error) = std::str::from_utf8(&self.bytes[self.valid..])
        {
            // No length: a character of which the rest is to come.
            if error.error_len().is_some() {
                return Err((CloseCode::BadText, CloseCode::BadText.reason()));
            }
            self.valid += error.valid_up_to();
        } else {
            self.valid = self.bytes.len();
        }
        Ok(())
    }
}

/// A rule that the peer broke: how to close, and what to say.
type Violation = (CloseCode, &'static str);

/// What of a frame matters here.
struct Part {
    masked: bool,
    fin: bool,
    opcode: OpCode,
    payload: Bytes,
}

impl Part {
    fn is_control(&self) -> bool {
        matches!(self.opcode, OpCode::Ping | OpCode::Pong | OpCode::Close)
    }
}

impl From<Frame<'_>> for Part {
    fn from(mut frame: Frame<'_>) -> Part {
        // The library unmasks and forgets to say whether there was a mask; the head it would write still shows it.
        let mut head = [0; 16];
        frame.fmt_head(&mut head);
        let payload = match frame.payload {
            Payload::Bytes(bytes) => bytes.freeze(),
            other => Bytes::copy_from_slice(&other),
        };
        Part { masked: head[1] & 0x80 != 0, fin: frame.fin, opcode: frame.opcode, payload }
    }
}

/// Checks a close frame (RFC 6455 5.5.1, 7.4) and returns its code.
fn close(payload: &[u8]) -> Result<Option<u16>, Violation> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() {
            Ok(None)
        } else {
            Err((CloseCode::ProtocolError, "a close code has two bytes"))
        };
    };
    let code = u16::from_be_bytes(*code);
    let allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
    if !allowed {
        return Err((CloseCode::ProtocolError, "a close code that must not be sent"));
    }
    if std::str::from_utf8(reason).is_err() {
        return Err((CloseCode::BadText, CloseCode::BadText.reason()));
    }
    Ok(Some(code))
}

fn broken(error: &WebSocketError) -> Farewell {
    match error {
        WebSocketError::IoError(_) | WebSocketError::UnexpectedEOF | WebSocketError::ConnectionClosed => {
            Farewell::Dead
        }
        WebSocketError::InvalidUTF8 => Farewell::bye(CloseCode::BadText),
        WebSocketError::FrameTooLarge => Farewell::bye(CloseCode::TooLarge),
        other => Farewell::because(CloseCode::ProtocolError, other.to_string()),
    }
}

#[cfg(test)]
mod tests;
