//! One bot in its seat: sends inputs when they are due, takes what comes in, and says when its stay is over. Waits for
//! nothing: the engine asks it in, and tells it the time.

mod ending;
mod listen;
mod measure;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use fastwebsockets::OpCode;
use protocol::codec::{self, Encoding};
use protocol::message::Welcome;
use protocol::{ClientMessage, Controls, Slot, Tick};
use tokio::time::Instant;

use super::Shared;
use super::engine::Scratch;
use super::profile::{DEAF, HEARING, Profile};
use super::wire::Wire;
use crate::bot::{Bot, Scene};
use crate::client::{Client, Closed};
use crate::session::Session;
use ending::Ending;
pub(super) use ending::{End, Gap, Left};
use measure::Measuring;

/// A destroyed ship that is not back by itself after this asks for it, as often as this.
const ASK_FOR_SHIP: Duration = Duration::from_secs(3);
/// Ticks between two thoughts of a bot: seven a second are as many decisions as a player makes.
const THINK_EVERY: u32 = 4;
/// How soon to look again at a socket that takes no more.
const STUCK: Duration = Duration::from_millis(5);

/// A bot that has a seat.
pub(super) struct Player {
    wire: Wire,
    session: Session,
    bot: Bot,
    /// What it holds, and the tick of the view that it was decided on.
    held: (Controls, Tick),
    profile: Profile,
    joined: Instant,
    /// Length of a tick.
    tick: Duration,
    /// Inputs that no snapshot has answered; ascending ticks.
    pending: VecDeque<Pending>,
    /// The newest tick that an input was sent for.
    committed: Option<Tick>,
    measuring: Option<Measuring>,
    /// When the last snapshot came, and its tick.
    last_arrival: Option<(Instant, Tick)>,
    /// True if the kernel told when that was, or never does.
    knows_arrival: bool,
    /// How long that was after the one before.
    last_interval: Option<Duration>,
    /// Messages received and sent.
    messages: (u64, u64),
    alive_at: Instant,
    asked_at: Instant,
    /// When it last worked out what its whole view would weigh, if it does.
    weighed_at: Option<Instant>,
    /// No input before this: the socket was full.
    stuck_until: Instant,
    /// When that which it reads arrived.
    arrived: Instant,
    /// The same of it as [`Player::knows_arrival`] of the last snapshot.
    stamped: bool,
    /// When it last looked for what came in.
    looked_at: Instant,
    /// When it last looked whether inputs are due.
    woke_at: Instant,
    /// When it looks again, if that is not with its next input.
    looks_at: Option<Instant>,
    /// What the server's `Bye` asked for.
    told_to_wait: Duration,
    /// When a resumer drops its connection.
    drops_at: Option<Instant>,
    /// Since when it misses snapshots, once the seat is lost.
    left_at: Option<Instant>,
    /// What it had before, until a board has told whether it still has it.
    resumed: Option<Dropped>,
    /// The stay is over, but not the connection.
    ending: Option<Ending>,
    shared: Arc<Shared>,
}

/// An input on its way.
#[derive(Clone, Copy)]
struct Pending {
    tick: Tick,
    scheduled: Instant,
    /// None: the swarm was so late that it was no longer worth sending. A player would have waited for it all the same.
    sent: Option<Instant>,
}

/// What a resumer had.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dropped {
    pub(super) you: Option<Slot>,
    pub(super) score: u32,
    /// When it asks for it again.
    pub(super) dials_at: Instant,
}

impl Player {
    /// The `index`-th bot, in the seat of `welcome`.
    ///
    /// # Errors
    /// The system does not give `client`'s socket away.
    pub(super) fn new(
        shared: &Arc<Shared>,
        index: u32,
        client: Client,
        welcome: &Welcome,
        dropped: Option<Dropped>,
    ) -> io::Result<Player> {
        let config = &shared.config;
        let seed = config.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(u64::from(index));
        let now = Instant::now();
        let mut session = Session::on_map(shared.map(welcome), welcome, now).forgetting_names();
        if config.predicts(index) {
            session = session.predicting();
        }
        session.clock = session.clock.ahead(config.ahead_of(index));
        Ok(Player {
            wire: Wire::new(client)?,
            session,
            bot: Bot::new(seed).thinking_every(THINK_EVERY),
            held: (Controls::default(), welcome.tick),
            profile: config.profiles.of(index),
            joined: now,
            tick: Duration::from_secs(1) / u32::from(welcome.hz.max(1)),
            pending: VecDeque::new(),
            committed: None,
            measuring: None,
            last_arrival: None,
            knows_arrival: false,
            stamped: false,
            last_interval: None,
            messages: (0, 0),
            alive_at: now,
            asked_at: now,
            weighed_at: config.weighs(index).then_some(now),
            stuck_until: now,
            arrived: now,
            looked_at: now,
            woke_at: now,
            looks_at: None,
            told_to_wait: Duration::ZERO,
            drops_at: None,
            left_at: None,
            resumed: dropped.filter(|dropped| welcome.resumed && welcome.you == dropped.you),
            ending: None,
            shared: Arc::clone(shared),
        })
    }

    /// The same, which drops its connection without a word at `at`.
    pub(super) fn dropping_at(mut self, at: Instant) -> Player {
        self.drops_at = Some(at);
        self
    }

