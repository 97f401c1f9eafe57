//! What a bot makes of what comes in.

use std::time::{Duration, SystemTime};

use fastwebsockets::OpCode;
use protocol::codec::{self, Encoding};
use protocol::snapshot::SnapshotError;
use sim::rules;
use tokio::time::Instant;

use super::{End, Player};
use crate::bot::Scene;
use crate::client::{Closed, Error};
use crate::frames::RawFrame;
use crate::session::Change;
use crate::swarm::engine::Scratch;
use crate::swarm::seat::note_protocol_error;
use crate::swarm::wire::Received;

/// How soon to look again for a snapshot that has not come by the time of a bot's input. Two that wait together have the
/// stamp of the second; looking again keeps those apart that are.
const LOOK_AGAIN: Duration = Duration::from_millis(4);
/// The same where the kernel does not stamp what arrives, so that only looking tells when that was.
const LOOK_FOR_ARRIVAL: Duration = Duration::from_millis(1);

/// Times that a bot reads at most before it is another's turn: a server that sends without end stops nobody else.
const MOUTHFULS: usize = 8;

impl Player {
    /// Reads what has come in, or so much of it as one bot may at a time. Some once the stay is over.
    pub(in crate::swarm) fn listen(&mut self, now: Instant, scratch: &mut Scratch) -> Option<End> {
        if self.is_deaf(now) {
            self.looks_at = None;
            return None;
        }
        let Scratch { inbox, scene, .. } = scratch;
        let mut all = false;
        for _ in 0..MOUTHFULS {
            let received = self.wire.receive(inbox);
            self.arrived = inbox.arrived().map_or(now, |stamp| instant_of(stamp, now).max(self.looked_at));
            self.stamped = inbox.arrived().is_some() || !self.wire.is_stamped();
            let mut rest = inbox.bytes();
            loop {
                match self.wire.take_frame(&mut rest) {
                    Ok(Some(frame)) => {
                        if let Some(end) = self.take(&frame, scene, now) {
                            return Some(end);
                        }
                    }
                    Ok(None) => break,
                    Err(error) => return self.broken(&Error::WebSocket(error), now),
                }
            }
            self.wire.keep(rest);
            if let Received::End(why) = received {
                let reason = why.map_or_else(String::new, |error| error.to_string());
                return self.closed(Closed { code: Closed::CUT, reason }, now);
            }
            let flushed = if self.wire.has_waiting() { self.wire.flush() } else { Ok(()) };
            match flushed {
                Err(error) if self.ending.is_none() => {
                    self.await_close(Closed { code: Closed::CUT, reason: error.to_string() }, now);
                }
                _ => {}
            }
            all = matches!(received, Received::All);
            if all {
                break;
            }
        }
        self.looked_at = now;
        self.looks_at = if all { self.next_look() } else { Some(now) };
        None
    }

    /// When to look again, if not with the next input.
    fn next_look(&self) -> Option<Instant> {
        if self.ending.is_some() {
            return Some(self.looked_at + LOOK_AGAIN);
        }
        // Until this nothing is expected.
        let quiet = self.last_arrival.map_or(self.looked_at, |(at, _)| at + self.tick * 3 / 4);
        match self.wire.is_stamped() {
            true => (self.looked_at >= quiet).then(|| self.looked_at + LOOK_AGAIN),
            false => Some(quiet.max(self.looked_at + LOOK_FOR_ARRIVAL)),
        }
    }

    fn take(&mut self, frame: &RawFrame<&[u8]>, scene: &mut Scene, now: Instant) -> Option<End> {
        match frame.opcode {
            OpCode::Binary if frame.fin => return self.hear(frame.payload, scene, now),
            OpCode::Text if frame.fin => return self.broken(&Error::Text, now),
            OpCode::Text | OpCode::Binary | OpCode::Continuation => {
                return self.broken(&Error::Fragment, now);
            }
            OpCode::Ping if self.wire.takes_more() => {
                self.wire.queue(OpCode::Pong, |out| out.extend(frame.payload));
            }
            // RFC 6455, section 5.5.3: who cannot keep up need not answer every ping.
            OpCode::Ping | OpCode::Pong => {}
            OpCode::Close => {
                self.answer_close(frame.payload);
                return self.closed(Closed::read(frame.payload), now);
            }
        }
        None
    }

    fn hear(&mut self, payload: &[u8], scene: &mut Scene, now: Instant) -> Option<End> {
        // Nearly all are snapshots, and their bodies need not be copied.
        if let (Some(snapshot), None) = (codec::borrow_snapshot(payload), &self.ending) {
            self.messages.0 += 1;
            match self.session.take_snapshot(snapshot, now) {
                Ok(()) => {
                    self.look(scene);
                    self.measure_snapshot(payload.len());
                }
                // That was the one before it.
                Err(SnapshotError::WaitingForFull) => {}
                // The session asks for another.
                Err(error) => note_protocol_error(&self.shared, &error.into()),
            }
            self.reply();
            return None;
        }
        // A bot knows nobody by name. Those that predict check for all others that names can be read.
        if codec::is_roster(payload) && self.session.prediction.is_none() && self.ending.is_none() {
            self.messages.0 += 1;
            return None;
        }
        let message = match codec::decode_server(Encoding::Bincode, payload) {
            Ok(message) => message,
            Err(error) => return self.broken(&Error::Malformed(error), now),
        };
        if let Some(ending) = &mut self.ending {
            ending.hear(&message);
            return None;
        }
        self.messages.0 += 1;
        match self.session.take(&message, now) {
            Ok(Change::Bye { code, retry_ms }) => {
                self.told_to_wait = Duration::from_millis(retry_ms.into());
                // The close frame should say the same.
                self.await_close(Closed { code, reason: String::new() }, now);
                return None;
            }
            Ok(Change::Scores) => self.check_score(),
            Ok(Change::View | Change::Destroyed { .. } | Change::Other) | Err(_) => {}
        }
        None
    }

    /// Answers what is to be answered.
    fn reply(&mut self) {
        while self.wire.takes_more()
            && let Some(reply) = self.session.reply()
        {
            self.messages.1 += 1;
            let write = |out: &mut Vec<u8>| codec::encode_client(Encoding::Bincode, &reply, out);
            self.wire.queue(OpCode::Binary, write);
        }
    }

    /// The server says what it must not say.
    fn broken(&mut self, error: &Error, now: Instant) -> Option<End> {
        if self.ending.is_none() {
            note_protocol_error(&self.shared, error);
        }
        self.closed(Closed { code: Closed::CUT, reason: error.to_string() }, now)
    }

    /// Looks at the first board after a seat was taken back.
    fn check_score(&mut self) {
        if self.session.board.ships == 0 {
            return; // those were names
        }
        let Some(before) = self.resumed.take() else { return };
        let kept = self.session.board.score >= least_kept(before.score);
        let mut stats = self.shared.stats();
        stats.resumes.ok += u32::from(kept);
        stats.resumes.lost += u32::from(!kept);
    }
}

/// A time by the system's clock, which somebody may have set since, on the scale of `now`.
fn instant_of(stamp: SystemTime, now: Instant) -> Instant {
    let age = SystemTime::now().duration_since(stamp).unwrap_or_default();
    now.checked_sub(age).unwrap_or(now)
}

/// The least score that is left of one after a ship was destroyed twice while nobody was there to fly it.
fn least_kept(score: u32) -> u32 {
    (0..2).fold(score, |score, _| score - score / rules::DEATH_LOSS)
}
