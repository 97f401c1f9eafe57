//! How a stay ends: with goodbyes, with the server's last words, or with neither.

use std::time::Duration;

use fastwebsockets::OpCode;
use protocol::{CloseCode, ResumeToken, ServerMessage, Slot};
use tokio::time::Instant;

use super::Player;
use crate::client::Closed;
use crate::swarm::LEAVE_TIMEOUT;

/// How long to look for the server's reason after the stream broke, and for the close after a `Bye`.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How a stay ends.
#[derive(Debug, Clone)]
pub(in crate::swarm) enum End {
    /// It was time to leave.
    Leave,
    /// It was time to drop the connection, as resumers do.
    Dropped,
    /// The server, or the line, ended it.
    Lost(Closed),
}

/// What is left of a stay.
#[derive(Debug)]
pub(in crate::swarm) struct Left {
    pub(in crate::swarm) end: End,
    /// Gives the seat back on a new connection.
    pub(in crate::swarm) token: Option<ResumeToken>,
    pub(in crate::swarm) you: Option<Slot>,
    pub(in crate::swarm) score: u32,
    /// What the server's `Bye` asked for.
    pub(in crate::swarm) told_to_wait: Duration,
    /// What it misses, if the seat was lost.
    pub(in crate::swarm) gap: Option<Gap>,
    /// Not one snapshot came.
    pub(in crate::swarm) saw_nothing: bool,
}

/// The time without snapshots that a lost seat begins.
#[derive(Debug, Clone, Copy)]
pub(in crate::swarm) struct Gap {
    /// When the last one came.
    pub(in crate::swarm) since: Instant,
    /// How long that was after the one before.
    pub(in crate::swarm) before: Option<Duration>,
}

/// A stay that is over, while the connection lasts.
pub(super) struct Ending {
    /// How, as far as it is known.
    pub(super) end: End,
    /// The connection is given up then.
    pub(super) until: Instant,
}

impl Ending {
    /// A `Bye` gives the reason; nothing else matters any more.
    pub(super) fn hear(&mut self, message: &ServerMessage) {
        if let (End::Lost(closed), ServerMessage::Bye { code, .. }) = (&mut self.end, message) {
            closed.code = *code;
        }
    }
}

impl Player {
    /// Says goodbye; what comes in before the answer is of no interest.
    pub(in crate::swarm) fn leave(&mut self, now: Instant) {
        if self.ending.is_some() {
            return;
        }
        self.end_with(End::Leave, now, LEAVE_TIMEOUT);
        self.wire.queue(OpCode::Close, |out| out.extend(CloseCode::Left.code().to_be_bytes()));
        // A line that is broken needs no goodbye.
        let _ = self.wire.flush();
    }

    /// What is left once it is over.
    pub(in crate::swarm) fn left(self, end: End) -> Left {
        let Player { session, told_to_wait, left_at, last_interval, .. } = self;
        let gap = left_at.map(|since| Gap { since, before: last_interval });
        let (score, saw_nothing) = (session.board.score, self.last_arrival.is_none());
        Left { end, token: session.resume, you: session.you, score, told_to_wait, gap, saw_nothing }
    }

    /// Reads on for the server's own reason. `known` stands in where there is none.
    pub(super) fn await_close(&mut self, known: Closed, now: Instant) {
        self.end_with(End::Lost(known), now, LAST_WORDS);
    }

    /// The connection has ended.
    pub(super) fn closed(&mut self, closed: Closed, now: Instant) -> Option<End> {
        match self.ending.take() {
            None => self.over(End::Lost(closed), now),
            Some(Ending { end: End::Lost(_), .. }) if closed.code != Closed::CUT => Some(End::Lost(closed)),
            Some(Ending { end, .. }) => Some(end),
        }
    }

    /// A close goes out once, whoever says it first.
    pub(super) fn answer_close(&mut self, payload: &[u8]) {
        if !matches!(self.ending, Some(Ending { end: End::Leave, .. })) {
            self.wire.queue(OpCode::Close, |out| out.extend(&payload[..payload.len().min(2)]));
            // The server may be gone already, and then nobody needs the answer.
            let _ = self.wire.flush();
        }
    }

    /// The stay is over, and the connection with it.
    pub(super) fn over(&mut self, end: End, now: Instant) -> Option<End> {
        self.settle(&end, now);
        Some(end)
    }

    fn end_with(&mut self, end: End, now: Instant, patience: Duration) {
        self.settle(&end, now);
        self.looks_at = Some(now);
        self.ending = Some(Ending { end, until: now + patience });
    }
}
