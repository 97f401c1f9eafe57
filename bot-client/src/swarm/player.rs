//! One bot of a swarm: takes a seat, plays, measures, leaves. One task each, which reads and writes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use protocol::message::{Hello, MARGIN_MISSING, Welcome};
use protocol::snapshot::Ledger;
use protocol::{ClientMessage, CloseCode, Controls, ServerMessage, Tick};
use tokio::time::{Instant, sleep_until, timeout};

use super::profile::{DEAF, HEARING, Profile};
use super::whole::Whole;
use super::{JOIN_TIMEOUT, LEAVE_TIMEOUT, Shared, visitor};
use crate::bot::Bot;
use crate::client::{Client, Closed, Error, Incoming, Options};
use crate::clock::Due;
use crate::session::{Change, Session, Tally};

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
/// How often a bot works out what its whole view would weigh.
const WEIGH_EVERY: Duration = Duration::from_secs(1);

/// Plays the `index`-th bot from connecting to the end.
pub(super) async fn play(shared: Arc<Shared>, index: u32) {
    let config = &shared.config;
    let profile = config.profiles.of(index);
    let (client, welcome) = match join(&shared, index).await {
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
    let seed = config.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(u64::from(index));
    let now = Instant::now();
    let mut session = Session::on_map(shared.map(&welcome), &welcome, now).forgetting_names();
    if config.predicts(index) {
        session = session.predicting();
    }
    session.clock = session.clock.ahead(config.ahead_of(index));
    let mut player = Player {
        client,
        session,
        bot: Bot::new(seed).thinking_every(THINK_EVERY),
        profile,
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
        shared: &shared,
    };
    let end = player.run().await;
    player.settle(Instant::now(), end.as_ref().err());
    if end.is_ok() {
        let goodbye = player.client.close(CloseCode::Left.code(), "");
        let _ = timeout(LEAVE_TIMEOUT, goodbye).await;
    }
}

/// Takes a seat, or says why not.
pub(super) async fn join(shared: &Shared, index: u32) -> Result<(Client, Welcome), String> {
    let config = &shared.config;
    let hello = Hello {
        name: format!("bot-{index:04}"),
        hue: (index % 8) as u8,
        room: config.room_of(index),
        ..Hello::default()
    };
    let options = Options { source: config.source_of(index), ..Options::default() };
    let dialled = Instant::now();
    let join = async {
        let mut client = Client::open(&config.url, &options).await?;
        let open = Instant::now();
        let welcome = client.join(hello).await?;
        Ok((client, welcome, open))
    };
    match timeout(JOIN_TIMEOUT, join).await {
        Ok(Ok((client, welcome, open))) => {
            let mut stats = shared.stats();
            stats.handshake.record(open - dialled);
            stats.welcome.record(open.elapsed());
            Ok((client, welcome))
        }
        Ok(Err(error)) => {
            note_protocol_error(shared, &error);
            Err(error.to_string())
        }
        Err(_) => Err(format!("no seat within {} s", JOIN_TIMEOUT.as_secs())),
    }
}

/// A server that says what it must not say is another kind of trouble than one that says goodbye.
fn note_protocol_error(shared: &Shared, error: &Error) {
    let broken = match error {
        Error::Subprotocol { .. }
        | Error::WebSocket(_)
        | Error::Fragment
        | Error::Malformed(_)
        | Error::NotWelcome(_) => true,
        Error::Connect { .. }
        | Error::Request(_)
        | Error::Handshake(_)
        | Error::Refused { .. }
        | Error::Closed(_)
        | Error::Send(_) => false,
    };
    if broken {
        let mut stats = shared.stats();
        stats.protocol_errors += 1;
        stats.first_protocol_error.get_or_insert_with(|| error.to_string());
    }
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

/// Where the counters stood when this bot's window opened.
struct Measuring {
    since: Instant,
    tally: Tally,
    ledger: Ledger,
    traffic: (u64, u64),
    messages: (u64, u64),
}

impl Player<'_> {
    /// Plays until it is time to leave, or until the seat is lost.
    async fn run(&mut self) -> Result<(), Closed> {
        let sleep = sleep_until(self.session.clock.next_due());
        tokio::pin!(sleep);
        while !self.shared.leaving() {
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

    /// The clock leaves out ticks that are over: their inputs were due all the same, one tick apart.
    fn note_omitted(&mut self, due: Due) {
        let Some(newest) = self.committed else { return };
        let omitted = u32::try_from(due.tick.since(newest) - 1).unwrap_or(0).min(MOST_OMITTED);
        for back in (1..=omitted).rev() {
            if let Some(scheduled) = due.scheduled.checked_sub(self.tick * back) {
                self.pending.push_back(Pending { tick: due.tick.minus(back), scheduled, sent: None });
            }
        }
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
            Ok(Change::Bye { code, .. }) => return Err(self.await_close(code).await),
            Ok(Change::Scores | Change::Destroyed { .. } | Change::Other) | Err(_) => {}
        }
        while let Some(reply) = self.session.reply() {
            self.queue(&reply);
        }
        self.flush().await
    }

    fn measure_snapshot(&mut self, now: Instant) {
        let view = self.session.view();
        if view.own.is_some_and(|own| own.hp > 0) {
            self.alive_at = now;
        }
        let answered = self.pending.partition_point(|pending| pending.tick <= view.tick);
        let before = self.last_arrival.replace((now, view.tick));
        let Some(Measuring { since, .. }) = self.measuring else {
            self.pending.drain(..answered);
            return;
        };
        let weigh = now - self.weighed_at >= WEIGH_EVERY;
        let whole = weigh.then(|| self.whole.len(view, self.bot.flying())).flatten();
        if weigh {
            self.weighed_at = now;
        }
        let mut stats = self.shared.stats();
        if let Some(bytes) = whole {
            stats.whole_view_bytes.record_value(bytes as u64);
        }
        for Pending { scheduled, sent, .. } in self.pending.drain(..answered).filter(|p| p.scheduled >= since)
        {
            let latency = now.saturating_duration_since(scheduled);
            stats.latency.record(latency);
            stats.second.0.record(latency);
            if let Some(sent) = sent {
                stats.latency_raw.record(now.saturating_duration_since(sent));
            }
        }
        if let Some((at, tick)) = before.filter(|&(at, _)| at >= since) {
            let ticks = view.tick.since(tick);
            let interval = now - at;
            stats.interval.record(interval);
            stats.second.1.record(interval);
            let due = self.tick * u32::try_from(ticks).unwrap_or(0);
            stats.jitter.record(interval.abs_diff(due));
            stats.instability.record(self.last_interval.replace(interval), interval, self.tick);
            stats.skipped += u64::try_from(ticks - 1).unwrap_or(0);
            stats.long_gaps += u64::from(ticks > 2);
        }
        stats.missing_inputs += u64::from(view.margin == MARGIN_MISSING);
        stats.snapshot_bytes.record_value(self.client.last_len() as u64);
    }

    /// Notes the counters once the swarm measures.
    fn open_window(&mut self, now: Instant) {
        if self.measuring.is_none() && self.profile.is_measured() && self.shared.window.get().is_some() {
            let (tally, ledger) = (self.session.tally, *self.session.ledger());
            let traffic = self.client.traffic();
            let messages = self.messages;
            self.measuring = Some(Measuring { since: now, tally, ledger, traffic, messages });
        }
    }

    /// Adds what this bot measured, and how it ended, to the swarm's figures.
    fn settle(&mut self, now: Instant, lost: Option<&Closed>) {
        let mut stats = self.shared.stats();
        stats.playing -= 1;
        if let Some(closed) = lost {
            *stats.disconnects.entry(closed.code).or_default() += 1;
        }
        if let Some(&opened) = self.shared.window.get() {
            stats.seat_time += now.saturating_duration_since(self.joined.max(opened));
        }
        stats.resyncs += self.session.resyncs;
        if let Some(prediction) = &self.session.prediction {
            let tally = prediction.tally();
            stats.predictions.compared += tally.compared;
            stats.predictions.mispredictions += tally.mispredictions;
            stats.first_misprediction = stats.first_misprediction.or(prediction.first().copied());
        }
        let Some(begin) = &self.measuring else { return };
        add_sections(&mut stats.sections, self.session.ledger(), &begin.ledger);
        stats.bot_time += now - begin.since;
        let (down, up) = self.client.traffic();
        stats.down += down - begin.traffic.0;
        stats.up += up - begin.traffic.1;
        stats.messages_down += self.messages.0 - begin.messages.0;
        stats.messages_up += self.messages.1 - begin.messages.1;
        let (total, tally) = (&mut stats.tally, self.session.tally);
        total.shots += tally.shots - begin.tally.shots;
        total.kills += tally.kills - begin.tally.kills;
        total.deaths += tally.deaths - begin.tally.deaths;
        total.pickups += tally.pickups - begin.tally.pickups;
        for Pending { scheduled, sent, .. } in self.pending.iter().filter(|p| p.scheduled >= begin.since) {
            let age = now.saturating_duration_since(*scheduled);
            if age >= UNANSWERED {
                stats.latency.record(age);
                if let Some(sent) = *sent {
                    stats.latency_raw.record(now.saturating_duration_since(sent));
                }
            }
        }
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

/// Adds what the sections cost between two looks at a ledger.
fn add_sections(sum: &mut Ledger, now: &Ledger, then: &Ledger) {
    sum.own += now.own - then.own;
    sum.updates += now.updates - then.updates;
    sum.enters += now.enters - then.enters;
    sum.pulses += now.pulses - then.pulses;
    sum.pickups += now.pickups - then.pickups;
    sum.events += now.events - then.events;
}
