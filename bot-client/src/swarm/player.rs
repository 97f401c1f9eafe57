//! One bot of a swarm: takes a seat, plays, measures, leaves. One task each, which reads and writes.

mod measure;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use protocol::message::Welcome;
use protocol::{ClientMessage, CloseCode, Controls, ServerMessage, Slot, Tick};
use sim::dice::Dice;
use sim::rules;
use tokio::time::{Instant, sleep_until, timeout};

use super::profile::{DEAF, HEARING, Profile, STAY};
use super::seat::{Claim, come_back, comes_back, join, note_protocol_error};
use super::whole::Whole;
use super::{LEAVE_TIMEOUT, Shared, visitor};
use crate::bot::Bot;
use crate::client::{Client, Closed, Error, Incoming};
use crate::session::{Change, Session};
use measure::Measuring;

/// An input this old that no snapshot has answered when the bot ends counts with its age: leaving it out would hide the
/// worst latencies.
const UNANSWERED: Duration = Duration::from_millis(250);
/// How long to look for the server's reason after the stream broke, and for the close after a `Bye`.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// A destroyed ship that is not back by itself after this asks for it, as often as this.
const ASK_FOR_SHIP: Duration = Duration::from_secs(3);
/// Inputs that are counted though they were never sent, at most, for one pause of the swarm: ten seconds' worth.
const MOST_OMITTED: u32 = 300;
/// Ticks between two thoughts of a bot: fifteen a second are more than a player has.
const THINK_EVERY: u32 = 2;
/// Longest that a resumer stays away, ms: much less than the server's grace.
const MOST_AWAY_MS: u32 = 1500;
/// How often a bot works out what its whole view would weigh.
const WEIGH_EVERY: Duration = Duration::from_secs(1);

/// Plays the `index`-th bot from connecting to the end.
pub(super) async fn play(shared: Arc<Shared>, index: u32) {
    let profile = shared.config.profiles.of(index);
    let (client, welcome) = match join(&shared, index, None).await {
        Ok(joined) => joined,
        Err(why) => return failed(&shared, why),
    };
    {
        let mut stats = shared.stats();
        stats.connected += 1;
        stats.playing += 1;
        stats.hz = welcome.hz;
    }
    if matches!(profile, Profile::JoinStorm | Profile::Garbage) {
        return visitor::come_and_go(&shared, index, profile, client).await;
    }
    let mut seat = Some((client, welcome));
    let mut dice = Dice::new(shared.config.seed.wrapping_add(index.into()));
    let mut dropped = None;
    while let Some((client, welcome)) = seat.take() {
        let mut player = Player::new(&shared, index, client, &welcome, dropped.take());
        if profile == Profile::Resumer {
            player.drops_at = Some(Instant::now() + STAY + STAY.mul_f64(f64::from(dice.below(1000)) / 500.0));
        }
        let end = player.run().await;
        player.settle(Instant::now());
        let claim = Claim { token: player.session.resume, room: welcome.room };
        match end {
            End::Leave => {
                let goodbye = player.client.close(CloseCode::Left.code(), "");
                let _ = timeout(LEAVE_TIMEOUT, goodbye).await;
            }
            End::Dropped => {
                let pause = Duration::from_millis(u64::from(dice.below(MOST_AWAY_MS)));
                let (you, score) = (player.session.you, player.session.board.score);
                let before = Dropped { you, score, dials_at: Instant::now() + pause };
                drop(player); // without a word: the line is cut
                shared.stats().resumes.tried += 1;
                seat = resume(&shared, index, &claim, before, pause).await;
                dropped = Some(before);
            }
            End::Lost(closed) if comes_back(&closed) => {
                let wait = player.told_to_wait;
                drop(player);
                seat = reconnect(&shared, index, &claim, &closed, wait).await;
            }
            End::Lost(closed) => lost(&shared, &closed),
        }
    }
}

/// Asks for the seat that was dropped. None if there is none, which is counted.
async fn resume(
    shared: &Shared,
    index: u32,
    claim: &Claim,
    before: Dropped,
    pause: Duration,
) -> Option<(Client, Welcome)> {
    shared.stats().returning += 1;
    let back = come_back(shared, index, claim, pause).await;
    let mut stats = shared.stats();
    stats.returning -= 1;
    match &back {
        // Its score is looked at when the first board comes.
        Some((_, welcome)) if welcome.resumed && welcome.you == before.you => stats.playing += 1,
        Some(_) => {
            stats.playing += 1;
            stats.resumes.lost += 1;
        }
        // At the end of the run there was no time for it.
        None if shared.leaving() => stats.resumes.tried -= 1,
        None => stats.resumes.lost += 1,
    }
    back
}

