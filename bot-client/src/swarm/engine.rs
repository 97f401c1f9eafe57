//! The engine: one thread that plays thousands of bots, in turns over sockets that never wait. Knows no message and
//! measures nothing; seats are taken elsewhere.
//!
//! A turn is: sleep a little, so that there is something to do for many; then ask which sockets have something, and read
//! each once, a small helping at a time; between helpings, send inputs that have come due, three times as many at most.
//! So neither snapshots, which come all at once, nor inputs hold the others up for long.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use mio::{Events, Poll, Token, Waker};
use slab::Slab;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Shared;
use super::player::{End, Left, Player};
use super::wheel::Wheel;
use super::whole::Whole;
use super::wire::Inbox;
use crate::bot::Scene;
use crate::client::Closed;

/// Sockets that are read before it is looked again whether inputs are due.
const HELPING: usize = 16;
/// Sockets that one turn reads at most, and inputs that it sends at the end.
const TURN: usize = 256;
/// Longest pause before a turn, and how much of it each bot is worth: hundreds of bots get none that matters.
const LONGEST_NAP: Duration = Duration::from_millis(1);
/// See [`LONGEST_NAP`].
const NAP_PER_BOT: Duration = Duration::from_micros(1);
/// How often an engine with nothing to do looks around.
const IDLE: Duration = Duration::from_millis(100);
/// The waker's; a slab never gets there.
const NEWCOMERS: Token = Token(usize::MAX);

/// The engines of a swarm. They end when this is dropped.
pub(super) struct Engines(Vec<Desk>);

/// Where an engine takes players in.
struct Desk {
    /// The engine holds the receiver, and ends when this is dropped.
    newcomers: Option<Sender<Newcomer>>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

struct Newcomer {
    player: Player,
    /// Told when its stay is over.
    over: oneshot::Sender<Left>,
}

impl Engines {
    /// Starts as many as the swarm is to have threads, at least one.
    ///
    /// # Errors
    /// The system has no thread left, or no file for the events.
    pub(super) fn start(shared: &Arc<Shared>) -> io::Result<Engines> {
        let desks = (0..shared.config.threads.max(1)).map(|_| Desk::open(Arc::clone(shared)));
        desks.collect::<io::Result<_>>().map(Engines)
    }

    /// Has the `index`-th bot played to the end of its stay.
    pub(super) async fn play(&self, index: u32, player: Player) -> Left {
        let (over, left) = oneshot::channel();
        self.0[index as usize % self.0.len()].take_in(Newcomer { player, over });
        left.await.expect("an engine ends after its bots")
    }
}

impl Desk {
    fn open(shared: Arc<Shared>) -> io::Result<Desk> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), NEWCOMERS)?;
        let (sender, newcomers) = channel();
        let engine = Engine {
            poll,
            newcomers,
            players: Slab::new(),
            due: Wheel::new(Instant::now()),
            helping: Vec::with_capacity(HELPING),
            scratch: Scratch::default(),
            leaving: false,
            shared,
        };
        let thread = thread::Builder::new().name("bots".into()).spawn(|| engine.run())?;
        Ok(Desk { newcomers: Some(sender), waker, thread: Some(thread) })
    }

    fn take_in(&self, newcomer: Newcomer) {
        if let Some(newcomers) = &self.newcomers {
            // An engine that is gone has dropped its end, and the bot will hear of that.
            let _ = newcomers.send(newcomer);
            let _ = self.waker.wake();
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.newcomers = None;
        // Without it, it looks around by itself before long.
        let _ = self.waker.wake();
        if let Some(thread) = self.thread.take() {
            // Its panic was printed where it happened.
            let _ = thread.join();
        }
    }
}

struct Engine {
    poll: Poll,
    newcomers: Receiver<Newcomer>,
    players: Slab<Seated>,
    /// When to wake which player. Entries that a player has outlived, or that are no longer its own, are passed over.
    due: Wheel,
    /// Players whose turn it is.
    helping: Vec<usize>,
    scratch: Scratch,
    /// True once the bots were told.
    leaving: bool,
    shared: Arc<Shared>,
}

/// Room for what a bot does in one go: all share it, so that it stays in the processor's cache.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) inbox: Inbox,
    pub(super) scene: Scene,
    /// Frames that are about to be sent.
    pub(super) outgoing: Vec<u8>,
    pub(super) whole: Whole,
}

struct Seated {
    player: Player,
    over: oneshot::Sender<Left>,
    /// The turn of the wheel that it is entered for.
    queued: u64,
}

