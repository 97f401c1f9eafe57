//! What waits for one player: one snapshot slot and a small ordered queue. The room fills, the connection drains.
//!
//! A snapshot never queues behind another: while one waits or is being written, the room skips this player. Ordered
//! messages may wait, up to a bound. So a player who reads slowly costs constant memory. Knows bytes, not messages.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bell::{Bell, Calls, Place};
use crate::farewell::Farewell;

/// Most ordered messages that wait for one player: ten seconds of news for somebody who reads nothing.
const ORDERED_MESSAGES: usize = 96;

/// Most bytes of ordered messages that wait for one player; a `Welcome` to the largest world takes 8 kB.
const ORDERED_BYTES: usize = 64 * 1024;

/// Most answers to pings that wait for one player: 2 kB.
const PONGS: usize = 16;

/// Larger buffers are given back when they have been written, bytes: a `Welcome` is large, what follows is not.
const KEPT_BYTES: usize = 512;

/// Messages one after the other in one buffer that is reused.
#[derive(Debug, Default)]
pub struct Messages {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Messages {
    /// Appends what `write` appends, as one message.
    fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    fn pop(&mut self) {
        self.ends.pop();
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }

    fn clear(&mut self) {
        clear(&mut self.bytes);
        self.ends.clear();
    }

    /// The messages, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }
}

/// Everything that goes out in one write.
#[derive(Debug, Default)]
pub struct Batch {
    /// Payloads of the WebSocket pongs that the peer's pings ask for.
    pub pongs: Messages,
    /// Answer to the newest question of the peer; empty if there is none.
    pub reply: Vec<u8>,
    /// Ordered messages; they precede the snapshot that needs them.
    pub ordered: Messages,
    /// The snapshot; empty if there is none.
    pub snapshot: Vec<u8>,
    /// The last thing to say, if this is the end.
    pub farewell: Option<Farewell>,
}

/// Empties a buffer. A large one is given back whole: what is left of a buffer that shrinks is a hole that fits nothing.
pub fn clear(buffer: &mut Vec<u8>) {
    buffer.clear();
    if buffer.capacity() > KEPT_BYTES {
        *buffer = Vec::new();
    }
}

impl Batch {
    /// The messages, in the order in which they go out.
    pub fn messages(&self) -> impl Iterator<Item = &[u8]> {
        let single = [&self.reply[..], &self.snapshot[..]];
        self.ordered.iter().chain(single.into_iter().filter(|message| !message.is_empty()))
    }

    fn clear(&mut self) {
        self.pongs.clear();
        self.ordered.clear();
        clear(&mut self.reply);
        clear(&mut self.snapshot);
        self.farewell = None;
    }

    fn is_empty(&self) -> bool {
        let messages = self.ordered.ends.len() + self.snapshot.len() + self.reply.len();
        messages == 0 && self.pongs.ends.is_empty() && self.farewell.is_none()
    }
}

/// The ordered queue is full: the player does not keep up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow;

/// The outbox of one connection. The room and the session hold one end, the connection the other.
#[derive(Debug, Default)]
pub struct Outbox {
    state: Mutex<State>,
    /// Calls the connection; none where somebody looks without being called.
    bell: Option<(Arc<Bell>, Place)>,
}

#[derive(Debug, Default)]
struct State {
    /// See [`Batch::snapshot`].
    snapshot: Vec<u8>,
    /// See [`Batch::ordered`].
    ordered: Messages,
    /// Boxed: in nearly every tick there is nothing of the kind.
    rare: Option<Box<Rare>>,
    /// True once an ordered message has been queued.
    greeted: bool,
    /// True while what was taken last is not written.
    stuck: bool,
    /// True from the moment that the connection is called until it takes what waits.
    called: bool,
    /// True once a farewell has been said: nothing is accepted any more.
    closed: bool,
}

/// What waits now and then.
#[derive(Debug, Default)]
struct Rare {
    /// See [`Batch::pongs`].
    pongs: Messages,
    /// See [`Outbox::reply`].
    reply: Vec<u8>,
    /// See [`Batch::farewell`].
    farewell: Option<Farewell>,
}

impl State {
    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// True if the connection has something to take.
    fn waits(&self) -> bool {
        !self.snapshot.is_empty() || !self.ordered.ends.is_empty() || self.rare.is_some()
    }
}

impl Outbox {
    /// An empty outbox that calls nobody.
    pub fn new() -> Outbox {
        Outbox::default()
    }