/// Comes back to a server that stops or that has lost its line. None if it could not, which is a disconnect.
async fn reconnect(
    shared: &Shared,
    index: u32,
    claim: &Claim,
    closed: &Closed,
    wait: Duration,
) -> Option<(Client, Welcome)> {
    let begun = Instant::now();
    {
        let mut stats = shared.stats();
        stats.reconnects.tried += 1;
        stats.returning += 1;
    }
    let back = come_back(shared, index, claim, wait).await;
    {
        let mut stats = shared.stats();
        stats.returning -= 1;
        if back.is_some() {
            stats.playing += 1;
            stats.reconnects.ok += 1;
            stats.reconnect_time.record(begun.elapsed());
        }
    }
    if back.is_none() {
        lost(shared, closed);
    }
    back
}

fn lost(shared: &Shared, closed: &Closed) {
    *shared.stats().disconnects.entry(closed.code).or_default() += 1;
}

fn failed(shared: &Shared, why: String) {
    let mut stats = shared.stats();
    stats.failed += 1;
    stats.first_failure.get_or_insert(why);
}

struct Player<'a> {
    client: Client,
    session: Session,
    bot: Bot,
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
    /// How long that was after the one before.
    last_interval: Option<Duration>,
    /// Messages received and sent.
    messages: (u64, u64),
    alive_at: Instant,
    asked_at: Instant,
    weighed_at: Instant,
    whole: Whole,
    /// What the server's `Bye` asked for.
    told_to_wait: Duration,
    /// When a resumer drops its connection.
    drops_at: Option<Instant>,
    /// What it had before, until a board has told whether it still has it.
    resumed: Option<Dropped>,
    shared: &'a Shared,
}

/// An input on its way.
#[derive(Clone, Copy)]
struct Pending {
    tick: Tick,
    scheduled: Instant,
    /// None: the swarm was so late that it was no longer worth sending. A player would have waited for it all the same.
    sent: Option<Instant>,
}

/// How a stay ends.
enum End {
    /// It is time to leave.
    Leave,
    /// It is time to drop the connection, as resumers do.
    Dropped,
    /// The server, or the line, ended it.
    Lost(Closed),
}

/// What a resumer had.
#[derive(Debug, Clone, Copy)]
struct Dropped {
    you: Option<Slot>,
    score: u32,
    /// When it asks for it again.
    dials_at: Instant,
}

/// The least score that is left of one after a ship was destroyed twice while nobody was there to fly it.
fn least_kept(score: u32) -> u32 {
    (0..2).fold(score, |score, _| score - score / rules::DEATH_LOSS)
}

impl<'a> Player<'a> {
    fn new(
        shared: &'a Shared,
        index: u32,
        client: Client,
        welcome: &Welcome,
        dropped: Option<Dropped>,
    ) -> Player<'a> {
        let config = &shared.config;
        let seed = config.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(u64::from(index));
        let now = Instant::now();
        let mut session = Session::on_map(shared.map(welcome), welcome, now).forgetting_names();
        if config.predicts(index) {
            session = session.predicting();
        }
        session.clock = session.clock.ahead(config.ahead_of(index));
        Player {
            client,
            session,
            bot: Bot::new(seed).thinking_every(THINK_EVERY),
            profile: config.profiles.of(index),
            joined: now,
            tick: Duration::from_secs(1) / u32::from(welcome.hz.max(1)),
            pending: VecDeque::new(),
            committed: None,
            measuring: None,
            last_arrival: None,
            last_interval: None,
            messages: (0, 0),
            alive_at: now,
            asked_at: now,
            weighed_at: now,
            whole: Whole::default(),
            told_to_wait: Duration::ZERO,
            drops_at: None,
            resumed: dropped.filter(|dropped| welcome.resumed && welcome.you == dropped.you),
            shared,
        }
    }
}