impl Engine {
    fn run(mut self) {
        let mut events = Events::with_capacity(TURN);
        let mut behind = false;
        while self.admit() {
            if self.shared.leaving() && !self.leaving {
                self.leave();
            }
            if !behind {
                thread::sleep(LONGEST_NAP.min(NAP_PER_BOT * self.players.len() as u32));
            }
            // A signal may interrupt it; nothing has happened then.
            let _ = self.poll.poll(&mut events, Some(self.patience()));
            let told = Instant::now();
            let mut read = 0;
            let mut ready = events.iter().map(|event| event.token().0).peekable();
            while ready.peek().is_some() {
                self.wake_due(3 * HELPING);
                self.helping.clear();
                self.helping.extend(ready.by_ref().take(HELPING));
                read += self.helping.len();
                self.note_reading(told.elapsed());
                self.fetch(Player::touch_to_listen);
                for n in 0..self.helping.len() {
                    self.listen(self.helping[n]);
                }
            }
            behind = self.wake_due(TURN) || read == TURN;
        }
    }

    /// Those whose turn it is have waited so long to be read.
    fn note_reading(&self, lag: Duration) {
        if self.shared.window.get().is_some() {
            self.shared.stats().read_lag.record_often(lag, self.helping.len() as u64);
        }
    }

    /// Takes new players in. False once there will never be another.
    fn admit(&mut self) -> bool {
        loop {
            match self.newcomers.try_recv() {
                Ok(newcomer) => self.seat(newcomer),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn seat(&mut self, Newcomer { mut player, over }: Newcomer) {
        let now = Instant::now();
        let entry = self.players.vacant_entry();
        let key = entry.key();
        if let Err(error) = player.register(self.poll.registry(), Token(key)) {
            let reason = error.to_string();
            // Nobody waits for the answer where the swarm was ended meanwhile.
            let _ = over.send(player.left(End::Lost(Closed { code: Closed::CUT, reason })));
            return;
        }
        if self.leaving {
            player.leave(now);
        }
        let queued = self.due.enter(key, player.wakes_at());
        entry.insert(Seated { player, over, queued });
        // What has come in behind the handshake is told by no event.
        self.listen(key);
    }

    /// Tells all players that it is over.
    fn leave(&mut self) {
        self.leaving = true;
        let now = Instant::now();
        for (key, seated) in &mut self.players {
            seated.player.leave(now);
            seated.queued = self.due.enter(key, seated.player.wakes_at());
        }
    }

    /// How long there is nothing to do unless something comes in.
    fn patience(&self) -> Duration {
        self.due.next().map_or(IDLE, |next| next.saturating_duration_since(Instant::now()).min(IDLE))
    }

    /// Wakes those whose time has come, so many at most. True if there are more.
    fn wake_due(&mut self, most: usize) -> bool {
        let mut woken = 0;
        while woken < most {
            self.helping.clear();
            let turn = self.due.take(Instant::now(), HELPING, &mut self.helping);
            let Some(turn) = turn else { return false };
            self.fetch(Player::touch_to_wake);
            for n in 0..self.helping.len() {
                self.wake(self.helping[n], turn);
            }
            woken += self.helping.len();
        }
        true
    }

    /// Wakes a player that was entered for this turn of the wheel.
    fn wake(&mut self, key: usize, turn: u64) {
        let Some(seated) = self.players.get_mut(key).filter(|seated| seated.queued == turn) else { return };
        let end = seated.player.wake(Instant::now(), &mut self.scratch);
        seated.queued = self.due.enter(key, seated.player.wakes_at());
        self.dismiss(key, end);
    }

    /// Has the processor fetch what is known of the players whose turn it is: all of it takes little longer than one's.
    fn fetch(&self, touch: impl Fn(&Player) -> usize) {
        let touched = self.helping.iter().filter_map(|&key| self.players.get(key));
        std::hint::black_box(touched.map(|seated| touch(&seated.player)).fold(0, usize::wrapping_add));
    }

    /// Has a player read what came in.
    fn listen(&mut self, key: usize) {
        // Newcomers have no socket here, and others may just have left.
        let Some(seated) = self.players.get_mut(key) else { return };
        let end = seated.player.listen(Instant::now(), &mut self.scratch);
        if let Some(turn) = self.due.earlier(seated.queued, seated.player.wakes_at()) {
            seated.queued = turn;
            self.due.enter_for(key, turn);
        }
        self.dismiss(key, end);
    }

    /// Lets a player go whose stay is over.
    fn dismiss(&mut self, key: usize, end: Option<End>) {
        let Some(end) = end else { return };
        let Seated { player, over, .. } = self.players.remove(key);
        // Nobody waits for the answer where the swarm was ended meanwhile.
        let _ = over.send(player.left(end));
    }
}
