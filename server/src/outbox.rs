//! What waits for one player: one snapshot slot and a small ordered queue. The room fills, the writer drains.
//!
//! A snapshot never queues behind another: while one waits or is being written, the room skips this player. Ordered
//! messages may wait, up to a bound. So a player who reads slowly costs constant memory. Knows bytes, not messages.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

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

/// The outbox of one connection. The room and the session hold one end, the connection's writer the other.
#[derive(Debug, Default)]
pub struct Outbox {
    state: Mutex<State>,
    ready: Notify,
    ending: Notify,
    bell: Option<Arc<Bell>>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Batch,
    /// See [`Outbox::reply`].
    reply: Vec<u8>,
    /// True once an ordered message has been queued.
    greeted: bool,
    /// True from the moment the writer takes a batch until it has written it.
    writing: bool,
    /// True from the moment that the room rings for the writer until it takes the batch.
    rung: bool,
    /// True once a farewell has been said: nothing is accepted any more.
    closed: bool,
}

impl Outbox {
    /// An empty outbox.
    pub fn new() -> Outbox {
        Outbox::default()
    }

    /// An empty outbox whose writer lives on the thread that answers this bell.
    pub fn at(bell: Option<Arc<Bell>>) -> Outbox {
        Outbox { bell, ..Outbox::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A room that panics while it encodes must not take the connection's writer with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if a snapshot can be put in now: none waits and none is being written.
    pub fn is_free(&self) -> bool {
        let state = self.state();
        !state.writing && state.waiting.snapshot.is_empty() && !state.closed
    }

    /// Puts in the snapshot that `write` appends. Call only when [`Outbox::is_free`]; [`Outbox::ring`] after.
    pub fn put_snapshot(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        state.waiting.snapshot.clear();
        write(&mut state.waiting.snapshot);
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
        let queue = &mut state.waiting.ordered;
        if queue.ends.len() >= ORDERED_MESSAGES || queue.bytes.len() >= ORDERED_BYTES {
            return Err(Overflow);
        }
        queue.push(write);
        state.greeted = true;
        Ok(())
    }

    /// Answers a question of the peer's with what `write` appends. Only the newest answer is kept, so that no number of
    /// questions fills anything, and it goes out after the first ordered message, which is the `Welcome`.
    pub fn reply(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        state.reply.clear();
        write(&mut state.reply);
        drop(state);
        self.wake();
    }

    /// Answers a WebSocket ping. Of more than 16 that wait only the newest is kept, as RFC 6455 5.5.3 allows.
    pub fn pong(&self, payload: &[u8]) {
        let mut state = self.state();
        let pongs = &mut state.waiting.pongs;
        if pongs.ends.len() >= PONGS {
            pongs.pop();
        }
        pongs.push(|out| out.extend_from_slice(payload));
        drop(state);
        self.wake();
    }

    /// Ends the connection once what waits is written. The first farewell counts.
    pub fn close(&self, farewell: Farewell) {
        let mut state = self.state();
        if !state.closed {
            state.closed = true;
            state.waiting.farewell = Some(farewell);
        }
        drop(state);
        self.wake();
        self.ending.notify_one();
    }

    /// The writer's end: waits until the end has been announced, also when a batch is still being written.
    pub async fn ending(&self) {
        while !self.is_closed() {
            self.ending.notified().await;
        }
    }

    /// The writer's end, when it can write no more: the farewell that was announced and not taken yet.
    pub fn unsaid(&self) -> Option<Farewell> {
        self.state().waiting.farewell.take()
    }

    /// True once the end has been announced.
    pub fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Calls the writer if anything waits: from a room, which calls for many in a row.
    pub fn ring(self: &Arc<Self>) {
        let mut state = self.state();
        if state.waiting.is_empty() || std::mem::replace(&mut state.rung, true) {
            return;
        }
        drop(state);
        match &self.bell {
            Some(bell) => bell.ring(self),
            None => self.wake(),
        }
    }

    /// Wakes the writer, to see whether anything waits.
    fn wake(&self) {
        self.ready.notify_one();
    }

    /// The writer's end: says that the last batch is written, and waits for the next one.
    pub async fn next(&self, batch: &mut Batch) {
        batch.clear();
        self.state().writing = false;
        while !self.take(batch) {
            self.ready.notified().await;
        }
    }

    /// Takes what waits now, for a writer that never waits; false if nothing does. The last batch is written.
    pub fn take_now(&self, batch: &mut Batch) -> bool {
        batch.clear();
        self.state().writing = false;
        let taken = self.take(batch);
        self.state().writing = false;
        taken
    }

    fn take(&self, batch: &mut Batch) -> bool {
        let mut state = self.state();
        let state = &mut *state;
        if state.greeted {
            std::mem::swap(&mut state.waiting.reply, &mut state.reply);
            state.reply.clear();
        }
        if state.waiting.is_empty() {
            return false;
        }
        std::mem::swap(&mut state.waiting, batch);
        state.writing = true;
        state.rung = false;
        true
    }
}

/// Calls many writers of one thread at the price of waking it once.
#[derive(Debug, Default)]
pub struct Bell {
    called: Mutex<Vec<Arc<Outbox>>>,
    rung: Notify,
}

impl Bell {
    fn ring(&self, outbox: &Arc<Outbox>) {
        let mut called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        called.push(outbox.clone());
        let first = called.len() == 1;
        drop(called);
        if first {
            self.rung.notify_one();
        }
    }

    /// Wakes the writers that are called for as long as it is polled: on their own thread, where that costs next to
    /// nothing.
    pub async fn answer(&self) {
        let mut called = Vec::new();
        loop {
            self.rung.notified().await;
            std::mem::swap(&mut *self.called.lock().unwrap_or_else(PoisonError::into_inner), &mut called);
            for outbox in called.drain(..) {
                outbox.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::CloseCode;

    use super::*;

    #[tokio::test]
    async fn a_snapshot_is_skipped_while_one_waits_or_is_written() {
        let outbox = Outbox::new();
        let mut batch = Batch::default();
        assert!(outbox.is_free());
        outbox.put_snapshot(|b| b.push(1));
        assert!(!outbox.is_free(), "one waits");
        outbox.next(&mut batch).await;
        assert_eq!(batch.snapshot, [1]);
        assert!(!outbox.is_free(), "one is being written");
        outbox.push(|b| b.push(9)).unwrap();
        outbox.next(&mut batch).await;
        assert!(batch.snapshot.is_empty());
        assert_eq!(batch.ordered.iter().collect::<Vec<_>>(), [[9]]);
        outbox.close(Farewell::Dead);
        outbox.next(&mut batch).await;
        assert_eq!(batch.farewell, Some(Farewell::Dead));
        assert!(!outbox.is_free());
    }

    #[test]
    fn ordered_messages_are_bounded_and_keep_their_order() {
        let outbox = Outbox::new();
        for i in 0..ORDERED_MESSAGES {
            outbox.push(|b| b.push(i as u8)).unwrap();
        }
        assert_eq!(outbox.push(|b| b.push(0)), Err(Overflow));
        let state = outbox.state();
        let kept: Vec<u8> = state.waiting.ordered.iter().map(|m| m[0]).collect();
        assert!(kept.iter().copied().eq(0..ORDERED_MESSAGES as u8));
    }

    #[test]
    fn every_ping_is_answered_up_to_a_bound_then_the_newest() {
        let outbox = Outbox::new();
        for i in 0..100 {
            outbox.pong(&[i]);
        }
        let state = outbox.state();
        let kept: Vec<u8> = state.waiting.pongs.iter().map(|p| p[0]).collect();
        assert!(kept.iter().copied().eq((0..PONGS as u8 - 1).chain([99])));
    }

    #[test]
    fn the_first_farewell_counts() {
        let outbox = Outbox::new();
        outbox.close(Farewell::bye(CloseCode::RoomFull));
        outbox.close(Farewell::Dead);
        assert_eq!(outbox.state().waiting.farewell, Some(Farewell::bye(CloseCode::RoomFull)));
    }
}
