//! A whole server in virtual time, behind links that delay, stall and fill up.

mod far;

mod codes;
mod crowd;
mod flood;
mod hostile;
mod limits;
mod resume;

use std::time::Duration;

use bot_client::session::Change;
use bot_client::{Client, Incoming};
use harness::{Link, Network};
use protocol::ClientMessage;
use protocol::message::Hello;
use tokio::time::Instant;

fn named(name: &str, room: &str) -> Hello {
    Hello { name: name.into(), room: room.into(), ..Hello::default() }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn two_players_join_play_and_leave() {
    let mut network = Network::start(1, |_| ());
    let mut a = network.join(Link::default(), named("Ada", "one")).await.expect("a seat");
    let mut b = network.join(Link::default(), named("Bob", "one")).await.expect("a seat");
    assert_eq!(a.welcome.room, "ONE");
    assert_ne!(a.welcome.you, b.welcome.you);
    let (bob, limit) = (b.welcome.you.expect("a ship"), 5 * SECOND);
    let mut met = false;
    let told =
        |s: &bot_client::Session| s.roster.get(&bob).is_some_and(|r| r.name == "Bob") && s.board.players == 2;
    let watching = a.play_until(limit, |s, _| {
        met |= told(s);
        false
    });
    tokio::join!(watching, b.play(limit));
    assert!(met, "Ada is told of Bob");
    b.client.close(1000, "").await.expect("a clean close");
    assert!(a.play_until(limit, |s, _| s.board.players == 1).await, "Bob is gone");
    a.assert_undisturbed(limit);
    let summary = network.stop().await;
    assert_eq!((summary.players, summary.missed), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_kill_and_a_respawn_over_the_wire() {
    let mut network = Network::start(2, |raw| raw.rooms.capacity = 8);
    let mut players = Vec::new();
    for n in 0..8 {
        players.push(network.join(Link::default(), named(&format!("P{n}"), "duel")).await.expect("a seat"));
    }
    let tasks: Vec<_> = players
        .into_iter()
        .map(|mut player| {
            tokio::spawn(async move {
                player.play(120 * SECOND).await;
                let deaths = player.session.tally.deaths;
                let back = player.play_until(5 * SECOND, |s, _| s.view().own.is_some_and(|o| o.hp > 0)).await;
                player.assert_undisturbed(120 * SECOND);
                (player.session.tally, deaths, back)
            })
        })
        .collect();
    let (mut kills, mut deaths) = (0, 0);
    for task in tasks {
        let (tally, died, back) = task.await.expect("no panic");
        assert!(back, "every ship is alive, or soon again");
        kills += tally.kills;
        deaths += died;
    }
    assert!(kills > 0 && deaths > 0, "{kills} kills, {deaths} deaths in two minutes");
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn inputs_arrive_in_time_over_a_rough_link() {
    let mut network = Network::start(3, |_| ());
    let rough = Link {
        delay: Duration::from_millis(40),
        jitter: Duration::from_millis(10),
        stall: Duration::from_millis(200),
        stall_percent: 1,
        ..Link::default()
    };
    let mut player = network.join(rough, named("Far", "")).await.expect("a seat");
    player.play(10 * SECOND).await;
    let (mut missing, mut total) = (0, 0);
    player
        .play_until(60 * SECOND, |s, change| {
            if *change == Change::View {
                total += 1;
                missing += u32::from(s.view().margin == protocol::message::MARGIN_MISSING);
            }
            false
        })
        .await;
    assert!(total > 1700, "{total} snapshots in a minute");
    assert!(missing * 100 < total * 6, "{missing} of {total} inputs were missing");
    network.stop().await;
}

/// Reads nothing for a while, then everything for 300 ms; returns how many snapshots came then.
async fn pause_then_read(client: &mut Client, session: &mut bot_client::Session) -> u32 {
    tokio::time::sleep(5 * SECOND).await;
    let mut snapshots = 0;
    let until = Instant::now() + Duration::from_millis(300);
    while let Ok(incoming) = tokio::time::timeout_at(until, client.next()).await {
        if let Incoming::Message(message) = incoming.expect("the server keeps to the protocol")
            && session.take(&message, Instant::now()).expect("a readable snapshot") == Change::View
        {
            snapshots += 1;
            client.send(&ClientMessage::Ack { seq: session.view().seq }).await.expect("sent");
        }
    }
    snapshots
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_skipped_and_current_again_at_once() {
    let mut network = Network::start(4, |raw| raw.rooms.pilots = server::config::RawPilots::Number(16));
    // A link that holds next to nothing, so that back-pressure reaches the server at once.
    let narrow = Link { buffer: 2048, ..Link::default() };
    let mut good = network.join(Link::default(), named("Good", "r")).await.expect("a seat");
    let mut slow = network.join(narrow, named("Slow", "r")).await.expect("a seat");
    let reading = tokio::spawn(async move {
        slow.play(SECOND).await;
        let snapshots = pause_then_read(&mut slow.client, &mut slow.session).await;
        (snapshots, slow.session.view().tick)
    });
    good.play(Duration::from_millis(6300)).await;
    let (snapshots, newest) = reading.await.expect("no panic");
    assert!(snapshots < 30, "five seconds are 150 snapshots, but only a few were under way: {snapshots}");
    let now = *good.ticks.last().expect("snapshots");
    assert!(now.since(newest) <= 3, "300 ms after it reads again it is current: {newest:?} of {now:?}");
    good.assert_undisturbed(5 * SECOND);
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_room_is_reaped_and_can_be_made_again() {
    let mut network = Network::start(5, |raw| {
        raw.rooms.idle_secs = 2;
        raw.rooms.max = 1;
    });
    let mut first = network.join(Link::default(), named("A", "one")).await.expect("a seat");
    let refused = network.join(Link::default(), named("B", "two")).await.err().expect("no second room");
    assert!(refused.to_string().contains("4011"), "{refused}");
    first.client.close(1000, "").await.expect("a clean close");
    tokio::time::sleep(3 * SECOND).await;
    let mut second = network.join(Link::default(), named("B", "two")).await.expect("the first room is gone");
    second.play(SECOND).await;
    second.assert_undisturbed(SECOND);
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_noticed_by_its_silence() {
    let mut network = Network::start(6, |_| ());
    let mut a = network.join(Link::default(), named("A", "r")).await.expect("a seat");
    let b = network.join(Link::default(), named("B", "r")).await.expect("a seat");
    assert!(a.play_until(3 * SECOND, |s, _| s.board.players == 2).await);
    // B's client does nothing any more: it answers no ping and reads nothing.
    assert!(a.play_until(30 * SECOND, |s, _| s.board.players == 1).await, "B is given up");
    drop(b);
    network.stop().await;
}
