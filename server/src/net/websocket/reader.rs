//! Frames to messages, under the rules and limits of RFC 6455.
//!
//! fastwebsockets can read frames, too. Its reader holds 8 KiB for every connection, accepts frames that clients must not
//! send, and cannot be stopped half-way; with 1000 players it was the largest part of a connection's memory.

use bytes::BufMut;
use fastwebsockets::OpCode;
use protocol::CloseCode;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::budget::Cost;
use super::head::{Head, MAX_HEAD, unmask};
use crate::farewell::Farewell;
use crate::net::FrameKind;
use crate::outbox;

/// How much is read at once, bytes. What players send is far smaller, and larger messages come in pieces.
const INPUT: usize = 256;

/// A rule that the peer broke: how to close, and what to say.
pub(super) type Violation = (CloseCode, &'static str);

/// What a peer did.
#[derive(Debug)]
pub(super) enum Event {
    /// Sent a whole message, which [`Reader::message`] has; text is UTF-8.
    Message(FrameKind),
    /// Pinged; [`Reader::control`] has the payload.
    Ping,
    /// Answered a ping.
    Pong,
    /// Closed, broke the rules, or is gone. Nothing follows.
    End(Farewell),
}

/// Reads one connection's messages.
pub(super) struct Reader<R> {
    read: R,
    /// What has arrived; what comes before `at` is done.
    input: Vec<u8>,
    at: usize,
    /// The frame whose payload is arriving, and how much of it has.
    frame: Option<(Head, u64)>,
    /// The message, as far as it has arrived.
    message: Vec<u8>,
    /// Its kind; none between two messages.
    kind: Option<FrameKind>,
    /// Frames that it has come in.
    pieces: usize,
    /// Text only: how much of it is known to be whole characters.
    valid: usize,
    /// The payload of the last control frame.
    control: Vec<u8>,
    limit: usize,
    fragments: usize,
    cost: Cost,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads messages of at most `limit` bytes in at most `fragments` frames; `early` comes before what `read` gives.
    pub(super) fn new(read: R, early: &[u8], limit: usize, fragments: usize) -> Reader<R> {
        let mut input = Vec::with_capacity(INPUT.max(early.len()));
        input.extend_from_slice(early);
        Reader {
            read,
            input,
            at: 0,
            frame: None,
            message: Vec::new(),
            kind: None,
            pieces: 0,
            valid: 0,
            control: Vec::new(),
            limit,
            fragments,
            cost: Cost::default(),
        }
    }

    /// Waits for what the peer does next. Loses nothing when it is dropped and called again; not after [`Event::End`].
    pub(super) async fn next(&mut self) -> Event {
        loop {
            match self.take() {
                Ok(Some(event)) => return event,
                Ok(None) => {}
                Err((code, reason)) => return Event::End(Farewell::because(code, reason)),
            }
            if self.fill().await == 0 {
                return Event::End(Farewell::Dead);
            }
        }
    }

    /// Reads and forgets until the peer closes, too, or has sent so many bytes.
    pub(super) async fn discard(&mut self, bytes: usize) {
        let mut left = bytes;
        while left > 0 {
            self.at = self.input.len();
            match self.fill().await {
                0 => return,
                n => left = left.saturating_sub(n),
            }
        }
    }

    /// Waits for more to arrive and returns how much did; nothing more will after 0.
    async fn fill(&mut self) -> usize {
        self.input.drain(..self.at);
        self.at = 0;
        let space = INPUT - self.input.len();
        self.read.read_buf(&mut (&mut self.input).limit(space)).await.unwrap_or(0)
    }

    /// The message of the last [`Event::Message`].
    pub(super) fn message(&self) -> &[u8] {
        &self.message
    }

    /// The payload of the last [`Event::Ping`].
    pub(super) fn control(&self) -> &[u8] {
        &self.control
    }

    /// What came over the wire since this was asked last.
    pub(super) fn cost(&mut self) -> Cost {
        std::mem::take(&mut self.cost)
    }

    /// What the bytes that have arrived amount to; none if more must come first. Then fewer than a head are left.
    fn take(&mut self) -> Result<Option<Event>, Violation> {
        loop {
            let (head, done) = match self.frame {
                Some(frame) => frame,
                None => {
                    let Some((head, size)) = Head::parse(&self.input[self.at..])? else { return Ok(None) };
                    self.at += size;
                    self.begin(&head)?;
                    (head, 0)
                }
            };
            let arrived = &self.input[self.at..];
            let left = usize::try_from(head.len - done).unwrap_or(usize::MAX);
            let piece = &arrived[..arrived.len().min(left)];
            let payload = if head.is_control() { &mut self.control } else { &mut self.message };
            unmask(piece, head.mask, done, payload);
            self.at += piece.len();
            let done = done + piece.len() as u64;
            if !head.is_control() {
                self.check_text(head.fin && done == head.len)?;
            }
            if done < head.len {
                self.frame = Some((head, done));
                return Ok(None);
            }
            self.frame = None;
            if let Some(event) = self.end(&head)? {
                return Ok(Some(event));
            }
        }
    }

    /// A frame begins: may it, here?
    fn begin(&mut self, head: &Head) -> Result<(), Violation> {
        self.cost.add(head.is_control(), head.len);
        if head.is_control() {
            self.control.clear();
            return Ok(());
        }
        let kind = match (head.opcode, self.kind) {
            (OpCode::Continuation, Some(kind)) => kind,
            (OpCode::Continuation, None) => {
                return Err((CloseCode::ProtocolError, "a continuation of nothing"));
            }
            (_, Some(_)) => {
                return Err((CloseCode::ProtocolError, "a new message inside a fragmented one"));
            }
            (opcode, None) => {
                outbox::clear(&mut self.message);
                self.pieces = 0;
                self.valid = 0;
                if opcode == OpCode::Text { FrameKind::Text } else { FrameKind::Binary }
            }
        };
        self.kind = Some(kind);
        self.pieces += 1;
        if head.len > (self.limit - self.message.len()) as u64 || self.pieces > self.fragments {
            return Err((CloseCode::TooLarge, CloseCode::TooLarge.reason()));
        }
        Ok(())
    }

    /// Text that cannot become UTF-8 any more is refused at once instead of at its end.
    fn check_text(&mut self, whole: bool) -> Result<(), Violation> {
        if self.kind != Some(FrameKind::Text) {
            return Ok(());
        }
        self.valid = match std::str::from_utf8(&self.message[self.valid..]) {
            Ok(_) => self.message.len(),
            // No length: a character of which the rest is to come.
            Err(error) if error.error_len().is_none() && !whole => self.valid + error.valid_up_to(),
            Err(_) => return Err((CloseCode::BadText, CloseCode::BadText.reason())),
        };
        Ok(())
    }

    /// A frame is whole: what does it amount to?
    fn end(&mut self, head: &Head) -> Result<Option<Event>, Violation> {
        match head.opcode {
            OpCode::Ping => Ok(Some(Event::Ping)),
            OpCode::Pong => Ok(Some(Event::Pong)),
            OpCode::Close => close(&self.control).map(|code| Some(Event::End(Farewell::Answer(code)))),
            _ if head.fin => Ok(self.kind.take().map(Event::Message)),
            _ => Ok(None),
        }
    }
}

const _: () = assert!(INPUT > MAX_HEAD, "a head fits into what is read at once");

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

#[cfg(test)]
mod tests;