    /// Reads a little of each part that waking needs, so that the processor has it when it does. What it returns means
    /// nothing.
    pub(super) fn touch(&self) -> usize {
        let fields = [
            self.measuring.is_some(),
            self.last_arrival.is_some(),
            self.last_interval.is_some(),
            self.ending.is_some(),
            self.drops_at.is_some(),
            self.committed.is_some(),
            self.looks_at.is_some(),
            self.stuck_until > self.joined,
            self.weighed_at.is_some(),
            self.asked_at > self.alive_at,
            self.messages.0 == 0,
        ];
        let (oldest, newest) = (self.pending.front(), self.pending.back());
        let pending = oldest.into_iter().chain(newest).fold(0, |all, pending| all ^ pending.tick.0 as usize);
        let view = self.session.touch() ^ self.bot.touch(&self.session) ^ self.session.clock.touch_due();
        fields.iter().filter(|&&set| set).count() ^ pending ^ view ^ self.wire.touch()
    }

    /// When to call [`Player::wake`] next.
    pub(super) fn wakes_at(&self) -> Instant {
        let acts_at = match &self.ending {
            Some(ending) => ending.until,
            None => self.session.clock.next_due().max(self.stuck_until),
        };
        self.looks_at.map_or(acts_at, |at| at.min(acts_at))
    }

    /// When its next input is due, if there is to be one.
    pub(super) fn next_input(&self) -> Option<Instant> {
        self.ending.is_none().then(|| self.session.clock.next_due())
    }

    /// Reads what came in, and does what is due. Some once the stay is over.
    pub(super) fn wake(&mut self, now: Instant, scratch: &mut Scratch) -> Option<End> {
        let due = self.next_input();
        let end = self.listen(now, scratch);
        if let Some(due) = due.filter(|_| end.is_some() || self.ending.is_some()) {
            // It will not be sent any more, and that the swarm was late may be what the seat was lost for.
            self.measure_overdue(due, now);
        }
        if end.is_some() {
            return end;
        }
        if let Some(ending) = &self.ending {
            return (now >= ending.until).then(|| ending.end.clone());
        }
        if self.drops_at.is_some_and(|at| now >= at) {
            return self.over(End::Dropped, now);
        }
        self.open_window(now);
        self.weigh(now, &mut scratch.whole);
        match self.send_due(now, &mut scratch.outgoing) {
            Ok(()) => None,
            // What the server said before it closed is the better reason.
            Err(error) => {
                self.await_close(Closed { code: Closed::CUT, reason: error.to_string() }, now);
                self.listen(now, scratch)
            }
        }
    }

    fn is_deaf(&self, now: Instant) -> bool {
        let cycle = (DEAF + HEARING).as_millis();
        let into = (now - self.joined).as_millis() % cycle;
        self.profile == Profile::SlowReader && self.ending.is_none() && into < DEAF.as_millis()
    }

    fn send_due(&mut self, now: Instant, outgoing: &mut Vec<u8>) -> io::Result<()> {
        if self.wire.has_waiting() {
            self.wire.flush()?;
            if self.wire.has_waiting() {
                // The server reads nothing, and what that makes late is no fault of the swarm's.
                self.measure_overdue(self.session.clock.next_due().max(self.stuck_until), now);
                self.woke_at = now;
                self.stuck_until = now + STUCK;
                return Ok(());
            }
        }
        outgoing.clear();
        let woke_at = std::mem::replace(&mut self.woke_at, now);
        while let Some(due) = self.session.clock.due(now) {
            let (controls, seen) = self.held;
            let input = self.session.commit(due.tick, controls, seen);
            self.say(&ClientMessage::Input(input), outgoing);
            // A clock that jumped back sends some ticks again.
            while self.pending.back().is_some_and(|pending| pending.tick >= due.tick) {
                self.pending.pop_back();
            }
            let omitted = self.note_omitted(due);
            self.committed = Some(due.tick);
            self.pending.push_back(Pending { tick: due.tick, scheduled: due.scheduled, sent: Some(now) });
            self.measure_lag(omitted, woke_at, now);
        }
        if self.is_stranded(now) {
            self.asked_at = now;
            self.say(&ClientMessage::Spawn, outgoing);
        }
        if outgoing.is_empty() { Ok(()) } else { self.wire.send(outgoing) }
    }

    /// Looks at the new view, and decides what to hold.
    fn look(&mut self, scene: &mut Scene) {
        let view = self.session.view();
        self.held = match self.profile {
            Profile::Idle => (Controls::default(), view.tick), // which takes no thought
            profile => {
                let (controls, seen) = self.bot.hold_in(scene, &self.session);
                (profile.bend(controls, view, self.session.map.side()), seen)
            }
        };
    }

    fn say(&mut self, message: &ClientMessage, outgoing: &mut Vec<u8>) {
        self.messages.1 += 1;
        let write = |out: &mut Vec<u8>| codec::encode_client(Encoding::Bincode, message, out);
        self.wire.frame(outgoing, OpCode::Binary, write);
    }

    /// True if the ship should be back and is not: after being parked, a client has to ask.
    fn is_stranded(&self, now: Instant) -> bool {
        now - self.alive_at >= ASK_FOR_SHIP && now - self.asked_at >= ASK_FOR_SHIP
    }
}