    /// An empty outbox of the connection that this bell calls by `place`.
    pub fn at(bell: Arc<Bell>, place: Place) -> Outbox {
        Outbox { bell: Some((bell, place)), ..Outbox::default() }
    }

    /// For [`fetch`](crate::fetch::fetch). Locks nothing: who waits for a lock does not look ahead.
    pub fn touch(&self) -> usize {
        self.bell.as_ref().map_or(0, |(_, place)| *place) ^ usize::from(self.state.is_poisoned())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A room that panics while it encodes must not take the connection with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if a snapshot can be put in now: none waits and none is being written.
    pub fn is_free(&self) -> bool {
        let state = self.state();
        !state.stuck && state.snapshot.is_empty() && !state.closed
    }

    /// Puts in the snapshot that `write` appends. Call only when [`Outbox::is_free`]; [`Outbox::ring`] after.
    pub fn put_snapshot(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        state.snapshot.clear();
        // In one go, instead of at each new high.
        state.snapshot.reserve(KEPT_BYTES);
        write(&mut state.snapshot);
    }

    /// Queues the ordered message that `write` appends; [`Outbox::ring`] after.
    ///
    /// # Errors
    /// The queue is full; nothing was queued.
    pub fn push(&self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Overflow> {
        let mut state = self.state();
        if state.closed {
            return Ok(());
        }
        let queue = &mut state.ordered;
        if queue.ends.len() >= ORDERED_MESSAGES || queue.bytes.len() >= ORDERED_BYTES {
            return Err(Overflow);
        }
        if queue.bytes.is_empty() {
            queue.bytes.reserve(KEPT_BYTES / 2);
        }
        queue.push(write);
        state.greeted = true;
        Ok(())
    }

    /// Answers a question of the peer's with what `write` appends. Only the newest answer is kept, so that no number of
    /// questions fills anything, and it goes out after the first ordered message, which is the `Welcome`. Calls nobody:
    /// the connection that heard the question looks here next.
    pub fn reply(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let reply = &mut state.rare().reply;
        reply.clear();
        write(reply);
    }

    /// Answers a WebSocket ping. Of more than 16 that wait only the newest is kept, as RFC 6455 5.5.3 allows. Calls
    /// nobody, as [`Outbox::reply`].
    pub fn pong(&self, payload: &[u8]) {
        let mut state = self.state();
        let pongs = &mut state.rare().pongs;
        if pongs.ends.len() >= PONGS {
            pongs.pop();
        }
        pongs.push(|out| out.extend_from_slice(payload));
    }

    /// Ends the connection once what waits is written. The first farewell counts.
    pub fn close(&self, farewell: Farewell) {
        let mut state = self.state();
        if !state.closed {
            state.closed = true;
            state.rare().farewell = Some(farewell);
        }
        drop(state);
        // Also one that was called already: it may be stuck, and has less patience now.
        self.call();
    }

    /// True once the end has been announced.
    pub fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Adds the connection to those that are to be called, if anything waits.
    pub fn ring(&self, calls: &mut Calls) {
        let mut state = self.state();
        if !state.waits() || std::mem::replace(&mut state.called, true) {
            return;
        }
        drop(state);
        if let Some((bell, place)) = &self.bell {
            calls.add(bell, *place);
        }
    }

    fn call(&self) {
        if let Some((bell, place)) = &self.bell {
            bell.call(*place);
        }
    }

    /// The connection's end: takes what waits; false if nothing does. What was taken before is written.
    pub fn take(&self, batch: &mut Batch) -> bool {
        batch.clear();
        let mut state = self.state();
        let state = &mut *state;
        state.stuck = false;
        state.called = false;
        std::mem::swap(&mut state.snapshot, &mut batch.snapshot);
        std::mem::swap(&mut state.ordered, &mut batch.ordered);
        if let Some(mut rare) = state.rare.take() {
            std::mem::swap(&mut rare.pongs, &mut batch.pongs);
            batch.farewell = rare.farewell.take();
            if state.greeted {
                std::mem::swap(&mut rare.reply, &mut batch.reply);
            } else {
                state.rare = Some(rare);
            }
        }
        !batch.is_empty()
    }

    /// The connection's end: what was taken cannot be written now. No snapshot until the next [`Outbox::take`].
    pub fn hold(&self) {
        self.state().stuck = true;
    }

    /// The connection's end, when it can write no more: the farewell that was announced and not taken yet.
    pub fn unsaid(&self) -> Option<Farewell> {
        self.state().rare.as_mut()?.farewell.take()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use protocol::CloseCode;

    use super::*;

    #[test]
    fn a_snapshot_is_skipped_while_one_waits_or_is_written() {
        let outbox = Outbox::new();
        let mut batch = Batch::default();
        assert!(outbox.is_free());
        outbox.put_snapshot(|b| b.push(1));
        assert!(!outbox.is_free(), "one waits");
        assert!(outbox.take(&mut batch));
        assert_eq!(batch.snapshot, [1]);
        assert!(outbox.is_free(), "it went out at once");
        outbox.hold();
        assert!(!outbox.is_free(), "or it is still being written");
        outbox.push(|b| b.push(9)).unwrap();
        assert!(outbox.take(&mut batch) && outbox.is_free());
        assert!(batch.snapshot.is_empty());
        assert_eq!(batch.ordered.iter().collect::<Vec<_>>(), [[9]]);
        assert!(!outbox.take(&mut batch));
        outbox.close(Farewell::Dead);
        assert!(outbox.take(&mut batch));
        assert_eq!(batch.farewell, Some(Farewell::Dead));
        assert!(!outbox.is_free());
    }

    #[test]
    fn many_connections_are_called_at_the_price_of_one_wake_up() {
        let woken = Arc::new(AtomicU32::new(0));
        let count = woken.clone();
        let bell = Arc::new(Bell::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        }));
        let outboxes: Vec<_> = (0..3).map(|place| Outbox::at(bell.clone(), place)).collect();
        let mut calls = Calls::default();
        for outbox in &outboxes {
            outbox.ring(&mut calls);
        }
        calls.make();
        assert_eq!(woken.load(Ordering::Relaxed), 0, "nothing waits anywhere");
        let mut called = vec![7];
        for n in [2, 0, 2] {
            outboxes[n].put_snapshot(|b| b.push(1));
            outboxes[n].ring(&mut calls);
        }
        assert_eq!(woken.load(Ordering::Relaxed), 0, "not before all have theirs");
        calls.make();
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        bell.answer(&mut called);
        assert_eq!(called, [2, 0]);
        outboxes[2].ring(&mut calls);
        calls.make();
        bell.answer(&mut called);
        assert_eq!(
            (called.len(), woken.load(Ordering::Relaxed)),
            (0, 1),
            "it was called and has not looked yet"
        );
        assert!(outboxes[2].take(&mut Batch::default()));
        outboxes[2].put_snapshot(|b| b.push(1));
        outboxes[2].ring(&mut calls);
        calls.make();
        outboxes[2].close(Farewell::Dead);
        bell.answer(&mut called);
        assert_eq!((&called[..], woken.load(Ordering::Relaxed)), (&[2, 2][..], 2), "the end is always told");
    }

    #[test]
    fn ordered_messages_are_bounded_and_keep_their_order() {
        let outbox = Outbox::new();
        for i in 0..ORDERED_MESSAGES {
            outbox.push(|b| b.push(i as u8)).unwrap();
        }
        assert_eq!(outbox.push(|b| b.push(0)), Err(Overflow));
        let state = outbox.state();
        let kept: Vec<u8> = state.ordered.iter().map(|m| m[0]).collect();
        assert!(kept.iter().copied().eq(0..ORDERED_MESSAGES as u8));
    }

    #[test]
    fn every_ping_is_answered_up_to_a_bound_then_the_newest() {
        let outbox = Outbox::new();
        for i in 0..100 {
            outbox.pong(&[i]);
        }
        let state = outbox.state();
        let kept: Vec<u8> = state.rare.as_ref().unwrap().pongs.iter().map(|p| p[0]).collect();
        assert!(kept.iter().copied().eq((0..PONGS as u8 - 1).chain([99])));
    }

    #[test]
    fn the_first_farewell_counts() {
        let outbox = Outbox::new();
        outbox.close(Farewell::bye(CloseCode::RoomFull));
        outbox.close(Farewell::Dead);
        assert_eq!(outbox.state().rare().farewell, Some(Farewell::bye(CloseCode::RoomFull)));
    }
}
