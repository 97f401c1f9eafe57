//! Frames to messages, under the rules and limits of RFC 6455. Takes bytes as they have arrived; reads from nowhere.
//!
//! fastwebsockets can read frames, too. Its reader holds 8 KiB for every connection, accepts frames that clients must not
//! send, and cannot be stopped half-way; with 1000 players it was the largest part of a connection's memory.

use fastwebsockets::OpCode;
use protocol::CloseCode;

use super::budget::Cost;
use super::head::{Head, MAX_HEAD, unmask};
use crate::farewell::Farewell;
use crate::net::FrameKind;
use crate::outbox;

/// A rule that the peer broke: how to close, and what to say.
pub(super) type Violation = (CloseCode, &'static str);

/// What a peer did.
#[derive(Debug)]
pub(super) enum Event {
    /// Sent a whole message; text is UTF-8.
    Message(FrameKind),
    /// Pinged; [`Reader::control`] has the payload.
    Ping,
    /// Answered a ping.
    Pong,
    /// Closed, broke the rules, or is gone. Nothing follows.
    End(Farewell),
}

/// Reads one connection's messages.
#[derive(Debug)]
pub(super) struct Reader {
    /// The head of the next frame, as far as it has arrived, and how far that is.
    head: ([u8; MAX_HEAD], usize),
    /// The frame whose payload is arriving, and how much of it has.
    frame: Option<(Head, u64)>,
    /// The message that is arriving, as far as it has.
    begun: Vec<u8>,
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

impl Reader {
    /// Reads messages of at most `limit` bytes in at most `fragments` frames.
    pub(super) fn new(limit: usize, fragments: usize) -> Reader {
        Reader {
            head: ([0; MAX_HEAD], 0),
            frame: None,
            begun: Vec::new(),
            kind: None,
            pieces: 0,
            valid: 0,
            control: Vec::new(),
            limit,
            fragments,
            cost: Cost::default(),
        }
    }

    /// What the peer does next, by the bytes that have arrived, which it takes off the front of `bytes`. None: they are all
    /// taken, and more must come first. `message` has the message of [`Event::Message`], and nothing that matters
    /// otherwise: many readers can share one. Not to be called again after [`Event::End`].
    pub(super) fn next(&mut self, bytes: &mut &[u8], message: &mut Vec<u8>) -> Option<Event> {
        if self.kind.is_some() {
            *message = std::mem::take(&mut self.begun);
        }
        let event = self.take(bytes, message);
        if self.kind.is_some() {
            self.begun = std::mem::take(message);
        }
        event.unwrap_or_else(|(code, reason)| Some(Event::End(Farewell::because(code, reason))))
    }

    /// For [`fetch`](crate::fetch::fetch).
    pub(super) fn touch(&self) -> usize {
        self.head.1 ^ usize::from(self.frame.is_some()) ^ self.control.len() ^ self.begun.len() ^ self.limit
    }

    /// The payload of the last [`Event::Ping`].
    pub(super) fn control(&self) -> &[u8] {
        &self.control
    }

    /// What came over the wire since this was asked last.
    pub(super) fn cost(&mut self) -> Cost {
        std::mem::take(&mut self.cost)
    }

    fn take(&mut self, bytes: &mut &[u8], message: &mut Vec<u8>) -> Result<Option<Event>, Violation> {
        loop {
            let (head, done) = match self.frame {
                Some(frame) => frame,
                None => {
                    let Some(head) = self.take_head(bytes)? else { return Ok(None) };
                    self.begin(&head, message)?;
                    (head, 0)
                }
            };
            let left = usize::try_from(head.len - done).unwrap_or(usize::MAX);
            let (piece, rest) = bytes.split_at(bytes.len().min(left));
            *bytes = rest;
            let payload = if head.is_control() { &mut self.control } else { &mut *message };
            unmask(piece, head.mask, done, payload);
            let done = done + piece.len() as u64;
            if !head.is_control() {
                self.check_text(message, head.fin && done == head.len)?;
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

    /// The head at the front of `bytes`, which may have begun in earlier ones.
    fn take_head(&mut self, bytes: &mut &[u8]) -> Result<Option<Head>, Violation> {
        let (head, had) = &mut self.head;
        let has = bytes.len().min(MAX_HEAD - *had) + *had;
        head[*had..has].copy_from_slice(&bytes[..has - *had]);
        let parsed = Head::parse(&head[..has])?;
        let size = parsed.map_or(has, |(_, size)| size);
        *bytes = &bytes[size - *had..];
        *had = if parsed.is_some() { 0 } else { has };
        Ok(parsed.map(|(head, _)| head))
    }

    /// A frame begins: may it, here?
    fn begin(&mut self, head: &Head, message: &mut Vec<u8>) -> Result<(), Violation> {
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
                outbox::clear(message);
                self.pieces = 0;
                self.valid = 0;
                if opcode == OpCode::Text { FrameKind::Text } else { FrameKind::Binary }
            }
        };
        self.kind = Some(kind);
        self.pieces += 1;
        if head.len > (self.limit - message.len()) as u64 || self.pieces > self.fragments {
            return Err((CloseCode::TooLarge, CloseCode::TooLarge.reason()));
        }
        Ok(())
    }

    /// Text that cannot become UTF-8 any more is refused at once instead of at its end.
    fn check_text(&mut self, message: &[u8], whole: bool) -> Result<(), Violation> {
        if self.kind != Some(FrameKind::Text) {
            return Ok(());
        }
        self.valid = match std::str::from_utf8(&message[self.valid..]) {
            Ok(_) => message.len(),
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
