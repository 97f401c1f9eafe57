//! One WebSocket connection, from the first frame to the last: what the peer says, what it is told, and how both end.
//!
//! A connection never waits and owns no stream: whoever drives it calls [`Connection::turn`] when something has arrived, when
//! something is to go out, and when it is time. So one thread can drive thousands, and a task can drive one.

use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::sync::Arc;

use protocol::CloseCode;
use tokio::time::{Duration, Instant};

use super::budget::Budget;
use super::frames::Frames;
use super::reader::{Event, Reader};
use super::wire::Wire;
use crate::config::NetLimits;
use crate::farewell::Farewell;
use crate::metrics::Metrics;
use crate::net::{Answered, Egress, Ingress};
use crate::outbox::{Batch, Outbox};

/// A write that makes no end for so long is given up: the peer reads nothing.
const WRITE_TIMEOUT: Duration = Duration::from_secs(12);

/// The same once the end has been announced, and for the end itself.
const LAST_WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// After the close frame: how long and how much is still read, so that the peer sees the reason instead of a reset.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1 << 20;

/// How much is read at once, bytes. What players send is far smaller, and larger messages come in pieces.
const INPUT: usize = 16 * 1024;

/// How often in one turn, so that whoever sends without end holds nobody up.
const READS: usize = 4;

/// What connections that are driven one after the other need only one of.
#[derive(Debug)]
pub(in crate::net) struct Desk {
    input: Box<[u8; INPUT]>,
    message: Vec<u8>,
    batch: Batch,
    frames: Frames,
}

