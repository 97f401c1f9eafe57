//! Players who behave.

use bot_client::session::Change;
use bot_client::{Client, Incoming, Options};
use harness::{GameServer, Player};
use protocol::codec::Encoding;
use protocol::message::{Hello, Role};
use protocol::snapshot::View;
use protocol::{ClientMessage, ServerMessage};

use super::{SECOND, join, named};

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_come_thirty_times_a_second_and_ping_is_answered() {
    let server = GameServer::start(|_| ()).await;
    let mut player = join(&server, "Ada", "").await;
    player.client.send(&ClientMessage::Ping { t: 77 }).await.expect("sent");
    let mut pong = false;
    let mut client = Client::open(&server.endpoint(), &Options::default()).await.expect("open");
    client.join(Hello::default()).await.expect("a seat");
    client.send(&ClientMessage::Ping { t: 4_000_000_000 }).await.expect("sent");
    while !pong {
        match client.next().await.expect("a message") {
            Incoming::Message(ServerMessage::Pong { t }) => {
                assert_eq!(t, 4_000_000_000);
                pong = true;
            }
            Incoming::Closed(closed) => panic!("{closed}"),
            _ => {}
        }
    }
    player.play(3 * SECOND).await;
    player.assert_served(3 * SECOND);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_do_not_know_of_each_other() {
    let server = GameServer::start(|_| ()).await;
    let mut a = join(&server, "Ada", "alpha").await;
    let mut b = join(&server, "Bob", "beta").await;
    tokio::join!(a.play(3 * SECOND), b.play(3 * SECOND));
    for (player, own) in [(&a, "Ada"), (&b, "Bob")] {
        assert_eq!(player.session.board.players, 1);
        assert!(player.session.roster.values().all(|entry| entry.name == own), "{:?}", player.session.roster);
        player.assert_served(3 * SECOND);
    }
    assert_ne!(a.welcome.obstacles, b.welcome.obstacles, "each room has its own map");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quick_play_fills_the_fullest_room_first() {
    let server = GameServer::start(|raw| raw.rooms.capacity = 2).await;
    let a = join(&server, "A", "").await;
    let b = join(&server, "B", "").await;
    let c = join(&server, "C", "").await;
    assert_eq!(a.welcome.room, b.welcome.room);
    assert_ne!(a.welcome.room, c.welcome.room, "the first room is full");
    let full = Player::join(&server.endpoint(), named("D", &a.welcome.room)).await.err().expect("full");
    assert!(full.to_string().contains("4005"), "{full}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_means_the_same_room_however_it_is_typed() {
    let server = GameServer::start(|_| ()).await;
    let a = join(&server, "A", "Lobby-1").await;
    let b = join(&server, "B", " lobby-1 ").await;
    assert_eq!(a.welcome.room, "LOBBY-1");
    assert_eq!(b.welcome.room, "LOBBY-1");
    let bad = Player::join(&server.endpoint(), named("C", "no spaces!")).await.err().expect("refused");
    assert!(bad.to_string().contains("4009") && bad.to_string().contains("letters"), "{bad}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_client_gets_views_and_moves_its_ship() {
    let server = GameServer::start(|_| ()).await;
    let options = Options { encoding: Encoding::Json, ..Options::default() };
    let mut client = Client::open(&server.endpoint(), &options).await.expect("open");
    let welcome = client.join(named("Script", "json")).await.expect("a seat");
    let mut views: Vec<View> = Vec::new();
    while views.len() < 20 {
        if let Incoming::View(view) = client.next().await.expect("a message") {
            // No tick: the next one. Held for at most eight.
            let text = br#"{"type":"Input","ctl":7,"dir":0}"#;
            client.send_frame(true, bot_client::OpCode::Text, text).await.expect("sent");
            views.push(view);
        }
    }
    let (first, last) = (views[0].own.expect("a ship"), views[19].own.expect("a ship"));
    let side = i32::from(welcome.side) * 256;
    assert!(last.x > first.x || last.x > side - 256 * 20, "it flew east: {} to {}", first.x, last.x);
    let ticks = views[19].tick.since(views[0].tick);
    // A machine with much else to do may have the room skip a snapshot or two.
    assert!((19 * 3..=19 * 3 + 6).contains(&ticks), "every third snapshot, not {ticks} ticks for 19 of them");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_sessions_and_spectators_are_bounded() {
    let server = GameServer::start(|raw| {
        raw.net.max_json = 1;
        raw.rooms.spectators = 1;
    })
    .await;
    let json = Options { encoding: Encoding::Json, ..Options::default() };
    let first = Client::open(&server.endpoint(), &json).await.expect("open");
    let second = Client::open(&server.endpoint(), &json).await.err().expect("refused");
    assert!(second.to_string().contains("503"), "{second}");
    drop(first);
    let watch = || Hello { role: Role::Spectator, ..named("W", "r") };
    let early = Player::join(&server.endpoint(), watch()).await.err().expect("refused");
    assert!(early.to_string().contains("nobody plays"), "whoever watches opens no room: {early}");
    let _player = join(&server, "P", "r").await;
    let watcher = Player::join(&server.endpoint(), watch()).await.expect("a seat");
    assert_eq!(watcher.welcome.you, None);
    let refused = Player::join(&server.endpoint(), watch()).await.err().expect("refused");
    assert!(refused.to_string().contains("4005"), "{refused}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_cleaned_before_anybody_sees_them() {
    let server = GameServer::start(|_| ()).await;
    let mut a = join(&server, "\u{202e}<img onerror=1>\u{0}and a long tail", "n").await;
    let you = a.welcome.you.expect("a ship");
    assert!(a.play_until(3 * SECOND, |s, c| *c == Change::Scores && s.roster.contains_key(&you)).await);
    assert_eq!(a.session.roster[&you].name, "<img onerror=1>a");
    let mut b = join(&server, "", "n").await;
    let you = b.welcome.you.expect("a ship");
    assert!(b.play_until(3 * SECOND, |s, _| s.roster.contains_key(&you)).await);
    assert!(b.session.roster[&you].name.starts_with("Skiff"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn debug_figures_are_sent_where_they_are_asked_for() {
    let server = GameServer::start(|raw| raw.rooms.debug = true).await;
    let mut client = Client::open(&server.endpoint(), &Options::default()).await.expect("open");
    client.join(Hello::default()).await.expect("a seat");
    let debug = async {
        loop {
            if let Incoming::Message(ServerMessage::Debug { tick_us, tick_max_us, .. }) =
                client.next().await.expect("a message")
            {
                return (tick_us, tick_max_us);
            }
        }
    };
    let (mean, max) = tokio::time::timeout(10 * SECOND, debug).await.expect("within ten seconds");
    assert!(mean <= max);
    server.stop().await;
}