impl Player<'_> {
    /// Plays until it is time to leave, or until the seat is lost.
    async fn run(&mut self) -> End {
        match self.stay().await {
            Ok(()) if self.shared.leaving() => End::Leave,
            Ok(()) => End::Dropped,
            Err(closed) => End::Lost(closed),
        }
    }

    async fn stay(&mut self) -> Result<(), Closed> {
        let sleep = sleep_until(self.session.clock.next_due());
        tokio::pin!(sleep);
        while !self.shared.leaving() && self.drops_at.is_none_or(|at| Instant::now() < at) {
            tokio::select! {
                biased;
                () = &mut sleep => self.send_due(Instant::now()).await?,
                // The inputs go on, so that the loop comes by here again when it has had enough.
                incoming = self.client.next(), if !self.is_deaf() => self.take(incoming, Instant::now()).await?,
            }
            let next = self.session.clock.next_due();
            if sleep.deadline() != next {
                sleep.as_mut().reset(next);
            }
        }
        Ok(())
    }

    fn is_deaf(&self) -> bool {
        let cycle = (DEAF + HEARING).as_millis();
        self.profile == Profile::SlowReader && self.joined.elapsed().as_millis() % cycle < DEAF.as_millis()
    }

    async fn send_due(&mut self, now: Instant) -> Result<(), Closed> {
        self.open_window(now);
        let mut lag = None;
        while let Some(due) = self.session.clock.due(now) {
            let (controls, seen) = self.decide();
            let input = self.session.commit(due.tick, controls, seen);
            self.queue(&ClientMessage::Input(input));
            // A clock that jumped back sends some ticks again.
            while self.pending.back().is_some_and(|pending| pending.tick >= due.tick) {
                self.pending.pop_back();
            }
            self.note_omitted(due);
            self.committed = Some(due.tick);
            self.pending.push_back(Pending { tick: due.tick, scheduled: due.scheduled, sent: Some(now) });
            lag = lag.max(Some(now - due.scheduled));
        }
        if self.is_stranded(now) {
            self.asked_at = now;
            self.queue(&ClientMessage::Spawn);
        }
        // Of all profiles: a swarm that is late is late with all of them.
        if let (Some(lag), Some(_)) = (lag, self.shared.window.get()) {
            self.shared.stats().schedule_lag.record(lag);
        }
        self.flush().await
    }

    fn decide(&mut self) -> (Controls, Tick) {
        let view = self.session.view();
        if self.profile == Profile::Idle {
            return (Controls::default(), view.tick); // which takes no thought
        }
        let (controls, seen) = self.bot.hold(&self.session);
        (self.profile.bend(controls, view, self.session.map.side()), seen)
    }

    fn queue(&mut self, message: &ClientMessage) {
        self.client.queue(message);
        self.messages.1 += 1;
    }

    async fn flush(&mut self) -> Result<(), Closed> {
        match self.client.flush().await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.last_words(error).await),
        }
    }

    async fn take(&mut self, incoming: Result<Incoming, Error>, now: Instant) -> Result<(), Closed> {
        let message = match incoming {
            Ok(Incoming::Message(message)) => message,
            Ok(Incoming::View(_) | Incoming::Pong(_)) => return Ok(()),
            Ok(Incoming::Closed(closed)) => return Err(closed),
            Err(error) => {
                note_protocol_error(self.shared, &error);
                return Err(Closed { code: Closed::CUT, reason: error.to_string() });
            }
        };
        self.messages.0 += 1;
        // A snapshot that cannot be read is counted by the session, which asks for another.
        match self.session.take(&message, now) {
            Ok(Change::View) => self.measure_snapshot(now),
            Ok(Change::Bye { code, retry_ms }) => {
                self.told_to_wait = Duration::from_millis(retry_ms.into());
                return Err(self.await_close(code).await);
            }
            Ok(Change::Scores) => self.check_score(),
            Ok(Change::Destroyed { .. } | Change::Other) | Err(_) => {}
        }
        while let Some(reply) = self.session.reply() {
            self.queue(&reply);
        }
        self.flush().await
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

    /// True if the ship should be back and is not: after being parked, a client has to ask.
    fn is_stranded(&self, now: Instant) -> bool {
        now - self.alive_at >= ASK_FOR_SHIP && now - self.asked_at >= ASK_FOR_SHIP
    }

    /// Sending failed: what the server said before it closed is the better reason.
    async fn last_words(&mut self, error: Error) -> Closed {
        let cut = Closed { code: Closed::CUT, reason: error.to_string() };
        self.read_until_closed(cut).await
    }

    /// The server has said `Bye` with `code`; the close frame should say the same.
    async fn await_close(&mut self, code: u16) -> Closed {
        self.read_until_closed(Closed { code, reason: String::new() }).await
    }

    /// Reads on to the end of the connection. `known` stands in where the end says nothing better.
    async fn read_until_closed(&mut self, known: Closed) -> Closed {
        let read = async {
            let mut known = known.clone();
            loop {
                match self.client.next().await {
                    Ok(Incoming::Message(ServerMessage::Bye { code, .. })) => known.code = code,
                    Ok(Incoming::Closed(closed)) if closed.code != Closed::CUT => return closed,
                    Ok(Incoming::Closed(_)) | Err(_) => return known,
                    Ok(_) => {}
                }
            }
        };
        timeout(LAST_WORDS, read).await.unwrap_or(known)
    }
}
