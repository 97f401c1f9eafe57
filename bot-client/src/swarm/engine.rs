//! The engine: one thread that plays thousands of bots, in turns over sockets that never wait. Knows no message and
//! measures nothing; seats are taken elsewhere.
//!
//! A turn is: sleep a little, so that there is something to do for many; then wake those whose inputs are due. Each reads
//! what has come in, as a game does once a frame, decides and sends. The system is not asked which sockets have something:
//! nearly all have, and asking takes it nearly half as long as reading, and the server's sending longer.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use slab::Slab;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Shared;
use super::player::{End, Left, Player};
use super::wheel::Wheel;
use super::whole::Whole;
use super::wire::Inbox;
use crate::bot::Scene;

/// Bots whose memory is fetched together.
const HELPING: usize = 16;
/// Bots that one turn wakes at most, before newcomers are taken in.
const TURN: usize = 256;
/// Longest pause before a turn, and how much of it each bot is worth: hundreds of bots get none that matters.
const LONGEST_NAP: Duration = Duration::from_millis(1);
/// See [`LONGEST_NAP`].
const NAP_PER_BOT: Duration = Duration::from_micros(1);
/// How often an engine with nothing to do looks around.
const IDLE: Duration = Duration::from_millis(100);

/// The engines of a swarm. They end when this is dropped.
pub(super) struct Engines(Vec<Desk>);

/// Where an engine takes players in.
struct Desk {
    /// The engine holds the receiver, and ends when this is dropped.
    newcomers: Option<Sender<Newcomer>>,
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
    /// The system has no thread left.
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
        let (sender, newcomers) = channel();
        let engine = Engine {
            newcomers,
            players: Slab::new(),
            due: Wheel::new(Instant::now()),
            helping: Vec::with_capacity(HELPING),
            scratch: Scratch::default(),
            leaving: false,
            shared,
        };
        let thread = thread::Builder::new().name("bots".into()).spawn(|| engine.run())?;
        Ok(Desk { newcomers: Some(sender), thread: Some(thread) })
    }

    fn take_in(&self, newcomer: Newcomer) {
        if let Some(newcomers) = &self.newcomers {
            // An engine that is gone has dropped its end, and the bot will hear of that.
            let _ = newcomers.send(newcomer);
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.newcomers = None;
        if let Some(thread) = self.thread.take() {
            // Its panic was printed where it happened.
            let _ = thread.join();
        }
    }
}

struct Engine {
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
        let mut pause = IDLE;
        while self.admit(pause) {
            if self.shared.leaving() && !self.leaving {
                self.leave();
            }
            pause = if self.wake_due() { Duration::ZERO } else { self.pause() };
        }
    }

    /// Takes new players in, and waits so long for the first. False once there will never be another.
    fn admit(&mut self, patience: Duration) -> bool {
        let mut next = self.newcomers.recv_timeout(patience);
        loop {
            match next {
                Ok(newcomer) => self.seat(newcomer),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
            next = self.newcomers.recv_timeout(Duration::ZERO);
        }
    }

    fn seat(&mut self, Newcomer { mut player, over }: Newcomer) {
        if self.leaving {
            player.leave(Instant::now());
        }
        let entry = self.players.vacant_entry();
        let queued = self.due.enter(entry.key(), player.wakes_at());
        entry.insert(Seated { player, over, queued });
    }

    /// Tells all players that it is over. What has come in by now counts.
    fn leave(&mut self) {
        self.leaving = true;
        // Telling everybody takes its time; what was due before that was for the swarm to send.
        let begun = Instant::now();
        for (_, Seated { player, .. }) in &self.players {
            if let Some(due) = player.next_input() {
                player.measure_overdue(due, begun);
            }
        }
        let keys: Vec<_> = self.players.iter().map(|(key, _)| key).collect();
        for key in keys {
            let Seated { player, queued, .. } = &mut self.players[key];
            let now = Instant::now();
            let end = player.listen(now, &mut self.scratch);
            if end.is_none() {
                player.leave(now);
            }
            *queued = self.due.enter(key, player.wakes_at());
            self.dismiss(key, end);
        }
    }

    /// How long there is nothing to do for anybody, or for so few that it is better done for more at once.
    fn pause(&self) -> Duration {
        let nap = LONGEST_NAP.min(NAP_PER_BOT * self.players.len() as u32);
        let next = self.due.next().map(|next| next.saturating_duration_since(Instant::now()));
        next.unwrap_or(IDLE).clamp(nap, IDLE)
    }

    /// Wakes those whose time has come, so many as a turn takes. True if there are more.
    fn wake_due(&mut self) -> bool {
        let mut woken = 0;
        while woken < TURN {
            self.helping.clear();
            let turn = self.due.take(Instant::now(), HELPING, &mut self.helping);
            let Some(turn) = turn else { return false };
            self.fetch();
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
    fn fetch(&self) {
        let touched = self.helping.iter().filter_map(|&key| self.players.get(key));
        std::hint::black_box(touched.map(|seated| seated.player.touch()).fold(0, usize::wrapping_add));
    }

    /// Lets a player go whose stay is over.
    fn dismiss(&mut self, key: usize, end: Option<End>) {
        let Some(end) = end else { return };
        let Seated { player, over, .. } = self.players.remove(key);
        // Nobody waits for the answer where the swarm was ended meanwhile.
        let _ = over.send(player.left(end));
    }
}
