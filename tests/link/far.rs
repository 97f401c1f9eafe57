//! A player far away in a live fight: how long inputs take over ten minutes, whether the own ship is as predicted, and
//! what becomes of snapshots that cannot be read. Only counts and ticks, which no busy machine changes.

use std::collections::VecDeque;
use std::time::Duration;

use bot_client::session::Change;
use bot_client::{Bot, Client, Incoming, Session};
use harness::{Link, Network};
use protocol::message::{Hello, MARGIN_MISSING, Role};
use protocol::{ClientMessage, ServerMessage, Tick};
use server::config::RawPilots;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// 40 ± 10 ms each way; one segment in a hundred stalls for 200 ms, and all behind it.
fn rough() -> Link {
    Link {
        delay: Duration::from_millis(40),
        jitter: Duration::from_millis(10),
        stall: Duration::from_millis(200),
        stall_percent: 1,
        ..Link::default()
    }
}

/// What a client sees while it plays.
struct Far {
    client: Client,
    session: Session,
    bot: Bot,
    /// Inputs that no snapshot has answered.
    pending: VecDeque<(Tick, Instant)>,
    /// Breaks every so many-th snapshot, as a fault on the way would.
    breaks: Option<u32>,
    arrived: u32,
}

/// Counts over a part of the time.
#[derive(Debug, Default)]
struct Seen {
    snapshots: u32,
    skipped: i64,
    missing: u32,
    answered: u32,
    waited: Duration,
}

impl Seen {
    /// Mean time from an input's sending to the first snapshot that has it, ms.
    fn latency(&self) -> f64 {
        self.waited.as_secs_f64() * 1000.0 / f64::from(self.answered.max(1))
    }
}

impl Far {
    async fn join(network: &mut Network, link: Link, hello: Hello) -> Far {
        let mut client = network.open(link, &bot_client::Options::default()).await.expect("a connection");
        let welcome = client.join(hello).await.expect("a seat");
        let session = Session::new(&welcome, Instant::now()).predicting();
        Far { client, session, bot: Bot::new(5), pending: VecDeque::new(), breaks: None, arrived: 0 }
    }

    async fn play(&mut self, time: Duration) -> Seen {
        let (deadline, mut seen) = (Instant::now() + time, Seen::default());
        while Instant::now() < deadline {
            let next = self.session.clock.next_due().min(deadline);
            if let Ok(incoming) = tokio::time::timeout_at(next, self.client.next()).await {
                match incoming.expect("the server keeps to the protocol") {
                    Incoming::Message(message) => self.take(message, &mut seen).await,
                    other => panic!("{other:?}"),
                }
            }
            while let Some(due) = self.session.clock.due(Instant::now()) {
                if self.session.you.is_none() {
                    continue;
                }
                let (controls, view) = self.bot.hold(&self.session);
                let input = self.session.commit(due.tick, controls, view);
                self.client.send(&ClientMessage::Input(input)).await.expect("a connection");
                self.pending.push_back((due.tick, due.scheduled));
            }
        }
        seen
    }

    async fn take(&mut self, mut message: ServerMessage, seen: &mut Seen) {
        if let ServerMessage::Snapshot(snapshot) = &mut message {
            self.arrived += 1;
            if self.breaks.is_some_and(|every| self.arrived.is_multiple_of(every)) {
                snapshot.body.pop();
            }
        }
        let (now, before) = (Instant::now(), self.session.view().tick);
        if self.session.take(&message, now) == Ok(Change::View) {
            let view = self.session.view();
            seen.snapshots += 1;
            seen.skipped += view.tick.since(before) - 1;
            seen.missing += u32::from(view.margin == MARGIN_MISSING);
            while self.pending.front().is_some_and(|&(tick, _)| tick <= view.tick) {
                if let Some((_, sent)) = self.pending.pop_front() {
                    seen.answered += 1;
                    seen.waited += now - sent;
                }
            }
        }
        while let Some(reply) = self.session.reply() {
            self.client.send(&reply).await.expect("a connection");
        }
    }

    #[track_caller]
    fn assert_predicted(&self, at_least: u64) {
        let prediction = self.session.prediction.as_ref().expect("it predicts");
        assert_eq!(prediction.first().map(ToString::to_string), None);
        assert!(prediction.tally().compared >= at_least, "{:?}", prediction.tally());
    }
}

