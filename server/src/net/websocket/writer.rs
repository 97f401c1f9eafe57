//! The writing half: what is in the outbox goes out in one write; pings in between; the close frame at the end.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use fastwebsockets::{Frame, OpCode, Payload};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::{Duration, Instant};

use super::deadline::Deadline;
use crate::farewell::Farewell;
use crate::net::{Egress, FrameKind};
use crate::outbox::{self, Batch, Outbox};

/// A write that makes no end for so long is given up: the peer reads nothing.
const WRITE_TIMEOUT: Duration = Duration::from_secs(12);

/// The same for what is under way when the end is announced, and for the end itself.
const LAST_WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// Writes what the outbox gives until its farewell, and returns that.
pub(super) async fn drain(
    mut write: impl AsyncWrite + Unpin,
    outbox: Arc<Outbox>,
    mut egress: impl Egress,
    ping_every: Duration,
) -> Farewell {
    let mut batch = Batch::default();
    let mut frames = Frames::default();
    let mut ping = Deadline::new(Instant::now() + ping_every);
    loop {
        frames.clear();
        // Dropping either wait loses nothing: the batch is taken without a pause in between.
        tokio::select! {
            biased;
            () = outbox.next(&mut batch) => frames.batch(&batch, &mut egress),
            () = ping.passed() => {
                ping.move_to(Instant::now() + ping_every);
                frames.push(OpCode::Ping, b"");
            }
        }
        if batch.farewell == Some(Farewell::Dead) {
            return Farewell::Dead;
        }
        let last = batch.farewell.is_some();
        let written = write_out(&mut write, &frames.out, last, &outbox).await;
        if let Some(farewell) = batch.farewell.take() {
            // Our half is done; the peer sees it at once instead of when we stop waiting for its half.
            let _ = tokio::time::timeout(LAST_WRITE_TIMEOUT, write.shutdown()).await;
            return farewell;
        }
        if !written {
            outbox.close(Farewell::Dead);
            return outbox.unsaid().unwrap_or(Farewell::Dead);
        }
    }
}

/// Writes it all. False if the peer is gone, or takes too long: less time is given once the end has been announced.
async fn write_out(write: &mut (impl AsyncWrite + Unpin), bytes: &[u8], last: bool, outbox: &Outbox) -> bool {
    let mut writing = pin!(async {
        write.write_all(bytes).await?;
        write.flush().await
    });
    // Nearly always the kernel takes it at once.
    if let Poll::Ready(written) = poll_fn(|context| Poll::Ready(writing.as_mut().poll(context))).await {
        return written.is_ok();
    }
    let patience = async {
        let announced = async {
            if !last {
                outbox.ending().await;
            }
        };
        let _ = tokio::time::timeout(WRITE_TIMEOUT, announced).await;
        tokio::time::sleep(LAST_WRITE_TIMEOUT).await;
    };
    tokio::select! {
        written = writing => written.is_ok(),
        () = patience => false,
    }
}

/// Frames one after the other in one buffer that is reused.
#[derive(Debug, Default)]
struct Frames {
    out: Vec<u8>,
    payload: Vec<u8>,
}

impl Frames {
    fn clear(&mut self) {
        outbox::clear(&mut self.out);
        outbox::clear(&mut self.payload);
    }

    fn batch(&mut self, batch: &Batch, egress: &mut impl Egress) {
        for payload in batch.pongs.iter() {
            self.push(OpCode::Pong, payload);
        }
        for message in batch.ordered.iter() {
            self.message(egress, |egress, out| egress.message(message, out));
        }
        if !batch.reply.is_empty() {
            self.message(egress, |egress, out| egress.message(&batch.reply, out));
        }
        if !batch.snapshot.is_empty() {
            self.message(egress, |egress, out| egress.message(&batch.snapshot, out));
        }
        if let Some(farewell) = &batch.farewell {
            self.message(egress, |egress, out| egress.farewell(farewell, out));
            self.close(farewell);
        }
    }

    fn message<E: Egress>(
        &mut self,
        egress: &mut E,
        write: impl FnOnce(&mut E, &mut Vec<u8>) -> Option<FrameKind>,
    ) {
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        match write(egress, &mut payload) {
            Some(FrameKind::Text) => self.push(OpCode::Text, &payload),
            Some(FrameKind::Binary) => self.push(OpCode::Binary, &payload),
            None => {}
        }
        self.payload = payload;
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
        self.push(OpCode::Close, &payload);
    }

    fn push(&mut self, opcode: OpCode, payload: &[u8]) {
        let mut head = [0; 16];
        let size = Frame::new(true, opcode, None, Payload::Borrowed(payload)).fmt_head(&mut head);
        self.out.extend_from_slice(&head[..size]);
        self.out.extend_from_slice(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_have_the_three_lengths_of_rfc_6455() {
        for (len, head) in [(0usize, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let mut frames = Frames::default();
            frames.push(OpCode::Binary, &vec![7; len]);
            assert_eq!(frames.out.len(), head + len);
            assert_eq!(frames.out[0], 0x82);
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let mut frames = Frames::default();
        frames.close(&Farewell::because(protocol::CloseCode::Malformed, "é".repeat(100)));
        assert_eq!(usize::from(frames.out[1]), 2 + 122);
    }
}