impl Default for Desk {
    fn default() -> Desk {
        Desk {
            input: Box::new([0; INPUT]),
            message: Vec::new(),
            batch: Batch::default(),
            frames: Frames::default(),
        }
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(in crate::net) struct Connection<I, E> {
    outbox: Arc<Outbox>,
    /// None once nothing that the peer says matters any more.
    ingress: Option<I>,
    egress: E,
    reader: Reader,
    budget: Budget,
    /// True until a read has found nothing.
    readable: bool,
    /// True while something may wait in the outbox.
    called: bool,
    /// True once it is known that the peer's half has ended behind what it said.
    ended: bool,
    /// True once the peer has said something that was understood.
    greeted: bool,
    /// When a peer that says nothing counts as lost.
    patience: Instant,
    /// When it is pinged next.
    ping: Instant,
    /// What the stream did not take at once.
    unsent: Vec<u8>,
    /// Since something is unsent: when that is given up.
    give_up: Option<Instant>,
    stage: Stage,
    limits: Arc<NetLimits>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
enum Stage {
    /// Both sides may speak.
    Open,
    /// The last frame is on its way out.
    Leaving(Farewell),
    /// It is out. What the peer still says is read and forgotten, so many bytes of it.
    Lingering { farewell: Farewell, until: Instant, left: usize },
    /// Nothing is left to do.
    Over(Farewell),
}

impl<I: Ingress, E: Egress> Connection<I, E> {
    /// A connection of `client` whose handshake is done. `early` is what came behind it.
    pub(in crate::net) fn open(
        (ingress, egress): (I, E),
        client: IpAddr,
        outbox: Arc<Outbox>,
        early: &[u8],
        limits: Arc<NetLimits>,
        metrics: Arc<Metrics>,
    ) -> Connection<I, E> {
        metrics.connections.inc();
        let now = Instant::now();
        let mut connection = Connection {
            outbox,
            ingress: Some(ingress),
            egress,
            reader: Reader::new(limits.message_bytes, limits.fragments),
            budget: Budget::new(client, now),
            readable: true,
            called: true,
            ended: false,
            greeted: false,
            patience: now + limits.hello,
            ping: now + limits.ping,
            unsent: Vec::new(),
            give_up: None,
            stage: Stage::Open,
            limits,
            metrics,
        };
        connection.hear(early, &mut Vec::new(), now);
        connection
    }

    /// Something may have arrived; `ended` if nothing can follow it.
    pub(in crate::net) fn look(&mut self, ended: bool) {
        self.readable = true;
        self.ended |= ended;
    }

    /// For [`fetch`](crate::fetch::fetch).
    pub(in crate::net) fn touch(&self) -> usize {
        let own = usize::from(self.readable) ^ usize::from(self.give_up.is_some()) ^ self.unsent.len();
        let ingress = self.ingress.as_ref().map_or(0, I::touch);
        own ^ self.outbox.touch() ^ ingress ^ self.reader.touch() ^ self.budget.touch()
    }

    /// Something may wait in the outbox.
    pub(in crate::net) fn call(&mut self) {
        self.called = true;
    }

    /// True if the last turn left something unread: it wants another one soon.
    pub(in crate::net) fn wants_more(&self) -> bool {
        self.readable && (self.ingress.is_some() || matches!(self.stage, Stage::Lingering { .. }))
    }

    /// When it wants a turn even if nothing happens.
    pub(in crate::net) fn deadline(&self) -> Instant {
        if let Stage::Lingering { until, .. } = self.stage {
            return until;
        }
        let speaks = self.give_up.unwrap_or(self.ping);
        if self.ingress.is_some() { speaks.min(self.patience) } else { speaks }
    }

    /// Does all that can be done now. False once nothing is left to do. While the server stops, peers that have not said
    /// anything yet are sent away; whoever has a seat is told by the room.
    pub(in crate::net) fn turn(
        &mut self,
        wire: &mut impl Wire,
        desk: &mut Desk,
        now: Instant,
        stopping: bool,
    ) -> bool {
        self.listen(wire, desk, now);
        if self.ingress.is_some() {
            self.look_at_the_time(now, stopping);
        }
        if matches!(self.stage, Stage::Open | Stage::Leaving(_)) {
            self.speak(wire, desk, now);
        }
        self.linger(wire, &mut desk.input[..], now);
        !matches!(self.stage, Stage::Over(_))
    }

    /// Reads what has arrived.
    fn listen(&mut self, wire: &mut impl Wire, desk: &mut Desk, now: Instant) {
        for _ in 0..READS {
            if self.ingress.is_none() || !self.readable {
                return;
            }
            match self.read(wire, &mut desk.input[..]) {
                Some(0) => self.heard_all(Farewell::Dead),
                Some(read) => self.hear(&desk.input[..read], &mut desk.message, now),
                None => {}
            }
        }
    }

    /// How much was read; none if there is nothing, 0 if there will be nothing more.
    fn read<W: Wire>(&mut self, wire: &mut W, input: &mut [u8]) -> Option<usize> {
        match wire.read(input) {
            Ok(read) => {
                // A short read has taken all there is, where whatever comes later is told of.
                let all = W::TELLS && read < input.len() && !self.ended;
                self.readable = read > 0 && !all;
                Some(read)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => None,
            Err(error) => {
                self.readable = false;
                (error.kind() != ErrorKind::WouldBlock).then_some(0)
            }
        }
    }

    /// Takes in bytes of the peer's, by messages.
    fn hear(&mut self, mut bytes: &[u8], message: &mut Vec<u8>, now: Instant) {
        while let Some(ingress) = &mut self.ingress
            && let Some(event) = self.reader.next(&mut bytes, message)
        {
            let within = self.budget.take(self.reader.cost(), &self.limits, &self.metrics, now);
            let heard = match (event, within) {
                (_, Err(farewell)) => Err(farewell),
                (Event::End(farewell), _) => Err(farewell),
                // Too much: it is dropped.
                (_, Ok(false)) => Ok(()),
                (Event::Message(kind), _) => {
                    let heard = ingress.message(kind, message, now);
                    self.greeted |= heard.is_ok();
                    heard.map(|answered| self.called |= answered == Answered::Yes)
                }
                (Event::Ping, _) => {
                    self.outbox.pong(self.reader.control());
                    self.called = true;
                    Ok(())
                }
                (Event::Pong, _) => Ok(()),
            };
            // Before the first message nothing extends the deadline.
            if self.greeted {
                self.patience = now + self.limits.silence;
            }
            if let Err(farewell) = heard {
                self.heard_all(farewell);
            }
        }
    }

    /// Nothing that the peer says matters any more.
    fn heard_all(&mut self, farewell: Farewell) {
        if let Some(mut ingress) = self.ingress.take() {
            if farewell.is_final() {
                ingress.left();
            }
            // At once, so that the room knows.
            drop(ingress);
        }
        self.outbox.close(farewell);
        self.called = true;
    }

    fn look_at_the_time(&mut self, now: Instant, stopping: bool) {
        if now >= self.patience {
            self.heard_all(match self.greeted {
                false => Farewell::bye(CloseCode::NoHello),
                true => Farewell::because(CloseCode::GoingAway, "nothing heard for too long"),
            });
        } else if stopping && !self.greeted {
            self.heard_all(Farewell::bye(CloseCode::ShuttingDown).retry_after(2000));
        }
    }

    /// Writes what is unsent, and then what waits.
    fn speak(&mut self, wire: &mut impl Wire, desk: &mut Desk, now: Instant) {
        if self.give_up.is_some() {
            if !(self.finish(wire, now) && matches!(self.stage, Stage::Open)) {
                return;
            }
            self.called = true;
        }
        desk.frames.clear();
        if std::mem::take(&mut self.called) && self.outbox.take(&mut desk.batch) {
            desk.frames.batch(&desk.batch, &mut self.egress);
        } else if now >= self.ping {
            self.ping = now + self.limits.ping;
            desk.frames.ping();
        } else {
            return;
        }
        if let Some(farewell) = desk.batch.farewell.take() {
            self.ingress = None;
            if farewell == Farewell::Dead {
                return self.end(farewell);
            }
            self.stage = Stage::Leaving(farewell);
        }
        let bytes = desk.frames.bytes();
        match write(wire, bytes) {
            Ok(written) => self.unsent.extend_from_slice(&bytes[written..]),
            Err(_) => return self.cut(),
        }
        self.finish(wire, now);
    }

    /// Gets out what is unsent, and the end behind it. False if that takes longer, or has come to nothing.
    fn finish(&mut self, wire: &mut impl Wire, now: Instant) -> bool {
        match self.flush(wire) {
            Ok(()) => {
                self.unsent = Vec::new();
                self.give_up = None;
                self.begin_to_linger(now);
                true
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.outbox.hold();
                let patience = if self.outbox.is_closed() { LAST_WRITE_TIMEOUT } else { WRITE_TIMEOUT };
                let give_up = self.give_up.map_or(now + patience, |at| at.min(now + patience));
                self.give_up = Some(give_up);
                if now >= give_up {
                    self.cut();
                }
                false
            }
            Err(_) => {
                self.cut();
                false
            }
        }
    }

    fn flush(&mut self, wire: &mut impl Wire) -> io::Result<()> {
        let written = write(wire, &self.unsent)?;
        self.unsent.drain(..written);
        if !self.unsent.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        wire.flush()?;
        match self.stage {
            // Our half is done; the peer sees it at once instead of when we stop waiting for its half.
            Stage::Leaving(_) => wire.shutdown(),
            _ => Ok(()),
        }
    }

    /// Nothing can be written any more.
    fn cut(&mut self) {
        self.ingress = None;
        self.outbox.close(Farewell::Dead);
        let announced = match std::mem::replace(&mut self.stage, Stage::Open) {
            Stage::Leaving(farewell) => Some(farewell),
            _ => self.outbox.unsaid(),
        };
        self.end(announced.unwrap_or(Farewell::Dead));
    }

    fn begin_to_linger(&mut self, now: Instant) {
        if let Stage::Leaving(farewell) = &self.stage {
            let farewell = farewell.clone();
            self.stage = Stage::Lingering { farewell, until: now + LINGER, left: LINGER_BYTES };
            self.readable = true;
        }
    }

    /// Reads and forgets until the peer closes, too, or has taken its time.
    fn linger(&mut self, wire: &mut impl Wire, input: &mut [u8], now: Instant) {
        while self.readable && matches!(self.stage, Stage::Lingering { .. }) {
            let read = self.read(wire, input);
            if let Stage::Lingering { left, .. } = &mut self.stage
                && let Some(read) = read
            {
                *left = if read == 0 { 0 } else { left.saturating_sub(read) };
            }
            self.stop_lingering(now);
        }
        self.stop_lingering(now);
    }

    fn stop_lingering(&mut self, now: Instant) {
        if let Stage::Lingering { farewell, until, left } = &self.stage
            && (*left == 0 || now >= *until)
        {
            let farewell = farewell.clone();
            self.end(farewell);
        }
    }

    fn end(&mut self, farewell: Farewell) {
        self.stage = Stage::Over(farewell);
        self.readable = false;
    }
}

impl<I, E> Drop for Connection<I, E> {
    fn drop(&mut self) {
        let farewell = match &self.stage {
            Stage::Over(farewell) => farewell,
            // The server ended before it did.
            _ => &Farewell::Dead,
        };
        self.metrics.connections.dec();
        self.metrics.disconnects.get_or_create(&farewell.label().into()).inc();
        tracing::debug!(reason = farewell.label(), "connection closed");
    }
}

/// Writes as much as the stream takes now, and says how much that was.
fn write(wire: &mut impl Wire, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match wire.write(&bytes[written..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => written += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests;
