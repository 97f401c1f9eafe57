//! Messages to frames, one after the other in one buffer that is reused.

use fastwebsockets::{Frame, OpCode, Payload};

use crate::farewell::Farewell;
use crate::net::{Egress, FrameKind};
use crate::outbox::{self, Batch};

/// Frames that go out in one write.
#[derive(Debug, Default)]
pub(super) struct Frames {
    out: Vec<u8>,
    scratch: Vec<u8>,
}

impl Frames {
    /// Forgets the last ones.
    pub(super) fn clear(&mut self) {
        outbox::clear(&mut self.out);
    }

    /// The frames, as they go over the wire.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// Appends everything of a batch, in the form that the peer wants.
    pub(super) fn batch(&mut self, batch: &Batch, egress: &mut impl Egress) {
        for payload in batch.pongs.iter() {
            push(&mut self.out, OpCode::Pong, payload);
        }
        for message in batch.messages() {
            self.scratch.clear();
            if let Some((kind, payload)) = egress.message(message, &mut self.scratch) {
                push(&mut self.out, opcode(kind), payload);
            }
        }
        if let Some(farewell) = &batch.farewell {
            self.scratch.clear();
            if let Some(kind) = egress.farewell(farewell, &mut self.scratch) {
                push(&mut self.out, opcode(kind), &self.scratch);
            }
            self.close(farewell);
        }
        outbox::clear(&mut self.scratch);
    }

    /// Appends a ping without a payload.
    pub(super) fn ping(&mut self) {
        push(&mut self.out, OpCode::Ping, b"");
    }

    fn close(&mut self, farewell: &Farewell) {
        let mut payload = Vec::new();
        match farewell {
            Farewell::Bye { code, reason, .. } => {
                payload.extend_from_slice(&code.code().to_be_bytes());
                payload.extend_from_slice(reason[..reason.floor_char_boundary(123)].as_bytes());
            }
            Farewell::Answer(Some(code)) => payload.extend_from_slice(&code.to_be_bytes()),
            Farewell::Answer(None) => {}
            Farewell::Dead => return,
        }
        push(&mut self.out, OpCode::Close, &payload);
    }
}

fn opcode(kind: FrameKind) -> OpCode {
    match kind {
        FrameKind::Text => OpCode::Text,
        FrameKind::Binary => OpCode::Binary,
    }
}

/// Appends a frame.
fn push(out: &mut Vec<u8>, opcode: OpCode, payload: &[u8]) {
    let mut head = [0; 16];
    let size = Frame::new(true, opcode, None, Payload::Borrowed(payload)).fmt_head(&mut head);
    out.extend_from_slice(&head[..size]);
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_have_the_three_lengths_of_rfc_6455() {
        for (len, head) in [(0usize, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let mut out = Vec::new();
            push(&mut out, OpCode::Binary, &vec![7; len]);
            assert_eq!(out.len(), head + len);
            assert_eq!(out[0], 0x82);
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let mut frames = Frames::default();
        frames.close(&Farewell::because(protocol::CloseCode::Malformed, "é".repeat(100)));
        assert_eq!(usize::from(frames.out[1]), 2 + 122);
    }
}