fn fight(seed: u64) -> Network {
    Network::start(seed, |raw| raw.rooms.pilots = RawPilots::Number(16))
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_over_a_rough_link_are_as_good_as_one() {
    let mut network = fight(4);
    let mut far = Far::join(&mut network, rough(), Hello::default()).await;
    far.play(10 * SECOND).await;
    let mut minutes = Vec::new();
    for _ in 0..10 {
        minutes.push(far.play(MINUTE).await);
    }
    let of_all = |count: fn(&Seen) -> u32| minutes.iter().map(count).sum::<u32>();
    let (missing, snapshots) = (of_all(|m| m.missing), of_all(|m| m.snapshots));
    assert!(snapshots > 16_000, "{snapshots} of 18000 snapshots");
    assert!(missing * 100 < snapshots * 6, "{missing} inputs were missing in {snapshots} snapshots");
    let (first, last) = (minutes[0].latency(), minutes[9].latency());
    assert!(last < first + 20.0, "inputs took {first:.1} ms in the first minute and {last:.1} in the tenth");
    assert!(far.pending.len() < 30, "inputs are answered: {} wait", far.pending.len());
    assert_eq!(far.session.resyncs, 0);
    far.assert_predicted(5_000);
    let tally = far.session.tally;
    assert!(tally.shots > 100 && tally.kills + tally.deaths > 0, "it is in the fight: {tally:?}");
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_ship_is_as_predicted_over_snapshots_that_were_skipped() {
    let mut network = fight(12);
    // So much stalls that the server has to hold back a third of the snapshots.
    let wretched = Link { stall_percent: 5, stall: Duration::from_millis(400), ..rough() };
    let mut far = Far::join(&mut network, wretched, Hello::default()).await;
    let seen = far.play(2 * MINUTE).await;
    assert!(seen.skipped > 100, "{seen:?}");
    assert_eq!(far.session.resyncs, 0);
    far.assert_predicted(200);
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn after_a_snapshot_that_cannot_be_read_the_view_is_soon_back() {
    let mut network = fight(13);
    let mut far = Far::join(&mut network, rough(), Hello::default()).await;
    far.breaks = Some(90);
    let seen = far.play(MINUTE).await;
    assert!((12..=20).contains(&far.session.resyncs), "{} of 20 were broken", far.session.resyncs);
    assert!(seen.snapshots > 1400, "each cost a round trip: {seen:?}");
    assert!(far.arrived > 1700, "{} snapshots came", far.arrived);
    far.assert_predicted(300);
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_spectator_far_away_sees_ten_snapshots_a_second() {
    let mut network = fight(14);
    let link = Link { delay: Duration::from_millis(40), ..Link::default() };
    let mut player = Far::join(&mut network, link, Hello::default()).await;
    let hello = Hello { role: Role::Spectator, ..Hello::default() };
    let mut far = Far::join(&mut network, link, hello).await;
    let (seen, _) = tokio::join!(far.play(20 * SECOND), player.play(20 * SECOND));
    assert!(seen.snapshots > 195 && seen.skipped < i64::from(2 * seen.snapshots + 5), "{seen:?}");
    assert!(!far.session.view().ships.is_empty());
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn where_spectators_are_late_they_are_let_in_once_there_is_something_to_see() {
    let mut network = Network::start(15, |raw| raw.rooms.spectator_delay_secs = 3);
    let mut player = network.join(Link::default(), Hello::default()).await.expect("a seat");
    let watch = || Hello { role: Role::Spectator, ..Hello::default() };
    assert!(network.join(Link::default(), watch()).await.is_err(), "nothing has been seen of the room yet");
    player.play(4 * SECOND).await;
    let mut late = network.join(Link::default(), watch()).await.expect("a place to watch from");
    let (now, then) = (player.session.view().tick, late.welcome.tick);
    assert!((88..=94).contains(&now.since(then)), "{now:?} and {then:?}");
    tokio::join!(player.play(20 * SECOND), late.play(20 * SECOND));
    assert_eq!((&late.closed, &player.closed), (&None, &None));
    assert!((195..=205).contains(&late.ticks.len()), "{} snapshots in 20 s", late.ticks.len());
    let behind = player.session.view().tick.since(late.session.view().tick);
    assert!((88..=96).contains(&behind), "{behind} ticks late");
    network.stop().await;
}
